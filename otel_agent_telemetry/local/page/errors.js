// Failures by type and place.

import { ask } from "./api.js";
import { awaited, el, link, replace, turns } from "./dom.js";
import { amount, moment, zone } from "./format.js";
import { SINCE } from "./times.js";

const TITLES = [["Error", ""], ["Where", ""], ["Times", "number"], ["Traces", "number"]];
const TIMES = ["First", "Last"];

export function errorsView(main, { go }) {
  const since = el("select", { "aria-label": "Since" }, Object.entries(SINCE).map(([value, words]) => el("option", { value }, words)));
  const service = el("select", { "aria-label": "Service" });
  const body = el("tbody");
  const inZone = el("span", { class: "quiet zone" });
  const times = TIMES.map((title) => el("th", { scope: "col" }, title));
  const table = el("table", { class: "stacked", hidden: true }, el("caption", { class: "skip" }, "Errors"),
    el("thead", {}, el("tr", {}, TITLES.map(([title, kind]) => el("th", { scope: "col", class: kind }, title)), times)), body);
  const empty = el("div", {}, awaited());
  const note = el("p", { class: "quiet" });
  replace(main, el("div", { class: "row-actions" }, since, service, inZone), table, empty, note);
  const change = () => go({ view: "errors", since: since.value, service: service.value }, { quietly: true });
  since.addEventListener("change", change);
  service.addEventListener("change", change);
  const begin = turns();
  let drawn = "";

  function offer(services, chosen = "") {
    replace(service, ["", ...services].map((name) => el("option", { value: name }, name || "all services")));
    service.value = chosen;
  }

  async function show(asked) {
    since.value = asked.since || "";
    offer(asked.service ? [asked.service] : [], asked.service);
    await load(asked);
    const { services } = await ask("facets");
    offer(services, asked.service);
  }

  async function load(asked) {
    const isLast = begin();
    const answer = await ask("errors", { since: asked.since, service: asked.service });
    if (!isLast()) return;
    const now = JSON.stringify(answer);
    if (now === drawn) return;
    drawn = now;
    const zones = zone(answer.errors.flatMap((error) => [error.first_seen, error.last_seen]));
    replace(inZone, answer.errors.length ? `times in ${zones}` : "");
    times.forEach((head, index) => replace(head, `${TIMES[index]} (${zones})`));
    table.hidden = !answer.errors.length;
    replace(empty, answer.errors.length ? null : "Nothing failed in this time.");
    note.textContent = answer.is_all ? "" : "Only the latest 1,000 traces with failures are looked at; choose a shorter time to see all of it.";
    const opened = new Set([...body.querySelectorAll("details[open]")].map((each) => each.dataset.of));
    replace(body, answer.errors.map(line));
    for (const each of body.querySelectorAll("details")) each.open = opened.has(each.dataset.of);
  }
  return { show, refresh: load };
}

function line(error) {
  const number = (label, value) => el("td", { class: "number", "data-label": label }, amount(value));
  const category = error.category && error.category !== error.type ? el("span", { class: "quiet" }, ` ${error.category}`) : null;
  return el("tr", {},
    el("td", { class: "wide" }, el("b", { class: "error" }, error.type), category, error.message && el("div", {}, error.message), traces(error)),
    el("td", { class: "wide where" }, el("span", { class: "quiet" }, `${error.service} · `), error.name),
    number("times", error.occurrences), number("traces", error.traces),
    el("td", { class: "short", "data-label": "first" }, moment(error.first_seen)), el("td", { class: "short", "data-label": "last" }, moment(error.last_seen)));
}

function traces({ type, service, name, traces: count, trace_links: links }) {
  const more = count - links.length;
  return el("details", { "data-of": JSON.stringify([type, service, name]) }, el("summary", {}, count === 1 ? "its trace" : `its ${amount(count)} traces`),
    el("ul", { class: "bare" }, links.map((each) => el("li", {}, link({ view: "trace", id: each.trace_id, span: each.span_id }, each.name || "(no name)"), el("span", { class: "quiet" }, ` ${moment(each.start)}`)))),
    more > 0 && el("p", { class: "quiet" }, `and ${amount(more)} earlier`));
}
