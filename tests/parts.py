"""Parts that some tests need and a machine may lack: a database server, a browser, captured data."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from typing import NoReturn


def absent(name: str, command: str) -> NoReturn:
    """Ends the test because ``name`` is missing; ``command`` brings it.

    With ``REQUIRE_<NAME>=1`` in the environment (upper case, every other character an underscore), or
    ``REQUIRE_ALL=1``, that is a failure; otherwise a skip, and the run closes with one line that gives the command.
    """
    text = f"{name} is missing; get it with: {command}"
    if "1" in {os.environ.get(required_variable(name)), os.environ.get("REQUIRE_ALL")}:
        pytest.fail(text, pytrace=False)
    pytest.skip(text, allow_module_level=True)


def required_variable(name: str) -> str:
    """The variable that makes a missing ``name`` a failure."""
    return "REQUIRE_" + "".join(letter if letter.isalnum() else "_" for letter in name.upper())
