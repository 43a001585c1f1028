"""What telemetry costs, beside what a user would otherwise pick: ``make bench`` prints one table.

Each program runs in a process and an environment of its own; rounds go around all of them in turn, so that what else
the machine does meets all alike. Processor time is compared, not the clock, wherever that says the same. README.md,
beside this file, explains each figure.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _environments
from _serving import WAYS, request_ms
from _sink import Sink
from _table import Row, machine, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

PROGRAMS = Path(__file__).parent / "programs"
RESULTS = Path(__file__).parent / "results.json"
_ON = {"AGENT_TELEMETRY_NOTICE": "0"}
_OFF = {"DO_NOT_TRACK": "1"}

SDK = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
"""
SDK_METRICS = """
from opentelemetry import metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())]))
"""
IMPORTS = {
    "bare Python": ("ours", "pass", _OFF),
    "ours, off": ("ours", "import otel_agent_telemetry as t; t.configure(product='bench')", _OFF),
    "ours, on": ("ours", "import otel_agent_telemetry as t; t.configure(product='bench'); t.tool('x')", _ON),
    "ours, on, with OTLP": (
        "ours",
        "import otel_agent_telemetry as t; t.configure(product='bench'); t.tool('x')",
        {**_ON, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    ),
    "sdk": ("sdk", SDK, {}),
    "sdk, metrics too": ("sdk", SDK + SDK_METRICS, {}),
    "logfire": ("logfire", "import logfire; logfire.configure(send_to_logfire=False, console=False)", {}),
    "posthog": ("posthog", "from posthog import Posthog; Posthog('k', host='http://127.0.0.1:9')", {}),
    "segment": ("segment", "from segment.analytics.client import Client; Client('k')", {}),
    "sentry": ("sentry", "import sentry_sdk; sentry_sdk.init('http://k@127.0.0.1:9/1', traces_sample_rate=1)", {}),
    "requests": ("requests", "import requests", {}),
}
TASKS = (
    "import otel_agent_telemetry as t; t.configure(product='bench'); import timeit, time;"
    "print(min(timeit.repeat('with task(\"x\"): pass', globals={'task': t.task}, number=100_000, repeat=9,"
    " timer=time.thread_time)) * 10)"
)
LEAVES = (
    "import atexit, time\nbegan = []\natexit.register(lambda: print(time.perf_counter() - began[0]))\n"
    "import otel_agent_telemetry as t\nt.configure(product='bench', endpoint='{url}/v1/events')\n"
    "with t.session(agent='a'), t.task('b'):\n    pass\nt.flush(0)\ntime.sleep(1)\n"
    "with t.session(agent='a'), t.task('b'):\n    pass\nbegan.append(time.perf_counter())\n"
)


def run(name: str, *command: str, **variables: str) -> str:
    """What a program prints, in the environment of that peer, with a home of its own."""
    return _run(name, command, variables)[0]


def found(name: str, program: str, *arguments: object) -> dict[str, Any]:
    """The figures that one of ``programs`` prints."""
    return json.loads(run(name, str(PROGRAMS / f"{program}.py"), *map(str, arguments), **_ON))


def cpu_ms(name: str, code: str, variables: Mapping[str, str]) -> float:
    """Processor time of an interpreter that runs this code, until it is over."""
    return _run(name, ("-c", code), variables)[1]


def _run(name: str, command: Iterable[str], variables: Mapping[str, str]) -> tuple[str, float]:
    with tempfile.TemporaryDirectory() as home:
        kept = {key: os.environ[key] for key in ("PATH", "LANG", "SYSTEMROOT") if key in os.environ}
        environment = {**kept, "HOME": home, "XDG_STATE_HOME": home, "PYTHONHASHSEED": "0", **variables}
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [_environments.python(name), *command], env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def rounds(number: int, measures: Mapping[str, Callable[[], Any]]) -> dict[str, list[Any]]:
    """What each gives, round by round, the order turned with each."""
    names, given = list(measures), {name: [] for name in measures}
    for turn in range(number):
        for name in names if turn % 2 == 0 else reversed(names):
            given[name].append(measures[name]())
    return given


def starting() -> list[Row]:
    """Importing and configuring."""
    given = rounds(9, {name: lambda peer=peer: cpu_ms(*peer) for name, peer in IMPORTS.items()})
    bare = given.pop("bare Python")
    over = {name: [one - other for one, other in zip(times, bare, strict=True)] for name, times in given.items()}
    rows = [Row("off: import and configure, over bare Python", "ms", over["ours, off"], aim=5.0)]
    rows += [
        Row(f"  the same, {name}", "ms", over[name])
        for name in ("sdk", "logfire", "posthog", "segment", "sentry", "requests")
    ]
    for peer, what in (("sdk", "spans"), ("sdk, metrics too", "spans and metrics")):
        beyond = [one - other for one, other in zip(over["ours, on, with OTLP"], over[peer], strict=True)]
        rows.append(Row(f"on: import and configure, over the SDK with OTLP for {what}", "ms", beyond, aim=10.0))
    rows.append(Row("  without OTLP, over bare Python", "ms", over["ours, on"]))
    tasks = [float(run("ours", "-c", TASKS, **_OFF)) for _ in range(5)]
    rows.append(Row("off: one `with task()`", "us", tasks, aim=0.25))
    return rows


def calling(sink: Sink) -> list[Row]:
    """What the caller pays."""
    peers = {
        "ours": lambda: found("ours", "caller", "ours"),
        "sdk": lambda: found("sdk", "caller", "sdk"),
        "sdk with OTLP": lambda: found("sdk", "caller", "sdk", sink.url),
        **{
            name: lambda name=name: found(name, "caller", name, sink.url)
            for name in ("logfire", "posthog", "segment", "sentry", "requests")
        },
    }
    given = rounds(5, peers)
    rows = [
        Row("on: a lifecycle span, caller's thread / SDK's span", "x", _ratios(given, "ours", "sdk", "tool"), aim=1.1),
        Row("  the same, 20,000 in a loop, all threads", "x", _ratios(given, "ours", "sdk", "tool_loop"), aim=1.3),
        *(
            Row(f"  caller's thread, {name}", "x", _ratios(given, name, "sdk", "tool"))
            for name in ("logfire", "sentry")
        ),
        Row("on: a span that is none of ours / SDK's span", "x", _ratios(given, "ours", "sdk", "request"), aim=1.02),
        Row("one event (track) / SDK's span with OTLP", "x", _ratios(given, "ours", "sdk with OTLP", "event"), aim=0.3),
    ]
    others = ("logfire", "posthog", "segment", "sentry", "requests")
    return [
        *rows,
        *(Row(f"  the same, {name}", "x", _ratios(given, name, "sdk with OTLP", "event")) for name in others),
    ]


def _ratios(given: Mapping[str, list[Any]], one: str, other: str, what: str) -> list[float]:
    return [mine[what] / theirs[what] for mine, theirs in zip(given[one], given[other], strict=True)]


def instructions() -> list[Row]:
    """The same paths, in instructions that the processor executes: no clock, no other load."""
    from programs.instructions import COUNT, ORDER

    with tempfile.TemporaryDirectory() as folder:
        valgrind = ("valgrind", "--quiet", "--tool=callgrind", "--separate-threads=yes", "--dump-before=getppid")
        command = (*valgrind, f"--callgrind-out-file={folder}/out.%p")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "XDG_STATE_HOME": folder,
            "PYTHONHASHSEED": "0",
            **_ON,
        }
        program = [*command, _environments.python("ours"), str(PROGRAMS / "instructions.py")]
        try:
            subprocess.run(program, env=environment, check=True, capture_output=True)
        except FileNotFoundError:
            print(
                "valgrind is missing: no instructions are counted; get it with: apt-get install valgrind",
                file=sys.stderr,
            )
            return []
        parts = [_total(Path(folder), 2 * number + 2) / COUNT for number in range(len(ORDER))]
    of = dict(zip(ORDER, parts, strict=True))
    return [
        Row("instructions: a lifecycle span / SDK's", "x", [of["ours_tool"] / of["sdk_tool"]], aim=1.1),
        Row(
            "instructions: a span that is none of ours / SDK's", "x", [of["ours_request"] / of["sdk_request"]], aim=1.02
        ),
        Row("instructions: one event (track) / SDK's span", "x", [of["ours_event"] / of["sdk_event"]], aim=0.3),
        *(Row(f"  thousand instructions, {name.replace('_', ' ')}", "k", [count / 1e3]) for name, count in of.items()),
    ]


def _total(folder: Path, part: int) -> int:
    """The instructions of one part, on the first thread."""
    (file,) = folder.glob(f"out.*.{part}-01")
    line = next(line for line in file.read_text("utf-8").splitlines() if line.startswith("totals:"))
    return int(line.split()[1])


def delivering(sink: Sink) -> list[Row]:
    """From the call to the server's answer."""
    single = {
        name: lambda name=name: _delivered(sink, name, 400, 1) for name in ("ours", "requests", "posthog", "segment")
    }
    batches = {
        name: lambda name=name: _delivered(sink, name, 5_000, 100) for name in ("ours", "segment", "posthog", "sdk")
    }
    one, many = rounds(5, single), rounds(5, batches)
    rows = [
        Row(
            "delivered, one per POST: ours / requests.post in a thread",
            "x",
            _rates(one, "ours", "requests"),
            aim=1.0,
            more=True,
        )
    ]
    rows += [Row(f"  the same, {name}", "x", _rates(one, name, "requests")) for name in ("posthog", "segment")]
    rows.append(
        Row("delivered, 100 per POST: ours / segment's", "x", _rates(many, "ours", "segment"), aim=2.0, more=True)
    )
    rows += [Row(f"  the same, {name}", "x", _rates(many, name, "segment")) for name in ("posthog", "sdk")]
    rates = [5_000 / turn["clock"] for turn in many["ours"]]
    rows.append(Row("  events per second of the clock, 100 per POST", "/s", rates))
    return rows


def _delivered(sink: Sink, name: str, count: int, batch: int) -> dict[str, Any]:
    sink.events()
    figures = found(name, "delivery", name, sink.url, count, batch)
    arrived = sink.events()
    if arrived < count + 1:
        raise RuntimeError(f"{name} delivered {arrived} of {count + 1} events")
    return figures


def _rates(given: Mapping[str, list[Any]], one: str, other: str) -> list[float]:
    """Events per second of processor time: what a clock would show on a machine with nothing else to do."""
    return [theirs["cpu"] / mine["cpu"] for mine, theirs in zip(given[one], given[other], strict=True)]


def working() -> list[Row]:
    """The writing thread, and what a host notices of it."""
    writing = [found("ours", "writing")["rate"] for _ in range(3)]
    host = rounds(5, {name: lambda name=name: found("ours", "host", name, 1_000)["us"] for name in ("none", "ours")})
    kept = [100 * none / ours for none, ours in zip(host["none"], host["ours"], strict=True)]
    late = rounds(3, {name: lambda name=name: found(name, "loop", name) for name in ("ours", "sdk")})
    return [
        Row("written: events per second of processor time", "/s", writing, aim=60_000, more=True),
        Row("host's work while 1,000 events/s are written, of that without", "%", kept, aim=97, more=True),
        Row("event loop's delay, p99 / SDK's", "x", _ratios(late, "ours", "sdk", "p99"), aim=1.0),
    ]


def resting(silent: Sink) -> list[Row]:
    """Leaving, and doing nothing."""
    leaving = [float(run("ours", "-c", LEAVES.format(url=silent.url), **_ON)) * 1e3 for _ in range(7)]
    idle = found("ours", "idle", silent.url, 60)
    return [
        Row("leaving while the server never answers", "ms", leaving, aim=2.0),
        Row("idle with events pending, second minute: write transactions", "", [idle["transactions"]], aim=4),
        Row("  wake-ups", "", [idle["wake_ups"]]),
    ]


def growing() -> list[Row]:
    """The cost of each as there are more."""
    rows: list[Row] = []
    for kind, counts in (("sessions", (10, 100, 1_000)), ("spans", (1, 100, 10_000, 20_000))):
        given = rounds(
            3, {str(n): lambda kind=kind, n=n: found("ours", "growth", kind, n, 20_000)["us"] for n in counts}
        )
        steps = [_steps([given[str(n)][turn] for n in counts]) for turn in range(3)]
        rows.append(Row(f"growth: worst step, {' to '.join(f'{n:,}' for n in counts)} {kind}", "x", steps, aim=1.2))
    shared = [_together(number) for number in (1, 4, 16, 64)]
    rows.append(Row("growth: worst step, 1 to 4 to 16 to 64 processes on one ledger", "x", [_steps(shared)], aim=1.2))
    return rows


def _steps(costs: list[float]) -> float:
    return max(later / earlier for earlier, later in pairwise(costs))


def _together(number: int) -> float:
    """Processor time of each event where so many processes write to one ledger, each as many."""
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "XDG_STATE_HOME": home, **_ON}
        command = [_environments.python("ours"), str(PROGRAMS / "growth.py"), "process", "1", "800"]
        started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(number)]
        return statistics.mean(json.loads(process.communicate()[0])["us"] for process in started)


def remembering() -> list[Row]:
    """Memory after many spans, and whether it grows."""
    ours, sdk = found("ours", "memory", "ours", 1_000_000)["mb"], found("sdk", "memory", "sdk", 1_000_000)["mb"]
    return [
        Row("memory over the SDK after a million spans", "MB", [ours[-1] - sdk[-1]], aim=10),
        Row("  growth from 250,000 to a million", "MB", [ours[-1] - ours[0]]),
    ]


def exporting(sink: Sink) -> list[Row]:
    """The operator's own path."""
    given = rounds(
        5, {name: lambda name=name: found(name, "operator_path", name, sink.url, 5_000) for name in ("ours", "sdk")}
    )
    return [Row("a span to the operator's collector / SDK's", "x", _ratios(given, "ours", "sdk", "us"), aim=1.0)]


def serving(sink: Sink) -> list[Row]:
    """A request of a service that has an agent answer."""
    given = rounds(5, {way: lambda way=way: request_ms(way, sink) for way in WAYS})
    plain = given.pop("plain")
    aims = {"opted out": 1.02, "events in batches and OTLP": 1.25, "events and OTLP": 1.25}
    return [
        Row(
            f"a request of an agent service, {way} / plain",
            "x",
            [mine / theirs for mine, theirs in zip(times, plain, strict=True)],
            aim=aims.get(way),
        )
        for way, times in given.items()
    ]


def main() -> None:
    """Measure, print, and keep."""
    for name in _environments.NAMES:
        _environments.python(name)
    with Sink() as sink, Sink(hangs=True) as silent:
        parts: dict[str, Callable[[], list[Row]]] = {
            "starting": starting,
            "calling": lambda: calling(sink),
            "instructions": instructions,
            "working": working,
            "delivering": lambda: delivering(sink),
            "serving": lambda: serving(sink),
            "exporting": lambda: exporting(sink),
            "resting": lambda: resting(silent),
            "growing": growing,
            "remembering": remembering,
        }
        wanted = sys.argv[1:] or list(parts)
        rows: list[Row] = []
        print(shown.__doc__)
        for part in wanted:
            for row in parts[part]():
                print(shown(row), flush=True)
                rows.append(row)
    if not sys.argv[1:]:
        about = {"machine": machine(), "python": platform.python_version(), "versions": _environments.versions()}
        RESULTS.write_text(json.dumps({**about, "rows": [row.kept() for row in rows]}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
