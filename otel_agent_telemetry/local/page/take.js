// Copying and taking away: the clipboard where the browser gives it, else a text to select; files by download.

import { ask } from "./api.js";
import { el, replace } from "./dom.js";

const FORMATS = {
  otlp: ["OTLP JSON lines", "for any OpenTelemetry tool, and agent-telemetry import"],
  chrome: ["Chrome trace", "for ui.perfetto.dev and chrome://tracing"],
  csv: ["CSV", "a row for each span, with its tokens and cost"],
};

// Copies what `text` gives; the button says how it went.
export function copyButton(words, text) {
  const button = el("button", { type: "button", class: "copy", onclick: async () => {
    const found = await text();
    if (found === null) return;
    if (await copied(found)) flash(button, words);
    else showText(words, found);
  } }, words);
  button.setAttribute("aria-live", "polite");
  return button;
}

async function copied(text) {
  if (!window.isSecureContext || !navigator.clipboard) return false;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function flash(button, words) {
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = words; }, 1500);
}

function showText(words, text) {
  const area = el("textarea", { readonly: "", rows: "12", "aria-label": words });
  area.value = text;
  open(words, el("p", { class: "quiet" }, "This browser gives no clipboard here; copy the text."), area);
  area.focus();
  area.select();
}

export function exportButton(trace) {
  return el("button", { type: "button", onclick: () => openExport(trace) }, "Export…");
}

function openExport(trace) {
  const choices = Object.entries(FORMATS).map(([value, [words, use]], index) =>
    el("label", {}, el("input", { type: "radio", name: "format", value, checked: index === 0 }), el("span", {}, el("b", {}, words), " ", el("span", { class: "quiet" }, use))));
  const content = el("input", { type: "checkbox", name: "content" });
  const form = el("form", { class: "choices", onsubmit: async (event) => {
    event.preventDefault();
    const format = new FormData(form).get("format");
    save(await ask(`traces/${trace()}/export`, { format, content: content.checked ? "true" : "" }));
    form.closest("dialog").close();
  } }, choices, el("label", {}, content, el("span", {}, "with prompts, answers, tool arguments and results")), el("button", {}, "Save"));
  open("Export this trace", form);
}

// Saves a file of that name, media type and text.
export function save({ name, type, text }) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function open(title, ...inside) {
  const dialog = el("dialog", { class: "take", "aria-label": title, onclose: () => dialog.remove() });
  replace(dialog, el("h2", {}, title), inside, el("form", { method: "dialog" }, el("button", {}, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}
