// Markdown that the server took apart, as nodes; what is not on the list is text.

import { el } from "./dom.js";

const TAGS = new Set("p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong s hr br a table thead tbody tr th td".split(" "));
const LINK = /^(https?:\/\/|mailto:)/i;
const HEADING = /^h([1-6])$/;

export function markdownNodes(elements) {
  return elements.map((each) => (typeof each === "string" ? each : node(each)));
}

function node({ tag, of, href, start, lang }) {
  const inside = markdownNodes(of);
  if (!TAGS.has(tag)) return inside;
  if (tag === "a") return LINK.test(href) ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }, inside) : inside;
  if (tag === "pre") return el("pre", { tabindex: "0", "aria-label": lang ? `code, ${lang}` : "code" }, el("code", {}, inside));
  const heading = HEADING.exec(tag);
  if (heading) return el("p", { class: "heading", role: "heading", "aria-level": String(Math.min(6, Number(heading[1]) + 2)) }, inside);
  return el(tag, { start: start === undefined ? null : start }, inside);
}
