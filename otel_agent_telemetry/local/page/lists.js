// The lists of traces and of sessions.

import { ask } from "./api.js";
import { el, link, replace } from "./dom.js";
import { markRows } from "./feedback.js";
import { amount, dollars, duration, moment } from "./format.js";

const PAGE = 50;
const SINCE = { "": "any time", "15m": "15 minutes", "1h": "1 hour", "24h": "1 day", "7d": "7 days", "30d": "30 days" };
const SORTS = { "": "latest", duration: "longest", tokens: "most tokens", cost: "most costly", spans: "most spans", errors: "most errors" };
const FIELDS = ["name", "text", "service", "model", "agent", "tool", "status", "attribute", "min_duration", "since", "sort", "session"];

export function tracesView(main, { go, parameters }) {
  const marked = new Set();
  const form = el("form", { class: "filters", role: "search", "aria-label": "Filter traces", onsubmit: (event) => event.preventDefault() });
  const lists = {};
  const text = (name, label, placeholder, list) =>
    el("label", {}, label, el("input", { name, placeholder, list: list && `list-${list}`, autocomplete: "off", spellcheck: "false" }), list && (lists[list] = el("datalist", { id: `list-${list}` })));
  const choice = (name, label, choices) =>
    el("label", {}, label, el("select", { name }, Object.entries(choices).map(([value, words]) => el("option", { value }, words))));
  replace(
    form,
    text("name", "Name", "contains"),
    text("text", "Text anywhere", "in attributes, messages"),
    text("service", "Service", "", "services"),
    text("model", "Model", "", "models"),
    text("agent", "Agent", "", "agents"),
    text("tool", "Tool", "", "tools"),
    text("session", "Session", ""),
    text("attribute", "Attribute", "key=value"),
    text("min_duration", "At least", "500ms"),
    choice("status", "Status", { "": "any", ok: "ok", error: "error", cancelled: "cancelled" }),
    choice("since", "Since", SINCE),
    choice("sort", "Sort", SORTS),
  );
  const columns = [["", ""], ["Start", ""], ["Name", ""], ["Service", ""], ["Model", ""], ["Spans", "number"], ["In", "number"], ["Out", "number"], ["Cost", "number"], ["Status", ""], ["Duration", "number"]];
  const body = el("tbody");
  const table = el("table", { class: "stacked" }, el("caption", { class: "skip" }, "Traces"),
    el("thead", {}, el("tr", {}, columns.map(([title, kind]) => el("th", { scope: "col", class: kind }, title)))), body);
  const compare = el("button", { type: "button", disabled: true, onclick: () => { const [a, b] = marked; go({ view: "diff", a, b }); } }, "Compare two");
  const newer = el("button", { type: "button", onclick: () => page(-1) }, "Newer");
  const older = el("button", { type: "button", onclick: () => page(1) }, "Older");
  const actions = el("div", { class: "row-actions" }, newer, older, compare);
  const empty = el("div", { class: "empty", hidden: true });
  replace(main, form, table, empty, actions);
  let selected = -1;
  let drawn = "";

  form.addEventListener("input", debounced(() => go({ view: "traces", ...filled() }, { quietly: true })));

  function filled() {
    return Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
  }

  function page(step) {
    const asked = parameters();
    const offset = Math.max(0, Number(asked.offset || 0) + step * PAGE);
    go({ ...asked, view: "traces", offset: offset ? String(offset) : "" });
  }

  async function show(asked) {
    for (const name of FIELDS) {
      const field = form.elements.namedItem(name);
      if (document.activeElement !== field) field.value = asked[name] || "";
    }
    await load(asked);
    const names = await ask("facets");
    for (const [list, node] of Object.entries(lists)) replace(node, names[list].map((value) => el("option", { value })));
  }

  async function load(asked) {
    const wanted = Object.fromEntries(FIELDS.map((name) => [name, asked[name]]));
    const { traces } = await ask("traces", { ...wanted, limit: String(PAGE + 1), offset: asked.offset });
    newer.disabled = !Number(asked.offset || 0);
    older.disabled = traces.length <= PAGE;
    draw(traces.slice(0, PAGE), asked);
    await markRows(body, "traces");
  }

  function draw(traces, asked) {
    const now = JSON.stringify(traces);
    if (now === drawn) return;
    drawn = now;
    replace(body, traces.map(row));
    mark(Math.min(selected, traces.length - 1));
    table.hidden = !traces.length;
    empty.hidden = Boolean(traces.length);
    if (!traces.length) replace(empty, FIELDS.some((name) => asked[name]) ? el("p", {}, "No trace matches. ", link({ view: "traces" }, "Show all")) : howToFill());
  }

  function row(trace) {
    const cell = (label, value, kind = "") => el("td", { class: kind, "data-label": value === "" ? null : label }, value);
    const tick = el("input", { type: "checkbox", "aria-label": `Mark ${trace.name} for the diff`, checked: marked.has(trace.trace_id), onchange: (event) => tickTrace(trace.trace_id, event.target.checked) });
    return el("tr", { "data-id": trace.trace_id },
      el("td", {}, tick),
      el("td", { class: "short" }, moment(trace.start)),
      el("td", { class: "wide" }, link({ view: "trace", id: trace.trace_id }, trace.name || "(no name)")),
      cell("service", trace.service), cell("model", trace.models.join(", ")), cell("spans", amount(trace.spans), "number"),
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
    else if (event.key === "Enter" && at && event.target.tagName !== "A") go({ view: "trace", id: at.dataset.id });
    else if (event.key === "x" && at) at.querySelector("input").click();
    else return false;
    return true;
  }

  const refresh = (asked) => (Number(asked.offset || 0) ? null : load(asked));
  return { show, refresh, key };
}

export function sessionsView(main) {
  const titles = ["Session", "Last", "Agent", "Service", "Traces", "Calls", "Tools", "In", "Out", "Cost"];
  const body = el("tbody");
  const table = el("table", { class: "stacked" }, el("caption", { class: "skip" }, "Sessions"),
    el("thead", {}, el("tr", {}, titles.map((title, index) => el("th", { scope: "col", class: index > 3 ? "number" : "" }, title)))), body);
  const empty = el("p", { hidden: true }, "No trace names a session yet: telemetry.session() or the attribute gen_ai.conversation.id does.");
  replace(main, table, empty);

  async function show() {
    const { sessions } = await ask("sessions");
    table.hidden = !sessions.length;
    empty.hidden = Boolean(sessions.length);
    replace(body, sessions.map((session) => {
      const cell = (label, value) => el("td", { class: "number", "data-label": value === "" ? null : label }, value);
      return el("tr", { "data-id": session.session },
        el("td", { class: "wide" }, link({ view: "session", id: session.session }, session.session)),
        el("td", { class: "short" }, moment(session.end)), el("td", {}, session.agent || ""), el("td", {}, session.service),
        cell("traces", amount(session.traces)), cell("calls", amount(session.calls)), cell("tools", amount(session.tools)),
        cell("in", amount(session.input_tokens)), cell("out", amount(session.output_tokens)),
        cell("cost", dollars(session.cost_usd, session.cost_is_estimate, session.unpriced_calls)));
    }));
    await markRows(body, "sessions");
  }
  return { show, refresh: show };
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

export function debounced(step) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(step, 200);
  };
}
