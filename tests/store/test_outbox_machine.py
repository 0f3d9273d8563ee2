"""Laws of the outbox under any interleaving: workers that come and go, cancels, opt-outs, the kill switch, time.

The oracle is the far side: a list of what was sent, and when the gate was passed. The model beside it is three lines
long on purpose: what was switched off stays off.
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
SENT = Outcome(OutcomeKind.SENT, Reason.ACCEPTED)
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
        self.far_side: list[str] = []
        self.doubtful: set[str] = set()
        self.before: dict[str, Delivery] = {}
        self.newest: dict[str, int] = {}

    def opened(self) -> Store:
        """A store that holds nothing."""
        return open_store(StoreSettings(path=":memory:"))

    def teardown(self) -> None:
        outbox.PAGE = self.page
        self.store.close()

    @initialize()
    def queue(self) -> None:
        with self.store.transaction() as tx:
            for number, stage in enumerate(STAGES, start=1):
                notice = a_notice(f"n{number}", stage=stage, sequence=number)
                tx.put_notice(notice)
                tx.add_deliveries(a_delivery(notice, address=address) for address in ADDRESSES)

    @rule(minutes=st.integers(0, 25))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(target=claims, limit=st.integers(1, 4))
    def claim(self, limit: int) -> object:
        found = self.store.claim("sms", limit, LEASE, self.now)
        assert not (found and self.killed)
        for delivery, _ in found:
            assert delivery.token > self.newest.get(delivery.id, 0)
            assert delivery.expires_at > self.now
            earlier = (d for d in self.before.values() if d.address == delivery.address)
            assert all(d.state in FINAL for d in earlier if d.sequence < delivery.sequence), "out of order"
            self.newest[delivery.id] = delivery.token
        return multiple(*(delivery for delivery, _ in found))

    @rule(target=begun, claim=consumes(claims), accepts=st.booleans())
    def begin(self, claim: Delivery, accepts: bool) -> object:
        """Pass the gate; the request reaches the far side well within the lease, which takes it or does not."""
        reason = self.store.begin(claim.id, claim.token, self.now)
        if reason is not None:
            return multiple()
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
        if accepts:
            self.far_side.append(claim.id)
        return claim

    @rule(claim=consumes(begun), lost=st.booleans(), retry=st.booleans())
    def answer(self, claim: Delivery, lost: bool, retry: bool) -> None:
        """The far side's answer arrives, however late, or is lost."""
        outcome = RETRY if retry else REJECTED
        if claim.id in self.far_side:
            outcome = SENT
        if lost:
            outcome = LOST
            self.doubtful.add(claim.id)
        self.store.settle(claim.id, claim.token, outcome, self.now)

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
                result = Found(delivery.id) if delivery.id in self.far_side else NotFound()
            again_at = None if escalate else self.now + timedelta(minutes=1)
            self.store.reconcile(delivery.id, delivery.token, result, self.now, again_at=again_at, resend=can_tell)

    @rule(address=st.just(ADDRESSES[0]))
    def opt_out(self, address: str) -> None:
        with self.store.transaction() as tx:
            tx.opt_out(AddressKind.PHONE, address, self.now, "STOP")
        self.out.add(address)

    @rule(number=st.integers(1, 3), supersede=st.booleans())
    def cancel(self, number: int, supersede: bool) -> None:
        name = f"n{number}"
        with self.store.transaction() as tx:
            if supersede:
                tx.put_notice(a_notice(name, stage=STAGES[number - 1], sequence=number, state=NoticeState.SUPERSEDED))
            tx.cancel_deliveries(notice=name, reason=Reason.SUPERSEDED, now=self.now)
        self.cancelled.add(name)

    @rule()
    def cancelling_goes_on(self) -> None:
        with self.store.transaction() as tx:
            tx.go_on_cancelling(self.now)

    @rule(on=st.booleans())
    def kill(self, on: bool) -> None:
        with self.store.transaction() as tx:
            tx.set_switch("kill", "on" if on else "off", "ann", self.now)
        self.killed = on

    @invariant()
    def moves_are_allowed_and_tokens_only_grow(self) -> None:
        with self.store.transaction() as tx:
            rows = {delivery.id: delivery for delivery in tx.deliveries()}
        assert not self.before or rows.keys() == self.before.keys(), "a delivery was lost or made up"
        for id, row in rows.items():
            old = self.before.get(id, row)
            assert reachable(old.state, row.state), f"{id}: {old.state} to {row.state}"
            assert row.token >= old.token
        self.before = rows

    @invariant()
    def nothing_is_sent_twice_while_the_far_side_can_be_read(self) -> None:
        assert len(self.far_side) == len(set(self.far_side))

    @invariant()
    def whom_the_far_side_reached_is_never_forgotten(self) -> None:
        if not self.before:
            return
        with self.store.transaction() as tx:
            told = tx.told(INCIDENT)
        crashed = {d.id for d in self.before.values() if d.state is S.CLAIMED}
        for id in set(self.far_side) - crashed:
            assert ("sms", self.before[id].address) in told

    def settled_in_the_end(self) -> None:
        self.now += 2 * HOUR
        for _ in range(4):
            self.housekeeping()
            for delivery, _ in self.store.unknowns(100, LEASE, self.now):
                found: Found | NotFound = Found(delivery.id) if delivery.id in self.far_side else NotFound()
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
