"""Cachet 2.x and 3: traps of the format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from notifier.model.signal import Level
from notifier.ports import Answer, Failure, Reading, Source
from notifier.sources.pages import cachet
from notifier.sources.pages.cachet import CachetSettings
from notifier.sources.settings import Placing

from .support import NOW, answer, tree
from .vendors import vendors

TREE = tree()
PLACING = Placing(service="data", regions=("US-VT",), find_regions=True)
ANSWERS = {one.about["source"].get("version", "3"): one for one in vendors() if one.about["source"]["kind"] == "cachet"}
VERSIONS = ("2", "3")
both = pytest.mark.parametrize("version", VERSIONS)


def source(version: str, **fields: Any) -> Source:
    settings = {"placing": PLACING, "timezone": "America/New_York" if version == "2" else "UTC", **fields}
    return cachet.make(CachetSettings(id="ca", url="https://status.example", version=version, **settings), regions=TREE)


def parts(version: str, step: str = "open") -> dict[str, Any]:
    """The lists of an answer, to be changed."""
    return {name: json.loads(text) for name, text in json.loads(ANSWERS[version].bodies[step])["parts"].items()}


def joined(lists: Mapping[str, Any]) -> dict[str, Any]:
    return {"parts": {name: json.dumps(one) for name, one in lists.items()}}


def read(
    version: str, lists: Mapping[str, Any], memory: Mapping[str, str] | None = None, at: datetime = NOW, **fields: Any
) -> Reading:
    reading = source(version, **fields).read(answer(joined(lists)), memory or {}, at)
    assert reading.known, reading.why
    return reading


def levels(reading: Reading) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in reading.signals}


def component(lists: dict[str, Any], status: Any) -> None:
    """Give the first component a state."""
    one = lists["components"]["data"][0]
    if "attributes" in one:
        one["attributes"]["latest_status"] = {"human": "So", "value": status}
    else:
        one["status"] = status


def incident(lists: dict[str, Any], status: Any) -> None:
    """Give the incident a state."""
    one = lists["incidents"]["data"][0]
    if "attributes" in one:
        one["attributes"]["status"] = {"human": "So", "value": status}
    else:
        one["latest_status"] = status


@both
@pytest.mark.parametrize(("of_incident", "of_component", "expected"), [
    pytest.param(1, 4, {"incident:7": Level.CRITICAL}, id="investigating a major outage"),
    pytest.param(2, 3, {"incident:7": Level.MAJOR}, id="identified a partial outage"),
    pytest.param(2, 2, {"incident:7": Level.MINOR}, id="performance issues"),
    pytest.param(3, 1, {"incident:7": Level.MINOR}, id="watching is not over, though all is operational"),
    pytest.param(1, 6, {"incident:7": Level.MINOR}, id="under maintenance: as the settings say"),
    pytest.param(1, 5, {"incident:7": Level.MINOR}, id="a component whose state is unknown"),
    pytest.param(9, 3, {"incident:7": Level.MAJOR}, id="an unknown state counts by its components"),
    pytest.param(9, 1, {"incident:7": Level.NOTICE}, id="an unknown state opens nothing by itself"),
    pytest.param("2", "3", {"incident:7": Level.MAJOR}, id="numbers as text"),
    pytest.param(4, 1, {"incident:7": Level.OK}, id="fixed"),
    pytest.param(4, 3, {"incident:7": Level.OK, "component:1": Level.MAJOR}, id="fixed, but the component is not well"),
])
def test_levels(version: str, of_incident: Any, of_component: Any, expected: dict[str, Level]) -> None:
    lists = parts(version)
    incident(lists, of_incident)
    component(lists, of_component)
    assert levels(read(version, lists)) == expected


def test_an_incidents_zero_is_planned_work_in_2_and_a_report_in_3() -> None:
    lists = parts("2")
    incident(lists, 0)
    component(lists, 1)
    for scheduled, expected in (("2026-01-16 02:00:00", Level.NOTICE), ("2026-01-15 06:00:00", Level.MAINTENANCE)):
        lists["incidents"]["data"][0]["scheduled_at"] = scheduled
        assert levels(read("2", lists)) == {"incident:7": expected}
    lists = parts("3")
    incident(lists, 0)
    component(lists, 1)
    assert levels(read("3", lists)) == {"incident:7": Level.MINOR}


def test_in_2_the_newest_update_says_how_far_it_is_where_there_is_no_latest_status() -> None:
    """Before 2.4; in whatever order the updates come."""
    lists = parts("2", "resolve")
    one = lists["incidents"]["data"][0]
    del one["latest_status"]
    for updates in (one["updates"], one["updates"][::-1]):
        one["updates"] = updates
        assert levels(read("2", lists, at=NOW + timedelta(hours=1))) == {"incident:7": Level.OK}
    one["updates"] = []
    assert levels(read("2", lists)) == {"incident:7": Level.MINOR}, "then its own state speaks: investigating"


@both
def test_times_without_a_zone_are_those_of_the_settings(version: str) -> None:
    (signal,) = read(version, parts(version)).signals
    assert signal.started_at.isoformat() == "2026-01-15T11:30:00+00:00"
    zone = "America/Chicago" if version == "2" else "Europe/Berlin"
    (signal,) = read(version, parts(version), timezone=zone).signals
    assert signal.started_at.isoformat() == ("2026-01-15T12:00:00+00:00" if version == "2"
                                             else "2026-01-15T10:30:00+00:00"), "never after now"


def test_a_zone_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="IANA time zone"):
        CachetSettings(id="ca", url="https://status.example", timezone="Vermont/Burlington")


@both
@pytest.mark.parametrize("visible", [0, 2])
def test_what_guests_do_not_see_is_not_spoken_of(version: str, visible: int) -> None:
    lists = parts(version)
    component(lists, 1)
    one = lists["incidents"]["data"][0]
    one.get("attributes", one)["visible"] = visible
    assert read(version, lists).signals == ()


@both
def test_the_place_comes_from_the_components_group(version: str) -> None:
    lists = parts(version)
    if version == "2":
        lists["groups"]["data"][0]["name"] = "Ontario"
    else:
        lists["components"]["included"][0]["attributes"]["name"] = "Ontario"
    (signal,) = read(version, lists).signals
    assert signal.region == "CA-ON"


@both
def test_an_incident_that_is_gone_is_over_where_the_list_is_all_there_is(version: str) -> None:
    lists = parts(version, "empty")
    assert read(version, lists).complete
    assert read(version, lists).affirmed


def more_pages(version: str, one: dict[str, Any]) -> None:
    if version == "2":
        one["meta"]["pagination"] |= {"total": 180, "total_pages": 2}
    else:
        one["links"]["next"] = "https://status.example/api/x?page=2"


@both
def test_with_more_pages_nothing_ends_by_being_left_out(version: str) -> None:
    lists = parts(version, "empty")
    more_pages(version, lists["incidents"])
    assert not read(version, lists).complete


@both
def test_with_more_pages_a_component_ends_by_being_listed_as_well(version: str) -> None:
    lists = parts(version, "empty")
    more_pages(version, lists["incidents"])
    component(lists, 4)
    first = read(version, lists)
    assert levels(first) == {"component:1": Level.CRITICAL}
    again = read(version, lists, first.memory)
    assert levels(again) == {"component:1": Level.CRITICAL}
    component(lists, 1)
    ended = read(version, lists, again.memory)
    assert (levels(ended), ended.gone) == ({}, ("component:1",))
    assert read(version, lists, ended.memory).gone == ()


@both
def test_with_more_pages_an_incident_that_takes_over_ends_the_components_own_trouble(version: str) -> None:
    alone, taken = parts(version, "empty"), parts(version)
    for lists in (alone, taken):
        more_pages(version, lists["incidents"])
        component(lists, 4)
    first = read(version, alone)
    second = read(version, taken, first.memory)
    assert (levels(second), second.gone) == ({"incident:7": Level.CRITICAL}, ("component:1",))


@both
def test_a_list_that_lost_entries_on_its_way_is_not_believed(version: str) -> None:
    for name in ("components", "incidents"):
        lists = parts(version)
        lists[name]["data"] = lists[name]["data"][1:]
        reading = source(version).read(answer(joined(lists)), {}, NOW)
        assert not reading.known
        assert "says it has" in reading.why


@both
def test_an_answer_of_the_other_version_is_not_believed(version: str) -> None:
    other = VERSIONS[1 - VERSIONS.index(version)]
    reading = source(version).read(answer(joined(parts(other))), {}, NOW)
    assert (reading.known, reading.signals) == (False, ())


@both
@pytest.mark.parametrize(("status", "expected"), [
    (0, Level.NOTICE), (1, Level.MAINTENANCE), (2, Level.OK), (7, Level.NOTICE)])
def test_planned_work(version: str, status: int, expected: Level) -> None:
    lists = parts(version, "empty")
    if version == "2":
        lists["schedules"]["data"] = [{
            "id": 7, "name": "Upgrade", "message": "We upgrade.", "status": status, "human_status": "So",
            "scheduled_at": "2026-01-15 20:00:00", "completed_at": None,
            "components": [{"id": 1, "schedule_id": 7, "component_id": 1, "component_status": 4}]}]
        lists["schedules"]["meta"]["pagination"] |= {"count": 1, "total": 1}
    else:
        lists["schedules"]["data"] = [{
            "id": "7", "type": "schedules", "attributes": {
                "name": "Upgrade", "message": "We upgrade.", "status": {"human": "So", "value": status},
                "scheduled": {"human": "soon", "string": "2026-01-16 01:00:00"}, "completed": None},
            "relationships": {"components": {"data": [{"type": "components", "id": "1"}]}, "updates": {"data": []}}}]
        lists["schedules"]["meta"] |= {"from": 1, "to": 1}
    (signal,) = read(version, lists).signals
    assert (signal.fingerprint, signal.level, signal.region) == ("incident:schedule-7", expected, "US-VT")
    assert signal.facts["scheduled_for"] == "2026-01-16T01:00:00Z"


@both
def test_updates_give_workaround_and_restoration(version: str) -> None:
    reading = source(version).read(answer(ANSWERS[version].bodies["update"]), {}, NOW + timedelta(minutes=10))
    (signal,) = reading.signals
    assert signal.facts["workaround"] == "switch 3G off, calls work over Edge."
    assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"
    assert signal.facts["status"] == "identified"


def test_in_3_a_component_without_its_effective_state_has_its_own() -> None:
    """`latest_status` came after the first releases of 3."""
    lists = parts("3", "empty")
    attributes = lists["components"]["data"][0]["attributes"]
    del attributes["latest_status"]
    attributes["status"] = {"human": "Major outage", "value": 4}
    assert levels(read("3", lists)) == {"component:1": Level.CRITICAL}


@pytest.mark.parametrize(("fields", "expected"), [
    ({"version": "2"}, ["/api/v1/components", "/api/v1/components/groups", "/api/v1/incidents", "/api/v1/schedules"]),
    ({"version": "2", "schedules": False}, ["/api/v1/components", "/api/v1/components/groups", "/api/v1/incidents"]),
    ({"version": "3"}, ["/api/components", "/api/incidents", "/api/schedules"]),
])
def test_asks_for_every_list(fields: dict[str, Any], expected: list[str]) -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer | Failure:
        asked.append(request.url.partition("?")[0])
        return answer({})

    settings = CachetSettings(id="ca", url="https://status.example/", **fields)
    cachet.make(settings, regions=TREE, fetch=fetch).fetch({}, NOW)
    assert asked == [f"https://status.example{path}" for path in expected]
