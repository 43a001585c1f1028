"""What an audit has to say: what was sent, what was looked for, what was found."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from otel_agent_telemetry.cli._table import Column, counted, print_table
from otel_agent_telemetry.proof import CONTROL, EVENTS, TRACES, WAITING, contents, contract_words, event_names, search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from otel_agent_telemetry.proof import Canary, Connection, Ended, Finding, Message

__all__ = ["Audited", "Report"]

FOUND, COMMAND_FAILED = 1, 4
_KINDS = ("events", "spans", "metrics", "log records")
_WHERE = {
    EVENTS: ("anonymous events", "the maintainers"),
    WAITING: ("anonymous events", "with the next run"),
    TRACES: ("traces and metrics", "your collector"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A run, and all that came of it; ``off`` says why events were off, empty if they were on.

    ``outside`` are connections of our own code to anything but the sinks, ``others`` those of the program itself.
    """

    ended: Ended
    off: str
    products: Sequence[str]
    messages: Sequence[Message]
    outside: Sequence[Connection]
    others: Sequence[Connection]


class Report:
    """What was sent, what was looked for, what was found."""

    def __init__(self, audited: Audited, canaries: list[Canary]) -> None:
        self._audited = audited
        words = contract_words() + "\n".join(audited.products).lower()
        known = {canary: canary.own and canary.text.lower() in words for canary in canaries}
        self._looked_for = [canary for canary, is_word in known.items() if not is_word]
        self._left_out = [canary for canary, is_word in known.items() if is_word]
        self._findings = search(audited.messages, self._looked_for)
        self._wrong = [each for each in self._findings if not each.allowed]

    @property
    def code(self) -> int:
        """The exit code."""
        if self._wrong or self._audited.outside:
            return FOUND
        return COMMAND_FAILED if self._audited.ended.failed else 0

    def shown(self) -> dict[str, object]:
        """For machines."""
        return {
            "command": {"exit_code": self._audited.ended.code, "stopped": self._audited.ended.stopped},
            "events_off": self._audited.off,
            "sent": [self._sent(destination) for destination in _WHERE],
            "looked_for": [canary.name for canary in self._looked_for],
            "left_out": [canary.name for canary in self._left_out],
            "found": [asdict(each) for each in self._wrong],
            "own_texts_in_own_traces": [asdict(each) for each in self._findings if each.allowed],
            "our_connections_elsewhere": [asdict(each) for each in self._audited.outside],
            "connections_of_the_program": [asdict(each) for each in self._audited.others],
        }

    def _sent(self, destination: str) -> dict[str, object]:
        messages = [each for each in self._audited.messages if each.destination == destination]
        counted = sum((contents(each) for each in messages), Counter[str]())
        return {
            "destination": destination,
            "requests": 0 if destination == WAITING else len(messages),
            "bytes": sum(each.size for each in messages),
            **{what: counted[what] for what in _KINDS},
            "names": dict(Counter(name for each in messages for name in event_names(each))),
        }

    def tell(self) -> None:
        """For people."""
        rows = [(_WHERE[destination], self._sent(destination)) for destination in _WHERE]
        columns = [Column("WHAT LEFT"), Column("FOR"), *(Column(name, right=True) for name in ("REQUESTS", "BYTES"))]
        columns.append(Column("CONTENTS", stretch=True))
        print_table(columns, [[*words, str(sent["requests"]), str(sent["bytes"]), _said(sent)] for words, sent in rows])
        click.echo()
        self._tell_findings(self._wrong, "FOUND")
        self._tell_findings([each for each in self._findings if each.allowed], "YOURS, IN YOUR TRACES")
        for each in self._audited.outside:
            click.echo(f"our code ({each.by}) reached for {each.address}")
        for line in self._closing():
            click.echo(line)

    def _tell_findings(self, findings: Sequence[Finding], title: str) -> None:
        if findings:
            columns = [Column(title), Column("IN"), Column("FIELD", stretch=True), Column("AS")]
            columns.append(Column("MESSAGES", right=True))
            rows = [[each.canary, each.destination, each.field, each.form, str(each.messages)] for each in findings]
            print_table(columns, rows)
            click.echo()

    def _closing(self) -> list[str]:
        audited = self._audited
        lines = [f"{counted(len(self._looked_for), 'text')} looked for: " + _names(self._looked_for)]
        if self._left_out:
            lines.append("not looked for, as the contract has the same word: " + _names(self._left_out))
        if audited.off:
            lines.append(f"events were off ({audited.off}); this is what an opted-out program sends")
        if any(each.destination == TRACES for each in audited.messages):
            shown = any(each.canary == CONTROL for each in self._findings)
            lines.append(f"the search finds what is there, the {CONTROL} in your traces: {'yes' if shown else 'no'}")
        lines.append(f"connections of our code to anywhere else: {len(audited.outside)}")
        lines.append("the program's own connections, neither intercepted nor read: " + _addresses(audited.others))
        if audited.ended.failed:
            lines.append(f"the command failed with exit code {audited.ended.code}: not all of it may have run")
        lines.append("found: nothing" if not self._wrong else f"found: {len(self._wrong)}")
        return lines


def _said(sent: dict[str, object]) -> str:
    kinds = ", ".join(f"{sent[what]} {what}" for what in _KINDS if sent[what])
    names = sent["names"]
    if isinstance(names, dict) and names:
        return f"{kinds}: " + ", ".join(f"{count} {name}" for name, count in names.items())  # pyright: ignore[reportUnknownVariableType] - made above
    return kinds


def _names(canaries: Sequence[Canary]) -> str:
    return ", ".join(dict.fromkeys(canary.name for canary in canaries))


def _addresses(others: Sequence[Connection]) -> str:
    return ", ".join(dict.fromkeys(each.address for each in others)) or "none"
