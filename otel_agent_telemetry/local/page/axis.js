// The time axis above the bars: ticks at round times, a line below each, a mark where idle time is folded.

import { el, replace } from "./dom.js";
import { duration } from "./format.js";

const APART_PX = 84;
const LABEL_PX = 56;
const FOLD_PX = 84;
const STEPS_MS = [1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5];

export function axis() {
  const lane = el("div", { class: "axis-lane" });
  const lines = el("div", { class: "axis-lane" });
  const grid = el("div", { class: "axis grid", "aria-hidden": "true" }, el("span"), lines, el("span"));
  const node = el("div", { class: "axis", "aria-hidden": "true" }, el("span", { class: "quiet" }, "Span"), lane, el("span", { class: "number quiet" }, "Took"));

  function draw(scale, height) {
    const width = lane.clientWidth || 400;
    const marks = folds(scale, width);
    const labels = ticks(scale, width).filter((tick) => !marks.some((mark) => Math.abs(mark.middle - tick.share) * width < LABEL_PX));
    replace(lane, labels.map((tick) => placed(el("span", { class: "tick" }, tick.label), tick.share)),
      marks.map((mark) => placed(el("b", { class: "fold-words" }, mark.words), inside(mark.middle, width))));
    replace(lines, labels.map((tick) => placed(el("span", { class: "line" }), tick.share, tick.share, height)),
      marks.map((mark) => placed(el("span", { class: "fold" }), mark.from, mark.to, height)));
  }
  return { node, grid, lane, draw };
}

function inside(share, width) {
  const margin = Math.min(0.5, FOLD_PX / 2 / width);
  return Math.min(1 - margin, Math.max(margin, share));
}

function placed(node, from, to, height) {
  node.style.left = `${100 * from}%`;
  if (height === undefined) return node;
  node.style.width = `${100 * (to - from)}%`;
  node.style.height = `${height}px`;
  return node;
}

// Folds in view; where two are close, the longer one has words.
function folds(scale, width) {
  const told = [];
  const found = [];
  for (const gap of [...scale.gaps].sort((a, b) => b.to - b.from - (a.to - a.from))) {
    const from = Math.max(0, scale.fraction(gap.from));
    const to = Math.min(1, scale.fraction(gap.to));
    if (to <= 0 || from >= 1) continue;
    const middle = (from + to) / 2;
    const hasRoom = told.every((other) => Math.abs(other - middle) * width > FOLD_PX);
    if (hasRoom) told.push(middle);
    found.push({ from, to, middle, words: hasRoom ? `${short(gap.to - gap.from)} idle` : "" });
  }
  return found;
}

function ticks(scale, width) {
  const step = niceStep((scale.msPerShare() * APART_PX) / width);
  const { from, to } = scale.window();
  const found = [];
  let last = -Infinity;
  let next = Math.ceil(from / step - 1e-9);
  for (; next * step <= to && found.length < 200; next++) {
    const time = next * step;
    const gap = scale.gaps.find((each) => time > each.from && time < each.to);
    if (gap) {
      next = Math.max(next, Math.ceil(gap.to / step) - 1);
      continue;
    }
    const share = scale.fraction(time);
    if ((share - last) * width < LABEL_PX || (1 - share) * width < LABEL_PX / 2) continue;
    last = share;
    found.push({ share, label: tickLabel(time, step) });
  }
  return found;
}

function niceStep(least) {
  if (least > STEPS_MS[0]) return STEPS_MS.find((step) => step >= least) ?? Math.ceil(least / 864e5) * 864e5;
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999);
}

function tickLabel(time, step) {
  if (time === 0) return "0";
  if (time < 1000 && step < 1000) return `${fixed(time, step)} ms`;
  if (time < 60_000 || step < 1000) return `${fixed(time / 1000, step / 1000)} s`;
  return short(time);
}

function fixed(value, step) {
  return value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
}

function short(ms) {
  return ms < 60_000 && ms >= 1000 ? `${Number((ms / 1000).toFixed(1))} s` : duration(ms).replace("m00s", "m");
}
