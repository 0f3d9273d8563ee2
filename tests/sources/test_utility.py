"""What a list of outages means, whatever utility it is from."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from notifier.config.ready_regions import ready, world
from notifier.model.region import Region, RegionTree
from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.page import Context
from notifier.sources.placing import finder_of
from notifier.sources.settings import Match, Placing
from notifier.sources.shapes import Unreadable
from notifier.sources.utilities.outages import read_outages
from notifier.sources.utilities.utility import (
    OutageList,
    PowerOutage,
    UtilitySettings,
    began_at,
    check_fresh,
    count_of,
    id_of,
    level_of,
    number_of,
    time_of,
)

from .support import NOW

TREE = RegionTree({region.id: region for region in (
    Region("S", "State", "state"),
    Region("A", "Alpha", "city", "S", point=(44.0, -73.0), customers=100_000),
    Region("B", "Beta", "city", "S", point=(44.5, -73.0)),
)})
AT_A, AT_B, FAR = (44.01, -73.01), (44.51, -73.0), (10.0, 10.0)
POWER = Placing(service="power")


def one(id: str, out: int | None, at: tuple[float, float] | None = AT_A, **over: Any) -> PowerOutage:
    return PowerOutage(id, out, point=at, **over)


def read(
    *outages: PowerOutage, memory: Any = None, whole: bool = True, affirmed: bool = False, now: datetime = NOW,
    regions: RegionTree = TREE, **fields: Any,
) -> Reading:
    made = UtilitySettings(id="u", url="https://u.example", **{"placing": POWER, **fields})
    context = Context(made, finder_of(regions), regions, memory or {}, now)
    return read_outages(OutageList(outages, whole, affirmed), context)


def told(reading: Reading) -> dict[str, tuple[Level, str]]:
    return {s.region: (s.level, s.facts.get("customers_out", "")) for s in reading.signals}


# ── sums ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hundred_small_outages_are_one_trouble_of_their_region() -> None:
    reading = read(*(one(str(n), 7) for n in range(100)), one("b", 30, AT_B))
    assert told(reading) == {"A": (Level.MINOR, "700")}
    (signal,) = reading.signals
    assert signal.fingerprint == "region:A"
    assert signal.facts["update"].startswith("100 outages, 700 customers")
    assert signal.why == "700 of 100,000 customers without power"


def test_the_sum_is_the_same_trouble_however_its_outages_are_split_and_numbered() -> None:
    first = read(one("1", 600))
    second = read(one("7", 300), one("8", 400), memory=first.memory)
    assert {s.key for s in first.signals} == {s.key for s in second.signals}
    assert second.complete


@pytest.mark.parametrize(
    ("steps", "levels"),
    [
        pytest.param((499, 500, 499, 60, 49), "NOTICE MINOR MINOR MINOR OK", id="opens at minor, over below at_least"),
        pytest.param((600, 49, 400), "MINOR OK NOTICE", id="once over it has to reach minor again"),
        pytest.param((49,), "-", id="fewer than at_least are not told"),
        pytest.param((5_000, 500, 50_000), "MAJOR MINOR CRITICAL", id="how bad it is follows the number"),
    ],
)
def test_a_region_that_hovers_opens_once(steps: tuple[int, ...], levels: str) -> None:
    memory: Any = {}
    found = []
    for out in steps:
        reading = read(one("1", out), memory=memory)
        memory = reading.memory
        found.append(next((s.level.name for s in reading.signals), "-"))
    assert " ".join(found) == levels


def test_it_began_when_those_still_out_made_it_trouble_and_never_later_than_first_told() -> None:
    farm = one("farm", 1, began=NOW - timedelta(days=7))
    storm = one("storm", 450, began=NOW - timedelta(hours=1))
    last = one("last", 100, began=NOW - timedelta(minutes=5))
    first = read(last, farm, storm)
    assert [s.started_at for s in first.signals] == [NOW - timedelta(minutes=5)]
    later = read(one("new", 900, began=NOW), memory=first.memory, now=NOW + timedelta(minutes=5))
    assert [s.started_at for s in later.signals] == [NOW - timedelta(minutes=5)]


def test_what_is_no_longer_listed_is_over() -> None:
    first = read(one("1", 600))
    second = read(memory=first.memory)
    assert [(s.region, s.level) for s in second.signals] == [("A", Level.OK)]
    assert second.complete
    assert not second.affirmed
    assert second.memory == {}


def test_a_list_that_was_cut_off_raises_and_never_lowers() -> None:
    first = read(one("1", 600), one("2", 700, AT_B))
    cut = read(one("1", 20), one("3", 6_000, AT_B), memory=first.memory, whole=False)
    assert told(cut) == {"B": (Level.MAJOR, "6000")}
    assert not cut.complete
    assert "region:A" in cut.present
    whole = read(one("3", 6_000, AT_B), memory=cut.memory)
    assert told(whole)["A"][0] is Level.OK


def test_where_areas_without_trouble_are_listed_a_missing_one_is_not_over() -> None:
    first = read(one("a", 600), one("b", 0, AT_B), affirmed=True)
    renamed = read(one("a-new", 600, FAR), one("b", 0, AT_B), affirmed=True, memory=first.memory)
    assert renamed.signals == ()
    assert "region:A" in renamed.present
    well = read(one("a", 0), one("b", 0, AT_B), affirmed=True, memory=renamed.memory)
    assert told(well)["A"][0] is Level.OK


def test_an_outage_whose_place_or_number_is_lost_stays_where_and_as_large_as_it_was() -> None:
    first = read(one("1", 600))
    for spoilt in (one("1", 600, None), one("1", 600, FAR), one("1", None)):
        later = read(spoilt, memory=first.memory)
        assert told(later) == {"A": (Level.MINOR, "600")}
        assert later.unplaced == ()


def test_a_number_never_known_in_a_region_in_trouble_ends_nothing() -> None:
    first = read(one("1", 600))
    assert read(one("2", None), memory=first.memory).present == ("region:A",)
    assert read(one("2", None)).signals == ()


@pytest.mark.parametrize(
    ("out", "served", "level"),
    [
        pytest.param(49, 50, Level.NOTICE, id="nearly all of very few"),
        pytest.param(60, 1_500, Level.NOTICE, id="4 %"),
        pytest.param(60, 1_000, Level.MINOR, id="6 %"),
        pytest.param(300, 1_000, Level.MAJOR, id="30 %"),
        pytest.param(600, 1_000, Level.CRITICAL, id="60 %"),
        pytest.param(600, None, Level.MINOR, id="a share of unknown many"),
        pytest.param(600, 5, Level.MINOR, id="more out than there are: the share says nothing"),
    ],
)
def test_levels_by_share(out: int, served: int | None, level: Level) -> None:
    assert level_of(out, served, UtilitySettings(id="u", url="https://u.example")) is level


def test_customers_served_are_the_utilitys_and_else_our_trees() -> None:
    assert told(read(one("1", 200, served=2_000), one("2", 40, served=1_000)))["A"][0] is Level.MINOR
    assert told(read(one("1", 200, served=2_000), one("2", 40)))["A"][0] is Level.NOTICE


# ── single outages ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_told_singly_each_is_known_by_the_utilitys_id_and_lasts_until_it_is_no_longer_listed() -> None:
    first = read(one("1", 600, cause="Wire down"), one("2", 60), one("3", 6), sum_by_region=False)
    assert {s.fingerprint: s.level for s in first.signals} == {"outage:1": Level.MINOR, "outage:2": Level.NOTICE}
    later = read(one("1", 12), sum_by_region=False, memory=first.memory)
    assert {s.fingerprint: s.level for s in later.signals} == {"outage:1": Level.MINOR}
    assert read(one("1", None), sum_by_region=False, memory=first.memory).signals[0].level is Level.MINOR
    assert read(one("1", 0), sum_by_region=False, memory=first.memory).signals[0].level is Level.OK
    gone = read(sum_by_region=False, memory=later.memory)
    assert gone.signals == ()
    assert gone.complete
    cut = read(sum_by_region=False, memory=later.memory, whole=False)
    assert not cut.complete
    assert cut.memory == later.memory


def test_an_unplaced_one_is_present_and_said_with_its_counts() -> None:
    lost = [one(str(n), 100 + n, FAR, places=("Spreckels",)) for n in range(3)]
    reading = read(*lost, one("x", 900, FAR, places=("Xanadu",)), sum_by_region=False)
    assert reading.unplaced == ("no region for Xanadu (1 outage, 900 customers)",
                                "no region for Spreckels (3 outages, 303 customers)")
    assert set(reading.present) == {"outage:0", "outage:1", "outage:2", "outage:x"}


def test_of_one_id_listed_twice_the_first_counts() -> None:
    assert told(read(one("1", 600), one("1", 700)))["A"] == (Level.MINOR, "600")


def test_an_area_told_singly_is_over_below_at_least() -> None:
    first = read(one("a", 600, is_area=True), sum_by_region=False)
    later = read(one("a", 20, is_area=True), sum_by_region=False, memory=first.memory)
    assert [s.level for s in later.signals] == [Level.OK]


# ── planned work ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cause", ["Planned work on our equipment", "…caused by scheduled maintenance work."])
def test_planned_work_is_maintenance_and_no_part_of_a_sum(cause: str) -> None:
    reading = read(one("1", 490), one("2", 490, cause=cause), one("3", 5, cause=cause))
    assert {s.fingerprint: s.level for s in reading.signals} == {
        "outage:2": Level.MAINTENANCE, "region:A": Level.NOTICE}


def test_trouble_that_is_called_planned_later_stays_trouble() -> None:
    """BC Hydro did so with 38 customers of West Vancouver on 16 November 2021."""
    first = read(one("1", 600))
    assert told(read(one("1", 600, cause="Planned work"), memory=first.memory)) == {"A": (Level.MINOR, "600")}
    singly = read(one("1", 600), sum_by_region=False)
    later = read(one("1", 600, cause="Planned work"), sum_by_region=False, memory=singly.memory)
    assert told(later) == {"A": (Level.MINOR, "600")}


def test_unplanned_is_not_planned() -> None:
    assert told(read(one("1", 600, cause="Unplanned outage")))["A"][0] is Level.MINOR


# ── places ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("outage", "placing", "region"),
    [
        pytest.param(one("1", 600, AT_B, places=("Alpha",)), POWER, "B", id="an outage by its point first"),
        pytest.param(one("1", 600, AT_B, places=("Alpha",), is_area=True), POWER, "A", id="an area by its name first"),
        pytest.param(one("1", 600, AT_B, places=("Omega",), is_area=True), POWER, "B", id="an area unknown by name"),
        pytest.param(one("1", 600, None, places=("", "beta")), POWER, "B", id="without a point by its name"),
        pytest.param(one("1", 600, FAR, places=("", "beta")), POWER, None, id="a namesake far away is another town"),
        pytest.param(one("1", 600, None), Placing(service="power", regions=("S",)), "S", id="by the default"),
        pytest.param(one("1", 600, AT_A, group="East"),
                     Placing(service="power", map=(Match(group="East", regions=("B",)),)), "B", id="by a rule first"),
        pytest.param(one("1", 600, AT_A, cause="Flood"),
                     Placing(service="power", map=(Match(labels={"cause": "flood"}, ignore=True),)), None,
                     id="a rule leaves it out"),
        pytest.param(one("1", 600, None), POWER, None, id="nothing places it"),
    ],
)
def test_places(outage: PowerOutage, placing: Placing, region: str | None) -> None:
    assert list(told(read(outage, placing=placing))) == ([region] if region else [])


# ── what a person reads ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param((1, 3), "2026-01-15T15:00:00Z", id="the latest"),
        pytest.param((None, 3), "2026-01-15T15:00:00Z", id="half of those out have one"),
        pytest.param((3, None, None), "", id="most have none"),
        pytest.param((-1, -2), "", id="what has passed is no promise"),
        pytest.param((24 * 365 * 4, 24 * 40), "", id="years ahead is a placeholder"),
    ],
)
def test_restoration(times: tuple[int | None, ...], expected: str) -> None:
    outages = [one(str(n), 600, restored_by=None if hours is None else NOW + timedelta(hours=hours))
               for n, hours in enumerate(times)]
    assert read(*outages).signals[0].facts.get("restoration_at", "") == expected


def test_cause_and_crew_are_those_of_most_customers() -> None:
    reading = read(one("1", 500, cause="Flood", crew="Crew on-site"), one("2", 300, cause="Wire down"),
                   one("3", 300, cause="Wire down", crew="Suspended"))
    facts = reading.signals[0].facts
    assert (facts["cause"], facts["status"]) == ("Wire down", "Crew on-site")


# ── formats and settings ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("value", "expected"), [
    (12, 12), ("12", 12), (0, 0), (-1, None), (True, None), (1.5, None), ("1,2", None), ("", None), (None, None),
    (10**400, None), ("9" * 50, None), ([1], None), ("١٢", None)])
def test_numbers_of_customers(value: Any, expected: int | None) -> None:
    assert count_of(value) == expected


@pytest.mark.parametrize(("value", "expected"), [
    (1, 1.0), ("-121.8", -121.8), (1.5, 1.5), (True, None), ("1e5", None), ("x", None), (None, None), (10**30, None)])
def test_numbers(value: Any, expected: float | None) -> None:
    assert number_of(value) == expected


def test_ids() -> None:
    assert id_of({"a": None, "b": 7}, "a", "b") == "7"
    assert id_of({"a": " x "}, "a") == "x"
    for bad in ({}, {"a": True}, {"a": ""}, {"a": [1]}, {"a": 10**400}):
        with pytest.raises(Unreadable, match="an outage has no a"):
            id_of(bad, "a")


def test_a_wall_clock_written_as_if_it_were_utc() -> None:
    """PG&E, 4 February 2024: an outage begun at 13:00 Pacific time reads 13:00 UTC; in summer the zone is another."""
    local = UtilitySettings(id="u", url="https://u.example", epoch_zone="America/Los_Angeles")
    assert time_of(1707051600000, local) == datetime.fromisoformat("2024-02-04T21:00:00Z")
    assert time_of("1717678800", local) == datetime.fromisoformat("2024-06-06T20:00:00Z")
    assert time_of("2024-02-04T13:00:00Z", local) == datetime.fromisoformat("2024-02-04T13:00:00Z")
    plain = UtilitySettings(id="u", url="https://u.example", zone="America/Chicago")
    assert time_of("2024-09-11T00:20:31", plain) == datetime.fromisoformat("2024-09-11T05:20:31Z")


def test_a_start_never_lies_after_its_observation() -> None:
    local = UtilitySettings(id="u", url="https://u.example", epoch_zone="America/Los_Angeles")
    assert began_at(NOW.timestamp() * 1000, local, NOW) == NOW
    with pytest.raises(Unreadable, match="more than a day ahead"):
        began_at((NOW + timedelta(days=2)).timestamp(), local, NOW)


def test_a_copy_nobody_renews_says_nothing() -> None:
    made = UtilitySettings(id="u", url="https://u.example")
    check_fresh([None, (NOW - timedelta(minutes=59)).isoformat()], made, NOW)
    with pytest.raises(Unreadable, match="not renewed"):
        check_fresh([(NOW - timedelta(minutes=61)).isoformat()], made, NOW)
    with pytest.raises(Unreadable, match="does not say when"):
        check_fresh([None, "soon"], made, NOW)


@pytest.mark.parametrize("fields", [{"at_least": 600}, {"major": 400}, {"zone": "Mars/Base"}, {"epoch_zone": "PST8"},
                                    {"minor_share": 0}, {"nearest_km": -1}])
def test_settings_that_make_no_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        UtilitySettings(id="u", url="https://u.example", **fields)


def test_the_memory_is_bounded_and_the_largest_are_remembered() -> None:
    many = tuple(one(f"outage-{n:06}", n, served=None) for n in range(5_000))
    memory = read(*many, minor=50).memory
    assert sum(len(text) for text in memory.values()) < 60_000
    assert '"outage-004999":4999' in memory["sums"]
    singly = read(*many, sum_by_region=False, minor=50).memory
    assert sum(len(text) for text in singly.values()) < 150_000


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3_000), st.sampled_from([AT_A, AT_B, FAR])), max_size=12))
@settings(max_examples=60, deadline=None)
def test_sums_are_those_of_the_outages_listed(listed: list[tuple[int, int, tuple[float, float]]]) -> None:
    outages = {str(id): one(str(id), out, at) for id, out, at in reversed(listed)}
    reading = read(*outages.values(), at_least=1, minor=1, major=1_000, critical=10_000)
    sums = {"A": 0, "B": 0}
    for outage in outages.values():
        if outage.point != FAR:
            sums["A" if outage.point == AT_A else "B"] += outage.customers_out or 0
    assert told(reading) == {
        region: (Level.CRITICAL if out >= 10_000 else Level.MAJOR if out >= 1_000 else Level.MINOR, str(out))
        for region, out in sums.items() if out}
    again = read(*outages.values(), at_least=1, minor=1, major=1_000, critical=10_000, memory=reading.memory)
    assert [replace(s, started_at=NOW) for s in again.signals] == [replace(s, started_at=NOW) for s in reading.signals]


def test_a_town_is_no_county_of_another_state_by_the_same_name() -> None:
    """Burlington, Vermont, in the ready tree of counties: Burlington County lies in New Jersey."""
    regions = RegionTree({region.id: region for region in (world(), *ready("US", ["state", "county"]))})
    found = read(one("1", 600, (44.47, -73.18), places=("Burlington",)), regions=regions)
    assert told(found) == {}
    assert "no region for Burlington" in found.unplaced[0]
    area = read(one("1", 600, None, places=("Burlington",), is_area=True), regions=regions)
    assert list(told(area)) == ["US-NJ-005"]
