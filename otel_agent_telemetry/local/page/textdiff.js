// Two texts in one: what went is struck out, what came is underlined.

import { el } from "./dom.js";

const TAGS = { removed: "del", added: "ins" };

export function textDiff(pieces) {
  return el("pre", { class: "text-diff", tabindex: "0", "aria-label": "Differences of the text" }, pieces.map(({ change, text }) => (TAGS[change] ? el(TAGS[change], {}, text) : shortened(text))));
}

// Of much that is the same, its ends.
function shortened(text) {
  const lines = text.split("\n");
  if (lines.length <= 8) return text;
  return [lines.slice(0, 3).join("\n"), el("span", { class: "quiet" }, `\n… ${lines.length - 6} lines are the same …\n`), lines.slice(-3).join("\n")];
}
