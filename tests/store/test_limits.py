"""Limits in the store: whoever claims takes from the same rows, in one transaction, and only for what is really due."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from notifier.model.delivery import DeliveryState, Message
from notifier.model.limit import Limit, Told
from notifier.model.notice import Stage
from notifier.ports import Store, StoreUnavailable
from notifier.store import StoreSettings, open_store

from .making import HOUR, LEASE, MINUTE, NOW, a_delivery, a_notice, queue

SECOND = timedelta(seconds=1)
LATER = HOUR / 2
"""The notice is valid for an hour."""
FIVE = Limit("five", 1.0, 5.0, MINUTE)
THREE = Limit.within("three", 9, HOUR)
S = DeliveryState


def one(message: Message) -> float:
    return 1.0


def hundred(store: Store, **changes: Any) -> None:
    notice = a_notice()
    queue(store, notice, *(a_delivery(notice, address=f"+1802555{n:04}", **changes) for n in range(100)))


def claims(store: Store, *limits: Limit, most: int = 50, now: timedelta = timedelta(), channel: str = "sms",
           weigh: Callable[[Message], float] = one) -> int:
    return len(store.claim_within(channel, limits or (FIVE,), weigh, most, LEASE, NOW + now).deliveries)


def states(store: Store) -> list[DeliveryState]:
    with store.reading() as tx:
        return [delivery.state for delivery in tx.deliveries()]


def test_no_more_is_claimed_than_the_limit_allows_and_it_is_told_until_when(store: Store) -> None:
    hundred(store)
    found = store.claim_within("sms", (FIVE,), one, 50, LEASE, NOW)
    assert len(found.deliveries) == 5
    assert found.wait is not None
    assert (found.wait.limit, found.wait.until) == ("five", NOW + SECOND)
    assert states(store).count(S.CLAIMED) == 5
    assert claims(store) == 0
    assert claims(store, now=2 * SECOND) == 2
    assert claims(store, now=LATER) == 5


def test_an_empty_queue_takes_nothing(store: Store) -> None:
    for _ in range(20):
        assert claims(store) == 0
    hundred(store)
    assert claims(store) == 5


def test_every_limit_holds_and_what_one_refuses_is_not_taken_from_another(store: Store) -> None:
    hundred(store)
    assert claims(store, FIVE, THREE) == 3
    assert claims(store, FIVE, THREE) == 0
    assert claims(store, FIVE) == 2


def test_channels_that_name_one_limit_share_it(store: Store) -> None:
    notice = a_notice()
    both = (a_delivery(notice, channel, f"+1802555{n:04}") for channel in ("sms", "email") for n in range(10))
    queue(store, notice, *both)
    assert claims(store, FIVE, most=2) == 2
    assert claims(store, FIVE, channel="email") == 3
    assert claims(store, FIVE) == 0


def test_a_heavy_message_takes_what_it_weighs_and_the_rest_goes_back_as_it_was(store: Store) -> None:
    hundred(store)
    assert claims(store, weigh=lambda message: 2.0) == 2
    assert states(store).count(S.PENDING) == 98
    with store.reading() as tx:
        back = [row for row in tx.deliveries() if row.state is S.PENDING]
    assert all((row.leased_until, row.attempts, row.not_before) == (None, 0, NOW) for row in back)
    assert claims(store, now=MINUTE) == 5, "what was put back is due"


def test_what_is_due_first_has_the_first_tokens(store: Store) -> None:
    """People queued before a public post, an old notice before a new one: by priority, then by age, as ever."""
    notice = a_notice(stage=Stage.UPDATE)
    queue(store, notice, *(a_delivery(notice, address=f"+1802555{n:04}") for n in range(20)))
    assert claims(store) == 5
    urgent = a_notice("n2", sequence=2)
    queue(store, urgent, a_delivery(urgent, address="+18025559999", priority=1))
    assert claims(store, now=SECOND / 2) == 0
    (delivery, _), = store.claim_within("sms", (FIVE,), one, 50, LEASE, NOW + SECOND).deliveries
    assert delivery.notice == "n2"


def test_updates_leave_a_share_that_an_acknowledgement_finds(store: Store) -> None:
    limit = Limit.within("account", 120, HOUR)
    hundred_updates = a_notice(stage=Stage.UPDATE)
    queue(store, hundred_updates, *(a_delivery(hundred_updates, address=f"+1802555{n:04}", priority=500)
                                    for n in range(100)))
    assert claims(store, limit) == 30
    waits = store.claim_within("sms", (limit,), one, 50, LEASE, NOW)
    assert (waits.deliveries, waits.wait and waits.wait.limit) == ((), "account")
    urgent = a_notice("n2", incident="I260115-2")
    queue(store, urgent, *(a_delivery(urgent, address=f"+1802555{n:04}", priority=1) for n in range(12)))
    assert claims(store, limit) == 10
    assert claims(store, limit) == 0
    assert states(store).count(S.CLAIMED) == 40


def test_nothing_is_taken_while_the_kill_switch_is_on(store: Store) -> None:
    hundred(store)
    with store.transaction() as tx:
        tx.set_switch("kill", "on", "ann", NOW)
    assert claims(store) == 0
    with store.transaction() as tx:
        tx.set_switch("kill", "off", "ann", NOW)
    assert claims(store) == 5


def test_what_was_not_sent_is_given_back(store: Store) -> None:
    hundred(store)
    assert claims(store, FIVE, THREE) == 3
    store.give_back((FIVE, THREE), 2, NOW, NOW + SECOND)
    assert claims(store, FIVE, THREE, now=SECOND) == 2
    store.give_back((FIVE,), 2, NOW + SECOND, NOW + LATER)
    assert claims(store, FIVE, now=LATER) == 5, "never more than the burst"


def test_a_providers_word_holds_for_all_who_share_the_limit(store: Store) -> None:
    hundred(store)
    store.tighten(FIVE, Told(until=NOW + LATER), NOW)
    found = store.claim_within("sms", (THREE, FIVE), one, 50, LEASE, NOW)
    assert (found.deliveries, found.wait and found.wait.until) == ((), NOW + LATER)
    store.tighten(FIVE, Told(until=NOW + MINUTE), NOW)
    assert claims(store, now=LATER - SECOND) == 0
    assert claims(store, now=LATER) == 5


def test_what_a_provider_says_is_left_tightens_and_never_loosens(store: Store) -> None:
    hundred(store)
    store.tighten(FIVE, Told(remaining=2), NOW)
    store.tighten(FIVE, Told(remaining=900), NOW)
    assert claims(store) == 2


def test_a_restart_fills_nothing(settings_of: Callable[[], StoreSettings], request: pytest.FixtureRequest) -> None:
    settings = settings_of()
    store = open_store(settings)
    hundred(store)
    assert claims(store) == 5
    store.close()
    if settings.path == ":memory:" and settings.url is None:
        return
    again = open_store(settings)
    assert claims(again) == 0
    again.close()


def test_what_was_not_committed_was_not_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store fails as the claim is committed: neither the deliveries nor their tokens are gone."""
    hundred(store)

    def fails(name: str) -> None:
        if name == "claim.before_commit":
            raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        for engine in ("sqlite", "postgres"):
            patch.setattr(f"notifier.store.{engine}.failpoint", fails)
        with pytest.raises(StoreUnavailable):
            claims(store)
    assert states(store).count(S.CLAIMED) == 0
    assert claims(store) == 5


def test_threads_that_claim_at_once_share_the_tokens(store: Store) -> None:
    hundred(store)
    limit = Limit.within("l", 90, HOUR)
    got: list[int] = []

    def take() -> None:
        for _ in range(10):
            got.append(claims(store, limit, most=2))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(got) == 30
