// What left this machine: each event that the trace gave, field by field, and all that was left out.

import { el } from "./dom.js";
import { momentInZone, plural, shown } from "./format.js";

const MATCHES = { reference: "a keyed hash of this trace's ids agrees", time: "it happened while this trace ran" };
const NOWHERE = "recorded, nowhere to send";

export function leftPanel(left) {
  return el("div", { class: "scroll" }, el("div", { class: "columns" },
    el("section", { "aria-label": "Events" }, el("h1", {}, heading(left.events)), left.events.length ? left.events.map(event) : none()),
    el("section", { "aria-label": "Left out" }, el("h1", {}, "Left out of them"), el("p", { class: "quiet" }, "None of this is in any event."), leftOut(left.left_out))));
}

function heading(events) {
  const words = `${events.length} ${plural(events.length, "anonymous event")}`;
  const stayed = events.filter((each) => each.state === NOWHERE).length;
  return stayed ? `${words} · ${stayed} ${NOWHERE}` : words;
}

function none() {
  return el("p", {}, "No event is known for this trace. `agent-telemetry status` says whether events are on, and `agent-telemetry events` prints what was recorded.");
}

function event(each) {
  return el("div", { class: "card" },
    el("h2", {}, each.event, " ", el("span", { class: "quiet" }, each.state)),
    el("div", { class: "facts" }, el("span", {}, momentInZone(each.occurred)), el("span", {}, `${each.dialect} dialect`), el("span", {}, `here because ${MATCHES[each.matched_by]}`)),
    el("table", {}, el("thead", {}, el("tr", {}, ["Field", "Value", "Kind", "Made from"].map((title) => el("th", { scope: "col" }, title)))),
      el("tbody", {}, each.fields.map((field) => el("tr", {},
        el("td", { title: field.why }, field.name), el("td", { class: "mono" }, shown(field.value)), el("td", {}, field.kind), el("td", { class: "quiet" }, field.sources.join(", ")))))),
    el("details", {}, el("summary", {}, "the body, as it is"), el("pre", {}, each.body)));
}

function leftOut(rows) {
  return el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "What"), el("th", { scope: "col", class: "number" }, "On"))),
    el("tbody", {}, rows.map((row) => el("tr", {}, el("td", {}, row.what), el("td", { class: "number" }, row.count)))));
}
