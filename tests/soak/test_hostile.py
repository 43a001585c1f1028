"""Attributes that nobody should set: no call raises, every event is valid, and no text is in one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.lifecycle.programs import allowed, start
from tests.soak.sizes import sizes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM = r"""
    import json, logging, random, sqlite3, sys
    import otel_agent_telemetry as telemetry
    from jsonschema import Draft202012Validator
    from opentelemetry import trace
    from otel_agent_telemetry import contract, semconv
    from otel_agent_telemetry.contract._text import json_schema
    from otel_agent_telemetry._folder import ledger_file

    class Refuses:
        def __str__(self): raise ValueError
        __repr__ = __eq__ = __hash__ = __bool__ = __float__ = __int__ = __len__ = __iter__ = __str__

    size, folder = int(sys.argv[1]), sys.argv[2]
    chance = random.Random(size)
    logging.disable()
    MARK = "canary-of-the-soak"
    NUMBERS = [-1, 0, 1, 7, 2**53, 10**400, -(10**400), 1e308, -0.0, float("nan"), float("inf"), True]
    TEXTS = ["", MARK, MARK * 99, "\ud800" + MARK, MARK + "\0", "1", "1e9", '{"a": 1}', "chat", "invoke_agent"]
    TEXTS += ["execute_tool", "task", "session", "openai", "gpt-5.2", "cancelled", b"\xff"]
    GROUPS = [[MARK, 1, None], [[MARK]], {"a": MARK}, {MARK: {MARK: 1}}, (MARK,), {1}, [1.5, 2.5], [True]]
    VALUES = [None, *NUMBERS, *TEXTS, *GROUPS, Refuses(), Refuses, ValueError(MARK), object()]
    KEYS = [value for name, value in vars(semconv).items() if isinstance(value, str) and not name.startswith("_")]
    KEYS += [MARK, "", "gen_ai." + MARK, "llm.model_name", "llm.token_count.prompt", "traceloop.span.kind"]
    KEYS += ["openinference.span.kind", "ai.operationId"]
    PROPERTIES = [name for event in contract.events().values() for name in event.properties] + [MARK, ""]

    telemetry.configure(public_tools=["web_search"])
    tracer = trace.get_tracer("hostile")
    any_of = lambda: chance.choice(VALUES)

    def span():
        with tracer.start_as_current_span(chance.choice(["chat", MARK, ""])) as made:
            for _ in range(chance.randrange(12)):
                try:
                    made.set_attribute(chance.choice(KEYS), any_of())
                except Exception:
                    pass  # the SDK's own refusal, before anything of ours sees it

    def handle():
        name = chance.choice(("task", "tool", "agent", "model_call", "command", "workflow", "session"))
        call = getattr(telemetry, name)
        with call(agent=any_of(), id=any_of()) if name == "session" else call(any_of()) as made:
            made.set(**{name: any_of() for name in ("model", "exit_code", "unheard_of")})
            made.record(input=any_of(), output=any_of(), cost_usd=any_of(), response_model=any_of())
            if chance.random() < 0.3:
                made.fail(any_of())

    def track():
        name = chance.choice([*contract.events(), MARK])
        telemetry.track(name, **{chance.choice(PROPERTIES): any_of() for _ in range(chance.randrange(8))})

    schema = json_schema()
    outer = Draft202012Validator({key: value for key, value in schema.items() if key != "oneOf"})
    inner = {}
    for each in schema["oneOf"]:
        inner[each["properties"]["event"]["const"]] = Draft202012Validator(each["properties"]["properties"])
    raised, wrong, seen, last = [], [], 0, 0

    def look():
        global seen, last
        telemetry.flush(0)
        connection = sqlite3.connect(ledger_file(folder, "acme-agents"))
        for number, body in connection.execute("SELECT id, body FROM events WHERE id > ? ORDER BY id", (last,)):
            last, seen = number, seen + 1
            event = json.loads(body)
            valid = outer.is_valid(event) and inner[event["event"]].is_valid(event["properties"])
            if MARK.encode() in body or not valid:
                wrong.append(body.decode()[:300])
        connection.close()

    for number in range(size):
        try:
            chance.choice((span, handle, track))()
        except Exception as error:
            raised.append(repr(type(error)))
        if number % 200 == 199:
            look()
    look()
    print(json.dumps([raised[:5], wrong[:5], seen]))
"""


@sizes("HOSTILE", short=600, long=100_000)
def test_hostile_sets(size: int, tmp_path: Path, figure: Callable[[str, str], None]) -> None:
    """Whatever spans and calls are given, nothing is raised, no event breaks the contract, and none holds a text."""
    with start(PROGRAM, size, tmp_path, variables=allowed(tmp_path)) as process:
        raised, wrong, events = json.loads(process.communicate()[0])
    assert (raised, wrong, events > size // 10) == ([], [], True)
    figure(f"{size:,} hostile attribute sets", f"0 raised, {events:,} events, 0 outside the contract, 0 with a text")
