"""A tool that keeps and looks up something by both of pymongo's clients; argument: the address of a server."""

from __future__ import annotations

import asyncio
import sys

import pymongo
from pymongo.errors import OperationFailure

import otel_agent_telemetry as telemetry

SECRET = "canary-4711"  # noqa: S105 - what may not be told


async def asynchronously() -> None:
    """Look up by the asynchronous client."""
    async with pymongo.AsyncMongoClient(sys.argv[1]) as client:
        await client["shop"]["orders"].find_one({"who": SECRET})


with telemetry.session(agent="assistant"), telemetry.tool("look_up"), pymongo.MongoClient(sys.argv[1]) as client:
    orders = client["shop"]["orders"]
    orders.insert_one({"who": SECRET})
    assert orders.find_one({"who": SECRET})
    try:
        orders.find_one({"who": {"$" + SECRET: 1}})
    except OperationFailure:
        sys.stdout.write("refused\n")
    asyncio.run(asynchronously())
