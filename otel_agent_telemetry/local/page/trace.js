// One trace: its timeline, its conversation, and what of it left this machine.

import { ask } from "./api.js";
import { address, el, link, replace, turns, withCode } from "./dom.js";
import { amount, dollars, duration, momentInZone, plural } from "./format.js";
import { leftPanel } from "./left.js";
import { logsOfSpan } from "./logs.js";
import { debounced } from "./search.js";
import { spanPanel } from "./span.js";
import { copyButton, exportButton } from "./take.js";
import { talkPanel } from "./talk.js";
import { timeline } from "./timeline.js";

const TABS = { waterfall: "Timeline", conversation: "Conversation", left: "What left this machine" };
const NOT_FOUND = 404;

export function traceView(main, { go, parameters }) {
  const heading = el("div");
  const search = el("input", { type: "search", placeholder: "search inside", "aria-label": "Search inside the trace" });
  const found = el("span", { class: "quiet", role: "status" });
  const tabs = Object.entries(TABS).map(([name, words]) =>
    el("button", { type: "button", role: "tab", id: `tab-${name}`, "data-tab": name, "aria-controls": "panel", onclick: () => go({ ...parameters(), tab: name === "waterfall" ? "" : name }) }, words));
  const panel = el("div", { id: "panel", role: "tabpanel", class: "panes" });
  const box = el("div", { class: "trace" }, heading, el("div", { class: "tabs" }, el("div", { role: "tablist", "aria-label": "Trace" }, tabs), search, found), panel);
  const details = el("aside", { class: "details", "aria-label": "Span", hidden: true });
  const chart = timeline({ onSelect: (span) => go({ ...parameters(), span }, { quietly: true }), onState: () => soon() });
  const take = el("span", { class: "take-row" }, copyButton("Copy id", () => tree.trace.trace_id), copyButton("Copy link", theLink), exportButton(() => tree.trace.trace_id));
  let tree = null;
  let treeText = "";
  let loaded = null;
  let shownSpan = null;
  let shownRow = null;
  let hasContent = false;
  let shownTab = null;
  let latest = 0;
  let wanted = null;
  const begin = turns();

  const soon = debounced(remember);
  search.addEventListener("input", debounced(find));

  async function find() {
    const text = search.value;
    const inside = text.trim() ? await ask(`traces/${tree.trace.trace_id}/matching`, { text: text.trim() }) : { spans: [] };
    if (text !== search.value) return;
    const count = chart.search(text, inside.spans);
    found.textContent = count === null ? "" : `${count} ${plural(count, "match")}`.replace("matchs", "matches");
  }

  function state() {
    return { ...parameters(), ...chart.address(), find: search.value.trim() };
  }

  function remember() {
    if (tree && box.isConnected && parameters().view === "trace") history.replaceState(null, "", address(state()));
  }

  function theLink() {
    return `${location.origin}${location.pathname}${address({ ...state(), id: tree.trace.trace_id })}`;
  }

  async function show(asked) {
    const id = asked.id || "latest";
    wanted = id;
    if (!tree || (asked.id !== loaded && tree.trace.trace_id !== id)) {
      if (!(await load(id))) return;
      loaded = asked.id;
      chart.restore(asked);
      search.value = asked.find || "";
      if (search.value) await find();
    }
    const tab = asked.tab in TABS ? asked.tab : "waterfall";
    for (const each of tabs) each.setAttribute("aria-selected", String(each.dataset.tab === tab));
    panel.setAttribute("aria-labelledby", `tab-${tab}`);
    search.hidden = tab !== "waterfall";
    if (tab !== shownTab) await open(tab);
    if (tab === "waterfall") await showSpan(asked.span || null);
  }

  async function load(id) {
    shownTab = null;
    shownSpan = null;
    soon.cancel();
    const mine = ++latest; // of questions that overlap, the last one's answer counts
    const isLast = () => mine === latest && wanted === id;
    if (!box.isConnected) replace(main, el("p", { class: "quiet", role: "status" }, "Loading the trace…"));
    try {
      const answer = await ask(`traces/${encodeURIComponent(id)}`);
      if (!isLast()) return false;
      tree = answer;
    } catch (error) {
      if (!isLast()) return false;
      tree = null;
      if (error.status !== NOT_FOUND) throw error;
      replace(main, unknown(error.message));
      return false;
    }
    treeText = JSON.stringify(tree);
    replace(main, box);
    drawHeading(tree.trace);
    chart.set(tree);
    return true;
  }

  function drawHeading(trace) {
    const facts = [[amount(trace.spans), plural(trace.spans, "span")], [amount(trace.calls), plural(trace.calls, "model call")], [amount(trace.tools), plural(trace.tools, "tool call")], [amount(trace.input_tokens), "tokens in"], [amount(trace.output_tokens), "tokens out"],
      [dollars(trace.cost_usd, trace.cost_is_estimate, trace.unpriced_calls), trace.cost_is_estimate ? "estimated" : ""], [duration(trace.duration_ms), ""], [trace.errors ? amount(trace.errors) : "", trace.errors ? "failed" : ""], [["ok", "error"].includes(trace.status) ? "" : trace.status, ""], [trace.models.join(", "), ""]];
    replace(heading, el("div", { class: "title" }, el("h1", {}, trace.name || "(no name)"), take), el("div", { class: "facts" },
      facts.filter(([value]) => value).map(([value, words]) => el("span", {}, el("b", {}, value), " ", words)),
      el("span", {}, trace.service), el("span", {}, momentInZone(trace.start)),
      trace.session && el("span", {}, "session ", link({ view: "session", id: trace.session }, trace.session)),
      el("span", { class: "mono" }, trace.trace_id)));
  }

  async function open(tab) {
    const isLast = begin();
    const id = tree.trace.trace_id;
    shownTab = tab;
    if (tab === "waterfall") {
      replace(panel, chart.box, details);
      chart.set(tree);
      return;
    }
    const drawn = tab === "conversation" ? talkPanel(await ask(`traces/${id}/conversation`, { markdown: "true" }), id) : leftPanel(await ask(`traces/${id}/left`));
    if (isLast()) replace(panel, drawn);
  }

  async function showSpan(span) {
    chart.select(span, { quietly: true });
    if (span === shownSpan) return;
    shownSpan = span;
    details.hidden = !span;
    if (!span) return;
    chart.reveal(span);
    await describe(span, false);
  }

  async function describe(span, content) {
    const trace = tree.trace.trace_id;
    hasContent = content;
    const [detail, logs] = await Promise.all([ask(`traces/${trace}/spans/${encodeURIComponent(span)}`, { content: content && "true" }), logsOfSpan(trace, span, { content })]);
    if (shownSpan !== span || hasContent !== content) return;
    const row = tree.spans.find((each) => each.span_id === span);
    shownRow = JSON.stringify(row);
    const speaker = row?.repeats && tree.spans.find((each) => each.span_id === row.repeats);
    replace(details, spanPanel(detail, logs, { row, speaker, trace, onClose: close, onContent: () => describe(span, true) }));
  }

  function close() {
    go({ ...parameters(), span: "" }, { quietly: true });
  }

  function key(event) {
    if (!tree) return false;
    if (event.key === "Escape" && shownSpan) close();
    else if (shownTab !== "waterfall") return false;
    else return chart.key(event);
    return true;
  }

  async function refresh() {
    if (!tree) return;
    const mine = latest;
    const now = await ask(`traces/${tree.trace.trace_id}`);
    if (mine !== latest) return;
    const text = JSON.stringify(now);
    if (text === treeText) {
      if (shownTab === "left") await open("left");
      return;
    }
    [tree, treeText] = [now, text];
    drawHeading(tree.trace);
    if (shownTab !== "waterfall") await open(shownTab);
    else await grow();
  }

  async function grow() {
    chart.set(tree);
    if (search.value.trim()) await find();
    const row = shownSpan && tree.spans.find((each) => each.span_id === shownSpan);
    if (!row || JSON.stringify(row) === shownRow) return;
    const top = details.scrollTop;
    await describe(shownSpan, hasContent);
    details.scrollTop = top;
  }

  return { show, refresh, key };
}

// The ids that a message names lead to their traces.
function withLinks(message) {
  return message.split(/\b([0-9a-f]{32})\b/).map((part, index) => (index % 2 ? link({ view: "trace", id: part }, part) : part));
}

function unknown(message) {
  return el("div", { class: "empty" }, el("h1", {}, "This trace is not in the store"), el("p", { role: "alert" }, withCode(message).map((part) => (part instanceof Node ? part : withLinks(part)))),
    el("p", {}, link({ view: "traces" }, "All traces"), " · ", link({ view: "trace", id: "latest" }, "The latest trace")));
}
