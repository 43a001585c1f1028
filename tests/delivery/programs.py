"""Runs small programs in processes of their own, which find the package where this one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """A Python program under way; its output can be read as it comes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    command = [sys.executable, "-c", dedent(program), *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def run(program: str, *arguments: object) -> list[str]:
    """The lines that a Python program writes; an AssertionError where it fails."""
    with start(program, *arguments) as process:
        output, _ = process.communicate(timeout=45)
    assert process.returncode == 0
    return output.splitlines()


CROWD = """
    import os, sys

    def say(*words):
        '''One line in one piece, which print() does not promise to many processes on one pipe.'''
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())

    def crowd(count, work):
        '''Fork so many processes that all begin at the same moment; their exit codes.'''
        read, write = os.pipe()
        children = []
        for number in range(count):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    os.close(write)
                    os.read(read, 1)  # until the parent closes the other end
                    work(number)
                    code = 0
                finally:
                    os._exit(code)
            children.append(child)
        os.close(write)
        return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
"""
