"""What earlier runs left waiting, for a run that is opted out: it is deleted, not kept for a later yes.

Nor is what was recorded while it had nowhere to go, and nobody had been told, kept until the run that gives the notice.
"""

from __future__ import annotations

import os

__all__ = ["delete_leftovers"]

_PATIENCE_SECONDS = 0.2
_FIRST_RUN = "first_run"
_NOT_SAID_BY_THE_USER = ("test_run", "not_configured", "wrong_setting", "failed")
_UNTOLD = " AND NOT EXISTS (SELECT 1 FROM last_run WHERE endpoint IS NOT NULL)"


def delete_leftovers(state_dir: str, product: str | None, rule: str) -> None:
    """Delete what waits in the ledger of the product, if there is one, and if ``rule`` is somebody's no or first_run.

    Costs an opted-out program one look into its state directory, and nothing else where no ledger is there.
    """
    if rule in _NOT_SAID_BY_THE_USER or not os.path.isdir(state_dir):
        return
    if product is None:
        from otel_agent_telemetry.pipeline.product import running_product

        product = running_product()
    for path in _ledgers(os.path.join(state_dir, product)):
        _delete_pending(path, rule)


def _ledgers(folder: str) -> list[str]:
    """The product's ledger, and the one beside it where two versions of this package share the folder."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.startswith("ledger") and name.endswith(".db")]


def _delete_pending(path: str, rule: str) -> None:
    """Without the ledger's own patience: a program that is opted out waits for nobody."""
    import sqlite3
    import time

    from otel_agent_telemetry._folder import require_own
    from otel_agent_telemetry._log import logger
    from otel_agent_telemetry.pipeline.sending._set_down import delete_left

    try:
        for place in (os.path.dirname(os.path.dirname(path)), os.path.dirname(path), path):
            require_own(place)
        connection = sqlite3.connect(path, timeout=_PATIENCE_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA secure_delete = FAST")
            which = _UNTOLD if rule == _FIRST_RUN else ""
            if connection.execute("SELECT 1 WHERE 1" + which).fetchone():
                delete_left(path)
            connection.execute("DELETE FROM events WHERE state = 'pending'" + which)  # noqa: S608 - constants
            connection.execute("DELETE FROM counting WHERE 1" + which)  # noqa: S608 - constants
            connection.execute("UPDATE last_run SET rule = ?, at = ?", (rule, time.time()))
        finally:
            connection.close()
    except (OSError, sqlite3.Error):
        logger.debug("what waits in %s could not be deleted", path, exc_info=True)
