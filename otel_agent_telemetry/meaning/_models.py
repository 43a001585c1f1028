"""Names of models: one model is known under many, with a date, with its vendor, by the region that serves it."""

from __future__ import annotations

import re
from functools import lru_cache

_VENDOR = re.compile(r"^(?:[\w.-]+/)*(?:(?:us|eu|apac|global)\.)?(?:(?:anthropic|amazon|meta|mistral|cohere|ai21)\.)?")
_RELEASE = re.compile(r"(?:[-@](?:\d{3}|\d{8}|\d{4}-\d\d-\d\d|latest))?(?:-v\d+:\d+)?$")


@lru_cache(maxsize=1024)
def undated(model: str) -> str:
    """The name of a model without the date of its release: ``gpt-4o`` of ``gpt-4o-2024-08-06``."""
    return _RELEASE.sub("", model) or model


@lru_cache(maxsize=1024)
def bare(model: str) -> str:
    """The name alone, for comparing what two instrumentations wrote: without release, vendor and region."""
    lower = undated(model.lower())
    return _VENDOR.sub("", lower) or lower
