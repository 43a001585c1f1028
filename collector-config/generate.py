"""Writes the allow-lists of agent.yaml, gateway.yaml and event-proxy.yaml from the tables that the code uses.

``python generate.py`` rewrites what stands between the markers; ``--check`` only says which files are behind, and exits
with 1 if there are any. A product with events or tags of its own names the modules that declare them:
``python generate.py --declare acme.telemetry``.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
from pathlib import Path

import _agents
import _attributes
import _ottl

_FOLDER = Path(__file__).resolve().parent
_BLOCK = re.compile(
    r"(?P<start>(?P<indent> *)# generated: (?P<name>[a-z ]+)\n).*?(?P<end> *# end of generated\n)", re.DOTALL
)


def blocks() -> dict[str, list[str]]:
    """The items of every generated list, by the name that its marker has."""
    return {
        "attributes": _attributes.allowed(),
        "identifiers": [_any_of(_attributes.IDENTIFIERS)],
        "agents": [*_agents.is_agent()],
        "others": [*_agents.is_other()],
        "agent attributes": _agents.allowed(),
        "agent identifiers": [_any_of(_agents.IDENTIFIERS)],
        "agent events": [*_agents.drops("logs")],
        "agent metrics": [*_agents.drops("metrics")],
        "agent names": [*_agents.names()],
        "agent calls": [*_agents.sources()],
        "envelope": [*_ottl.envelope()],
        "docker names": [*_ottl.renames()],
        "properties": [*_ottl.checks()],
    }


def _any_of(names: tuple[str, ...]) -> str:
    return f"^({'|'.join(sorted({name.replace('.', '[.]') for name in names}))})$"


def regenerated(text: str) -> str:
    """A configuration's text with its generated lists as they must be."""
    lists = blocks()

    def fill(block: re.Match[str]) -> str:
        lines = [f"{block['indent']}- {_quoted(item)}\n" for item in lists[block["name"]]]
        return "".join([block["start"], *lines, block["end"]])

    return _BLOCK.sub(fill, text)


def _quoted(item: str) -> str:
    return item if re.fullmatch(r"[a-z0-9_.]+", item) else f"'{item.replace(chr(39), chr(39) * 2)}'"


def main() -> int:
    """Rewrite or check the three files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file is behind")
    parser.add_argument("--declare", metavar="MODULE", action="append", default=[], help="import this module first")
    arguments = parser.parse_args()
    for module in arguments.declare:
        importlib.import_module(module)
    behind = 0
    for path in (_FOLDER / name for name in ("agent.yaml", "gateway.yaml", "event-proxy.yaml")):
        text = path.read_text(encoding="utf-8")
        if (wanted := regenerated(text)) == text:
            continue
        behind += 1
        if arguments.check:
            sys.stderr.write(f"{path.name} is behind the contract; run: python {Path(__file__).name}\n")
        else:
            path.write_text(wanted, encoding="utf-8")
    return 1 if arguments.check and behind else 0


if __name__ == "__main__":
    sys.exit(main())
