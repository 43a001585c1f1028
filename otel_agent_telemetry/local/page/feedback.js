// What was said of an answer, and a form to say more: kept in the store as a log record, exported with it.

import { ask, tell } from "./api.js";
import { el, replace } from "./dom.js";
import { momentInZone, plural } from "./format.js";

const QUICK = [["Good", "good", 1], ["Bad", "bad", 0]];

// What is being written stays: `show` draws anew only what was said so far.
export function feedbackPanel(turn) {
  const said = el("div");
  const note = el("details", {}, el("summary", {}, "Note or score"), form());
  const box = el("div", { class: "feedback" }, said,
    el("div", { class: "row-actions" }, QUICK.map(([words, label, score]) => el("button", { type: "button", "aria-label": `Say that this is ${label}`, onclick: () => send({ name: "user_feedback", label, score }) }, words)), note));
  let given = [];
  show(turn.feedback);
  return { box, show };

  function show(feedback) {
    given = [...feedback];
    replace(said, given.map(feedbackLine));
  }

  function form() {
    return el("form", { class: "filters", "aria-label": "Feedback", onsubmit: (event) => submit(event) },
      el("label", {}, "Name", el("input", { name: "name", value: "user_feedback", maxlength: "100", autocomplete: "off" })),
      el("label", {}, "Score", el("input", { name: "score", type: "number", step: "any", autocomplete: "off" })),
      el("label", {}, "Label", el("input", { name: "label", maxlength: "100", autocomplete: "off" })),
      el("label", { class: "wide" }, "Note", el("textarea", { name: "explanation", rows: "2", maxlength: "10000" })),
      el("button", {}, "Keep"));
  }

  async function submit(event) {
    event.preventDefault();
    const fields = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value.trim()));
    if (fields.score !== undefined) fields.score = Number(fields.score);
    await send(fields);
    event.target.reset();
    note.open = false;
  }

  async function send(fields) {
    await tell("feedback", { trace_id: turn.trace_id, span_id: turn.span_id, ...fields });
    show([...given, { name: "user_feedback", score: null, label: null, explanation: null, ...fields, time: new Date().toISOString() }]);
  }
}

export function feedbackLine(each) {
  const said = [each.score === null ? "" : String(each.score), each.label].filter(Boolean).join(", ");
  return el("div", { class: "judged" }, el("b", {}, each.name), said && ` ${said}`, each.explanation && el("span", {}, ` — ${each.explanation}`), el("span", { class: "quiet" }, ` ${momentInZone(each.time)}`));
}

// Marks the rows of a list, known by data-id, of which something was said; kind is "traces" or "sessions".
export async function markRows(body, kind) {
  const rows = [...body.querySelectorAll("tr[data-id]")];
  if (!rows.length) return;
  const { feedback } = await ask("feedback", { [kind]: JSON.stringify(rows.map((row) => row.dataset.id)) }).catch(() => ({ feedback: {} }));
  for (const row of rows) {
    row.querySelector(".judge-mark")?.remove();
    if (feedback[row.dataset.id]) row.querySelector("td.wide").append(feedbackMark(feedback[row.dataset.id]));
  }
}

function feedbackMark(several) {
  const words = several.map((each) => [each.name, each.score, each.label].filter((part) => part !== null).join(" ")).join("; ");
  return el("span", { class: "judge-mark", title: words, role: "img", "aria-label": `${several.length} ${plural(several.length, "judgement")}: ${words}` }, ` ✎${several.length > 1 ? several.length : ""}`);
}
