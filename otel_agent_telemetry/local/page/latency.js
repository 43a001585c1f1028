// How long calls took: percentiles, first tokens, rates, and a histogram of the row that is chosen.

import { ask } from "./api.js";
import { chart } from "./chart.js";
import { awaited, el, link, replace, turns } from "./dom.js";
import { amount, duration } from "./format.js";
import { SINCE } from "./times.js";

const BY = ["model", "tool", "agent", "operation"];
const TITLES = ["", "Calls", "Errors", "p50", "p95", "p99", "Longest", "First token p50", "p95", "Tokens/s", "Spread"];
const FILTERS = new Set(["model", "tool", "agent"]);

export function latencyView(main, { go, parameters }) {
  const by = el("select", { "aria-label": "Group by" }, BY.map((value) => el("option", { value }, `by ${value}`)));
  const since = el("select", { "aria-label": "Since" }, Object.entries(SINCE).map(([value, words]) => el("option", { value }, words)));
  const drawing = el("div", {}, awaited());
  const body = el("tbody");
  const table = el("table", { class: "stacked latency", hidden: true }, el("caption", { class: "skip" }, "Latency"),
    el("thead", {}, el("tr", {}, TITLES.map((title, index) => el("th", { scope: "col", class: index ? "number" : "" }, title)))), body);
  const note = el("p", { class: "quiet" });
  replace(main, el("div", { class: "row-actions" }, by, since), drawing, table, note);
  const change = () => go({ view: "latency", by: by.value, since: since.value }, { quietly: true });
  by.addEventListener("change", change);
  since.addEventListener("change", change);
  const begin = turns();
  let drawn = "";

  async function show(asked) {
    const isLast = begin();
    by.value = BY.includes(asked.by) ? asked.by : "model";
    since.value = asked.since || "";
    const answer = await ask("latency", { by: by.value, since: asked.since });
    if (!isLast()) return;
    const now = JSON.stringify([answer, asked]);
    if (now === drawn) return;
    drawn = now;
    const named = (row) => row.key ?? "(none)";
    const chosen = answer.rows.find((row) => named(row) === asked.key) || answer.rows[0];
    replace(drawing, chosen ? histogram(answer, chosen, named(chosen)) : el("p", {}, "No finished calls in this time."));
    table.hidden = !answer.rows.length;
    replace(note, noteOf(answer));
    replace(body, answer.rows.map((row) => line(row, { name: named(row), by: by.value, isChosen: row === chosen, choose: () => go({ ...parameters(), view: "latency", key: named(row) }, { quietly: true }) })));
  }
  return { show, refresh: show };
}

function noteOf({ is_all: isAll, calls }) {
  const all = isAll ? "" : `These are the latest ${amount(calls)} calls of this time. `;
  return `${all}First tokens are of the calls whose spans say when it came, among the latest 2,000.`;
}

function histogram({ edges_ms: edges }, row, name) {
  const filled = row.counts.map((count, index) => [count, index]).filter(([count]) => count).map(([, index]) => index);
  const [first, last] = [Math.max(filled[0] - 1, 0), Math.min(filled[filled.length - 1] + 1, row.counts.length - 1)];
  const steps = row.counts.map((count, index) => ({ label: `${brief(edges[index])} to ${brief(edges[index + 1])}`, short: brief(edges[index]), values: [count] })).slice(first, last + 1);
  return [el("h1", {}, name), chart({ label: `How many calls of ${name} took how long`, names: ["calls"], steps, format: amount, isCount: true })];
}

function brief(milliseconds) {
  if (milliseconds < 1) return `${Number((milliseconds * 1000).toPrecision(3))} µs`;
  if (milliseconds < 1000) return `${Number(milliseconds.toPrecision(3))} ms`;
  return milliseconds < 60000 ? `${Number((milliseconds / 1000).toPrecision(3))} s` : `${Number((milliseconds / 60000).toPrecision(3))} min`;
}

function line(row, { name, by, isChosen, choose }) {
  const known = (value, format) => (value === null ? "" : format(value));
  const figures = { calls: amount(row.calls), errors: amount(row.errors), p50: duration(row.p50_ms), p95: duration(row.p95_ms), p99: duration(row.p99_ms), longest: duration(row.max_ms), "first token p50": known(row.first_token_p50_ms, duration), "first token p95": known(row.first_token_p95_ms, duration), "tokens/s": known(row.output_tokens_per_second, (value) => (value < 100 ? value.toFixed(1) : amount(Math.round(value)))) };
  return el("tr", { "aria-selected": String(isChosen) },
    el("td", { class: "wide" }, FILTERS.has(by) && row.key !== null ? link({ view: "traces", [by]: row.key, sort: "duration" }, name) : name),
    Object.entries(figures).map(([label, value]) => el("td", { class: "number", "data-label": value ? label : null }, value)),
    el("td", { class: "number" }, el("button", { type: "button", class: "spread", "aria-pressed": String(isChosen), "aria-label": `Histogram of ${name}`, onclick: choose }, spread(row.counts, name))));
}

function spread(counts, name) {
  const most = Math.max(...counts, 1);
  const width = 90 / counts.length;
  return el("svg", { width: 90, height: 20, role: "img", "aria-label": `Spread of ${name}` }, counts.map((count, index) => count > 0 && el("rect", { class: "tone-0", x: index * width, y: 20 - Math.max((20 * count) / most, 1), width: Math.max(width - 1, 1), height: Math.max((20 * count) / most, 1) })));
}
