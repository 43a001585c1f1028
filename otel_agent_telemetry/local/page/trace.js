// One trace: its waterfall, its conversation, and what of it left this machine.

import { ask } from "./api.js";
import { el, link, replace } from "./dom.js";
import { amount, dollars, duration, moment, plural } from "./format.js";
import { leftPanel } from "./left.js";
import { debounced } from "./search.js";
import { spanPanel } from "./span.js";
import { talkPanel } from "./talk.js";
import { waterfall } from "./waterfall.js";

const TABS = { waterfall: "Waterfall", conversation: "Conversation", left: "What left this machine" };

export function traceView(main, { go, parameters }) {
  const heading = el("div");
  const search = el("input", { type: "search", placeholder: "search inside", "aria-label": "Search inside the trace" });
  const found = el("span", { class: "quiet", role: "status" });
  const tabs = Object.entries(TABS).map(([name, words]) =>
    el("button", { type: "button", role: "tab", id: `tab-${name}`, "data-tab": name, "aria-controls": "panel", onclick: () => go({ ...parameters(), tab: name === "waterfall" ? "" : name }) }, words));
  const panel = el("div", { id: "panel", role: "tabpanel", class: "panes" });
  const box = el("div", { class: "trace" }, heading, el("div", { class: "tabs" }, el("div", { role: "tablist", "aria-label": "Trace" }, tabs), search, found), panel);
  replace(main, box);
  const details = el("aside", { class: "details", "aria-label": "Span", hidden: true });
  const chart = waterfall((span) => go({ ...parameters(), span }, { quietly: true }));
  let tree = null;
  let shownSpan = null;
  let shownTab = null;

  search.addEventListener("input", debounced(async () => {
    const text = search.value;
    const inside = text.trim() ? await ask(`traces/${tree.trace.trace_id}/matching`, { text: text.trim() }) : { spans: [] };
    if (text !== search.value) return;
    const count = chart.search(text, inside.spans);
    found.textContent = count === null ? "" : `${count} match`;
  }));

  async function show(asked) {
    const id = asked.id || "latest";
    if (!tree || tree.trace.trace_id !== id) await load(id);
    const tab = asked.tab in TABS ? asked.tab : "waterfall";
    for (const each of tabs) each.setAttribute("aria-selected", String(each.dataset.tab === tab));
    search.hidden = tab !== "waterfall";
    if (tab !== shownTab) await open(tab);
    if (tab === "waterfall") await showSpan(asked.span || null);
  }

  async function load(id) {
    tree = await ask(`traces/${encodeURIComponent(id)}`);
    shownTab = null;
    shownSpan = null;
    drawHeading(tree.trace);
    chart.set(tree.spans);
  }

  function drawHeading(trace) {
    const facts = [[`${trace.spans}`, plural(trace.spans, "span")], [`${trace.calls}`, plural(trace.calls, "model call")], [`${trace.tools}`, plural(trace.tools, "tool call")], [amount(trace.input_tokens), "tokens in"], [amount(trace.output_tokens), "tokens out"],
      [dollars(trace.cost_usd, trace.cost_is_estimate, trace.unpriced_calls), trace.cost_is_estimate ? "estimated" : ""], [duration(trace.duration_ms), ""], [trace.errors ? `${trace.errors}` : "", trace.errors ? "failed" : ""], [trace.models.join(", "), ""]];
    replace(heading, el("h1", {}, trace.name || "(no name)"), el("div", { class: "facts" },
      facts.filter(([value]) => value).map(([value, words]) => el("span", {}, el("b", {}, value), " ", words)),
      el("span", {}, trace.service), el("span", {}, moment(trace.start)),
      trace.session && el("span", {}, "session ", link({ view: "traces", session: trace.session }, trace.session)),
      el("span", { class: "mono" }, trace.trace_id)));
  }

  async function open(tab) {
    shownTab = tab;
    if (tab === "waterfall") {
      replace(panel, chart.box, details);
      chart.set(tree.spans);
    } else if (tab === "conversation") replace(panel, talkPanel((await ask(`traces/${tree.trace.trace_id}/conversation`)).turns, tree.trace.trace_id));
    else replace(panel, leftPanel(await ask(`traces/${tree.trace.trace_id}/left`)));
  }

  async function showSpan(span) {
    chart.select(span, { quietly: true });
    if (span === shownSpan) return;
    shownSpan = span;
    details.hidden = !span;
    if (!span) return;
    chart.reveal(span);
    await describe(span, "");
  }

  async function describe(span, query) {
    const detail = await ask(`traces/${tree.trace.trace_id}/spans/${encodeURIComponent(span)}${query}`);
    const row = tree.spans.find((each) => each.span_id === span);
    if (shownSpan === span) replace(details, spanPanel(detail, row, close, () => describe(span, "?content=true")));
  }

  function close() {
    go({ ...parameters(), span: "" }, { quietly: true });
  }

  function key(event) {
    if (event.key === "Escape" && shownSpan) close();
    else if (shownTab !== "waterfall") return false;
    else return chart.key(event);
    return true;
  }

  async function refresh() {
    if (!tree) return;
    const now = await ask(`traces/${tree.trace.trace_id}`);
    if (JSON.stringify(now.trace) === JSON.stringify(tree.trace)) {
      if (shownTab === "left") await open("left");
      return;
    }
    tree = now;
    drawHeading(tree.trace);
    if (shownTab === "waterfall") chart.set(tree.spans);
    else await open(shownTab);
  }

  return { show, refresh, key };
}
