"""Sender, reconciler and housekeeper over a real store; what counts is the far side's ledger."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from notifier.delivery.housekeeper import Housekeeper
from notifier.delivery.order import LATER, Stop, read_stop
from notifier.delivery.routes import OnlyRoute
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings, LostAnswer
from notifier.model.delivery import DeliveryState, Message, Outcome, OutcomeKind, Reason
from notifier.model.people import AddressKind
from notifier.ports import CannotTell, Found, NotFound, StoreUnavailable

from ..parts.waiting import until
from ..store.making import HOUR, MINUTE, NOW, a_delivery, a_notice, a_signal, queue
from .conftest import Desk
from .far_side import BROKEN, LOST, REJECTED, RETRY, SENT

S = DeliveryState


def test_a_batch_is_sent_once_and_then_there_is_no_work(desk: Desk) -> None:
    desk.queue("+1", "+2", "+3")
    assert desk.sender.run_once() is True
    assert desk.sender.run_once() is False
    assert [m.address for m in desk.far.ledger] == ["+1", "+2", "+3"]
    assert desk.far.ledger[0].unsubscribe_url == "https://example.net/u/s+1"
    assert desk.states() == [S.SENT] * 3


def test_a_retry_comes_back_later_with_the_same_bytes(desk: Desk) -> None:
    desk.far.plan = [(False, RETRY), (True, SENT)]
    desk.queue()
    desk.sender.run_once()
    assert (desk.states(), desk.far.ledger) == ([S.PENDING], [])
    assert desk.sender.run_once() is False
    desk.after(1)
    assert desk.states() == [S.SENT]
    assert desk.far.calls == 2


def test_it_gives_up_after_the_last_attempt(desk: Desk) -> None:
    desk.far.plan = [(False, RETRY)] * 20
    desk.settings = DeliverySettings(attempts=8)
    desk.restart()
    desk.queue()
    desk.sender.run_once()
    desk.after(50)
    (row,) = desk.rows()
    assert (row.state, row.reason, desk.far.calls) == (S.FAILED, Reason.GAVE_UP, 8)


def test_the_rest_of_the_batch_goes_on_after_a_rejection(desk: Desk) -> None:
    desk.far.plan = [(False, REJECTED)]
    desk.queue("+1", "+2")
    desk.sender.run_once()
    assert desk.states() == [S.FAILED, S.SENT]


def test_a_channel_of_the_other_mode_is_never_called(desk: Desk) -> None:
    desk.far.mode = "live"
    desk.queue()
    desk.sender.run_once()
    (row,) = desk.rows()
    assert (row.state, row.reason, desk.far.calls) == (S.FAILED, Reason.MODE_MISMATCH, 0)


def test_no_more_is_claimed_than_the_rate_allows(desk: Desk) -> None:
    desk.far.rate = 2.0
    desk.restart()
    desk.queue("+1", "+2", "+3")
    assert desk.sender.run_once() is True
    assert desk.sender.run_once() is False
    assert desk.states() == [S.SENT, S.SENT, S.PENDING]
    desk.clock.advance(timedelta(seconds=1))
    desk.sender.run_once()
    assert desk.states() == [S.SENT] * 3


@pytest.mark.parametrize("how", ["kill", "opt out"])
def test_a_word_that_comes_during_a_batch_holds_for_the_next_send(desk: Desk, how: str) -> None:
    def word() -> None:
        with desk.store.transaction() as tx:
            if how == "kill":
                tx.set_switch("kill", "on", "ann", NOW)
            else:
                tx.opt_out(AddressKind.PHONE, "+2", NOW, "STOP")

    desk.far.meanwhile = word
    desk.queue("+1", "+2")
    desk.sender.run_once()
    assert [m.address for m in desk.far.ledger] == ["+1"]
    assert desk.states() == [S.SENT, S.PENDING if how == "kill" else S.SUPPRESSED]


def test_a_slow_far_side_is_no_crash_and_its_answer_counts(desk: Desk) -> None:
    """Each attempt takes fifty seconds: what began ends within its lease, and what did not is not left to run out."""
    desk.far.meanwhile = lambda: desk.clock.advance(timedelta(seconds=50))
    desk.far.plan = [(True, SENT), (False, RETRY)]
    desk.queue("+1", "+2", "+3")
    for _ in range(3):
        desk.sender.run_once()
        Housekeeper(desk.store, desk.clock).run_once()
    assert desk.states() == [S.SENT, S.PENDING, S.SENT]
    assert [row.reason for row in desk.rows()] == [Reason.ACCEPTED, Reason.SERVER_ERROR, Reason.ACCEPTED]
    assert [row.attempts for row in desk.rows()] == [1, 1, 1], "given back is not an attempt"


def test_the_lease_follows_what_a_channel_says_an_attempt_takes(desk: Desk) -> None:
    seen: list[int] = []

    def four_minutes_later() -> None:
        desk.clock.advance(timedelta(minutes=4))
        seen.append(desk.store.expired_leases(desk.clock.now()))

    desk.far.attempt_most, desk.far.meanwhile = timedelta(minutes=5), four_minutes_later
    desk.far.plan = [(False, RETRY)]
    desk.restart()
    desk.queue("+1")
    desk.sender.run_once()
    assert (seen, desk.states()) == ([0], [S.PENDING])


def test_a_stop_between_two_sends_gives_the_rest_back_at_once(desk: Desk) -> None:
    desk.queue("+1", "+2", "+3")
    sender = Sender(desk.far, desk.store, desk.clock, desk.settings, stop=lambda: desk.far.calls >= 1)
    sender.run_once()
    assert desk.states() == [S.SENT, S.PENDING, S.PENDING]
    desk.sender.run_once()
    assert desk.states() == [S.SENT] * 3


# ── a stopped channel ──


def test_a_fault_of_the_account_stops_the_channel_and_one_message_tries_it_again(desk: Desk) -> None:
    desk.far.plan = [(False, BROKEN), (False, BROKEN)]
    desk.queue("+1", "+2", "+3")
    desk.sender.run_once()
    assert (desk.far.calls, desk.states()) == (1, [S.PENDING] * 3)
    assert REGISTRY.get_sample_value("notifier_channel_stopped", {"channel": "sms"}) == 1
    with desk.store.transaction() as tx:
        assert tx.switch("stop:sms") == "until 2026-01-15T12:01:00Z authentication"
    assert desk.sender.run_once() is False
    desk.restart()
    assert desk.sender.run_once() is False
    desk.clock.advance(MINUTE)
    desk.sender.run_once()
    assert desk.far.calls == 2
    desk.clock.advance(2 * MINUTE)
    while desk.sender.run_once():
        pass
    assert desk.states() == [S.PENDING, S.SENT, S.SENT], "the one that stopped it may be at fault itself"
    desk.clock.advance(timedelta(seconds=15))
    while desk.sender.run_once():
        pass
    assert desk.states() == [S.SENT] * 3
    assert REGISTRY.get_sample_value("notifier_channel_stopped", {"channel": "sms"}) == 0
    with desk.store.transaction() as tx:
        assert tx.switch("stop:sms") == "off"


@pytest.mark.parametrize("rate", [1000.0, 1.0, 0.1])
def test_one_message_that_looks_like_a_fault_of_the_account_holds_itself_back_and_not_the_others(
    desk: Desk, rate: float
) -> None:
    """However slow the channel: where a limit lets one message through, it must not always be the same one."""
    desk.far.rate, desk.far.poison = rate, frozenset({"+1"})
    desk.restart()
    desk.queue("+1", "+2", "+3", "+4")
    desk.sender.run_once()
    assert desk.states() == [S.PENDING] * 4, "it may be the account"
    for _ in range(30 if rate > 1 else 60):
        desk.clock.advance(timedelta(seconds=5))
        while desk.sender.run_once():
            pass
    assert desk.states() == [S.PENDING, S.SENT, S.SENT, S.SENT], "another was tried, and it waits while they go"
    desk.far.poison = frozenset()
    desk.after(5)
    assert desk.states() == [S.SENT] * 4


@pytest.mark.parametrize(("rate", "number"), [(10.0, 10), (1000.0, 25)])
def test_many_that_stopped_it_hold_up_none_of_the_others(desk: Desk, rate: float, number: int) -> None:
    """All of them were under way when it stopped: more than a batch, or as many as a limit lets through."""
    poison = [f"+1{n:02}" for n in range(number)]
    desk.far.rate, desk.far.poison, desk.far.at_once = rate, frozenset(poison), number
    desk.restart()
    desk.queue(*poison, "+2", "+3")
    for _ in range(12 * 60):
        desk.clock.advance(timedelta(seconds=5))
        while desk.sender.run_once():
            pass
    assert {message.address for message in desk.far.ledger} == {"+2", "+3"}


def test_a_stop_that_cannot_be_kept_costs_no_answer(desk: Desk) -> None:
    """Four are under way, the account is refused, and the disk is full until all have answered."""
    desk.far.at_once, desk.far.poison = 4, frozenset({"+1"})
    desk.far.meanwhile = lambda: desk.break_the_disk(full=True)
    desk.restart()
    desk.queue("+1", "+2", "+3", "+4")
    with pytest.raises(StoreUnavailable):
        desk.sender.run_once()
    assert len(desk.far.ledger) == 3
    desk.far.meanwhile = lambda: None
    desk.break_the_disk(full=False)
    desk.sender.run_once()
    assert desk.states() == [S.PENDING, S.SENT, S.SENT, S.SENT]
    stop = _stop_of(desk)
    assert stop is not None
    assert stop.holds(desk.clock.now()), "it is kept as soon as it can be"


def test_what_a_callback_stopped_meanwhile_is_not_cleared_by_a_trial_of_before(desk: Desk) -> None:
    desk.far.plan = [(False, BROKEN)]
    desk.queue("+1", "+2")
    desk.sender.run_once()
    desk.clock.advance(MINUTE)
    since = Stop(desk.clock.now() + HOUR, f"{LATER} not_permitted")

    def told() -> None:
        with desk.store.transaction() as tx:
            tx.set_switch("stop:sms", since.to_switch(), "twilio", desk.clock.now())

    desk.far.meanwhile = told
    desk.sender.run_once()
    assert _stop_of(desk) == since


def test_a_message_that_stops_the_channel_again_and_again_waits_longer_each_time(desk: Desk) -> None:
    """Over two hours with a message for somebody in each minute: all of them arrive within four minutes."""
    desk.far.poison = frozenset({"+1"})
    desk.queue("+1")
    late = 0
    for minute in range(120):
        notice = replace(a_notice(), id=f"n{minute}", incident=f"i{minute}")
        queue(desk.store, notice, a_delivery(notice, id=f"d{minute}", address=f"+4{minute}", incident=notice.incident))
        desk.after(1)
        waiting = sum(row.state is S.PENDING for row in desk.rows()) - 1
        late = max(late, waiting)
    assert late <= 4
    assert desk.far.calls - len(desk.far.ledger) <= 12, "and the poisonous one is seldom tried"


def test_an_account_that_was_at_fault_for_hours_makes_nobody_wait_longer_afterwards(desk: Desk) -> None:
    """Two messages are all there is, and each has been the trial many times."""
    desk.far.poison = frozenset({"+1", "+2"})
    notice = a_notice(valid_until=NOW + 6 * HOUR)
    queue(desk.store, notice, *(a_delivery(notice, address=address) for address in ("+1", "+2")))
    desk.after(4 * 60)
    assert desk.far.calls >= 10
    desk.far.poison = frozenset()
    while not desk.far.ledger:
        desk.after(1)
    desk.after(2)  # one turn finds that it is to wait a quarter of a minute
    assert desk.states() == [S.SENT] * 2


def test_where_there_is_only_the_message_that_stopped_the_channel_it_is_the_trial(desk: Desk) -> None:
    """So a person who clears the stop sees at once what becomes of it."""
    desk.far.poison = frozenset({"+1"})
    desk.queue("+1")
    desk.sender.run_once()
    desk.far.poison = frozenset()
    with desk.store.transaction() as tx:
        tx.set_switch("stop:sms", "off", "ann", NOW)
    desk.clock.advance(timedelta(seconds=5))
    desk.sender.run_once()
    assert desk.states() == [S.SENT]


def test_a_person_stops_and_clears_a_channel(desk: Desk) -> None:
    desk.queue()
    with desk.store.transaction() as tx:
        tx.set_switch("stop:sms", "on the number is being moved", "ann", NOW)
    assert desk.sender.run_once() is False
    with desk.store.transaction() as tx:
        tx.set_switch("stop:sms", "off", "ann", NOW)
    desk.sender.run_once()
    assert desk.states() == [S.SENT]


def test_a_person_s_stop_stands_while_the_channel_tries_itself_again(desk: Desk) -> None:
    desk.far.plan = [(False, BROKEN)]
    desk.queue("+1", "+2")
    desk.sender.run_once()
    desk.clock.advance(2 * MINUTE)

    def stopped_meanwhile(_: object) -> bool:
        with desk.store.transaction() as tx:
            tx.set_switch("stop:sms", "on by ann", "ann", desk.clock.now())
        return False

    desk.sender._unsubscribe_url = lambda subscriber: str(stopped_meanwhile(subscriber)) and None  # in mid-send
    desk.sender.run_once()
    with desk.store.transaction() as tx:
        assert tx.switch("stop:sms") == "on by ann"
    assert desk.sender.run_once() is False


# ── lost answers ──


@pytest.mark.parametrize("accepted", [True, False])
def test_a_lost_answer_is_settled_by_reading(desk: Desk, accepted: bool) -> None:
    desk.far.plan = [(accepted, LOST)]
    desk.queue()
    desk.sender.run_once()
    assert desk.states() == [S.UNKNOWN]
    assert desk.reconciler.run_once() is False, "too early: the request may still be under way"
    desk.after(2)
    assert desk.states() == [S.SENT]
    assert (len(desk.far.ledger), desk.far.calls) == (1, 1 if accepted else 2)


def test_what_is_held_is_not_sent_again(desk: Desk) -> None:
    desk.settings = DeliverySettings(lost={"sms": LostAnswer.HOLD})
    desk.restart()
    desk.far.plan = [(False, LOST)]
    desk.queue()
    desk.sender.run_once()
    desk.after(5)
    (row,) = desk.rows()
    assert (row.state, row.reason, desk.far.calls) == (S.FAILED, Reason.LOST_ANSWER, 1)


def test_a_far_side_that_cannot_be_read_ends_with_a_person_not_with_a_double(desk: Desk) -> None:
    desk.far.readable = False
    desk.far.plan = [(True, LOST)]
    desk.queue()
    desk.sender.run_once()
    desk.after(40)
    (row,) = desk.rows()
    assert (row.state, row.reason) == (S.FAILED, Reason.UNSETTLED)
    assert (len(desk.far.ledger), desk.far.calls) == (1, 1)
    assert 25 <= desk.far.reads <= 35


@pytest.mark.parametrize("accepted", [True, False])
def test_under_a_key_the_same_message_is_simply_sent_again(desk: Desk, accepted: bool) -> None:
    desk.far.keyed_for = HOUR
    desk.far.readable = False
    desk.far.plan = [(accepted, LOST), (accepted, LOST)]
    desk.queue()
    desk.sender.run_once()
    desk.after(5)
    assert desk.states() == [S.SENT]
    assert (len(desk.far.ledger), desk.far.calls) == (1, 3)


def test_a_far_side_that_ignores_its_keys_is_read_first(desk: Desk) -> None:
    """GoToSocial speaks Mastodon's protocol and ignores Idempotency-Key."""
    desk.far.keyed_for = HOUR
    desk.far.ignores_keys = True
    desk.far.plan = [(True, LOST)]
    desk.queue()
    desk.sender.run_once()
    desk.after(5)
    assert desk.states() == [S.SENT]
    assert (len(desk.far.ledger), desk.far.calls) == (1, 1)


def test_once_the_key_may_be_forgotten_it_is_read_instead(desk: Desk) -> None:
    """The repeat is queued in time, but the kill switch holds it until the far side has forgotten the key."""
    desk.far.keyed_for = 20 * MINUTE
    desk.far.readable = False
    desk.far.plan = [(True, LOST)]
    desk.queue()
    desk.sender.run_once()
    desk.clock.advance(MINUTE)
    desk.reconciler.run_once()
    assert desk.states() == [S.PENDING]
    with desk.store.transaction() as tx:
        tx.set_switch("kill", "on", "ann", NOW)
    desk.after(20)
    with desk.store.transaction() as tx:
        tx.set_switch("kill", "off", "ann", NOW)
    desk.far.readable = True
    desk.after(3)
    assert desk.states() == [S.SENT]
    assert (len(desk.far.ledger), desk.far.calls, desk.far.reads) == (1, 1, 2)


def test_an_unknown_of_a_channel_that_was_removed_goes_to_a_person(desk: Desk) -> None:
    desk.far.plan = [(True, LOST)]
    desk.queue()
    desk.sender.run_once()
    desk.reconciler.replace({}, desk.settings)
    desk.clock.advance(MINUTE)
    desk.reconciler.run_once()
    assert desk.states() == [S.UNKNOWN], "another node may have the channel"
    desk.clock.advance(desk.settings.unsettled_after)
    desk.reconciler.run_once()
    assert [row.reason for row in desk.rows()] == [Reason.UNSETTLED]


def test_a_channel_that_hangs_ends_the_turn_and_holds_up_no_other(desk: Desk) -> None:
    desk.far.plan = [(True, LOST)] * 3
    desk.queue("+1", "+2", "+3")
    desk.sender.run_once()
    desk.clock.advance(MINUTE)
    slow = desk.far.find

    def find(message: Message, now: datetime) -> Found | NotFound | CannotTell:
        desk.clock.advance(timedelta(seconds=20))
        return slow(message, now)

    desk.far.find = find  # type: ignore[method-assign]
    assert desk.reconciler.look("other") is False, "what is another channel's is left to it"
    desk.reconciler.look("sms")
    assert desk.far.reads == 2, "the third waits for the next turn"
    desk.clock.advance(desk.settings.lease)
    desk.reconciler.look("sms")
    assert desk.states() == [S.SENT] * 3
    assert len(desk.far.ledger) == 3


def test_where_nobody_is_reached_one_message_tries_the_way(desk: Desk) -> None:
    """Our own uplink is down for twenty minutes while two hundred wait; none is lost, and few knock."""
    desk.queue(*(f"+1{number}" for number in range(200)))
    desk.far.plan = [(False, Outcome(OutcomeKind.RETRY, Reason.UNREACHABLE))] * 1000
    for _ in range(1200):
        desk.sender.run_once()
        desk.clock.advance(timedelta(seconds=1))
    assert desk.far.calls < 60
    desk.far.plan = []
    tried = desk.far.calls
    for _ in range(90):
        desk.sender.run_once()
        desk.clock.advance(timedelta(seconds=1))
    assert desk.states() == [S.SENT] * 200
    assert desk.far.calls == tried + 200


def test_a_stop_by_callback_waits_for_what_becomes_of_the_trial(desk: Desk) -> None:
    """That a message is accepted does not show that a number is registered now: its callback would."""
    desk.queue(*(f"+1{number}" for number in range(50)))
    with desk.store.transaction() as tx:
        tx.set_switch("stop:sms", Stop(NOW + MINUTE, f"{LATER} not_permitted").to_switch(), "twilio", NOW)
    desk.clock.advance(MINUTE)
    for _ in range(100):
        desk.sender.run_once()
        desk.clock.advance(timedelta(seconds=1))
    assert desk.far.calls == 1
    for _ in range(60):
        desk.sender.run_once()
        desk.clock.advance(timedelta(seconds=1))
    assert desk.states() == [S.SENT] * 50


def test_what_began_before_a_stop_does_not_clear_it(desk: Desk) -> None:
    """Four are under way; the credit runs out at one of them, and then three that began before are accepted."""
    together = threading.Barrier(4)
    spent = Outcome(OutcomeKind.RETRY, Reason.OUT_OF_CREDIT, stops_channel=True)
    real = desk.far.send

    def send(message: Message, now: datetime) -> Outcome:
        together.wait(10)
        if message.address == "+10":
            return spent
        until(lambda: _stop_of(desk) is not None, "the channel has stopped", within=10)
        return real(message, now)

    desk.far.at_once, desk.far.send = 4, send  # type: ignore[method-assign]
    desk.restart()
    desk.queue(*(f"+1{number}" for number in range(4)))
    desk.sender.run_once()
    desk.far.send = real  # type: ignore[method-assign]
    desk.queue(*(f"+2{number}" for number in range(9)))
    assert desk.sender.run_once() is False
    stop = _stop_of(desk)
    assert stop is not None
    assert stop.holds(desk.clock.now())
    assert len(desk.far.ledger) == 3


def test_a_trial_does_not_turn_round_what_has_failed_before(desk: Desk) -> None:
    """It is left to the other account, and the sender waits its turn."""
    class OnTrial(OnlyRoute):
        def on_trial(self) -> bool:
            return True

    desk.far.plan = [(False, RETRY)]
    desk.queue("+1")
    desk.sender.run_once()
    desk.clock.advance(MINUTE)
    trying = Sender(desk.far, desk.store, desk.clock, desk.settings, route=OnTrial("sms"))
    assert trying.run_once() is False, "else its loop turns without a pause"
    assert (desk.states(), desk.far.calls) == ([S.PENDING], 1)


def _stop_of(desk: Desk) -> Stop | None:
    with desk.store.reading() as tx:
        return read_stop(tx.switch("stop:sms"))


def test_a_turn_under_way_ends_soon_after_the_channel_was_stopped(desk: Desk) -> None:
    desk.queue(*(f"+1{number}" for number in range(15)))

    def answers() -> None:
        desk.clock.advance(timedelta(seconds=1))
        if desk.far.calls == 3:
            with desk.store.transaction() as tx:
                tx.set_switch("stop:sms", "on they complain", "ann", NOW)

    desk.far.meanwhile = answers
    desk.sender.run_once()
    assert desk.far.calls <= 6
    assert S.CLAIMED not in desk.states()


def test_a_channel_that_breaks_its_promise_is_not_asked_twice_blindly(desk: Desk) -> None:
    def boom() -> None:
        raise RuntimeError("a bug in a channel")

    desk.far.meanwhile = boom
    desk.queue()
    with pytest.raises(RuntimeError):
        desk.sender.run_once()
    desk.far.meanwhile = lambda: None
    assert desk.sender.run_once() is False
    desk.after(3)
    assert desk.states() == [S.SENT]
    assert len(desk.far.ledger) == 1


def test_an_answer_is_kept_in_mind_while_the_disk_is_full(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.queue("+1", "+2")
    connection = desk.store._engine._connection
    assert connection is not None

    def fill() -> None:
        connection.execute("PRAGMA query_only = ON")

    desk.far.meanwhile = fill
    with pytest.raises(StoreUnavailable):
        desk.sender.run_once()
    desk.far.meanwhile = lambda: None
    with pytest.raises(StoreUnavailable):
        desk.sender.run_once()
    connection.execute("PRAGMA query_only = OFF")
    desk.sender.run_once()
    assert desk.states()[0] is S.SENT
    desk.after(4)
    assert desk.states() == [S.SENT, S.SENT]
    assert [m.address for m in desk.far.ledger] == ["+1", "+2"]


# ── several at once ──


def test_as_many_are_under_way_as_the_channel_takes_and_each_began_before_it_was_sent(desk: Desk) -> None:
    together = threading.Barrier(3)
    began: list[int] = []

    def meanwhile() -> None:
        together.wait(10)  # breaks unless three are under way
        began.append(sum(row.began_at is not None for row in desk.rows()))

    desk.far.at_once, desk.far.meanwhile = 3, meanwhile
    desk.restart()
    desk.queue(*(f"+{n}" for n in range(1, 7)))
    desk.sender.run_once()
    assert desk.states() == [S.SENT] * 6
    assert sorted(m.address for m in desk.far.ledger) == [f"+{n}" for n in range(1, 7)]
    assert min(began) >= 3


def test_a_slow_one_keeps_no_place_but_its_own(desk: Desk) -> None:
    others = threading.Event()

    def meanwhile() -> None:
        if threading.current_thread().name.endswith("_0"):
            assert others.wait(10), "the others are sent meanwhile"
        elif desk.far.calls == 6:
            others.set()

    desk.far.at_once, desk.far.meanwhile = 2, meanwhile
    desk.restart()
    desk.queue(*(f"+{n}" for n in range(1, 7)))
    desk.sender.run_once()
    assert desk.states() == [S.SENT] * 6


def test_answers_of_all_are_kept_in_mind_while_the_disk_is_full(desk: Desk) -> None:
    together = threading.Barrier(3, action=lambda: desk.break_the_disk(True))
    desk.far.at_once, desk.far.meanwhile = 3, lambda: together.wait(10)
    desk.restart()
    desk.queue("+1", "+2", "+3")
    with pytest.raises(StoreUnavailable):
        desk.sender.run_once()
    desk.break_the_disk(False)
    desk.sender.run_once()
    assert desk.states() == [S.SENT] * 3
    assert len(desk.far.ledger) == 3


def test_a_fault_of_the_account_begins_nothing_more(desk: Desk) -> None:
    desk.far.at_once, desk.far.plan = 2, [(False, BROKEN)] * 2
    desk.restart()
    desk.queue(*(f"+{n}" for n in range(1, 7)))
    desk.sender.run_once()
    assert desk.far.calls <= 3, "two were under way, and one may have begun between their answers"
    assert desk.states().count(S.PENDING) == 6
    assert desk.far.ledger == []


# ── time ──


def test_nothing_is_sent_after_it_expired(desk: Desk) -> None:
    desk.queue()
    desk.clock.advance(HOUR)
    desk.after(1)
    (row,) = desk.rows()
    assert (row.state, row.reason, desk.far.calls) == (S.EXPIRED, Reason.TOO_LATE, 0)


def test_the_first_accepted_message_of_an_incident_is_measured_once(desk: Desk) -> None:
    def total(name: str) -> float:
        return REGISTRY.get_sample_value(f"notifier_first_accepted_delay_seconds_{name}") or 0.0

    with desk.store.transaction() as tx:
        tx.link_evidence("I260115-1", [a_signal(observed_at=NOW - 3 * MINUTE)])
    before = total("count"), total("sum")
    desk.queue("+1", "+2")
    desk.sender.run_once()
    desk.restart()
    notice = a_notice("n2", sequence=2)
    queue(desk.store, notice, a_delivery(notice, address="+1"))
    desk.sender.run_once()
    assert (total("count") - before[0], total("sum") - before[1]) == (1, 180)


def test_outcomes_are_counted_by_channel_outcome_and_reason(desk: Desk) -> None:
    labels = {"channel": "sms", "outcome": "REJECTED", "reason": "recipient_gone"}
    before = REGISTRY.get_sample_value("notifier_delivery_outcomes_total", labels) or 0.0
    desk.far.plan = [(False, replace(REJECTED, reason=Reason.RECIPIENT_GONE))]
    desk.queue()
    desk.sender.run_once()
    assert REGISTRY.get_sample_value("notifier_delivery_outcomes_total", labels) == before + 1


def test_a_providers_opt_out_stops_later_notices(desk: Desk) -> None:
    desk.far.plan = [(False, Outcome(OutcomeKind.REJECTED, Reason.OPTED_OUT))]
    desk.queue()
    desk.sender.run_once()
    notice = a_notice("n2", sequence=2)
    queue(desk.store, notice, a_delivery(notice, address="+1"))
    desk.sender.run_once()
    assert [row.reason for row in desk.rows()] == [Reason.OPTED_OUT, Reason.OPTED_OUT]
    assert desk.far.ledger == []
