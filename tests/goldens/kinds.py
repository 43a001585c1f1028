"""What becomes of a value that leaves us, worked out here anew: the product's own code must not be its own judge."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import genai_prices
import genai_prices.data

from otel_agent_telemetry import contract
from otel_agent_telemetry.contract import Enum, ErrorCategory, Flag, Kind, Usd, Version
from otel_agent_telemetry.pipeline import writing
from tests.goldens.calls import JAVASCRIPT
from tests.goldens.forms import ABSENT
from tests.goldens.schema import WORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENTS = {"production", "development", "test", "ci", "staging"}
LARGEST_COUNT = 2**53 - 1
_MOST_USD = 1e9
LONGEST_LIST = 32
_LONGEST_NAME = 64
_LONGEST_TEXT = 256
_A_YEAR = 366 * 86_400_000
_LARGEST_INTEGER = 2**63 - 1
_YES = {"true", "1", "yes", "on"}


def consents(environ: Mapping[str, str]) -> bool:
    """Whether our rules let events flow: any word that is no clear yes is a no."""
    if environ.get("DO_NOT_TRACK", "").strip().lower() not in {"", "0", "false"}:
        return False
    switches = [environ.get(name, "") for name in ("ANONYMIZED_TELEMETRY", "TELEMETRY_ENABLED")]
    return all(not value or value.strip().lower() in _YES for value in switches)


def valid_id(value: str | None) -> bool:
    """Whether a stored id has the one form that we send."""
    return value is not None and re.fullmatch("install_[0-9a-f]{16}", value) is not None


def version_of(said: str) -> str:
    """The version of docker-agent's form; what is none, such as a branch, is unknown."""
    found = plain(Version(), said)
    return "unknown" if found is ABSENT else found


def identifier(given: Any) -> bytes:
    """What a reference is made of: text to its longest attribute, a number within 64 bits."""
    if isinstance(given, int):
        return str(min(max(given, -_LARGEST_INTEGER), _LARGEST_INTEGER)).encode()
    return given[:_LONGEST_TEXT].encode("utf-8", "replace")


def declared_name(name: str) -> Any:
    """A name that the replay declares public, as it declares each that the case's own calls give."""
    if not name:
        return ABSENT
    return name if len(name) <= _LONGEST_NAME and name.isprintable() else "custom"


def language(lang: str) -> str:
    """``os_language``: LANG where it names a language, with territory and a known encoding; else a closed word."""
    if not lang:
        return "en-US"
    known = r"[a-z]{2,3}([_-][A-Z]{2})?(\.(UTF-8|utf-?8|ISO-8859-\d{1,2}))?"
    return lang if re.fullmatch(known, lang) else "other"


_REGION = r"((us|eu|apac|au|jp|ca|us-gov|global)\.)?"
_VENDOR = r"([a-z0-9_-]+[./])*"
_DATED = r"([-@]20\d\d-?[01]\d-?[0-3]\d)?"


def public_model(name: str) -> str:
    """The public model that a name is, without region, vendor, date and revision where only so it is known."""
    if name == "unknown" or name in _models():
        return name
    found = [model for model in _models_ending_in(name) if _is_model(model, name)]
    return max(found, key=len) if found else "custom"


def _is_model(model: str, name: str) -> bool:
    return (
        re.fullmatch(f"{_REGION}{_VENDOR}{re.escape(model)}{_DATED}(-v[0-9]+(:[0-9]+)?)?(:[a-z0-9._-]+)?", name)
        is not None
    )


def _models_ending_in(name: str) -> list[str]:
    return [model for model in _models() if model in name]


@cache
def _models() -> frozenset[str]:
    files = [Path(writing.__file__).parent / name for name in ("models.txt", "local_models.txt")]
    shipped = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    priced = [model.id for provider in genai_prices.data.providers for model in provider.models]
    return frozenset(name for name in (*shipped, *priced) if name and name[0] != "#" and len(name) <= _LONGEST_NAME)


def word(kind: Enum, key: str, given: Any) -> Any:
    """A word that the client or the contract knows, as it is."""
    if not isinstance(given, str):
        return ABSENT
    return given if given in WORDS.get(key, ()) or given in kind.values else "other"


def plain(kind: Kind, given: Any) -> Any:
    """A flag, category, version, amount or count in its range; ABSENT where it has another type."""
    if isinstance(kind, Flag):
        return given if isinstance(given, bool) else ABSENT
    if isinstance(kind, ErrorCategory):
        known = (*WORDS["errorCategory"], *contract.ERROR_CATEGORIES)
        return ABSENT if not isinstance(given, str) else given if given in known else "unknown"
    if isinstance(kind, Version):
        is_version = isinstance(given, str) and re.fullmatch(
            r"v?\d{1,4}(\.\d{1,4}){1,2}([-.]?(a|b|rc|alpha|beta|dev|pre|post)[.-]?\d{0,3})?", given
        )
        return given if is_version else ABSENT
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not isfinite(given):
        return ABSENT
    return usd(given) if isinstance(kind, Usd) else whole(given)


def lasted(milliseconds: int) -> int:
    """How long a tool call took: what no call takes is no duration."""
    return milliseconds if 0 <= milliseconds < _A_YEAR else 0


def whole(given: float) -> int:
    """A count."""
    return min(max(int(given), 0), LARGEST_COUNT)


def usd(given: float) -> float:
    """An amount to the millionth."""
    amount = round(min(max(given, 0), _MOST_USD), 6)
    return int(amount) if float(amount).is_integer() else amount


def spent(cost: float, model: str, read: int, written: int) -> float | None:
    """What a model call may have cost; an amount that no call costs is none, and the list's price stands for it."""
    if isfinite(cost) and 0 <= cost <= _MOST_USD:
        return cost
    usage = genai_prices.Usage(input_tokens=read, output_tokens=written)
    vendor, _, rest = model.partition("/")
    of_bedrock = re.fullmatch(r"([a-z-]+\.)?[a-z0-9]+\.[a-z].*-v\d+(:\d+)?", model) is not None
    for name, provider in ((model, None), (rest, vendor), *([(model, "aws")] if of_bedrock else [])):
        with suppress(LookupError):
            price = genai_prices.calc_price(usage, model_ref=name, provider_id=provider).total_price
            return min(float(price), _MOST_USD)
    return None


def or_empty(name: str) -> Any:
    """A declared name where docker-agent's form always has the key."""
    return declared_name(name) if name else ""


def as_replayed(given: Any) -> Any:
    """A value of the data as the replay hands it to us."""
    if isinstance(given, str) and given.startswith("hex:"):
        return bytes.fromhex(given[4:]).decode("utf-8", "surrogateescape")
    if not isinstance(given, dict):
        return given
    fields = cast("dict[str, Any]", given)
    return JAVASCRIPT.get(fields["$js"]) if "$js" in fields else fields
