// Two traces, or two sessions, aligned; what was said in them as text, where that is asked for.

import { ask } from "./api.js";
import { el, link, replace, turns } from "./dom.js";
import { amount, dollars, duration, plural } from "./format.js";
import { textDiff } from "./textdiff.js";

const MARKS = { same: "", changed: "~", added: "+", removed: "−" };
const TITLES = ["", "Span", "What", "Tokens", "Cost", "A took", "B took"];
const KINDS = { "": "traces", sessions: "sessions" };

export function diffView(main, { go, parameters }) {
  const field = (name) => el("label", { class: "id" }, name.toUpperCase(), el("input", { name, class: "mono", placeholder: "id", spellcheck: "false", autocomplete: "off" }));
  const kind = el("select", { name: "of" }, Object.entries(KINDS).map(([value, words]) => el("option", { value }, words)));
  const all = el("input", { type: "checkbox", name: "all" });
  const form = el("form", { class: "filters", "aria-label": "Compare" }, el("label", {}, "Compare", kind), field("a"), field("b"),
    el("label", { class: "check" }, all, "also what is the same"), el("button", {}, "Compare"));
  const result = el("div");
  replace(main, form, result);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go({ view: "diff", ...Object.fromEntries([...new FormData(form)].filter(([, value]) => value)) });
  });
  all.addEventListener("change", () => go({ ...parameters(), view: "diff", all: all.checked ? "on" : "" }, { quietly: true }));

  const begin = turns();

  async function show(asked) {
    const isLast = begin();
    form.elements.namedItem("a").value = asked.a || "";
    form.elements.namedItem("b").value = asked.b || "";
    kind.value = asked.of in KINDS ? asked.of : "";
    all.checked = Boolean(asked.all);
    if (!asked.a || !asked.b) replace(result, el("p", { class: "quiet" }, "Name two traces or two sessions, or mark two in the list of traces."));
    else if (asked.of === "sessions") await showSessions(asked, isLast);
    else await showTraces(asked, isLast);
  }

  async function showTraces(asked, isLast) {
    const compared = await ask("diff", { a: asked.a, b: asked.b });
    if (isLast()) draw(asked, compared, traceSummary, (row) => spanRows(row, compared));
  }

  async function showSessions(asked, isLast) {
    const compared = await ask("diff/sessions", { a: asked.a, b: asked.b, content: asked.content });
    if (!isLast()) return;
    draw(asked, compared, sessionSummary, turnRows);
    if (!asked.content) result.append(el("button", { type: "button", onclick: () => go({ ...parameters(), content: "true" }) }, "Compare what was said"));
  }

  function draw(asked, compared, summary, rows) {
    const count = (change) => compared.rows.filter((row) => row.change === change).length;
    const shown = compared.rows.filter((row) => asked.all || row.change !== "same");
    replace(result,
      el("div", { class: "columns" }, summary("A", compared.a), summary("B", compared.b)),
      el("p", {}, Object.keys(MARKS).map((change) => `${count(change)} ${change}`).join(", ")),
      el("table", { class: "stacked" }, el("caption", { class: "skip" }, "Differences"),
        el("thead", {}, el("tr", {}, TITLES.map((title, index) => el("th", { scope: "col", class: index > 2 ? "number" : "" }, title)))),
        el("tbody", {}, shown.map(rows))));
  }

  return { show };
}

function figures(all) {
  return [`${amount(all.input_tokens) || 0} in, ${amount(all.output_tokens) || 0} out`, dollars(all.cost_usd, all.cost_is_estimate, all.unpriced_calls)].filter(Boolean).join(" · ");
}

function traceSummary(letter, trace) {
  return el("div", { class: "card" }, el("h1", {}, `${letter}: `, link({ view: "trace", id: trace.trace_id }, trace.name)),
    el("div", { class: "facts" }, `${trace.spans} ${plural(trace.spans, "span")} · ${trace.calls} ${plural(trace.calls, "model call")} · ${figures(trace)} · ${duration(trace.duration_ms)}`));
}

function sessionSummary(letter, session) {
  return el("div", { class: "card" }, el("h1", {}, `${letter}: `, link({ view: "session", id: session.session }, session.session)),
    el("div", { class: "facts" }, `${session.traces} ${plural(session.traces, "trace")} · ${session.calls} ${plural(session.calls, "model call")} · ${figures(session)}`));
}

// A row for a pair of spans; unfolding it asks for what both say.
function spanRows(row, { a, b }) {
  const span = row.b || row.a;
  const name = el("span", {}, span.name);
  name.style.paddingLeft = `${row.depth * 14}px`;
  const line = cells(row, name, spanChanges(row));
  if (!row.a || !row.b) return line;
  const said = el("td", { colspan: String(TITLES.length), class: "wide" });
  const below = el("tr", { hidden: true }, said);
  const button = el("button", { type: "button", class: "small", "aria-expanded": "false", "aria-label": `Compare what ${span.name} says`, onclick: unfold }, "text");
  line.children[2].append(" ", button);
  return [line, below];

  async function unfold() {
    below.hidden = !below.hidden;
    button.setAttribute("aria-expanded", String(!below.hidden));
    if (said.hasChildNodes()) return;
    const answer = await ask("diff/spans", { a: a.trace_id, span_a: row.a.span_id, b: b.trace_id, span_b: row.b.span_id });
    const parts = answer.said.filter((each) => each.pieces.some((piece) => piece.change !== "same"));
    replace(said, parts.length ? parts.map((each) => el("div", {}, el("b", {}, each.what), textDiff(each.pieces))) : el("p", { class: "quiet" }, "Both say the same."));
  }
}

function turnRows(row) {
  const turn = row.b || row.a;
  const where = link({ view: "trace", id: turn.trace_id, span: turn.span_id }, turn.about || turn.name);
  const line = cells(row, [`${turn.kind} `, where], row.change);
  return row.pieces.length ? [line, el("tr", {}, el("td", { colspan: String(TITLES.length), class: "wide" }, textDiff(row.pieces)))] : line;
}

function cells(row, name, what) {
  const tokens = sum(row.b) - sum(row.a);
  const cost = (row.b?.cost_usd || 0) - (row.a?.cost_usd || 0);
  return el("tr", { class: row.change },
    el("td", { class: "sign", "aria-label": row.change }, MARKS[row.change]),
    el("td", { class: "wide" }, name),
    el("td", {}, what),
    el("td", { class: "number", "data-label": tokens ? "tokens" : null }, tokens ? signed(tokens, amount) : ""),
    el("td", { class: "number", "data-label": cost ? "cost" : null }, cost ? signed(cost, (usd) => usd.toFixed(4)) : ""),
    el("td", { class: "number", "data-label": row.a ? "A took" : null }, row.a ? duration(row.a.duration_ms) : ""),
    el("td", { class: "number", "data-label": row.b ? "B took" : null }, row.b ? duration(row.b.duration_ms) : ""));
}

function spanChanges(row) {
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
