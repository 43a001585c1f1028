// The search box: terms as chips, completion, saved views; what it asks for stands in the address as q.

import { ask } from "./api.js";
import { address, el, replace } from "./dom.js";

const SINCE = ["15m", "1h", "24h", "7d", "30d"];
const STATUSES = ["ok", "error", "cancelled"];
const NAMES = { model: "models", agent: "agents", tool: "tools", service: "services", session: "sessions", user: "users", kind: "kinds" };
const FIGURE = { dur: [">1s", ">10s", ">1m", "<100ms"], cost: [">0.01", ">0.1", ">1"], tokens: [">1000", ">10k", ">100k"], spans: [">10", ">100"], calls: [">1", ">10"], errors: [">0"] };
const OLD = ["name", "text", "service", "model", "agent", "tool", "session", "user", "status", "attribute", "min_duration", "max_duration", "since", "until"];
const MOST_OPTIONS = 12;

export function searchBox({ view, go, parameters, sorts }) {
  let terms = [];
  let known = null;
  let options = [];
  let active = -1;
  let isOffering = false;
  let shownFor = null;
  const list = el("ul", { id: "search-options", tabindex: "-1", role: "listbox", "aria-label": "Suggestions", hidden: true });
  const input = el("input", { type: "text", enterkeyhint: "search", role: "combobox", "aria-label": "Search", "aria-expanded": "false", "aria-controls": "search-options", "aria-autocomplete": "list", "aria-describedby": "search-problem", placeholder: 'model:gpt-5 dur:>2s error "refund"', autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
  const chips = el("span", { class: "chips", role: "list", "aria-label": "Terms that have to hold" });
  const problem = el("p", { id: "search-problem", class: "problem error", role: "status" });
  const sort = el("select", { "aria-label": "Sort" }, Object.entries(sorts).map(([value, words]) => el("option", { value }, words)));
  const field = el("div", { class: "field-box" }, chips, el("div", { class: "combo" }, input, list));
  const views = savedViews({ view, parameters });
  const form = el("form", { class: "search", role: "search", "aria-label": "Search", onsubmit: (event) => event.preventDefault() }, field);
  const times = el("span", { class: "quiet zone" });
  const side = el("div", { class: "search-side" }, sort, views.box, times);
  const box = el("div", { class: "search-box" }, el("div", { class: "search-row" }, form, side), problem);

  field.addEventListener("click", (event) => event.target === field && input.focus());
  input.addEventListener("input", () => { suggest(); later(); });
  input.addEventListener("focus", offer);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", key);
  sort.addEventListener("change", () => settle({ ...kept(), q: whole(), sort: sort.value }));

  const later = debounced(() => !box.isConnected || isUnfinished(input.value) || go({ ...kept(), q: whole() }, { draft: true }));

  // What is being typed stands first, so that the place which an error names is a place in the field.
  function whole() {
    return [input.value.trim(), ...terms].filter(Boolean).join(" ");
  }

  function kept() {
    const asked = parameters();
    for (const name of [...OLD, "offset"]) delete asked[name];
    return { ...asked, view };
  }

  // What was being typed is no draft any more.
  function settle(wanted) {
    later.cancel();
    go(wanted, { quietly: Boolean(history.state?.isDraft) });
  }

  function commit() {
    close();
    const typed = input.value.trim();
    if (!typed) return;
    input.value = "";
    settle({ ...kept(), q: [...terms, typed].join(" ") });
  }

  function remove(index, { edit = false } = {}) {
    const left = terms.filter((_, number) => number !== index);
    if (edit) input.value = [terms[index], input.value].filter(Boolean).join(" ");
    terms = left;
    input.focus();
    settle({ ...kept(), q: whole() });
  }

  function key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      if (list.hidden) suggest();
      else choose(active < 0 && event.key === "ArrowUp" ? options.length - 1 : (active + steps[event.key] + options.length) % options.length);
    } else if ((event.key === "Enter" || event.key === "Tab") && active >= 0) take(options[active]);
    else if (event.key === "Enter") commit();
    else if (event.key === "Escape" && !list.hidden) { close(); event.stopPropagation(); }
    else if (event.key === "Backspace" && !input.value && terms.length) remove(terms.length - 1, { edit: true });
    else return;
    event.preventDefault();
  }

  // What is known comes later than the focus; by then the term may have been typed and taken.
  async function offer() {
    isOffering = true;
    known ??= await ask("facets").catch(() => null);
    if (isOffering) suggest();
  }

  function choose(index) {
    active = index;
    [...list.children].forEach((option, number) => option.setAttribute("aria-selected", String(number === index)));
    input.setAttribute("aria-activedescendant", index < 0 ? "" : `option-${index}`);
    list.children[index]?.scrollIntoView({ block: "nearest" });
  }

  function suggest() {
    options = known && document.activeElement === input ? suggestions(input.value, known) : [];
    replace(list, options.map((option, number) => el("li", { role: "option", id: `option-${number}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); take(option); } }, option.shown, option.hint && el("span", { class: "quiet" }, ` ${option.hint}`))));
    list.hidden = !options.length;
    input.setAttribute("aria-expanded", String(Boolean(options.length)));
    choose(-1);
  }

  function take(option) {
    input.value = option.text;
    if (option.isWhole) commit();
    else suggest();
  }

  function close() {
    isOffering = false;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    choose(-1);
  }

  // After an answer: the server's spelling of the terms becomes chips, unless the last one is still being typed.
  function show(asked, answered) {
    problem.textContent = "";
    sort.value = asked.sort || "";
    const isTyping = document.activeElement === input && input.value.trim();
    if (!isTyping) {
      input.value = "";
      terms = answered;
    }
    const state = JSON.stringify(terms);
    if (state !== shownFor) replace(chips, terms.map(chip));
    shownFor = state;
    if (!isTyping && OLD.some((name) => asked[name])) history.replaceState(null, "", address({ ...kept(), q: terms.join(" ") }));
    views.draw();
  }

  function chip(term, index) {
    return el("span", { class: "chip", role: "listitem" },
      el("button", { type: "button", class: "term", title: "Change", "aria-label": `Change ${term}`, onclick: () => remove(index, { edit: true }) }, term),
      el("button", { type: "button", "aria-label": `Remove ${term}`, onclick: () => remove(index) }, "×"));
  }

  function refuse(asked, message) {
    problem.textContent = message;
    if (!input.value && !terms.length) input.value = asked.q || "";
  }

  function drop() {
    later.cancel();
    input.value = "";
    close();
  }

  const timesIn = (zones) => replace(times, `times in ${zones}`);
  return { box, show, refuse, drop, timesIn };
}

export function term(key, value) {
  return `${key}:${quoted(value)}`;
}

function quoted(value) {
  return /^[^\s",<>=]+$/.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

function isUnfinished(text) {
  return /[:=,<>-]$/.test(text) || (text.split('"').length - 1) % 2 === 1;
}

// What may follow the text before its end: keys, or the values of the key that stands there.
function suggestions(text, known) {
  const typed = /(?:^|\s)(-?)([^\s"]*)$/.exec(text);
  if (!typed || (text.split('"').length - 1) % 2 === 1) return [];
  const before = text.slice(0, text.length - typed[2].length);
  const [, key, sign, done, part] = /^([^:=]+)([:=])((?:[^,]*,)*)([^,]*)$/.exec(typed[2]) || [];
  if (!key) return keys(typed[2], before, known);
  return values(key.toLowerCase(), known)
    .filter((value) => value.toLowerCase().includes(part.toLowerCase()) && value !== part)
    .slice(0, MOST_OPTIONS)
    .map((value) => ({ shown: value, text: `${before}${key}${sign}${done}${FIGURE[key.toLowerCase()] ? value : quoted(value)}`, isWhole: true }));
}

function keys(part, before, known) {
  const fitting = known.keys.filter(({ key }) => key.startsWith(part.toLowerCase()) && key !== "attr.");
  const attributes = part ? known.attributes.filter((name) => name.toLowerCase().includes(part.replace(/^attr\./, "").toLowerCase())) : [];
  return [
    ...fitting.map(({ key, hint }) => ({ shown: `${key}:`, hint, text: `${before}${key}:` })),
    ...attributes.slice(0, MOST_OPTIONS).map((name) => ({ shown: `${name}=`, hint: "attribute", text: `${before}${quoted(name)}=` })),
  ].slice(0, part ? MOST_OPTIONS : known.keys.length);
}

function values(key, known) {
  if (key in NAMES) return known[NAMES[key]];
  if (key === "status") return STATUSES;
  if (key === "since" || key === "until") return SINCE;
  return FIGURE[key] || [];
}

function savedViews({ view, parameters }) {
  const list = el("ul");
  const name = el("input", { "aria-label": "Name of this view", placeholder: "name of this view", maxlength: "60" });
  const form = el("form", { onsubmit: (event) => { event.preventDefault(); save(); } }, name, el("button", {}, "Save"));
  const box = el("details", { class: "views" }, el("summary", {}, "Views"), el("div", { class: "menu" }, list, form));
  box.addEventListener("keydown", (event) => { if (event.key === "Escape") { box.open = false; box.firstChild.focus(); } });

  function stored() {
    try {
      return JSON.parse(localStorage.getItem("views")) || [];
    } catch {
      return [];
    }
  }

  function save() {
    const title = name.value.trim();
    if (!title) return;
    const { q, sort } = parameters();
    keep([...stored().filter((each) => each.title !== title), { title, view, q, sort }]);
    name.value = "";
  }

  function keep(all) {
    localStorage.setItem("views", JSON.stringify(all));
    draw();
  }

  function draw() {
    const all = stored();
    replace(list, all.map((each) => el("li", {},
      el("a", { href: address({ view: each.view, q: each.q, sort: each.sort }), onclick: () => { box.open = false; } }, each.title),
      el("button", { type: "button", "aria-label": `Remove the view ${each.title}`, onclick: () => keep(all.filter((other) => other !== each)) }, "×"))));
    list.hidden = !all.length;
  }

  return { box, draw };
}

export function debounced(step) {
  let timer = 0;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(step, 200);
  };
  soon.cancel = () => clearTimeout(timer);
  return soon;
}
