# ruff: noqa: T201 - it prints for its test
"""An argparse program whose commands end in each way."""

from __future__ import annotations

import argparse
import sys

parser = argparse.ArgumentParser(prog="acme")
commands = parser.add_subparsers(dest="command", required=True)
db = commands.add_parser("db").add_subparsers(dest="step", required=True)
db.add_parser("up").add_argument("--token")
for name in ("fail", "leave", "stop"):
    commands.add_parser(name)
chosen = parser.parse_args()
if chosen.command == "fail":
    raise ConnectionError
if chosen.command == "leave":
    sys.exit(4)
if chosen.command == "stop":
    raise KeyboardInterrupt
print(f"up {chosen.token}")
