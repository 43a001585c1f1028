"""How long a soak is: a few for `make test`, many for `make soak`, or as many as ``SOAK_NAME=number`` says."""

from __future__ import annotations

import os

import pytest


def sizes(name: str, *, short: int, long: int) -> pytest.MarkDecorator:
    """Runs the test in both forms; its argument ``size`` is how many."""
    given = int(os.environ.get(f"SOAK_{name}", long))
    marks = [pytest.mark.soak, pytest.mark.timeout(3600)]
    forms = [pytest.param(short, id="short"), pytest.param(given, id="soak", marks=marks)]
    return pytest.mark.parametrize("size", forms)
