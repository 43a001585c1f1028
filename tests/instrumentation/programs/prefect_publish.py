"""Has flows and tasks run elsewhere, and waits until all have ended."""

from __future__ import annotations

import time
from typing import Any

import prefect_app as app
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelling

DEADLINE = time.monotonic() + 150


def wait_for(what: Any) -> None:
    """Return once it is true."""
    while not what():
        assert time.monotonic() < DEADLINE
        time.sleep(0.1)


with get_client(sync_client=True) as client:

    def is_there(name: str) -> bool:
        """Whether a deployment is served."""
        try:
            return client.read_deployment_by_name(f"{name}/here") is not None
        except ObjectNotFound:
            return False

    def start(name: str, **options: Any) -> Any:
        """Have one run."""
        run: Any = run_deployment(f"{name}/here", timeout=0, as_subflow=False, **options)
        return run.id

    def state(run_id: Any) -> str:
        """Its state's type."""
        found = client.read_flow_run(run_id).state
        return "" if found is None else found.type.value

    for name in ("succeed", "again", "cancelled", "killed"):
        wait_for(lambda name=name: is_there(name))
    never = client.create_flow_run_from_deployment(client.read_deployment_by_name("cancelled/here").id)
    client.set_flow_run_state(never.id, Cancelling())
    assert state(never.id) == "CANCELLED", state(never.id)
    background = app.background.delay(1)
    plain = app.plain.delay()
    one = start("succeed", idempotency_key="one")
    assert start("succeed", idempotency_key="one") == one
    again, killed = start("again"), start("killed")
    wait_for(lambda: state(one) == "COMPLETED")
    wait_for(lambda: state(again) == "COMPLETED")
    wait_for(lambda: state(killed) == "CRASHED")
    running = start("cancelled")
    wait_for((app.folder / "cancelling").exists)
    client.set_flow_run_state(running, Cancelling())
    wait_for(lambda: state(running) == "CANCELLED")
    for future in (background, plain):
        future.wait(timeout=30)
        assert future.state.is_completed()
