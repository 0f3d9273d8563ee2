"""The store's contract but for the send path: what is put in comes out, whole, ordered and only once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from notifier.model.canary import Canary, CanaryState, Fate
from notifier.model.delivery import DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.incident import IncidentState, Move
from notifier.model.notice import Approval, NoticeState, Stage
from notifier.model.people import AddressKind, Cohort, QuietHours
from notifier.model.signal import Freshness, Level, SignalClass
from notifier.model.staff import Verb
from notifier.model.track import TrackRecord, Verdict
from notifier.model.workaround import Workaround
from notifier.ports import SourceState, StaleWrite, Store, StoreUnavailable
from notifier.store import outbox
from tests.parts.waiting import until

from .making import HOUR, MINUTE, NOW, a_delivery, a_notice, a_signal, a_subscriber, an_incident, queue


def test_a_transaction_that_raises_keeps_nothing(store: Store) -> None:
    def spoilt() -> None:
        with store.transaction() as tx:
            tx.put_signals([a_signal()])
            raise KeyError("a mistake")

    with pytest.raises(KeyError):
        spoilt()
    with store.transaction() as tx:
        assert tx.open_signals(NOW) == ()


def test_transactions_do_not_nest(store: Store) -> None:
    with store.transaction() as tx:
        with pytest.raises(RuntimeError, match="do not nest"), store.transaction():
            pass
        tx.set_switch("still", "usable", "ann", NOW)
    with store.transaction() as tx:
        assert tx.switch("still") == "usable"


def test_reading_sees_what_was_kept(store: Store) -> None:
    with store.transaction() as tx:
        tx.set_switch("stop:x", "on", "ann", NOW)
    with store.reading() as tx:
        assert tx.switch("stop:x") == "on"


def test_nothing_can_be_written_by_who_only_reads(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match=r"read.?only"), store.reading() as tx:
        tx.set_switch("kill", "on", "ann", NOW)
    with store.transaction() as tx:
        assert tx.switch("kill") is None
        tx.set_switch("kill", "on", "ann", NOW)
    with store.reading() as tx:
        assert tx.switch("kill") == "on"


def test_an_audience_may_be_read_within_a_transaction(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_subscriber(a_subscriber())
    with store.transaction() as tx:
        assert len(list(store.audience_numbers(["US-VT"], "mobile"))) == 1
        tx.set_switch("kill", "on", "ann", NOW)


def test_senders_are_called_once_deliveries_can_be_found(store: Store) -> None:
    seen: list[int] = []
    store.on_outbox(lambda: seen.append(len(store.claim("sms", 9, MINUTE, NOW))))
    notice = a_notice()
    assert store.leads()
    leading = store.leading()
    with leading.transaction() as tx:
        tx.put_notice(notice)
    with suppress(KeyError), store.transaction() as tx:
        tx.add_deliveries([a_delivery(notice)])
        raise KeyError("undone")
    assert sum(seen) == 0, "nothing was added"
    with leading.transaction() as tx:
        tx.add_deliveries([a_delivery(notice)])
    until(lambda: sum(seen) == 1, "who is called finds it committed", within=10)


def test_who_leads_keeps_what_it_decides_where_everyone_finds_it(store: Store) -> None:
    assert store.leads()
    with store.leading().transaction() as tx:
        tx.put_signals([a_signal()])
    with store.transaction() as tx:
        assert len(tx.open_signals(NOW)) == 1
    assert store.leads()


# ── signals ──


def test_a_signal_comes_back_whole(store: Store) -> None:
    signal = a_signal(score=0.25, lasts_until=NOW + HOUR, facts={"restored": "15:30", "Größe": "ü"})
    with store.transaction() as tx:
        tx.put_signals([signal])
        assert tx.open_signals(NOW) == (signal,)


def test_the_same_trouble_told_again_keeps_its_first_times(store: Store) -> None:
    later = a_signal(level=Level.CRITICAL, observed_at=NOW + MINUTE, started_at=NOW, why="worse")
    with store.transaction() as tx:
        tx.put_signals([a_signal(), later])
        (kept,) = tx.open_signals(NOW + MINUTE)
    assert kept == replace(later, observed_at=NOW, started_at=NOW - MINUTE)


def test_trouble_that_comes_back_after_ok_is_new(store: Store) -> None:
    ok = a_signal(level=Level.OK, observed_at=NOW + MINUTE)
    again = a_signal(observed_at=NOW + 2 * MINUTE, started_at=NOW + 2 * MINUTE)
    with store.transaction() as tx:
        tx.put_signals([a_signal(), ok])
        assert tx.open_signals(NOW + MINUTE) == ()
        (over,) = tx.ended_signals(NOW, NOW + MINUTE)
        assert (over.level, over.observed_at, over.key) == (Level.OK, NOW + MINUTE, a_signal().key)
        tx.put_signals([again])
        assert tx.open_signals(NOW + 2 * MINUTE) == (again,)
        assert tx.ended_signals(NOW, NOW + 2 * MINUTE) == ()


def test_a_signal_that_ran_out_is_over_when_it_ran_out_and_stays_so_after_housekeeping(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_signals([a_signal(lasts_until=NOW + MINUTE)])
    for _ in range(2):
        with store.transaction() as tx:
            assert tx.open_signals(NOW + MINUTE) == ()
            assert [s.observed_at for s in tx.ended_signals(NOW, NOW + HOUR)] == [NOW + MINUTE]
            assert tx.ended_signals(NOW + 2 * MINUTE, NOW + HOUR) == ()
        store.expire(NOW + HOUR)


def test_ok_for_what_was_never_open_ends_nothing(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_signals([a_signal(level=Level.OK)])
        assert tx.ended_signals(NOW - HOUR, NOW + HOUR) == ()


def test_source_states_are_replaced(store: Store) -> None:
    state = SourceState("github", Freshness.FRESH, "fine", NOW, NOW, 0, {"etag": 'W/"1"'})
    with store.transaction() as tx:
        assert tx.source_state("github") is None
        tx.put_source_state(replace(state, failures=3))
        tx.put_source_state(state)
        assert tx.source_state("github") == state
        assert tx.source_states() == (state,)


def test_silent_sources_are_those_whose_silence_means_nothing(store: Store) -> None:
    with store.transaction() as tx:
        for freshness in Freshness:
            tx.put_source_state(SourceState(str(freshness), freshness))
        assert tx.silent_sources() == {"stale", "suspect", "failing"}


def test_track_records_are_replaced_incident_by_incident_and_read_since_a_moment(store: Store) -> None:
    old = TrackRecord("page", "I1", "data", ("US-VT",), Verdict.FOLLOWED, NOW, HOUR, None)
    new = TrackRecord("probe", "I2", "data", ("US",), Verdict.SILENT, NOW + HOUR)
    with store.transaction() as tx:
        tx.put_track_records("I1", [old, replace(old, source="gone")])
        tx.put_track_records("I1", [old])
        tx.put_track_records("I2", [new])
        assert tx.track_records(NOW - HOUR) == (old, new)
        assert tx.track_records(NOW + MINUTE) == (new,)


# ── incidents ──


def test_an_incident_is_updated_only_from_the_version_it_was_read_at(store: Store) -> None:
    first = an_incident(facts={"a": "b"}, calm_since=NOW, opened_by="ann")
    opened = Move(first.id, NOW, None, IncidentState.SUSPECTED, "five people said so")
    second = replace(first, state=IncidentState.CONFIRMED, version=2)
    confirmed = Move(first.id, NOW, IncidentState.SUSPECTED, IncidentState.CONFIRMED, "official word", "ann")
    with store.transaction() as tx:
        tx.put_incident(first, opened)
        tx.put_incident(second, confirmed)
        assert tx.incident(first.id) == second
        assert tx.moves(first.id) == (opened, confirmed)
    for stale in (second, first, replace(second, version=9)):
        with pytest.raises(StaleWrite), store.transaction() as tx:
            tx.put_incident(stale, confirmed)
    with store.transaction() as tx:
        assert tx.moves(first.id) == (opened, confirmed)


def test_incidents_since_are_the_open_ones_and_those_that_moved_since(store: Store) -> None:
    old = an_incident("I1", opened_at=NOW - 3 * HOUR)
    closed = an_incident("I2", opened_at=NOW - 2 * HOUR, state=IncidentState.RESOLVED)
    with store.transaction() as tx:
        tx.put_incident(closed, Move("I2", NOW - HOUR, None, IncidentState.RESOLVED, ""))
        tx.put_incident(old, None)
        assert [i.id for i in tx.incidents()] == ["I1", "I2"]
        assert [i.id for i in tx.incidents(open_only=True)] == ["I1"]
        assert [i.id for i in tx.incidents(since=NOW - HOUR)] == ["I1", "I2"]
        assert [i.id for i in tx.incidents(since=NOW)] == ["I1"]


def test_incident_numbers_are_never_handed_out_twice(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.next_incident_id(NOW) == "I260115-1"
    with store.transaction() as tx:
        assert tx.next_incident_id(NOW) == "I260115-2"
        assert tx.next_incident_id(NOW + timedelta(days=1)) == "I260116-1"


def test_evidence_keeps_first_times_and_strongest_score(store: Store) -> None:
    weak = a_signal(klass=SignalClass.CROWD, score=0.4, why="4 people")
    strong = replace(weak, score=0.9, why="40 people", observed_at=NOW + MINUTE, started_at=NOW)
    over = replace(weak, level=Level.OK, score=0.1, why="calm", observed_at=NOW + HOUR, facts={"ended": "yes"})
    with store.transaction() as tx:
        for told in (weak, strong, over):
            tx.link_evidence("I1", [told])
        (kept,) = tx.evidence_of("I1")
        assert tx.evidence_of("I2") == ()
    assert (kept.score, kept.why, kept.level) == (0.9, "40 people", Level.MAJOR)
    assert (kept.observed_at, kept.started_at) == (NOW, NOW - MINUTE)


# ── notices, workarounds, staff ──


def test_notices_come_back_whole_and_in_order(store: Store) -> None:
    second = a_notice("n2", sequence=2, state=NoticeState.WAITING, release_by=NOW + MINUTE, facts={"k": "v"})
    with store.transaction() as tx:
        tx.put_notice(second)
        tx.put_notice(a_notice())
        tx.put_notice(a_notice("m", incident="M-window", stage=Stage.MAINTENANCE))
        assert tx.notice("n2") == second
        assert tx.notice("n2").digest == second.digest  # type: ignore[union-attr]
        assert [n.id for n in tx.notices(incident="I260115-1")] == ["n1", "n2"]
        assert [n.id for n in tx.notices(state=NoticeState.WAITING)] == ["n2"]
        tx.put_notice(replace(second, state=NoticeState.REFUSED))
        assert tx.notices(state=NoticeState.WAITING) == ()


def test_a_persons_second_yes_replaces_the_first(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_notice(a_notice())
        tx.put_approval(Approval("n1", "ann", "old", NOW))
        tx.put_approval(Approval("n1", "bob", "new", NOW + MINUTE))
        tx.put_approval(Approval("n1", "ann", "new", NOW + 2 * MINUTE))
        assert [(a.actor, a.digest) for a in tx.approvals("n1")] == [("bob", "new"), ("ann", "new")]


def test_workarounds_by_service_and_incident(store: Store) -> None:
    known = Workaround("w1", "mobile", {"en": "Switch off 3G."}, "catalogue", regions=("US",), verified_at=NOW)
    found = Workaround("w2", "mobile", {"en": "Wave it about."}, "mentions", incident="I1")
    with store.transaction() as tx:
        tx.put_workaround(replace(known, evidence="old"))
        tx.put_workaround(known)
        tx.put_workaround(found)
        assert tx.workarounds(service="mobile") == (known, found)
        assert tx.workarounds(incident="I1") == (found,)
        assert tx.workarounds(service="power") == ()


def test_a_request_is_answered_once(store: Store) -> None:
    with store.transaction() as tx:
        number = tx.put_request(Verb.APPROVE, "ann", {"notice": "n1"}, NOW)
        (waiting,) = tx.waiting_requests()
        assert (waiting.id, waiting.arguments, waiting.accepted) == (number, {"notice": "n1"}, None)
        tx.answer_request(number, True, "released", NOW)
        assert tx.waiting_requests() == ()
        answered = tx.request(number)
        assert answered is not None
        assert (answered.accepted, answered.answer) == (True, "released")
        with pytest.raises(StaleWrite):
            tx.answer_request(number, False, "no", NOW)


def test_switches_and_checkpoints(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.switch("kill") is None
        tx.set_switch("kill", "on", "ann", NOW)
        tx.set_switch("kill", "off", "bob", NOW)
        assert tx.switch("kill") == "off"
        assert tx.checkpoint("detector") is None
        tx.put_checkpoint("detector", b"\x00\xff", NOW)
        tx.put_checkpoint("detector", b"new", NOW)
        assert tx.checkpoint("detector") == b"new"


# ── people ──


def test_audience_is_by_region_service_and_consent(store: Store) -> None:
    quiet = QuietHours(time(22, 0), time(7, 30))
    everyone = [
        a_subscriber("s1", "+18025550101", quiet_hours=quiet),
        a_subscriber("s2", "+18025550102", services=("power",)),
        a_subscriber("s3", "+18025550103", regions=("US-NH", "US-VT"), services=("mobile", "power")),
        a_subscriber("s4", "+18025550104", regions=("US-NH",)),
        a_subscriber("s5", "+18025550105", opted_out_at=NOW),
    ]
    with store.transaction() as tx:
        for subscriber in everyone:
            tx.put_subscriber(subscriber)
        assert tx.audience(["US-VT", "US"], "mobile") == (everyone[0], everyone[2])
        assert tx.audience([], "mobile") == ()
        assert [s.id for s in tx.subscribers(after="s3", limit=1)] == ["s4"]
        tx.put_subscriber(replace(everyone[2], regions=("CA-BC",)))
        assert [s.id for s in tx.audience(["US-VT", "US-NH"], "mobile")] == ["s1", "s4"]


@pytest.mark.parametrize("spelling", ["ann@example.net", "Ann@Example.NET", " ann@example.net "])
def test_an_opt_out_holds_however_the_address_is_spelt_and_whatever_an_import_says(store: Store, spelling: str) -> None:
    ann = a_subscriber("s1", "Ann@example.net")
    with store.transaction() as tx:
        tx.put_subscriber(ann)
        assert tx.opt_out(AddressKind.EMAIL, spelling, NOW, "one click") is True
        assert tx.is_opted_out(AddressKind.EMAIL, "ann@example.net")
        assert tx.audience(["US-VT"], "mobile") == ()
        tx.put_subscriber(ann)
        assert tx.audience(["US-VT"], "mobile") == ()
        assert tx.opt_in(AddressKind.EMAIL, spelling, NOW + HOUR, "START") is True
        (back,) = tx.audience(["US-VT"], "mobile")
        assert (back.consent_at, back.consent_by) == (NOW + HOUR, "START")


def test_who_is_there_under_another_spelling_stays_one_person(store: Store) -> None:
    """Told once, at the address they were told at before; the rest is as the later import says."""
    with store.transaction() as tx:
        tx.put_subscriber(a_subscriber("s1", "Ann@example.net"))
        tx.put_subscriber(a_subscriber("s2", "ann@example.net", language="fr", regions=("US-VT", "US-NH")))
    with store.transaction() as tx:
        (person,) = tx.audience(("US-VT",), "mobile")
        assert (person.id, person.address, person.language) == ("s1", "Ann@example.net", "fr")
        assert tx.audience(("US-NH",), "mobile") == (person,)
        assert tx.subscriber("s2") is None
        assert len(tx.subscribers()) == 1


def test_two_rows_of_one_person_become_one_with_the_next_import(store: Store) -> None:
    """As a store of before may hold them."""
    with store.transaction() as tx:
        tx.put_subscriber(a_subscriber("s1", "Ann@example.net"))
        tx.put_subscriber(a_subscriber("s2", "bob@example.net"))
    with store.transaction() as tx:
        tx.put_subscriber(a_subscriber("s2", "ann@example.net"))
    with store.transaction() as tx:
        assert [person.id for person in tx.subscribers()] == ["s2"]
        assert [person.address for person in tx.audience(("US-VT",), "mobile")] == ["ann@example.net"]


def test_an_unknown_address_may_opt_out_too(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.opt_out(AddressKind.PHONE, "+18025550199", NOW, "STOP") is False
        assert tx.is_opted_out(AddressKind.PHONE, "+18025550199")
        assert not tx.is_opted_out(AddressKind.PHONE, "+18025550198")


def test_an_opt_out_suppresses_what_is_queued(store: Store) -> None:
    queue(store, a_notice())
    with store.transaction() as tx:
        assert tx.opt_out(AddressKind.PHONE, "+18025550100", NOW, "STOP") is True
        (delivery,) = tx.deliveries()
    assert (delivery.state, delivery.reason) == (DeliveryState.SUPPRESSED, Reason.OPTED_OUT)


def test_erasure_leaves_the_opt_out_and_the_count_but_no_address(store: Store) -> None:
    notice = a_notice()
    queue(store, notice, a_delivery(notice, subscriber="s1"), a_delivery(notice, address="+18025550101"))
    with store.transaction() as tx:
        tx.put_subscriber(a_subscriber())
        tx.opt_out(AddressKind.PHONE, "+18025550100", NOW, "STOP")
        assert tx.erase(AddressKind.PHONE, "+18025550100", NOW) is True
        assert tx.subscriber("s1") is None
        gone, other = tx.deliveries(notice="n1")
        assert tx.is_opted_out(AddressKind.PHONE, "+18025550100")
        assert tx.erase(AddressKind.PHONE, "+18025550100", NOW) is False
    assert gone.address.startswith("erased:")
    assert (gone.subscriber, gone.state) == (None, DeliveryState.SUPPRESSED)
    assert (other.address, other.state) == ("+18025550101", DeliveryState.PENDING)


# ── outbox, as the stages see it ──


def test_a_delivery_is_queued_once_for_notice_channel_and_address(store: Store) -> None:
    notice = a_notice()
    with store.transaction() as tx:
        tx.put_notice(notice)
        both = [a_delivery(notice), a_delivery(notice, id="other id, same place"), a_delivery(notice, "x", "")]
        assert tx.add_deliveries(both) == 2
        assert tx.add_deliveries(both) == 0
        assert [d.channel for d in tx.deliveries(incident=notice.incident)] == ["sms", "x"]
        assert len(tx.deliveries(notice="n1", limit=1)) == 1
        assert tx.deliveries(state=DeliveryState.SENT) == ()
        assert tx.deliveries()[0] == both[0]


def test_deliveries_that_are_alike_are_queued_as_each_would_be_by_itself(store: Store) -> None:
    """And where somebody is queued already, they stay as they are."""
    notice = a_notice()
    by_sms, later = a_delivery(notice), a_delivery(notice, "email", not_before=NOW + HOUR, reason=Reason.QUIET_HOURS)
    queue(store, notice, a_delivery(notice, address="+2", id="first"))
    sms = [(f"i{number}", f"+{number}", f"s{number}", 100 + number) for number in (1, 2, 3)]
    with store.transaction() as tx:
        assert tx.add_alike([(by_sms, sms), (later, [("i4", "a'b%@example.org", "s4", 7)]), (later, [])]) == 3
        assert tx.add_alike([]) == 0
        found = {one.address: one for one in tx.deliveries(notice="n1")}
    assert found["+2"].id == "first"
    assert found["+1"] == replace(by_sms, id="i1", address="+1", subscriber="s1", priority=101)
    assert found["a'b%@example.org"] == replace(later, id="i4", address="a'b%@example.org", subscriber="s4", priority=7)
    assert len(found) == 4


def test_a_delivery_without_its_notice_is_a_mistake_not_an_outage(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), store.transaction() as tx:
        tx.add_deliveries([a_delivery(a_notice("nowhere"))])


def test_many_are_cancelled_piece_by_piece_but_none_begins_any_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PAGE", 3)
    notice, other = a_notice(), a_notice("n2", incident="I260115-2")
    queue(store, notice, *(a_delivery(notice, address=f"+{number}") for number in range(7)))
    queue(store, other, a_delivery(other, address="+9"))
    claimed = store.claim("sms", 8, 2 * MINUTE, NOW)
    with store.transaction() as tx:
        assert tx.cancel_deliveries(incident=notice.incident, reason=Reason.SUPERSEDED, now=NOW) == 3
    last = claimed[6][0]
    assert (last.notice, last.address) == ("n1", "+6")
    assert store.begin(last.id, last.token, NOW) is Reason.SUPERSEDED
    assert store.begin(claimed[7][0].id, claimed[7][0].token, NOW) is None, "another incident's go on"
    rounds = [True, True, False]
    for more in rounds:
        with store.transaction() as tx:
            assert tx.go_on_cancelling(NOW) is more
    with store.transaction() as tx:
        found = {one.address: (one.state, one.reason) for one in tx.deliveries()}
    assert found.pop("+9")[0] is DeliveryState.CLAIMED
    assert set(found.values()) == {(DeliveryState.CANCELLED, Reason.SUPERSEDED)}
    assert len(found) == 7


def test_cancel_names_an_incident_or_a_notice(store: Store) -> None:
    with store.transaction() as tx, pytest.raises(ValueError, match="kill switch"):
        tx.cancel_deliveries(reason=Reason.WITHDRAWN, now=NOW)


def test_cancel_by_stage_leaves_the_others(store: Store) -> None:
    first, second = a_notice(), a_notice("n2", stage=Stage.UPDATE, sequence=2)
    queue(store, first)
    queue(store, second)
    with store.transaction() as tx:
        stages = [Stage.UPDATE]
        found = tx.cancel_deliveries(incident=first.incident, reason=Reason.SUPERSEDED, now=NOW, stages=stages)
        assert found == 1
        assert tx.cancel_deliveries(notice="n2", reason=Reason.SUPERSEDED, now=NOW) == 0
        assert [d.state for d in tx.deliveries()] == [DeliveryState.PENDING, DeliveryState.CANCELLED]


def test_gauges_count_what_is_open(store: Store) -> None:
    notice = a_notice()
    queue(store, notice, a_delivery(notice), a_delivery(notice, "x", ""), a_delivery(notice, "x", "2"))
    with store.transaction() as tx:
        tx.put_signals([a_signal()])
        tx.put_incident(an_incident(), None)
        tx.set_switch("kill", "on", "ann", NOW)
        found = tx.gauges(NOW)
    assert found == {
        "outbox.sms.pending": 1,
        "outbox.x.pending": 2,
        "outbox_oldest.sms": NOW.timestamp(),
        "outbox_oldest.x": NOW.timestamp(),
        "incidents.suspected": 1,
        "evidence.official": 1,
        "signals": 1,
        "notices_waiting": 0,
        "kill_switch": 1.0,
    }


def test_threads_share_a_store_without_losing_an_update(store: Store) -> None:
    def count() -> None:
        for _ in range(25):
            with store.transaction() as tx:
                tx.put_checkpoint("n", str(int(tx.checkpoint("n") or b"0") + 1).encode(), NOW)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.transaction() as tx:
        assert tx.checkpoint("n") == b"100"


# ── canaries ──


A_CANARY = Canary("n1", "sms", "I260115-1", CanaryState.HOLDS, people=900, size=50, due_at=NOW, changed_at=NOW)


def test_a_canary_comes_back_whole_and_is_open_until_it_is_over(store: Store) -> None:
    with store.transaction() as tx:
        tx.put_notice(a_notice("n1"))
        tx.put_notice(a_notice("n2", incident="I260115-2"))
        tx.put_canary(A_CANARY)
        tx.put_canary(replace(A_CANARY, channel="email"))
        tx.put_canary(replace(A_CANARY, notice="n2", incident="I260115-2"))
    after = replace(A_CANARY, state=CanaryState.STOPPED, changed_at=NOW + MINUTE, why="40 of 50", actor="ann",
                    since=NOW + MINUTE, stopped_channel="on n1: 40 of 50")
    with store.transaction() as tx:
        tx.put_canary(after)
        tx.put_canary(replace(A_CANARY, channel="email", state=CanaryState.DROPPED))
        tx.put_canary(replace(A_CANARY, notice="n2", incident="I260115-2", state=CanaryState.ENDED))
    with store.reading() as tx:
        assert tx.canary("n1", "sms") == after
        assert tx.canary("n1", "x") is None
        assert tx.canaries() == (after,)
        assert [(c.channel, c.state) for c in tx.canaries(incident="I260115-1")] == [
            ("email", CanaryState.DROPPED), ("sms", CanaryState.STOPPED)]


def test_fates_are_read_in_the_order_sending_began(store: Store) -> None:
    """All of a notice on a channel, or one in 32 by the hash an id is; what has not begun is there without a time."""
    notice = a_notice()
    queue(store, notice, *(a_delivery(notice, address=f"+{n}", id=f"{n:036}", priority=9 - n) for n in range(1, 10)),
          a_delivery(notice, "email", "a@example.org", id="000"))
    for number in range(3):
        ((delivery, _),) = store.claim("sms", 1, HOUR, NOW)
        store.begin(delivery.id, delivery.token, NOW + number * MINUTE)
        store.settle(delivery.id, delivery.token, Outcome(OutcomeKind.SENT, Reason.ACCEPTED, f"SM{number}"), NOW)
    assert store.callback("SM1", DeliveryState.FAILED, Reason.FILTERED, NOW + HOUR)
    with store.transaction():  # whoever writes is in nobody's way
        found = store.fates("n1", "sms", sampled=False)
        some = store.fates("n1", "sms", sampled=True)
    assert len(found) == 9
    assert [fate for fate in found if fate.began_at is not None] == [
        Fate(DeliveryState.SENT, Reason.ACCEPTED, NOW), Fate(DeliveryState.FAILED, Reason.FILTERED, NOW + MINUTE),
        Fate(DeliveryState.SENT, Reason.ACCEPTED, NOW + 2 * MINUTE)]
    assert len(some) == 7, "those whose id ends with 00 to 07"
    assert store.fates("n2", "sms", sampled=False) == ()
    with store.reading() as tx:
        assert tx.waits_on("n1", "sms")
        assert not tx.waits_on("n1", "x")
        assert not tx.waits_on("n2", "sms")


def test_a_notice_is_cancelled_on_one_channel(store: Store) -> None:
    notice = a_notice()
    queue(store, notice, a_delivery(notice), a_delivery(notice, "email", "a@example.org"))
    with store.transaction() as tx:
        assert tx.cancel_deliveries(notice="n1", channel="sms", reason=Reason.WITHDRAWN, now=NOW) == 1
        assert not tx.waits_on("n1", "sms")
        assert tx.waits_on("n1", "email")


def test_some_of_an_audience_with_one_kind_of_address(store: Store) -> None:
    """Those of another kind, who opted out or want another service take nobody's place among the `limit`."""
    with store.transaction() as tx:
        for n in range(9):
            tx.put_subscriber(a_subscriber(f"a{n}", f"a{n}@example.org"))
            tx.put_subscriber(a_subscriber(f"b{n}", f"+1802555010{n}", services=() if n % 2 else ("power",)))
        tx.opt_out(AddressKind.PHONE, "+18025550101", NOW, "STOP")
        found = tx.some_of_audience(("US-VT",), "mobile", 2, AddressKind.PHONE)
        assert [one.address for one in found] == ["+18025550103", "+18025550105"]
        assert len(tx.some_of_audience(("US-VT",), "mobile", 99, AddressKind.EMAIL)) == 9
        assert tx.some_of_audience(("US-NY",), "mobile", 99, AddressKind.PHONE) == ()


# ── large audiences ──


def test_an_audience_is_read_in_pieces_and_counted_beside_whoever_writes(store: Store) -> None:
    """In the order of addresses, without who opted out, who wants another service, or who lives elsewhere."""
    with store.transaction() as tx:
        for id, address in (("s1", "b@example.org"), ("s2", "+18025550100"), ("s3", "a@example.org")):
            tx.put_subscriber(a_subscriber(id, address))
        tx.put_subscriber(a_subscriber("s4", "c@example.org", services=("power",)))
        tx.put_subscriber(a_subscriber("s5", "d@example.org", regions=("US-NY",)))
        tx.put_subscriber(a_subscriber("s6", "e@example.org"))
        tx.opt_out(AddressKind.EMAIL, "e@example.org", NOW, "link")
    assert store.leads()
    with store.leading().transaction() as tx:  # a decision is under way
        assert tx.more_than(("US-VT",), "I260115-1", 2)
        assert not tx.more_than(("US-NY",), "I260115-1", 2)
        assert [one.id for one in tx.subscribers_at(AddressKind.EMAIL, ["A@Example.org", "e@example.org"])] == ["s3"]
    everybody = store.audience_numbers(("US-VT",), "mobile")
    assert [people_at(store, [number]) for number in everybody] == [["s2"], ["s3"], ["s1"]]
    assert list(store.audience_numbers(("US-VT",), "mobile", "a@example.org")) == [everybody[2]]
    sizes = store.audience_sizes(("US-VT",), "mobile", "I260115-1")
    assert sorted((one.kind, one.number) for one in sizes.groups) == [("email", 2), ("phone", 1)]


def people_at(store: Store, numbers: Sequence[int]) -> list[str]:
    with store.transaction() as tx:
        return [id for members in tx.cohorts(numbers, "mobile").values() for id, _, _ in members]


def test_cohorts_hold_those_who_may_still_be_told(store: Store) -> None:
    """Between being counted and being planned a person may opt out, be erased, or want other services."""
    born = datetime(1969, 1, 1, tzinfo=UTC)
    with store.transaction() as tx:
        for number in range(1, 6):
            tx.put_subscriber(a_subscriber(f"s{number}", f"+{number}", consent_at=NOW - timedelta(days=7 * number)))
        tx.put_subscriber(a_subscriber("s6", "+6", quiet_hours=QuietHours(time(22), time(6)), consent_at=born))
    numbers = store.audience_numbers(("US-VT",), "mobile")
    with store.transaction() as tx:
        tx.opt_out(AddressKind.PHONE, "+1", NOW, "STOP")
        tx.erase(AddressKind.PHONE, "+2", NOW)
        tx.put_subscriber(a_subscriber("s3", "+3", services=("power",)))
    with store.transaction() as tx:
        found = tx.cohorts(numbers, "mobile")
        assert tx.cohorts((), "mobile") == {}
    usual = Cohort(AddressKind.PHONE, ("US-VT",), "en", "America/New_York", None)
    week = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).days // 7
    assert {cohort: list(members) for cohort, members in found.items()} == {
        usual: [("s4", "+4", week - 4), ("s5", "+5", week - 5)],
        replace(usual, quiet_hours=QuietHours(time(22), time(6))): [("s6", "+6", 0)],
    }


def test_whom_an_incident_told_is_read_in_pieces(store: Store) -> None:
    notice = a_notice()
    with store.transaction() as tx:
        tx.put_subscriber(a_subscriber("s1", "+1"))
    queue(store, notice, *(a_delivery(notice, address=f"+{number}", subscriber=f"s{number}") for number in range(1, 5)))
    for delivery, _ in store.claim("sms", 3, 2 * MINUTE, NOW):
        store.begin(delivery.id, delivery.token, NOW)
        if delivery.address != "+3":
            store.settle(delivery.id, delivery.token, Outcome(OutcomeKind.SENT, Reason.ACCEPTED), NOW)
    with store.transaction() as tx:
        assert tx.begun(notice.incident) == {("sms", "+3")}
        assert tx.told_after(notice.incident, ("", ""), 1) == (("sms", "+1"),)
        assert tx.told_after(notice.incident, ("sms", "+1"), 5) == (("sms", "+2"),)
        assert tx.told_among(notice.incident, ["sms"], ["+2", "+4"]) == {("sms", "+2")}
    sizes = store.audience_sizes(("US-VT",), "mobile", notice.incident)
    assert dict(sizes.told) == {("sms", True): 1, ("sms", False): 2}, "who is being told counts"
