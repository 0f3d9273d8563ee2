"""The store's contract for the send path: claims, gates, outcomes, doubts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from notifier.model.delivery import Delivery, DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.incident import IncidentState
from notifier.model.notice import NoticeState, Stage
from notifier.model.people import AddressKind, QuietHours
from notifier.ports import CannotTell, Found, NotFound, Store

from .making import HOUR, LEASE, MINUTE, NOW, a_delivery, a_notice, a_subscriber, an_incident, queue, the

S = DeliveryState
SENT = Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id="SM1")
UNKNOWN = Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER)
RETRY = Outcome(OutcomeKind.RETRY, Reason.SERVER_ERROR)
REJECTED = Outcome(OutcomeKind.REJECTED, Reason.INVALID_ADDRESS, detail="21211")


def claim_one(store: Store, at: timedelta = timedelta()) -> Delivery:
    ((delivery, _),) = store.claim("sms", 1, LEASE, NOW + at)
    return delivery


def begun(store: Store, at: timedelta = timedelta()) -> Delivery:
    delivery = claim_one(store, at)
    assert store.begin(delivery.id, delivery.token, NOW + at) is None
    return delivery


def lost(store: Store) -> Delivery:
    delivery = begun(store)
    assert store.settle(delivery.id, delivery.token, UNKNOWN, NOW)
    return delivery


def stands(store: Store, delivery: Delivery) -> tuple[DeliveryState, Reason]:
    now = the(store, delivery.id)
    return now.state, now.reason


# ── claim ──


def test_claims_are_by_priority_then_age_and_carry_the_message(store: Store) -> None:
    notice = a_notice()
    rows = [
        a_delivery(notice, address="+1", priority=100, created_at=NOW),
        a_delivery(notice, address="+2", priority=100, created_at=NOW - MINUTE),
        a_delivery(notice, address="+3", priority=1, created_at=NOW),
        a_delivery(notice, address="+4", not_before=NOW + MINUTE),
        a_delivery(notice, address="+5", expires_at=NOW),
    ]
    queue(store, notice, *rows)
    claimed = store.claim("sms", 10, LEASE, NOW)
    assert [d.address for d, _ in claimed] == ["+3", "+2", "+1"]
    delivery, message = claimed[0]
    assert (delivery.token, delivery.leased_until, delivery.state) == (1, NOW + LEASE, S.CLAIMED)
    assert (message.body, message.address, message.key) == ("n1 on sms", "+3", delivery.id)
    assert store.claim("sms", 10, LEASE, NOW) == ()
    assert store.claim("x", 10, LEASE, NOW) == ()


def test_nothing_is_claimed_while_the_kill_switch_is_on(store: Store) -> None:
    queue(store, a_notice())
    with store.transaction() as tx:
        tx.set_switch("kill", "on", "ann", NOW)
    assert store.claim("sms", 10, LEASE, NOW) == ()
    with store.transaction() as tx:
        tx.set_switch("kill", "off", "ann", NOW)
    assert len(store.claim("sms", 10, LEASE, NOW)) == 1


def test_a_later_notice_waits_until_the_earlier_one_is_settled(store: Store) -> None:
    queue(store, a_notice())
    queue(store, a_notice("n2", stage=Stage.UPDATE, sequence=2))
    first = begun(store)
    assert store.claim("sms", 10, LEASE, NOW) == ()
    store.settle(first.id, first.token, UNKNOWN, NOW)
    assert store.claim("sms", 10, LEASE, NOW) == ()
    store.reconcile(first.id, the(store, first.id).token, Found("SM1"), NOW, again_at=None, resend=False)
    assert [d.notice for d, _ in store.claim("sms", 10, LEASE, NOW)] == ["n2"]


def test_a_row_no_message_can_be_made_of_fails_and_does_not_block(store: Store) -> None:
    notice = a_notice()
    poison = a_delivery(notice, address="+1", language="tlh")
    queue(store, notice, poison, a_delivery(notice, address="+2"))
    assert [d.address for d, _ in store.claim("sms", 10, LEASE, NOW)] == ["+2"]
    assert stands(store, poison) == (S.FAILED, Reason.CONTENT_REFUSED)


# ── begin ──


def kill(store: Store) -> None:
    with store.transaction() as tx:
        tx.set_switch("kill", "on", "ann", NOW)


def stop(store: Store) -> None:
    with store.transaction() as tx:
        tx.opt_out(AddressKind.PHONE, "+18025550100", NOW, "STOP")


def stop_by_import(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_subscriber(a_subscriber(opted_out_at=NOW))


def cancel(store: Store) -> None:
    with store.transaction() as tx:
        tx.cancel_deliveries(notice="n1", reason=Reason.WITHDRAWN, now=NOW)


def notice_is(state: NoticeState) -> Callable[[Store], None]:
    def put(store: Store) -> None:
        with store.transaction() as tx:
            tx.put_notice(a_notice(state=state))

    return put


@pytest.mark.parametrize(
    ("happens", "reason", "state"),
    [
        pytest.param(kill, Reason.KILL_SWITCH, S.PENDING, id="the kill switch puts it back"),
        pytest.param(stop, Reason.OPTED_OUT, S.SUPPRESSED, id="an opt-out after the claim suppresses"),
        pytest.param(stop_by_import, Reason.OPTED_OUT, S.SUPPRESSED, id="an opt-out by import suppresses"),
        pytest.param(cancel, Reason.WITHDRAWN, S.CANCELLED, id="a cancel after the claim wins"),
        pytest.param(notice_is(NoticeState.SUPERSEDED), Reason.SUPERSEDED, S.CANCELLED, id="its notice is superseded"),
        pytest.param(notice_is(NoticeState.CANCELLED), Reason.WITHDRAWN, S.CANCELLED, id="its notice is cancelled"),
        pytest.param(notice_is(NoticeState.EXPIRED), Reason.TOO_LATE, S.EXPIRED, id="its notice has expired"),
        pytest.param(notice_is(NoticeState.WAITING), Reason.WITHDRAWN, S.CANCELLED, id="its notice is not released"),
    ],
)
def test_what_happens_between_claim_and_begin_stops_the_send(
    store: Store, happens: Callable[[Store], None], reason: Reason, state: DeliveryState
) -> None:
    queue(store, a_notice())
    delivery = claim_one(store)
    happens(store)
    assert store.begin(delivery.id, delivery.token, NOW) is reason
    after = the(store, delivery.id)
    assert (after.state, after.began_at, after.attempts) == (state, None, 0)
    assert not store.settle(delivery.id, delivery.token, REJECTED, NOW)


def test_begin_refuses_once_its_time_has_passed(store: Store) -> None:
    notice = a_notice()
    queue(store, notice, a_delivery(notice, expires_at=NOW + MINUTE))
    delivery = claim_one(store)
    assert store.begin(delivery.id, delivery.token, NOW + MINUTE) is Reason.TOO_LATE
    assert stands(store, delivery) == (S.EXPIRED, Reason.TOO_LATE)


def test_begin_refuses_once_its_lease_has_passed_and_gives_the_row_back(store: Store) -> None:
    queue(store, a_notice())
    delivery = claim_one(store)
    assert store.begin(delivery.id, delivery.token, NOW + LEASE) is Reason.LEASE_LOST
    assert the(store, delivery.id).state is S.PENDING


def test_begin_refuses_an_older_token_and_a_second_begin(store: Store) -> None:
    queue(store, a_notice())
    old = claim_one(store)
    assert store.expired_leases(NOW + LEASE) == 1
    new = claim_one(store, LEASE)
    assert new.token > old.token
    assert store.begin(old.id, old.token, NOW + LEASE) is Reason.LEASE_LOST
    assert store.begin(new.id, new.token, NOW + LEASE) is None
    assert store.begin(new.id, new.token, NOW + LEASE) is Reason.LEASE_LOST
    assert store.begin("nobody", 1, NOW) is Reason.LEASE_LOST
    assert the(store, new.id).attempts == 1


@pytest.mark.parametrize("stage", [Stage.RESOLVE, Stage.CORRECT])
@pytest.mark.parametrize(
    ("outcome", "heard"),
    [
        pytest.param(SENT, True, id="told: the all-clear goes"),
        pytest.param(REJECTED, False, id="not told: the all-clear does not"),
    ],
)
def test_an_all_clear_goes_only_to_someone_told(store: Store, stage: Stage, outcome: Outcome, heard: bool) -> None:
    queue(store, a_notice())
    queue(store, a_notice("n2", stage=stage, sequence=2))
    first = begun(store)
    store.settle(first.id, first.token, outcome, NOW)
    last = claim_one(store)
    assert store.begin(last.id, last.token, NOW) is (None if heard else Reason.NOT_TOLD_BEFORE)
    if not heard:
        assert stands(store, last) == (S.SUPPRESSED, Reason.NOT_TOLD_BEFORE)


def test_whom_a_merged_incident_told_is_owed_the_all_clear_of_the_one_it_went_into(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_incident(an_incident("I1"), None)
        tx.put_incident(an_incident("I2", merged_into="I1", state=IncidentState.MERGED), None)
        tx.put_incident(an_incident("I3", merged_into="I2", state=IncidentState.MERGED), None)
    queue(store, a_notice("n3", incident="I3", sequence=5))
    first = begun(store)
    store.settle(first.id, first.token, SENT, NOW)
    with store.transaction() as tx:
        assert tx.told("I1") == tx.told("I2") == tx.told("I3") == {("sms", "+18025550100")}
    queue(store, a_notice("n1", incident="I1", stage=Stage.RESOLVE, sequence=2))
    last = claim_one(store)
    assert store.begin(last.id, last.token, NOW) is None


# ── settle ──


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        pytest.param(SENT, S.SENT, Reason.ACCEPTED, id="accepted"),
        pytest.param(REJECTED, S.FAILED, Reason.INVALID_ADDRESS, id="rejected"),
        pytest.param(RETRY, S.PENDING, Reason.SERVER_ERROR, id="to be tried again"),
        pytest.param(UNKNOWN, S.UNKNOWN, Reason.LOST_ANSWER, id="nobody knows"),
    ],
)
def test_outcomes(store: Store, outcome: Outcome, state: DeliveryState, reason: Reason) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    assert store.settle(delivery.id, delivery.token, outcome, NOW + MINUTE) is True
    after = the(store, delivery.id)
    assert (after.state, after.reason, after.provider_id) == (state, reason, outcome.provider_id)
    assert (after.settled_at is None) == (state in (S.PENDING, S.UNKNOWN))
    assert store.settle(delivery.id, delivery.token + 5, REJECTED, NOW) is False
    assert stands(store, delivery) == (state, reason)


def test_a_retry_waits_for_its_time_or_longer_each_time(store: Store) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    store.settle(delivery.id, delivery.token, replace(RETRY, retry_at=NOW + MINUTE), NOW)
    assert store.claim("sms", 1, LEASE, NOW + timedelta(seconds=59)) == ()
    at, waits = MINUTE, []
    for _ in range(3):
        delivery = begun(store, at)
        store.settle(delivery.id, delivery.token, RETRY, NOW + at)
        waits.append(the(store, delivery.id).not_before - (NOW + at))
        at += waits[-1]
    assert waits == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=40)]


def test_attempts_are_bounded_whatever_the_sender_says(store: Store) -> None:
    queue(store, a_notice())
    at = timedelta()
    for _ in range(50):
        delivery = begun(store, at)
        error = replace(RETRY, reason=Reason.SERVER_ERROR, retry_at=NOW + at)
        store.settle(delivery.id, delivery.token, error, NOW + at)
    assert stands(store, delivery) == (S.FAILED, Reason.GAVE_UP)


@pytest.mark.parametrize(("ends", "after", "not_before"), [
    pytest.param(time(14, 0), (S.PENDING, Reason.NONE), NOW + 2 * HOUR, id="put off to their end"),
    pytest.param(time(6, 0), (S.SUPPRESSED, Reason.QUIET_HOURS), NOW, id="they outlast the notice"),
])
def test_what_waited_into_quiet_hours_leaves_people_in_peace(
    store: Store, ends: time, after: tuple[DeliveryState, Reason], not_before: datetime
) -> None:
    """Planned by day, on a channel that is slow or was stopped."""
    with store.transaction() as tx:
        person = a_subscriber(quiet_hours=QuietHours(time(11, 30), ends), timezone="UTC")
        tx.put_subscriber(person)
    notice = a_notice(valid_until=NOW + 3 * HOUR)
    queue(store, notice, a_delivery(notice, address=person.address, subscriber=person.id))
    claimed = claim_one(store)
    assert store.begin(claimed.id, claimed.token, NOW) is Reason.QUIET_HOURS
    assert stands(store, claimed) == after
    assert the(store, claimed.id).not_before == not_before
    assert the(store, claimed.id).attempts == 0


def test_one_message_is_adopted_by_one_delivery(store: Store) -> None:
    """Two nodes looked for two deliveries with the same words at the same time, and both found the same message."""
    notice, other = a_notice(), a_notice("n2", incident="I260115-2")
    queue(store, notice, a_delivery(notice))
    queue(store, other, a_delivery(other))
    for delivery, _ in store.claim("sms", 2, LEASE, NOW):
        assert store.begin(delivery.id, delivery.token, NOW) is None
        store.settle(delivery.id, delivery.token, UNKNOWN, NOW)
    first, second = (delivery for delivery, _ in store.unknowns(2, LEASE, NOW))
    for delivery, kept in ((first, True), (second, False)):
        assert store.unheld(delivery.id, ("SMx",)) == (("SMx",) if kept else ())
        assert store.reconcile(
            delivery.id, delivery.token, Found("SMx"), NOW, again_at=None, resend=False) is kept
    assert {the(store, one.id).state for one in (first, second)} == {S.SENT, S.UNKNOWN}


def test_that_an_earlier_message_failed_says_nothing_of_the_one_under_way(store: Store) -> None:
    queue(store, a_notice())
    lost_one = lost(store)
    (looked, _), = store.unknowns(1, LEASE, NOW)
    assert store.reconcile(lost_one.id, looked.token, NotFound(), NOW, again_at=None, resend=True)
    again = begun(store, MINUTE)
    assert store.callback("SM-first", S.FAILED, Reason.UNREACHABLE, NOW + MINUTE, delivery=again.id) is None
    assert store.settle(again.id, again.token, SENT, NOW + MINUTE)
    assert stands(store, again) == (S.SENT, Reason.ACCEPTED)


@pytest.mark.parametrize("changes", [
    pytest.param({"reason": Reason.UNREACHABLE}, id="no connection"),
    pytest.param({"reason": Reason.RATE_LIMITED}, id="a limit"),
    pytest.param({"reason": Reason.AUTHENTICATION, "stops_channel": True}, id="an account that is barred"),
])
def test_what_says_nothing_of_a_message_never_ends_it(store: Store, changes: dict[str, Any]) -> None:
    queue(store, a_notice())
    at = timedelta()
    for _ in range(60):
        delivery = begun(store, at)
        store.settle(delivery.id, delivery.token, replace(RETRY, retry_at=NOW + at, **changes), NOW + at)
    assert stands(store, delivery) == (S.PENDING, changes["reason"])
    assert the(store, delivery.id).attempts == 0


def test_a_repeat_in_doubt_is_owed_the_all_clear_should_it_never_come_to_it(store: Store) -> None:
    """A server's error after it may have taken the post; then the incident ends before the repeat."""
    queue(store, a_notice())
    delivery = begun(store)
    doubtful = replace(RETRY, reason=Reason.SERVER_ERROR, in_doubt=True, retry_at=NOW + MINUTE)
    store.settle(delivery.id, delivery.token, doubtful, NOW)
    assert stands(store, delivery) == (S.PENDING, Reason.SERVER_ERROR)
    with store.transaction() as tx:
        tx.cancel_deliveries(incident=delivery.incident, reason=Reason.SUPERSEDED, now=NOW)
        assert tx.told(delivery.incident) == {(delivery.channel, delivery.address)}


def test_a_crash_after_sending_began_is_unknown_and_only_sent_by_the_late_holder_settles_it(store: Store) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    assert store.expired_leases(NOW + LEASE - MINUTE) == 0
    assert store.expired_leases(NOW + LEASE) == 1
    assert stands(store, delivery) == (S.UNKNOWN, Reason.CRASHED)
    for late in (RETRY, REJECTED, UNKNOWN):
        assert store.settle(delivery.id, delivery.token, late, NOW + LEASE) is False
    assert stands(store, delivery) == (S.UNKNOWN, Reason.CRASHED)
    assert store.settle(delivery.id, delivery.token, SENT, NOW + LEASE) is True
    assert the(store, delivery.id).state is S.SENT


@pytest.mark.parametrize("claimed", [False, True])
def test_a_late_sent_spares_the_repeat_that_has_not_begun(store: Store, claimed: bool) -> None:
    """The request outlived its lease and our reading: the far side took it after we had looked."""
    queue(store, a_notice())
    slow = begun(store)
    store.expired_leases(NOW + LEASE)
    store.reconcile(slow.id, the(store, slow.id).token, NotFound(), NOW + LEASE, again_at=None, resend=True)
    again = claim_one(store, LEASE) if claimed else None
    assert store.settle(slow.id, slow.token, SENT, NOW + LEASE) is True
    assert the(store, slow.id).state is S.SENT
    if again is not None:
        assert store.begin(again.id, again.token, NOW + LEASE) is Reason.LEASE_LOST
    assert store.claim("sms", 1, LEASE, NOW + LEASE) == ()


def test_a_late_sent_for_what_was_given_up_is_owed_the_all_clear(store: Store) -> None:
    queue(store, a_notice())
    slow = begun(store)
    store.expired_leases(NOW + LEASE)
    store.reconcile(slow.id, the(store, slow.id).token, NotFound(), NOW + LEASE, again_at=None, resend=False)
    with store.transaction() as tx:
        assert tx.told("I260115-1") == frozenset()
    assert store.settle(slow.id, slow.token, SENT, NOW + LEASE) is False
    assert the(store, slow.id).state is S.FAILED
    with store.transaction() as tx:
        assert tx.told("I260115-1") == {("sms", "+18025550100")}


def test_claims_lost_before_sending_are_given_back_and_after_the_third_pushed_back(store: Store) -> None:
    queue(store, a_notice())
    at, waits = timedelta(), []
    for _ in range(4):
        delivery = claim_one(store, at)
        at += LEASE
        store.expired_leases(NOW + at)
        waits.append(max(timedelta(), the(store, delivery.id).not_before - (NOW + at)))
        at += waits[-1]
    assert waits == [timedelta(), timedelta(), timedelta(seconds=5), timedelta(seconds=10)]
    assert the(store, delivery.id).attempts == 0


def test_a_cancel_during_an_attempt_lets_no_other_follow(store: Store) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    with store.transaction() as tx:
        assert tx.cancel_deliveries(incident="I260115-1", reason=Reason.WITHDRAWN, now=NOW) == 0
    assert store.settle(delivery.id, delivery.token, RETRY, NOW) is True
    assert stands(store, delivery) == (S.CANCELLED, Reason.WITHDRAWN)


def test_an_opt_out_during_an_attempt_lets_no_other_follow(store: Store) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    stop(store)
    assert store.settle(delivery.id, delivery.token, replace(RETRY, retry_at=NOW), NOW) is True
    again = claim_one(store)
    assert store.begin(again.id, again.token, NOW) is Reason.OPTED_OUT
    assert stands(store, again) == (S.SUPPRESSED, Reason.OPTED_OUT)


def test_a_cancel_of_an_unknown_still_finds_out_but_does_not_resend(store: Store) -> None:
    queue(store, a_notice())
    delivery = lost(store)
    with store.transaction() as tx:
        tx.cancel_deliveries(notice="n1", reason=Reason.WITHDRAWN, now=NOW)
        assert tx.told("I260115-1") == {("sms", "+18025550100")}
    store.reconcile(delivery.id, the(store, delivery.id).token, NotFound(), NOW, again_at=None, resend=True)
    assert stands(store, delivery) == (S.CANCELLED, Reason.WITHDRAWN)
    with store.transaction() as tx:
        assert tx.told("I260115-1") == frozenset()


def test_a_providers_word_of_an_opt_out_is_kept(store: Store) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    store.settle(delivery.id, delivery.token, replace(REJECTED, reason=Reason.OPTED_OUT), NOW)
    with store.transaction() as tx:
        assert tx.is_opted_out(AddressKind.PHONE, "+18025550100")


# ── unknown ──


def test_an_unknown_is_due_when_its_outcome_says(store: Store) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    store.settle(delivery.id, delivery.token, replace(UNKNOWN, retry_at=NOW + MINUTE), NOW)
    assert store.unknowns(10, LEASE, NOW) == ()
    ((due, message),) = store.unknowns(10, LEASE, NOW + MINUTE)
    assert (due.id, message.body, due.doubt_since) == (delivery.id, "n1 on sms", NOW)


@pytest.mark.parametrize(
    ("result", "again_at", "resend", "state", "reason", "doubt"),
    [
        pytest.param(Found("SM9"), None, False, S.SENT, Reason.ADOPTED, False, id="found: adopted"),
        pytest.param(NotFound(), None, True, S.PENDING, Reason.NONE, False, id="not found: again"),
        pytest.param(NotFound(), None, False, S.FAILED, Reason.LOST_ANSWER, False, id="not found, held: failed"),
        pytest.param(CannotTell("?"), NOW + HOUR, False, S.UNKNOWN, Reason.LOST_ANSWER, True, id="look again later"),
        pytest.param(CannotTell("?"), None, False, S.FAILED, Reason.UNSETTLED, True, id="a person has to look"),
        pytest.param(CannotTell("key"), None, True, S.PENDING, Reason.NONE, True, id="repeat under the key"),
    ],
)
def test_reconciling(
    store: Store,
    result: Found | NotFound | CannotTell,
    again_at: object,
    resend: bool,
    state: DeliveryState,
    reason: Reason,
    doubt: bool,
) -> None:
    queue(store, a_notice())
    delivery = lost(store)
    store.reconcile(delivery.id, the(store, delivery.id).token, result, NOW + MINUTE, again_at=again_at, resend=resend)  # type: ignore[arg-type]
    after = the(store, delivery.id)
    assert (after.state, after.reason, after.doubt_since is not None) == (state, reason, doubt)
    assert len(store.unknowns(10, LEASE, NOW + MINUTE)) == 0
    before = the(store, delivery.id)
    if state is not S.UNKNOWN:
        store.reconcile(delivery.id, the(store, delivery.id).token, NotFound(), NOW, again_at=None, resend=True)
        assert the(store, delivery.id) == before


def test_whoever_may_have_been_told_is_owed_the_all_clear(store: Store) -> None:
    queue(store, a_notice())
    delivery = lost(store)
    store.reconcile(delivery.id, the(store, delivery.id).token, CannotTell("?"), NOW, again_at=None, resend=False)
    with store.transaction() as tx:
        assert tx.told("I260115-1") == {("sms", "+18025550100")}
    queue(store, a_notice("n2", stage=Stage.RESOLVE, sequence=2))
    last = claim_one(store)
    assert store.begin(last.id, last.token, NOW) is None


# ── callbacks and time ──


@pytest.mark.parametrize(
    ("words", "state"),
    [
        pytest.param([S.DELIVERED], S.DELIVERED, id="sent, then delivered"),
        pytest.param([S.DELIVERED, S.DELIVERED, S.FAILED, S.SENT], S.DELIVERED, id="doubled and late ones are nothing"),
        pytest.param([S.FAILED, S.DELIVERED], S.FAILED, id="failed is final"),
        pytest.param([S.PENDING, S.CANCELLED, S.UNKNOWN], S.SENT, id="what no provider may say"),
    ],
)
def test_callbacks_move_only_as_the_table_allows(
    store: Store, words: list[DeliveryState], state: DeliveryState
) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    store.settle(delivery.id, delivery.token, SENT, NOW)
    changed = [store.callback("SM1", word, Reason.NONE, NOW) for word in words]
    assert the(store, delivery.id).state is state
    assert [word for word in changed if word] == ([] if state is S.SENT else [state])


def test_a_callback_faster_than_the_answer(store: Store) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    assert store.callback("SM1", S.SENT, Reason.ACCEPTED, NOW, delivery.id)
    assert store.settle(delivery.id, delivery.token, SENT, NOW) is True
    assert the(store, delivery.id).provider_id == "SM1"


def test_a_callback_settles_an_unknown_but_nobody_elses(store: Store) -> None:
    queue(store, a_notice())
    delivery = lost(store)
    assert not store.callback("SM1", S.DELIVERED, Reason.NONE, NOW)
    assert store.callback("SM1", S.DELIVERED, Reason.NONE, NOW, delivery.id)
    assert not store.callback("SM2", S.FAILED, Reason.NONE, NOW, delivery.id)
    assert the(store, delivery.id).state is S.DELIVERED


def test_a_callback_is_about_the_delivery_that_has_the_number(store: Store) -> None:
    """Two notices with the same words for one person: the first adopted the message that the second had made."""
    for number in (1, 2):
        queue(store, a_notice(f"n{number}", incident=f"I{number}"))
    (first, _), (second, _) = store.claim("sms", 2, LEASE, NOW)
    for delivery in (first, second):
        store.begin(delivery.id, delivery.token, NOW)
        store.settle(delivery.id, delivery.token, UNKNOWN, NOW)
    store.reconcile(first.id, the(store, first.id).token, Found("SM1"), NOW, again_at=None, resend=False)
    assert store.callback("SM1", S.DELIVERED, Reason.ACCEPTED, NOW, second.id)
    assert [the(store, delivery.id).state for delivery in (first, second)] == [S.DELIVERED, S.UNKNOWN]


@pytest.mark.parametrize(("reason", "owed"), [(Reason.LOST_ANSWER, True), (Reason.RECIPIENT_GONE, False)])
def test_who_may_have_been_told_is_owed_the_all_clear(store: Store, reason: Reason, owed: bool) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    store.settle(delivery.id, delivery.token, SENT, NOW)
    assert store.callback("SM1", S.FAILED, reason, NOW, delivery.id)
    with store.transaction() as tx:
        assert bool(tx.told("I260115-1")) is owed


def test_numbers_that_other_deliveries_have_are_not_free(store: Store) -> None:
    notice = a_notice()
    queue(store, notice, a_delivery(notice, address="+1"), a_delivery(notice, address="+2"),
          a_delivery(notice, "x", address=""))
    mine, other = begun(store), begun(store)
    (elsewhere, _), = store.claim("x", 1, LEASE, NOW)
    store.begin(elsewhere.id, elsewhere.token, NOW)
    store.settle(elsewhere.id, elsewhere.token, replace(SENT, provider_id="7"), NOW)
    store.settle(other.id, other.token, SENT, NOW)
    assert store.unheld(mine.id, ("SM1", "SM3", "SM2", "7")) == ("SM3", "SM2", "7"), "7 is another channel's 7"
    assert store.unheld(other.id, ("SM1",)) == ("SM1",), "its own"
    assert store.unheld("nobody", ("SM1",)) is None


def test_nothing_is_free_while_another_to_the_same_address_is_under_way(store: Store) -> None:
    for number in (1, 2):
        queue(store, a_notice(f"n{number}", incident=f"I{number}"))
    mine, other = begun(store), claim_one(store)
    assert store.unheld(mine.id, ("SM1",)) == ("SM1",), "the other has not begun"
    store.begin(other.id, other.token, NOW)
    assert store.unheld(mine.id, ("SM1",)) is None
    store.settle(other.id, other.token, SENT, NOW)
    assert store.unheld(mine.id, ("SM1", "SM2")) == ("SM2",)


def test_a_callback_for_what_was_never_sent_changes_nothing(store: Store) -> None:
    queue(store, a_notice())
    delivery = claim_one(store)
    assert not store.callback("SM1", S.FAILED, Reason.NONE, NOW, delivery.id)


def test_expiry_ends_only_what_is_pending(store: Store) -> None:
    notice = a_notice()
    queue(store, notice, a_delivery(notice, address="+1"), a_delivery(notice, address="+2"))
    delivery = begun(store)
    assert store.expire(NOW + HOUR - MINUTE) == 0
    assert store.expire(NOW + HOUR) == 1
    assert the(store, delivery.id).state is S.CLAIMED


def test_erasure_during_an_attempt_ends_it_and_hides_the_number(store: Store) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    with store.transaction() as tx:
        assert tx.erase(AddressKind.PHONE, "+18025550100", NOW) is True
    assert store.settle(delivery.id, delivery.token, RETRY, NOW) is True
    after = the(store, delivery.id)
    assert (after.state, after.reason) == (S.CANCELLED, Reason.ERASED)


def test_erasure_of_an_unknown_ends_it(store: Store) -> None:
    queue(store, a_notice())
    delivery = lost(store)
    with store.transaction() as tx:
        tx.erase(AddressKind.PHONE, "+18025550100", NOW)
        assert tx.told("I260115-1") == frozenset()
    assert stands(store, delivery) == (S.FAILED, Reason.ERASED)
