"""The loop over the real store: what ends up in incidents, notices and the outbox."""

from __future__ import annotations

from datetime import timedelta

import pytest

from notifier import metrics
from notifier.model.delivery import DeliveryState, Reason
from notifier.model.incident import IncidentState
from notifier.model.notice import NoticeState, Reach, Stage, Wording
from notifier.model.policy import MaintenanceWindow, NoticeRule, Release
from notifier.model.signal import Freshness, Level
from notifier.model.staff import Verb

from .builders import MEASURED, at, crowd, policy, signal, speaker, subscriber, workaround
from .scene import Scene

S = IncidentState
PEOPLE = [subscriber(1, "US-VT"), subscriber(2, "VT-CHITTENDEN"), subscriber(3, "US-NH"), subscriber(4, "US")]


def addresses(scene: Scene, notice: str) -> list[str]:
    return sorted(d.address for d in scene.deliveries(notice=notice))


def test_nothing_heard_nothing_written() -> None:
    scene = Scene()
    assert scene.decider.run_once() is False
    assert scene.incidents() == ()


def test_an_outage_from_first_report_to_all_clear() -> None:
    scene = Scene(people=PEOPLE)
    scene.hear(crowd())
    scene.settle()
    assert scene.incident.state is S.ACKNOWLEDGED
    (first,) = scene.notices()
    assert (first.wording, first.state) == (Wording.ACKNOWLEDGE_SUSPECTED, NoticeState.RELEASED)
    assert addresses(scene, first.id) == ["", "+18025550001", "+18025550002"], "public, and those inside the region"
    assert len(scene.send()) == 3

    scene.clock.advance(timedelta(minutes=6))
    scene.hear(signal(klass=MEASURED, score=0.9))
    scene.settle()
    assert scene.said()[1:] == ["update released"], "confirmed since"
    scene.send()

    scene.over(crowd(), signal(klass=MEASURED))
    scene.settle()
    assert scene.incident.state is S.MONITORING
    scene.after(9)
    assert scene.incident.state is S.MONITORING
    scene.after(1)
    assert scene.incident.state is S.RESOLVED
    last = scene.notices()[-1]
    assert (last.stage, last.state) == (Stage.RESOLVE, NoticeState.RELEASED)
    assert addresses(scene, last.id) == addresses(scene, first.id), "exactly those who were told"
    assert len(scene.send()) == 3
    assert [m.after for m in scene.moves() if m.before is not m.after] == [
        S.SUSPECTED, S.ACKNOWLEDGED, S.MONITORING, S.RESOLVED]
    assert all(m.reason for m in scene.moves())


def test_a_second_turn_with_nothing_new_writes_nothing() -> None:
    scene = Scene(people=PEOPLE)
    scene.hear(crowd(), signal("US-NH", MEASURED, score=0.95), signal("CA", service="power"))
    scene.settle()
    before = (scene.incidents(), scene.notices(), scene.deliveries())
    assert scene.decider.run_once() is False
    assert (scene.incidents(), scene.notices(), scene.deliveries()) == before
    assert len(scene.incidents()) == 3


def test_incident_change_and_outbox_are_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    scene.hear(signal())

    def cut(name: str) -> None:
        if name == "decide.before_commit":
            raise KeyboardInterrupt

    monkeypatch.setattr("notifier.incidents.decider.failpoint", cut)
    with pytest.raises(KeyboardInterrupt):
        scene.decider.run_once()
    assert (scene.incidents(), scene.notices(), scene.deliveries()) == ((), [], ())
    assert scene.events == [], "nothing is told of what was not kept"
    monkeypatch.undo()
    scene.settle()
    assert scene.incident.state is S.ACKNOWLEDGED
    assert scene.incident.id == "I260115-1"


def test_the_wait_for_approval_ends_with_its_deadline() -> None:
    rule = NoticeRule(release=Release.APPROVE_OR_AFTER, after=timedelta(minutes=5))
    scene = Scene(policy(rules={Stage.ACKNOWLEDGE: rule}))
    scene.hear(signal())
    scene.settle()
    assert scene.said() == ["acknowledge waiting"]
    assert scene.incident.state is S.CONFIRMED, "acknowledged only once it is released"
    scene.after(4.9)
    assert scene.said() == ["acknowledge waiting"]
    scene.after(0.1)
    assert scene.said() == ["acknowledge released"]
    assert scene.incident.state is S.ACKNOWLEDGED


@pytest.mark.parametrize("why", ["held", "killed", "calm", "blind"])
def test_no_deadline_lets_go_what_should_not_be_said(why: str) -> None:
    rule = NoticeRule(release=Release.APPROVE_OR_AFTER, after=timedelta(minutes=5))
    scene = Scene(policy(rules={Stage.ACKNOWLEDGE: rule}))
    scene.hear(signal())
    scene.settle()
    if why == "held":
        assert scene.ask(Verb.HOLD, incident=scene.incident.id).startswith("yes")
    elif why == "killed":
        scene.kill("on")
    else:
        scene.over(signal())
        if why == "blind":
            scene.source("official-feed", Freshness.STALE)
    scene.after(6)
    assert scene.said() == ["acknowledge waiting"]
    assert scene.deliveries() == ()
    if why == "held":
        scene.ask(Verb.HOLD, incident=scene.incident.id, on="no")
    elif why == "killed":
        scene.kill("off")
    else:
        scene.source("official-feed", Freshness.FRESH)
        scene.hear(signal())
    scene.settle()
    assert scene.said() == ["acknowledge released"]


def test_words_written_anew_do_not_give_the_deadline_more_time() -> None:
    rule = NoticeRule(release=Release.APPROVE_OR_AFTER, after=timedelta(minutes=5))
    scene = Scene(policy(rules={Stage.ACKNOWLEDGE: rule}))
    scene.hear(crowd("VT-CHITTENDEN"))
    scene.settle()
    scene.clock.advance(timedelta(minutes=4))
    scene.hear(signal("US-VT"))
    scene.settle()
    assert scene.said() == ["acknowledge_suspected superseded", "acknowledge waiting"]
    assert scene.notices()[1].regions == ("US-VT",)
    scene.after(1)
    assert scene.said()[1] == "acknowledge released"


def test_what_nobody_answered_expires_and_is_asked_anew() -> None:
    scene = Scene(policy(Release.APPROVE))
    scene.hear(signal())
    scene.settle()
    scene.after(60)
    assert scene.said() == ["acknowledge expired", "acknowledge waiting"]


def test_a_late_acknowledgement_is_dropped_by_the_fix() -> None:
    scene = Scene(policy(Release.APPROVE), people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    scene.over(signal())
    scene.settle()
    scene.after(10)
    assert scene.incident.state is S.RESOLVED
    assert scene.said() == ["acknowledge superseded"], "and no all-clear for what nobody heard of"
    assert scene.deliveries() == ()


def test_what_was_released_but_not_sent_when_it_was_fixed_is_never_sent() -> None:
    scene = Scene(people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    scene.over(signal())
    scene.settle()
    scene.after(10)
    assert {(d.state, d.reason) for d in scene.deliveries()} == {(DeliveryState.CANCELLED, Reason.SUPERSEDED)}
    assert scene.said() == ["acknowledge released", "resolve cancelled"]
    assert scene.send() == []
    assert scene.decider.run_once() is False


def test_whoever_is_being_told_at_the_moment_of_the_fix_is_owed_the_all_clear() -> None:
    scene = Scene(people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    ((delivery, _),) = scene.store.claim("x", 1, timedelta(hours=1), scene.clock.now())
    assert scene.store.begin(delivery.id, delivery.token, scene.clock.now()) is None
    scene.over(signal())
    scene.settle()
    scene.after(10)
    (resolve,) = scene.notices(Stage.RESOLVE)
    assert [(d.channel, d.address) for d in scene.deliveries(notice=resolve.id)] == [("x", "")]


def test_unknown_never_resolves_and_says_nothing() -> None:
    scene = Scene()
    scene.hear(signal())
    scene.settle()
    scene.source("official-feed", Freshness.FAILING)
    scene.over(signal())
    scene.settle()
    scene.after(24 * 60)
    assert scene.incident.state is S.ACKNOWLEDGED
    assert scene.incident.calm_since is None
    scene.source("official-feed", Freshness.FRESH)
    scene.settle()
    scene.after(10)
    assert scene.incident.state is S.RESOLVED


def test_the_last_word_of_a_dead_source_is_not_told_again_for_hours() -> None:
    scene = Scene(policy(update_every=timedelta(minutes=30)), people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    scene.source("official-feed", Freshness.STALE)
    for _ in range(8):
        scene.after(30)
    assert scene.incident.state is S.ACKNOWLEDGED
    assert scene.said() == ["acknowledge released"]


def test_the_last_word_of_a_dead_source_opens_nothing() -> None:
    scene = Scene(people=PEOPLE)
    scene.source("official-feed", Freshness.FAILING)
    scene.hear(signal())
    scene.after(5)
    assert scene.incidents() == ()
    scene.source("official-feed", Freshness.FRESH)
    scene.settle()
    assert scene.incident.state is S.ACKNOWLEDGED


def test_an_outage_is_opened_only_where_it_can_be_heard() -> None:
    scene = Scene(people=PEOPLE)
    scene.source("official-feed", Freshness.STALE)
    scene.hear(signal("US-VT"), crowd("VT-CHITTENDEN"))
    scene.after(30)
    assert scene.incident.regions == ("VT-CHITTENDEN",)
    assert scene.said() == ["acknowledge_suspected released"]


def test_a_crowd_whose_listeners_die_is_not_calm_because_staff_confirmed_it() -> None:
    scene = Scene()
    scene.hear(crowd(lasts_until=at(5)))
    scene.settle()
    assert scene.ask(Verb.CONFIRM, incident=scene.incident.id).startswith("yes")
    scene.source("crowd-feed", Freshness.STALE)
    scene.after(24 * 60)
    assert scene.incident.state is S.ACKNOWLEDGED
    assert scene.incident.calm_since is None


@pytest.mark.parametrize(("ended", "state"), [
    pytest.param(True, S.RESOLVED, id="the crowd was seen to have gone home"),
    pytest.param(False, S.ACKNOWLEDGED, id="the crowd only fell silent with its listener"),
])
def test_a_blind_sources_trouble_is_over_only_if_it_said_so(ended: bool, state: IncidentState) -> None:
    scene = Scene()
    scene.hear(crowd(lasts_until=at(5)), signal())
    scene.settle()
    scene.clock.advance(timedelta(minutes=1))
    scene.over(*[crowd(lasts_until=at(5))] * ended)
    scene.source("crowd-feed", Freshness.STALE)
    scene.settle()
    scene.after(5)
    scene.over(signal())
    scene.settle()
    scene.after(30)
    assert scene.incident.state is state


@pytest.mark.parametrize("outgrown", ["regions", "levels"])
def test_an_outage_that_outgrew_its_policy_speaks_only_as_far_as_the_one_that_fits_now_agrees(outgrown: str) -> None:
    made_for = {"regions": ("VT-CHITTENDEN",)} if outgrown == "regions" else {"levels": (Level.MINOR,)}
    small = policy(Release.AUTO, rules=None, id="small", **made_for)
    scene = Scene(small, policy(Release.APPROVE, id="large"), people=PEOPLE)
    scene.hear(signal("VT-CHITTENDEN", level=Level.MINOR))
    scene.settle()
    assert (scene.incident.policy, scene.said()) == ("small", ["acknowledge released"])
    scene.clock.advance(timedelta(minutes=6))
    scene.hear(signal("US-VT", level=Level.MAJOR, fingerprint="b"))
    scene.settle()
    assert (scene.incident.policy, scene.said()) == ("small", ["acknowledge released", "update waiting"])


def test_a_flapping_source_is_one_incident_with_one_acknowledgement() -> None:
    scene = Scene(people=PEOPLE)
    for _ in range(6):
        scene.hear(signal())
        scene.settle()
        scene.send()
        scene.clock.advance(timedelta(minutes=5))
        scene.over(signal())
        scene.settle()
        scene.after(12)
        scene.send()
    assert len(scene.incidents()) == 1
    assert len(scene.notices(Stage.ACKNOWLEDGE)) == 1
    assert len(scene.notices(Stage.RESOLVE)) == 1, "the second all-clear waits for the hold-down"
    assert len(scene.notices(Stage.UPDATE)) == 1, "told once that it is back"


def test_an_all_clear_not_yet_sent_when_trouble_returns_is_never_sent() -> None:
    scene = Scene(people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    scene.send()
    scene.over(signal())
    scene.settle()
    scene.after(10)
    (resolve,) = scene.notices(Stage.RESOLVE)
    scene.hear(signal())
    scene.settle()
    assert {(d.state, d.reason) for d in scene.deliveries(notice=resolve.id)} == {
        (DeliveryState.CANCELLED, Reason.SUPERSEDED)}
    assert {d.stage for d in scene.send()} == {Stage.UPDATE}


def test_after_the_hold_down_it_is_a_new_outage() -> None:
    scene = Scene()
    scene.hear(signal())
    scene.settle()
    scene.over(signal())
    scene.settle()
    scene.after(10)
    scene.clock.advance(timedelta(minutes=30))
    scene.hear(signal())
    scene.settle()
    assert [i.state for i in scene.incidents()] == [S.RESOLVED, S.ACKNOWLEDGED]


def test_a_countrywide_report_merges_two_states_and_both_hear_the_end() -> None:
    scene = Scene(policy(update_every=None), people=PEOPLE)
    scene.hear(crowd("VT-CHITTENDEN"))
    scene.settle()
    scene.send()
    scene.clock.advance(timedelta(minutes=1))
    scene.hear(crowd("US-NH"))
    scene.settle()
    scene.send()
    scene.clock.advance(timedelta(minutes=10))
    scene.hear(signal("US"))
    scene.settle()
    older, younger = scene.incidents()
    assert (older.state, younger.state, younger.merged_into) == (S.ACKNOWLEDGED, S.MERGED, older.id)
    assert older.regions == ("US",)
    assert scene.notices(Stage.UPDATE)[0].regions == ("US",)
    scene.send()
    scene.over(signal("US"), crowd("VT-CHITTENDEN"), crowd("US-NH"))
    scene.settle()
    scene.after(10)
    (resolve,) = scene.notices(Stage.RESOLVE)
    assert addresses(scene, resolve.id) == ["", "+18025550001", "+18025550002", "+18025550003", "+18025550004"]
    assert len(scene.send()) == 5


def test_what_waits_at_the_merged_incident_is_said_by_the_survivor() -> None:
    scene = Scene(policy(Release.APPROVE))
    scene.hear(crowd("VT-CHITTENDEN"), crowd("US-NH"))
    scene.settle()
    scene.hear(signal("US"))
    scene.settle()
    survivor = next(i for i in scene.incidents() if i.state.is_open)
    waiting = [n for n in scene.notices() if n.state is NoticeState.WAITING]
    assert [(n.incident, n.regions) for n in waiting] == [(survivor.id, ("US",))]


def test_those_told_by_the_merged_incident_only_still_hear_the_end() -> None:
    rules = policy(rules={Stage.UPDATE: NoticeRule(release=Release.APPROVE)})
    scene = Scene(rules, people=PEOPLE)
    scene.hear(crowd("VT-CHITTENDEN"))
    scene.settle()
    scene.send()
    scene.clock.advance(timedelta(minutes=1))
    scene.hear(crowd("US-NH"))
    scene.settle()
    scene.send()
    scene.hear(signal("US"))
    scene.settle()
    scene.over(signal("US"), crowd("VT-CHITTENDEN"), crowd("US-NH"))
    scene.settle()
    scene.after(10)
    (resolve,) = scene.notices(Stage.RESOLVE)
    assert addresses(scene, resolve.id) == ["", "+18025550002", "+18025550003"]
    assert len(scene.send()) == 3


def test_over_the_cap_the_public_is_told_and_subscribers_wait_for_two_people() -> None:
    scene = Scene(policy(audience_cap=1), people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    public, theirs = scene.notices()
    assert (public.state, public.reach, public.audience) == (NoticeState.RELEASED, Reach.PUBLIC, 0)
    assert (theirs.state, theirs.reach, theirs.audience) == (NoticeState.WAITING, Reach.SUBSCRIBERS, 2)
    assert (theirs.approvals_needed, theirs.release_by) == (2, None)
    assert scene.incident.state is S.ACKNOWLEDGED
    assert scene.decider.run_once() is False
    scene.after(30)
    assert scene.approve(theirs, "ann").startswith("yes: approved; I260115-1.2 needs 1 more")
    assert scene.approve(theirs, "ann").startswith("no: ann has already agreed")
    assert scene.approve(theirs, "bob").startswith("yes: notice I260115-1.2 is on its way")
    assert addresses(scene, theirs.id) == ["+18025550001", "+18025550002"], "the public is not told twice"


def test_people_who_join_while_it_waits_can_lift_it_over_the_cap() -> None:
    scene = Scene(policy(Release.APPROVE, audience_cap=2), people=PEOPLE)
    scene.hear(signal())
    scene.settle()
    (waiting,) = scene.notices()
    with scene.store.transaction() as tx:
        tx.put_subscriber(subscriber(9, "US-VT"))
    scene.approve(waiting)
    (again,) = scene.notices()
    assert (again.state, again.approvals_needed, again.audience) == (NoticeState.WAITING, 2, 3)
    assert scene.approve(again, "bob").startswith("yes: approved; I260115-1.1 needs 1 more"), "the first yes is void"
    assert scene.approve(again, "ann").startswith("yes: notice I260115-1.1 is on its way")


def test_a_catalogue_workaround_follows_the_acknowledgement() -> None:
    scene = Scene(policy(rules={Stage.WORKAROUND: NoticeRule(release=Release.APPROVE)}), catalogue=[
        workaround(id="other", service="power"), workaround(id="late", expires_at=signal().observed_at),
        workaround(id="elsewhere", regions=("US-NH",)), workaround(id="edge", regions=("US",))])
    scene.hear(signal())
    scene.settle()
    assert scene.said() == ["acknowledge released", "workaround waiting"]
    scene.approve(scene.notices()[1])
    assert scene.incident.state is S.WORKAROUND_KNOWN
    assert "Switch off 3G." in scene.notices()[1].texts[0].body


def test_a_wording_the_template_lacks_is_reported_once_and_writes_nothing() -> None:
    scene = Scene(speaker=speaker(wordings=set(Wording) - {Wording.ACKNOWLEDGE}))
    scene.hear(signal())
    scene.settle()
    assert scene.incident.state is S.CONFIRMED
    scene.after(1)
    assert [e.text for e in scene.events if e.name == "notice.impossible"] == [
        "I260115-1 acknowledge: template t has no wording acknowledge"]


def test_a_reload_leaves_notices_and_policy_of_what_is_under_way() -> None:
    scene = Scene(policy(Release.APPROVE))
    scene.hear(signal())
    scene.settle()
    (waiting,) = scene.notices()
    scene.decider.replace(speaker(), [policy(id="new"), policy(Release.APPROVE)])
    scene.settle()
    assert scene.notices() == [waiting]
    assert scene.incident.policy == "p"
    scene.decider.replace(speaker(), [policy(id="new")])
    scene.settle()
    assert scene.notices() == [waiting], "a policy that is gone is replaced by the one that fits now"


def test_a_promised_update_is_made_each_time() -> None:
    scene = Scene(policy(update_every=timedelta(minutes=30)))
    scene.hear(signal())
    scene.settle()
    for _ in range(90):
        scene.after(1)
    assert scene.said() == ["acknowledge released"] + ["update released"] * 3


# ── Planned work ─────────────────────────────────────────────────────────────────────────────────────────────────────


def window(starts: str = "2026-01-15T13:00:00Z", ends: str = "2026-01-15T14:00:00Z") -> MaintenanceWindow:
    return MaintenanceWindow(id="fibre", service="mobile-data", regions=("US-VT",), starts_at=starts, ends_at=ends,
                             announce_before=timedelta(minutes=30))


def test_planned_work_is_announced_suppresses_and_ends() -> None:
    scene = Scene(people=PEOPLE, maintenance=[window()])
    scene.settle()
    assert scene.notices() == []
    scene.after(30)
    (announced,) = scene.notices()
    assert (announced.incident, announced.wording, announced.state) == (
        "M-fibre", Wording.MAINTENANCE, NoticeState.RELEASED)
    assert addresses(scene, announced.id) == ["", "+18025550001", "+18025550002"]
    assert len(scene.send()) == 3
    scene.clock.advance(timedelta(minutes=40))
    scene.hear(crowd("VT-CHITTENDEN"))
    scene.settle()
    assert scene.incidents() == ()
    assert [e.text for e in scene.events if e.name == "evidence.left_out"] == [
        "planned work fibre until 2026-01-15T14:00:00Z explains 1 signals about mobile-data in VT-CHITTENDEN"]
    scene.after(50)
    assert scene.said()[:2] == ["acknowledge_suspected released", "maintenance released"]
    assert [n.wording for n in scene.notices(Stage.MAINTENANCE)] == [Wording.MAINTENANCE, Wording.MAINTENANCE_END]
    assert scene.incident.state is S.ACKNOWLEDGED, "what is still wrong after the work is an outage"


def test_planned_work_that_moves_is_announced_again() -> None:
    scene = Scene(maintenance=[window()])
    scene.after(30)
    scene.decider.replace(speaker(), [policy()], [window(starts="2026-01-15T12:50:00Z")])
    scene.settle()
    assert scene.said() == ["maintenance released", "maintenance released"]


def test_an_announcement_waits_for_approval_where_policy_says_so_and_goes_with_its_window() -> None:
    scene = Scene(policy(Release.APPROVE), maintenance=[window()])
    scene.after(30)
    assert scene.said() == ["maintenance waiting"]
    assert scene.approve(scene.notices()[0]).startswith("yes")
    scene.decider.replace(speaker(), [policy(Release.APPROVE)], [window(ends="2026-01-15T15:00:00Z")])
    scene.settle()
    scene.decider.replace(speaker(), [policy(Release.APPROVE)])
    scene.settle()
    assert scene.said() == ["maintenance released", "maintenance cancelled"]


# ── What else is kept and told ───────────────────────────────────────────────────────────────────────────────────────


def test_what_customers_found_is_kept_for_a_person_and_never_passed_on_by_itself() -> None:
    scene = Scene()
    for number in range(8):
        said = crowd(facts={"workaround": f"  switch off 3G {number}  "}, why="7 people say so")
        scene.hear(said)
        scene.settle()
    with scene.store.transaction() as tx:
        found = tx.workarounds(incident="I260115-1")
    assert len(found) == 5, "a person has to read them"
    assert {(w.origin, w.verified_by, w.evidence) for w in found} == {("mentions", None, "7 people say so")}
    assert "switch off 3G 0" in {w.texts["en"] for w in found}
    assert scene.said() == ["acknowledge_suspected released"]
    assert scene.ask(Verb.WORKAROUND, incident=scene.incident.id, workaround=found[0].id).startswith("yes")
    assert scene.said()[1:] == ["workaround released"]


def test_what_a_vendor_says_helps_is_kept_as_evidence_and_as_a_candidate_with_its_source() -> None:
    scene = Scene()
    scene.hear(signal())
    scene.settle()
    scene.hear(signal(facts={"workaround": "Retry the request.", "restoration_at": "2026-01-15T14:30:00Z"}))
    scene.settle()
    with scene.store.transaction() as tx:
        (kept,) = tx.evidence_of("I260115-1")
        (found,) = tx.workarounds(incident="I260115-1")
    assert kept.facts == {"workaround": "Retry the request.", "restoration_at": "2026-01-15T14:30:00Z"}
    assert (found.origin, found.verified_by, found.texts["en"]) == ("vendor", None, "Retry the request.")
    assert found.evidence.startswith("official-feed: ")
    assert scene.said() == ["acknowledge released"]


def test_evidence_tells_how_many_complain_now_though_no_minute_was_louder_than_the_first() -> None:
    scene = Scene()
    for people in (9, 12):
        scene.hear(crowd(facts={"people": str(people)}, why=f"{people} people complain"))
        scene.settle()
    with scene.store.transaction() as tx:
        (kept,) = tx.evidence_of("I260115-1")
    assert (kept.facts["people"], kept.why) == ("12", "12 people complain")


def test_the_next_moment_is_named_for_every_rule_that_waits_for_time() -> None:
    rules = {Stage.ACKNOWLEDGE: NoticeRule(release=Release.APPROVE_OR_AFTER, after=timedelta(minutes=5))}
    scene = Scene(policy(rules=rules, update_every=timedelta(minutes=30)), maintenance=[window()])

    def minutes() -> float | None:
        due = scene.decider.next_due()
        return None if due is None else (due - scene.clock.now()).total_seconds() / 60

    assert minutes() == 30, "the announcement"
    scene.hear(signal(lasts_until=at(3)), crowd())
    scene.settle()
    assert minutes() == 3, "a signal runs out"
    scene.after(3)
    assert minutes() == 2, "the deadline"
    scene.after(2)
    assert minutes() == 5, "the growth pause"
    scene.after(5)
    assert minutes() == 19, "the promised update, a minute ahead of time"
    scene.over(crowd())
    scene.settle()
    assert minutes() == 10, "the all-clear"
    scene.after(10)
    assert scene.incident.state is S.RESOLVED


def test_gauges_say_what_is_open() -> None:
    scene = Scene(policy(Release.APPROVE))
    scene.hear(signal(), crowd("US-NH"), signal("CA", service="power"))
    scene.settle()

    def value(name: str, **labels: str) -> float | None:
        return metrics.REGISTRY.get_sample_value(name, labels)

    assert value("notifier_incidents", state="confirmed") == 2
    assert value("notifier_incidents", state="suspected") == 1
    assert value("notifier_evidence_signals", **{"class": "official"}) == 2
    assert value("notifier_notices_waiting") == 3


def test_the_time_to_acknowledge_is_measured_from_the_first_evidence() -> None:
    scene = Scene(policy(Release.APPROVE))
    scene.hear(signal())
    scene.settle()
    scene.clock.advance(timedelta(minutes=7))
    scene.approve(scene.notices()[0])
    assert [e.seconds for e in scene.events if e.name == "incident.acknowledged"] == [420.0]


def test_logs_hold_no_words_of_staff(capsys: pytest.CaptureFixture[str]) -> None:
    scene = Scene()
    scene.hear(signal())
    scene.settle()
    scene.ask(Verb.UPDATE, "ann@example.net", incident=scene.incident.id, note="call +18025550001")
    scene.ask(Verb.WITHDRAW, "ann@example.net", incident=scene.incident.id, note="call +18025550001")
    printed = capsys.readouterr()
    assert "I260115-1" in printed.out + printed.err
    assert "+1802" not in printed.out + printed.err
    assert "ann@" not in printed.out + printed.err
