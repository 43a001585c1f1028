from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest

from otel_agent_telemetry.errors import StoreError
from otel_agent_telemetry.identity import Identity, Store, resolve

ID, MOMENT, KEY = "install_0123456789abcdef", "2026-11-21T22:00:00.000Z", "0f" * 32


class Rows(Store):
    """A store over a dictionary, as a product may write its own."""

    def __init__(self, mint: bool = True, **rows: str) -> None:  # noqa: FBT001, FBT002 - as the row names leave it
        self.mint = mint
        self.rows = {f"telemetry_{name}": value for name, value in rows.items()}

    def get(self, key: str) -> str | None:
        """The row."""
        return self.rows.get(key)

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        """The row, set where it may be."""
        assert self.mint
        if self.rows.get(key) in {None, replacing}:
            self.rows[key] = value
        return self.rows[key]


class Broken(Rows):
    """A store whose driver fails."""

    def get(self, key: str) -> str | None:
        """An error of the driver's own."""
        raise ZeroDivisionError(key)


class ReadOnly(Rows):
    """A store that can be read and not written."""

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        """An error."""
        raise StoreError(key, value, replacing)


class Partly(Rows):
    """A store that takes no row but the id."""

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        """The row of the id, else an error."""
        if key != "telemetry_installation_id":
            raise StoreError(key)
        return super().put_if_absent(key, value, replacing=replacing)


class Stubborn(Rows):
    """A store that says it wrote, and did not."""

    def put_if_absent(self, key: str, value: str, *, replacing: str | None = None) -> str:
        """Something else."""
        return "something else"


def values(identity: Identity | None) -> tuple[str, str | None, str, bool]:
    """An identity as plain values."""
    assert identity is not None
    return identity.installation_id, identity.installed_on, identity.reference_key.hex(), identity.ephemeral


def today() -> str:
    """The present day."""
    return datetime.now(timezone.utc).date().isoformat()


def test_made_once() -> None:
    """The first call makes an identity, and every later one finds it."""
    store = Rows()
    first, second = resolve(store), resolve(store)
    assert values(first) == values(second)
    assert values(first) == (
        store.rows["telemetry_installation_id"],
        today(),
        store.rows["telemetry_reference_key"],
        False,
    )


def test_forms() -> None:
    """The stored values have the documented forms."""
    store = Rows()
    resolve(store)
    forms = {
        "telemetry_installation_id": r"install_[0-9a-f]{16}",
        "telemetry_installed_at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
        "telemetry_reference_key": r"[0-9a-f]{64}",
    }
    assert {key: bool(re.fullmatch(form, store.rows[key])) for key, form in forms.items()} == dict.fromkeys(
        store.rows, True
    )


def test_existing() -> None:
    """A stored identity is used as it is; of the moment only the day is."""
    store = Rows(installation_id=ID, installed_at=MOMENT, reference_key=KEY)
    assert values(resolve(store)) == (ID, "2026-11-21", KEY, False)


@pytest.mark.parametrize("moment", ["2026-1-1T1:1:1.1Z", "2026-11-3T23:59:59.000Z", "2026-11-21", "yesterday"])
def test_a_moment_of_another_form(moment: str) -> None:
    """No part of a moment that is written otherwise is taken for its day: of this one it would be the hour."""
    store = Rows(installation_id=ID, installed_at=moment, reference_key=KEY)
    assert values(resolve(store)) == (ID, None, KEY, False)


def test_no_anchor() -> None:
    """Where nobody wrote down when the id was made, nobody guesses it later."""
    store = Rows(installation_id=ID)
    assert values(resolve(store))[:2] == (ID, None)
    assert "telemetry_installed_at" not in store.rows


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "alice@example.org",
        "install_0123456789ABCDEF",
        "install_0123",
        ID + "0",
        f" {ID}",
        "ephemeral_0123456789abcdef",
    ],
)
def test_other_form(stored: str) -> None:
    """A stored id of another form is never used: it is replaced."""
    store = Rows(installation_id=stored)
    identity = resolve(store)
    assert identity is not None
    assert identity.installation_id == store.rows["telemetry_installation_id"] != stored


@pytest.mark.parametrize("stored", ["yesterday", "2026-13-01T00:00:00.000Z", "2026-11-21", ""])
def test_other_form_of_anchor(stored: str) -> None:
    """A moment of another form counts as none."""
    assert values(resolve(Rows(installation_id=ID, installed_at=stored, reference_key=KEY))) == (ID, None, KEY, False)


@pytest.mark.parametrize("store", [Broken(), ReadOnly(), Stubborn()])
def test_failing_store(store: Rows) -> None:
    """A store that fails gives an ephemeral identity, another one each time, kept nowhere."""
    first, second = values(resolve(store)), values(resolve(store))
    assert re.fullmatch(r"ephemeral_[0-9a-f]{16}", first[0])
    assert (first[1], first[3], store.rows) == (None, True, {})
    assert not set(first[::2]) & set(second[::2])


def test_the_id_alone_can_be_written() -> None:
    """A day and a key that cannot be written cost no id: it is kept, and was made on a day that nobody knows."""
    store = Partly()
    first, second = values(resolve(store)), values(resolve(store))
    assert (first[0], first[1], first[3]) == (second[0], None, False)
    assert store.rows == {"telemetry_installation_id": first[0]}


def test_an_id_whose_key_cannot_be_written() -> None:
    """An id that is there holds where nothing can be written; references of that process stand alone."""
    first = values(resolve(ReadOnly(installation_id=ID, installed_at=MOMENT)))
    assert (first[0], first[1], first[3]) == (ID, "2026-11-21", False)


@pytest.mark.parametrize("store", [Rows(mint=False), Broken(mint=False), Rows(mint=False, installation_id="x")])
def test_may_not_mint(store: Rows) -> None:
    """A process that may not make an identity has none where there is none, or the store fails."""
    assert resolve(store) is None


def test_may_not_mint_finds() -> None:
    """A process that may not make an identity uses the one that is there."""
    store = Rows(mint=False, installation_id=ID, installed_at=MOMENT, reference_key=KEY)
    assert values(resolve(store)) == (ID, "2026-11-21", KEY, False)


def test_may_not_mint_key() -> None:
    """Where the key is missing and may not be made, references of that process stand alone."""
    store = Rows(mint=False, installation_id=ID)
    first, second = values(resolve(store)), values(resolve(store))
    assert (first[0], first[2] == second[2], len(store.rows)) == (ID, False, 1)


def test_repr() -> None:
    """The key is not in the repr."""
    assert repr(Identity(ID, b"key", installed_on="2026-11-21")) == (
        "Identity('install_0123456789abcdef', installed_on='2026-11-21', ephemeral=False)"
    )
