"""``agent-telemetry demo``: the whole way on this machine, with an agent service that knows nothing of it."""

from __future__ import annotations

import importlib.util
import json
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from otel_agent_telemetry.cli.demo._parts import (
    OutsideError,
    Proxy,
    Service,
    collector,
    handed_out,
    own_command,
    scripted_model,
    send_what_is_left,
    threads_and_modules,
)
from otel_agent_telemetry.cli.demo._report import left_out, printed_events
from otel_agent_telemetry.errors import InputError

__all__ = ["demo"]

_NEEDED = {"fastapi": "fastapi", "uvicorn": "uvicorn", "celery": "celery", "agents": "openai-agents"}
_QUESTIONS: tuple[dict[str, object], ...] = (
    {"question": "What is the weather in Paris?", "conversation": "c1"},
    {"question": "What is the stock price of ACME?", "conversation": "c1"},
    {"question": "Please hand off to the specialist", "conversation": "c2", "stream": True},
    {"question": "Run into the rate limit", "conversation": "c2"},
)
_CANCELLED: dict[str, object] = {"question": "Take it slow", "conversation": "c3"}
_ENDED = frozenset({"SUCCESS", "FAILURE", "REVOKED"})
_PRODUCT = "acme-agents"


@click.command(short_help="Run an example service, and show its trace and events.")
@click.option("--maintainers", is_flag=True, help="Instead, run ten simulated installations, a proxy, and its report.")
@click.option(
    "--db",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the traces in this file, for the commands and the page.",
)
def demo(*, maintainers: bool, db: Path | None) -> None:
    """Run an unmodified agent service, then show its trace, its token usage, and the anonymous events it sent.

    It then does the same with telemetry switched off. It needs fastapi, uvicorn, celery and openai-agents. The model is
    a scripted server on this machine, so nothing leaves it. All state is in a temporary folder, except for traces that
    you keep with --db.
    """
    if maintainers:
        from otel_agent_telemetry.cli.demo._maintainers import maintainers_demo

        maintainers_demo()
        return
    missing = [package for module, package in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        msg = f"the demo's service needs {', '.join(missing)}: pip install {' '.join(missing)}"
        raise InputError(msg)
    try:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="agent-telemetry-"))
            proxy = stack.enter_context(Proxy())
            model = stack.enter_context(scripted_model(folder))
            _switched_on(folder, str(db or os.path.join(folder, "traces.sqlite")), model, proxy)
            _opted_out(folder, model, proxy)
    except OutsideError as error:
        raise InputError(str(error)) from error
    if db is not None:
        click.echo(f"\nThe traces are kept: agent-telemetry serve --db {db}")
    click.echo('\nDone. Next: "Your own service" in README.md.')


def _switched_on(folder: str, store: str, model: str, proxy: Proxy) -> None:
    with collector(store) as url:
        _say("1. agent-telemetry serve", f"takes traces at {url} and keeps them in {store}")
        _say(
            "2. an agent service, unchanged: tasks over HTTP, a queue, a worker",
            "agent-telemetry run -- uvicorn app:app              (FastAPI)\n"
            "agent-telemetry run -- celery --app worker worker   (prefork, OpenAI Agents SDK)",
        )
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "AGENT_TELEMETRY_ENDPOINT": proxy.url,
            "AGENT_TELEMETRY_PRODUCT": _PRODUCT,
            "AGENT_TELEMETRY_VERSION": "2.3.0",
            "AGENT_TELEMETRY_STATE_DIR": os.path.join(folder, "state"),
        }
        with Service(folder, model, environment) as service:
            _work(service)
        send_what_is_left(environment)
        traces: list[dict[str, Any]] = json.loads(own_command("traces", "--json", "--limit", "1000", "--db", store))
        richest = max(traces, key=lambda trace: (bool(trace["tools"]), int(trace["spans"])))["trace_id"]
        click.echo("\n== 3. the trace of one task, across both processes: agent-telemetry show TRACE")
        click.echo(own_command("show", richest, "--db", store), nl=False)
        click.echo("\n== 4. its tokens, by model: agent-telemetry usage")
        click.echo(own_command("usage", "--db", store), nl=False)
        click.echo(f"   the model server says it gave out {handed_out(model)}")
        _show_events(folder, store, proxy)


def _work(service: Service) -> None:
    """Give it tasks that end in every way, and wait for their ends."""
    asked = [(question, service.ask(question)) for question in _QUESTIONS]
    for question, task in asked:
        click.echo(f"   {question['question']:<40} {service.wait(task, _ENDED)}")
    slow = service.ask(_CANCELLED)
    service.wait(slow, frozenset({"STARTED"}))
    service.cancel(slow)
    click.echo(f"   {_CANCELLED['question']:<40} {service.wait(slow, _ENDED)}, cancelled after it began")


def _show_events(folder: str, store: str, proxy: Proxy) -> None:
    received = proxy.bodies()
    click.echo("\n== 5. the anonymous events that the maintainers' proxy received from the same run, byte for byte")
    for line in printed_events(received):
        click.echo(line)
    state = os.path.join(folder, "state")
    ledger = own_command("events", "--json", "--product", _PRODUCT, "--state-dir", state).encode().splitlines()
    if sorted(ledger) != sorted(received):
        msg = f"the ledger has {len(ledger)} events and the proxy {len(received)}, or other bytes; please report this"
        raise OutsideError(msg)
    click.echo(f"   `agent-telemetry events --json` gives the same {len(ledger)} events, the same bytes")
    click.echo("\n== 6. what was left out: it is in the operator's traces above, and in none of these events")
    exported = [json.loads(line) for line in own_command("export", "--db", store).splitlines()]
    for line in left_out(exported, received):
        click.echo(line)


def _opted_out(folder: str, model: str, proxy: Proxy) -> None:
    before = len(proxy.bodies())
    state = os.path.join(folder, "state-opted-out")
    environment = {
        "ANONYMIZED_TELEMETRY": "false",
        "AGENT_TELEMETRY_ENDPOINT": proxy.url,
        "AGENT_TELEMETRY_STATE_DIR": state,
        # A server of the user's own on the usual port would get traces, which opting out of events does not touch.
        "OTEL_TRACES_EXPORTER": "none",
    }
    _say("7. the same service with ANONYMIZED_TELEMETRY=false", "")
    with Service(folder, model, environment) as service:
        ended = service.wait(service.ask(_QUESTIONS[0]), _ENDED)
    sent = len(proxy.bodies()) - before
    threads, modules = threads_and_modules(environment)
    click.echo(f"   {_QUESTIONS[0]['question']:<40} {ended}")
    click.echo(f"   events sent: {sent}; state folder made: {'yes' if os.path.exists(state) else 'no'}")
    click.echo(f"   threads started: {threads}; of OpenTelemetry's SDK and requests imported: {modules}")
    if sent or os.path.exists(state) or threads or modules:
        msg = "an opted-out service sent, stored or started something; please report this with the output above"
        raise OutsideError(msg)


def _say(title: str, words: str) -> None:
    click.echo(f"\n== {title}")
    for line in words.splitlines():
        click.echo(f"   {line}")
