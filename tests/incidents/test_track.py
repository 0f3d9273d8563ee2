"""Who spoke first, who was late, who was wrong; and what that makes of their word."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.incidents.policy import scores
from notifier.incidents.track import records, standing, standings, weight_of
from notifier.model.incident import Incident, IncidentState
from notifier.model.signal import Freshness, Level, Signal
from notifier.model.staff import Verb
from notifier.model.track import TrackRecord, Verdict

from .builders import CROWD, MEASURED, NOW, OFFICIAL, STAFF, TREE, at, crowd, evidence, signal
from .scene import Scene

NOTHING: frozenset[str] = frozenset()


def ended(state: IncidentState = IncidentState.RESOLVED) -> Incident:
    return Incident("I1", "mobile-data", ("US-VT",), state, Level.MAJOR, NOW, NOW, "p", "t")


def verdicts(*signals: Signal, earlier: tuple[TrackRecord, ...] = (), silent: frozenset[str] = NOTHING,
             state: IncidentState = IncidentState.RESOLVED) -> dict[str, tuple[Verdict, float | None]]:
    """Each source's verdict and its lag in minutes."""
    found = records(ended(state), signals, earlier, silent=silent, regions=TREE, closed_at=at(60))
    return {one.source: (one.verdict, one.lag.total_seconds() / 60 if one.lag is not None else None) for one in found}


def test_the_first_leads_and_the_others_follow_by_how_much_they_were_late() -> None:
    found = verdicts(crowd(source="crowd", minute=2), signal(source="probe", klass=MEASURED, minute=4),
                     signal(source="page", minute=42))
    assert found == {"crowd": (Verdict.LED, 0), "probe": (Verdict.FOLLOWED, 2), "page": (Verdict.FOLLOWED, 40)}


def test_a_lead_is_measured_to_the_next_that_spoke() -> None:
    (led, _) = records(ended(), [crowd(source="crowd", minute=2), signal(source="page", minute=42)], (),
                       silent=NOTHING, regions=TREE, closed_at=at(60))
    assert (led.source, led.lead) == ("crowd", timedelta(minutes=40))


def test_a_source_counts_from_its_first_word_however_often_it_spoke() -> None:
    found = verdicts(signal(source="page", minute=9, fingerprint="b"), signal(source="page", minute=1),
                     signal(source="probe", minute=5))
    assert found["page"] == (Verdict.LED, 0)


@pytest.mark.parametrize(
    ("signals", "state", "expected"),
    [
        pytest.param([signal(source="page")], IncidentState.RESOLVED, {"page": Verdict.ALONE}, id="nobody else spoke"),
        pytest.param([crowd(source="crowd"), signal(source="page", minute=1)], IncidentState.WITHDRAWN,
                     {"crowd": Verdict.FALSE, "page": Verdict.FALSE}, id="staff withdrew it: whoever spoke was wrong"),
        pytest.param([signal(source="ann", klass=STAFF), signal(source="page", minute=3)], IncidentState.RESOLVED,
                     {"page": Verdict.ALONE}, id="a person is no source that leads or lags"),
        pytest.param([signal(source="a"), signal(source="b")], IncidentState.RESOLVED,
                     {"a": Verdict.FOLLOWED, "b": Verdict.FOLLOWED}, id="in the same moment nobody leads"),
        pytest.param([], IncidentState.RESOLVED, {}, id="opened by hand, without evidence"),
    ],
)
def test_verdicts(signals: list[Signal], state: IncidentState, expected: dict[str, Verdict]) -> None:
    assert {source: verdict for source, (verdict, _) in verdicts(*signals, state=state).items()} == expected


def record(source: str, verdict: Verdict = Verdict.LED, region: str = "US-VT", lag: float | None = 0) -> TrackRecord:
    return TrackRecord(source, f"I-{verdict}-{lag}", "mobile-data", (region,), verdict, NOW,
                       None if lag is None else timedelta(minutes=lag))


@pytest.mark.parametrize(
    ("earlier", "silent", "blamed"),
    [
        pytest.param(record("page"), NOTHING, True, id="it has spoken of this service there before"),
        pytest.param(record("page", region="VT-CHITTENDEN"), NOTHING, True, id="of a part of it"),
        pytest.param(record("page", region="US-NH"), NOTHING, False, id="only ever of another state"),
        pytest.param(record("page", region="GONE"), NOTHING, False, id="of a region the tree no longer has"),
        pytest.param(record("page"), frozenset({"page"}), False, id="it could not be heard"),
        pytest.param(record("page", Verdict.SILENT, lag=None), NOTHING, False, id="it never spoke at all"),
    ],
)
def test_silence_is_held_against_those_who_could_have_spoken(
    earlier: TrackRecord, silent: frozenset[str], blamed: bool
) -> None:
    found = verdicts(crowd(source="crowd"), earlier=(earlier,), silent=silent)
    assert found.get("page") == ((Verdict.SILENT, None) if blamed else None)


# ── what it amounts to ───────────────────────────────────────────────────────────────────────────────────────────────

counts = st.dictionaries(st.sampled_from(list(Verdict)), st.integers(min_value=0, max_value=500))


def test_a_source_nobody_knows_weighs_one() -> None:
    assert weight_of({}) == 1
    assert weight_of({Verdict.SILENT: 50}) == 1


@given(counts)
def test_a_weight_stays_within_its_limits(given: dict[Verdict, int]) -> None:
    assert 0 < weight_of(given) <= 1.25


@given(counts, st.sampled_from([Verdict.LED, Verdict.FALSE]))
def test_leading_never_lowers_and_being_wrong_never_raises_it(given: dict[Verdict, int], one: Verdict) -> None:
    more = weight_of({**given, one: given.get(one, 0) + 1})
    if one is Verdict.LED:
        assert more >= weight_of(given)
    else:
        assert more <= weight_of(given)


@given(st.floats(min_value=0, max_value=1), st.floats(min_value=0.01, max_value=1.25))
def test_official_word_stays_enough_and_order_is_kept(score: float, weight: float) -> None:
    heard = evidence(signal(source="page"), crowd(source="x", score=score))
    weighed = replace(heard, weights={"page": weight, "x": weight})
    assert scores(weighed)[OFFICIAL] == 1.0
    assert 0 <= scores(weighed)[CROWD] <= 1
    if weight < 1:
        assert scores(weighed)[CROWD] <= scores(heard)[CROWD]
    else:
        assert scores(weighed)[CROWD] >= scores(heard)[CROWD]


def test_a_standing_has_medians() -> None:
    found = standing("page", [record("page", Verdict.FOLLOWED, lag=minutes) for minutes in (10, 74, 40)])
    assert found.lag == timedelta(minutes=40)
    assert found.lead is None
    assert found.weight < 1
    assert list(standings([record("b"), record("a")])) == ["a", "b"]


# ── through the decider ──────────────────────────────────────────────────────────────────────────────────────────────


def kept(scene: Scene) -> dict[str, Verdict]:
    with scene.store.transaction() as tx:
        return {one.source: one.verdict for one in tx.track_records(NOW - timedelta(days=1))}


def test_an_incident_that_ends_leaves_a_record_of_each_source() -> None:
    scene = Scene()
    for source in ("crowd-feed", "official-feed"):
        scene.source(source, Freshness.FRESH)
    scene.hear(crowd())
    scene.settle()
    scene.clock.advance(timedelta(minutes=30))
    scene.hear(signal())
    scene.settle()
    scene.over(crowd(), signal())
    scene.after(1)
    assert kept(scene) == {}
    scene.after(60)
    assert scene.incident.state is IncidentState.RESOLVED
    assert kept(scene) == {"crowd-feed": Verdict.LED, "official-feed": Verdict.FOLLOWED}


def test_false_alarms_make_a_source_count_for_less_until_it_opens_nothing_by_itself() -> None:
    """Staff withdrew what it reported, again and again: the same faint signal no longer reaches the threshold."""
    scene = Scene()
    scene.source("crowd-feed", Freshness.FRESH)
    opened = 0
    for number in range(12):
        faint = crowd(score=0.55, fingerprint=f"f{number}")
        scene.hear(faint)
        scene.settle()
        found = [one for one in scene.incidents() if one.state.is_open]
        if not found:
            break
        opened += 1
        assert scene.ask(Verb.WITHDRAW, incident=found[0].id, note="nothing was wrong").startswith("yes")
        scene.over(faint)
        scene.after(120)
    assert 0 < opened < 12
    assert set(kept(scene).values()) == {Verdict.FALSE}
