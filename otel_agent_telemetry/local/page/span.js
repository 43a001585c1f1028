// Everything about one span.

import { el, link } from "./dom.js";
import { feedbackLine } from "./feedback.js";
import { amount, dollars, duration, shown } from "./format.js";

export function spanPanel(detail, row, onClose, onContent) {
  return [
    el("button", { type: "button", class: "close", "aria-label": "Close the details", onclick: onClose }, "✕"),
    el("h1", {}, detail.name || "(no name)"),
    el("div", { class: "facts" }, facts(detail, row).map(([words, value]) => el("span", {}, `${words} `, el("b", {}, value)))),
    detail.hidden ? el("p", { class: "quiet" }, `${detail.hidden} values are hidden, as they may be content. `, el("button", { type: "button", onclick: onContent }, "Show them")) : null,
    detail.status_message && [el("h2", {}, "Status message"), el("pre", { class: "error" }, detail.status_message)],
    exceptions(detail),
    detail.feedback?.length ? [el("h2", {}, "Feedback"), detail.feedback.map(feedbackLine)] : null,
    section("Attributes", detail.attributes),
    detail.events.filter((event) => !["exception", "gen_ai.evaluation.result"].includes(event.name)).map((event) => section(`Event ${event.name}, after ${duration(Math.max(0, event.offset_ms))}`, event.attributes)),
    detail.links.map((each) => [el("h2", {}, "Link to ", link({ view: "trace", id: each.trace_id, span: each.span_id }, each.trace_id.slice(0, 16))), pairs(each.attributes)]),
    section("Resource", detail.resource),
    detail.dropped_attributes ? el("p", { class: "quiet" }, `${detail.dropped_attributes} attributes were dropped by the program that sent it.`) : null,
  ];
}

function facts(detail, row) {
  const found = [["kind", row?.kind || detail.span_kind], ["took", duration(row?.duration_ms ?? 0)], ["status", row?.status ?? ""], ["scope", `${detail.scope} ${detail.scope_version}`.trim()]];
  if (row?.input_tokens !== null && row) found.push(["in", amount(row.input_tokens)], ["out", amount(row.output_tokens)]);
  if (row?.cost_usd !== null && row) found.push([row.cost_is_estimate ? "cost, estimated" : "cost", dollars(row.cost_usd, row.cost_is_estimate)]);
  return found.filter(([, value]) => value);
}

function exceptions(detail) {
  return detail.events.filter((event) => event.name === "exception").map((event) => {
    const { "exception.type": type, "exception.message": message, "exception.stacktrace": stack } = event.attributes;
    return [el("h2", { class: "error" }, `Exception ${shown(type ?? "")}`), message !== undefined && el("pre", {}, shown(message)), stack !== undefined && el("pre", {}, shown(stack))];
  });
}

function section(title, attributes) {
  return Object.keys(attributes).length ? [el("h2", {}, title), pairs(attributes)] : null;
}

function pairs(attributes) {
  return el("table", { class: "pairs" }, el("tbody", {}, Object.entries(attributes).map(([key, value]) => el("tr", {}, el("td", {}, key), el("td", {}, readable(value))))));
}

function readable(value) {
  if (typeof value !== "string" || !/^[[{]/.test(value)) return shown(value);
  try {
    return el("pre", {}, JSON.stringify(JSON.parse(value), null, 2));
  } catch {
    return value;
  }
}
