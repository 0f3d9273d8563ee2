"""An SMS the carrier gave up, over the wire: Twilio's stand-in reports, our web part hears, and its ledger decides."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from notifier.delivery.settings import LostAnswer
from notifier.model.delivery import DeliveryState, Reason
from notifier.ports import StoreUnavailable

from .test_sms_lost import Desk, desk, heard

__all__ = ["desk", "heard"]  # fixtures

S = DeliveryState


def numbers(desk: Desk) -> list[str]:
    return [entry["id"] for entry in desk.far.ledger]


def told(desk: Desk, words: Sequence[tuple[str, str]], message: int = -1) -> None:
    """Twilio reports on one of its messages."""
    number = numbers(desk)[message]
    assert [desk.far.call_back(number, word, code) for word, code in words] == [200] * len(words)


@pytest.fixture
def given_up(heard: Desk) -> str:
    """A delivery whose first message met a handset that was off."""
    delivery = heard.plan("n1")
    heard.sender.run_once()
    told(heard, [("sent", ""), ("undelivered", "30003")])
    assert heard.state(delivery) == (S.PENDING, Reason.UNREACHABLE)
    return delivery


def test_it_is_sent_again_after_two_minutes_with_what_is_left_of_its_life(heard: Desk, given_up: str) -> None:
    heard.after(minutes=1)
    assert len(numbers(heard)) == 1
    heard.after(minutes=1)
    assert heard.state(given_up)[0] is S.SENT
    first, second = heard.far.ledger
    assert first["body"] == second["body"]
    assert int(first["request"]["ValidityPeriod"]) - int(second["request"]["ValidityPeriod"]) == 120
    told(heard, [("delivered", "")])
    assert heard.state(given_up) == (S.DELIVERED, Reason.ACCEPTED)


def test_after_the_last_it_has_failed(heard: Desk, given_up: str) -> None:
    for minutes in (2, 5, 10):
        heard.after(minutes=minutes)
        told(heard, [("undelivered", "30003"), ("undelivered", "30003")])
    assert heard.state(given_up) == (S.FAILED, Reason.UNREACHABLE)
    heard.after(minutes=20)
    assert len(numbers(heard)) == 4


@pytest.mark.parametrize(("words", "state"), [
    pytest.param([("undelivered", "30003"), ("failed", "30007"), ("sent", "")], S.SENT, id="doubled and late"),
    pytest.param([("delivered", "")], S.DELIVERED, id="it arrived after all"),
])
def test_words_about_the_first_message_reach_not_the_second(
    heard: Desk, given_up: str, words: list[tuple[str, str]], state: DeliveryState
) -> None:
    heard.after(minutes=2)
    told(heard, words, message=0)
    assert heard.state(given_up)[0] is state
    assert len(numbers(heard)) == 2


def test_a_late_delivered_spares_the_second(heard: Desk, given_up: str) -> None:
    told(heard, [("delivered", "")])
    heard.after(minutes=5)
    assert len(numbers(heard)) == 1


@pytest.mark.parametrize("fault", ["reset", "accept_then_drop"])
def test_the_second_s_lost_answer_is_not_settled_by_the_first_message(heard: Desk, given_up: str, fault: str) -> None:
    """Both have the same words and number, and the list shows both: only what the second made is adopted."""
    heard.far.fault(fault)
    for _ in range(9):
        heard.after(minutes=1)
    assert heard.state(given_up)[0] is S.SENT
    assert len(numbers(heard)) == 2
    told(heard, [("delivered", "")])
    assert heard.state(given_up)[0] is S.DELIVERED


@pytest.mark.parametrize(("rule", "sent"), [(LostAnswer.HOLD, 1), (LostAnswer.RESEND, 2)])
def test_what_nobody_knows_is_held_unless_policy_says_otherwise(
    heard: Desk, rule: LostAnswer, sent: int
) -> None:
    heard.policy = heard.policy.model_copy(update={"second_in_doubt": rule})
    delivery = heard.plan("n1")
    heard.sender.run_once()
    told(heard, [("undelivered", "30008")])
    heard.after(minutes=2)
    assert len(numbers(heard)) == sent
    assert heard.state(delivery)[0] is (S.FAILED if sent == 1 else S.SENT)
    with heard.store.transaction() as tx:
        assert tx.told("I-n1"), "it may have arrived: the all-clear is owed"


def test_a_word_the_store_cannot_keep_is_not_acknowledged(heard: Desk, given_up: str) -> None:
    heard.after(minutes=2)
    store, kept = heard.store, heard.store.callback
    try:
        store.callback = _gone  # type: ignore[method-assign, assignment]
        assert heard.far.call_back(numbers(heard)[-1], "undelivered", "30003") == 503
    finally:
        store.callback = kept  # type: ignore[method-assign]
    assert heard.state(given_up)[0] is S.SENT


def _gone(*word: object, **more: object) -> None:
    raise StoreUnavailable("the disk is full")
