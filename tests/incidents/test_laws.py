"""What holds whatever happens: laws of decide(), and of the loop over the real store."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from notifier.incidents.decide import decide
from notifier.incidents.evidence import covered
from notifier.incidents.situation import Situation
from notifier.model.incident import MOVES, Incident, IncidentState
from notifier.model.notice import Notice, NoticeState, Stage, Wording
from notifier.model.policy import NoticeRule, Policy, Release
from notifier.model.signal import Evidence, Freshness, Level, Signal, SignalClass
from notifier.model.staff import Verb

from .builders import MEASURED, OFFICIAL, TREE, at, crowd, evidence, incident, notice, policy, signal, subscriber
from .scene import Scene

S = IncidentState
PLACES = ["US", "US-VT", "VT-CHITTENDEN", "VT-WASHINGTON", "US-NH", "NH-GRAFTON"]

# ── decide() ─────────────────────────────────────────────────────────────────────────────────────────────────────────

signals = st.builds(
    lambda place, klass, level, score, print_: signal(place, klass, level=level, score=score, fingerprint=print_),
    st.sampled_from(PLACES), st.sampled_from(SignalClass), st.sampled_from([x for x in Level if x is not Level.OK]),
    st.sampled_from([0.1, 0.5, 0.9, 1.0]), st.sampled_from("ab"))
evidences = st.builds(
    lambda now, over, blind: evidence(*{s.key: s for s in now}.values(), over=over, blind=blind),
    st.lists(signals, max_size=4), st.lists(signals, max_size=3),
    st.lists(st.sampled_from([f"{k.value}-feed" for k in SignalClass]), unique=True))
moments = st.none() | st.integers(0, 60).map(at)
incidents = st.none() | st.builds(
    lambda state, regions, calm, next_update, held, acked: incident(
        state, regions, calm_since=calm, next_update_by=next_update, held_by=held, acknowledged_at=acked),
    st.sampled_from([s for s in S if s not in (S.WITHDRAWN, S.MERGED)]),
    st.lists(st.sampled_from(PLACES), min_size=1, max_size=2).map(lambda r: TREE.outermost(r)),
    moments, moments, st.none() | st.just("ann"), moments)
notices = st.lists(st.builds(
    lambda wording, state, minute, n: notice(wording, state, minute=minute, sequence=n),
    st.sampled_from([w for w in Wording if not w.value.startswith("maintenance")]), st.sampled_from(NoticeState),
    st.integers(0, 60), st.integers(1, 9)), max_size=3, unique_by=lambda n: n.id).map(tuple)
policies = st.builds(
    lambda release, clear, at_, every: policy(release, clear_after=clear, acknowledge_at=at_, update_every=every),
    st.sampled_from(Release), st.sampled_from([timedelta(0), timedelta(minutes=10)]),
    st.sampled_from(["suspected", "confirmed"]), st.none() | st.just(timedelta(minutes=30)))


@given(incidents, evidences, policies, notices, st.integers(0, 120), st.booleans())
def test_laws_of_decide(
    before: Incident | None, shown: Evidence, rules: Policy, said: tuple[Notice, ...], minute: int, killed: bool
) -> None:
    situation = Situation(TREE, notices=said, template="t", killed=killed)
    found = decide(before, shown, rules, at(minute), situation=situation)
    assert found == decide(before, shown, rules, at(minute), situation=situation), "pure"
    assert found.reason, "every decision has its reason"
    assert len(found.wants) <= 1
    if killed or (before is not None and before.held_by):
        assert found.wants == (), "a hold and the kill switch stop words"
    after = found.after
    if after is None:
        assert before is None
        return
    if before is None:
        live = [s.region for s in shown.signals if s.level.is_trouble
                and (s.source not in shown.blind or s.klass is SignalClass.CROWD)]
        assert after.regions == TREE.outermost(live), "opened on what can be heard, and for nowhere else"
        assert live, "unknown never opens"
        return
    assert after.state is before.state or after.state in MOVES[before.state], "only moves of the table"
    assert covered(TREE, after.regions, (*before.regions, *shown.regions)), "never outside the evidence"
    if any(n.state is NoticeState.RELEASED for n in said):
        assert covered(TREE, before.regions, after.regions), "what was told is never taken back while open"
    if after.state is S.RESOLVED and before.state is not S.RESOLVED:
        assert not shown.classes, "no all-clear while trouble is reported, were it by a blind source"
        machines = [s for s in (*shown.signals, *shown.over) if s.klass is not SignalClass.STAFF]
        assert not machines or any(s.source not in shown.blind for s in machines), "somebody saw the calm"
        assert (before.calm_since or at(minute)) + rules.clear_after <= at(minute), "calm long enough"
    if found.wants and found.wants[0].stage is Stage.RESOLVE:
        assert any(n.state is NoticeState.RELEASED for n in said), "all-clear only after something was said"


@given(incidents.filter(lambda i: i is not None and i.state.is_open), evidences, policies, st.integers(0, 60))
def test_deciding_again_in_the_same_moment_changes_nothing(
    before: Incident, shown: Evidence, rules: Policy, minute: int
) -> None:
    once = decide(before, shown, rules, at(minute), situation=Situation(TREE)).after
    assert once is not None
    if not once.state.is_open:
        return
    twice = decide(once, shown, rules, at(minute), situation=Situation(TREE))
    assert twice.after == once
    assert not twice.notable


# ── The loop ─────────────────────────────────────────────────────────────────────────────────────────────────────────

CROWD_FEED, OFFICIAL_FEED, PROBE = "crowd-feed", "official-feed", "measurement-feed"


class Deployment(RuleBasedStateMachine):
    """Sources, staff and time do what they like; the decider follows."""

    def __init__(self) -> None:
        super().__init__()
        rules = policy(
            update_every=timedelta(minutes=30), audience_cap=3,
            rules={Stage.UPDATE: NoticeRule(release=Release.APPROVE_OR_AFTER, after=timedelta(minutes=3))})
        people = [subscriber(n, place) for n, place in enumerate(PLACES)]
        self.scene = Scene(rules, people=people)
        self.on: dict[tuple[str, str, str, str], Signal] = {}
        self.blind: set[str] = set()

    @rule(place=st.sampled_from(PLACES), klass=st.sampled_from([SignalClass.CROWD, MEASURED, OFFICIAL]),
          score=st.sampled_from([0.3, 0.8, 1.0]))
    def trouble(self, place: str, klass: SignalClass, score: float) -> None:
        told = crowd(place, score) if klass is SignalClass.CROWD else signal(place, klass, score=score)
        self.on[told.key] = told
        self.scene.hear(told)
        self.scene.settle()

    @precondition(lambda self: self.on)
    @rule(data=st.data())
    def relief(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.on)))
        self.scene.over(self.on.pop(key))
        self.settle_and_check_ends()

    @rule(source=st.sampled_from([CROWD_FEED, OFFICIAL_FEED, PROBE]), blind=st.booleans())
    def sight(self, source: str, blind: bool) -> None:
        (self.blind.add if blind else self.blind.discard)(source)
        self.scene.source(source, Freshness.STALE if blind else Freshness.FRESH)
        self.settle_and_check_ends()

    @rule(minutes=st.sampled_from([1, 4, 11, 35]))
    def time(self, minutes: int) -> None:
        self.scene.clock.advance(timedelta(minutes=minutes))
        self.settle_and_check_ends()

    @rule()
    def send(self) -> None:
        self.scene.send()

    @rule(verb=st.sampled_from([Verb.HOLD, Verb.RESOLVE, Verb.WITHDRAW, Verb.WIDEN, Verb.UPDATE, Verb.WORKAROUND]),
          on=st.sampled_from(["yes", "no"]), place=st.sampled_from(PLACES), data=st.data())
    def staff(self, verb: Verb, on: str, place: str, data: st.DataObject) -> None:
        ids = [i.id for i in self.scene.incidents()] or ["none"]
        self.scene.ask(verb, incident=data.draw(st.sampled_from(ids)), on=on, regions=place, note="n", text="t")

    @precondition(lambda self: any(n.state is NoticeState.WAITING for n in self.scene.notices()))
    @rule(data=st.data(), actor=st.sampled_from(["ann", "bob"]), verb=st.sampled_from([Verb.APPROVE, Verb.REFUSE]))
    def answer(self, data: st.DataObject, actor: str, verb: Verb) -> None:
        waiting = [n for n in self.scene.notices() if n.state is NoticeState.WAITING]
        chosen = data.draw(st.sampled_from(waiting))
        self.scene.ask(verb, actor, notice=chosen.id, digest=chosen.digest)

    def settle_and_check_ends(self) -> None:
        """Settle; what ended by itself in that moment was seen to be over, and what was held stayed silent."""
        before = {i.id: i for i in self.scene.incidents()}
        spoken = {n.id: n.state for n in self.scene.notices()}
        self.scene.settle()
        for found in self.scene.incidents():
            was = before.get(found.id)
            if was is not None and was.state.is_open and found.state is S.RESOLVED:
                with self.scene.store.transaction() as tx:
                    reporters = {s.source for s in tx.evidence_of(found.id)}
                assert not reporters <= self.blind, "unknown never resolves"
        held = {i.id for i in before.values() if i.held_by} & {
            i.id for i in self.scene.incidents() if i.state is not S.MERGED}
        for n in self.scene.notices():
            if n.incident in held and n.state is NoticeState.RELEASED:
                assert spoken.get(n.id) is NoticeState.RELEASED, "a held incident says nothing by itself"

    # ── what always holds ────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def every_move_is_in_the_table(self) -> None:
        for found in self.scene.incidents():
            for move in self.scene.moves(found.id):
                if move.before is not None and move.before is not move.after:
                    assert move.after in MOVES[move.before]

    @invariant()
    def no_notice_reaches_outside_the_evidence(self) -> None:
        by_id = {i.id: i for i in self.scene.incidents()}
        for n in self.scene.notices():
            with self.scene.store.transaction() as tx:
                places = {s.region for s in tx.evidence_of(n.incident)}
            if by_id[n.incident].widened_by is None:
                assert covered(TREE, n.regions, places)

    @invariant()
    def one_acknowledgement_an_incident(self) -> None:
        for found in self.scene.incidents():
            out = [n for n in self.scene.notices(Stage.ACKNOWLEDGE)
                   if n.incident == found.id and n.state is NoticeState.RELEASED]
            assert len({n.reach for n in out}) == len(out), "at most one to the public and one to subscribers"

    @invariant()
    def nothing_waits_that_the_end_has_overtaken(self) -> None:
        ended = {i.id for i in self.scene.incidents() if not i.state.is_open}
        for n in self.scene.notices():
            if n.incident in ended and n.state is NoticeState.WAITING:
                assert n.stage in (Stage.RESOLVE, Stage.CORRECT)

    @invariant()
    def open_incidents_of_one_service_are_apart(self) -> None:
        open_ = [i for i in self.scene.incidents() if i.state.is_open]
        with self.scene.store.transaction() as tx:  # what a person withdrew may still be reported, and joins nothing
            seen = {s.region for i in open_ for s in tx.evidence_of(i.id) if s.key in self.on}
        for one in open_:
            for other in open_:
                if one.id < other.id:
                    both = [r for r in seen if all(any(TREE.related(r, x) for x in i.regions) for i in (one, other))]
                    assert not both, "a report that covers two incidents merges them"

    @invariant()
    def the_all_clear_goes_only_to_who_was_told(self) -> None:
        deliveries = self.scene.deliveries()
        family = {i.id: i.merged_into or i.id for i in self.scene.incidents()}

        def root(id: str) -> str:
            return id if family[id] == id else root(family[id])

        told = {(root(d.incident), d.channel, d.address) for d in deliveries
                if d.stage not in (Stage.RESOLVE, Stage.CORRECT) and d.began_at is not None}
        for d in deliveries:
            if d.stage in (Stage.RESOLVE, Stage.CORRECT):
                assert (root(d.incident), d.channel, d.address) in told

    @invariant()
    def at_rest_nothing_is_written(self) -> None:
        assert self.scene.decider.run_once() is False

    def teardown(self) -> None:
        self.scene.store.close()


def test_laws_of_the_loop() -> None:
    run_state_machine_as_test(Deployment, settings=settings(  # type: ignore[no-untyped-call]
        max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)))
