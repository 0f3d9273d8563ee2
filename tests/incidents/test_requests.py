"""Every verb staff have: what it does, and what it is refused for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifier.model.delivery import DeliveryState, Reason
from notifier.model.incident import IncidentState
from notifier.model.notice import NoticeState, Stage
from notifier.model.policy import NoticeRule, Release
from notifier.model.staff import Verb
from notifier.notices.plan import delivery_id

from .builders import at, crowd, policy, signal, subscriber, workaround
from .scene import Scene

S = IncidentState
PEOPLE = [subscriber(1, "US-VT"), subscriber(2, "US-VT"), subscriber(3, "US-NH")]


def told(*policies: object, **more: object) -> Scene:
    """A scene where an outage in Vermont has been acknowledged and everybody there has heard of it."""
    scene = Scene(*(policies or (policy(),)), people=PEOPLE, **more)  # type: ignore[arg-type]
    scene.hear(signal())
    scene.settle()
    scene.send()
    assert scene.incident.state is S.ACKNOWLEDGED
    return scene


def suspected() -> Scene:
    """A scene where an acknowledgement waits for a person."""
    scene = Scene(policy(Release.APPROVE), people=PEOPLE)
    scene.hear(crowd())
    scene.settle()
    assert scene.said() == ["acknowledge_suspected waiting"]
    return scene


I1 = {"incident": "I260115-1"}
N1 = {"notice": "I260115-1.1"}


@pytest.mark.parametrize(("verb", "arguments", "answer"), [
    pytest.param(Verb.OPEN, {"service": "gas", "regions": "US"}, "no service 'gas'", id="open: unknown service"),
    pytest.param(Verb.OPEN, {"service": "power", "regions": "US-VT, MARS"}, "no region 'MARS'", id="open: Mars"),
    pytest.param(Verb.OPEN, {"service": "power", "regions": " , "}, "at least one region", id="open: no region"),
    pytest.param(Verb.OPEN, {"service": "power"}, "at least one region", id="open: regions left out"),
    pytest.param(Verb.OPEN, {"service": "power", "regions": "US", "level": "ok"}, "level must be", id="open: no level"),
    pytest.param(Verb.OPEN, {"service": "mobile-data", "regions": "US"}, "I260115-1 is already open", id="open: twice"),
    pytest.param(Verb.OPEN, {"service": "power", "regions": "US", "note": "x" * 1001}, "note is longer", id="too long"),
    pytest.param(Verb.APPROVE, {"notice": "nope"}, "no notice 'nope'", id="approve: unknown notice"),
    pytest.param(Verb.APPROVE, N1 | {"digest": "0" * 64}, "is released, not waiting", id="approve: already out"),
    pytest.param(Verb.REFUSE, N1, "is released, not waiting", id="refuse: already out"),
    pytest.param(Verb.REFUSE, {}, "no notice ''", id="refuse: nothing named"),
    pytest.param(Verb.HOLD, {"incident": "nope"}, "no incident 'nope'", id="hold: unknown incident"),
    pytest.param(Verb.HOLD, I1 | {"on": "no"}, "not held", id="hold: not held"),
    pytest.param(Verb.UPDATE, I1, "needs a note", id="update: without news"),
    pytest.param(Verb.WORKAROUND, I1, "name a workaround", id="workaround: nothing named"),
    pytest.param(Verb.WORKAROUND, I1 | {"workaround": "magic"}, "no workaround 'magic'", id="workaround: unknown"),
    pytest.param(Verb.WIDEN, I1 | {"regions": "VT-CHITTENDEN"}, "already speaks of US-VT", id="widen: no wider"),
    pytest.param(Verb.WIDEN, I1 | {"regions": ""}, "at least one region", id="widen: to nowhere"),
    pytest.param(Verb.RESOLVE, {}, "no incident ''", id="resolve: nothing named"),
    pytest.param(Verb.WITHDRAW, {"incident": "I1"}, "no incident 'I1'", id="withdraw: unknown"),
])
def test_refused_with_a_sentence(verb: Verb, arguments: dict[str, str], answer: str) -> None:
    scene = told()
    before = (scene.incidents(), scene.notices(), scene.deliveries())
    said = scene.ask(verb, **arguments)
    assert said.startswith("no: ")
    assert answer in said
    assert (scene.incidents(), scene.notices(), scene.deliveries()) == before


@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.UPDATE, Verb.WORKAROUND, Verb.WIDEN, Verb.RESOLVE, Verb.WITHDRAW])
def test_what_has_ended_is_left_alone(verb: Verb) -> None:
    scene = told()
    scene.ask(Verb.RESOLVE, incident="I260115-1")
    assert scene.ask(verb, incident="I260115-1", note="n", regions="US") == "no: I260115-1 is already resolved"


# ── Approving ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_approved_notice_is_on_its_way() -> None:
    scene = suspected()
    assert scene.approve(scene.notices()[0]) == (
        "yes: notice I260115-1.1 is on its way, 2 subscribers among its audience")
    assert scene.incident.state is S.ACKNOWLEDGED
    assert len(scene.send()) == 3


def test_an_approval_of_other_words_is_refused() -> None:
    scene = suspected()
    assert "has changed since you saw it" in scene.approve(scene.notices()[0], digest="f" * 64)
    assert scene.said() == ["acknowledge_suspected waiting"]


def test_an_approval_of_what_has_been_superseded_is_refused() -> None:
    scene = suspected()
    old = scene.notices()[0]
    scene.hear(signal())
    scene.settle()
    assert scene.approve(old) == "no: notice I260115-1.1 is superseded, not waiting"


def test_an_expired_notice_cannot_be_approved() -> None:
    scene = suspected()
    (notice,) = scene.notices()
    scene.clock.set(notice.valid_until)
    assert "expired" in scene.approve(notice)
    assert scene.deliveries() == ()


def join_in(scene: Scene, *numbers: int) -> None:
    """More people subscribe."""
    with scene.store.transaction() as tx:
        for number in numbers:
            tx.put_subscriber(subscriber(number, "US-VT"))


def test_an_approval_for_fewer_people_than_would_hear_it_is_asked_for_again() -> None:
    scene = suspected()
    (seen,) = scene.notices()
    join_in(scene, 4, 5)
    assert scene.approve(seen) == "no: the audience has changed to 4: look again and approve"
    (again,) = scene.notices()
    assert (again.state, again.audience, scene.deliveries()) == (NoticeState.WAITING, 4, ())
    assert "has changed since you saw it" in scene.approve(seen)
    assert scene.approve(again) == "yes: notice I260115-1.1 is on its way, 4 subscribers among its audience"


def test_an_audience_that_grew_after_the_approval_voids_it() -> None:
    scene = suspected()
    scene.kill("on")
    assert scene.approve(scene.notices()[0]).startswith("yes")
    join_in(scene, 4)
    scene.kill("off")
    scene.settle()
    assert (scene.notices()[0].audience, scene.said()) == (3, ["acknowledge_suspected waiting"])
    assert scene.approve(scene.notices()[0]).startswith("yes")
    assert scene.said() == ["acknowledge_suspected released"]


def test_a_deadline_lets_go_to_whoever_is_there_and_the_record_says_how_many() -> None:
    rule = NoticeRule(release=Release.APPROVE_OR_AFTER, after=timedelta(minutes=5))
    scene = Scene(policy(rules={Stage.ACKNOWLEDGE: rule}), people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    join_in(scene, 4)
    scene.after(5)
    assert (scene.notices()[0].audience, scene.said()) == (3, ["acknowledge released"])


def test_while_the_kill_switch_is_on_an_approval_waits() -> None:
    scene = suspected()
    scene.kill("on")
    assert "the kill switch is on" in scene.approve(scene.notices()[0])
    assert scene.deliveries() == ()
    scene.kill("off")
    scene.settle()
    assert scene.said() == ["acknowledge_suspected released"]


def test_a_refused_notice_is_not_made_again_for_the_same_facts() -> None:
    scene = suspected()
    assert scene.ask(Verb.REFUSE, note="not ours", **N1) == "yes: notice I260115-1.1 will not be sent"
    scene.after(30)
    assert scene.said() == ["acknowledge_suspected refused"]
    scene.hear(signal())
    scene.settle()
    assert scene.said() == ["acknowledge_suspected refused", "acknowledge waiting"], "new facts ask anew"


# ── Incidents ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_staff_open_an_incident_and_it_lives_until_they_end_it() -> None:
    scene = Scene(people=PEOPLE)
    said = scene.ask(Verb.OPEN, service="mobile-data", regions="VT-CHITTENDEN, US-VT", note="core router down")
    assert said == "yes: opened I260115-1, under policy p"
    opened = scene.incident
    assert (opened.state, opened.opened_by, opened.regions) == (S.ACKNOWLEDGED, "ann", ("US-VT",))
    assert scene.moves()[0].actor == "ann"
    scene.send()
    scene.after(60)
    assert scene.incident.state is S.ACKNOWLEDGED, "a person's word does not run out"
    said = scene.ask(Verb.RESOLVE, incident=opened.id)
    assert said.startswith("yes: I260115-1 is resolved; notice I260115-1.2 is on its way")
    with scene.store.transaction() as tx:
        assert tx.open_signals(scene.clock.now()) == (), "their own signal ends with it"
    scene.after(30)
    assert [i.state for i in scene.incidents()] == [S.RESOLVED]
    assert len(scene.send()) == 3


def test_a_held_incident_moves_and_is_silent() -> None:
    scene = told(policy(update_every=timedelta(minutes=10)))
    assert scene.ask(Verb.HOLD, **I1) == "yes: I260115-1 held by ann: nothing is said by itself"
    assert "already held" in scene.ask(Verb.HOLD, **I1)
    scene.after(15)
    scene.over(signal())
    scene.settle()
    scene.after(10)
    assert scene.incident.state is S.RESOLVED
    assert scene.said() == ["acknowledge released"]


def test_a_hold_let_go_says_what_is_owed() -> None:
    scene = told(policy(update_every=timedelta(minutes=10)))
    scene.ask(Verb.HOLD, **I1)
    scene.after(15)
    assert scene.ask(Verb.HOLD, on="no", **I1) == "yes: I260115-1 no longer held, says ann"
    assert scene.said() == ["acknowledge released", "update released"]


def test_a_person_may_widen_and_the_wider_area_is_told() -> None:
    scene = told()
    scene.clock.advance(timedelta(minutes=5))
    assert scene.ask(Verb.WIDEN, regions="US-NH", **I1) == "yes: I260115-1 widened to US-NH, US-VT on ann's word"
    assert (scene.incident.regions, scene.incident.widened_by) == (("US-NH", "US-VT"), "ann")
    update = scene.notices(Stage.UPDATE)[0]
    assert len(scene.deliveries(notice=update.id)) == 4
    scene.after(5)
    assert scene.incident.regions == ("US-NH", "US-VT")


def test_a_person_ends_an_outage_and_the_reports_they_judged_do_not_reopen_it() -> None:
    scene = told()
    assert scene.ask(Verb.RESOLVE, note="fixed", **I1).startswith("yes: I260115-1 is resolved; notice")
    scene.hear(signal())
    scene.after(5)
    assert scene.incident.state is S.RESOLVED
    assert "fixed" in scene.notices(Stage.RESOLVE)[0].texts[0].body
    scene.over(signal())
    scene.after(5)
    scene.hear(signal())
    scene.settle()
    assert scene.incident.state is S.ACKNOWLEDGED, "the same trouble told anew is another matter"


def test_nothing_said_no_all_clear() -> None:
    scene = suspected()
    assert scene.ask(Verb.RESOLVE, **I1) == "yes: I260115-1 is resolved; nothing had been said, so nothing is"
    assert scene.said() == ["acknowledge_suspected superseded"]


def ended_while_held() -> Scene:
    """A scene where the outage ended under a hold: people were told of it, and not of its end."""
    scene = told()
    scene.ask(Verb.HOLD, **I1)
    scene.over(signal())
    scene.settle()
    scene.after(10)
    assert (scene.incident.state, scene.said()) == (S.RESOLVED, ["acknowledge released"])
    return scene


@pytest.mark.parametrize(("verb", "arguments", "said"), [
    pytest.param(Verb.HOLD, {"on": "no"}, "resolve released", id="the hold let go"),
    pytest.param(Verb.RESOLVE, {}, "resolve released", id="resolved by a person"),
    pytest.param(Verb.WITHDRAW, {}, "correct released", id="taken back"),
])
def test_who_was_told_learns_that_an_outage_is_over_though_it_ended_while_held(
    verb: Verb, arguments: dict[str, str], said: str
) -> None:
    scene = ended_while_held()
    assert scene.ask(verb, **I1, **arguments).startswith("yes")
    assert scene.said() == ["acknowledge released", said]
    assert len(scene.send()) == 3
    assert scene.ask(Verb.RESOLVE, **I1) == "no: I260115-1 is already resolved", "once is enough"
    scene.ask(Verb.HOLD, on="no", **I1)
    scene.after(30)
    assert scene.said() == ["acknowledge released", said]


def test_an_all_clear_that_is_worth_nothing_any_more_is_owed_no_longer() -> None:
    scene = ended_while_held()
    scene.after(24 * 60)
    assert scene.ask(Verb.HOLD, on="no", **I1) == "no: I260115-1 is already resolved"


# ── Requests that waited ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", Verb)
def test_what_was_asked_long_ago_is_asked_again_unless_it_stops_words(verb: Verb) -> None:
    scene = told()
    with scene.store.transaction() as tx:
        id = tx.put_request(verb, "ann", I1, scene.clock.now())
    scene.clock.advance(timedelta(minutes=15, seconds=1))
    scene.settle()
    with scene.store.transaction() as tx:
        answered = tx.request(id)
    assert answered is not None
    too_old = answered.answer == "too old: asked at 2026-01-15T12:00:00Z; ask again"
    assert too_old is (verb not in (Verb.HOLD, Verb.WITHDRAW, Verb.REFUSE, Verb.DROP))


def test_what_was_asked_a_quarter_of_an_hour_ago_is_still_done() -> None:
    scene = told()
    with scene.store.transaction() as tx:
        tx.put_request(Verb.RESOLVE, "ann", I1, scene.clock.now())
    scene.after(15)
    assert scene.incident.state is S.RESOLVED


# ── False alarms ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_false_alarm_is_corrected_to_exactly_those_who_were_told() -> None:
    scene = Scene(policy(rules={Stage.CORRECT: NoticeRule(release=Release.APPROVE)}), people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    ((delivery, _),) = scene.store.claim("x", 1, timedelta(minutes=5), scene.clock.now())
    assert scene.store.begin(delivery.id, delivery.token, scene.clock.now()) is None
    assert scene.ask(Verb.WITHDRAW, note="a test", **I1) == (
        "yes: I260115-1 is withdrawn; notice I260115-1.2 is on its way, 0 subscribers among its audience")
    (correct,) = scene.notices(Stage.CORRECT)
    assert [(d.channel, d.address) for d in scene.deliveries(notice=correct.id)] == [("x", "")]
    ended = {(d.state, d.reason) for d in scene.deliveries(notice="I260115-1.1") if d.channel == "sms"}
    assert ended == {(DeliveryState.CANCELLED, Reason.WITHDRAWN)}
    scene.after(60)
    assert [i.state for i in scene.incidents()] == [S.WITHDRAWN], "the same report opens nothing more"


def test_a_false_alarm_nobody_heard_of_needs_no_words() -> None:
    scene = Scene(people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    assert scene.ask(Verb.WITHDRAW, **I1) == "yes: I260115-1 is withdrawn; nobody had been told"
    assert scene.said() == ["acknowledge released"]
    assert scene.send() == []


def test_a_false_alarm_cancels_what_waits() -> None:
    scene = suspected()
    scene.ask(Verb.WITHDRAW, **I1)
    assert scene.said() == ["acknowledge_suspected cancelled"]


def test_the_correction_is_not_held_back_by_the_cap() -> None:
    scene = Scene(policy(audience_cap=1), people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    theirs = scene.notices()[1]
    scene.approve(theirs, "ann")
    scene.approve(theirs, "bob")
    assert len(scene.send()) == 3
    assert "is on its way, 2 subscribers" in scene.ask(Verb.WITHDRAW, **I1)
    assert len(scene.send()) == 3


# ── Words of staff's own ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_update_carries_the_note_and_needs_no_other_approval() -> None:
    scene = told(policy(rules={Stage.UPDATE: NoticeRule(release=Release.APPROVE)}))
    assert scene.ask(Verb.UPDATE, note="Crews are on site.", **I1).startswith("yes: notice I260115-1.2 is on its way")
    assert "Crews are on site." in scene.notices(Stage.UPDATE)[0].texts[0].body


def test_over_the_cap_the_person_who_asked_cannot_be_the_second() -> None:
    scene = told(policy(audience_cap=1))
    scene.approve(scene.notices()[1], "ann")
    scene.approve(scene.notices()[1], "bob")
    said = scene.ask(Verb.UPDATE, "ann", note__en="News.", **I1)
    assert "waits for approval: 2 people must agree" in said
    waiting = scene.notices(Stage.UPDATE)[1]
    assert scene.approve(waiting, "ann") == "no: ann has already agreed to I260115-1.4: a second person must"
    assert "is on its way" in scene.approve(waiting, "bob")


@pytest.mark.parametrize("origin", ["catalogue", "mentions"])
def test_a_workaround_a_person_vouches_for_is_passed_on(origin: str) -> None:
    found = workaround(id="edge", origin=origin, verified_by=None, verified_at=None)
    scene = told(policy(Release.APPROVE, rules={Stage.ACKNOWLEDGE: NoticeRule(release=Release.AUTO)}),
                 catalogue=[found] if origin == "catalogue" else [])
    if origin == "mentions":
        with scene.store.transaction() as tx:
            tx.put_workaround(found)
    scene.settle()
    assert scene.said() == ["acknowledge released"], "what nobody vouches for is never passed on"
    assert scene.ask(Verb.WORKAROUND, workaround="edge", **I1).startswith("yes")
    assert scene.incident.state is S.WORKAROUND_KNOWN
    passed = scene.notices(Stage.WORKAROUND)[0]
    assert "Switch off 3G." in passed.texts[0].body
    assert delivery_id(passed.id, "x", "") in {d.id for d in scene.deliveries(notice=passed.id)}
    with scene.store.transaction() as tx:
        assert [w.verified_by for w in tx.workarounds()] == ([] if origin == "catalogue" else ["ann"])


def test_a_workaround_in_a_persons_own_words() -> None:
    scene = told()
    assert scene.ask(Verb.WORKAROUND, text="Use Wi-Fi.", **I1).startswith("yes")
    with scene.store.transaction() as tx:
        (kept,) = tx.workarounds(incident="I260115-1")
    assert (kept.texts, kept.origin, kept.verified_by) == ({"en": "Use Wi-Fi."}, "staff", "ann")
    scene.after(10)
    assert len(scene.notices(Stage.WORKAROUND)) == 1


@pytest.mark.parametrize("why", [{"expires_at": at(-1)}, {"withdrawn_at": at(-1)}, {"regions": ("US-NH",)}])
def test_a_workaround_that_does_not_fit_is_refused(why: dict[str, object]) -> None:
    scene = told(catalogue=[workaround(**why)])
    assert "another service or region, expired or withdrawn" in scene.ask(Verb.WORKAROUND, workaround="edge", **I1)


def test_a_workaround_before_the_acknowledgement_says_both() -> None:
    scene = suspected()
    scene.ask(Verb.WORKAROUND, text="Use Wi-Fi.", **I1)
    assert scene.said() == ["acknowledge_suspected superseded", "workaround released"]
    assert scene.incident.state is S.WORKAROUND_KNOWN
    assert scene.incident.acknowledged_at is not None


def test_each_request_is_answered_once_and_in_order() -> None:
    scene = told()
    with scene.store.transaction() as tx:
        now = scene.clock.now()
        first = tx.put_request(Verb.RESOLVE, "ann", I1, now)
        second = tx.put_request(Verb.WITHDRAW, "bob", I1, now)
    assert scene.decider.run_once() is True
    with scene.store.transaction() as tx:
        answers = [tx.request(id) for id in (first, second)]
    assert [a.accepted for a in answers if a] == [True, False]
    assert scene.decider.run_once() is False
    assert [n.state for n in scene.notices(Stage.RESOLVE)] == [NoticeState.RELEASED]
