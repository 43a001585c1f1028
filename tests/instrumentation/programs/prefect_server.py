"""Prefect's server on a PostgreSQL, in a database of its own: ``python -m prefect_server FOLDER PORT``."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import asyncpg
import uvicorn


async def main(folder: str) -> None:
    """Make the database that the settings name."""
    address = os.environ["PREFECT_API_DATABASE_CONNECTION_URL"]
    name = address.partition("@/")[2].partition("?")[0]
    connection: Any = await asyncpg.connect(host=folder, user="telemetry", database="postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


asyncio.run(main(sys.argv[1]))
uvicorn.run("prefect.server.api.server:create_app", factory=True, port=int(sys.argv[2]), log_level="warning")
