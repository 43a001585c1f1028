// What colour and letter a span has, by its kind or by its service; letters, as colours alone tell nobody apart.

import { el } from "./dom.js";

const KINDS = {
  session: ["S", 1], task: ["K", 2], workflow: ["W", 3], agent: ["A", 4], model: ["M", 5], embedding: ["E", 6],
  tool: ["T", 7], command: ["C", 8], event: ["V", 0],
  retrieval: ["R", 3], rerank: ["RR", 3], memory: ["Y", 8], plan: ["P", 2], guardrail: ["G", 1], evaluation: ["Q", 6],
  prompt: ["PR", 4], resource: ["RS", 7], chain: ["H", 0],
};
const OTHER = { letter: "·", hue: 0, words: "other" };
const OF_SERVICES = [4, 5, 7, 2, 1, 8, 3, 6];

export function hues(spans, by) {
  const known = by === "service" ? ofServices(spans) : ofKinds();
  const key = (span) => (by === "service" ? span.service : span.kind);
  const of = (span) => known.get(key(span)) || OTHER;
  const counts = new Map();
  for (const span of spans) counts.set(of(span), (counts.get(of(span)) || 0) + 1);
  return { of, counts };
}

function ofKinds() {
  return new Map(Object.entries(KINDS).map(([words, [letter, hue]]) => [words, { letter, hue, words }]));
}

function ofServices(spans) {
  const names = [...new Set(spans.map((span) => span.service))];
  return new Map(names.map((words, index) => [words, { letter: letters(index), hue: OF_SERVICES[index % OF_SERVICES.length], words }]));
}

function letters(index) {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : `${letter}${Math.floor(index / 26)}`;
}

export function chip(hue) {
  return el("span", { class: `letter hue-${hue.hue}`, "data-letter": hue.letter });
}

export function legend(counts) {
  return el("ul", { class: "legend", "aria-label": "Colours" }, [...counts].map(([hue, count]) => el("li", {}, chip(hue), hue.words, el("span", { class: "quiet" }, ` ${count}`))));
}
