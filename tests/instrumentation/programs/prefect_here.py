"""Runs flows in this very process."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import prefect_app as app

app.succeed()
asyncio.run(app.in_loop())
with suppress(LookupError):
    app.fail()
app.say_failed(return_state=True)
app.again()
with suppress(TimeoutError):
    asyncio.run(app.slow())
