"""The key of the hashes: no change of the configuration makes the store forget who said STOP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from notifier.model.people import AddressKind
from notifier.ports import StoreUnavailable
from notifier.secret import Secret
from notifier.store import SqlStore, StoreSettings, open_store

from .making import NOW, a_subscriber

PHONE = "+18025550100"
OWN, FIRST, SECOND = None, "T_FIRST", "T_SECOND"
"""The key the store makes itself, and two of the configuration."""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FIRST, "first" * 8)
    monkeypatch.setenv(SECOND, "second" * 8)


@pytest.fixture(params=["postgres", "sqlite-file"])
def settings_of(settings_of: Callable[[], StoreSettings]) -> Callable[[], StoreSettings]:
    """Stores that can be opened again."""
    return settings_of


@pytest.fixture
def keyed(settings_of: Callable[[], StoreSettings]) -> Callable[[str | None], StoreSettings]:
    """The same store with another key."""
    whole = settings_of()
    return lambda name: whole.model_copy(update={"hash_key": Secret(env=name) if name else None})


Keyed = Callable[[str | None], StoreSettings]


@contextmanager
def opened(settings: StoreSettings) -> Iterator[SqlStore]:
    store = open_store(settings)
    try:
        yield store
    finally:
        store.close()


def opt_out(settings: StoreSettings) -> None:
    with opened(settings) as store, store.transaction() as tx:
        tx.opt_out(AddressKind.PHONE, PHONE, NOW, "STOP")


def opted_out(settings: StoreSettings) -> bool:
    with opened(settings) as store, store.transaction() as tx:
        return tx.is_opted_out(AddressKind.PHONE, PHONE)


CHANGES = [
    pytest.param(OWN, FIRST, "take store.hash_key out", id="a key is set where the store made its own"),
    pytest.param(FIRST, OWN, "put store.hash_key back", id="the key is taken out"),
    pytest.param(FIRST, SECOND, "put it back", id="the key is another one"),
]


@pytest.mark.parametrize(("before", "after", "advice"), CHANGES)
def test_another_key_is_refused_once_somebody_opted_out(
        keyed: Keyed, before: str | None, after: str | None, advice: str) -> None:
    opt_out(keyed(before))
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=advice) as caught:
            open_store(keyed(after))
    assert "firstfirst" not in str(caught.value)
    assert opted_out(keyed(before)), "the refusal has changed nothing"


@pytest.mark.parametrize(("before", "after", "advice"), CHANGES)
def test_another_key_is_refused_once_there_are_subscribers(
        keyed: Keyed, before: str | None, after: str | None, advice: str) -> None:
    with opened(keyed(before)) as store, store.transaction() as tx:
        tx.put_subscriber(a_subscriber())
    with pytest.raises(StoreUnavailable, match=advice):
        open_store(keyed(after))


@pytest.mark.parametrize(("before", "after", "advice"), CHANGES)
def test_while_the_store_holds_nobody_the_key_may_be_changed(
        keyed: Keyed, before: str | None, after: str | None, advice: str) -> None:
    with opened(keyed(before)):
        pass
    opt_out(keyed(after))
    assert opted_out(keyed(after))
    with pytest.raises(StoreUnavailable):
        open_store(keyed(before))


@pytest.mark.parametrize(("before", "after", "advice"), CHANGES)
def test_who_has_the_store_open_with_the_key_of_before_can_no_longer_use_it(
        keyed: Keyed, before: str | None, after: str | None, advice: str) -> None:
    """Else a running daemon would keep a STOP, and look for one, under a key nobody else has."""
    with opened(keyed(before)) as daemon:
        with daemon.transaction() as tx:
            assert not tx.is_opted_out(AddressKind.PHONE, PHONE)
        opt_out(keyed(after))
        with pytest.raises(StoreUnavailable, match="start it again"), daemon.transaction() as tx:
            tx.is_opted_out(AddressKind.PHONE, PHONE)
        with pytest.raises(StoreUnavailable, match="start it again"), daemon.transaction() as tx:
            tx.put_subscriber(a_subscriber())


@pytest.mark.parametrize(("before", "after", "advice"), CHANGES)
def test_staff_reach_the_kill_switch_with_whatever_key_but_no_opt_out(
        keyed: Keyed, before: str | None, after: str | None, advice: str) -> None:
    opt_out(keyed(before))
    with opened(keyed(after).for_staff()) as store:
        with store.transaction() as tx:
            tx.set_switch("stop", "on why", "ann", NOW)
        with pytest.raises(StoreUnavailable, match="hash_key"), store.transaction() as tx:
            tx.opt_out(AddressKind.PHONE, "+18025550199", NOW, "STOP")
    assert opted_out(keyed(before))


def test_a_configuration_with_mistakes_makes_no_key_in_place_of_the_one_it_does_not_name(keyed: Keyed) -> None:
    with opened(keyed(FIRST)):
        pass
    with opened(keyed(OWN).for_staff()):
        pass
    opt_out(keyed(FIRST))
    assert opted_out(keyed(FIRST))


def test_a_store_of_before_goes_on_with_the_key_it_made(keyed: Keyed) -> None:
    """One that holds the key and no mark of it."""
    opt_out(keyed(OWN))
    with opened(keyed(OWN)) as store, store._engine.step("transaction") as db:
        db._connection.execute("DELETE FROM meta WHERE name = 'hash_key_mark'")  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable, match=r"take store\.hash_key out"):
        open_store(keyed(FIRST))
    assert opted_out(keyed(OWN))
