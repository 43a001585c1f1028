// Charts over time and histograms: SVG, a line of words for the step that is pointed at, and the same as a table.

import { append, el, replace } from "./dom.js";

const HEIGHT = 220;
const TOP = 16;
const FOOT = 24;
const CHARACTER = 6.6;
const GAP = 14;
export const OTHERS = "others";

// { label, names: [of each line], steps: [{ label, short, values: [of each line], note }], format, tick, kind, isLog, isCount, limits, foot }
export function chart(about) {
  const node = el("figure", { class: "series" });
  const drawing = el("svg", { class: "plot", role: "application", tabindex: 0, "aria-label": `${about.label}. Left and right arrows read the values.`, onkeydown: keys, onpointermove: (event) => point(stepAt(event)), onpointerleave: () => point(-1), onfocus: () => at < 0 && point(about.steps.length - 1), onblur: () => point(-1) });
  const words = el("p", { class: "readout", "aria-live": "polite" });
  let at = -1;
  let frame = { left: 0, slot: 1 };
  replace(node, legend(about), drawing, words, table(about));
  new ResizeObserver(draw).observe(node);

  function draw() {
    const width = Math.max(node.clientWidth, 240);
    drawing.setAttribute("width", width);
    drawing.setAttribute("height", HEIGHT);
    const scale = scaleOf(about);
    const left = 8 + CHARACTER * Math.max(...scale.ticks.map((value) => onAxis(about, value).length));
    frame = { left, width, slot: (width - left - 4) / Math.max(about.steps.length, 1), y: (value) => TOP + (HEIGHT - TOP - FOOT) * (1 - scale.share(value)) };
    replace(drawing, grid(about, frame, scale), about.kind === "lines" ? lines(about, frame) : bars(about, frame), limits(about, frame, scale), labels(about, frame));
    if (at >= 0) append(drawing, [cursor(frame, at)]);
  }

  function point(step) {
    at = step;
    words.textContent = step < 0 ? hint(about) : reading(about, step);
    drawing.querySelector(".cursor")?.remove();
    if (step >= 0) append(drawing, [cursor(frame, step)]);
  }

  function stepAt(event) {
    const x = event.clientX - drawing.getBoundingClientRect().left - frame.left;
    const step = Math.floor(x / frame.slot);
    return step >= 0 && step < about.steps.length ? step : -1;
  }

  function keys(event) {
    const last = about.steps.length - 1;
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    point(Math.max(0, Math.min(last, next)));
  }

  point(-1);
  return node;
}

export function tone(name, index) {
  return name === OTHERS ? "tone-others" : `tone-${index % 8}`;
}

function legend({ names }) {
  if (names.length < 2) return null;
  return el("figcaption", { class: "legend" }, names.map((name, index) => el("span", { class: `key ${tone(name, index)}` }, name)));
}

function hint({ steps, foot = "" }) {
  return steps.length ? `${foot}Point at a step, or focus the chart and use the arrow keys, to read its values.` : "";
}

function reading({ names, steps, format }, at) {
  const step = steps[at];
  const told = names.map((name, index) => [name, step.values[index]]).filter(([, value]) => value !== null && value !== 0);
  const each = told.map(([name, value]) => `${name} ${format(value)}`);
  return [`${step.label}:`, each.join(", ") || "nothing", step.note && `(${step.note})`].filter(Boolean).join(" ");
}

function table({ label, names, steps, format }) {
  const filled = steps.filter((step) => step.values.some((value) => value !== null && value !== 0));
  const body = el("tbody");
  const details = el("details", { ontoggle: () => details.open && replace(body, filled.map(row)) }, el("summary", {}, "As a table"),
    el("div", { class: "wide-table" }, el("table", {}, el("caption", { class: "skip" }, label),
      el("thead", {}, el("tr", {}, ["", ...names].map((name, index) => el("th", { scope: "col", class: index ? "number" : "" }, name)))), body)));
  const row = (step) => el("tr", {}, el("th", { scope: "row" }, step.note ? `${step.label} (${step.note})` : step.label), names.map((_, index) => el("td", { class: "number" }, step.values[index] === null ? "" : format(step.values[index]))));
  return details;
}

function total(values) {
  return values.reduce((sum, value) => sum + (value || 0), 0);
}

function scaleOf({ steps, kind, isLog, isCount, limits: given = [] }) {
  const values = steps.flatMap((step) => (kind === "lines" ? step.values : [total(step.values)])).filter((value) => value !== null);
  const most = Math.max(0, ...values, ...given.map((limit) => limit.value).filter((value) => value <= 4 * Math.max(0, ...values)));
  const least = Math.min(0, ...values);
  if (isLog && most > 0) return logarithmic(steps.flatMap((step) => step.values), most);
  const ticks = linearTicks(least, most || 1, isCount);
  const [low, high] = [Math.min(least, ticks[0]), Math.max(most || 1, ticks[ticks.length - 1])];
  return { ticks, most: high, share: (value) => (value - low) / (high - low) };
}

function logarithmic(values, most) {
  const least = Math.min(...values.filter((value) => value > 0));
  const low = Math.floor(Math.log10(least) - 0.001);
  const high = Math.max(Math.ceil(Math.log10(most)), low + 1);
  const every = Math.ceil((high - low) / 5);
  const ticks = [];
  for (let power = low; power <= high; power += every) ticks.push(10 ** power);
  return { ticks, most: 10 ** high, share: (value) => (value > 0 ? Math.max(0, (Math.log10(value) - low) / (high - low)) : 0) };
}

function linearTicks(least, most, isCount) {
  const rough = Math.max((most - least) / 4, isCount ? 1 : 0);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999 && (!isCount || Number.isInteger(each)));
  const ticks = [];
  for (let count = Math.floor(least / step); count * step < most + step * 0.999; count += 1) ticks.push(count * step);
  return ticks;
}

function grid(about, { left, width, y }, { ticks }) {
  return ticks.map((tick) => el("g", {}, el("line", { class: "grid", x1: left, x2: width, y1: y(tick), y2: y(tick) }), el("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, onAxis(about, tick))));
}

function onAxis({ tick, format }, value) {
  return (tick || format)(value);
}

function bars({ names, steps }, { left, slot, y }) {
  const inner = Math.max(Math.min(slot - Math.min(slot * 0.2, 6), 90), 1);
  return steps.map((step, index) => {
    const all = total(step.values);
    const tall = y(0) - y(all);
    let base = y(0);
    const parts = all ? step.values.map((value, line) => {
      const height = (tall * (value || 0)) / all;
      base -= height;
      return height > 0 && el("rect", { class: tone(names[line], line), x: left + index * slot + (slot - inner) / 2, y: base, width: inner, height });
    }) : [];
    return [parts, step.mark && el("text", { class: "mark", x: left + (index + 0.5) * slot, y: Math.max(y(all) - 3, TOP), "text-anchor": "middle" }, "?")];
  });
}

function lines({ names, steps }, { left, slot, y }) {
  return names.map((name, line) => {
    const runs = [[]];
    steps.forEach((step, index) => {
      if (step.values[line] !== null) runs[runs.length - 1].push([left + (index + 0.5) * slot, y(step.values[line])]);
    });
    const dots = steps.length <= 60 ? runs.flat().map(([x, top]) => el("circle", { class: tone(name, line), cx: x, cy: top, r: 2.5 })) : [];
    return el("g", {}, runs.map((run) => run.length > 1 && el("polyline", { class: `line ${tone(name, line)}`, points: run.map((place) => place.map((each) => each.toFixed(1)).join(",")).join(" ") })), dots);
  });
}

function limits({ limits: given = [] }, { left, width, y }, { most }) {
  return given.map((limit) => limit.value <= most && el("g", { class: "limit" }, el("line", { x1: left, x2: width, y1: y(limit.value), y2: y(limit.value) }), el("text", { x: width - 4, y: y(limit.value) - 4, "text-anchor": "end" }, limit.label)));
}

// As many labels as fit beside each other, evenly apart.
function labels({ steps }, { left, slot, width }) {
  const longest = Math.max(...steps.map((step) => step.short.length), 1) * CHARACTER + GAP;
  const every = Math.max(1, Math.ceil(longest / slot));
  return steps.map((step, index) => {
    if (index % every) return null;
    const half = (step.short.length * CHARACTER) / 2;
    const middle = Math.max(left + (index + 0.5) * slot, half);
    return middle + half <= width + 1 && el("text", { class: "tick", x: middle, y: HEIGHT - 7, "text-anchor": "middle" }, step.short);
  });
}

function cursor({ left, slot }, at) {
  return el("rect", { class: "cursor", x: left + at * slot, y: TOP, width: Math.max(slot, 1), height: HEIGHT - TOP - FOOT });
}
