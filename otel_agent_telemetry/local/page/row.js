// One span as a row of the timeline: its name and what it is about, its bar, how long it took.

import { el } from "./dom.js";
import { amount, dollars, duration } from "./format.js";
import { chip } from "./hues.js";

export function spanRow(span, { hue, scale, sections, speaker, isOrphan, hasChildren, isClosed, below, onToggle, onOpen, ...more }) {
  const twig = el("span", { class: "twig", onclick: (event) => { event.stopPropagation(); onToggle(span); } }, hasChildren ? (isClosed ? "▸" : "▾") : "");
  const said = about(span, { speaker, isOrphan });
  const name = el("span", { class: "name" }, twig, chip(hue), span.status === "error" && el("span", { class: "failed" }), span.name,
    isClosed && el("span", { class: "about" }, `+${below}`), el("span", { class: "about" }, said));
  name.style.paddingLeft = `${Math.min(span.depth, 40) * 14}px`;
  const took = span.unfinished ? "running" : duration(span.duration_ms);
  return el("div", {
    class: ["span", `hue-${hue.hue}`, span.repeats || !span.counted ? "repeats" : "", more.isDim ? "dim" : "", sections.length ? "critical" : ""].filter(Boolean).join(" "),
    role: "treeitem", id: `span-${span.span_id}`, "aria-level": span.depth + 1, "aria-posinset": more.place + 1, "aria-setsize": more.rows,
    "aria-selected": String(more.isSelected), "aria-expanded": hasChildren ? String(!isClosed) : null,
    "aria-label": [span.kind, span.name, said, span.status, took, sections.length && "on the critical path"].filter(Boolean).join(", "),
    onclick: () => onOpen(span.span_id),
  }, name, el("span", { class: "lane" }, bar(span, scale), sections.map((section) => stretch(section, scale))), el("span", { class: `number ${span.status}` }, took));
}

function bar(span, scale) {
  const end = span.unfinished ? scale.end : span.offset_ms + span.duration_ms;
  const classes = ["bar", span.status === "error" && "error", span.unfinished && "unfinished"].filter(Boolean).join(" ");
  return between(el("span", { class: classes }), span.offset_ms, end, scale);
}

function stretch(section, scale) {
  return between(el("span", { class: "stretch" }), section.offset_ms, section.offset_ms + section.duration_ms, scale);
}

// Places outside of the window are cut, as widths of a million percent are drawn wrongly.
function between(node, from, to, scale) {
  const left = Math.min(1.01, Math.max(-0.01, scale.fraction(from)));
  const right = Math.min(1.01, Math.max(-0.01, scale.fraction(to)));
  node.style.left = `${100 * left}%`;
  node.style.width = `${100 * (right - left)}%`;
  if (right < 0 || left > 1) node.hidden = true;
  return node;
}

function about(span, { speaker, isOrphan }) {
  const tokens = span.input_tokens === null && span.output_tokens === null ? "" : `${amount(span.input_tokens)}→${amount(span.output_tokens)}`;
  const what = span.label && !span.name.includes(span.label) ? span.label : "";
  const repeats = speaker ? `repeats ${speaker.name}` : span.counted ? "" : "repeats another";
  return [what, tokens, dollars(span.cost_usd, span.cost_is_estimate), span.error_type, repeats, isOrphan && "its parent has not arrived"].filter(Boolean).join(" · ");
}

export function haystack(span) {
  return `${span.name} ${span.kind} ${span.label} ${span.model} ${span.tool} ${span.agent} ${span.service} ${span.status} ${span.error_type} ${span.span_id}`.toLowerCase();
}
