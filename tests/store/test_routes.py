"""The store and a delivery's route: written with the beginning, and the one thing a second attempt may not ignore."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifier.model.delivery import Delivery, DeliveryState, Outcome, OutcomeKind, Reason
from notifier.ports import CannotTell, Found, NotFound, Store

from .making import LEASE, MINUTE, NOW, a_delivery, a_notice, queue, the

S = DeliveryState
LOST = Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER)
AGAIN = Outcome(OutcomeKind.RETRY, Reason.SERVER_ERROR, retry_at=NOW)


def begun(store: Store, route: str | None, id: str = "n1/sms/+1", when: int = 0) -> Delivery:
    """Claim what is due and begin this one by `route`."""
    now = NOW + when * MINUTE
    (claimed,) = (d for d, _ in store.claim("sms", 10, LEASE, now) if d.id == id)
    assert store.begin(id, claimed.token, now, route) is None
    return claimed


def planned(store: Store, *addresses: str) -> None:
    notice = a_notice()
    queue(store, notice, *(a_delivery(notice, "sms", address) for address in addresses or ("+1",)))


def test_a_message_found_at_another_account_is_judged_and_kept_by_that_account(store: Store) -> None:
    """After a backup was put back it is not known which account was asked."""
    planned(store)
    told = begun(store, "sms-two")
    store.settle(told.id, told.token, Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id="SMx"), NOW)
    planned(store, "+2")
    lost = begun(store, None, "n1/sms/+2")
    store.settle(lost.id, lost.token, LOST, NOW)
    unknown = the(store, "n1/sms/+2")
    assert store.unheld(unknown.id, ("SMx",)) == ("SMx",), "numbers of its own account"
    assert store.unheld(unknown.id, ("SMx", "SMy"), "sms-two") == ("SMy",)
    taken = {"again_at": None, "resend": False}
    assert not store.reconcile(unknown.id, unknown.token, Found("SMx", account="sms-two"), NOW, **taken)
    assert store.reconcile(unknown.id, unknown.token, Found("SMy", account="sms-two"), NOW, **taken)
    assert (the(store, unknown.id).state, the(store, unknown.id).route) == (S.SENT, "sms-two")


def test_the_route_is_kept_with_the_beginning(store: Store) -> None:
    planned(store)
    assert the(store, "n1/sms/+1").route is None
    begun(store, "sms-two")
    kept = the(store, "n1/sms/+1")
    assert (kept.route, kept.channel, kept.began_at) == ("sms-two", "sms", NOW)


def test_one_that_names_no_route_is_asked_of_its_own_channel(store: Store) -> None:
    planned(store)
    begun(store, None)
    assert the(store, "n1/sms/+1").route == "sms"


def test_many_begin_by_the_route_of_their_sender(store: Store) -> None:
    planned(store, "+1", "+2")
    claimed = [(d.id, d.token) for d, _ in store.claim("sms", 10, LEASE, NOW)]
    assert store.hand_over([], claimed, NOW, "sms-two") == ((), (None, None))
    assert [the(store, id).route for id, _ in claimed] == ["sms-two"] * 2


def test_what_was_certainly_not_taken_may_go_the_other_way(store: Store) -> None:
    planned(store)
    first = begun(store, "sms")
    assert store.settle(first.id, first.token, AGAIN, NOW)
    assert the(store, first.id).route == "sms", "until another attempt begins"
    begun(store, "sms-two")
    assert the(store, first.id).route == "sms-two"


def test_a_crash_and_a_lost_answer_keep_the_route_that_was_asked(store: Store) -> None:
    planned(store, "+1", "+2")
    claimed = {d.id: d for d, _ in store.claim("sms", 10, LEASE, NOW)}
    for id, one in claimed.items():
        assert store.begin(id, one.token, NOW, "sms-two") is None
    assert store.settle("n1/sms/+1", claimed["n1/sms/+1"].token, LOST, NOW)
    assert store.expired_leases(NOW + LEASE) == 1
    due = store.unknowns(10, LEASE, NOW + LEASE)
    assert {(d.id, d.state, d.route) for d, _ in due} == {(id, S.UNKNOWN, "sms-two") for id in claimed}


@pytest.mark.parametrize("route", ["sms", "sms-two"])
def test_what_may_have_been_taken_is_refused_to_the_other_route(store: Store, route: str) -> None:
    """A key makes a repeat harmless where it is known, and nowhere else: the gate holds whoever claims."""
    planned(store)
    first = begun(store, "sms")
    assert store.settle(first.id, first.token, LOST, NOW)
    (unknown, _), = store.unknowns(10, LEASE, NOW)
    again = {"again_at": None, "resend": True}
    assert store.reconcile(unknown.id, unknown.token, CannotTell("?"), NOW, **again)  # type: ignore[arg-type]
    (claimed, _), = store.claim("sms", 10, LEASE, NOW)
    refused = store.begin(claimed.id, claimed.token, NOW, route)
    kept = the(store, claimed.id)
    if route == "sms":
        assert (refused, kept.state) == (None, S.CLAIMED)
    else:
        assert (refused, kept.state, kept.route) == (Reason.LOST_ANSWER, S.PENDING, "sms")
        assert kept.doubt_since == NOW, "and the doubt stays"
        (claimed, _), = store.claim("sms", 10, LEASE, NOW)
        assert store.begin(claimed.id, claimed.token, NOW, "sms") is None


def test_what_the_far_side_does_not_have_may_go_the_other_way(store: Store) -> None:
    planned(store)
    first = begun(store, "sms")
    assert store.settle(first.id, first.token, LOST, NOW)
    (unknown, _), = store.unknowns(10, LEASE, NOW)
    assert store.reconcile(unknown.id, unknown.token, NotFound(), NOW, again_at=None, resend=True)
    begun(store, "sms-two")


# ── words of either provider ──


@pytest.mark.parametrize("lost", [True, False], ids=["its answer was lost", "it has no answer yet"])
@pytest.mark.parametrize(
    ("speaker", "state", "after"),
    [
        pytest.param("sms-two", S.FAILED, S.FAILED, id="who was asked says it failed"),
        pytest.param("sms-two", S.DELIVERED, S.DELIVERED, id="who was asked says it arrived"),
        pytest.param("sms", S.FAILED, None, id="who was asked before says that attempt failed"),
        pytest.param("sms", S.DELIVERED, S.DELIVERED, id="who was asked before has brought it after all"),
        pytest.param(None, S.FAILED, S.FAILED, id="nobody says who speaks"),
    ],
)
def test_a_word_before_the_answer(
    store: Store, lost: bool, speaker: str | None, state: DeliveryState, after: DeliveryState | None
) -> None:
    planned(store)
    first = begun(store, "sms")
    assert store.settle(first.id, first.token, AGAIN, NOW)
    second = begun(store, "sms-two")
    if lost:
        assert store.settle(second.id, second.token, LOST, NOW)
    changed = store.callback("SM1", state, Reason.NONE, NOW, delivery=first.id, route=speaker)
    assert (changed, the(store, first.id).state) == (after, after or (S.UNKNOWN if lost else S.CLAIMED))


def test_a_number_of_one_account_is_not_the_others(store: Store) -> None:
    """Two accounts may give two messages the same number: each means its own."""
    planned(store, "+1", "+2")
    claimed = {d.id: d for d, _ in store.claim("sms", 10, LEASE, NOW)}
    one, two = claimed["n1/sms/+1"], claimed["n1/sms/+2"]
    assert store.begin(one.id, one.token, NOW, "sms") is None
    assert store.settle(one.id, one.token, Outcome(OutcomeKind.SENT, Reason.ACCEPTED, "SM1"), NOW)
    assert store.begin(two.id, two.token, NOW, "sms-two") is None
    assert store.settle(two.id, two.token, LOST, NOW)
    assert store.unheld(two.id, ["SM1"]) == ("SM1",)
    (unknown, _), = store.unknowns(10, LEASE, NOW)
    assert store.reconcile(unknown.id, unknown.token, Found("SM1"), NOW, again_at=None, resend=False)
    assert store.callback("SM1", S.DELIVERED, Reason.ACCEPTED, NOW, delivery=two.id, route="sms-two")
    assert (the(store, one.id).state, the(store, two.id).state) == (S.SENT, S.DELIVERED)


def test_a_delivery_comes_back_with_its_route(store: Store) -> None:
    notice = a_notice()
    whole = replace(a_delivery(notice, "sms", "+1"), route="sms-two")
    queue(store, notice, whole)
    assert the(store, whole.id) == whole
