"""A disk that fills while a program runs: what fits is kept, the rest waits for room, and each loss counts once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.lifecycle.programs import allowed, environment
from tests.parts import absent

SMALL_DISK = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
MOUNTED = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'
PROGRAM = """
    import sys
    from contextlib import suppress
    import otel_agent_telemetry as telemetry
    from otel_agent_telemetry.pipeline.sending.ledger import Ledger

    disk, stays_full = sys.argv[1], sys.argv[2] == "full"
    telemetry.configure(state_dir=disk + "/state")

    def tell(count):
        for _ in range(count):
            telemetry.server_started()

    tell(100)
    kept = [telemetry.flush(5)]
    filler = open(disk + "/filler", "wb", buffering=0)
    with suppress(OSError):
        while True:
            filler.write(bytes(512))
    tell(1_500)
    kept.append(telemetry.flush(0))
    if not stays_full:
        filler.truncate(0)
        kept.append(telemetry.flush(5))
    telemetry.shutdown(0)
    filler.truncate(0)
    ledger = Ledger(disk + "/state/acme-agents/ledger.db")
    print(*kept, len(ledger.events()), ledger.drops())
"""


@pytest.mark.parametrize(
    ("kilobytes", "ending", "told"),
    [(900, "room", "True False True 1600 {}"), (400, "full", "True False 100 {'ledger_unavailable': 1500}")],
)
def test_full_disk(tmp_path: Path, kilobytes: int, ending: str, told: str) -> None:
    """With room again all of it is kept; without, the loss is written into room that was set aside for it."""
    if subprocess.run([*SMALL_DISK, "mount -t tmpfs none /mnt"], check=False, capture_output=True).returncode:
        absent("mount", "sysctl -w user.max_user_namespaces=10000")
    program = [sys.executable, "-W", "ignore", "-c", dedent(PROGRAM), str(tmp_path), ending]
    said = subprocess.run(
        [*SMALL_DISK, MOUNTED, "sh", f"{kilobytes}k", str(tmp_path), *program],
        env=environment(**allowed(tmp_path)),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert said.stdout.strip() == told, said.stderr
