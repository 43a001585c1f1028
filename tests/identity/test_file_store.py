from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from otel_agent_telemetry.errors import SettingError, StoreError
from otel_agent_telemetry.identity import INSTALLATION_ID_KEY, STORED_KEYS, FileStore, resolve
from tests.delivery.programs import CROWD, run


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """A store in a folder that is not there yet."""
    return FileStore(tmp_path / "state", "acme-agents")


def test_missing(store: FileStore, tmp_path: Path) -> None:
    """Reading where nothing is gives None and makes nothing."""
    assert store.get(INSTALLATION_ID_KEY) is None
    assert list(tmp_path.iterdir()) == []


def test_put_if_absent(store: FileStore) -> None:
    """The first value stays; only who names it replaces it."""
    given = [store.put_if_absent("k", "a"), store.put_if_absent("k", "b"), store.put_if_absent("k", "c", replacing="b")]
    assert (given, store.put_if_absent("k", "d", replacing="a"), store.get("k")) == (["a", "a", "a"], "d", "d")


def test_modes(store: FileStore) -> None:
    """Folders and files are for their owner alone, whatever the umask, and nothing else is left in them."""
    before = os.umask(0)
    try:
        resolve(store)
    finally:
        os.umask(before)
    folder = Path(store.folder)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder.parent, folder, *folder.iterdir()]}
    assert modes == {"state": 0o700, "acme-agents": 0o700, **dict.fromkeys(STORED_KEYS, 0o600)}


def test_products_are_apart(tmp_path: Path) -> None:
    """Each product has an identity of its own."""
    first, second = (resolve(FileStore(tmp_path, product)) for product in ("acme-agents", "other"))
    assert first is not None
    assert second is not None
    assert first.installation_id != second.installation_id


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 100_000])
def test_odd_file(store: FileStore, content: bytes) -> None:
    """A file of anything else is replaced."""
    Path(store.folder).mkdir(parents=True)
    Path(store.folder, INSTALLATION_ID_KEY).write_bytes(content)
    identity = resolve(store)
    assert identity is not None
    assert Path(store.folder, INSTALLATION_ID_KEY).read_text() == identity.installation_id + "\n"


def test_delete(store: FileStore, tmp_path: Path) -> None:
    """Deleting leaves nothing, and does so twice."""
    resolve(store)
    store.delete()
    store.delete()
    assert list((tmp_path / "state").iterdir()) == []


def test_delete_leaves_others(store: FileStore) -> None:
    """Deleting leaves what is not ours."""
    resolve(store)
    Path(store.folder, "ledger.db").touch()
    store.delete()
    assert [path.name for path in Path(store.folder).iterdir()] == ["ledger.db"]


def test_no_folder(tmp_path: Path) -> None:
    """A folder that cannot be is a StoreError that names it, and gives an ephemeral identity."""
    (tmp_path / "file").touch()
    store = FileStore(tmp_path / "file", "acme-agents")
    with pytest.raises(StoreError) as caught:
        store.put_if_absent("k", "a")
    assert (
        str(caught.value)
        == f"identity files in {store.folder}: File exists; set AGENT_TELEMETRY_STATE_DIR to a folder of yours"
    )
    identity = resolve(store)
    assert identity is not None
    assert identity.ephemeral


def test_half_done(store: FileStore) -> None:
    """A value that cannot be put in place leaves nothing behind."""
    target = Path(store.folder, "k")
    target.mkdir(parents=True)
    with pytest.raises(StoreError):
        store.put_if_absent("k", "a")
    assert list(Path(store.folder).iterdir()) == [target]


@pytest.mark.parametrize("product", ["", "..", "a/b"])
def test_product_is_no_path(product: str, tmp_path: Path) -> None:
    """A product's name cannot lead out of the folder."""
    with pytest.raises(SettingError, match="not a path"):
        FileStore(tmp_path, product)


def test_sixty_four_processes(tmp_path: Path) -> None:
    """64 processes that start at once agree on one identity."""
    program = """
    from otel_agent_telemetry.identity import FileStore, resolve

    def work(number):
        identity = resolve(FileStore(sys.argv[1], "acme-agents"))
        say(identity.installation_id, identity.installed_on, identity.reference_key.hex())
    assert crowd(64, work) == [0] * 64
    """
    lines = run(CROWD + program, tmp_path)
    assert (len(lines), len(set(lines))) == (64, 1)
    assert "ephemeral" not in lines[0]


def test_imports() -> None:
    """Making an identity in files imports nothing that costs time."""
    program = """
    import sys, tempfile
    costly = "asyncio dataclasses hashlib json requests secrets sqlite3 typing opentelemetry".split()
    before = set(sys.modules)
    import otel_agent_telemetry.identity
    print(*(set(sys.modules) - before).intersection(costly))
    """
    assert run(program) == [""]


def test_a_folder_that_others_write(tmp_path: Path) -> None:
    """A key in a folder that another account can write to may be that account's: it is not used."""
    planted = FileStore(tmp_path, "acme-agents")
    resolve(planted)
    before = {path.name: path.read_text() for path in Path(planted.folder).iterdir()}
    tmp_path.chmod(0o777)
    identity = resolve(FileStore(tmp_path, "acme-agents"))
    assert identity is not None
    assert (identity.ephemeral, identity.installation_id + "\n" in before.values()) == (True, False)
    assert {path.name: path.read_text() for path in Path(planted.folder).iterdir()} == before


@pytest.mark.skipif(
    os.geteuid() != 0, reason="root, who alone can make another account's file, is missing; run as root"
)
@pytest.mark.parametrize("planted", ["folder", "key"])
def test_what_another_account_planted(tmp_path: Path, planted: str) -> None:
    """A folder or a key of another account's is not used, whatever its mode."""
    store = FileStore(tmp_path, "acme-agents")
    resolve(store)
    os.chown(store.folder if planted == "folder" else Path(store.folder, STORED_KEYS[2]), 54321, 54321)
    identity = resolve(store)
    assert identity is not None
    assert identity.ephemeral
