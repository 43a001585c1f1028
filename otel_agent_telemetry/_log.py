"""What we say in the host's log: a handler of the host's that raises there does not reach whoever called us."""

from __future__ import annotations

import logging
from contextlib import suppress

__all__ = ["logger"]


class _Quiet:
    """The few ways in which we say something, in the place of whoever does."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, text: str, *values: object, exc_info: bool = False) -> None:
        with suppress(Exception):
            self._logger.debug(text, *values, exc_info=exc_info, stacklevel=2)

    def info(self, text: str, *values: object) -> None:
        with suppress(Exception):
            self._logger.info(text, *values, stacklevel=2)

    def warning(self, text: str, *values: object, exc_info: bool = False) -> None:
        with suppress(Exception):
            self._logger.warning(text, *values, exc_info=exc_info, stacklevel=2)


logger = _Quiet("otel_agent_telemetry")
