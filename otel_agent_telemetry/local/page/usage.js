// Tokens, calls, errors and cost: over time as a chart, and by what they were spent on as a table.

import { ask } from "./api.js";
import { budgetList, budgets } from "./budget.js";
import { chart, OTHERS } from "./chart.js";
import { awaited, el, link, replace, turns } from "./dom.js";
import { amount, dollars, plural } from "./format.js";
import { everyStep, SINCE, utcShort, utcWords } from "./times.js";

const STACKS = ["model", "agent", "tool", "session", "user"];
const BY = [...STACKS, "hour", "day"];
const NONE = "(none)";
const MOST = 200;
const MEASURES = {
  tokens: { words: "tokens", of: (point) => point.input_tokens + point.output_tokens },
  cost: { words: "cost", of: (point) => point.cost_usd },
  input: { words: "tokens in", of: (point) => point.input_tokens },
  output: { words: "tokens out", of: (point) => point.output_tokens },
  calls: { words: "model calls", of: (point) => point.calls },
  tools: { words: "tool calls", of: (point) => point.tool_calls },
  errors: { words: "errors", of: (point) => point.errors },
};
const TITLES = ["", "Calls", "Errors", "Tools", "Runs", "In", "Out", "Cached", "Reasoning", "Cost"];

export function usageView(main, { go, parameters }) {
  const choice = (label, options) => el("select", { "aria-label": label }, Object.entries(options).map(([value, words]) => el("option", { value }, words)));
  const fields = {
    by: choice("Group by", Object.fromEntries(BY.map((value) => [value, `by ${value}`]))),
    measure: choice("Measure", Object.fromEntries(Object.entries(MEASURES).map(([value, { words }]) => [value, words]))),
    step: choice("Step", { hour: "each hour", day: "each day" }),
    scale: choice("Scale", { linear: "linear", log: "logarithmic" }),
    since: choice("Since", SINCE),
  };
  const over = el("div");
  const drawing = el("div", {}, awaited());
  const body = el("tbody");
  const table = el("table", { class: "stacked", hidden: true }, el("caption", { class: "skip" }, "Usage"),
    el("thead", {}, el("tr", {}, TITLES.map((title, index) => el("th", { scope: "col", class: index ? "number" : "" }, title)))), body);
  const note = el("p", { class: "quiet", hidden: true }, "A cost with ~ is an estimate from a price list; one with ≥, and a step marked ?, leaves out calls whose price is not known.");
  const more = el("p", { class: "quiet", hidden: true });
  replace(main, over, el("div", { class: "row-actions" }, Object.values(fields)), drawing, table, more, note);
  const chosen = () => Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
  for (const field of Object.values(fields)) field.addEventListener("change", () => go({ ...parameters(), view: "usage", ...chosen() }, { quietly: true }));
  const begin = turns();
  let drawn = "";

  async function show(asked) {
    const isLast = begin();
    fields.by.value = BY.includes(asked.by) ? asked.by : "model";
    fields.measure.value = asked.measure in MEASURES ? asked.measure : fields.by.value === "tool" ? "tools" : "tokens";
    fields.step.value = asked.step || (asked.by === "day" ? "day" : "hour");
    fields.scale.value = asked.scale || "linear";
    fields.since.value = asked.since || "";
    const { by, step, measure } = chosen();
    const { of } = MEASURES[measure];
    const stack = STACKS.includes(by) ? by : "model";
    const rows = ask("usage", { by: asked.by, since: asked.since, limit: MOST });
    rows.catch(() => {});
    const [series, known] = await Promise.all([ask("series", { step, stack, since: asked.since }), budgets()]);
    if (!isLast()) return;
    const now = JSON.stringify([series, known, chosen()]);
    if (now !== drawn) draw(series, known, stack);
    drawn = now;
    const { usage, is_all: isAll } = await rows;
    if (!isLast()) return;
    table.hidden = !usage.length;
    note.hidden = !usage.some((row) => row.cost_is_estimate || row.unpriced_calls);
    replace(body, sorted(usage, by, of).map((row) => line(row, by)));
    replace(more, isAll ? null : `These are the ${MOST} with the most tokens; agent-telemetry usage --by ${by} has all.`);
    more.hidden = isAll;
  }

  function draw(series, known, stack) {
    replace(over, budgetList(known));
    replace(drawing, series.points.length ? seriesChart(series, chosen(), stack, known) : el("p", {}, "No model calls, tools or agent runs in this time."), leftOut(series));
  }
  return { show, refresh: show };
}

function seriesChart(series, { measure, step, scale }, stack, known) {
  const { words, of } = MEASURES[measure];
  const keys = series.others ? [...series.keys, ""] : series.keys;
  const at = new Map(series.points.map((point) => [`${Date.parse(point.start)} ${point.key}`, point]));
  const steps = everyStep(series.points.map((point) => point.start), series.step_ms).map((time) => {
    const points = keys.map((key) => at.get(`${time} ${key}`));
    const unpriced = points.reduce((sum, point) => sum + (point ? point.unpriced_calls : 0), 0);
    const isMarked = measure === "cost" && unpriced > 0;
    return { label: utcWords(time, series.step_ms), short: utcShort(time, series.step_ms), values: points.map((point) => (point ? of(point) : null)), mark: isMarked, note: isMarked && `${unpriced} ${plural(unpriced, "call")} without a price` };
  });
  const limits = measure === "cost" ? known.filter((budget) => budget.per === step).map((budget) => ({ value: budget.limit_usd, label: `budget $${budget.limit_usd}` })) : [];
  const names = keys.map((key) => (key === "" ? OTHERS : key ?? NONE));
  const isCost = measure === "cost";
  return chart({ label: `${words} by ${stack}, each ${step}`, names, steps, limits, isLog: scale === "log", isCount: !isCost, foot: step === "day" ? "Days are in UTC. " : "Hours are in UTC. ", format: (value) => (isCost ? dollars(value, false) : short(value)), tick: isCost ? (value) => `$${short(value)}` : short });
}

// By what the chart measures, but time goes forward.
function sorted(usage, by, of) {
  return STACKS.includes(by) ? [...usage].sort((a, b) => of(b) - of(a)) : usage;
}

function leftOut(series) {
  return [
    series.left_out > 0 && el("p", { class: "quiet" }, `The chart leaves out the earliest ${amount(series.left_out)} steps; see each day instead.`),
    series.others > 0 && el("p", { class: "quiet" }, `${amount(series.others)} more are added up as others.`),
  ];
}

function line(row, by) {
  const figures = { calls: row.calls, errors: row.errors, tools: row.tool_calls, runs: row.agent_runs, in: row.input_tokens, out: row.output_tokens, cached: row.cache_read_tokens, reasoning: row.reasoning_tokens };
  const name = row.key ?? NONE;
  return el("tr", {},
    el("td", { class: "wide" }, row.key !== null && STACKS.includes(by) ? link({ view: "traces", [by]: row.key }, name) : name),
    Object.entries(figures).map(([label, value]) => el("td", { class: "number", "data-label": label }, amount(value))),
    el("td", { class: "number", "data-label": "cost" }, dollars(row.cost_usd, row.cost_is_estimate, row.unpriced_calls)));
}

export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return `${round(value / 1e9)}G`;
  if (size >= 1e6) return `${round(value / 1e6)}M`;
  if (size >= 1e4) return `${round(value / 1e3)}k`;
  return Number.isInteger(value) ? value.toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

function round(value) {
  return Number(value.toPrecision(3)).toLocaleString("en-US");
}
