// Anonymous events that came to this server, byte for byte.

import { ask } from "./api.js";
import { el, link, replace, turns } from "./dom.js";
import { momentInZone } from "./format.js";

const PAGE = 50;

export function eventsView(main, { go, parameters }) {
  const list = el("ol", { class: "logs", "aria-label": "Anonymous events" });
  const empty = el("p", { hidden: true }, "No anonymous event has been sent to this server. What products recorded is on the command line: agent-telemetry events.");
  const newer = el("button", { type: "button", onclick: () => page(-1) }, "Newer");
  const older = el("button", { type: "button", onclick: () => page(1) }, "Older");
  replace(main, el("h1", {}, "Anonymous events received here"), list, empty, el("div", { class: "row-actions" }, newer, older, link({ view: "logs" }, "Logs")));

  function page(step) {
    go({ view: "events", offset: String(Math.max(0, Number(parameters().offset || 0) + step * PAGE)) });
  }

  const begin = turns();

  async function show(asked) {
    const isLast = begin();
    const { events } = await ask("events", { limit: String(PAGE + 1), offset: asked.offset });
    if (!isLast()) return;
    newer.disabled = !Number(asked.offset || 0);
    older.disabled = events.length <= PAGE;
    empty.hidden = Boolean(events.length);
    replace(list, events.slice(0, PAGE).map((each) => el("li", { class: "log" },
      el("div", { class: "log-head" }, el("span", { class: "short quiet" }, momentInZone(each.received)), el("span", {}, each.dialect), el("b", {}, each.names.join(", ") || "unknown")),
      el("details", {}, el("summary", {}, "the body, as it is"), el("pre", {}, each.body)))));
  }
  return { show, refresh: (asked) => (Number(asked.offset || 0) ? null : show(asked)) };
}
