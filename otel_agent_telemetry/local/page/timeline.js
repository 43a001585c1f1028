// The waterfall with its overview, its buttons and its legend; what is set there stands in the address.

import { el, replace } from "./dom.js";
import { plural } from "./format.js";
import { TOGGLES, waterfall } from "./waterfall.js";

const WORDS = { gaps: "Fold idle time", path: "Critical path", errors: "Errors only" };

export function timeline({ onSelect, onState }) {
  const chart = waterfall({ onSelect, onState: () => { drawButtons(); onState(); } });
  const button = (words, label, onclick) => el("button", { type: "button", "aria-label": label, title: label, onclick }, words);
  const toggles = Object.entries(WORDS).map(([name, words]) =>
    el("button", { type: "button", class: "toggle", "data-toggle": name, onclick: () => chart.change(name, !chart.state()[name]) }, words));
  const colour = el("select", { "aria-label": "Colour by", onchange: () => chart.change("colour", colour.value) },
    el("option", { value: "kind" }, "colour by kind"), el("option", { value: "service" }, "colour by service"));
  const folded = el("span", { class: "quiet" });
  const whole = button("reset", "See the whole trace", () => chart.command("0"));
  const tools = el("div", { class: "tools", role: "toolbar", "aria-label": "Timeline" },
    button("−", "Zoom out", () => chart.command("-")), button("+", "Zoom in", () => chart.command("+")), whole,
    toggles, colour, button("▸▸", "Close all branches", () => chart.toggleAll(true)), button("▾▾", "Open all branches", () => chart.toggleAll(false)), folded);
  const box = el("div", { class: "timeline" }, tools, chart.map, chart.legend, chart.box);

  function drawButtons() {
    const state = chart.state();
    for (const each of toggles) each.setAttribute("aria-pressed", String(state[each.dataset.toggle]));
    colour.value = state.colour;
    whole.disabled = state.window.isWhole;
  }

  function set(tree) {
    chart.set(tree);
    replace(folded, tree.folded ? `${tree.folded} inner ${plural(tree.folded, "span")} of the program left out` : "");
    drawButtons();
  }

  // What the address says of the view: gaps=no, path=no, errors=yes, colour=service, zoom=FROM-TO in milliseconds.
  function restore(asked) {
    const toggled = Object.entries(TOGGLES).map(([name, usual]) => [name, asked[name] ? asked[name] === "yes" : usual]);
    const [from, to] = (asked.zoom || "").split("-").map(Number);
    const seen = from >= 0 && to > from ? { from, to } : { from: 0 };
    chart.apply({ ...Object.fromEntries(toggled), colour: asked.colour === "service" ? "service" : "kind" }, seen);
    drawButtons();
  }

  function address() {
    const { window, colour: by, ...states } = chart.state();
    const words = Object.entries(TOGGLES).map(([name, usual]) => [name, states[name] === usual ? "" : states[name] ? "yes" : "no"]);
    const zoom = window.isWhole ? "" : `${Number(window.from.toFixed(6))}-${Number(window.to.toFixed(6))}`;
    return { ...Object.fromEntries(words), colour: by === "kind" ? "" : by, zoom };
  }

  return { box, set, restore, address, select: chart.select, reveal: chart.reveal, search: chart.search, key: chart.key };
}
