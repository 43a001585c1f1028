// The conversation: what was asked, answered, thought and called.

import { el, link } from "./dom.js";
import { amount } from "./format.js";

const WORDS = { tool_call: "calls", tool_result: "gives back", thinking: "thinks" };

export function talkPanel(turns, trace) {
  if (!turns.length) return el("p", {}, "No model call or tool call in this trace.");
  return el("div", { class: "scroll" }, turns.map((turn) => talkTurn(turn, trace)));
}

function talkTurn(turn, trace) {
  const tokens = turn.input_tokens === null ? "" : `${amount(turn.input_tokens)} in, ${amount(turn.output_tokens)} out`;
  const said = turn.messages.length ? turn.messages.map(talkMessage)
    : el("p", { class: "quiet" }, "Its content was not recorded. OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true, set for `agent-telemetry run`, records it.");
  return el("section", { class: `turn ${turn.kind}`, "aria-label": turn.name },
    el("div", { class: "facts" }, el("b", {}, link({ view: "trace", id: trace, span: turn.span_id }, turn.about || turn.name)),
      turn.agent && el("span", {}, `agent ${turn.agent}`), tokens && el("span", {}, tokens), turn.is_error && el("span", { class: "error" }, "failed")),
    said);
}

function talkMessage(message) {
  const who = [message.role, WORDS[message.kind], message.name].filter(Boolean).join(" ");
  return el("div", { class: `message ${message.kind}` }, el("div", { class: "who" }, who), el("pre", {}, message.text));
}
