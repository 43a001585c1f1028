// Spans as rows and bars. Only the rows in view exist, so that ten thousand scroll as ten do.

import { el } from "./dom.js";
import { amount, dollars, duration } from "./format.js";

const ROW = 26;
const SPARE = 12;

export function waterfall(onSelect) {
  const canvas = el("div");
  const box = el("div", { class: "waterfall", role: "tree", tabindex: "0", "aria-label": "Spans" }, canvas);
  const pool = new Map();
  const closed = new Set();
  let spans = [];
  let visible = [];
  let matching = null;
  let selected = null;
  let length = 1;
  let waiting = false;

  function set(given) {
    spans = given;
    length = Math.max(1e-6, ...ends(given));
    layOut();
  }

  function layOut() {
    visible = [];
    let hiddenBelow = Infinity;
    for (const [index, span] of spans.entries()) {
      if (span.depth > hiddenBelow) continue;
      hiddenBelow = closed.has(span.span_id) ? span.depth : Infinity;
      visible.push(index);
    }
    canvas.style.height = `${visible.length * ROW}px`;
    for (const node of pool.values()) node.remove();
    pool.clear();
    draw();
  }

  function draw() {
    waiting = false;
    const first = Math.max(0, Math.floor(box.scrollTop / ROW) - SPARE);
    const last = Math.min(visible.length, Math.ceil((box.scrollTop + box.clientHeight) / ROW) + SPARE);
    for (const [place, node] of pool) {
      if (place < first || place >= last) {
        node.remove();
        pool.delete(place);
      }
    }
    const added = document.createDocumentFragment();
    for (let place = first; place < last; place++) {
      if (!pool.has(place)) {
        const node = row(spans[visible[place]], place);
        pool.set(place, node);
        added.append(node);
      }
    }
    canvas.append(added);
  }

  function row(span, place) {
    const index = visible[place];
    const hasChildren = spans[index + 1]?.depth > span.depth;
    const name = el("span", { class: "name" },
      el("span", { class: "twig", onclick: (event) => { event.stopPropagation(); toggle(span); } }, hasChildren ? (closed.has(span.span_id) ? "▸" : "▾") : ""),
      el("span", { class: "dot" }), span.name, el("span", { class: "about" }, about(span)));
    name.style.paddingLeft = `${Math.min(span.depth, 40) * 14}px`;
    const bar = el("span", { class: span.status === "error" ? "bar error" : "bar" });
    bar.style.left = `${(100 * Math.max(0, span.offset_ms)) / length}%`;
    bar.style.width = `${(100 * span.duration_ms) / length}%`;
    const node = el("div", {
      class: `span ${span.kind || ""}${matching && !matching.has(span.span_id) ? " dim" : ""}`, role: "treeitem", id: `span-${span.span_id}`,
      "aria-level": span.depth + 1, "aria-posinset": place + 1, "aria-setsize": visible.length,
      "aria-selected": String(span.span_id === selected), "aria-expanded": hasChildren ? String(!closed.has(span.span_id)) : null,
      "aria-label": label(span), onclick: () => select(span.span_id),
    }, name, el("span", { class: "lane" }, bar), el("span", { class: `number ${span.status}` }, duration(span.duration_ms)));
    node.style.top = `${place * ROW}px`;
    return node;
  }

  function select(id, { quietly = false } = {}) {
    selected = id;
    for (const node of pool.values()) node.setAttribute("aria-selected", String(node.id === `span-${id}`));
    if (id) box.setAttribute("aria-activedescendant", `span-${id}`);
    if (!quietly) onSelect(id);
  }

  function reveal(id) {
    const place = visible.findIndex((index) => spans[index].span_id === id);
    if (place < 0) return;
    const top = place * ROW;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
    draw();
  }

  function toggle(span, wanted) {
    const isClosed = wanted ?? !closed.has(span.span_id);
    if (isClosed) closed.add(span.span_id);
    else closed.delete(span.span_id);
    layOut();
  }

  function key(event) {
    const place = visible.findIndex((index) => spans[index].span_id === selected);
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = spans[visible[Math.max(0, Math.min(visible.length - 1, place + step))]];
      if (next) {
        select(next.span_id);
        reveal(next.span_id);
      }
      return true;
    }
    if (place < 0 || !["ArrowLeft", "ArrowRight"].includes(event.key)) return false;
    toggle(spans[visible[place]], event.key === "ArrowLeft");
    return true;
  }

  // Spans that match among the rows' own words, or whose ids are in `inside`; all of them for an empty text.
  function search(text, inside = []) {
    const lowered = text.trim().toLowerCase();
    const ids = new Set(inside);
    const matches = (span) => ids.has(span.span_id) || haystack(span).includes(lowered);
    matching = lowered ? new Set(spans.filter(matches).map((span) => span.span_id)) : null;
    layOut();
    const first = matching && spans.find((span) => matching.has(span.span_id));
    if (first) reveal(first.span_id);
    return matching ? matching.size : null;
  }

  box.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }, { passive: true });
  new ResizeObserver(() => draw()).observe(box);
  return { box, set, select, reveal, key, search };
}

function* ends(spans) {
  let most = 0;
  for (const span of spans) most = Math.max(most, span.offset_ms + span.duration_ms);
  yield most;
}

function about(span) {
  const tokens = span.input_tokens === null ? "" : `${amount(span.input_tokens)}→${amount(span.output_tokens)}`;
  const what = span.label && !span.name.includes(span.label) ? span.label : "";
  return [what, tokens, dollars(span.cost_usd, span.cost_is_estimate), span.error_type, span.counted ? "" : "repeats another"].filter(Boolean).join(" · ");
}

function label(span) {
  return [span.kind, span.name, about(span), span.status, duration(span.duration_ms)].filter(Boolean).join(", ");
}

function haystack(span) {
  return `${span.name} ${span.kind} ${span.label} ${span.model} ${span.tool} ${span.agent} ${span.service} ${span.status} ${span.error_type} ${span.span_id}`.toLowerCase();
}
