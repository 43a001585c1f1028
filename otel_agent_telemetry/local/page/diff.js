// Two traces aligned.

import { ask } from "./api.js";
import { el, link, replace } from "./dom.js";
import { amount, dollars, duration, plural } from "./format.js";

const MARKS = { same: "", changed: "~", added: "+", removed: "−" };
const TITLES = ["", "Span", "What", "Tokens", "Cost", "A", "B"];

export function diffView(main, { go, parameters }) {
  const field = (name, label) => el("label", {}, label, el("input", { name, class: "mono", placeholder: "trace id", spellcheck: "false", autocomplete: "off" }));
  const all = el("input", { type: "checkbox", name: "all" });
  const form = el("form", { class: "filters", "aria-label": "Compare" }, field("a", "Trace A"), field("b", "Trace B"),
    el("label", {}, "Also what is the same", all), el("button", {}, "Compare"));
  const result = el("div");
  replace(main, form, result);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go({ view: "diff", ...Object.fromEntries([...new FormData(form)].filter(([, value]) => value)) });
  });
  all.addEventListener("change", () => go({ ...parameters(), view: "diff", all: all.checked ? "on" : "" }, { quietly: true }));

  async function show(asked) {
    form.elements.namedItem("a").value = asked.a || "";
    form.elements.namedItem("b").value = asked.b || "";
    all.checked = Boolean(asked.all);
    if (!asked.a || !asked.b) {
      replace(result, el("p", { class: "quiet" }, "Name two traces, or mark two in the list of traces."));
      return;
    }
    const compared = await ask("diff", { a: asked.a, b: asked.b });
    const rows = compared.rows.filter((row) => asked.all || row.change !== "same");
    const count = (change) => compared.rows.filter((row) => row.change === change).length;
    replace(result,
      el("div", { class: "columns" }, summary("A", compared.a), summary("B", compared.b)),
      el("p", {}, ["same", "changed", "added", "removed"].map((change) => `${count(change)} ${change}`).join(", ")),
      el("table", { class: "stacked" }, el("caption", { class: "skip" }, "Differences"),
        el("thead", {}, el("tr", {}, TITLES.map((title, index) => el("th", { scope: "col", class: index > 2 ? "number" : "" }, title)))),
        el("tbody", {}, rows.map(line))));
  }
  return { show };
}

function summary(letter, trace) {
  return el("div", { class: "card" }, el("h1", {}, `${letter}: `, link({ view: "trace", id: trace.trace_id }, trace.name)),
    el("div", { class: "facts" }, `${trace.spans} ${plural(trace.spans, "span")} · ${trace.calls} ${plural(trace.calls, "model call")} · ${amount(trace.input_tokens) || 0} in, ${amount(trace.output_tokens) || 0} out · ${dollars(trace.cost_usd, trace.cost_is_estimate, trace.unpriced_calls)} · ${duration(trace.duration_ms)}`));
}

function line(row) {
  const span = row.b || row.a;
  const name = el("span", {}, span.name);
  name.style.paddingLeft = `${row.depth * 14}px`;
  const tokens = sum(row.b) - sum(row.a);
  const cost = (row.b?.cost_usd || 0) - (row.a?.cost_usd || 0);
  return el("tr", { class: row.change },
    el("td", { "aria-label": row.change }, MARKS[row.change]),
    el("td", { class: "wide" }, name),
    el("td", {}, what(row)),
    el("td", { class: "number", "data-label": tokens ? "tokens" : null }, tokens ? signed(tokens, amount) : ""),
    el("td", { class: "number", "data-label": cost ? "cost" : null }, cost ? signed(cost, (usd) => usd.toFixed(4)) : ""),
    el("td", { class: "number", "data-label": row.a ? "A" : null }, row.a ? duration(row.a.duration_ms) : ""),
    el("td", { class: "number", "data-label": row.b ? "B" : null }, row.b ? duration(row.b.duration_ms) : ""));
}

function what(row) {
  if (!row.a || !row.b) return row.change;
  const words = { status: `status ${row.a.status} → ${row.b.status}`, model: `model ${row.a.model} → ${row.b.model}` };
  return row.changes.map((change) => words[change] || change).join(", ");
}

function sum(span) {
  return span ? (span.input_tokens || 0) + (span.output_tokens || 0) : 0;
}

function signed(number, words) {
  return `${number > 0 ? "+" : "−"}${words(Math.abs(number))}`;
}
