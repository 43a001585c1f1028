"""A tool that asks by every client, and two model calls; arguments: addresses of a web server, Redis and PostgreSQL."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import asyncpg
import httpx
import psycopg
import redis
import requests
import sqlalchemy
import urllib3
from openai import OpenAI

import otel_agent_telemetry as telemetry

WEB, REDIS, POSTGRES = sys.argv[1:]
SECRET = "canary-4711"  # noqa: S105 - what may not be told
PAGE = f"http://user:{SECRET}@{WEB.partition('//')[2]}/handed_out?token={SECRET}"
QUERY = f"SELECT '{SECRET}'"


async def asynchronously() -> None:
    """Ask by the asynchronous clients."""
    async with aiohttp.ClientSession() as session, session.get(PAGE) as response:
        await response.read()
    connection = await asyncpg.connect(POSTGRES)
    await connection.fetch(QUERY)
    await connection.close()


def ask() -> None:
    """Ask by each client."""
    requests.get(PAGE, timeout=20)
    httpx.get(PAGE)
    urllib3.PoolManager().request("GET", PAGE)
    redis.Redis.from_url(REDIS).set(SECRET, SECRET)
    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        connection.execute(sqlalchemy.text(QUERY))
    with psycopg.connect(POSTGRES) as connection:
        connection.execute(QUERY)
    asyncio.run(asynchronously())


with telemetry.session(agent="assistant"):
    with telemetry.tool("look_up"):
        ask()
    OpenAI().chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": "Say hello."}])
with telemetry.model_call("gpt-5-mini", provider="acme"):
    requests.get(PAGE, timeout=20)
