"""Every command and snippet of the documentation runs: one shell a page, in an empty home, with a server of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import metadata
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement

from examples.scripted_model import ModelServer
from otel_agent_telemetry.cli._variables import names
from otel_agent_telemetry.consent import Consent
from tests.cli.command import environment
from tests.docs.blocks import PAGES, ROOT, Block, blocks
from tests.network import reserved_port

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.docs

SERVE = "agent-telemetry serve"
LISTENS = {SERVE: "4318", "agent-telemetry proxy": "8088"}  # where, if nothing else is said
WITH_A_SERVE = "run: the collector of this page"
MARKS = {"python", "run", "run: background", WITH_A_SERVE, "install", "dockerfile", "yaml", "policy"}
TYPED = [
    page for page in PAGES if any(block.mark.startswith(("run", "python", "dockerfile")) for block in blocks(page))
]
_LONGEST_SECONDS = 240  # all frameworks are imported several times, on a busy machine
UNTIL_IT_LISTENS = "for _ in $(seq 600); do (exec 3<>/dev/tcp/127.0.0.1/{0}) 2>&- && break; sleep 0.1; done"


def relative(page: Path) -> str:
    """The page's path from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_each_block_says_how_it_is_tested(page: Path) -> None:
    """A block without a mark, or with one that no test knows, would be words that nobody has tried."""
    marks = {block.mark for block in blocks(page) if not block.mark.startswith(("file: ", "not run: "))}
    assert marks - MARKS == set()


@pytest.fixture(scope="module")
def model() -> Generator[ModelServer]:
    """What answers instead of a model."""
    with ModelServer() as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.timeout(_LONGEST_SECONDS)
@pytest.mark.parametrize("page", TYPED, ids=relative)
def test_a_page_runs(page: Path, model: ModelServer, tmp_path: Path) -> None:
    """The page's commands and programs end well, in their order, in a folder with its files, as its reader has them."""
    ports = {port: str(reserved_port()) for port in ("4318", "8000", "8088")}
    script = "\n".join(["set -eu", "trap 'kill $(jobs -p) 2>&- || true' EXIT", *lines(blocks(page), tmp_path, ports)])
    given = environment(OPENAI_API_KEY="none", OPENAI_BASE_URL=model.url, PYTHONWARNINGS="default")
    given["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), given["PATH"]])
    if page.stem != "frameworks":  # the import of all of them is what takes long
        given["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"] = "*"
    code, out, err = in_a_shell(with_ports(script, ports), tmp_path, given)
    assert (code, "Traceback" in err) == (0, False), f"{script}\n{out}\n{err}"


def in_a_shell(script: str, folder: Path, given: dict[str, str]) -> tuple[int, str, str]:
    """Exit code and output of a script; whatever it started is gone then."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        ["bash", "-c", script], cwd=folder, env=given, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as shell:
        try:
            out, err = shell.communicate(timeout=_LONGEST_SECONDS - 10)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
    return shell.returncode, out, err


def lines(found: list[Block], folder: Path, ports: dict[str, str]) -> Generator[str]:
    """The shell's lines for the blocks of a page; files are written on the way."""
    for number, block in enumerate(found):
        if block.mark.startswith("file: ") or block.mark == "python":
            name = block.mark.removeprefix("file: ") if block.mark != "python" else f"snippet_{number}.py"
            (folder / name).write_text(with_ports(block.text, ports), "utf-8")
            if block.mark == "python":
                yield f"python {name}"
        elif block.mark == "run: background":
            yield from background(block.commands)
        elif block.mark == "dockerfile":
            yield from image(block.text)
        elif block.mark.startswith("run"):
            if block.mark == WITH_A_SERVE and not any(SERVE in each.commands for each in found[:number]):
                yield from background([SERVE])
                found[:number] = [block._replace(text=f"$ {SERVE}\n")]
            yield from block.commands


def background(commands: list[str]) -> Generator[str]:
    """Commands that go on, and the waiting until they are at work; from then on `serve` is where traces go."""
    for command in commands:
        port = LISTENS.get(command, "8000" if "8000" in command else "")
        yield f"{command} --port {port} &" if command in LISTENS else f"{command} &"
        if port:
            yield UNTIL_IT_LISTENS.format(port)
        if command == SERVE:
            yield "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"


def image(text: str) -> Generator[str]:
    """What a container of that image would run, with its variables and a small service."""
    yield "echo 'print(1)' >service.py"
    yield from background([SERVE])
    for name, value in re.findall(r"^ENV (\w+)=(\S+)$", text, re.MULTILINE):
        yield f"export {name}={value if not value.startswith('/var') else '$PWD/state'}"
    found = re.search(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert found is not None
    yield " ".join(json.loads(found[1]))


def with_ports(text: str, ports: dict[str, str]) -> str:
    """The text with ports that are free here in the place of those that a reader has."""
    return re.sub(r"\b(4318|8000|8088)\b", lambda match: ports[match[1]], text)


INSTALLED = [(page, block) for page in PAGES for block in blocks(page) if block.mark == "install"]


@pytest.mark.parametrize(
    ("page", "block"), INSTALLED, ids=lambda each: relative(each) if isinstance(each, Path) else ""
)
def test_what_is_installed_exists(page: Path, block: Block) -> None:
    """Each extra that a page installs is one, and each folder that it installs is there."""
    extras = set(metadata("otel-agent-telemetry").get_all("Provides-Extra") or ())
    words = [word.strip("'") for command in block.commands if "pip install" in command for word in command.split()[2:]]
    for word in words:
        named = Requirement(word.replace(".[", "otel-agent-telemetry[")) if "[" in word else None
        assert named is None or (named.name == "otel-agent-telemetry" and named.extras <= extras), page
        assert not word.startswith("./") or (ROOT / word / "pyproject.toml").is_file()


def test_the_managed_policy(tmp_path: Path) -> None:
    """The file that packagers are told to ship switches events off."""
    (policy,) = [block for block in blocks(ROOT / "docs" / "how-to" / "opt-out.md") if block.mark == "policy"]
    (tmp_path / "policy.json").write_text(policy.text, "utf-8")
    decision = Consent(state_dir=str(tmp_path), environ={}, managed_policy=str(tmp_path / "policy.json")).decide()
    assert (decision.enabled, decision.rule) == (False, "managed_policy")


def test_what_runs_on_kubernetes() -> None:
    """The deployment is YAML whose container runs a command of ours with variables that exist."""
    (text,) = [block.text for block in blocks(ROOT / "docs" / "how-to" / "containers.md") if block.mark == "yaml"]
    (container,) = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"]
    ours: set[Any] = {each["name"] for each in container["env"] if "AGENT_TELEMETRY" in each["name"]}
    assert (container["command"][:3], ours - names()) == (["agent-telemetry", "run", "--"], set())
    assert {mount["name"] for mount in container["volumeMounts"]} == {"state"}
