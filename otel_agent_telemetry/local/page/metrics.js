// Every instrument, and one over time.

import { ask } from "./api.js";
import { chart } from "./chart.js";
import { awaited, el, link, replace, turns } from "./dom.js";
import { amount, moment, momentInZone, zone } from "./format.js";
import { everyStep, localShort, SINCE } from "./times.js";
import { short } from "./usage.js";

const TITLES = [["Instrument", ""], ["Kind", ""], ["Unit", ""], ["Service", ""], ["Readings", "number"]];
const FIGURES = { p50: "p50", p95: "p95", p99: "p99", value: "mean", count: "count", sum: "sum" };
const VALUE = { counter: "increase", up_down_counter: "level", gauge: "level" };

export function metricsView(main, tools) {
  const one = el("div");
  const all = el("div");
  replace(main, one, all);
  const list = instrumentList(all);
  const detail = instrument(one, tools);

  async function show(asked) {
    one.hidden = !asked.name;
    all.hidden = Boolean(asked.name);
    await (asked.name ? detail(asked) : list());
  }
  return { show, refresh: show };
}

function instrumentList(node) {
  const search = el("input", { type: "search", "aria-label": "Find an instrument", placeholder: "find an instrument", autocomplete: "off" });
  const body = el("tbody");
  const inZone = el("span", { class: "quiet zone" });
  const last = el("th", { scope: "col" }, "Last");
  const table = el("table", { class: "stacked", hidden: true }, el("caption", { class: "skip" }, "Instruments"),
    el("thead", {}, el("tr", {}, TITLES.map(([title, kind]) => el("th", { scope: "col", class: kind }, title)), last)), body);
  const empty = el("div", {}, awaited());
  replace(node, el("div", { class: "row-actions" }, search, inZone), table, empty);
  let metrics = [];
  const draw = () => replace(body, metrics.filter((each) => `${each.name} ${each.description} ${each.service}`.toLowerCase().includes(search.value.toLowerCase())).map(row));
  search.addEventListener("input", draw);
  return async () => {
    ({ metrics } = await ask("metrics"));
    const zones = zone(metrics.map((each) => each.last_seen));
    replace(last, `Last (${zones})`);
    replace(inZone, metrics.length ? `times in ${zones}` : "");
    table.hidden = !metrics.length;
    replace(empty, metrics.length ? null : "No metric has arrived yet; programs send them to /v1/metrics.");
    draw();
  };
}

function row(each) {
  return el("tr", {},
    el("td", { class: "wide" }, link({ view: "metrics", name: each.name, service: each.service }, each.name), each.description && el("div", { class: "quiet" }, each.description)),
    el("td", { class: "short" }, kindWords(each)), el("td", {}, each.unit), el("td", { class: "short" }, each.service),
    el("td", { class: "number", "data-label": "readings" }, amount(each.readings)), el("td", { class: "short" }, moment(each.last_seen)));
}

function kindWords({ kind, temporality }) {
  const words = kind.replaceAll("_", " ");
  return temporality && kind !== "summary" ? `${words}, ${temporality}` : words;
}

function instrument(node, { go, parameters }) {
  const fields = Object.fromEntries(["by", "figure", "scale", "since", "service"].map((name) => [name, el("select", { "aria-label": { by: "Split by", figure: "Figure", scale: "Scale", since: "Since", service: "Service" }[name] })]));
  const head = el("div");
  const body = el("div", {}, awaited());
  replace(node, head, el("div", { class: "row-actions" }, Object.values(fields)), body);
  for (const [name, field] of Object.entries(fields)) field.addEventListener("change", () => go({ ...parameters(), [name]: field.value }, { quietly: true }));
  const fill = (name, options, value) => {
    replace(fields[name], Object.entries(options).map(([key, words]) => el("option", { value: key }, words)));
    fields[name].value = value in options ? value : Object.keys(options)[0];
  };
  const begin = turns();
  let drawn = "";

  return async (asked) => {
    const isLast = begin();
    const answer = await ask("metric", { name: asked.name, service: asked.service, by: asked.by, since: asked.since });
    if (!isLast()) return;
    const now = JSON.stringify([answer, asked]);
    if (now === drawn) return;
    drawn = now;
    const isSpread = !(answer.kind in VALUE);
    fill("by", { "": "each set of attributes", ...Object.fromEntries(answer.keys.map((key) => [key, `by ${key}`])) }, asked.by || "");
    fill("figure", isSpread ? { all: "p50, p95, p99 of the largest", ...FIGURES } : { value: VALUE[answer.kind] }, asked.figure || "");
    fill("scale", { linear: "linear", log: "logarithmic" }, asked.scale || "");
    fill("since", SINCE, asked.since || "");
    fill("service", { "": "all services", ...Object.fromEntries(answer.services.map((name) => [name, name])) }, asked.service || "");
    fields.figure.hidden = !isSpread;
    replace(head, el("p", {}, link({ view: "metrics" }, "All instruments")), el("h1", {}, answer.name), el("div", { class: "facts" }, el("span", {}, kindWords(answer)), answer.unit && el("span", {}, "unit ", el("b", {}, answer.unit))), answer.description && el("p", {}, answer.description));
    replace(body, drawing(answer, fields.figure.value, fields.scale.value === "log"), notes(answer), exemplars(answer));
  };
}

function drawing(answer, figure, isLog) {
  if (!answer.lines.length) return el("p", {}, "No readings in this time.");
  const lines = figure === "all" ? ["p50", "p95", "p99"].map((name) => lineOf(answer.lines[0], name, name)) : answer.lines.map((line) => lineOf(line, figure, lineName(line.attributes, answer.name)));
  const times = everyStep(answer.lines.flatMap((line) => line.steps.map((step) => step.start)), answer.step_ms);
  const steps = times.map((time) => ({ label: momentInZone(new Date(time).toISOString()), short: localShort(time, answer.step_ms), values: lines.map((line) => line.at.get(time) ?? null) }));
  const unit = answer.unit && answer.unit !== "1" && !answer.unit.startsWith("{") && figure !== "count" ? ` ${answer.unit}` : "";
  const kind = answer.kind === "counter" || figure === "count" ? "bars" : "lines";
  const about = figure === "all" ? [el("p", { class: "quiet" }, `of ${lineName(answer.lines[0].attributes, answer.name)}`)] : [];
  return [about, chart({ label: `${answer.name}, ${wordsOf(figure, answer.kind)}`, names: lines.map((line) => line.name), steps, kind, isLog, format: (value) => short(value) + unit })];
}

function wordsOf(figure, kind) {
  return figure === "all" ? "percentiles" : VALUE[kind] || FIGURES[figure];
}

function lineOf(line, figure, name) {
  return { name, at: new Map(line.steps.map((step) => [Date.parse(step.start), step[figure]])) };
}

function lineName(attributes, otherwise) {
  return Object.entries(attributes).map(([key, value]) => `${key}=${value}`).join(" ") || otherwise;
}

function notes(answer) {
  return [
    answer.others > 0 && el("p", { class: "quiet" }, `${amount(answer.others)} more lines, with less in them, are not drawn; split by an attribute to see them together.`),
    !answer.is_all && el("p", { class: "quiet" }, "Only the latest readings of this time are looked at, 4,000 with 6,000 points; choose a shorter time to see all of it."),
  ];
}

function exemplars({ exemplars: found, unit }) {
  if (!found.length) return null;
  return el("section", { "aria-label": "Exemplars" }, el("h2", {}, "Exemplars"), el("ul", { class: "bare" }, found.map((each) => el("li", {},
    `${short(each.value)}${unit && unit !== "1" ? ` ${unit}` : ""} `,
    each.trace_known ? link({ view: "trace", id: each.trace_id, span: each.span_id }, `trace ${each.trace_id.slice(0, 8)}`) : el("span", { class: "quiet" }, `trace ${each.trace_id.slice(0, 8)}`),
    el("span", { class: "quiet" }, ` ${momentInZone(each.time)}`)))));
}
