// Log records with a search, the latest first; and those of a span, for the trace page.

import { ask } from "./api.js";
import { awaited, el, link, replace, turns } from "./dom.js";
import { momentInZone, shown } from "./format.js";
import { SINCE } from "./times.js";

const PAGE = 50;
const FIELDS = ["text", "severity", "service", "trace", "since"];
const SEVERITIES = { "": "any severity", debug: "debug and above", info: "info and above", warn: "warnings and above", error: "errors and above", fatal: "fatal" };

export function logsView(main, { go, parameters }) {
  const services = el("datalist", { id: "log-services" });
  const choice = (name, label, options) => el("label", {}, label, el("select", { name }, Object.entries(options).map(([value, words]) => el("option", { value }, words))));
  const form = el("form", { class: "filters", role: "search", "aria-label": "Filter log records", onsubmit: (event) => { event.preventDefault(); change(); } },
    el("label", {}, "Text", el("input", { name: "text", type: "search", placeholder: "in any of their texts", autocomplete: "off" })),
    choice("severity", "Severity", SEVERITIES),
    el("label", {}, "Service", el("input", { name: "service", placeholder: "any service", list: "log-services", autocomplete: "off" }), services),
    choice("since", "Since", SINCE),
    el("label", { class: "id" }, "Trace", el("input", { name: "trace", class: "mono", placeholder: "id", autocomplete: "off", spellcheck: "false" })));
  const content = el("input", { type: "checkbox", onchange: () => change() });
  const newer = el("button", { type: "button", onclick: () => page(-1) }, "Newer");
  const older = el("button", { type: "button", onclick: () => page(1) }, "Older");
  const list = el("ol", { class: "logs", "aria-label": "Log records" });
  const empty = el("div", {}, awaited());
  replace(main, form, list, empty, el("div", { class: "row-actions" }, newer, older, el("label", {}, content, " show content that is hidden"), link({ view: "events" }, "Anonymous events received here")));
  form.addEventListener("change", () => change());
  const begin = turns();
  let drawn = "";

  function change() {
    const filled = Object.fromEntries([...new FormData(form)].filter(([, value]) => value));
    go({ view: "logs", ...filled, content: content.checked && "true" }, { quietly: true });
  }

  function page(step) {
    const asked = parameters();
    go({ ...asked, view: "logs", offset: String(Math.max(0, Number(asked.offset || 0) + step * PAGE)) });
  }

  async function show(asked) {
    for (const name of FIELDS) {
      const field = form.elements.namedItem(name);
      if (document.activeElement !== field) field.value = asked[name] || "";
    }
    content.checked = asked.content === "true";
    await load(asked);
    const known = await ask("facets");
    replace(services, known.services.map((value) => el("option", { value })));
  }

  async function load(asked) {
    const isLast = begin();
    const wanted = Object.fromEntries(FIELDS.map((name) => [name, asked[name]]));
    const { logs } = await ask("logs", { ...wanted, span: asked.span, content: asked.content, limit: String(PAGE + 1), offset: asked.offset });
    if (!isLast()) return;
    newer.disabled = !Number(asked.offset || 0);
    older.disabled = logs.length <= PAGE;
    const now = JSON.stringify(logs);
    if (now === drawn) return;
    drawn = now;
    replace(list, logs.slice(0, PAGE).map(logRecord));
    replace(empty, logs.length ? null : [...FIELDS, "span"].some((name) => asked[name]) ? ["No log record matches. ", link({ view: "logs" }, "Show all")] : "No log record has arrived yet; programs send them to /v1/logs.");
  }

  const refresh = (asked) => (Number(asked.offset || 0) ? null : load(asked));
  return { show, refresh };
}

export async function logsOfSpan(trace, span, { content = false } = {}) {
  const { logs } = await ask("logs", { trace, span, content: content && "true", limit: "1000" });
  return logs.reverse();
}

export function logRecord(log) {
  const text = log.body ?? log.event ?? (log.hidden ? "(hidden)" : "(no text)");
  const pairs = Object.entries(log.attributes);
  const facts = [log.event && log.body !== null && ["event", log.event], ["scope", log.scope], ...pairs].filter((pair) => pair && pair[1] !== "");
  return el("li", { class: `log ${log.severity}` },
    el("div", { class: "log-head" }, el("span", { class: "short quiet" }, momentInZone(log.time)), el("span", { class: "severity" }, log.severity || "–"), el("span", {}, log.service), traceOf(log)),
    el("div", { class: "log-text" }, text),
    (facts.length > 0 || log.hidden > 0) && el("details", {}, el("summary", {}, more(pairs.length, log.hidden)), el("table", { class: "pairs" }, el("tbody", {}, facts.map(([key, value]) => el("tr", {}, el("td", {}, key), el("td", { class: "mono" }, shown(value))))))));
}

function more(count, hidden) {
  const words = count === 1 ? "1 attribute" : `${count} attributes`;
  return hidden ? `${words}, ${hidden} hidden as content` : words;
}

function traceOf(log) {
  if (!log.trace_id) return null;
  const id = log.trace_id.slice(0, 8);
  return log.trace_known ? link({ view: "trace", id: log.trace_id, span: log.span_id }, `trace ${id}`) : el("span", { class: "quiet" }, `trace ${id}`);
}
