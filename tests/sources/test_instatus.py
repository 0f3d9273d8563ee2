"""Instatus: traps of the format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Failure, Reading, Source
from notifier.sources.pages import instatus
from notifier.sources.pages.instatus import PER_PAGE, InstatusSettings, page_level
from notifier.sources.settings import Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="data", regions=("US-VT",), find_regions=True)
PAGE = {"name": "Vendor", "url": "https://status.example", "status": "HASISSUES"}
INCIDENT: dict[str, Any] = {
    "id": "inc1", "name": "No data", "started": "2026-01-15T11:30:00.000Z", "status": "INVESTIGATING",
    "impact": "PARTIALOUTAGE", "url": "https://status.example/incident/inc1",
}
COMPONENTS: list[dict[str, Any]] = [
    {"id": "c1", "name": "Data", "status": "OPERATIONAL", "group": {"id": "g1", "name": "Vermont"}},
    {"id": "c2", "name": "SMS", "status": "OPERATIONAL", "group": {"id": "g2", "name": "Ontario"}},
]


def source(**fields: Any) -> Source:
    fields = {"placing": PLACING, "reads": "summary", **fields}
    return instatus.make(InstatusSettings(id="in", url="https://status.example", **fields), regions=TREE)


def summary(*incidents: Mapping[str, Any], **over: Any) -> dict[str, Any]:
    return {"page": {**PAGE, **over}, "activeIncidents": list(incidents)}


def page(summary: Any, components: Any = COMPONENTS) -> dict[str, Any]:
    return {"parts": {"summary": json.dumps(summary), "components": json.dumps({"components": components})}}


def read(body: Any, memory: Mapping[str, str] | None = None, **fields: Any) -> Reading:
    reading = source(**fields).read(answer(body), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def levels(reading: Reading) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in reading.signals}


@pytest.mark.parametrize(("over", "expected"), [
    pytest.param({}, Level.MAJOR, id="a partial outage"),
    pytest.param({"impact": "MAJOROUTAGE"}, Level.CRITICAL, id="a major outage"),
    pytest.param({"impact": "MINOROUTAGE"}, Level.MINOR, id="a minor outage"),
    pytest.param({"impact": "degradedperformance"}, Level.MINOR, id="words in lower case"),
    pytest.param({"impact": "UNDERMAINTENANCE"}, Level.MAINTENANCE, id="planned"),
    pytest.param({"impact": "OPERATIONAL"}, Level.NOTICE, id="an incident that harms nothing is information"),
    pytest.param({"impact": "GALACTICOUTAGE"}, Level.NOTICE, id="an unknown impact opens nothing by itself"),
    pytest.param({"impact": None}, Level.MINOR, id="no impact: as the settings say"),
    pytest.param({"status": "MONITORING"}, Level.MAJOR, id="monitoring is not over"),
    pytest.param({"status": "PONDERING"}, Level.MAJOR, id="an unknown status is not over"),
    pytest.param({"status": "RESOLVED"}, Level.OK, id="resolved"),
])
def test_levels(over: dict[str, Any], expected: Level) -> None:
    assert levels(read(summary({**INCIDENT, **over}, status="UP"))) == {"incident:inc1": expected}


@pytest.mark.parametrize(("status", "expected"), [
    ("UP", Level.OK), ("HASISSUES", Level.MINOR), ("UNDERMAINTENANCE", Level.MAINTENANCE),
    ("ALLMAJOROUTAGE", Level.CRITICAL), ("SOMEPARTIALOUTAGE", Level.MAJOR), ("ONEMINOROUTAGE", Level.MINOR),
    ("ONEDEGRADEDPERFORMANCE", Level.MINOR), ("SOMEUNDERMAINTENANCE", Level.MAINTENANCE), ("ONEFIRE", Level.NOTICE),
])
def test_page_levels(status: str, expected: Level) -> None:
    assert page_level(status) is expected


def test_a_healthy_summary_leaves_its_lists_out_and_vouches_for_the_page() -> None:
    reading = read({"page": {**PAGE, "status": "UP"}})
    assert (reading.signals, reading.complete, reading.affirmed) == ((), True, True)


def test_a_page_with_issues_that_lists_none_is_trouble_as_a_whole() -> None:
    assert levels(read({"page": PAGE})) == {"page": Level.MINOR}
    assert not read({"page": PAGE}).affirmed


def test_the_page_reads_up_while_an_incident_is_open_and_the_incident_counts() -> None:
    assert levels(read(summary(INCIDENT, status="UP"))) == {"incident:inc1": Level.MAJOR}


def test_one_incident_in_both_answers_is_one_and_has_its_components_places() -> None:
    """The summary does not say what an incident affects; the components do."""
    down = [{**COMPONENTS[0], "status": "PARTIALOUTAGE", "activeIncidents": [INCIDENT]}, COMPONENTS[1]]
    (signal,) = read(page(summary(INCIDENT), down), reads="page").signals
    assert (signal.fingerprint, signal.region, signal.level) == ("incident:inc1", "US-VT", Level.MAJOR)


def test_an_incident_only_the_components_name_counts() -> None:
    """The two addresses are asked one after the other: an incident may open in between."""
    down = [COMPONENTS[0], {**COMPONENTS[1], "activeIncidents": [INCIDENT]}]
    (signal,) = read(page({"page": {**PAGE, "status": "UP"}}, down), reads="page").signals
    assert (signal.fingerprint, signal.region) == ("incident:inc1", "CA-ON")


def test_a_component_in_trouble_without_an_incident_counts() -> None:
    down = [COMPONENTS[0], {**COMPONENTS[1], "status": "MAJOROUTAGE"}]
    (signal,) = read(page(summary(), down), reads="page").signals
    assert (signal.fingerprint, signal.region, signal.level) == ("component:c2", "CA-ON", Level.CRITICAL)


def test_work_planned_for_tomorrow_does_not_speak_for_a_component_that_is_down_today() -> None:
    work = {"id": "m1", "name": "Upgrade", "status": "NOTSTARTEDYET", "start": "2026-01-16T02:00:00.000Z",
            "duration": 60}
    down = [{**COMPONENTS[0], "status": "MAJOROUTAGE", "activeMaintenances": [work]}, COMPONENTS[1]]
    assert levels(read(page(summary(), down), reads="page")) == {
        "incident:m1": Level.NOTICE, "component:c1": Level.CRITICAL}
    begun = [{**down[0], "status": "UNDERMAINTENANCE", "activeMaintenances": [{**work, "status": "INPROGRESS"}]}]
    reading = read(page(summary(status="UNDERMAINTENANCE"), begun), reads="page")
    assert levels(reading) == {"incident:m1": Level.MAINTENANCE}
    assert reading.signals[0].facts["scheduled_until"] == "2026-01-16T03:00:00Z"


def test_groups_sum_up_and_nested_components_have_their_parents_name() -> None:
    """v3 nests what v2 lists flat with its group beside it; a group is never trouble by itself."""
    nested = [{"id": "g1", "name": {"default": "Vermont", "fr": "Le Vermont"}, "status": "MAJOROUTAGE", "group": None,
               "children": [{"id": "c1", "name": "Data", "status": "MAJOROUTAGE"}]}]
    flat = [{"id": "g1", "name": "Vermont", "status": "MAJOROUTAGE", "group": None},
            {**COMPONENTS[0], "status": "MAJOROUTAGE"}]
    for components in (nested, flat):
        (signal,) = read(page(summary(), components), reads="page").signals
        assert (signal.fingerprint, signal.region) == ("component:c1", "US-VT")


def test_an_incident_without_an_id_is_known_by_its_address() -> None:
    """Newer answers have the id, older ones only the address that ends in it: the same trouble."""
    older = {key: value for key, value in INCIDENT.items() if key != "id"}
    assert levels(read(summary(older))) == levels(read(summary(INCIDENT)))
    reading = source().read(answer(summary({**older, "url": None})), {}, NOW)
    assert not reading.known
    assert "neither id nor url" in reading.why


@pytest.mark.parametrize(("started", "expected"), [
    ("Thu Jan 15 2026 11:30:00 GMT+0000 (Coordinated Universal Time)", "2026-01-15T11:30:00+00:00"),
    ("Thu Jan 15 2026 06:30:00 GMT-0500 (Eastern Standard Time)", "2026-01-15T11:30:00+00:00"),
    ("2026-01-15T11:30:00.000Z", "2026-01-15T11:30:00+00:00"),
    ("last Tuesday", NOW.isoformat()),
    (None, NOW.isoformat()),
    ((NOW + timedelta(minutes=3)).isoformat(), NOW.isoformat()),
])
def test_times(started: str | None, expected: str) -> None:
    (signal,) = read(summary({**INCIDENT, "started": started})).signals
    assert signal.started_at.isoformat() == expected


@pytest.mark.parametrize("body", [
    pytest.param({"page": {"name": "Vendor"}}, id="a page without a status"),
    pytest.param({"page": PAGE, "activeIncidents": None}, id="null is not an empty list"),
    pytest.param({"page": PAGE, "activeIncidents": [{**INCIDENT, "status": None}]}, id="an incident without a status"),
    pytest.param(summary({**INCIDENT, "started": "2086-01-15T11:30:00Z"}), id="a clock 60 years ahead"),
    pytest.param({"error": {"code": "forbidden", "message": "Not authorized"}}, id="the API's error"),
])
def test_what_cannot_be_relied_on_says_nothing(body: Any) -> None:
    reading = source().read(answer(body), {}, NOW)
    assert (reading.known, reading.signals, reading.complete) == (False, (), False)


def test_a_list_of_components_that_comes_empty_ends_nothing() -> None:
    for body, reads in ((page(summary(), []), "page"), ({"components": []}, "components"), ([], "api")):
        reading = source(reads=reads).read(answer(body), {}, NOW)
        assert not reading.known
        assert "no component" in reading.why


def test_a_full_page_of_the_keyed_api_ends_only_what_it_lists_as_well() -> None:
    many: list[dict[str, Any]] = [
        {"id": f"c{n}", "name": f"Cell {n}", "status": "OPERATIONAL"} for n in range(PER_PAGE)]
    first = read([*many[:-1], {**many[-1], "status": "MAJOROUTAGE"}], reads="api")
    assert not first.complete
    assert levels(first) == {f"component:c{PER_PAGE - 1}": Level.CRITICAL}
    assert read(many, first.memory, reads="api").gone == (f"component:c{PER_PAGE - 1}",)
    assert read(many[1:], reads="api").complete


def test_an_old_incident_of_the_keyed_api_takes_its_components_state() -> None:
    api = [{**COMPONENTS[0], "status": "PARTIALOUTAGE", "incidents": [
        {"id": "i1", "name": "No data", "started": "2026-01-15T11:30:00.000Z", "status": "IDENTIFIED", "updates": [
            {"message": "Workaround: use Wi-Fi.", "status": "IDENTIFIED", "started": "2026-01-15T11:50:00.000Z"},
            {"message": "We look.", "status": "INVESTIGATING", "started": "2026-01-15T11:40:00.000Z"}]},
        {"id": "i0", "name": "Old", "started": "2025-01-15T11:30:00.000Z", "status": "RESOLVED"}]}]
    reading = read(api, reads="api")
    assert levels(reading) == {"incident:i1": Level.MAJOR, "incident:i0": Level.OK}
    assert reading.signals[0].facts["workaround"] == "use Wi-Fi."


@pytest.mark.parametrize(("fields", "expected"), [
    ({"reads": "page"}, ["https://status.example/summary.json", "https://status.example/v2/components.json"]),
    ({"reads": "page", "version": "v3"},
     ["https://status.example/v3/summary.json", "https://status.example/v3/components.json"]),
    ({"reads": "summary"}, ["https://status.example/summary.json"]),
    ({"reads": "components"}, ["https://status.example/v2/components.json"]),
    ({"reads": "api"}, ["https://status.example/components?page=1&per_page=100"]),
])
def test_asks_for_what_it_reads(fields: dict[str, Any], expected: list[str]) -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer | Failure:
        asked.append(request.url)
        return answer({})

    settings = InstatusSettings(id="in", url="https://status.example/", **fields)
    instatus.make(settings, regions=TREE, fetch=fetch).fetch({}, NOW)
    assert asked == expected
