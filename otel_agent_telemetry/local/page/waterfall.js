// Spans as rows and bars. Only the rows in view exist, so that ten thousand scroll as ten do.

import { axis } from "./axis.js";
import { branches } from "./branches.js";
import { el, replace } from "./dom.js";
import { hues, legend } from "./hues.js";
import { minimap } from "./minimap.js";
import { haystack, spanRow } from "./row.js";
import { makeScale } from "./scale.js";

const SPARE = 12;
const AXIS = 26;
const STEP = 1.6;
const PAN = 0.25;
const narrow = matchMedia("(max-width: 760px)");
const rowHeight = () => (narrow.matches ? 44 : 26);

export const TOGGLES = { gaps: true, path: true, errors: false };

export function waterfall({ onSelect, onState }) {
  const canvas = el("div", { class: "rows" });
  const head = axis();
  const box = el("div", { class: "waterfall", role: "tree", tabindex: "0", "aria-label": "Spans" }, head.grid, head.node, canvas);
  const map = minimap((from, to) => (from === null ? zoomAll() : windowed(() => scale.show(from, to))));
  const keyed = el("div", { class: "legend-box" });
  const tree = branches();
  const pool = new Map();
  const state = { ...TOGGLES, colour: "kind" };
  let spans = [];
  let byId = new Map();
  let sections = new Map();
  let colours = hues([], "kind");
  let scale = makeScale([], false);
  let visible = [];
  let matching = null;
  let selected = null;
  let waiting = false;
  let isFolded = false;

  function set({ spans: given, critical_path: path, folded }) {
    const anchor = topRow();
    spans = given;
    isFolded = folded > 0;
    byId = new Map(spans.map((span, index) => [span.span_id, index]));
    sections = grouped(path);
    tree.set(spans);
    rescale();
    layOut(anchor);
  }

  function rescale() {
    const seen = scale.window();
    scale = makeScale(spans, state.gaps);
    if (!seen.isWhole) scale.show(seen.from, seen.to);
    colours = hues(spans, state.colour);
    replace(keyed, legend(colours.counts));
  }

  function layOut(anchor = topRow()) {
    visible = tree.rows(state.errors ? (span) => span.status === "error" : null);
    canvas.style.height = `${visible.length * rowHeight()}px`;
    if (anchor) scrollBack(anchor);
    redraw();
    map.draw(scale, spans, colours.of);
  }

  // The row at the top and how far it is scrolled, so that what is read stays where it is when rows come above it.
  function topRow() {
    const place = Math.floor(box.scrollTop / rowHeight());
    const span = spans[visible[place]];
    return span && box.scrollTop > 0 ? { id: span.span_id, offset: box.scrollTop - place * rowHeight() } : null;
  }

  function scrollBack({ id, offset }) {
    const place = visible.indexOf(byId.get(id));
    if (place >= 0) box.scrollTop = place * rowHeight() + offset;
  }

  function redraw() {
    for (const node of pool.values()) node.remove();
    pool.clear();
    draw();
    head.draw(scale, Math.max(0, box.clientHeight - AXIS));
  }

  function draw() {
    waiting = false;
    const first = Math.max(0, Math.floor(box.scrollTop / rowHeight()) - SPARE);
    const last = Math.min(visible.length, Math.ceil((box.scrollTop + box.clientHeight) / rowHeight()) + SPARE);
    for (const [place, node] of pool) {
      if (place < first || place >= last) {
        node.remove();
        pool.delete(place);
      }
    }
    const added = document.createDocumentFragment();
    for (let place = first; place < last; place++) {
      if (!pool.has(place)) {
        const node = row(visible[place], place);
        pool.set(place, node);
        added.append(node);
      }
    }
    canvas.append(added);
  }

  function row(index, place) {
    const span = spans[index];
    const node = spanRow(span, {
      scale, place, rows: visible.length, hue: colours.of(span), sections: (state.path && sections.get(span.span_id)) || [],
      speaker: span.repeats && spans[byId.get(span.repeats)], isOrphan: Boolean(span.parent_span_id) && span.depth === 0 && !isFolded,
      hasChildren: tree.below(index) > 0, isClosed: tree.isClosed(span.span_id), below: tree.below(index),
      isDim: Boolean(matching) && !matching.has(span.span_id), isSelected: span.span_id === selected,
      onToggle: (each) => toggle(each.span_id), onOpen: (id) => select(id),
    });
    node.style.top = `${place * rowHeight()}px`;
    return node;
  }

  function select(id, { quietly = false } = {}) {
    selected = id;
    for (const node of pool.values()) node.setAttribute("aria-selected", String(node.id === `span-${id}`));
    if (id) box.setAttribute("aria-activedescendant", `span-${id}`);
    if (!quietly) onSelect(id);
  }

  function reveal(id) {
    if (!visible.includes(byId.get(id))) {
      tree.openTo(id);
      layOut();
    }
    const place = visible.indexOf(byId.get(id));
    if (place < 0) return;
    if (narrow.matches) box.scrollIntoView({ block: "start" });
    const [top, height] = [place * rowHeight(), box.clientHeight - AXIS];
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight() > box.scrollTop + height) box.scrollTop = top + rowHeight() - height;
    draw();
  }

  function toggle(id, isClosed) {
    tree.toggle(id, isClosed);
    layOut();
  }

  function toggleAll(isClosed) {
    tree.all(isClosed);
    layOut();
  }

  function windowed(change) {
    change();
    redraw();
    map.mark(scale);
    onState();
  }

  function zoomAll() {
    windowed(() => scale.show(0, scale.end));
  }

  function change(name, value) {
    apply({ [name]: value });
    onState();
  }

  function apply(wanted, seen) {
    Object.assign(state, wanted);
    rescale();
    if (seen) scale.show(seen.from, seen.to ?? scale.end);
    layOut();
  }

  function key(event) {
    const place = visible.indexOf(byId.get(selected));
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const command = COMMANDS[event.shiftKey ? `Shift+${event.key}` : event.key] || COMMANDS[event.key];
    if (step) move(place, step);
    else if (event.shiftKey && event.key.startsWith("Arrow")) command?.();
    else if (["ArrowLeft", "ArrowRight"].includes(event.key) && place >= 0) sideways(place, event.key === "ArrowLeft");
    else if (command) command();
    else return false;
    return true;
  }

  const COMMANDS = {
    "+": () => windowed(() => scale.zoom(1 / STEP)), "=": () => windowed(() => scale.zoom(1 / STEP)),
    "-": () => windowed(() => scale.zoom(STEP)), 0: zoomAll,
    "Shift+ArrowLeft": () => windowed(() => scale.pan(-PAN)), "Shift+ArrowRight": () => windowed(() => scale.pan(PAN)),
    "[": () => toggleAll(true), "]": () => toggleAll(false),
    f: () => change("gaps", !state.gaps), p: () => change("path", !state.path), e: () => change("errors", !state.errors),
    c: () => change("colour", state.colour === "kind" ? "service" : "kind"),
  };

  function move(place, step) {
    const next = spans[visible[Math.max(0, Math.min(visible.length - 1, place + step))]];
    if (!next) return;
    select(next.span_id);
    reveal(next.span_id);
  }

  // Left closes a branch, or goes to the span above where there is none to close; right opens one.
  function sideways(place, isLeft) {
    const index = visible[place];
    const isOpen = tree.below(index) > 0 && !tree.isClosed(spans[index].span_id);
    if (isLeft && !isOpen) {
      const above = visible.slice(0, place).findLast((each) => spans[each].depth < spans[index].depth);
      if (above !== undefined) move(visible.indexOf(above), 0);
    } else toggle(spans[index].span_id, isLeft);
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
  box.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const lane = head.lane.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (event.clientX - lane.left) / lane.width));
    windowed(() => scale.zoom(event.deltaY < 0 ? 1 / STEP : STEP, share));
  }, { passive: false });
  new ResizeObserver(redraw).observe(box);
  narrow.addEventListener("change", () => layOut());
  return {
    box, map: map.node, legend: keyed, set, select, reveal, key, search, toggleAll, change, apply, command: (name) => COMMANDS[name](),
    state: () => ({ ...state, window: scale.window() }),
  };
}

function grouped(path) {
  const found = new Map();
  for (const section of path) {
    if (!found.has(section.span_id)) found.set(section.span_id, []);
    found.get(section.span_id).push(section);
  }
  return found;
}
