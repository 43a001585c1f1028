// Which view the address names, the keys that work everywhere, and live updates.

import { follow } from "./api.js";
import { address, say } from "./dom.js";
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

export function go(wanted, { quietly = false } = {}) {
  history[quietly ? "replaceState" : "pushState"](null, "", address(wanted));
  open();
}

async function open() {
  const asked = parameters();
  const name = asked.view in VIEWS ? asked.view : "traces";
  for (const anchor of document.querySelectorAll("nav a")) {
    if (anchor.dataset.view === (UNDER[name] || name)) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  const mine = ++generation;
  say("");
  if (current && current.name === name && current.show) {
    await guarded(() => current.show(asked));
    return;
  }
  main.textContent = "";
  current = { name };
  const view = VIEWS[name](main, { go, parameters });
  current = { name, ...view };
  if (mine === generation) await guarded(() => view.show(asked));
}

async function guarded(step) {
  try {
    await step();
  } catch (error) {
    say(error.message);
  }
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a[href^='?']");
  if (!anchor || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  history.pushState(null, "", anchor.getAttribute("href"));
  open();
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

window.addEventListener("popstate", open);
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
    if (current?.refresh) await guarded(() => current.refresh(parameters()));
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
