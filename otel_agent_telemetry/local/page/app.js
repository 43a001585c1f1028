// Which view the address names, the keys that work everywhere, and live updates.

import { follow } from "./api.js";
import { address, el, replace, say } from "./dom.js";
import { diffView } from "./diff.js";
import { sessionsView, tracesView } from "./lists.js";
import { sessionView } from "./session.js";
import { traceView } from "./trace.js";
import { usageView } from "./usage.js";
import { warnOfBudgets } from "./budget.js";
import { errorsView } from "./errors.js";
import { eventsView } from "./events.js";
import { latencyView } from "./latency.js";
import { logsView } from "./logs.js";
import { metricsView } from "./metrics.js";

const VIEWS = { traces: tracesView, sessions: sessionsView, usage: usageView, diff: diffView, trace: traceView };
const UNDER = { trace: "traces", session: "sessions" };
Object.assign(VIEWS, { session: sessionView, latency: latencyView, errors: errorsView, logs: logsView, metrics: metricsView, events: eventsView });
const main = document.getElementById("main");
let current = null;
let generation = 0;
let afterG = false;

export function parameters() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

// `quietly` takes over the entry of the history that is there. A `draft` has one of its own, which the next draft takes over, so that
// going back leads to what was there before it. An address that stays makes no entry.
export function go(wanted, { quietly = false, draft = false } = {}) {
  const to = address(wanted);
  const stays = to === address(parameters());
  const isDraft = draft && (!stays || history.state?.isDraft);
  const takesOver = quietly || stays || (draft && history.state?.isDraft);
  history[takesOver ? "replaceState" : "pushState"](isDraft ? { isDraft } : null, "", to);
  open();
}

async function open() {
  const asked = parameters();
  const name = asked.view in VIEWS ? asked.view : "traces";
  for (const anchor of document.querySelectorAll("nav a")) {
    if (anchor.dataset.view === (UNDER[name] || name)) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  document.body.dataset.view = name;
  const mine = ++generation;
  say("");
  if (current?.name !== name) {
    // a place of its own: what a view that was left still draws is seen by nobody
    const place = el("div", { class: "view" });
    replace(main, place);
    current = { name, ...VIEWS[name](place, { go, parameters }) };
  }
  await guarded(() => current.show(asked), () => mine === generation);
}

async function guarded(step, isWanted = () => true) {
  try {
    await step();
  } catch (error) {
    if (isWanted()) say(error.message);
  }
}

// Somewhere else by a link or the history: what is half typed into the search box is let go.
function elsewhere() {
  current?.elsewhere?.();
  open();
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a[href^='?']");
  if (!anchor || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  history.pushState(null, "", anchor.getAttribute("href"));
  elsewhere();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select, textarea");
  if (event.key === "Escape" && typing) event.target.blur();
  if (typing || document.querySelector("dialog[open]")) return;
  if (afterG) {
    const view = { t: "traces", s: "sessions", u: "usage", d: "diff", l: "latency", e: "errors", o: "logs", m: "metrics" }[event.key];
    afterG = false;
    if (view) go({ view });
  } else if (event.key === "g") afterG = true;
  else if (event.key === "?") document.getElementById("help").showModal();
  else if (event.key === "/") {
    event.preventDefault();
    main.querySelector("input")?.focus();
  } else if (current?.key?.(event)) event.preventDefault();
});

window.addEventListener("popstate", elsewhere);
document.getElementById("help-open").addEventListener("click", () => document.getElementById("help").showModal());

const root = document.documentElement;
const remembered = localStorage.getItem("theme");
if (remembered) root.dataset.theme = remembered;
document.getElementById("theme").addEventListener("click", () => {
  const isDark = getComputedStyle(root).colorScheme === "dark";
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

let refreshing = false;
let again = false;
async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  do {
    again = false;
    await guarded(warnOfBudgets);
    const shown = current;
    if (shown?.refresh) await guarded(() => shown.refresh(parameters()), () => shown === current);
  } while (again);
  refreshing = false;
}

const live = document.getElementById("live");
follow(refresh, (isOn) => {
  live.textContent = isOn ? "live" : "reconnecting";
  live.classList.toggle("on", isOn);
  if (isOn) refresh();
});
open();
