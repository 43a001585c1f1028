// The lists of traces and of sessions.

import { ask } from "./api.js";
import { el, link, replace } from "./dom.js";
import { markRows } from "./feedback.js";
import { amount, dollars, duration, moment, zone } from "./format.js";
import { searchBox } from "./search.js";

const PAGE = 50;
const SORTS = { "": "latest", duration: "longest", tokens: "most tokens", cost: "most costly", spans: "most spans", errors: "most errors" };
const SESSION_COLUMNS = { session: "Session", last: "Last", agent: "Agent", service: "Service", traces: "Traces", calls: "Calls", tools: "Tools", errors: "Errors", input: "In", output: "Out", cost: "Cost" };
const SESSION_SORTS = { "": "latest end", session: "by name", agent: "by agent", traces: "most traces", calls: "most calls", tools: "most tools", errors: "most errors", input: "most tokens in", output: "most tokens out", cost: "most costly" };

export function tracesView(main, { go, parameters }) {
  const marked = new Set();
  const search = searchBox({ view: "traces", go, parameters, sorts: SORTS });
  const start = el("th", { scope: "col" }, "Start");
  const columns = [["Name", ""], ["Service", ""], ["Model", ""], ["Spans", "number"], ["In", "number"], ["Out", "number"], ["Cost", "number"], ["Status", ""], ["Duration", "number"]];
  const body = el("tbody");
  const table = el("table", { class: "stacked" }, el("caption", { class: "skip" }, "Traces"),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }), start, columns.map(([title, kind]) => el("th", { scope: "col", class: kind }, title)))), body);
  const compare = el("button", { type: "button", disabled: true, onclick: () => { const [a, b] = marked; go({ view: "diff", a, b }); } }, "Compare two");
  const newer = el("button", { type: "button", disabled: true, onclick: () => page(-1) }, "Newer");
  const older = el("button", { type: "button", disabled: true, onclick: () => page(1) }, "Older");
  const actions = el("div", { class: "row-actions" }, newer, older, compare);
  const empty = el("div", { class: "empty", role: "status" }, el("p", { class: "quiet" }, "Loading…"));
  table.hidden = true;
  replace(main, search.box, table, empty, actions);
  let selected = -1;
  let drawn = "";

  function page(step) {
    const asked = parameters();
    const offset = Math.max(0, Number(asked.offset || 0) + step * PAGE);
    go({ ...asked, view: "traces", offset: offset ? String(offset) : "" });
  }

  const show = answered(search, table, () => replace(empty), async (asked) => {
    const { sort, q, offset, view, ...old } = asked;
    return ask("traces", { ...old, q, sort, offset, limit: String(PAGE + 1) });
  }, ({ traces, terms }, asked) => {
    newer.disabled = !Number(asked.offset || 0);
    older.disabled = traces.length <= PAGE;
    draw(traces.slice(0, PAGE), terms.length);
  });

  function draw(traces, isFiltered) {
    const now = JSON.stringify(traces);
    if (now === drawn && traces.length) {
      markRows(body, "traces");
      return;
    }
    drawn = now;
    const zones = zone(traces.map((trace) => trace.start));
    replace(start, `Start (${zones})`);
    search.timesIn(zones);
    replace(body, traces.map(row));
    markRows(body, "traces");
    mark(Math.min(selected, traces.length - 1));
    table.hidden = !traces.length;
    empty.hidden = Boolean(traces.length);
    if (!traces.length) replace(empty, isFiltered ? nothing("trace", "traces") : howToFill());
  }

  function row(trace) {
    const cell = (label, value, kind = "") => el("td", { class: kind, "data-label": value === "" ? null : label }, value);
    const tick = el("input", { type: "checkbox", "aria-label": `Mark ${trace.name} for the diff`, checked: marked.has(trace.trace_id), onchange: (event) => tickTrace(trace.trace_id, event.target.checked) });
    return el("tr", { "data-id": trace.trace_id },
      el("td", {}, tick),
      el("td", { class: "short" }, moment(trace.start)),
      el("td", { class: "wide" }, link({ view: "trace", id: trace.trace_id }, trace.name || "(no name)")),
      cell("service", trace.service), cell("model", models(trace.models)), cell("spans", amount(trace.spans), "number"),
      cell("in", amount(trace.input_tokens), "number"), cell("out", amount(trace.output_tokens), "number"),
      cell("cost", dollars(trace.cost_usd, trace.cost_is_estimate, trace.unpriced_calls), "number"),
      el("td", { class: trace.errors ? "short error" : "short" }, trace.errors ? `${trace.errors} failed` : trace.status),
      el("td", { class: "number" }, duration(trace.duration_ms)));
  }

  function tickTrace(id, isOn) {
    if (isOn) marked.add(id);
    else marked.delete(id);
    compare.disabled = marked.size !== 2;
  }

  function mark(index) {
    selected = index;
    [...body.rows].forEach((each, number) => each.setAttribute("aria-selected", String(number === index)));
    body.rows[index]?.scrollIntoView({ block: "nearest" });
  }

  function key(event) {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    const at = body.rows[selected];
    if (step) mark(Math.max(0, Math.min(body.rows.length - 1, selected + step)));
    else if (event.key === "Enter" && at && !event.target.closest("a, button, summary")) go({ view: "trace", id: at.dataset.id });
    else if (event.key === "x" && at) at.querySelector("input").click();
    else return false;
    return true;
  }

  const refresh = (asked) => (Number(asked.offset || 0) ? null : show(asked));
  return { show, refresh, key, elsewhere: search.drop };
}

export function sessionsView(main, { go, parameters }) {
  const search = searchBox({ view: "sessions", go, parameters, sorts: SESSION_SORTS });
  const heads = Object.entries(SESSION_COLUMNS).map(([name, title], index) => {
    const by = name === "last" ? "" : name;
    const content = by in SESSION_SORTS ? el("button", { type: "button", class: "sorter", onclick: () => go({ ...parameters(), view: "sessions", sort: by }) }, title) : title;
    return el("th", { scope: "col", class: index > 3 ? "number" : "", "data-sort": by in SESSION_SORTS ? by : null }, content);
  });
  const body = el("tbody");
  const table = el("table", { class: "stacked", hidden: true }, el("caption", { class: "skip" }, "Sessions"), el("thead", {}, el("tr", {}, heads)), body);
  const empty = el("div", { class: "empty", role: "status" }, el("p", { class: "quiet" }, "Loading…"));
  replace(main, search.box, table, empty);

  const show = answered(search, table, () => replace(empty), ({ sort, q, view, ...old }) => ask("sessions", { ...old, q, sort }), ({ sessions, terms }, asked) => {
    for (const head of heads) {
      if (head.dataset.sort === (asked.sort || "")) head.setAttribute("aria-sort", ["session", "agent"].includes(asked.sort) ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    const zones = zone(sessions.map((session) => session.end));
    replace(table.querySelector("[data-sort=''] button"), `Last (${zones})`);
    search.timesIn(zones);
    table.hidden = !sessions.length;
    empty.hidden = Boolean(sessions.length);
    if (!sessions.length) replace(empty, terms.length ? nothing("session", "sessions") : el("p", {}, "No trace names a session yet: telemetry.session() or the attribute gen_ai.conversation.id does."));
    replace(body, sessions.map(sessionRow));
    markRows(body, "sessions");
  });
  return { show, refresh: show, elsewhere: search.drop };
}

function sessionRow(session) {
  const cell = (label, value) => el("td", { class: "number", "data-label": value === "" ? null : label }, value);
  return el("tr", { "data-id": session.session },
    el("td", { class: "wide" }, link({ view: "session", id: session.session }, session.session)),
    el("td", { class: "short" }, moment(session.end)), el("td", {}, session.agent || ""), el("td", {}, session.service),
    cell("traces", amount(session.traces)), cell("calls", amount(session.calls)), cell("tools", amount(session.tools)), cell("errors", session.errors ? amount(session.errors) : ""),
    cell("in", amount(session.input_tokens)), cell("out", amount(session.output_tokens)),
    cell("cost", dollars(session.cost_usd, session.cost_is_estimate, session.unpriced_calls)));
}

// Shows an answer unless a later question was asked meanwhile; until then the table says that it is busy.
function answered(search, table, refused, question, draw) {
  let latest = 0;
  return async (asked) => {
    const mine = ++latest;
    table.setAttribute("aria-busy", "true");
    try {
      const answer = await question(asked);
      if (mine !== latest || !table.isConnected) return;
      search.show(asked, answer.terms);
      draw(answer, asked);
    } catch (error) {
      if (error.status !== 400) throw error;
      if (mine !== latest) return;
      search.refuse(asked, error.message);
      refused();
    } finally {
      if (mine === latest) table.setAttribute("aria-busy", "false");
    }
  };
}

function nothing(what, view) {
  return el("p", {}, `No ${what} matches. `, link({ view }, "Show all"));
}

function models(names) {
  return names.length ? el("span", { class: "models", title: names.join(", ") }, names.join(", ")) : "";
}

function howToFill() {
  return [
    el("h1", {}, "Nothing here yet"),
    el("p", {}, "Point a program at this address and its traces appear by themselves:"),
    el("pre", {}, `export OTEL_EXPORTER_OTLP_ENDPOINT=${location.origin}\nexport OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`),
    el("p", {}, "or try one of these:"),
    el("pre", {}, "agent-telemetry run -- python your_program.py\nagent-telemetry import traces.jsonl"),
  ];
}
