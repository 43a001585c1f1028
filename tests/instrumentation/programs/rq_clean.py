"""Does what a worker does every ten minutes for jobs whose worker is gone, as if that time had come."""

from __future__ import annotations

import time

from rq_publish import queue

queue.started_job_registry.cleanup(timestamp=time.time() + 100_000)
