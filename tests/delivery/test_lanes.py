"""Messages under way at once."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest

from notifier.delivery.lanes import Lanes, Sending
from notifier.model.delivery import Delivery, Message, Outcome
from notifier.store.sending import message_of

from ..store.making import a_delivery, a_notice
from .far_side import SENT


def some(number: int) -> list[Sending]:
    notice = a_notice()
    message = message_of(a_delivery(notice), notice)
    assert message is not None
    return [(a_delivery(notice, id=f"d{n}"), replace(message, delivery=f"d{n}")) for n in range(number)]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_each_that_was_started_ends_once_turn_after_turn(number: int) -> None:
    under_way, most, lock = 0, 0, threading.Lock()

    def send(delivery: Delivery, message: Message) -> Outcome:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        with lock:
            under_way -= 1
        return replace(SENT, provider_id=delivery.id)

    lanes, ended = Lanes(number, "test", send), Counter[str]()
    for _turn in range(20):
        for sending in some(7):
            lanes.start(*sending)
            if lanes.going >= max(number, 1):
                for delivery, outcome in lanes.ended():
                    assert isinstance(outcome, Outcome)
                    assert outcome.provider_id == delivery.id
                    ended[delivery.id] += 1
        while lanes.going:
            ended.update(delivery.id for delivery, _ in lanes.ended())
        lanes.close()
    assert set(ended.values()) == {20}
    assert most <= max(number, 1)


@pytest.mark.parametrize("number", [0, 2])
def test_what_breaks_is_handed_over_and_the_others_go_on(number: int) -> None:
    def send(delivery: Delivery, message: Message) -> Outcome:
        if delivery.id == "d1":
            raise RuntimeError("ours")
        return SENT

    lanes = Lanes(number, "test", send)
    for sending in some(4):
        lanes.start(*sending)
    found = {}
    while lanes.going:
        found.update({delivery.id: outcome for delivery, outcome in lanes.ended()})
    lanes.close()
    assert isinstance(found.pop("d1"), RuntimeError)
    assert list(found.values()) == [SENT] * 3


def test_where_nothing_is_under_way_nothing_is_waited_for() -> None:
    assert Lanes(2, "test", lambda delivery, message: SENT).ended() == []


def test_a_slow_one_is_waited_for_no_longer_than_asked() -> None:
    gate = threading.Event()

    def send(delivery: Delivery, message: Message) -> Outcome:
        assert gate.wait(10)
        return SENT

    lanes = Lanes(1, "test", send)
    lanes.start(*some(1)[0])
    assert lanes.ended(0.01) == []
    gate.set()
    assert [outcome for _, outcome in lanes.ended()] == [SENT]
    lanes.close()


def test_threads_go_back_to_the_pool_with_the_turn() -> None:
    lanes = Lanes(3, "lanes-of-this-test", lambda delivery, message: SENT)
    for _turn in range(50):
        for sending in some(5):
            lanes.start(*sending)
        while lanes.going:
            lanes.ended()
        lanes.close()
    assert sum(thread.name.startswith("lanes-of-this-test") for thread in threading.enumerate()) <= 3
