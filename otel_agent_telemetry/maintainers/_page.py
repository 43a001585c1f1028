"""The report as one HTML file: no script, nothing loaded from anywhere, both themes."""

from __future__ import annotations

import base64
import hashlib
from datetime import date
from html import escape
from typing import TYPE_CHECKING, Any

from otel_agent_telemetry.maintainers._figures import figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from otel_agent_telemetry.maintainers._report import Answer, Report

__all__ = ["PAGE_HEADERS", "page"]

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
.all { fill: var(--soft); } .new { fill: var(--fill); } .axis { stroke: var(--line); }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
PAGE_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; frame-ancestors 'none'"
}

_WIDTH, _HEIGHT, _BOTTOM = 720, 150, 18
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
    "active_by_day": ("Active installations by day", "Dark: those seen for the first time."),
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


def page(report: Report) -> str:
    """The whole document."""
    groups = [(key, title, [name for name in names if report.answers.get(name)]) for key, title, names in _GROUPS]
    links = "".join(f'<a href="#{key}">{title}</a>' for key, title, _ in groups)
    body = "".join(
        f'<section id="{key}"><h2>{title}</h2>{"".join(_answer(report, name) for name in names)}</section>'
        for key, title, names in groups
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<link rel="icon" href="data:,">'
        f"<title>{escape(report.product)}: report</title><style>{_STYLE}</style>"
        f"<h1>{escape(report.product)}</h1><p>{_period(report)}</p><nav>{links}</nav>{body}{_received(report)}</html>\n"
    )


def _period(report: Report) -> str:
    since = f"From {report.since} to {report.until}" if report.asked.days else f"All until {report.until}"
    least = report.asked.least
    rows = f"Rows with fewer than {least} installations behind them are left out." if least > 1 else ""
    return f"{since}, environment {escape(report.asked.environment)}. {rows}"


def _answer(report: Report, name: str) -> str:
    answer = report.answers[name]
    if name == "compared" and report.versions is not None:
        before, after = map(escape, report.versions)
        title = f"{after} against {before}"
        text = "The interval holds the true difference in 95 of 100 such reports; unclear where it holds zero."
    elif name == "funnel":
        title, text = "Funnel", "Installations that did the first, then the second, then the third."
    else:
        title, text = _TITLES[name]
    shape = _SHAPES.get(name, _table)
    shown = shape(answer) if answer.rows else "<p>Nothing to show.</p>"
    left_out = f"<p>{_plural(answer.withheld, 'row')} left out.</p>" if answer.withheld else ""
    return f"<h3>{title}</h3><p>{text}</p>{shown}{left_out}"


def _received(report: Report) -> str:
    rows = sorted(report.counts.items(), key=lambda item: -item[1])
    answer_rows = "".join(f'<tr><td>{escape(name)}<td class="n">{count:,}' for name, count in rows)
    text = "<p>Since the book was begun, all products.</p>"
    return f"<section><h2>What arrived</h2>{text}<table>{answer_rows}</table></section>"


def _table(answer: Answer) -> str:
    is_number = [any(isinstance(row[at], (int, float)) for row in answer.rows) for at in range(len(answer.columns))]
    classes = [' class="n"' if is_one else "" for is_one in is_number]
    titles = zip(answer.columns, classes, strict=True)
    head = "".join(f"<th{of_class}>{escape(column.replace('_', ' '))}" for column, of_class in titles)
    rows = "".join("<tr>" + "".join(_cells(answer.columns, classes, row)) for row in answer.rows)
    return f'<div class="wide"><table><thead><tr>{head}<tbody>{rows}</table></div>'


def _cells(columns: Sequence[str], classes: Sequence[str], row: Sequence[Any]) -> Iterator[str]:
    measure = row[0] if columns[0] == "measure" else None
    for column, of_class, value in zip(columns, classes, row, strict=True):
        shown = f' class="{value}"' if column == "verdict" else of_class
        yield f"<td{shown}>{escape(figure(column, value, measure))}"


def _bars(number_of: Callable[[date], int]) -> Callable[[Answer], str]:
    """Active installations as bars, the new ones of each darker, with a table for those who read it."""

    def bars(answer: Answer) -> str:
        places = [number_of(date.fromisoformat(start)) for start, _, _ in answer.rows]
        tallest = max(row[1] for row in answer.rows)
        step = _WIDTH / (1 + places[-1] - places[0])  # a time without a row keeps its place
        scale = (_HEIGHT - _BOTTOM - 12) / tallest
        drawn = "".join(
            f"<g><title>{escape(start)}: {count:,} active, {new:,} new</title>"
            f"{_bar((place - places[0]) * step, step, count * scale, 'all')}"
            f"{_bar((place - places[0]) * step, step, new * scale, 'new')}</g>"
            for place, (start, count, new) in zip(places, answer.rows, strict=True)
        )
        floor = _HEIGHT - _BOTTOM
        labels = (
            f'<text x="0" y="{_HEIGHT - 4}">{escape(answer.rows[0][0])}</text><text x="0" y="10">{tallest:,}</text>'
            f'<text x="{_WIDTH}" y="{_HEIGHT - 4}" text-anchor="end">{escape(answer.rows[-1][0])}</text>'
        )
        line = f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{floor}" y2="{floor}"/>'
        size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img"'
        return (
            f"<svg {size}>{line}{drawn}{labels}</svg><details><summary>as a table</summary>{_table(answer)}</details>"
        )

    return bars


def _bar(x: float, step: float, height: float, kind: str) -> str:
    width = max(step - 2, 0.5 * step)
    y = _HEIGHT - _BOTTOM - height
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _crossed(answer: Answer) -> str:
    """Rows of (row, column, number) as a table with a column for each."""
    columns = sorted({row[1] for row in answer.rows})
    numbers = {(row[0], row[1]): row[2] for row in answer.rows}
    head = "".join(f'<th class="n">{escape(str(column)) or "(unknown)"}' for column in columns)
    rows = "".join(
        f"<tr><td>{escape(start)}" + "".join(f'<td class="n">{numbers.get((start, column), "")}' for column in columns)
        for start in dict.fromkeys(row[0] for row in answer.rows)
    )
    return f'<div class="wide"><table><thead><tr><th>{answer.columns[0]}{head}<tbody>{rows}</table></div>'


_SHAPES: dict[str, Callable[[Answer], str]] = {
    "active_by_day": _bars(date.toordinal),
    "active_by_week": _bars(lambda day: (day.toordinal() - 1) // 7),
    "active_by_month": _bars(lambda day: 12 * day.year + day.month),
    **dict.fromkeys(("retention", "versions"), _crossed),
}


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
