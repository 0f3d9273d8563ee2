"""Senders and their limits over a real store: what is shared, what waits, what goes first; the oracle is the far
side's ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from notifier.clock import VirtualClock
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.model.delivery import DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.limit import Limit, Told
from notifier.model.notice import Stage
from notifier.ports import Store
from notifier.store import StoreSettings, open_store

from ..store.making import HOUR, MINUTE, NOW, a_delivery, a_notice, queue
from .conftest import Desk
from .far_side import SENT, FarSide

S = DeliveryState
SECOND = timedelta(seconds=1)
ACCOUNT = Limit.within("account", 30, HOUR)
"""Ten at once."""
THROTTLED = Outcome(OutcomeKind.RETRY, Reason.RATE_LIMITED, retry_at=NOW + 20 * MINUTE,
                    told=Told(until=NOW + 20 * MINUTE))


def limited(id: str = "sms", *limits: Limit) -> FarSide:
    return FarSide(id=id, limits=(Limit.flowing(f"channel/{id}", 1000.0), *(limits or (ACCOUNT,))))


def another(desk: Desk, far: FarSide, store: Store | None = None) -> Sender:
    return Sender(far, store or desk.store, desk.clock, desk.settings)


def many(desk: Desk, number: int = 50, channel: str = "sms", **changes: object) -> None:
    notice = a_notice(**changes)
    queue(desk.store, notice, *(a_delivery(notice, channel, f"+1802555{n:04}") for n in range(number)))


def drain(*senders: Sender) -> None:
    while any([sender.run_once() for sender in senders]):
        pass


def test_two_nodes_and_a_restart_share_one_limit(desk: Desk) -> None:
    far = limited()
    many(desk)
    for _ in range(3):
        drain(another(desk, far), another(desk, far))
    assert len(far.ledger) == 10
    desk.clock.advance(HOUR - SECOND)
    drain(another(desk, far), another(desk, far))
    assert 11 <= len(far.ledger) <= 30


def test_two_channels_of_one_account_share_its_limit_and_no_other(desk: Desk) -> None:
    sms, email, x = limited("sms"), limited("email"), limited("x", Limit.within("another", 30, HOUR))
    notice = a_notice()
    queue(desk.store, notice, *(a_delivery(notice, channel, f"+1802555{n:04}") for channel in ("sms", "email", "x")
                                for n in range(20)))
    drain(another(desk, sms), another(desk, email))
    assert len(sms.ledger) + len(email.ledger) == 10
    drain(another(desk, x))
    assert len(x.ledger) == 10, "a channel that is throttled delays no other"


def test_a_throttled_provider_is_left_alone_by_all_nodes_until_it_says(desk: Desk) -> None:
    """One refusal, not one for each message of the batch, and no attempt of those behind it is used up."""
    far = limited()
    far.plan = [(True, SENT), (False, THROTTLED)]
    here, there = another(desk, far), another(desk, far)
    many(desk)
    drain(here, there)
    assert (far.calls, len(far.ledger)) == (2, 1)
    assert sorted(row.attempts for row in desk.rows())[-2:] == [0, 1], "a refusal by a limit is no attempt"
    assert desk.states().count(S.PENDING) == 49
    desk.clock.advance(20 * MINUTE - SECOND)
    drain(here, there, another(desk, far))
    assert far.calls == 2
    desk.clock.advance(SECOND)
    drain(here, there)
    assert len(far.ledger) > 1
    assert far.ledger[1].address == "+18025550001", "whoever was refused is first in line"


def test_what_the_provider_says_is_left_is_believed(desk: Desk) -> None:
    far = limited()
    far.plan = [(True, replace(SENT, told=Told(remaining=2)))]
    many(desk, 1)
    drain(another(desk, far))
    many(desk, 50, id="n2", sequence=2)
    drain(another(desk, far))
    assert len(far.ledger) == 1 + 2


def test_what_is_due_first_goes_first_when_tokens_come_back(desk: Desk) -> None:
    """A hundred updates wait for the limit when another incident is acknowledged: the next token is the
    acknowledgement's (an update's priority is greater, see tests/notices/test_plan.py), and no update passes it."""
    far = limited("sms", Limit("account", 1.0, 10.0, HOUR))
    sender = another(desk, far)
    many(desk, 100, stage=Stage.UPDATE)
    drain(sender)
    assert len(far.ledger) == 10
    urgent = a_notice("n2", incident="I260115-2")
    queue(desk.store, urgent, a_delivery(urgent, address="+18025559999", priority=1))
    desk.clock.advance(SECOND)
    drain(sender)
    assert len(far.ledger) == 11
    assert far.ledger[-1].delivery.startswith("n2")


def test_what_a_stopped_turn_did_not_send_is_given_back(desk: Desk) -> None:
    far = limited()
    many(desk)

    def kill() -> None:
        with desk.store.transaction() as tx:
            tx.set_switch("kill", "on" if far.calls == 3 else "off", "ann", NOW)

    far.meanwhile = kill
    sender = another(desk, far)
    sender.run_once()
    assert len(far.ledger) == 3
    with desk.store.transaction() as tx:
        tx.set_switch("kill", "off", "ann", NOW)
    drain(sender)
    assert len(far.ledger) == 10


def test_a_crash_loses_tokens_and_never_makes_any(desk: Desk) -> None:
    """The process ends in mid-turn: what it took is spent, and what it had not sent is sent later, with new tokens."""
    far = limited()

    def crash() -> None:
        if far.calls == 3:
            raise KeyboardInterrupt

    many(desk)
    first = another(desk, far)
    far.meanwhile = crash
    first.tokens.end_turn = lambda now: None  # type: ignore[method-assign] # nothing runs any more
    with pytest.raises(KeyboardInterrupt):
        first.run_once()
    desk.clock.advance(5 * MINUTE)
    desk.store.expired_leases(desk.clock.now())
    drain(another(desk, far))
    # 20 in an hour and two minutes flow in: one in five minutes, and ten were there
    assert len(far.ledger) <= 2 + 2


def test_an_empty_queue_costs_no_write(desk: Desk) -> None:
    far = limited()
    sender = another(desk, far)
    connection = desk.store._engine._connection  # type: ignore[attr-defined]
    before = connection.total_changes
    for _ in range(50):
        assert sender.run_once() is False
        desk.clock.advance(SECOND)
    assert connection.total_changes == before


@pytest.mark.parametrize("stage", [Stage.ACKNOWLEDGE, Stage.UPDATE])
def test_a_limit_that_is_used_up_costs_no_write_either(desk: Desk, stage: Stage) -> None:
    far = limited()
    sender = another(desk, far)
    many(desk, stage=stage)
    drain(sender)
    connection = desk.store._engine._connection  # type: ignore[attr-defined]
    before = connection.total_changes
    for _ in range(50):
        sender.run_once()
        desk.clock.advance(SECOND)
    assert connection.total_changes == before


def test_what_a_channel_waits_for_is_shown(desk: Desk) -> None:
    def shown() -> float | None:
        return REGISTRY.get_sample_value("notifier_limit_wait_seconds", {"channel": "sms", "limit": "account"})

    far = limited("sms", Limit("account", 0.1, 2.0, HOUR))
    sender = another(desk, far)
    many(desk, 3)
    sender.run_once()
    assert sender.tokens.wait is not None
    assert (sender.tokens.wait.limit, sender.tokens.wait.until, shown()) == ("account", NOW + 10 * SECOND, 10.0)
    desk.clock.advance(10 * SECOND)
    drain(sender)
    desk.clock.advance(MINUTE)
    sender.run_once()
    assert (len(far.ledger), sender.tokens.wait, shown()) == (3, None, 0.0)


def test_a_providers_word_is_kept_in_mind_while_the_store_cannot_be_written(desk: Desk) -> None:
    far = limited()
    sender = another(desk, far)
    sender.tokens.heard(THROTTLED, NOW)
    desk.break_the_disk(True)
    sender.tokens.end_turn(NOW)
    desk.break_the_disk(False)
    many(desk)
    drain(sender, another(desk, far))
    assert far.calls == 0


def test_a_heavy_message_takes_as_many_tokens_as_it_has_segments(desk: Desk) -> None:
    far = limited("sms", Limit("account", 0.001, 10.0, HOUR))
    far.weigh = lambda message: 3.0
    many(desk)
    drain(another(desk, far))
    assert len(far.ledger) == 3


def test_the_limits_are_as_many_rows_after_a_thousand_messages_as_after_ten() -> None:
    """What is kept does not grow with what was sent, so neither does what it costs to ask."""
    store, clock = open_store(StoreSettings(path=":memory:")), VirtualClock(NOW)
    far = limited("sms", Limit("account", 1e6, 1e6, HOUR))
    far.limits = (Limit.flowing("channel/sms", 1e6), *far.limits[1:])
    sender = Sender(far, store, clock, DeliverySettings(batch=1000))
    found = []
    for round in range(3):
        notice = a_notice(f"n{round}", sequence=round + 1)
        queue(store, notice, *(a_delivery(notice, address=f"+1802{n:07}") for n in range(10 ** (round + 1))))
        drain(sender)
        connection = store._engine._connection  # type: ignore[attr-defined]
        found.append(connection.execute("SELECT count(*) FROM limits").fetchone()[0])
    store.close()
    assert len(far.ledger) == 1110
    assert found == [2, 2, 2]


def test_any_window_of_the_ledger_keeps_the_limit_on_postgresql(database: str) -> None:
    """Three nodes over an hour of a busy queue, whatever their turns: times are those of the far side's ledger."""
    limit = Limit.within("account", 60, 10 * MINUTE)
    stores = [open_store(StoreSettings(url=database, connections=2)) for _ in range(3)]
    clock, arrived = VirtualClock(NOW), list[datetime]()
    far = limited("sms", limit)
    far.meanwhile = lambda: arrived.append(clock.now())
    try:
        notice = a_notice(valid_until=NOW + 3 * HOUR)
        queue(stores[0], notice, *(a_delivery(notice, address=f"+1802555{n:04}") for n in range(400)))
        senders = [Sender(far, store, clock, DeliverySettings()) for store in stores]
        for turn in range(120):
            drain(senders[turn % 3], senders[(turn + 1) % 3])
            clock.advance(timedelta(seconds=30))
    finally:
        for store in stores:
            store.close()
    assert 200 < len(arrived) <= limit.burst + limit.rate * 3600
    for first, since in enumerate(arrived):
        assert sum(at < since + 10 * MINUTE for at in arrived[first:]) <= 60
