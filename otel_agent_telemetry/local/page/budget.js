// What is spent of the budgets that the server was given.

import { ask } from "./api.js";
import { el, replace } from "./dom.js";
import { dollars } from "./format.js";

const EVERY = 10000;
let asked = -EVERY;

export async function budgets() {
  return (await ask("budgets")).budgets;
}

export function budgetWords(budget) {
  const spent = dollars(budget.spent_usd, budget.cost_is_estimate, budget.unpriced_calls);
  return `${spent} of $${budget.limit_usd} spent ${budget.per === "day" ? "today" : `this ${budget.per}`}${budget.is_over ? ": over the budget" : ""}`;
}

export function budgetList(all) {
  return all.length ? el("ul", { class: "budgets", "aria-label": "Budgets" }, all.map((each) => el("li", { class: each.is_over ? "error" : "" }, budgetWords(each)))) : null;
}

// The warning that stands above every view; asked for once in ten seconds at most.
export async function warnOfBudgets() {
  if (performance.now() - asked < EVERY) return;
  asked = performance.now();
  const over = (await budgets()).filter((budget) => budget.is_over);
  const warning = document.getElementById("over-budget");
  warning.hidden = !over.length;
  replace(warning, over.map(budgetWords).join("; "));
}
