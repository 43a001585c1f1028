"""Every lifecycle call decorates functions of all four kinds."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace

from tests.lifecycle.acme import id_of, parent_of
from tests.lifecycle.test_outcomes import KIND, KINDS, HostError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from tests.lifecycle.acme import Operator


def current() -> str:
    """The name of the current span, empty where there is none."""
    return getattr(trace.get_current_span(), "name", "")


@KIND
def test_a_function(operator: Operator, name: str) -> None:
    """Each call of a decorated function is a run of its own, current inside, and gives what the function gives."""

    @KINDS[name](operator.calls)
    def work(left: int, *, right: int) -> tuple[int, str]:
        return left + right, current()

    assert (work(1, right=2), work(3, right=4), current()) == ((3, name), (7, name), "")
    assert (operator.names, operator.outcomes) == ([name] * 2, ["ok"] * 2)


@KIND
def test_a_coroutine_function(operator: Operator, name: str) -> None:
    """A decorated coroutine function stays one; concurrent calls have spans of their own."""

    @KINDS[name](operator.calls)
    async def work(number: int) -> tuple[int, str]:
        await asyncio.sleep(0)
        return number, current()

    async def both() -> list[tuple[int, str]]:
        return [*await asyncio.gather(work(1), work(2))]

    assert (inspect.iscoroutinefunction(work), asyncio.run(both())) == (True, [(1, name), (2, name)])
    assert (operator.names, [span.parent for span in operator.spans]) == ([name] * 2, [None] * 2)


@KIND
def test_a_generator(operator: Operator, name: str) -> None:
    """A decorated generator is current in its own steps and never in the consumer's code; its result comes through."""

    @KINDS[name](operator.calls)
    def count() -> Generator[str, None, str]:
        yield current()
        yield current()
        return "result"

    seen: list[str] = []

    def consume() -> Generator[str, None, None]:
        seen.append((yield from count()))

    stepped = [inside + current() for inside in consume()]
    assert ([*stepped, *seen], operator.outcomes) == ([name, name, "result"], ["ok"])


@KIND
def test_an_asynchronous_generator(operator: Operator, name: str) -> None:
    """The same for an asynchronous generator."""

    @KINDS[name](operator.calls)
    async def count() -> AsyncGenerator[str, None]:
        yield current()
        await asyncio.sleep(0)
        yield current()

    async def consume() -> list[str]:
        return [inside + current() async for inside in count()]

    assert (asyncio.run(consume()), operator.outcomes) == ([name, name], ["ok"])


def test_the_function_keeps_its_name(operator: Operator) -> None:
    """A decorated function keeps its name, docstring, signature and the function inside."""

    def work(left: int) -> int:
        """Work."""
        return left

    decorated = operator.calls.tool("web_search")(work)
    assert (decorated.__name__, decorated.__doc__, inspect.signature(decorated)) == (
        "work",
        "Work.",
        inspect.signature(work),
    )
    assert inspect.unwrap(decorated) is work


def echo(operator: Operator) -> Any:
    """A decorated generator that gives back what it is sent, and ``caught`` for an error that is thrown into it."""

    @operator.calls.tool("echo")
    def steps() -> Generator[str, str, str]:
        got = "first"
        while got != "stop":
            try:
                got = yield got + current()
            except HostError:
                got = "caught"
        return got

    return steps


def test_send_reaches_the_generator(operator: Operator) -> None:
    """What the consumer sends arrives, and each step runs inside the span."""
    steps = echo(operator)()
    assert [next(steps), steps.send("second")] == ["firstexecute_tool echo", "secondexecute_tool echo"]
    with pytest.raises(StopIteration) as stop:
        steps.send("stop")
    assert (stop.value.value, operator.outcomes) == ("stop", ["ok"])


def test_throw_reaches_the_generator(operator: Operator) -> None:
    """What the consumer throws can be caught in the generator, which goes on."""
    steps = echo(operator)()
    next(steps)
    assert steps.throw(HostError()) == "caughtexecute_tool echo"
    steps.close()
    assert operator.outcomes == ["left"]


def test_an_uncaught_throw_is_an_error(operator: Operator) -> None:
    """What the generator does not catch comes back out, the same object, and the span ends as an error."""
    steps = echo(operator)()
    next(steps)
    error = ValueError("no")
    with pytest.raises(ValueError, match="no") as raised:
        steps.throw(error)
    assert (raised.value is error, operator.outcomes) == (True, ["error"])


def test_an_early_close_is_no_failure(operator: Operator) -> None:
    """A consumer that stops early closes the generator, whose clean-up runs inside the span."""
    cleaned: list[str] = []

    @operator.calls.tool("stream")
    def stream() -> Generator[int, None, None]:
        try:
            yield 1
            yield 2
        finally:
            cleaned.append(current())

    with closing(stream()) as steps:
        next(steps)
    assert (cleaned, operator.outcomes, current()) == (["execute_tool stream"], ["left"], "")


def test_a_generator_that_is_dropped(operator: Operator) -> None:
    """A generator that the consumer forgets ends when Python collects it."""
    steps = echo(operator)()
    next(steps)
    del steps
    assert operator.outcomes == ["left"]


def test_a_generator_that_never_runs(operator: Operator) -> None:
    """Calling a decorated generator function does nothing until its first step."""
    steps = echo(operator)()
    steps.close()
    assert operator.spans == []


def test_spans_in_the_consumer_are_no_children(operator: Operator) -> None:
    """What the consumer does between two steps is no child of the generator's span; what a step does is."""

    @operator.calls.agent("planner")
    def steps() -> Generator[int, None, None]:
        for number in range(2):
            with operator.calls.tool(f"inside-{number}"):
                pass
            yield number

    for number in steps():
        with operator.calls.tool(f"outside-{number}"):
            pass
    spans = {span.name.rpartition(" ")[2]: span for span in operator.spans}
    (planner,) = (span for span in operator.spans if span.name == "invoke_agent planner")
    planner_context = planner.get_span_context()
    parents = {name: span.parent for name, span in spans.items() if name != "planner"}
    assert planner_context is not None
    assert {name: parent and parent.span_id for name, parent in parents.items()} == {
        "inside-0": planner_context.span_id,
        "outside-0": None,
        "inside-1": planner_context.span_id,
        "outside-1": None,
    }


def test_a_span_around_a_yield(operator: Operator) -> None:
    """A span that the generator keeps open over a yield is current in its steps, and not in the consumer's code."""

    @operator.calls.agent("planner")
    def steps() -> Generator[str, None, None]:
        with operator.calls.tool("web_search"):
            yield current()
            yield current()
        yield current()

    seen = [inside + "|" + current() for inside in steps()]
    assert seen == ["execute_tool web_search|", "execute_tool web_search|", "invoke_agent planner|"]


def test_two_generators_in_turns(operator: Operator) -> None:
    """Two decorated generators that are consumed in turns do not see each other."""

    def steps(name: str) -> Generator[str, None, None]:
        for _ in range(2):
            with operator.calls.tool(name):
                yield current()

    left, right = (operator.calls.agent(name)(steps)(name) for name in ("left", "right"))
    seen = [inside for pair in zip(left, right, strict=True) for inside in pair]
    tools = [parent_of(span) for span in operator.spans if span.name.startswith("execute_tool")]
    assert seen == ["execute_tool left", "execute_tool right"] * 2
    assert (current(), len(set(tools)), 0 in tools) == ("", 2, False)


def async_echo(operator: Operator) -> Any:
    """The asynchronous twin of :func:`echo`."""

    @operator.calls.tool("echo")
    async def steps() -> AsyncGenerator[str, str]:
        got = "first"
        while got != "stop":
            try:
                got = yield got + current()
            except HostError:
                got = "caught"

    return steps


def test_asend_and_athrow(operator: Operator) -> None:
    """What the consumer sends or throws reaches an asynchronous generator too."""

    async def consume() -> list[str]:
        steps = async_echo(operator)()
        seen = [await steps.asend(None), await steps.asend("second"), await steps.athrow(HostError())]
        with pytest.raises(StopAsyncIteration):
            await steps.asend("stop")
        return seen

    expected = ["first", "second", "caught"]
    assert asyncio.run(consume()) == [f"{word}execute_tool echo" for word in expected]
    assert operator.outcomes == ["ok"]


def test_an_uncaught_athrow_is_an_error(operator: Operator) -> None:
    """What an asynchronous generator does not catch comes back out, the same object."""
    error = ValueError("no")

    async def consume() -> None:
        steps = async_echo(operator)()
        await steps.asend(None)
        await steps.athrow(error)

    with pytest.raises(ValueError, match="no") as raised:
        asyncio.run(consume())
    assert (raised.value is error, operator.outcomes) == (True, ["error"])


def test_an_early_aclose_is_no_failure(operator: Operator) -> None:
    """A consumer that stops early closes the asynchronous generator: its clean-up runs, and the span ends."""
    cleaned: list[str] = []

    @operator.calls.tool("stream")
    async def stream() -> AsyncGenerator[int, None]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            with operator.calls.tool("clean-up"):
                cleaned.append(current())

    async def consume() -> None:
        async with aclosing(stream()) as steps:
            await anext(steps)

    asyncio.run(consume())
    assert (cleaned, operator.names) == (["execute_tool clean-up"], ["execute_tool clean-up", "execute_tool stream"])
    assert (operator.outcomes, parent_of(operator.spans[0])) == (["ok", "left"], id_of(operator.spans[1]))


def test_a_cancelled_consumer_cancels(operator: Operator) -> None:
    """Where the consumer's task is cancelled inside a step, the run is cancelled."""

    @operator.calls.agent("planner")
    async def steps() -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.sleep(60)

    async def consume() -> None:
        async for _ in steps():
            pass

    async def main() -> None:
        task = asyncio.create_task(consume())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert operator.outcomes == ["cancelled"]


def test_a_method(operator: Operator) -> None:
    """Methods, class methods and static methods can be decorated, below their own decorators."""

    class Agent:
        @operator.calls.agent("a")
        def run(self) -> str:
            return current()

        @classmethod
        @operator.calls.agent("b")
        def make(cls) -> str:
            return current()

        @staticmethod
        @operator.calls.agent("c")
        def check() -> str:
            return current()

    assert [Agent().run(), Agent.make(), Agent.check()] == ["invoke_agent a", "invoke_agent b", "invoke_agent c"]
