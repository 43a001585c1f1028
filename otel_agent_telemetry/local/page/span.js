// Everything about one span; what failed comes first.

import { ask } from "./api.js";
import { el, link } from "./dom.js";
import { feedbackLine } from "./feedback.js";
import { amount, dollars, duration, shown } from "./format.js";
import { logRecord } from "./logs.js";
import { copyButton } from "./take.js";

export function spanPanel(detail, logs, { row, speaker, trace, onClose, onContent }) {
  const hidden = detail.hidden + logs.reduce((sum, log) => sum + log.hidden, 0);
  return [
    el("button", { type: "button", class: "close", "aria-label": "Close the details", onclick: onClose }, "✕"),
    el("h1", {}, detail.name || "(no name)"),
    failure(detail),
    el("div", { class: "facts" }, facts(detail, row).map(([words, value]) => el("span", {}, `${words} `, el("b", {}, value)))),
    speaker && el("p", { class: "note" }, "It repeats ", link({ view: "trace", id: trace, span: speaker.span_id }, speaker.name), ", which is the one that counts."),
    copies(detail, row, trace),
    hidden ? el("p", { class: "quiet" }, `${hidden} ${hidden === 1 ? "value is hidden, as it" : "values are hidden, as they"} may be content. `, el("button", { type: "button", onclick: onContent }, hidden === 1 ? "Show it" : "Show them")) : null,
    exceptions(detail),
    detail.feedback?.length ? [el("h2", {}, "Feedback"), detail.feedback.map(feedbackLine)] : null,
    section("Attributes", detail.attributes),
    detail.events.filter((event) => !["exception", "gen_ai.evaluation.result"].includes(event.name)).map((event) => section(`Event ${event.name}, ${after(event)}`, event.attributes) || el("h2", {}, `Event ${event.name}, ${after(event)}`)),
    logRecords(logs.filter((record) => record.event !== "gen_ai.evaluation.result")),
    detail.links.map((each) => linked(each, trace)),
    section("Resource", detail.resource),
    detail.dropped_attributes ? el("p", { class: "quiet" }, `${detail.dropped_attributes} attributes were dropped by the program that sent it.`) : null,
  ];
}

// What went wrong, in the words of the status, else of the last exception.
function failure(detail) {
  const thrown = detail.events.findLast((event) => event.name === "exception")?.attributes["exception.message"];
  const said = detail.status_message || (thrown === undefined ? "" : shown(thrown));
  return said && el("pre", { class: "error failure", "aria-label": "Failure" }, said);
}

function facts(detail, row) {
  const took = row?.unfinished ? "has not ended" : duration(row?.duration_ms ?? 0);
  const found = [["kind", row?.kind || detail.span_kind], ["took", took], ["status", row?.status ?? ""], ["error", row?.error_type ?? ""], ["service", row?.service ?? ""], ["scope", `${detail.scope} ${detail.scope_version}`.trim()]];
  if (row?.input_tokens !== null && row) found.push(["in", amount(row.input_tokens)], ["out", amount(row.output_tokens)]);
  if (row?.cost_usd !== null && row) found.push([row.cost_is_estimate ? "cost, estimated" : "cost", dollars(row.cost_usd, row.cost_is_estimate)]);
  return found.filter(([, value]) => value);
}

function copies(detail, row, trace) {
  const path = `traces/${trace}/spans/${detail.span_id}`;
  const isWhole = !detail.hidden;
  return el("p", { class: "take-row" },
    copyButton("Copy as JSON", async () => pretty((await ask(`${path}/otlp`, { content: isWhole ? "true" : "" })).text)),
    row?.kind === "model" && isWhole && copyButton("Copy prompt", async () => (await ask(`${path}/prompt`)).text || "No prompt was recorded."),
    copyButton("Copy span id", () => detail.span_id));
}

function exceptions(detail) {
  return detail.events.filter((event) => event.name === "exception").map((event) => {
    const { "exception.type": type, "exception.message": message, "exception.stacktrace": stack, ...more } = event.attributes;
    return [el("h2", { class: "error" }, `Exception ${shown(type ?? "")}, ${after(event)}`), message !== undefined && el("pre", {}, shown(message)), stack !== undefined && el("pre", {}, shown(stack)), Object.keys(more).length > 0 && pairs(more)];
  });
}

function logRecords(logs) {
  return logs.length > 0 && [el("h2", {}, logs.length === 1 ? "Log record" : "Log records"), el("ol", { class: "logs" }, logs.map(logRecord))];
}

function linked(each, trace) {
  const name = each.trace_id === trace ? `span ${each.span_id}` : each.trace_id.slice(0, 16);
  const target = each.is_stored ? link({ view: "trace", id: each.trace_id, span: each.span_id }, name) : [el("span", { class: "mono" }, each.trace_id), el("span", { class: "quiet" }, ", which is not in the store")];
  return [el("h2", {}, "Link to ", target), pairs(each.attributes)];
}

function after(each) {
  return each.offset_ms < 0 ? `${duration(-each.offset_ms)} before it began` : `after ${duration(each.offset_ms)}`;
}

function section(title, attributes) {
  return Object.keys(attributes).length ? [el("h2", {}, title), pairs(attributes)] : null;
}

function pairs(attributes) {
  return el("table", { class: "pairs" }, el("tbody", {}, Object.entries(attributes).map(([key, value]) => el("tr", {}, el("td", {}, key), el("td", {}, readable(value))))));
}

function pretty(text) {
  return JSON.stringify(JSON.parse(text), null, 2);
}

function readable(value) {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return shown(value);
  try {
    return el("pre", {}, pretty(value));
  } catch {
    return value;
  }
}
