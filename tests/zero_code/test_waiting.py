"""An upstream instrumentation waits until the program imports its library, and then is in time."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from tests.zero_code.started import AROUND, run, variables

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = """
    import area.library.folder.part  # in a folder that is no package

    def answer():
        return "plain"
"""
INSTRUMENTATION = """
    from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

    class Instrumentor(BaseInstrumentor):
        def instrumentation_dependencies(self):
            return ()

        def _instrument(self, **_):
            import area.library as library

            plain = library.answer
            library.answer = lambda: "traced, not " + plain()

        def _uninstrument(self, **_):
            pass
"""
PROGRAM = """
    import sys

    before = sorted({"instrumented", "area.library"}.intersection(sys.modules))
    from area.library import answer
    print(before, answer())
"""
BOTH = pytest.mark.parametrize("around", AROUND)


def distribution(folder: Path, name: str, files: dict[str, str], *metadata: str, entry: str = "") -> None:
    """A distribution as pip leaves it, of the modules in ``files`` by their paths."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), "utf-8")
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    head = ("Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *metadata)
    (info / "METADATA").write_text("\n".join(head) + "\n", "utf-8")
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in (*files, f"{info.name}/METADATA")), "utf-8")
    if entry:
        (info / "entry_points.txt").write_text(f"[opentelemetry_instrumentor]\n{entry}\n", "utf-8")


def said(folder: Path, around: str, *, extra: str, editable: bool = False) -> str:
    """What a program says that uses a library with an instrumentation, which names it under that extra."""
    packages, state = folder / "packages", folder / "state"
    whole = {
        "area/library/__init__.py": LIBRARY,
        "area/library/folder/part/__init__.py": "",
        "area/library/part.py": "",
    }
    distribution(packages, "the-library", whole)
    if editable:
        (packages / "the_library-1.0.dist-info" / "RECORD").write_text("__editable__.the_library.pth,,\n", "utf-8")
    needs = ("Provides-Extra: " + extra, f"Requires-Dist: the-library ; extra == '{extra}'") if extra else ()
    entry = "the_library = instrumented:Instrumentor"
    distribution(
        packages, "opentelemetry-instrumentation-of-it", {"instrumented.py": INSTRUMENTATION}, *needs, entry=entry
    )
    program = folder / "program.py"
    program.write_text(dedent(PROGRAM), "utf-8")
    given = variables(state)
    given["PYTHONPATH"] = f"{packages}:{given['PYTHONPATH']}"
    done = run(*AROUND[around], sys.executable, str(program), given=given)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@BOTH
@pytest.mark.parametrize("extra", ["instruments", "instruments-any"])
def test_it_waits(tmp_path: Path, around: str, extra: str) -> None:
    """Neither it nor its library, here in a namespace package, is imported before the program does that."""
    assert said(tmp_path, around, extra=extra) == "[] traced, not plain"


@pytest.mark.parametrize(("extra", "editable"), [("", False), ("instruments", True)])
def test_it_does_not_wait(tmp_path: Path, extra: str, *, editable: bool) -> None:
    """One that names no library, or one whose files are elsewhere, is loaded at the start, as ever."""
    told = said(tmp_path, "run", extra=extra, editable=editable)
    assert told == "['area.library', 'instrumented'] traced, not plain"
