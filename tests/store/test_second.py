"""The store's contract for second attempts: when a message that was given up is followed by another, and what the
words about earlier messages still mean then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.model.delivery import Delivery, DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.incident import IncidentState
from notifier.model.notice import NoticeState, Stage
from notifier.model.people import AddressKind
from notifier.ports import CannotTell, Found, NotFound, Store

from .making import HOUR, LEASE, MINUTE, NOW, a_delivery, a_notice, an_incident, queue, the

S = DeliveryState
TO = "+18025550100"
INCIDENT = "I260115-1"
AGAIN = (NOW + 2 * MINUTE, NOW + 7 * MINUTE)
LOST = Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER)


def sent(number: str) -> Outcome:
    return Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id=number)


def begun(store: Store, at: timedelta = timedelta()) -> Delivery:
    ((delivery, _),) = store.claim("sms", 1, LEASE, NOW + at)
    assert store.begin(delivery.id, delivery.token, NOW + at) is None
    return delivery


def accepted(store: Store, number: str = "SM1", at: timedelta = timedelta()) -> Delivery:
    delivery = begun(store, at)
    assert store.settle(delivery.id, delivery.token, sent(number), NOW + at)
    return delivery


def off(store: Store, delivery: Delivery, number: str = "SM1", reason: Reason = Reason.UNREACHABLE,
        at: timedelta = timedelta()) -> DeliveryState | None:
    """The carrier gave this message up."""
    return store.callback(number, S.FAILED, reason, NOW + at, delivery.id, again=AGAIN)


def told(store: Store) -> bool:
    with store.transaction() as tx:
        return ("sms", TO) in tx.told(INCIDENT)


@pytest.fixture
def waiting(store: Store) -> Delivery:
    """A delivery whose second attempt is queued for two minutes past noon."""
    queue(store, a_notice())
    delivery = accepted(store)
    assert off(store, delivery) is S.PENDING
    return delivery


def test_a_message_given_up_is_followed_by_another_when_its_time_has_come(store: Store, waiting: Delivery) -> None:
    row = the(store, waiting.id)
    assert (row.state, row.reason, row.provider_id, row.not_before) == (S.PENDING, Reason.UNREACHABLE, None, AGAIN[0])
    assert row.settled_at is None
    assert not told(store), "nobody heard a message that was given up"
    assert store.claim("sms", 1, LEASE, NOW + MINUTE) == ()
    assert accepted(store, "SM2", 2 * MINUTE).id == waiting.id
    assert (the(store, waiting.id).state, the(store, waiting.id).provider_id) == (S.SENT, "SM2")
    assert told(store)


def test_there_are_as_many_as_there_are_times(store: Store, waiting: Delivery) -> None:
    accepted(store, "SM2", 2 * MINUTE)
    assert off(store, waiting, "SM2", at=3 * MINUTE) is S.PENDING
    assert the(store, waiting.id).not_before == AGAIN[1]
    accepted(store, "SM3", 7 * MINUTE)
    assert off(store, waiting, "SM3", at=8 * MINUTE) is S.FAILED
    assert (the(store, waiting.id).state, the(store, waiting.id).reason) == (S.FAILED, Reason.UNREACHABLE)


def test_without_times_failed_is_final(store: Store) -> None:
    queue(store, a_notice())
    delivery = accepted(store)
    assert store.callback("SM1", S.FAILED, Reason.UNREACHABLE, NOW, delivery.id) is S.FAILED


@pytest.mark.parametrize("valid_for", [
    pytest.param(2 * MINUTE, id="it would be over as the message leaves"),
    pytest.param(2.9 * MINUTE, id="it would hardly outlive it"),
])
def test_no_second_attempt_for_a_notice_that_ends(store: Store, valid_for: timedelta) -> None:
    queue(store, a_notice(valid_until=NOW + valid_for))
    delivery = accepted(store)
    assert off(store, delivery) is S.FAILED


@pytest.mark.parametrize("state", [NoticeState.SUPERSEDED, NoticeState.CANCELLED, NoticeState.EXPIRED])
def test_no_second_attempt_for_a_notice_that_was_put_aside(store: Store, state: NoticeState) -> None:
    queue(store, a_notice())
    delivery = accepted(store)
    with store.transaction() as tx:
        tx.put_notice(a_notice(state=state))
    assert off(store, delivery) is S.FAILED


def test_while_it_waits_its_channel_is_not_stuck(store: Store, waiting: Delivery) -> None:
    """An alarm rests on the oldest that is due: one that waits for its time is not."""
    with store.transaction() as tx:
        assert "outbox_oldest.sms" not in tx.gauges(NOW + MINUTE)
        assert tx.gauges(NOW + HOUR)["outbox_oldest.sms"] == AGAIN[0].timestamp()


# ── cancels ──


def cancel(store: Store, **which: object) -> None:
    with store.transaction() as tx:
        tx.cancel_deliveries(reason=Reason.WITHDRAWN, now=NOW, **which)  # type: ignore[arg-type]


def test_a_cancel_ends_a_second_attempt_that_waits(store: Store, waiting: Delivery) -> None:
    cancel(store, incident=INCIDENT)
    assert (the(store, waiting.id).state, the(store, waiting.id).reason) == (S.CANCELLED, Reason.WITHDRAWN)


@pytest.mark.parametrize(("which", "state"), [
    pytest.param({"incident": INCIDENT}, S.FAILED, id="the whole incident"),
    pytest.param({"notice": "n1"}, S.FAILED, id="this notice"),
    pytest.param({"incident": INCIDENT, "stages": ("acknowledge",)}, S.FAILED, id="this stage"),
    pytest.param({"incident": INCIDENT, "stages": ("resolve",)}, S.PENDING, id="another stage"),
    pytest.param({"incident": "I260115-2"}, S.PENDING, id="another incident"),
    pytest.param({"notice": "n2"}, S.PENDING, id="another notice"),
])
def test_a_cancel_holds_for_what_was_sent_before_it(
    store: Store, which: dict[str, object], state: DeliveryState
) -> None:
    queue(store, a_notice())
    delivery = accepted(store)
    cancel(store, **which)
    assert off(store, delivery) is state


def test_a_cancel_says_nothing_of_what_is_queued_after_it(store: Store) -> None:
    cancel(store, incident=INCIDENT)
    queue(store, a_notice())
    assert off(store, accepted(store)) is S.PENDING


def test_a_cancel_that_the_word_did_not_see_stops_the_message_at_the_gate(store: Store, waiting: Delivery) -> None:
    """Between several nodes: the cancel found the delivery sent, and the word committed after it."""
    (claimed, _), = store.claim("sms", 1, LEASE, NOW + 2 * MINUTE)
    with store._engine.step("transaction") as db:  # type: ignore[attr-defined] # a cancel as the other node's saw it
        db.run("second.note_cancel", {"incident": INCIDENT, "notice": None, "channel": None, "stages": None,
                                      "reason": Reason.WITHDRAWN, "now": 0})
    assert store.begin(claimed.id, claimed.token, NOW + 2 * MINUTE) is Reason.WITHDRAWN
    assert the(store, waiting.id).state is S.CANCELLED


def test_the_kill_switch_holds_it_and_an_opt_out_ends_it(store: Store, waiting: Delivery) -> None:
    with store.transaction() as tx:
        tx.set_switch("kill", "on", "ann", NOW)
    assert store.claim("sms", 1, LEASE, NOW + 3 * MINUTE) == ()
    with store.transaction() as tx:
        tx.opt_out(AddressKind.PHONE, TO, NOW, "STOP")
    assert (the(store, waiting.id).state, the(store, waiting.id).reason) == (S.SUPPRESSED, Reason.OPTED_OUT)


# ── order: the later notice overtakes ──


def later(store: Store, **changes: object) -> None:
    """A later notice to the same person."""
    queue(store, a_notice("n2", stage=Stage.UPDATE, sequence=2, created_at=NOW + MINUTE, **changes))


def test_a_later_notice_does_not_wait_for_a_second_attempt_and_ends_it(store: Store, waiting: Delivery) -> None:
    """Whose phone was off hears the newest word when it is on again, not first the old one."""
    later(store)
    assert begun(store, MINUTE).notice == "n2"
    (claimed, _), = store.claim("sms", 1, LEASE, NOW + 2 * MINUTE)
    assert claimed.id == waiting.id
    assert store.begin(claimed.id, claimed.token, NOW + 2 * MINUTE) is Reason.SUPERSEDED
    assert (the(store, waiting.id).state, the(store, waiting.id).reason) == (S.CANCELLED, Reason.SUPERSEDED)


def test_a_later_notice_waits_for_a_second_attempt_that_has_begun(store: Store, waiting: Delivery) -> None:
    begun(store, 2 * MINUTE)
    later(store)
    assert store.claim("sms", 1, LEASE, NOW + 2 * MINUTE) == ()


def test_no_second_attempt_once_a_later_notice_goes_to_the_same_person(store: Store) -> None:
    queue(store, a_notice())
    delivery = accepted(store)
    later(store)
    assert off(store, delivery) is S.FAILED


def test_a_later_notice_that_goes_to_nobody_overtakes_nothing(store: Store) -> None:
    queue(store, a_notice())
    delivery = accepted(store)
    later(store)
    cancel(store, notice="n2")
    assert off(store, delivery) is S.PENDING


def test_a_notice_of_the_incident_it_was_merged_into_overtakes_it(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_incident(an_incident(), None)
        tx.put_incident(an_incident("I260115-2"), None)
    queue(store, a_notice())
    delivery = accepted(store)
    with store.transaction() as tx:
        tx.put_incident(an_incident(state=IncidentState.MERGED, merged_into="I260115-2", version=2), None)
    later(store, incident="I260115-2")
    assert off(store, delivery) is S.FAILED


def test_the_all_clear_goes_to_nobody_whose_only_message_was_given_up(store: Store) -> None:
    queue(store, a_notice())
    delivery = accepted(store)
    queue(store, a_notice("n2", stage=Stage.RESOLVE, sequence=2, created_at=NOW + MINUTE))
    assert off(store, delivery) is S.FAILED, "the all-clear overtakes it"
    (claimed, _), = store.claim("sms", 1, LEASE, NOW + MINUTE)
    assert store.begin(claimed.id, claimed.token, NOW + MINUTE) is Reason.NOT_TOLD_BEFORE


# ── in doubt ──


@pytest.mark.parametrize("end", ["cancelled", "failed", "expired", "sent"])
def test_who_may_have_had_an_earlier_message_stays_told_whatever_becomes_of_the_next(store: Store, end: str) -> None:
    """The carrier could not say whether the first arrived, and policy had another sent."""
    queue(store, a_notice())
    delivery = accepted(store)
    assert off(store, delivery, reason=Reason.LOST_ANSWER) is S.PENDING
    assert the(store, delivery.id).doubt_since is None, "the next message itself is in no doubt, and may be sent"
    assert told(store)
    if end == "cancelled":
        cancel(store, incident=INCIDENT)
    elif end == "expired":
        store.expire(NOW + 2 * HOUR)
    else:
        accepted(store, "SM2", 2 * MINUTE)
        if end == "failed":
            store.callback("SM2", S.FAILED, Reason.RECIPIENT_GONE, NOW, delivery.id)
    assert the(store, delivery.id).state == end
    assert told(store)


# ── words about the messages before ──


@pytest.mark.parametrize("word", [
    (S.FAILED, Reason.UNREACHABLE), (S.FAILED, Reason.LOST_ANSWER), (S.SENT, Reason.ACCEPTED)])
def test_what_is_said_again_of_an_earlier_message_changes_nothing(
    store: Store, waiting: Delivery, word: tuple[DeliveryState, Reason]
) -> None:
    for step in ("waiting", "begun", "sent"):
        if step == "begun":
            attempt = begun(store, 2 * MINUTE)
        elif step == "sent":
            store.settle(attempt.id, attempt.token, sent("SM2"), NOW)
        before = the(store, waiting.id)
        assert store.callback("SM1", *word, NOW, waiting.id, again=AGAIN) is None, step
        assert the(store, waiting.id) == before


def test_a_late_delivered_of_an_earlier_message_spares_the_next(store: Store, waiting: Delivery) -> None:
    assert store.callback("SM1", S.DELIVERED, Reason.ACCEPTED, NOW, waiting.id) is S.DELIVERED
    assert store.claim("sms", 1, LEASE, NOW + 5 * MINUTE) == ()
    assert told(store)


def test_and_spares_it_even_claimed(store: Store, waiting: Delivery) -> None:
    (claimed, _), = store.claim("sms", 1, LEASE, NOW + 2 * MINUTE)
    assert store.callback("SM1", S.DELIVERED, Reason.ACCEPTED, NOW, waiting.id) is S.DELIVERED
    assert store.begin(claimed.id, claimed.token, NOW + 2 * MINUTE) is Reason.LEASE_LOST


@pytest.mark.parametrize("answer", [sent("SM2"), LOST])
def test_once_the_next_has_begun_a_late_delivered_is_true_all_the_same(
    store: Store, waiting: Delivery, answer: Outcome
) -> None:
    attempt = begun(store, 2 * MINUTE)
    assert store.callback("SM1", S.DELIVERED, Reason.ACCEPTED, NOW, waiting.id) is S.DELIVERED
    store.settle(attempt.id, attempt.token, answer, NOW)
    assert the(store, waiting.id).state is S.DELIVERED
    assert the(store, waiting.id).provider_id == answer.provider_id, "the number of the newest is kept"
    assert store.callback("SM2", S.FAILED, Reason.UNREACHABLE, NOW, waiting.id, again=AGAIN) is None


@pytest.mark.parametrize("number", ["SM1", "SM2"])
def test_a_delivered_after_the_end_is_owed_the_all_clear(store: Store, waiting: Delivery, number: str) -> None:
    accepted(store, "SM2", 2 * MINUTE)
    store.callback("SM2", S.FAILED, Reason.RECIPIENT_GONE, NOW, waiting.id)
    assert not told(store)
    assert store.callback(number, S.DELIVERED, Reason.ACCEPTED, NOW, waiting.id) is None, "the end stands"
    assert the(store, waiting.id).state is S.FAILED
    assert told(store)


def test_a_word_that_names_no_delivery_finds_it_by_an_earlier_number(store: Store, waiting: Delivery) -> None:
    assert store.callback("SM1", S.DELIVERED, Reason.ACCEPTED, NOW) is S.DELIVERED


# ── answers that are late or lost ──


def test_a_word_faster_than_the_answer(store: Store) -> None:
    """The failed message's answer comes when the next is queued already: it spares nothing."""
    queue(store, a_notice())
    delivery = begun(store)
    assert off(store, delivery) is S.PENDING
    assert not store.settle(delivery.id, delivery.token, sent("SM1"), NOW)
    assert the(store, delivery.id).state is S.PENDING
    assert accepted(store, "SM2", 2 * MINUTE).id == delivery.id


def test_an_answer_of_another_message_than_the_failed_one_spares_the_next(store: Store) -> None:
    """An attempt whose answer was lost had made one message, the attempt under way makes another: the first's failure
    ends the wait for neither."""
    queue(store, a_notice())
    delivery = begun(store)
    assert off(store, delivery, "SM0") is S.PENDING
    assert store.settle(delivery.id, delivery.token, sent("SM1"), NOW)
    assert (the(store, delivery.id).state, the(store, delivery.id).provider_id) == (S.SENT, "SM1")


def test_a_failed_message_settles_a_lost_answer_and_is_followed(store: Store) -> None:
    queue(store, a_notice())
    delivery = begun(store)
    store.settle(delivery.id, delivery.token, LOST, NOW)
    looked_for = the(store, delivery.id)
    assert off(store, delivery) is S.PENDING
    assert not store.reconcile(delivery.id, looked_for.token, Found("SM1"), NOW, again_at=None, resend=False)
    assert the(store, delivery.id).state is S.PENDING


def test_the_failure_of_a_message_that_was_not_listed_is_not_that_of_the_next_whose_answer_was_lost(
    store: Store
) -> None:
    """Lost, looked for and not found, made again, lost again; then the carrier tells that the first has failed."""
    queue(store, a_notice())
    first = begun(store)
    store.settle(first.id, first.token, LOST, NOW)
    looked_for = the(store, first.id)
    assert store.reconcile(first.id, looked_for.token, NotFound(), NOW, again_at=None, resend=True)
    second = begun(store, MINUTE)
    store.settle(second.id, second.token, LOST, NOW + MINUTE)
    assert off(store, second, "SM1", at=MINUTE) is None, "a third message might be one too many"
    assert the(store, second.id).state is S.UNKNOWN
    assert store.unheld(second.id, ("SM1", "SM2")) == ("SM2",), "nor is the failed one taken for it"


def test_an_earlier_message_is_never_taken_for_the_newest(store: Store, waiting: Delivery) -> None:
    attempt = begun(store, 2 * MINUTE)
    store.settle(attempt.id, attempt.token, LOST, NOW + 2 * MINUTE)
    assert store.unheld(waiting.id, ("SM2", "SM1")) == ("SM2",)
    row = the(store, waiting.id)
    assert row.doubt_since == NOW + 2 * MINUTE, "how long the list may lag counts from this attempt"
    store.reconcile(row.id, row.token, NotFound(), NOW, again_at=None, resend=True)
    assert accepted(store, "SM3", 3 * MINUTE).id == waiting.id


def test_an_earlier_message_of_another_delivery_is_not_free_either(store: Store, waiting: Delivery) -> None:
    queue(store, a_notice("n9", incident="I260115-9"))
    twin = begun(store)
    store.settle(twin.id, twin.token, LOST, NOW)
    assert store.unheld(twin.id, ("SM1", "SM9")) == ("SM9",)


def test_a_lost_answer_of_the_next_ends_as_any_other(store: Store, waiting: Delivery) -> None:
    attempt = begun(store, 2 * MINUTE)
    store.settle(attempt.id, attempt.token, LOST, NOW)
    row = the(store, waiting.id)
    store.reconcile(row.id, row.token, CannotTell("?"), NOW, again_at=None, resend=False)
    assert (the(store, waiting.id).state, the(store, waiting.id).reason) == (S.FAILED, Reason.UNSETTLED)


# ── erasure ──


def test_erasure_takes_the_earlier_numbers_too(store: Store, waiting: Delivery) -> None:
    with store.transaction() as tx:
        assert tx.erase(AddressKind.PHONE, TO, NOW)
    with store._engine.step("reading") as db:  # type: ignore[attr-defined] # nothing of it may be anywhere
        assert db.rows("second.holders", {"provider_id": "SM1"}) == []
    assert (the(store, waiting.id).state, the(store, waiting.id).provider_id) == (S.SUPPRESSED, None)


def test_nobody_erased_is_sent_to_again_and_no_number_comes_back(store: Store) -> None:
    queue(store, a_notice())
    delivery = accepted(store)
    with store.transaction() as tx:
        tx.erase(AddressKind.PHONE, TO, NOW)
    assert off(store, delivery) is S.FAILED
    assert the(store, delivery.id).provider_id is None


def test_priority_and_words_of_the_next_are_those_of_the_first(store: Store, waiting: Delivery) -> None:
    queue(store, a_notice("n3", incident="I260115-3"), replace(
        a_delivery(a_notice("n3", incident="I260115-3")), priority=200))
    ((first, message), _) = store.claim("sms", 2, LEASE, NOW + 2 * MINUTE)
    assert (first.id, message.body) == (waiting.id, "n1 on sms")
