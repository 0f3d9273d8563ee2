"""What becomes of an incident: one sentence a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.incidents.decide import absorb, absorbed, after_release, decide, moved, sight
from notifier.incidents.situation import Decision, Sight, Situation
from notifier.model.incident import Incident, IncidentState, MoveNotAllowed
from notifier.model.notice import Notice, NoticeState, Stage, Wording
from notifier.model.policy import NoticeRule, Policy, Release
from notifier.model.signal import Evidence, Level, Signal

from .builders import (
    CROWD,
    MEASURED,
    STAFF,
    TREE,
    at,
    crowd,
    evidence,
    incident,
    notice,
    policy,
    signal,
    workaround,
)

S = IncidentState
N = NoticeState
W = Wording
CALM = evidence(over=[signal()])
BLIND = evidence(over=[signal()], blind=["official-feed"])
TROUBLE = evidence(signal())
FAINT = evidence(crowd(score=0.2))
SUSPICION = evidence(crowd(score=0.8))


def ask(
    before: Incident | None, given: Evidence, minute: float = 0, *, notices: Iterable[Notice] = (),
    rules: Policy | None = None, **more: object,
) -> Decision:
    situation = Situation(TREE, notices=tuple(notices), template="t", **more)  # type: ignore[arg-type]
    return decide(before, given, rules or policy(), at(minute), situation=situation)


def become(decision: Decision) -> IncidentState | None:
    return decision.after.state if decision.after else None


# ── Beginning ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("given", "state", "words"), [
    pytest.param(evidence(), None, "nothing reports trouble", id="no evidence opens nothing"),
    pytest.param(FAINT, None, "not enough to suspect", id="faint evidence opens nothing, and says what it lacks"),
    pytest.param(SUSPICION, S.SUSPECTED, "crowd evidence 0.80", id="the crowd alone makes a suspicion"),
    pytest.param(TROUBLE, S.CONFIRMED, "official evidence 1.00", id="official word confirms at once"),
    pytest.param(evidence(crowd(), signal(klass=MEASURED, score=0.6)), S.CONFIRMED, "measurement evidence 0.60",
                 id="crowd and measurement together confirm"),
    pytest.param(evidence(signal(level=Level.NOTICE)), None, "nothing reports", id="a notice opens nothing"),
    pytest.param(evidence(signal(fingerprint="a"), signal(fingerprint="b")), S.CONFIRMED,
                 "2 incidents of official-feed overlap", id="two vendor incidents are one, and the reason says so"),
    pytest.param(CALM, None, "nothing reports", id="what is over opens nothing"),
    pytest.param(BLIND, None, "nothing reports", id="blindness opens nothing"),
    pytest.param(evidence(signal(), blind=["official-feed"]), None, "nothing reports",
                 id="the last word of a blind source opens nothing"),
    pytest.param(evidence(crowd(), signal(), blind=["official-feed"]), S.SUSPECTED, "crowd evidence 0.80",
                 id="the last word of a blind source confirms nothing"),
])
def test_beginning(given: Evidence, state: IncidentState | None, words: str) -> None:
    found = ask(None, given)
    assert become(found) is state
    assert words in found.reason


def test_planned_work_that_explains_everything_is_the_reason_nothing_opens() -> None:
    found = ask(None, evidence(), left_out=("planned work w explains 2 signals",))
    assert found.after is None
    assert found.reason == "planned work w explains 2 signals"


def test_a_new_incident_carries_what_its_evidence_says() -> None:
    found = ask(None, evidence(crowd(minute=-4, facts={"people": "41"}), crowd("VT-CHITTENDEN", minute=-2)))
    assert found.after is not None
    assert (found.after.regions, found.after.started_at, found.after.opened_at) == (("US-VT",), at(-4), at(0))
    assert (found.after.policy, found.after.template, found.after.facts) == ("p", "t", {"reported_count": "41"})


# ── Going on ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("before", "given", "minute", "state", "words"), [
    pytest.param(incident(S.SUSPECTED), SUSPICION, 1, S.SUSPECTED, "still suspected", id="a suspicion stays one"),
    pytest.param(incident(S.SUSPECTED), TROUBLE, 1, S.CONFIRMED, "confirmed: official", id="official word confirms"),
    pytest.param(incident(S.SUSPECTED), FAINT, 1, S.SUSPECTED, "still suspected", id="fainter is still trouble"),
    pytest.param(incident(S.SUSPECTED), CALM, 1, S.SUSPECTED, "all-clear waits", id="a suspicion waits out its calm"),
    pytest.param(incident(S.SUSPECTED, calm_since=at(0)), CALM, 10, S.RESOLVED, "nothing had been said",
                 id="a suspicion that came to nothing ends quietly"),
    pytest.param(incident(S.CONFIRMED), CALM, 1, S.MONITORING, "lasted 10 min", id="calm begins monitoring"),
    pytest.param(incident(S.ACKNOWLEDGED), CALM, 1, S.MONITORING, "calm", id="after acknowledging too"),
    pytest.param(incident(S.WORKAROUND_KNOWN), CALM, 1, S.MONITORING, "calm", id="and with a workaround"),
    pytest.param(incident(S.MONITORING, calm_since=at(1)), CALM, 10.9, S.MONITORING, "waits", id="not yet"),
    pytest.param(incident(S.MONITORING, calm_since=at(1)), CALM, 11, S.RESOLVED, "calm for 10 min", id="long enough"),
    pytest.param(incident(S.MONITORING, calm_since=at(1)), TROUBLE, 5, S.CONFIRMED, "again",
                 id="trouble ends monitoring"),
    pytest.param(incident(S.MONITORING, acknowledged_at=at(0), calm_since=at(1)), TROUBLE, 5, S.ACKNOWLEDGED, "again",
                 id="what was acknowledged is so again"),
    pytest.param(incident(S.MONITORING, acknowledged_at=at(0), workaround_at=at(0)), TROUBLE, 5, S.WORKAROUND_KNOWN,
                 "again", id="a known workaround stays known"),
    pytest.param(incident(S.CONFIRMED), BLIND, 99, S.CONFIRMED, "unknown is not OK", id="blindness is not calm"),
    pytest.param(incident(S.MONITORING, calm_since=at(1)), BLIND, 99, S.MONITORING, "no longer counts",
                 id="blindness during calm stops the all-clear"),
    pytest.param(incident(S.CONFIRMED), evidence(over=[signal(), crowd()], blind=["official-feed"]), 1, S.MONITORING,
                 "calm", id="one seeing witness is enough to see calm"),
    pytest.param(incident(S.CONFIRMED), evidence(crowd(score=0.1), blind=["official-feed"]), 1, S.CONFIRMED,
                 "still confirmed", id="trouble counts, whoever is blind"),
    pytest.param(incident(S.CONFIRMED), evidence(signal(level=Level.NOTICE)), 1, S.MONITORING, "calm",
                 id="lowered to a notice is calm"),
])
def test_going_on(before: Incident, given: Evidence, minute: float, state: IncidentState, words: str) -> None:
    found = ask(before, given, minute)
    assert become(found) is state
    assert words in found.reason
    assert found.notable is (state is not before.state or "no longer counts" in found.reason)


def test_calm_is_counted_from_when_it_was_first_seen_and_forgotten_when_it_ends() -> None:
    calm = ask(incident(), CALM, 3).after
    assert calm is not None
    assert calm.calm_since == at(3)
    again = ask(calm, CALM, 5).after
    assert again is not None
    assert again.calm_since == at(3)
    for given in (TROUBLE, BLIND):
        back = ask(again, given, 6).after
        assert back is not None
        assert back.calm_since is None


def test_confirmation_of_what_was_acknowledged_keeps_the_state_and_is_noted() -> None:
    before = incident(S.ACKNOWLEDGED, confirmed_at=None)
    found = ask(before, TROUBLE, 2, notices=[notice(W.ACKNOWLEDGE_SUSPECTED)])
    assert found.after is not None
    assert (found.after.state, found.after.confirmed_at, found.notable) == (S.ACKNOWLEDGED, at(2), True)
    assert "now confirmed" in found.reason


def test_nothing_new_changes_nothing() -> None:
    before = incident(S.ACKNOWLEDGED)
    found = ask(before, TROUBLE, 2, notices=[notice()])
    assert (found.after, found.wants, found.drops, found.notable) == (before, (), (), False)


def test_a_second_vendor_incident_is_noted_once() -> None:
    both = evidence(signal(fingerprint="a"), signal(fingerprint="b"))
    found = ask(incident(S.ACKNOWLEDGED), both, 2, notices=[notice()])
    assert found.notable
    assert "one outage for customers" in found.reason
    assert found.after is not None
    assert not ask(found.after, both, 3, notices=[notice()]).notable


@pytest.mark.parametrize(("before", "given", "notices", "regions"), [
    pytest.param(incident(), evidence(signal("US")), [], ("US",), id="grows with the evidence"),
    pytest.param(incident(regions=("US",)), evidence(crowd("US-VT")), [], ("US-VT",),
                 id="shrinks with it while nothing was said"),
    pytest.param(incident(regions=("US",)), evidence(crowd("US-VT")), [notice(state=N.WAITING)], ("US-VT",),
                 id="shrinks while words wait: they are written anew"),
    pytest.param(incident(regions=("US-VT",)), evidence(crowd("VT-CHITTENDEN")), [notice()], ("US-VT",),
                 id="never shrinks once told"),
    pytest.param(incident(regions=("VT-CHITTENDEN",)), evidence(crowd("VT-WASHINGTON")), [notice()],
                 ("VT-CHITTENDEN", "VT-WASHINGTON"), id="once told it adds"),
    pytest.param(incident(), CALM, [], ("US-VT",), id="calm keeps it"),
    pytest.param(incident(regions=("US",), widened_by="ann"), evidence(crowd("US-VT")), [], ("US",),
                 id="what a person widened stays wide"),
    pytest.param(incident(regions=("US",), opened_by="ann"), evidence(crowd("US-VT")), [], ("US",),
                 id="what a person opened stays as wide as they said"),
])
def test_regions(before: Incident, given: Evidence, notices: list[Notice], regions: tuple[str, ...]) -> None:
    after = ask(before, given, 1, notices=notices).after
    assert after is not None
    assert after.regions == regions


# ── Coming back ──────────────────────────────────────────────────────────────────────────────────────────────────────

TOLD_OVER = [notice(), notice(W.RESOLVE, minute=20, sequence=2)]


@pytest.mark.parametrize(("given", "notices", "state", "wanted"), [
    pytest.param(TROUBLE, [], S.CONFIRMED, [Stage.ACKNOWLEDGE], id="untold, confirmed: as if it were new"),
    pytest.param(SUSPICION, [], S.SUSPECTED, [Stage.ACKNOWLEDGE], id="untold, suspected"),
    pytest.param(SUSPICION, TOLD_OVER, S.ACKNOWLEDGED, [Stage.UPDATE],
                 id="told it was over: an update, not a second acknowledgement"),
    pytest.param(FAINT, TOLD_OVER, S.RESOLVED, [], id="faint trouble does not reopen"),
    pytest.param(CALM, TOLD_OVER, S.RESOLVED, [], id="no trouble does not reopen"),
])
def test_reopening(given: Evidence, notices: list[Notice], state: IncidentState, wanted: list[Stage]) -> None:
    found = ask(incident(S.RESOLVED, acknowledged_at=at(0), resolved_at=at(20)), given, 25, notices=notices)
    assert become(found) is state
    assert [w.stage for w in found.wants] == wanted
    assert found.after is not None
    assert (found.after.resolved_at is None) is (state is not S.RESOLVED)


def test_reopening_drops_the_all_clear_that_still_waits() -> None:
    waiting = notice(W.RESOLVE, N.WAITING, minute=20, sequence=2)
    found = ask(incident(S.RESOLVED, resolved_at=at(20)), TROUBLE, 21, notices=[notice(), waiting])
    assert [d.notice for d in found.drops] == [waiting.id]


def test_after_an_all_clear_that_came_too_early_the_next_waits_for_the_hold_down() -> None:
    before = incident(S.MONITORING, acknowledged_at=at(0), calm_since=at(40))
    assert become(ask(before, CALM, 55, notices=TOLD_OVER)) is S.MONITORING
    assert become(ask(before, CALM, 70, notices=TOLD_OVER)) is S.RESOLVED


# ── What is wanted ───────────────────────────────────────────────────────────────────────────────────────────────────

SUSPECTED_WORDS = notice(W.ACKNOWLEDGE_SUSPECTED)
PROMISED = {"update_every": timedelta(minutes=30)}


@pytest.mark.parametrize(("before", "given", "minute", "notices", "wanted"), [
    pytest.param(incident(S.SUSPECTED), SUSPICION, 1, [], W.ACKNOWLEDGE_SUSPECTED, id="a suspicion: reports only"),
    pytest.param(incident(), TROUBLE, 1, [], W.ACKNOWLEDGE, id="confirmed: we know"),
    pytest.param(incident(), TROUBLE, 1, [notice(state=N.WAITING)], None, id="what waits is not wanted again"),
    pytest.param(incident(), TROUBLE, 1, [notice(state=N.REFUSED)], None, id="nor what a person refused"),
    pytest.param(incident(), evidence(signal("US")), 1, [notice(state=N.REFUSED)], W.ACKNOWLEDGE,
                 id="but a wider outage than was refused is asked anew"),
    pytest.param(incident(), TROUBLE, 1, [notice(W.ACKNOWLEDGE_SUSPECTED, N.REFUSED)], W.ACKNOWLEDGE,
                 id="and so is a confirmed one after a refused suspicion"),
    pytest.param(incident(), TROUBLE, 1, [notice(state=N.EXPIRED)], W.ACKNOWLEDGE, id="what expired unanswered is"),
    pytest.param(incident(), TROUBLE, 1, [notice(W.ACKNOWLEDGE_SUSPECTED, N.WAITING)], W.ACKNOWLEDGE,
                 id="waiting words of a suspicion are rewritten once confirmed"),
    pytest.param(incident(), evidence(signal("US")), 1, [notice(state=N.WAITING)], W.ACKNOWLEDGE,
                 id="waiting words are rewritten when the outage has spread"),
    pytest.param(incident(), TROUBLE, 1, [notice(W.UPDATE, N.WAITING, facts={"requested_by": "ann"})], None,
                 id="a person's waiting words are left alone"),
    pytest.param(incident(S.ACKNOWLEDGED), TROUBLE, 9, [SUSPECTED_WORDS], W.UPDATE,
                 id="told of reports only, and confirmed since"),
    pytest.param(incident(S.ACKNOWLEDGED), TROUBLE, 9, [SUSPECTED_WORDS, notice(W.UPDATE, N.WAITING, minute=1)], None,
                 id="that update already waits"),
    pytest.param(incident(S.ACKNOWLEDGED, confirmed_at=None), SUSPICION, 9, [SUSPECTED_WORDS], None,
                 id="told of reports, and still only reports"),
    pytest.param(incident(S.ACKNOWLEDGED, ("US",)), evidence(signal("US")), 9, [notice()], W.UPDATE,
                 id="it goes further than what was said"),
    pytest.param(incident(S.ACKNOWLEDGED, ("US",)), evidence(signal("US")), 4, [notice()], None,
                 id="but not within five minutes of the last word"),
    pytest.param(incident(S.ACKNOWLEDGED, ("US",)), evidence(signal("US")), 9,
                 [notice(), notice(W.UPDATE, N.REFUSED, regions=("US",), sequence=2)], None,
                 id="a person refused to say so"),
    pytest.param(incident(S.ACKNOWLEDGED, next_update_by=at(30)), TROUBLE, 28, [notice()], None,
                 id="the promise is not due yet"),
    pytest.param(incident(S.ACKNOWLEDGED, next_update_by=at(30)), TROUBLE, 29, [notice()], W.UPDATE,
                 id="the promise is kept a minute early"),
    pytest.param(incident(S.ACKNOWLEDGED, next_update_by=at(30)), TROUBLE, 45, [notice()], W.UPDATE,
                 id="a promise overdue is kept late"),
    pytest.param(incident(S.ACKNOWLEDGED, next_update_by=at(30)), TROUBLE, 45,
                 [notice(), notice(W.UPDATE, N.REFUSED, minute=30, sequence=2)], None,
                 id="unless a person refused it"),
    pytest.param(incident(S.ACKNOWLEDGED, next_update_by=at(30)), CALM, 45, [notice()], None,
                 id="while calm nobody is told that it goes on"),
    pytest.param(incident(S.ACKNOWLEDGED, next_update_by=at(30)), BLIND, 45, [notice()], None,
                 id="nor while nobody can tell"),
    pytest.param(incident(S.MONITORING, calm_since=at(1)), CALM, 20, [], None, id="never told, no all-clear"),
    pytest.param(incident(S.MONITORING, calm_since=at(1)), CALM, 20, [notice(state=N.WAITING)], None,
                 id="what only waited was not told"),
    pytest.param(incident(S.MONITORING, calm_since=at(1)), CALM, 20, [notice()], W.RESOLVE, id="told, so all-clear"),
    pytest.param(incident(S.RESOLVED, resolved_at=at(1)), CALM, 20, [notice()], W.RESOLVE,
                 id="an all-clear that was not made is still owed"),
    pytest.param(incident(S.RESOLVED, resolved_at=at(1)), CALM, 20,
                 [notice(), notice(W.RESOLVE, N.WAITING, minute=1, sequence=2)], None, id="not twice"),
    pytest.param(incident(S.RESOLVED, resolved_at=at(1)), CALM, 99,
                 [notice(), notice(W.RESOLVE, N.EXPIRED, minute=1, sequence=2)], W.RESOLVE,
                 id="an all-clear nobody approved in time is asked for again"),
    pytest.param(incident(S.RESOLVED, resolved_at=at(1)), CALM, 24 * 60 + 1, [notice()], None,
                 id="after a day it is not news any more"),
    pytest.param(incident(S.WITHDRAWN), TROUBLE, 1, [notice()], None, id="of a false alarm nothing is said by itself"),
])
def test_wants(
    before: Incident, given: Evidence, minute: float, notices: list[Notice], wanted: Wording | None
) -> None:
    found = ask(before, given, minute, notices=notices, rules=policy(**PROMISED))
    assert [w.wording for w in found.wants] == ([wanted] if wanted else [])
    assert all(w.reason for w in found.wants)
    for silent in (
        ask(replace(before, held_by="ann"), given, minute, notices=notices, rules=policy(**PROMISED)),
        ask(before, given, minute, notices=notices, rules=policy(**PROMISED), killed=True),
    ):
        assert silent.wants == ()
        assert become(silent) is become(found), "a hold and the kill switch stop words, not states"


def test_acknowledge_at_confirmed_leaves_a_suspicion_unsaid() -> None:
    rules = policy(acknowledge_at="confirmed")
    assert ask(incident(S.SUSPECTED), SUSPICION, 1, rules=rules).wants == ()
    assert [w.wording for w in ask(incident(S.SUSPECTED), TROUBLE, 1, rules=rules).wants] == [W.ACKNOWLEDGE]


@pytest.mark.parametrize(("rule", "minute"), [
    pytest.param(NoticeRule(release=Release.AUTO), 29, id="by itself: a minute ahead"),
    pytest.param(NoticeRule(release=Release.APPROVE_OR_AFTER, after=timedelta(minutes=5)), 25, id="staff's time ahead"),
    pytest.param(NoticeRule(release=Release.APPROVE), 20, id="ten minutes ahead where it waits without end"),
])
def test_a_promised_update_is_asked_for_in_time(rule: NoticeRule, minute: float) -> None:
    rules = policy(rules={Stage.UPDATE: rule}, **PROMISED)
    before = incident(S.ACKNOWLEDGED, next_update_by=at(30))
    assert ask(before, TROUBLE, minute - 0.1, notices=[notice()], rules=rules).wants == ()
    assert [w.stage for w in ask(before, TROUBLE, minute, notices=[notice()], rules=rules).wants] == [Stage.UPDATE]


def test_a_workaround_is_passed_on_after_the_acknowledgement_and_once() -> None:
    known = workaround()
    assert [w.stage for w in ask(incident(), TROUBLE, workaround=known).wants] == [Stage.ACKNOWLEDGE]
    found = ask(incident(S.ACKNOWLEDGED), TROUBLE, notices=[notice()], workaround=known).wants
    assert [(w.stage, w.workaround) for w in found] == [(Stage.WORKAROUND, "edge")]
    for state in (N.WAITING, N.RELEASED, N.REFUSED):
        said = notice(W.WORKAROUND, state, sequence=2, facts={"workaround_id": "edge"})
        assert ask(incident(S.ACKNOWLEDGED), TROUBLE, notices=[notice(), said], workaround=known).wants == ()


@pytest.mark.parametrize("wording", [W.ACKNOWLEDGE, W.ACKNOWLEDGE_SUSPECTED, W.UPDATE, W.WORKAROUND])
def test_the_fix_drops_what_still_waits(wording: Wording) -> None:
    waiting = notice(wording, N.WAITING, sequence=2)
    found = ask(incident(S.MONITORING, calm_since=at(1)), CALM, 11, notices=[waiting])
    assert [(d.notice, d.reason) for d in found.drops] == [(waiting.id, "overtaken by the fix")]


# ── Steps others take ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("before", "wording", "state"), [
    pytest.param(S.SUSPECTED, W.ACKNOWLEDGE_SUSPECTED, S.ACKNOWLEDGED, id="acknowledged when it is released"),
    pytest.param(S.CONFIRMED, W.ACKNOWLEDGE, S.ACKNOWLEDGED, id="also when confirmed"),
    pytest.param(S.CONFIRMED, W.WORKAROUND, S.WORKAROUND_KNOWN, id="a workaround acknowledges too"),
    pytest.param(S.ACKNOWLEDGED, W.WORKAROUND, S.WORKAROUND_KNOWN, id="a workaround after it"),
    pytest.param(S.WORKAROUND_KNOWN, W.UPDATE, S.WORKAROUND_KNOWN, id="an update changes no state"),
    pytest.param(S.MONITORING, W.ACKNOWLEDGE, S.MONITORING, id="approved while calm: stays monitoring"),
    pytest.param(S.RESOLVED, W.RESOLVE, S.RESOLVED, id="the all-clear changes no state"),
    pytest.param(S.WITHDRAWN, W.CORRECT, S.WITHDRAWN, id="nor does a correction"),
])
def test_after_release(before: IncidentState, wording: Wording, state: IncidentState) -> None:
    after, reason = after_release(incident(before), notice(wording, next_update_by=at(30)), at(1))
    assert after.state is state
    assert (after.next_update_by is None) is (not state.is_open)
    assert "I260115-1.1" in reason
    if wording in (W.ACKNOWLEDGE, W.ACKNOWLEDGE_SUSPECTED, W.WORKAROUND):
        assert after.acknowledged_at is not None


def test_absorbing_takes_over_what_the_younger_had_come_to() -> None:
    old = incident(S.SUSPECTED, ("VT-WASHINGTON",))
    young = incident(S.ACKNOWLEDGED, ("VT-CHITTENDEN",), id="I260115-2", held_by="ann", next_update_by=at(9),
                     facts={"absorbed": "I260115-3"})
    after = absorb(old, young, TREE)
    assert (after.state, after.held_by, after.next_update_by) == (S.ACKNOWLEDGED, "ann", at(9))
    assert after.regions == ("VT-CHITTENDEN", "VT-WASHINGTON")
    assert absorbed(after) == ("I260115-2", "I260115-3")


def test_a_move_the_table_lacks_is_a_broken_promise() -> None:
    with pytest.raises(MoveNotAllowed, match="withdrawn to confirmed"):
        moved(incident(S.WITHDRAWN), incident(S.CONFIRMED))


@pytest.mark.parametrize(("given", "seen"), [
    pytest.param(TROUBLE, Sight.TROUBLE, id="trouble"),
    pytest.param(evidence(signal(), blind=["official-feed"]), Sight.UNKNOWN, id="a dead source's last word"),
    pytest.param(evidence(signal(), crowd(), blind=["official-feed"]), Sight.TROUBLE, id="another still sees it"),
    pytest.param(evidence(signal(), over=[crowd()], blind=["official-feed"]), Sight.UNKNOWN,
                 id="calm of one does not end what a blind one said last"),
    pytest.param(evidence(over=[crowd(), signal(klass=STAFF)], blind=["crowd-feed"]), Sight.UNKNOWN,
                 id="staff are no witness of calm"),
    pytest.param(evidence(over=[signal(klass=STAFF)]), Sight.CALM, id="what staff alone reported, staff alone end"),
    pytest.param(evidence(over=[signal(), crowd(lasts_until=at(5))], blind=["crowd-feed"]), Sight.UNKNOWN,
                 id="a blind source's trouble that merely ran out is not over"),
    pytest.param(CALM, Sight.CALM, id="calm"),
    pytest.param(evidence(), Sight.CALM, id="nobody ever reported: calm"),
    pytest.param(BLIND, Sight.UNKNOWN, id="the only reporter is blind"),
    pytest.param(evidence(over=[crowd()], blind=["official-feed"]), Sight.CALM, id="somebody else is blind"),
])
def test_sight(given: Evidence, seen: Sight) -> None:
    assert sight(given) is seen


def test_signals_of_the_crowd_only_count_people_when_they_say_a_number() -> None:
    texts = ("", "x", "-1", "²", "9" * 40)
    odd: list[Signal] = [crowd(fingerprint=str(i), facts={"people": text}) for i, text in enumerate(texts)]
    after = ask(None, evidence(*odd, signal(klass=CROWD, facts={"people": "7"}))).after
    assert after is not None
    assert after.facts == {"reported_count": "7"}


def test_what_the_other_listeners_hear_still_counts_when_one_is_deaf() -> None:
    heard = evidence(crowd(), blind=[crowd().source])
    assert sight(heard) is Sight.TROUBLE
    silent = evidence(over=[crowd()], blind=[crowd().source])
    assert sight(silent) is Sight.UNKNOWN, "but its silence means nothing"
