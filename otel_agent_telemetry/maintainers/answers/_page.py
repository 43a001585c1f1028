"""The report as HTML: no script, nothing loaded from anywhere, both themes.

In parts, each of which can be shown as soon as it is there: a browser draws what has come, and the style shows of the
words that something is being asked only those which nothing follows yet.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import TYPE_CHECKING

from otel_agent_telemetry.maintainers.answers._shapes import shape

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from otel_agent_telemetry.maintainers.answers._report import Answer, Report

__all__ = ["BEGINNING", "PAGE_HEADERS", "page", "parts", "refusal"]

_STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1c2024, #e6e8ea); --quiet: light-dark(#5c6670, #9aa4ae);
  --line: light-dark(#dfe3e8, #30363d); --fill: light-dark(#2f6fdd, #6ea2ff); --soft: light-dark(#b9d0f7, #2c4470);
  --bad: light-dark(#b3261e, #ff8a80); --good: light-dark(#1b7a3d, #7fd99a); --paper: light-dark(#fff, #14171a); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .25rem; }
h3 { font-size: .95rem; margin: 1rem 0 0; }
p { margin: .25rem 0 .75rem; color: var(--quiet); max-width: 46rem; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: 1rem 0; } a { color: var(--fill); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; } td.n, th.n { text-align: right; }
.more { color: var(--bad); font-weight: 600; } .less { color: var(--good); font-weight: 600; }
svg { display: block; max-width: 100%; height: auto; }
svg text { fill: var(--quiet); font: 11px system-ui, sans-serif; }
@media (max-width: 40rem) { svg text { font-size: 20px; } }
.all { fill: var(--soft); } .new { fill: var(--fill); } .axis { stroke: var(--line); }
.wait { display: none; } @supports selector(:has(+ *)) { .wait { display: block; } .wait:has(+ *) { display: none; } }
.wait::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .5em; border-radius: 50%;
  border: 2px solid var(--line); border-top-color: var(--fill); animation: turn 1s linear infinite; }
@keyframes turn { to { transform: rotate(1turn); } }
@media (prefers-reduced-motion: reduce) { .wait::before { animation: none; } }
form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; margin: 1rem 0; }
label { color: var(--quiet); font-size: .85rem; }
select, input, button { display: block; max-width: 11rem; height: 2rem; padding: 0 .4rem; font: inherit; }
summary { cursor: pointer; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
PAGE_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
}

_FAILURES = ("failures_by_version", "failures_by_source", "failures_by_harness", "failures_by_model")
_GROUPS = (
    ("use", "Who uses it", ("active_by_day", "active_by_week", "active_by_month", "retention", "versions")),
    (
        "work",
        "Does it work",
        ("tasks_by_version", "tasks_by_source", "tasks_by_harness", "tasks_by_model", *_FAILURES),
    ),
    ("compared", "Did it get worse", ("compared",)),
    ("sessions", "How sessions end", ("sessions", "bad_ends")),
    ("features", "What is used", ("tools", "tools_by_version", "commands", "funnel")),
    ("slow", "What is slow", ("slow",)),
    ("models", "Models, tokens and cost", ("models",)),
)
_TITLES = {
    "active_by_day": ("Active installations by day", "In full colour: those seen for the first time."),
    "active_by_week": ("By week", "Weeks begin on Monday."),
    "active_by_month": ("By month", ""),
    "retention": ("Who came back", "Of those first seen in a week, how many were active so many weeks later."),
    "versions": ("Versions", "By week; an installation that changed in a week counts for both."),
    "tasks_by_version": ("Tasks by version", "Success rate: of the tasks that completed or failed."),
    "tasks_by_source": ("Tasks by source", ""),
    "tasks_by_harness": ("Tasks by harness", "Cancelled tasks do not say their harness."),
    "tasks_by_model": ("Task sessions by model", ""),
    "failures_by_version": ("What fails, by version", "Failures of tasks, sessions, tools and commands by category."),
    "failures_by_source": ("What fails, by source", ""),
    "failures_by_harness": ("What fails, by harness", ""),
    "failures_by_model": ("What fails, by model", ""),
    "sessions": ("Sessions by version", "A session ends badly where an error was recorded in it."),
    "bad_ends": ("Bad ends by cause", ""),
    "tools": ("Tools", "Names that the product declared; all others are custom."),
    "tools_by_version": ("Tools by version", ""),
    "commands": ("Commands", ""),
    "slow": ("Slowest first", "By the 95th percentile; durations in two significant digits."),
    "models": ("By model", "From token.usage alone, which counts each token once."),
}  # fmt: skip


def _beginning(title: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title><style>{_STYLE}</style><body>'
    )


_ASKING = '<p class="wait" role="status">asking the book</p>'
BEGINNING = _beginning("agent-telemetry report") + _ASKING
"""What a page can begin with before anything is known."""
_END = "</html>\n"


def page(report: Report) -> str:
    """A document with all of it."""
    return _beginning(f"{report.product}: report") + "".join(parts(report, report.answers, report.answers.__getitem__))


def parts(
    report: Report, names: Collection[str], answer: Callable[[str], Answer], *, is_live: bool = False
) -> Iterator[str]:
    """What follows the beginning, part by part; ``answer`` is asked for each of the ``names`` when it is its turn.

    What ``is_live`` says what is being asked, and can be told to ask for another report.
    """
    links = "".join(f'<a href="#{key}">{title}</a>' for key, title, _ in _GROUPS)
    form = _form(report) if is_live else ""
    yield f"<h1>{escape(report.product)}</h1><p>{_period(report)}</p>{form}<nav>{links}</nav>"
    for key, title, group in _GROUPS:
        yield f'<section id="{key}"><h2>{title}</h2>'
        for name in (name for name in group if name in names):
            yield _question(report, name) + (_ASKING if is_live else "")
            yield _answer(name, answer(name))
        yield "</section>"
    yield _received(report) + _END


def refusal(text: str) -> str:
    """What follows the beginning where there is no report, or no more of it."""
    return f'<p role="alert">{escape(text)}</p>{_END}'


def _period(report: Report) -> str:
    since = f"From {report.since} to {report.until}" if report.asked.days else f"All until {report.until}"
    least = report.asked.least
    rows = f"Rows with fewer than {least} installations behind them are left out." if least > 1 else ""
    return f"{since}, environment {escape(report.asked.environment)}. {rows}"


def _form(report: Report) -> str:
    asked, known = report.asked, report.choices
    versions = report.versions or ("", "")
    fields = (
        _select("product", "Product", known.products, report.product),
        f'<label>Days, 0 for all<input name="days" type="number" min="0" max="9999" value="{asked.days}"></label>',
        _select("environment", "Environment", known.environments, asked.environment),
        _select("compare", "Version before", known.versions, versions[0]),
        _select("compare", "Version after", known.versions, versions[1]),
        _select("funnel", "Funnel: first", known.events, asked.funnel[0]),
        _select("funnel", "then", known.events, asked.funnel[1]),
        _select("funnel", "and then", known.events, asked.funnel[2]),
    )
    summary = "Another period, other versions, another funnel"
    return f"<details><summary>{summary}</summary><form>{''.join(fields)}<button>Show</button></form></details>"


def _select(name: str, title: str, values: Sequence[str], chosen: str) -> str:
    options = "".join(
        f"<option{' selected' if value == chosen else ''}>{escape(value)}" for value in dict.fromkeys((*values, chosen))
    )
    return f'<label>{title}<select name="{name}">{options}</select></label>'


def _question(report: Report, name: str) -> str:
    if name == "compared" and report.versions is not None:
        before, after = map(escape, report.versions)
        title = f"{after} against {before}"
        text = "The interval holds the true difference in 95 of 100 such reports; unclear where it holds zero."
    elif name == "funnel":
        title, text = "Funnel", "Installations that did the first, then the second, then the third."
    else:
        title, text = _TITLES[name]
    return f"<h3>{title}</h3><p>{text}</p>"


def _answer(name: str, answer: Answer) -> str:
    shown = shape(name, answer) if answer.rows else "<p>Nothing to show.</p>"
    return shown + (f"<p>{_plural(answer.withheld, 'row')} left out.</p>" if answer.withheld else "")


def _received(report: Report) -> str:
    rows = sorted(report.counts.items(), key=lambda item: -item[1])
    answer_rows = "".join(f'<tr><td>{escape(name)}<td class="n">{count:,}' for name, count in rows)
    text = "<p>Since the book was begun, all products.</p>"
    return f"<section><h2>What arrived</h2>{text}<table>{answer_rows}</table></section>"


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
