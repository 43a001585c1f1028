"""A host that forks while a thread of ours imports something for the first time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lifecycle.programs import allowed, run

if TYPE_CHECKING:
    from pathlib import Path

SLOW = "import sys, time\nsys.stdout.write('importing\\n')\nsys.stdout.flush()\ntime.sleep(0.5)\n"
PROGRAM = """
    import os, signal, sys, time, warnings
    import otel_agent_telemetry as telemetry

    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads: that is the test
    sys.path.insert(0, sys.argv[1])

    class Store:
        '''A service's own store, which is asked in our thread and imports what it needs then.'''
        values = {}

        def get(self, key):
            import slow_driver
            return self.values.get(key)

        def put_if_absent(self, key, value, *, replacing=None):
            return self.values.setdefault(key, value)

    telemetry.configure(store=Store())
    telemetry.server_started(port=1)
    while "slow_driver" not in sys.modules:
        time.sleep(0.001)
    child = os.fork()
    if not child:
        signal.alarm(20)
        import slow_driver
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_the_child_does_not_hang(tmp_path: Path) -> None:
    """The child can import the same module: the fork waited until ours had it whole."""
    (tmp_path / "slow_driver.py").write_text(SLOW)
    assert run(PROGRAM, tmp_path, variables=allowed(tmp_path / "state")) == "importing\n7\n"
