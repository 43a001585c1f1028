from __future__ import annotations

import json
from typing import TYPE_CHECKING

from otel_agent_telemetry._folder import ledger_file
from otel_agent_telemetry.pipeline.sending.ledger import Ledger
from tests.cli.command import Done, agent_telemetry, program

if TYPE_CHECKING:
    from pathlib import Path

RUN = """
    import sys
    import otel_agent_telemetry as telemetry

    telemetry.configure(product=sys.argv[1], notice=False)
    telemetry.server_shutdown(sessions_processed=80)
    telemetry.shutdown()
    print(telemetry.decision().rule)
"""


def run(folder: Path, product: str = "acme-agents") -> Done:
    """A program of a product that records one event."""
    return program(RUN, product, AGENT_TELEMETRY_STATE_DIR=folder)


def events(folder: Path, product: str = "acme-agents") -> Done:
    """What the ledger of a product shows."""
    return agent_telemetry("events", "--json", "--product", product, "--state-dir", folder)


def test_off_and_on(tmp_path: Path) -> None:
    """``off`` is what every next program decides, until ``on``."""
    choice = tmp_path / "consent.json"
    off = agent_telemetry("off", "--state-dir", tmp_path)
    assert off == Done(0, "", f"off, stored in {choice}; nothing is collected or sent from now on\n")
    assert (run(tmp_path).out, choice.read_text()) == ("stored_choice\n", '{"telemetry": "off"}\n')
    assert agent_telemetry("on", "--state-dir", tmp_path) == Done(0, "", f"stored in {choice}\n")
    assert (run(tmp_path).out, choice.read_text()) == ("default\n", '{"telemetry": "on"}\n')


def test_off_deletes_what_waits(tmp_path: Path) -> None:
    """``off`` deletes what waits to be sent, of every product."""
    for product in ("acme-agents", "other-agents"):
        run(tmp_path, product)
    waiting = [len(events(tmp_path, product).out.splitlines()) for product in ("acme-agents", "other-agents")]
    agent_telemetry("off", "--state-dir", tmp_path)
    left = [events(tmp_path, product) for product in ("acme-agents", "other-agents")]
    assert (waiting, left) == ([1, 1], [Done(0, "", "")] * 2)


def test_off_keeps_what_was_sent(tmp_path: Path) -> None:
    """``off`` leaves the record of what was sent, for the user's eyes."""
    ledger = Ledger(ledger_file(str(tmp_path), "acme-agents"))
    ledger.append([("task.started", b"{}", "application/json", "key-1", 1.8e9)])
    parcel = ledger.next_parcel()
    assert parcel is not None
    ledger.mark_sent(parcel)
    ledger.close()
    agent_telemetry("off", "--state-dir", tmp_path)
    assert events(tmp_path).out == "{}\n"


def test_on_where_another_rule_says_no(tmp_path: Path) -> None:
    """``on`` says so where another rule still says no."""
    done = agent_telemetry("on", "--state-dir", tmp_path, DO_NOT_TRACK="1")
    words = f"stored in {tmp_path / 'consent.json'}\nstill off by rule DO_NOT_TRACK: DO_NOT_TRACK=1\n"
    assert done == Done(0, "", words)


def test_off_where_nothing_can_be_written(tmp_path: Path) -> None:
    """Where the choice cannot be stored, the command says which variable has the same effect."""
    (tmp_path / "file").touch()
    done = agent_telemetry("off", AGENT_TELEMETRY_STATE_DIR=tmp_path / "file" / "state")
    message = (
        f"agent-telemetry: {tmp_path / 'file' / 'state'} cannot be written (Not a directory); "
        "ANONYMIZED_TELEMETRY=false in the environment has the same effect.\n"
    )
    assert done == Done(1, "", message)


def test_forget(tmp_path: Path) -> None:
    """``forget`` deletes id, key and ledger of one product, and leaves the choice and the other products alone."""
    for product in ("acme-agents", "other-agents"):
        run(tmp_path, product)
    agent_telemetry("on", "--state-dir", tmp_path)
    done = agent_telemetry("forget", "--yes", "--product", "acme-agents", "--state-dir", tmp_path)
    assert done == Done(0, "", "deleted id, reference key and ledger of acme-agents\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["consent.json", "other-agents"]


def test_forget_asks_first(tmp_path: Path) -> None:
    """Where nobody can be asked, ``forget`` wants ``--yes`` and deletes nothing."""
    run(tmp_path)
    before = {path.name for path in (tmp_path / "acme-agents").iterdir()}
    done = agent_telemetry("forget", "--state-dir", tmp_path)
    words = "agent-telemetry: forget asks before it deletes, and nobody can be asked here; add --yes.\n"
    assert done == Done(1, "", words)
    assert before
    assert before <= {
        path.name for path in (tmp_path / "acme-agents").iterdir()
    }  # who reads may leave a log of SQLite's


def test_forget_leaves_what_is_not_ours(tmp_path: Path) -> None:
    """``forget`` deletes files by their exact names: one that is called nearly so, or lies deeper, stays."""
    run(tmp_path)
    folder = tmp_path / "acme-agents"
    others = {"ledger.db.photo", "photo.jpg", "telemetry_installation_id.txt", "telemetry_reference_key.1.draft"}
    for name in others:
        (folder / name).touch()
    (folder / "ledger.db-journal").mkdir()
    done = agent_telemetry("forget", "--yes", "--state-dir", tmp_path)
    assert {path.name for path in folder.iterdir()} == {*others, "ledger.db-journal"}
    assert "left alone in" in done.err


def test_forget_knows_no_folder_of_somebody_else(tmp_path: Path) -> None:
    """A folder without a file of ours is no product's, though it be the only one."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").touch()
    done = agent_telemetry("forget", "--yes", "--state-dir", tmp_path)
    assert (done, (tmp_path / "photos" / "cat.jpg").exists()) == (
        Done(0, "", f"nothing is stored in {tmp_path}\n"),
        True,
    )


def test_forget_follows_no_link(tmp_path: Path) -> None:
    """A product's folder that is a link of another account's is left alone, and so is what it points to."""
    run(tmp_path / "real")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "acme-agents").symlink_to(tmp_path / "real" / "acme-agents")
    done = agent_telemetry("forget", "--yes", "--state-dir", tmp_path / "state")
    assert done == Done(0, "", f"nothing is stored in {tmp_path / 'state'}\n")


def test_forget_tells_what_a_database_still_holds(tmp_path: Path) -> None:
    """Where a product keeps its identity in its own database, ``forget`` says what is left there and where."""
    Ledger(ledger_file(str(tmp_path), "acme-agents")).close()
    done = agent_telemetry("forget", "--yes", "--state-dir", tmp_path)
    assert done.err.splitlines()[1] == (
        "no id was stored here; a product with a SQLStore still has id and reference key in its own database, table "
        "swarm_config, keys telemetry_installation_id, telemetry_installed_at, telemetry_reference_key: delete those "
        "rows, or call SQLStore(...).delete(), and restart it"
    )


def test_a_running_service_is_told(tmp_path: Path) -> None:
    """After ``forget`` a service that runs sends its next event under another id, with references by another key."""
    code = """
        import subprocess, sys
        import otel_agent_telemetry as telemetry

        telemetry.configure(product="acme-agents", notice=False, state_dir=sys.argv[1])
        ours = [sys.executable, "-m", "otel_agent_telemetry"]
        for _ in range(2):
            telemetry.track("task.created", taskId="t")
            telemetry.flush(0)
            subprocess.run([*ours, "events", "--state-dir", sys.argv[1], "--json"])
            subprocess.run([*ours, "forget", "--yes", "--state-dir", sys.argv[1]])
    """
    first, second = map(json.loads, program(code, tmp_path).out.splitlines())
    assert first["actor_anonymous_id"] != second["actor_anonymous_id"]
    assert first["properties"]["taskId"] != second["properties"]["taskId"]


def test_off_where_the_environment_points_elsewhere(tmp_path: Path) -> None:
    """Without ``--state-dir``, ``off`` is stored at the default place too, which counts for every product."""
    agent_telemetry("off", AGENT_TELEMETRY_STATE_DIR=tmp_path / "state")
    assert run(tmp_path / "another").out == "stored_choice\n"


def test_another_id_after_forget(tmp_path: Path) -> None:
    """After ``forget`` the installation is another one: events can be joined to nothing of before."""
    run(tmp_path)
    before = events(tmp_path).out
    agent_telemetry("forget", "--yes", "--state-dir", tmp_path)
    run(tmp_path)
    ids = [body.partition('"actor_anonymous_id":"')[2][:24] for body in (before, events(tmp_path).out)]
    assert (ids[0][:8], ids[1][:8], ids[0] != ids[1]) == ("install_", "install_", True)


def test_nothing_to_forget(tmp_path: Path) -> None:
    """Where nothing is stored, ``forget`` says so."""
    assert agent_telemetry("forget", "--state-dir", tmp_path) == Done(0, "", f"nothing is stored in {tmp_path}\n")


def test_a_product_that_is_a_path(tmp_path: Path) -> None:
    """A product's name is no path, so that ``forget`` deletes nothing else."""
    done = agent_telemetry("forget", "--product", "../other", "--state-dir", tmp_path)
    assert (
        done.code,
        done.err.startswith("agent-telemetry: AGENT_TELEMETRY_PRODUCT or configure(product=) is '../other'"),
    ) == (1, True)
