"""What could not be read of a file, told line by line on standard error."""

from __future__ import annotations

import click

from otel_agent_telemetry.cli._table import clean, counted

__all__ = ["Faults"]

_MOST = 20


class Faults:
    """Tells the first faults of a file one by one, and of the rest how many they are."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._told = 0

    def tell(self, line: int, fault: str) -> None:
        """Name a line and what is wrong with it."""
        self._told += 1
        if self._told <= _MOST:
            click.echo(f"{self._file}:{line}: {clean(fault)}", err=True)

    def close(self) -> None:
        """Say how many were not told."""
        if self._told > _MOST:
            click.echo(f"{self._file}: and {counted(self._told - _MOST, 'more line')} with faults", err=True)
