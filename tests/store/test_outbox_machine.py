"""Laws of the outbox under any interleaving: workers that come and go, cancels, opt-outs, the kill switch, time.

The oracle is the far side: a list of what was sent, what it said became of it, and when the gate was passed. The model
beside it is short on purpose: what was switched off stays off, and nothing is followed by another message before its
failure was told.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from notifier.model.delivery import DELIVERY_MOVES, Delivery, DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.notice import NoticeState, Stage
from notifier.model.people import AddressKind
from notifier.ports import CannotTell, Found, NotFound, Store
from notifier.store import StoreSettings, open_store, outbox

from .making import HOUR, LEASE, NOW, a_delivery, a_notice

S = DeliveryState
ADDRESSES = ("+1", "")
STAGES = (Stage.ACKNOWLEDGE, Stage.UPDATE, Stage.RESOLVE)
FINAL = {S.FAILED, S.DELIVERED, S.CANCELLED, S.EXPIRED, S.SUPPRESSED, S.SENT}
INCIDENT = "I260115-1"
OFTEN = st.sampled_from((True, True, True, False))
TROUBLES = ("opt out", "cancel", "kill")
AGAIN = (timedelta(minutes=2), timedelta(minutes=5))
WORDS = ((S.FAILED, Reason.UNREACHABLE), (S.FAILED, Reason.LOST_ANSWER), (S.FAILED, Reason.RECIPIENT_GONE),
         (S.SENT, Reason.ACCEPTED), (S.DELIVERED, Reason.ACCEPTED), (S.FAILED, Reason.UNREACHABLE))
RETRY = Outcome(OutcomeKind.RETRY, Reason.SERVER_ERROR)
REJECTED = Outcome(OutcomeKind.REJECTED, Reason.INVALID_ADDRESS)
LOST = Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER)


def reachable(before: DeliveryState, after: DeliveryState) -> bool:
    """Whether the table allows `after` from `before` in some moves: one step of ours may be two of the row."""
    seen, at = {before}, [before]
    while at:
        at = [new for old in at for new in DELIVERY_MOVES[old] if new not in seen]
        seen.update(at)
    return after in seen


class Outbox(RuleBasedStateMachine):
    claims = Bundle("claims")
    begun = Bundle("begun")

    def __init__(self) -> None:
        super().__init__()
        self.page, outbox.PAGE = outbox.PAGE, 1  # of two deliveries one is cancelled at once, the other later
        self.store = self.opened()
        self.now: datetime = NOW
        self.killed = False
        self.out: set[str] = set()
        self.cancelled: set[str] = set()
        self.far_side: dict[str, str] = {}
        self.asked: dict[tuple[str, int], str] = {}
        self.given_up: dict[str, Reason] = {}
        self.arrived: set[str] = set()
        self.second: set[str] = set()
        self.latest: dict[str, int] = {}
        self.troubles: set[str] = set()
        self.queued = 0
        self.doubtful: set[str] = set()
        self.before: dict[str, Delivery] = {}
        self.newest: dict[str, int] = {}

    def opened(self) -> Store:
        """A store that holds nothing."""
        return open_store(StoreSettings(path=":memory:"))

    def teardown(self) -> None:
        outbox.PAGE = self.page
        self.store.close()

    @initialize(troubles=st.sets(st.sampled_from(TROUBLES)))
    def queue(self, troubles: set[str]) -> None:
        """`troubles`: what may happen in this run at all. With all of them in every run little was ever sent."""
        self.troubles = troubles
        self.say()

    @precondition(lambda self: self.queued < len(STAGES))
    @rule()
    def say_more(self) -> None:
        """The next notice goes to the same people."""
        self.say()

    def say(self) -> None:
        stage = STAGES[self.queued]
        self.queued += 1
        notice = a_notice(f"n{self.queued}", stage=stage, sequence=self.queued, valid_until=NOW + 3 * HOUR)
        with self.store.transaction() as tx:
            tx.put_notice(notice)
            tx.add_deliveries(a_delivery(notice, address=address) for address in ADDRESSES)

    @rule(minutes=st.sampled_from((1, 2, 3, 5, 25)))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(target=claims, limit=st.integers(1, 4))
    def claim(self, limit: int) -> object:
        return multiple(*self.claimed(limit))

    def claimed(self, limit: int) -> list[Delivery]:
        found = self.store.claim("sms", limit, LEASE, self.now)
        assert not (found and self.killed)
        for delivery, _ in found:
            assert delivery.token > self.newest.get(delivery.id, 0)
            assert delivery.expires_at > self.now
            earlier = (d for d in self.before.values() if d.address == delivery.address)
            assert all(d.state in FINAL or (d.state is S.PENDING and d.id in self.second)
                       for d in earlier if d.sequence < delivery.sequence), "out of order"
            self.newest[delivery.id] = delivery.token
        return [delivery for delivery, _ in found]

    @rule(target=begun, claim=consumes(claims), accepts=st.booleans())
    def begin(self, claim: Delivery, accepts: bool) -> object:
        """Pass the gate; the request reaches the far side well within the lease, which takes it or does not."""
        return claim if self.passed(claim, accepts) else multiple()

    @rule(limit=st.integers(1, 4), minutes=st.integers(0, 3), accepts=OFTEN, arrives=OFTEN)
    def work(self, limit: int, minutes: int, accepts: bool, arrives: bool) -> None:
        """What a worker does all day: all of it in one go."""
        self.now += timedelta(minutes=minutes)
        for claim in self.claimed(limit):
            if self.passed(claim, accepts):
                self.answered(claim, not arrives, retry=True)

    def passed(self, claim: Delivery, accepts: bool) -> bool:
        reason = self.store.begin(claim.id, claim.token, self.now)
        if reason is not None:
            return False
        assert not self.killed
        assert claim.address not in self.out
        assert claim.notice not in self.cancelled
        assert claim.expires_at > self.now
        assert self.newest[claim.id] == claim.token, "a holder of an older token passed the gate"
        assert claim.leased_until is not None
        assert claim.leased_until > self.now
        if claim.stage is Stage.RESOLVE:
            earlier = [d for d in self.before.values() if d.address == claim.address and d.sequence < claim.sequence]
            assert any(d.state in (S.SENT, S.DELIVERED, S.UNKNOWN) or d.id in self.doubtful for d in earlier)
        assert claim.sequence >= self.latest.get(claim.address, 0), "a later notice had gone to the same person"
        self.latest[claim.address] = claim.sequence
        before = self.messages(claim.id)
        assert all(number in self.given_up for number in before), "sent again though the one before may arrive"
        assert not self.arrived & set(before), "sent again though the one before had arrived"
        assert len(before) <= len(AGAIN)
        if accepts:
            number = f"SM{len(self.far_side) + 1}"
            self.far_side[number] = claim.id
            self.asked[claim.id, claim.token] = number
        return True

    def messages(self, delivery: str) -> list[str]:
        """The far side's numbers of a delivery's messages, newest first."""
        return [number for number, id in reversed(self.far_side.items()) if id == delivery]

    @rule(claim=consumes(begun), lost=st.booleans(), retry=st.booleans())
    def answer(self, claim: Delivery, lost: bool, retry: bool) -> None:
        """The far side's answer arrives, however late, or is lost."""
        self.answered(claim, lost, retry)

    def answered(self, claim: Delivery, lost: bool, retry: bool) -> None:
        outcome = RETRY if retry else REJECTED
        number = self.asked.get((claim.id, claim.token))
        if number is not None:
            outcome = Outcome(OutcomeKind.SENT, Reason.ACCEPTED, number)
        if lost:
            outcome = LOST
            self.doubtful.add(claim.id)
        self.store.settle(claim.id, claim.token, outcome, self.now)

    @precondition(lambda self: self.far_side)
    @rule(data=st.data(), word=st.sampled_from(WORDS), again=OFTEN, named=st.booleans())
    def word(self, data: st.DataObject, word: tuple[DeliveryState, Reason], again: bool, named: bool) -> None:
        """The far side reports what became of any of its messages: early, late, doubled, or taking back what it said
        before; it may name the delivery, as Twilio's callbacks do."""
        number = data.draw(st.sampled_from(sorted(self.far_side)))
        id = self.far_side[number]
        state, reason = word
        times = tuple(self.now + wait for wait in AGAIN) if again and reason is not Reason.RECIPIENT_GONE else ()
        moved = self.store.callback(number, state, reason, self.now, id if named else None, again=times)
        if moved is S.PENDING:
            assert (state, self.before[id].notice in self.cancelled) == (S.FAILED, False)
            self.second.add(id)
        if state is S.FAILED and (named or moved):
            self.given_up.setdefault(number, reason)
        if state is S.DELIVERED and (named or moved):
            self.arrived.add(number)
        if state is S.DELIVERED or reason is Reason.LOST_ANSWER:
            self.doubtful.add(id)

    @rule(claim=consumes(begun))
    def crash(self, claim: Delivery) -> None:
        """The worker dies between begin and settle."""
        self.doubtful.add(claim.id)

    @rule()
    def housekeeping(self) -> None:
        self.store.expired_leases(self.now)
        self.store.expire(self.now)

    @rule(can_tell=st.booleans(), escalate=st.booleans())
    def reconcile(self, can_tell: bool, escalate: bool) -> None:
        """Reads the far side truthfully, as the reconciler does."""
        for delivery, _ in self.store.unknowns(2, LEASE, self.now):
            result: Found | NotFound | CannotTell = CannotTell("?")
            if can_tell:
                result = self.looked_for(delivery.id)
            again_at = None if escalate else self.now + timedelta(minutes=1)
            self.store.reconcile(delivery.id, delivery.token, result, self.now, again_at=again_at, resend=can_tell)

    def looked_for(self, delivery: str) -> Found | NotFound:
        """What the far side lists, without what is known to be an earlier message."""
        free = self.store.unheld(delivery, self.messages(delivery))
        assert free is not None, "nobody else sends to this address"
        return Found(free[0]) if free else NotFound()

    @precondition(lambda self: "opt out" in self.troubles)
    @rule(address=st.just(ADDRESSES[0]))
    def opt_out(self, address: str) -> None:
        with self.store.transaction() as tx:
            tx.opt_out(AddressKind.PHONE, address, self.now, "STOP")
        self.out.add(address)

    @precondition(lambda self: "cancel" in self.troubles)
    @rule(data=st.data(), supersede=st.booleans())
    def cancel(self, data: st.DataObject, supersede: bool) -> None:
        number = data.draw(st.integers(1, self.queued))
        name = f"n{number}"
        with self.store.transaction() as tx:
            if supersede:
                tx.put_notice(a_notice(name, stage=STAGES[number - 1], sequence=number,
                                       valid_until=NOW + 3 * HOUR, state=NoticeState.SUPERSEDED))
            tx.cancel_deliveries(notice=name, reason=Reason.SUPERSEDED, now=self.now)
        self.cancelled.add(name)

    @rule()
    def cancelling_goes_on(self) -> None:
        with self.store.transaction() as tx:
            tx.go_on_cancelling(self.now)

    @precondition(lambda self: "kill" in self.troubles)
    @rule(on=st.booleans())
    def kill(self, on: bool) -> None:
        with self.store.transaction() as tx:
            tx.set_switch("kill", "on" if on else "off", "ann", self.now)
        self.killed = on

    @invariant()
    def moves_are_allowed_and_tokens_only_grow(self) -> None:
        with self.store.transaction() as tx:
            rows = {delivery.id: delivery for delivery in tx.deliveries()}
        assert self.before.keys() <= rows.keys(), "a delivery was lost"
        assert len(rows) == self.queued * len(ADDRESSES), "a delivery was made up"
        for id, row in rows.items():
            old = self.before.get(id, row)
            assert reachable(old.state, row.state), f"{id}: {old.state} to {row.state}"
            assert old.state is not S.SENT or row.state in (S.SENT, S.DELIVERED, S.FAILED) or id in self.second
            assert row.token >= old.token
        self.before = rows

    @invariant()
    def whom_the_far_side_reached_is_never_forgotten(self) -> None:
        if not self.before:
            return
        with self.store.transaction() as tx:
            told = tx.told(INCIDENT)
        crashed = {d.id for d in self.before.values() if d.state is S.CLAIMED}
        for number, id in self.far_side.items():
            lost = self.given_up.get(number) in (Reason.UNREACHABLE, Reason.RECIPIENT_GONE)
            if id not in crashed and (number in self.arrived or not lost):
                assert ("sms", self.before[id].address) in told

    def settled_in_the_end(self) -> None:
        self.now += 4 * HOUR
        for _ in range(4):
            self.housekeeping()
            for delivery, _ in self.store.unknowns(100, LEASE, self.now):
                found = self.looked_for(delivery.id)
                self.store.reconcile(delivery.id, delivery.token, found, self.now, again_at=None, resend=False)
            self.now += HOUR
        with self.store.transaction() as tx:
            rows = tx.deliveries()
        assert {row.state for row in rows} <= FINAL
        assert all(row.reason is not Reason.NONE or row.state is S.SENT for row in rows)


class SettlesInTheEnd(Outbox):
    """The same, ended by letting time run out: nothing may be left in between."""

    def teardown(self) -> None:
        if self.before:
            self.settled_in_the_end()
        super().teardown()


class SecondAttempts(SettlesInTheEnd):
    """The same without most troubles, so that what is sent is sent again and again."""

    opt_out = kill = crash = begin = claim = None  # type: ignore[assignment] # rules of the other machine


TestSecondAttempts = SecondAttempts.TestCase
TestSecondAttempts.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestOutbox = SettlesInTheEnd.TestCase
TestOutbox.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.slow
def test_the_outbox_keeps_its_laws_on_postgresql(database: str) -> None:
    class OnPostgres(SettlesInTheEnd):
        def opened(self) -> Store:
            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("TRUNCATE notices, deliveries, incidents, opt_outs, switches CASCADE")
            return open_store(StoreSettings(url=database, connections=2))

    run_state_machine_as_test(OnPostgres, settings=settings(
        max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]))
