# ruff: noqa: T201 - it prints for its test
"""Takes one task out of the queue and executes it, in a process that has nothing of ours."""

from __future__ import annotations

import huey_app as app

print(app.huey.execute(app.huey.dequeue()))
