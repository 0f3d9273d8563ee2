"""Which signals are one outage."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.incidents.evidence import Case, Known, covered, gather, join, overlap, under_way
from notifier.model.incident import IncidentState
from notifier.model.policy import MaintenanceWindow
from notifier.model.signal import Level, Signal

from .builders import CROWD, MEASURED, NOW, STAFF, TREE, at, crowd, evidence, incident, signal


def cases(*signals: Signal, known: tuple[Known, ...] = (), **more: object) -> tuple[Case, ...]:
    return gather(signals, known, regions=TREE, **more)  # type: ignore[arg-type]


def drawn(*signals: Signal) -> list[tuple[str, ...]]:
    return [case.evidence.regions for case in cases(*signals)]


@pytest.mark.parametrize(("signals", "regions"), [
    pytest.param([], [], id="no signals are no outage"),
    pytest.param([crowd("US-VT")], [("US-VT",)], id="one signal is one outage"),
    pytest.param([crowd("VT-CHITTENDEN"), signal("US-VT")], [("US-VT",)], id="a parent joins its child"),
    pytest.param([crowd("VT-CHITTENDEN"), signal("US")], [("US",)], id="a grandparent joins its grandchild"),
    pytest.param([crowd("VT-CHITTENDEN"), crowd("VT-WASHINGTON")], [("VT-CHITTENDEN",), ("VT-WASHINGTON",)],
                 id="siblings stay apart"),
    pytest.param([crowd("VT-CHITTENDEN"), crowd("VT-WASHINGTON"), signal("US-VT")], [("US-VT",)],
                 id="siblings are joined by a common ancestor's signal"),
    pytest.param([crowd("US-VT"), crowd("NH-GRAFTON"), signal("US")], [("US",)],
                 id="cousins are joined by the country's signal"),
    pytest.param([signal("US-VT", fingerprint="r"), signal("US-NH", fingerprint="r")], [("US-NH", "US-VT")],
                 id="one official report that names two states is one outage"),
    pytest.param([crowd("US-VT", fingerprint="r"), crowd("US-NH", fingerprint="r")], [("US-NH",), ("US-VT",)],
                 id="the crowd's fingerprint joins nothing: each place speaks for itself"),
    pytest.param([crowd("US-VT"), crowd("US-VT", service="power")], [("US-VT",), ("US-VT",)],
                 id="two services are two outages"),
    pytest.param([signal("US-VT", level=Level.NOTICE)], [], id="a notice opens nothing"),
    pytest.param([signal("US-VT", level=Level.MAINTENANCE)], [], id="announced maintenance opens nothing"),
    pytest.param([signal("US", level=Level.NOTICE), crowd("US-VT"), crowd("US-NH")], [("US-NH",), ("US-VT",)],
                 id="a notice joins nothing either"),
    pytest.param([signal("US-VT", fingerprint="a"), signal("US-VT", fingerprint="b")], [("US-VT",)],
                 id="two vendor incidents in one place are one outage"),
    pytest.param([signal("ATLANTIS"), crowd("US-VT")], [("US-VT",)], id="a region that left the tree is left out"),
])
def test_groups(signals: list[Signal], regions: list[tuple[str, ...]]) -> None:
    assert drawn(*signals) == regions


def test_an_open_incident_has_a_case_though_nothing_speaks_of_it() -> None:
    was = crowd()
    (case,) = cases(known=(Known(incident(), (was,)),))
    assert case.incident == "I260115-1"
    assert case.evidence.signals == ()
    assert [(s.key, s.level) for s in case.evidence.over] == [(was.key, Level.OK)]


def test_siblings_once_in_one_incident_stay_together() -> None:
    both = crowd("VT-CHITTENDEN"), crowd("VT-WASHINGTON")
    (case,) = cases(*both, known=(Known(incident(regions=("US-VT",)), both),))
    assert case.incident == "I260115-1"
    assert case.evidence.regions == ("VT-CHITTENDEN", "VT-WASHINGTON")


def test_a_linked_signal_stays_with_its_incident_after_a_narrowing() -> None:
    far = crowd("US-NH")
    (case,) = cases(far, crowd("US-VT"), known=(Known(incident(regions=("US-VT",)), (far,)),))
    assert len(case.evidence.signals) == 2


def test_a_known_report_that_now_names_another_state_belongs_to_its_incident() -> None:
    (case,) = cases(signal("US-NH"), known=(Known(incident(regions=("US-VT",)), (signal("US-VT"),)),))
    assert case.incident == "I260115-1"


def test_a_parent_signal_merges_two_incidents_and_the_older_survives() -> None:
    young = Known(incident(id="I260115-2", opened_at=at(5), regions=("VT-CHITTENDEN",)), (crowd("VT-CHITTENDEN"),))
    old = Known(incident(id="I260115-1", opened_at=at(1), regions=("VT-WASHINGTON",)), (crowd("VT-WASHINGTON"),))
    (case,) = cases(signal("US-VT"), known=(young, old))
    assert (case.incident, case.absorbs) == ("I260115-1", ("I260115-2",))
    assert [s.source for s in case.evidence.over] == ["crowd-feed", "crowd-feed"]


def test_two_open_incidents_of_siblings_stay_two() -> None:
    one = Known(incident(id="I260115-1", regions=("US-VT",)))
    other = Known(incident(id="I260115-2", regions=("US-NH",)))
    assert [c.incident for c in cases(crowd("US-VT"), crowd("US-NH"), known=(one, other))] == ["I260115-2", "I260115-1"]


def test_trouble_returns_to_the_latest_resolved_incident() -> None:
    first = Known(incident(IncidentState.RESOLVED, id="I260115-1", opened_at=at(0)))
    last = Known(incident(IncidentState.RESOLVED, id="I260115-2", opened_at=at(9)))
    (case,) = cases(crowd("VT-CHITTENDEN"), known=(first, last))
    assert (case.incident, case.absorbs) == ("I260115-2", ())


def test_one_resolved_incident_is_not_reopened_twice_over() -> None:
    done = Known(incident(IncidentState.RESOLVED, regions=("US-VT",)))
    found = cases(crowd("VT-CHITTENDEN"), crowd("VT-WASHINGTON"), known=(done,))
    assert sorted(c.incident or "new" for c in found) == ["I260115-1", "new"]


def test_an_open_incident_is_preferred_to_a_resolved_one() -> None:
    done = Known(incident(IncidentState.RESOLVED, id="I260115-1"))
    open_ = Known(incident(id="I260115-2"))
    assert [c.incident for c in cases(crowd(), known=(done, open_))] == ["I260115-2"]


def test_a_signal_lowered_to_a_notice_stays_as_evidence_of_its_incident_but_is_no_trouble() -> None:
    was = signal()
    (case,) = cases(signal(level=Level.NOTICE), known=(Known(incident(), (was,)),))
    assert case.evidence.classes == frozenset()
    assert case.evidence.regions == ()
    assert case.evidence.over == ()


def test_blind_names_only_sources_that_have_spoken_of_this_service() -> None:
    known = (Known(incident(), (crowd(),)),)
    found = cases(crowd("CA", service="power", source="other"), known=known,
                  blind=frozenset({"crowd-feed", "other", "never"}))
    assert {c.evidence.service: c.evidence.blind for c in found} == {
        "mobile-data": ("crowd-feed",), "power": ("other",)}


WINDOW = MaintenanceWindow(id="w", service="mobile-data", regions=("US-VT",), starts_at="2026-01-15T11:00:00Z",
                           ends_at="2026-01-15T13:00:00Z")


@pytest.mark.parametrize(("signals", "regions"), [
    pytest.param([crowd("VT-CHITTENDEN")], [()], id="inside the window nothing opens, and a reason is left"),
    pytest.param([crowd("US-NH")], [("US-NH",)], id="beside the window it opens"),
    pytest.param([signal("US")], [("US",)], id="trouble wider than the window is not explained by it"),
    pytest.param([crowd("VT-CHITTENDEN"), crowd("US-NH")], [(), ("US-NH",)], id="only the inside is left out"),
    pytest.param([crowd("US-VT", service="power")], [("US-VT",)], id="another service is not explained"),
    pytest.param([signal("US-VT", STAFF)], [("US-VT",)], id="staff's own word is never left out"),
])
def test_planned_work(signals: list[Signal], regions: list[tuple[str, ...]]) -> None:
    found = cases(*signals, planned=under_way([WINDOW], TREE, NOW))
    assert [c.evidence.regions for c in found] == regions
    for case in found:
        assert bool(case.left_out) == (case.evidence.regions == ())
        assert all("planned work w until 2026-01-15T13:00:00Z" in said for said in case.left_out)


def test_planned_work_does_not_take_evidence_from_an_incident_that_was_there_before() -> None:
    was = crowd("VT-CHITTENDEN")
    (case,) = cases(was, known=(Known(incident(), (was,)),), planned=under_way([WINDOW], TREE, NOW))
    assert case.evidence.signals == (was,)


@pytest.mark.parametrize(("minutes", "holds"), [(-61, False), (-60, True), (59, True), (60, False)])
def test_a_window_holds_from_its_start_until_before_its_end(minutes: int, holds: bool) -> None:
    assert bool(under_way([WINDOW], TREE, NOW + timedelta(minutes=minutes))) is holds


def test_overlap_names_the_source_and_how_many() -> None:
    assert overlap(evidence(signal(fingerprint="a"), signal(fingerprint="b"))) == (
        "2 incidents of official-feed overlap here: one outage for customers")
    assert overlap(evidence(signal(fingerprint="a"), signal(fingerprint="a", klass=MEASURED))) == ""


def test_join_and_covered_bear_regions_that_left_the_tree() -> None:
    assert join(TREE, ("GONE", "VT-CHITTENDEN"), ("US-VT",)) == ("GONE", "US-VT")
    assert covered(TREE, ("GONE",), ("GONE",))
    assert not covered(TREE, ("GONE",), ("US",))


REGIONS = st.sampled_from([r.id for r in TREE])
SIGNALS = st.lists(st.builds(
    lambda region, klass, print_, service: signal(region, klass, fingerprint=print_, service=service),
    REGIONS, st.sampled_from([CROWD, MEASURED]), st.sampled_from("ab"), st.sampled_from(["mobile-data", "power"])))


@given(SIGNALS)
def test_every_signal_is_in_exactly_one_case_and_no_two_cases_are_related(signals: list[Signal]) -> None:
    unique = {s.key: s for s in signals}
    found = cases(*unique.values())
    assert sorted(s.key for c in found for s in c.evidence.signals) == sorted(unique)
    for one in found:
        assert one.evidence.regions == TREE.outermost(s.region for s in one.evidence.signals)
        for other in found:
            if one is not other and one.evidence.service == other.evidence.service:
                assert not any(TREE.related(a, b) for a in one.evidence.regions for b in other.evidence.regions)


@given(SIGNALS, st.randoms())
def test_the_order_of_signals_does_not_matter(signals: list[Signal], random: object) -> None:
    unique = list({s.key: s for s in signals}.values())
    mixed = list(unique)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert cases(*unique) == cases(*mixed)
