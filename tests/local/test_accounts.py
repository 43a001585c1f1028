from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_agent_telemetry._local_serve import LOCAL_URL
from otel_agent_telemetry._sockets import listeners, owner_of
from tests.cli.command import COMMAND, environment
from tests.local.made import Made, request
from tests.local.serving import PROTOBUF, Serving
from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

STRANGER = 54321
LOCAL_PORT = int(LOCAL_URL.rpartition(":")[2])
ASKS = """
import encodings.idna, http.client, os, sys
os.setuid(int(sys.argv[5]))
connection = http.client.HTTPConnection(sys.argv[1], timeout=20)
connection.request(sys.argv[2], sys.argv[3], sys.stdin.buffer.read(), {"Content-Type": sys.argv[4]})
print(connection.getresponse().status)
"""


@pytest.fixture
def stranger() -> int:
    """Another account of this machine; only root can become one."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        absent("account", "run the tests as root on Linux")
    return STRANGER


def asked_by(account: int, server: Serving, method: str, path: str, body: bytes = b"") -> int:
    """The status that a program of that account gets."""
    command = [sys.executable, "-I", "-c", ASKS, server.address, method, path, PROTOBUF, str(account)]
    run = subprocess.run(command, input=body, capture_output=True, check=False, timeout=30)
    assert run.returncode == 0, run.stderr
    return int(run.stdout)


def test_another_account_gets_nothing(server: Serving, stranger: int) -> None:
    """Another account of the machine neither reads nor writes, and sees not even the page."""
    body = request(Made()).SerializeToString()
    asked = [asked_by(stranger, server, "GET", path) for path in ("/", "/api/traces", "/api/live", "/healthz")]
    assert [*asked, asked_by(stranger, server, "POST", "/v1/traces", body), server.count("spans")] == [*[403] * 5, 0]


def test_the_same_account_needs_nothing(server: Serving) -> None:
    """A program of the account that serves needs no token, in whatever language it is."""
    body = request(Made()).SerializeToString()
    assert (asked_by(os.geteuid(), server, "POST", "/v1/traces", body), server.count("spans")) == (200, 1)


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["IPv4", "both families"])
def connected(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection over 127.0.0.1, whose client's socket is of that family."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(request.param) as client:
        host = "127.0.0.1" if request.param == socket.AF_INET else "::ffff:127.0.0.1"
        client.connect((host, listening.getsockname()[1]))
        server, _ = listening.accept()
        with server:
            yield client, server


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="linux is missing; the system does not tell elsewhere")
def test_whose_a_connection_is(connected: tuple[socket.socket, socket.socket]) -> None:
    """The system tells whose the other end is, until it is let go of."""
    client, server = connected
    ends = (server.getpeername()[:2], server.getsockname()[:2])
    assert (owner_of(*ends), listeners(ends[1][1])) == (os.geteuid(), {os.geteuid()})
    client.close()
    assert owner_of(*ends) == -1


def test_a_token_leaves_the_command_line(tmp_path: Path) -> None:
    """A token that is given in the command line is in it no more once the server is up, and counts."""
    words = ["serve", "--port", "0", "--db", str(tmp_path / "t.sqlite"), "--token", "a-token-0123456789"]
    with subprocess.Popen([*COMMAND, *words], env=environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        shown = Path(f"/proc/{process.pid}/cmdline")
        read = shown.read_text() if shown.exists() else ""
        process.terminate()
    assert ("agent-telemetry serve: http://127.0.0.1:" in line, "a-token" in read) == (True, False)


def test_run_sends_to_no_other_account(stranger: int) -> None:
    """A server that another account has put on our port is not asked, whatever it would say."""
    code = f"""
import encodings.idna, http.server, os
os.setuid({stranger})
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{{"service": "agent-telemetry", "status": "ok"}}')
server = http.server.HTTPServer(("127.0.0.1", {LOCAL_PORT}), Handler)
print("up", flush=True)
server.serve_forever()
"""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", LOCAL_PORT)) == 0:
            absent("port", f"free port {LOCAL_PORT}")
    with subprocess.Popen([sys.executable, "-I", "-c", code], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"up\n"
        shows = [*COMMAND, "run", "--", "/usr/bin/env"]
        run = subprocess.run(shows, env=environment(), capture_output=True, text=True, check=True, timeout=30)
        other.kill()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in run.stdout


ELSEWHERE = """
mount -t tmpfs none /proc && ip link set lo up || exit 9
"$@" serve 2>serve.txt & served=$!
until grep -q OTEL_EXPORTER_OTLP_HEADERS serve.txt; do sleep 0.1; done
"$PYTHON" -c 'import http.client
for path in ("/api/traces", "/healthz"):
    c = http.client.HTTPConnection("127.0.0.1", 4318); c.request("GET", path); print(c.getresponse().status)'
"$@" run -- "$PYTHON" -c 'from opentelemetry import trace; trace.get_tracer("acme").start_span("told").end()'
"$@" traces --json >traces.json
kill $served; wait $served
"$PYTHON" -c 'import http.server
class Impostor(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{\\"service\\": \\"agent-telemetry\\"}")
    def do_POST(self):
        print("impostor was told", flush=True)
http.server.HTTPServer(("127.0.0.1", 4318), Impostor).serve_forever()' 2>/dev/null & impostor=$!
sleep 1
"$@" run -- "$PYTHON" -c 'from opentelemetry import trace; trace.get_tracer("acme").start_span("lost").end()'
kill $impostor
"""


def test_a_system_that_tells_no_accounts(tmp_path: Path) -> None:
    """There a token that `run` knows keeps others out, and `run` sends nothing to who cannot prove that he has it."""
    alone = ["unshare", "--map-root-user", "--mount", "--net", "bash", "-c"]
    if subprocess.run([*alone, "mount -t tmpfs none /proc && ip link set lo up"], check=False).returncode:
        absent("mount", "sysctl -w user.max_user_namespaces=10000; apt-get install iproute2")
    given = environment(HOME=tmp_path, PYTHON=sys.executable, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="all")
    given = {name: value for name, value in given.items() if not name.startswith("XDG_")}
    done = subprocess.run(
        [*alone, ELSEWHERE, "bash", *COMMAND], env=given, cwd=tmp_path, capture_output=True, check=False, timeout=120
    )
    assert done.stdout == b"401\n200\n", done.stderr
    assert [each["name"] for each in json.loads((tmp_path / "traces.json").read_text())] == ["told"]
    assert (tmp_path / ".local/state/otel-agent-telemetry/serve.token").stat().st_mode & 0o777 == 0o600
