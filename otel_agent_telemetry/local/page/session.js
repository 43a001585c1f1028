// A session as one conversation, across its traces.

import { ask } from "./api.js";
import { el, link, replace, withCode } from "./dom.js";
import { feedbackLine, feedbackPanel } from "./feedback.js";
import { amount, dollars, duration, momentInZone, plural } from "./format.js";
import { recordingNote, talkTurn } from "./talk.js";

const NOT_FOUND = 404;

export function sessionView(main, { go, parameters }) {
  const heading = el("div");
  const note = el("div");
  const turns = el("div", { class: "talk" });
  const pages = el("div", { class: "row-actions" });
  replace(main, heading, note, turns, pages);
  const nodes = new Map();
  let drawn = "";
  let shownPlace = null;
  let latest = 0;

  async function show(asked) {
    const place = `${asked.id} ${asked.offset || ""}`;
    if (place !== shownPlace) drawn = "";
    shownPlace = place;
    const page = await load(asked);
    if (page) heading.closest("main")?.scrollTo(0, 0);
  }

  // Plain text first, which is quick; the same with Markdown when it comes.
  async function load(asked) {
    const wanted = { content: "true", offset: asked.offset };
    const path = `sessions/${encodeURIComponent(asked.id || "")}`;
    const mine = ++latest;
    const page = await ask(path, wanted).catch((error) => (mine === latest ? missing(error) : null));
    if (!page || mine !== latest) return null;
    const now = JSON.stringify(page);
    if (now === drawn) return null;
    const isFirst = !drawn;
    drawn = now;
    if (isFirst) draw(page);
    const marked = await ask(path, { ...wanted, markdown: "true" });
    if (drawn === now) draw(marked);
    return isFirst ? page : null;
  }

  function missing(error) {
    if (error.status !== NOT_FOUND) throw error;
    drawn = "";
    replace(heading, el("h1", {}, "There is no such session"), el("p", { role: "alert" }, withCode(error.message)), link({ view: "sessions" }, "All sessions"));
    replace(note);
    replace(turns);
    replace(pages);
  }

  function draw(page) {
    drawHeading(page.session);
    replace(note, recordingNote(page.turns));
    const written = document.activeElement;
    keep(page.turns.map(known).concat(page.feedback.map(feedbackLine)));
    if (turns.contains(written)) written.focus();
    drawPages(page);
  }

  // A turn that is as it was keeps its node, with what is unfolded in it; any keeps what is being said of it.
  function known(turn) {
    const id = `${turn.trace_id}/${turn.span_id}/${turn.start}`;
    const now = JSON.stringify(turn);
    const before = nodes.get(id);
    if (before?.drawn === now) return before.node;
    const panel = before?.panel || feedbackPanel(turn);
    panel.show(turn.feedback);
    nodes.set(id, { drawn: now, panel, node: talkTurn(turn, panel) });
    return nodes.get(id).node;
  }

  function keep(wanted) {
    wanted.forEach((node, place) => turns.children[place] !== node && turns.insertBefore(node, turns.children[place] || null));
    while (turns.children.length > wanted.length) turns.lastChild.remove();
  }

  function drawHeading(session) {
    const facts = [[session.traces, plural(session.traces, "trace")], [session.calls, plural(session.calls, "model call")], [session.tools, plural(session.tools, "tool call")], [amount(session.input_tokens), "tokens in"], [amount(session.output_tokens), "tokens out"],
      [dollars(session.cost_usd, session.cost_is_estimate, session.unpriced_calls), session.cost_is_estimate ? "estimated" : ""], [duration(new Date(session.end) - new Date(session.start)), "from first to last"], [session.errors || "", session.errors ? "failed" : ""]];
    replace(heading, el("h1", {}, `Session ${session.session}`), el("div", { class: "facts" },
      facts.filter(([value]) => value).map(([value, words]) => el("span", {}, el("b", {}, String(value)), " ", words)),
      session.agent && el("span", {}, `agent ${session.agent}`), el("span", {}, session.service), el("span", {}, momentInZone(session.start)),
      link({ view: "traces", session: session.session }, "its traces"), link({ view: "diff", of: "sessions", a: session.session }, "compare")));
  }

  function drawPages(page) {
    const at = (words, offset) => el("button", { type: "button", disabled: offset === null, onclick: () => go({ ...parameters(), offset: offset ? String(offset) : "" }) }, words);
    const last = page.next === null ? page.calls : page.next;
    replace(pages, page.next === null && page.previous === null ? null : [at("Earlier", page.previous), at("Later", page.next),
      el("span", { class: "quiet" }, `steps ${amount(page.offset + 1)} to ${amount(last)} of ${amount(page.calls)}`)]);
  }

  function key(event) {
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (!step) return false;
    const links = [...turns.querySelectorAll(".turn > .facts b a")];
    const at = links.indexOf(document.activeElement);
    links[Math.max(0, Math.min(links.length - 1, at < 0 ? 0 : at + step))]?.focus();
    return true;
  }

  return { show, refresh: load, key };
}
