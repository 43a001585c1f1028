// A conversation: what was asked, answered, thought and called, each once.

import { ask } from "./api.js";
import { el, link, replace, withCode } from "./dom.js";
import { feedbackPanel } from "./feedback.js";
import { amount, dollars, duration, moment, plural } from "./format.js";
import { markdownNodes } from "./markdown.js";

const LONG = 1200;
const SHORT = 100;
const NOT_RECORDED = "What was said was not recorded. `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true`, set for `agent-telemetry run`, records it.";

export function talkPanel(page, trace) {
  const box = el("div", { class: "scroll" });
  draw(page);
  return box;

  function draw(shown) {
    const at = (words, offset) => offset !== null && el("button", { type: "button", onclick: () => open(offset) }, words);
    replace(box, recordingNote(shown.turns), shown.turns.length ? shown.turns.map((turn) => talkTurn(turn, feedbackPanel(turn))) : el("p", {}, "No model call or tool call in this trace."),
      el("div", { class: "row-actions" }, at("Earlier", shown.previous), at("Later", shown.next)));
  }

  async function open(offset) {
    draw(await ask(`traces/${trace}/conversation`, { offset: String(offset), markdown: "true" }));
    box.scrollTop = 0;
  }
}

export function talkTurn(turn, panel) {
  const tokens = turn.input_tokens === null ? "" : `${amount(turn.input_tokens)} in, ${amount(turn.output_tokens)} out`;
  const facts = [turn.agent && turn.agent !== turn.about && `agent ${turn.agent}`, tokens, dollars(turn.cost_usd, turn.cost_is_estimate), duration(turn.duration_ms), moment(turn.start)];
  return el("section", { class: `turn ${turn.kind}`, "aria-label": turn.name, "data-span": turn.span_id },
    el("div", { class: "facts" }, el("b", {}, link({ view: "trace", id: turn.trace_id, span: turn.span_id }, turn.about || turn.name)),
      facts.filter(Boolean).map((words) => el("span", {}, words)), turn.is_error && el("span", { class: "error" }, `failed: ${turn.error_type}`)),
    turn.earlier ? earlier(turn) : null,
    turn.messages.length ? turn.messages.map(talkMessage) : silent(turn),
    panel.box);
}

function silent(turn) {
  return isSilent(turn) ? el("p", { class: "quiet" }, "Its content was not recorded.") : null;
}

function isSilent(turn) {
  return !turn.messages.length && !turn.is_error && !turn.earlier;
}

// Said once above all turns: how content is recorded, where some of it was not.
export function recordingNote(turns) {
  return turns.some(isSilent) ? el("p", { class: "quiet hint" }, withCode(NOT_RECORDED)) : null;
}

// What the call had from earlier turns is asked for when it is unfolded.
function earlier(turn) {
  const words = `${turn.earlier} earlier ${plural(turn.earlier, "message")}`;
  const inside = el("div", { class: "earlier" });
  const fold = el("details", {}, el("summary", {}, words), inside);
  fold.addEventListener("toggle", async () => {
    if (!fold.open || inside.hasChildNodes()) return;
    const { messages } = await ask(`traces/${turn.trace_id}/conversation/${turn.span_id}`);
    replace(inside, el("p", { class: "quiet" }, "All that this call was given and made:"), messages.map(talkMessage));
  });
  return fold;
}

function talkMessage(message) {
  const who = { tool_call: "calls", tool_result: "gives back", thinking: "thinks" };
  const words = [message.role, who[message.kind], message.name].filter(Boolean).join(" ");
  return el("div", { class: `message ${message.kind} by-${message.role}` }, el("div", { class: "who" }, words), body(message), message.result && result(message.result));
}

function body(message) {
  if (message.kind === "media") return el("div", { class: "placeholder" }, `▦ ${message.media.type}`, message.media.bytes === null ? "" : ` · ${bytes(message.media.bytes)}`, message.text && el("span", { class: "mono" }, ` ${message.text}`));
  if (message.markdown) return folded(el("div", { class: "markdown" }, markdownNodes(message.markdown)), message);
  if (message.kind === "text" && message.role !== "system") return folded(el("div", { class: "prose" }, message.text), message);
  return message.text ? folded(el("pre", {}, compact(message.text)), message) : el("p", { class: "quiet" }, message.kind === "tool_call" ? "Its arguments were not recorded." : "");
}

// A short object in one line.
function compact(text) {
  const joined = text.replace(/\s*\n\s*/g, " ");
  return /^[[{]/.test(text) && joined.length <= SHORT ? joined : text;
}

function result(given) {
  const facts = [given.is_error ? "fails" : "gives back", given.duration_ms === null ? "" : duration(given.duration_ms)].filter(Boolean).join(" · ");
  const where = given.span_id ? link({ view: "trace", id: given.trace_id, span: given.span_id }, facts) : facts;
  return el("div", { class: given.is_error ? "result error" : "result" }, el("div", { class: "who" }, "↳ ", where),
    given.text === null ? el("p", { class: "quiet" }, "Its result was not recorded.") : folded(el("pre", {}, compact(given.text)), given));
}

function folded(node, { text, cut }) {
  const missing = cut ? el("p", { class: "quiet" }, `${amount(cut)} more characters: the span has them.`) : null;
  if (text.length < LONG) return [node, missing];
  return el("details", { class: "long", open: text.length < 4 * LONG }, el("summary", {}, `${amount(text.length + cut)} characters`), node, missing);
}

function bytes(number) {
  return number < 1024 ? `${number} bytes` : number < 1024 * 1024 ? `${(number / 1024).toFixed(0)} kB` : `${(number / 1024 / 1024).toFixed(1)} MB`;
}
