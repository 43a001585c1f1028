from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest

from otel_agent_telemetry import SettingError
from otel_agent_telemetry.consent import Consent, Decision

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

YES = Decision(enabled=True, rule="default", reason="no rule switches it off")
RULES = [
    "DO_NOT_TRACK",
    "ANONYMIZED_TELEMETRY",
    "TELEMETRY_ENABLED",
    "product_variable",
    "OTEL_SDK_DISABLED",
    "managed_policy",
    "stored_choice",
    "argument",
    "test_run",
]
SWITCHES = {"ANONYMIZED_TELEMETRY": "ANONYMIZED_TELEMETRY", "TELEMETRY_ENABLED": "TELEMETRY_ENABLED"}
SWITCHES["product_variable"] = "ACME_TELEMETRY"


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Consent]:
    """Consent in a state directory of the test, with no variables but those given."""

    def consent(environ: dict[str, str] | None = None, **rules: Any) -> Consent:
        policy = str(tmp_path / "policy.json")
        given: dict[str, Any] = {"opt_out_env": "ACME_TELEMETRY", "managed_policy": policy, **rules}
        return Consent(state_dir=str(tmp_path / "state"), environ=environ or {}, **given)

    return consent


def say_no(rules: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """The arguments of Consent with which exactly these rules say no."""
    environ: dict[str, str] = {}
    given: dict[str, Any] = {}
    for rule in rules:
        if rule in SWITCHES:
            environ[SWITCHES[rule]] = "false"
        elif rule == "managed_policy":
            (folder / "policy.json").write_text('{"telemetry": "off"}')
        elif rule == "stored_choice":
            (folder / "state").mkdir(exist_ok=True)
            (folder / "state" / "consent.json").write_text('{"telemetry": "off"}')
        elif rule == "argument":
            given["enabled"] = False
        elif rule == "test_run":
            environ["PYTEST_VERSION"] = "9.0.1"
        else:
            environ[rule] = {"DO_NOT_TRACK": "1", "OTEL_SDK_DISABLED": "true"}[rule]
    return {"environ": environ, **given}


def test_nothing_said_is_a_yes(ask: Callable[..., Consent]) -> None:
    """Where no rule speaks, events may be collected."""
    assert ask().decide() == YES


@pytest.mark.parametrize("value", ["", "0", "false", "FALSE", "False", " 0 ", "\tfalse\n", "  "])
def test_do_not_track_left_alone(ask: Callable[..., Consent], value: str) -> None:
    """DO_NOT_TRACK leaves telemetry on only where it is empty, 0 or false, in any case, trimmed."""
    assert ask({"DO_NOT_TRACK": value}).decide() == YES


@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "no", "off", "2", "00", "flase", "\N{SNOWMAN}"])
def test_do_not_track(ask: Callable[..., Consent], value: str) -> None:
    """Any other value of DO_NOT_TRACK switches telemetry off."""
    no = Decision(enabled=False, rule="DO_NOT_TRACK", reason=f"DO_NOT_TRACK={value}")
    assert ask({"DO_NOT_TRACK": value}).decide() == no


@pytest.mark.parametrize("rule", SWITCHES)
@pytest.mark.parametrize("value", ["", "true", "1", "yes", "on", "TRUE", "Yes", "ON", " true ", "\ton\n"])
def test_switch_left_on(ask: Callable[..., Consent], rule: str, value: str) -> None:
    """The three switches leave telemetry on where they are empty or say yes, in any case, trimmed."""
    assert ask({SWITCHES[rule]: value}).decide() == YES


@pytest.mark.parametrize("rule", SWITCHES)
@pytest.mark.parametrize(
    "value", ["false", "0", "no", "off", "FALSE", " Off ", "n", "disabled", "flase", "2", "ture", "  "]
)
def test_switched_off(ask: Callable[..., Consent], rule: str, value: str) -> None:
    """Any other value of the three switches is a no: a misspelt one too."""
    no = Decision(enabled=False, rule=rule, reason=f"{SWITCHES[rule]}={value}")
    assert ask({SWITCHES[rule]: value}).decide() == no


def test_a_variable_of_another_product(ask: Callable[..., Consent]) -> None:
    """The product's own variable counts only where the product named it."""
    assert ask({"ACME_TELEMETRY": "false"}, opt_out_env=None).decide() == YES


@pytest.mark.parametrize("name", ["", 5, b"ACME_TELEMETRY"])
def test_a_variable_without_a_name(ask: Callable[..., Consent], name: object) -> None:
    """What is no name of a variable is refused at once, for nobody could opt out by it."""
    with pytest.raises(SettingError) as error:
        ask(opt_out_env=name)
    assert str(error.value) == (
        f"configure(opt_out_env=) is {name!r}; expected the name of a variable, such as 'ACME_TELEMETRY'."
        " `agent-telemetry status --opt-out-env NAME` shows what it says."
    )


@pytest.mark.parametrize(
    ("value", "enabled"), [("true", False), (" TRUE ", False), ("false", True), ("1", True), ("", True)]
)
def test_sdk_disabled(ask: Callable[..., Consent], value: str, enabled: bool) -> None:  # noqa: FBT001 - a parameter
    """OTEL_SDK_DISABLED says no with true alone, as the OpenTelemetry specification has it for Boolean variables."""
    no = Decision(enabled=False, rule="OTEL_SDK_DISABLED", reason=f"OTEL_SDK_DISABLED={value}")
    assert ask({"OTEL_SDK_DISABLED": value}).decide() == (YES if enabled else no)


@pytest.mark.parametrize("value", [None, True])
def test_the_argument_left_alone(ask: Callable[..., Consent], value: object) -> None:
    """configure(enabled=True) is what holds anyway."""
    assert ask(enabled=value).decide() == YES


@pytest.mark.parametrize("value", [False, 0, "no", "", []])
def test_the_argument(ask: Callable[..., Consent], value: object) -> None:
    """configure(enabled=False) is a no, and so is whatever else is not True."""
    no = Decision(enabled=False, rule="argument", reason=f"configure(enabled={value!r})")
    assert ask(enabled=value).decide() == no


@pytest.mark.parametrize("allowed", ["", "0", "true", "yes", " 1"])
def test_a_test_run(ask: Callable[..., Consent], allowed: str) -> None:
    """A test run collects nothing, and only 1 allows it to."""
    reason = "PYTEST_VERSION is set; AGENT_TELEMETRY_ALLOW_IN_TESTS=1 allows events in tests"
    environ = {"PYTEST_VERSION": "9.0.1", "AGENT_TELEMETRY_ALLOW_IN_TESTS": allowed}
    assert ask(environ).decide() == Decision(enabled=False, rule="test_run", reason=reason)


def test_a_test_run_that_is_allowed(ask: Callable[..., Consent]) -> None:
    """AGENT_TELEMETRY_ALLOW_IN_TESTS=1 lets a product test its own telemetry."""
    assert ask({"PYTEST_VERSION": "9.0.1", "AGENT_TELEMETRY_ALLOW_IN_TESTS": "1"}).decide() == YES


@pytest.mark.parametrize("rules", list(combinations(RULES, 2)), ids="-".join)
def test_the_first_rule_that_says_no_is_reported(
    ask: Callable[..., Consent], tmp_path: Path, rules: tuple[str, str]
) -> None:
    """Of two rules that say no, the decision names the one that comes first in the table."""
    decision = ask(**say_no(rules, tmp_path)).decide()
    assert (decision.enabled, decision.rule) == (False, rules[0])


@pytest.mark.parametrize("rule", RULES)
def test_a_no_wins_over_every_yes(ask: Callable[..., Consent], tmp_path: Path, rule: str) -> None:
    """One rule that says no decides, whatever all others say."""
    yes = {"DO_NOT_TRACK": "0", "ANONYMIZED_TELEMETRY": "1", "TELEMETRY_ENABLED": "1", "ACME_TELEMETRY": "1"}
    (tmp_path / "state").mkdir()
    (tmp_path / "policy.json").write_text('{"telemetry": "on"}')
    (tmp_path / "state" / "consent.json").write_text('{"telemetry": "on"}')
    no = say_no((rule,), tmp_path)
    environ = {**yes, "OTEL_SDK_DISABLED": "false", **no.pop("environ")}
    decision = ask(environ, **{"enabled": True, **no}).decide()
    assert (decision.enabled, decision.rule) == (False, rule)


def test_verdicts(ask: Callable[..., Consent], tmp_path: Path) -> None:
    """Every rule's verdict is there in the order of the table, those after the deciding one too."""
    verdicts = ask(**say_no(("TELEMETRY_ENABLED", "argument"), tmp_path)).verdicts()
    reasons = {"TELEMETRY_ENABLED": "TELEMETRY_ENABLED=false", "argument": "configure(enabled=False)"}
    assert verdicts == [
        Decision(enabled=rule not in reasons, rule=rule, reason=reasons.get(rule, "does not switch it off"))
        for rule in RULES
    ]


def test_a_decision_is_a_value() -> None:
    """Decisions that say the same are equal, hash alike and show all that they say."""
    first, second = (Decision(enabled=False, rule="argument", reason="configure(enabled=False)") for _ in range(2))
    assert (first, hash(first), first == "off") == (second, hash(second), False)
    assert repr(first) == "Decision(enabled=False, rule='argument', reason='configure(enabled=False)')"
