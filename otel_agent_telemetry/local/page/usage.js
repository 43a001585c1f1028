// Tokens, calls and cost as a chart and a table.

import { ask } from "./api.js";
import { el, replace } from "./dom.js";
import { amount, dollars } from "./format.js";

const BY = ["model", "agent", "tool", "session", "hour", "day"];
const SINCE = { "": "any time", "1h": "1 hour", "24h": "1 day", "7d": "7 days", "30d": "30 days" };
const MOST_BARS = 40;

export function usageView(main, { go, parameters }) {
  const by = el("select", { "aria-label": "Group by" }, BY.map((value) => el("option", { value }, `by ${value}`)));
  const since = el("select", { "aria-label": "Since" }, Object.entries(SINCE).map(([value, words]) => el("option", { value }, words)));
  const keys = el("span", { class: "quiet" }, el("span", { class: "key input" }, "input tokens "), el("span", { class: "key output" }, "output tokens"));
  const chart = el("div");
  const body = el("tbody");
  const titles = ["", "Calls", "Errors", "Tools", "Runs", "In", "Out", "Cached", "Reasoning", "Cost"];
  const table = el("table", { class: "stacked" }, el("caption", { class: "skip" }, "Usage"),
    el("thead", {}, el("tr", {}, titles.map((title, index) => el("th", { scope: "col", class: index ? "number" : "" }, title)))), body);
  const note = el("p", { class: "quiet" }, "A cost with ~ is an estimate from a price list; one with ≥ leaves out calls whose price is not known.");
  replace(main, el("div", { class: "row-actions" }, by, since, keys), chart, table, note);
  const change = () => go({ ...parameters(), view: "usage", by: by.value, since: since.value }, { quietly: true });
  by.addEventListener("change", change);
  since.addEventListener("change", change);

  async function show(asked) {
    by.value = asked.by || "model";
    since.value = asked.since || "";
    const { usage } = await ask("usage", { by: asked.by, since: asked.since });
    replace(chart, usage.length ? bars(usage.slice(0, MOST_BARS)) : el("p", {}, "No model calls, tools or agent runs in this time."));
    table.hidden = !usage.length;
    note.hidden = !usage.some((row) => row.cost_is_estimate || row.unpriced_calls);
    replace(body, usage.map(line));
  }
  return { show, refresh: show };
}

function line(row) {
  const figures = { calls: row.calls, errors: row.errors, tools: row.tool_calls, runs: row.agent_runs, in: row.input_tokens, out: row.output_tokens, cached: row.cache_read_tokens, reasoning: row.reasoning_tokens };
  return el("tr", {},
    el("td", { class: "wide" }, row.key ?? "(none)"),
    Object.entries(figures).map(([label, value]) => el("td", { class: "number", "data-label": label }, amount(value))),
    el("td", { class: "number", "data-label": "cost" }, dollars(row.cost_usd, row.cost_is_estimate, row.unpriced_calls)));
}

function bars(rows) {
  const total = (row) => (row.input_tokens || 0) + (row.output_tokens || 0);
  const most = Math.max(1, ...rows.map(total));
  const width = 100 / rows.length;
  const words = rows.map((row) => `${row.key ?? "(none)"}: ${total(row)}`).join(", ");
  const drawn = rows.map((row, index) => {
    const tall = (tokens) => (140 * (tokens || 0)) / most;
    const x = `${index * width + width * 0.1}%`;
    const bar = (kind, height, base) => el("rect", { class: kind, x, y: base - height, width: `${width * 0.8}%`, height });
    const output = tall(row.output_tokens);
    return el("g", {}, el("title", {}, `${row.key ?? "(none)"}: ${amount(row.input_tokens)} in, ${amount(row.output_tokens)} out`),
      bar("output", output, 155), bar("input", tall(row.input_tokens), 155 - output),
      rows.length <= 12 && el("text", { x: `${(index + 0.5) * width}%`, y: 171, "text-anchor": "middle" }, short(row.key ?? "(none)", Math.floor(110 / rows.length))));
  });
  return el("svg", { class: "chart", role: "img", "aria-label": `Tokens. ${words}` }, el("line", { x1: 0, x2: "100%", y1: 155, y2: 155 }),
    el("text", { x: 2, y: 11 }, amount(most)), drawn);
}

function short(text, length) {
  return text.length > length ? `${text.slice(0, Math.max(1, length - 1))}…` : text;
}
