"""Handles that are driven by hand: for callbacks that come on their own."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace

from tests.lifecycle.acme import id_of, parent_of
from tests.lifecycle.test_outcomes import KIND, KINDS, HostError

if TYPE_CHECKING:
    from tests.lifecycle.acme import Acme, Operator


@KIND
def test_by_hand(operator: Operator, name: str) -> None:
    """``start`` and ``end`` do what the block does, and ``start`` gives the handle itself."""
    handle = KINDS[name](operator.calls)
    assert handle.start() is handle
    handle.end()
    assert (operator.names, trace.get_current_span().get_span_context().is_valid) == ([name], False)


@KIND
def test_it_ends_once(operator: Operator, name: str) -> None:
    """Whoever ends a run first says how it ended; ending it again does nothing."""
    with KINDS[name](operator.calls) as handle:
        handle.end(outcome="cancelled")
        handle.end(HostError())
        handle.fail("timeout")
    assert operator.outcomes == ["cancelled"]


@KIND
def test_it_starts_once(operator: Operator, name: str) -> None:
    """A handle that has started is the same run when it is started again."""
    handle = KINDS[name](operator.calls).start(make_current=False)
    with handle:
        pass
    handle.start().end()
    assert operator.names == [name]


@KIND
def test_a_handle_that_never_started(operator: Operator, name: str) -> None:
    """A handle that never started has no id, and every call on it does nothing."""
    handle = KINDS[name](operator.calls)
    handle.fail("timeout")
    handle.cancel()
    handle.set(model="gpt-5.2")
    handle.record(input=1)
    handle.end()
    assert (handle.id, handle.attributes, operator.spans) == (None, {}, [])


def test_not_current(operator: Operator) -> None:
    """With ``make_current=False`` what follows is no child; with ``parent=`` it is."""
    agent = operator.calls.agent("planner").start(make_current=False)
    with operator.calls.tool("beside"):
        pass
    operator.calls.tool("below").start(parent=agent, make_current=False).end()
    agent.end()
    beside, below, planner = operator.spans
    assert (parent_of(beside), parent_of(below)) == (0, id_of(planner))


def test_told_afterwards(operator: Operator) -> None:
    """With ``at=`` a run has the times that are given, and its duration is what lies between them."""
    began = time.time_ns() - 9_000_000_000
    call = operator.calls.model_call("gpt-5.2").start(at=began)
    call.end(at=began + 4_000_000_000)
    ((span,), duration) = operator.spans, operator.metrics()["gen_ai.client.operation.duration"]
    assert (span.start_time, span.end_time) == (began, began + 4_000_000_000)
    assert duration.data.data_points[0].sum == pytest.approx(4, abs=0.1)


def test_another_thread_ends_it(operator: Operator, caplog: pytest.LogCaptureFixture) -> None:
    """A run may end in another thread than it began in, without a line in the log."""
    caplog.set_level(logging.DEBUG)
    with ThreadPoolExecutor(2) as pool:
        handle = pool.submit(lambda: operator.calls.tool("slow").start()).result()
        pool.submit(handle.end, TimeoutError()).result()
    assert (operator.outcomes, caplog.records) == (["error"], [])


def test_another_task_ends_it(operator: Operator, caplog: pytest.LogCaptureFixture) -> None:
    """A run may end in another asyncio task than it began in, without a line in the log."""
    caplog.set_level(logging.DEBUG, logger="opentelemetry")

    async def main() -> None:
        handle = operator.calls.tool("slow")

        async def begin() -> None:
            handle.start()

        async def finish() -> None:
            handle.end()

        await asyncio.create_task(begin())
        await asyncio.create_task(finish())

    asyncio.run(main())
    assert (operator.outcomes, caplog.records) == (["ok"], [])


def test_a_closed_context_stays_closed(operator: Operator) -> None:
    """Ending a run elsewhere leaves the current span of that place alone."""
    handle = operator.calls.tool("elsewhere")
    Context().run(handle.start)
    with operator.calls.tool("here"):
        before = trace.get_current_span()
        handle.end()
        assert trace.get_current_span() is before
    assert operator.names == ["execute_tool elsewhere", "execute_tool here"]


def test_threads_inherit_by_copy(operator: Operator) -> None:
    """Work in a copied context is a child; its own runs do not become current outside."""
    with operator.calls.agent("planner") as planner, ThreadPoolExecutor(1) as pool:
        pool.submit(copy_context().run, operator.calls.tool("in a thread").start).result().end()
        assert planner.kind == "agent"
    tool, agent = operator.spans
    assert parent_of(tool) == id_of(agent)


def test_out_of_order(operator: Operator) -> None:
    """Runs that end in another order than they began leave nothing current behind."""
    first, second = operator.calls.tool("first").start(), operator.calls.tool("second").start()
    first.end()
    second.end()
    with operator.calls.tool("third"):
        pass
    assert (operator.names[2:], parent_of(operator.spans[2])) == (["execute_tool third"], 0)


def test_ended_elsewhere(operator: Operator) -> None:
    """A run that another thread ended is no parent of what its own thread does next."""
    handle = operator.calls.tool("first").start()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(handle.end).result()
    with operator.calls.tool("second"):
        pass
    assert [parent_of(span) for span in operator.spans] == [0, 0]


@KIND
def test_fail(operator: Operator, name: str) -> None:
    """``fail`` marks a run that raises nothing as an error of that type."""
    with KINDS[name](operator.calls) as by_name:
        by_name.fail("RateLimitError")
    with KINDS[name](operator.calls) as by_exception:
        by_exception.fail(HostError())
    kinds = [(span.attributes or {})["error.type"] for span in operator.spans]
    assert (operator.outcomes, kinds) == (["error"] * 2, ["RateLimitError", f"{HostError.__module__}.HostError"])


@KIND
def test_cancel(operator: Operator, name: str) -> None:
    """``cancel`` marks a run that raises nothing as cancelled."""
    with KINDS[name](operator.calls) as handle:
        handle.cancel()
    assert operator.outcomes == ["cancelled"]


def test_end_with_a_name(operator: Operator) -> None:
    """A callback that knows only the name of the error gives that."""
    operator.calls.tool("web_search").start().end("TimeoutError")
    (span,) = operator.spans
    assert (operator.outcomes, (span.attributes or {})["error.type"]) == (["error"], "TimeoutError")


def test_set(operator: Operator) -> None:
    """``set`` adds what became known under the names of the conventions, and nothing undeclared."""
    with operator.calls.session(id="s-1") as session:
        session.set(model="gpt-5.2", provider="openai", exit_code=0, note="prompt")
    (span,) = operator.spans
    assert dict(span.attributes or {}) == {
        "agent.lifecycle": "session",
        "gen_ai.conversation.id": "s-1",
        "gen_ai.request.model": "gpt-5.2",
        "gen_ai.provider.name": "openai",
        "agent.exit_code": 0,
    }


def test_record(operator: Operator) -> None:
    """``record`` gives a model call its usage under the names of the semantic conventions."""
    with operator.calls.model_call("gpt-5.2", provider="openai") as call:
        call.record(
            input=10,
            output=5,
            cache_read=4,
            cache_write=3,
            reasoning=2,
            cost_usd=0.25,
            response_model="gpt-5.2-2026-01-01",
            response_id="resp_1",
        )
    (span,) = operator.spans
    assert dict(span.attributes or {}) == {
        "agent.lifecycle": "model_call",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5.2",
        "gen_ai.response.model": "gpt-5.2-2026-01-01",
        "gen_ai.response.id": "resp_1",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.cache_write.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "agent.cost.usd": 0.25,
    }


def test_ids(operator: Operator) -> None:
    """A session, task, tool call and workflow has the id that was given, else one that was made up."""
    calls = operator.calls
    given = [calls.session(id="a"), calls.task(id="b"), calls.tool("t", call_id="c"), calls.workflow(id="d")]
    made = [calls.session(), calls.task(), calls.workflow()]
    assert [handle.start().id for handle in given] == ["a", "b", "c", "d"]
    assert len({handle.start().id for handle in made} - {None}) == 3
    for handle in (*reversed(made), *reversed(given)):
        handle.end()


def test_current_session_and_task(operator: Operator) -> None:
    """Code inside finds the handles of the session and the task around it, and outside finds none."""
    calls = operator.calls
    with calls.session() as session, calls.task() as task, calls.tool("web_search"):
        assert (calls.current_session(), calls.current_task()) == (session, task)
    assert (calls.current_session(), calls.current_task()) == (None, None)


def test_each_asyncio_task_has_its_own(operator: Operator) -> None:
    """Concurrent asyncio tasks see their own session."""

    async def work(name: str) -> tuple[str, str | None]:
        async with operator.calls.session(id=name):
            await asyncio.sleep(0.01)
            session = operator.calls.current_session()
            return name, session and session.id

    async def main() -> list[tuple[str, str | None]]:
        return await asyncio.gather(*map(work, "abc"))

    assert asyncio.run(main()) == [("a", "a"), ("b", "b"), ("c", "c")]


def test_what_is_in_a_session_knows_it(operator: Operator) -> None:
    """Every span in a session carries its conversation id."""
    calls = operator.calls
    with calls.session(id="s-1"), calls.task(), calls.agent("planner"), calls.model_call("gpt-5.2"), calls.tool("t"):
        pass
    assert [(span.attributes or {}).get("gen_ai.conversation.id") for span in operator.spans] == ["s-1"] * 5


def test_events_of_handles_by_hand(acme: Acme) -> None:
    """A run by hand in an isolated telemetry gives the same events, whichever thread ends it."""
    task = acme.telemetry.task("research", source="slack").start(make_current=False)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(task.end, "RateLimitError").result()
    assert acme.names == ["task.created", "task.started", "task.failed"]
    assert acme.told[-1].properties["errorCategory"] == "rate_limit"
