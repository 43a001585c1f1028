# ruff: noqa: T201 - it prints for its test
"""A driver of Ray's on this machine: a task and an actor, each of which calls a tool in a process of its own."""

from __future__ import annotations

import argparse
import tempfile

import ray

import otel_agent_telemetry as telemetry


@ray.remote
def work() -> int:
    """Call a tool in a worker."""
    with telemetry.tool("task"):
        pass
    return telemetry.flush(5, send=False)


@ray.remote
class Worker:
    """An actor."""

    def work(self) -> int:
        """Call a tool in it."""
        with telemetry.tool("actor"):
            pass
        return telemetry.flush(5, send=False)


argparse.ArgumentParser(prog="acme").parse_args()
# Paths of sockets are short.
with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:
    ray.init(num_cpus=2, include_dashboard=True, dashboard_port=0, log_to_driver=False, _temp_dir=folder)
    print(ray.get([work.remote(), Worker.remote().work.remote()]))
    ray.shutdown()
