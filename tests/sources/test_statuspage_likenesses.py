"""Pages in Statuspage's shape that are not Atlassian's: what incident.io and Rootly do otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.net.fetch import ETAG
from notifier.ports import Answer, Failure, Reading
from notifier.sources.pages import statuspage
from notifier.sources.pages.statuspage import StatuspageSettings
from notifier.sources.settings import Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="data", regions=("US",), find_regions=True)
SUMMARY: dict[str, Any] = {
    "page": {"id": "01PAGE", "name": "Vendor", "url": "https://status.example", "updated_at": "2026-01-15T11:59:00Z"},
    "status": {"indicator": "none", "description": "All Systems Operational"},
    "components": [
        {"id": "01VT", "name": "Vermont", "status": "operational"},
        {"id": "01NY", "name": "New York", "status": "operational"},
    ],
}
INCIDENT: dict[str, Any] = {
    "id": "01INC", "name": "Errors", "status": "investigating", "impact": "major", "components": [],
    "created_at": "2026-01-15T11:40:00Z", "incident_updates": [],
}
ROOTLY: dict[str, Any] = {
    "page": {"name": "Vendor", "url": "https://status.example", "updated_at": "2026-01-15T11:59:00Z"},
    "status": {"indicator": "major", "description": "Something's not quite right"},
    "incidents": [{
        "name": "Errors in Vermont", "status": "started", "impact": "minor", "started_at": "2026-01-15T11:30:00Z",
        "resolved_at": None, "url": "https://status.example/incidents/abc123",
        "incident_updates": [{"body": "We look.", "status": "investigating", "created_at": "2026-01-15T11:35:00Z"}],
    }],
}


def source(fetch: Any = None, **fields: Any) -> Any:
    settings = StatuspageSettings(id="sp", url="https://status.example", placing=PLACING, **fields)
    return statuspage.make(settings, regions=TREE, **({"fetch": fetch} if fetch else {}))


def both(*incidents: dict[str, Any], **over: Any) -> dict[str, Any]:
    """A summary without incidents, and incidents.json, as one answer."""
    rest = {"page": SUMMARY["page"], "incidents": list(incidents)}
    return {"parts": {"summary": json.dumps({**SUMMARY, **over}), "incidents": json.dumps(rest)}}


def read(body: Any, memory: Mapping[str, str] | None = None) -> Reading:
    found: Reading = source().read(answer(body), memory or {}, NOW)
    return found


class Vendor:
    """A vendor whose addresses answer what they are told to, conditionally where they are given an etag."""

    def __init__(self, **bodies: Any) -> None:
        self.bodies = bodies
        self.asked: list[str] = []

    def __call__(self, request: Any, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        name = request.url.rpartition("/")[2].removesuffix(".json")
        self.asked.append(name)
        body = self.bodies[name]
        if isinstance(body, Failure):
            return body
        tag = f'"{name}-1"'
        return Answer(now, 304, {}, b"") if memory.get(ETAG) == tag else Answer(
            now, 200, {"etag": tag}, json.dumps(body).encode())


# ── incident.io ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_summary_without_incidents_is_completed_by_the_list_of_incidents() -> None:
    vendor = Vendor(summary=SUMMARY, incidents={"page": SUMMARY["page"], "incidents": [INCIDENT]})
    one = source(vendor)
    got = one.fetch({}, NOW)
    reading = one.read(got, {}, NOW)
    assert vendor.asked == ["summary", "incidents"]
    assert {s.fingerprint for s in reading.signals} == {"incident:01INC"}
    assert reading.complete
    assert reading.affirmed
    again = one.fetch({ETAG: got.headers["etag"]}, NOW)
    assert (again.status, vendor.asked[2:]) == (304, ["summary", "incidents"])


def test_a_summary_with_incidents_is_asked_for_alone() -> None:
    vendor = Vendor(summary={**SUMMARY, "incidents": []})
    got = source(vendor).fetch({}, NOW)
    assert vendor.asked == ["summary"]
    assert source(vendor).fetch({ETAG: got.headers["etag"]}, NOW).status == 304


def test_without_the_list_of_incidents_nothing_is_known() -> None:
    """Half of what the page says is not the page: no incident listed is not the same as none."""
    down = Failure(NOW, "timed_out")
    assert source(Vendor(summary=SUMMARY, incidents=down)).fetch({}, NOW) == down
    assert not read(SUMMARY).known
    assert not read({"parts": {"summary": json.dumps(SUMMARY)}}).known


def test_an_incident_resolved_in_the_list_is_over_and_one_no_longer_in_it_too() -> None:
    first = read(both(INCIDENT))
    over = read(both({**INCIDENT, "status": "resolved"}), first.memory)
    assert [s.level for s in over.signals] == [Level.OK]
    assert read(both(), first.memory).present == ()


@pytest.mark.parametrize(
    ("impacts", "places"),
    [
        pytest.param([("01VT", "full_outage", None)], {"US-VT"}, id="an impact that runs"),
        pytest.param([("01VT", "partial_outage", "2026-01-15T11:50:00Z"), ("01NY", "degraded_performance", None)],
                     {"US-NY"}, id="one that has ended is history"),
        pytest.param([("01VT", "partial_outage", "2026-01-15T11:50:00Z")], {"US-VT"}, id="all have ended, it has not"),
        pytest.param([("01XX", "full_outage", None)], {"US"}, id="a component nobody lists"),
        pytest.param([], {"US"}, id="none"),
    ],
)
def test_component_impacts_say_where(impacts: list[tuple[str, str, str | None]], places: set[str]) -> None:
    listed = [{"component_id": id, "status": status, "start_at": "2026-01-15T11:40:00Z", "end_at": end}
              for id, status, end in impacts]
    reading = read(both({**INCIDENT, "component_impacts": listed}))
    assert {s.region for s in reading.signals} == places


def test_a_full_outage_is_critical_and_an_incident_without_impact_counts_by_it() -> None:
    impacts = [{"component_id": "01VT", "status": "full_outage", "start_at": "2026-01-15T11:40:00Z", "end_at": None}]
    odd = {key: value for key, value in INCIDENT.items() if key != "impact"}
    (signal,) = read(both({**odd, "component_impacts": impacts})).signals
    assert signal.level == Level.CRITICAL
    down = [{"id": "01VT", "name": "Vermont", "status": "full_outage"}]
    (signal,) = read(both(components=down)).signals
    assert signal.level == Level.CRITICAL


def test_what_incident_io_leaves_out_is_not_missed() -> None:
    """No time_zone, no updated_at, no page_id, no started_at, no group, no scheduled_maintenances."""
    bare = {**SUMMARY, "page": {"id": "01PAGE", "name": "Vendor"}}
    parts = {"summary": json.dumps(bare), "incidents": json.dumps({"incidents": [INCIDENT]})}
    (signal,) = read({"parts": parts}).signals
    assert signal.started_at.isoformat() == "2026-01-15T11:40:00+00:00"


def test_incidents_in_both_answers_are_told_once_by_the_list() -> None:
    reading = read(both({**INCIDENT, "status": "resolved"}, incidents=[INCIDENT]))
    assert [s.level for s in reading.signals] == [Level.OK]


# ── Rootly ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rootly_lists_active_incidents_only_so_what_is_missing_is_over() -> None:
    first = read(ROOTLY)
    assert [(s.fingerprint, s.level, s.region) for s in first.signals] == [
        ("incident:https://status.example/incidents/abc123", Level.MINOR, "US-VT")]
    assert first.signals[0].facts["update"] == "We look."
    calm = read({**ROOTLY, "status": {"indicator": "none", "description": ""}, "incidents": []}, first.memory)
    assert (calm.complete, calm.signals, calm.present) == (True, (), ())


def test_an_empty_list_of_rootly_affirms_nothing() -> None:
    """Its indicator is made of its incidents: "none" only repeats that the list is empty."""
    assert not read({**ROOTLY, "status": {"indicator": "none", "description": ""}, "incidents": []}).affirmed


def test_the_indicator_speaks_where_rootly_lists_nothing() -> None:
    (signal,) = read({**ROOTLY, "incidents": []}).signals
    assert (signal.fingerprint, signal.level) == ("page", Level.MAJOR)


@pytest.mark.parametrize(
    ("status", "level"),
    [("started", Level.MINOR), ("mitigated", Level.MINOR), ("resolved", Level.OK), ("closed", Level.OK),
     ("cancelled", Level.OK), ("completed", Level.OK), ("scheduled", Level.NOTICE), ("in_progress", Level.MAINTENANCE),
     ("pondering", Level.MINOR)],
)
def test_rootlys_states(status: str, level: Level) -> None:
    body = {**ROOTLY, "status": {"indicator": "none", "description": ""},
            "incidents": [{**ROOTLY["incidents"][0], "status": status}]}
    assert [s.level for s in read(body).signals] == [level]


def test_an_incident_without_id_and_address_is_not_guessed() -> None:
    nameless = {key: value for key, value in ROOTLY["incidents"][0].items() if key != "url"}
    assert not read({**ROOTLY, "incidents": [nameless]}).known


def test_an_atlassian_page_that_lost_its_components_is_not_taken_for_rootlys() -> None:
    body = {**ROOTLY, "page": {**ROOTLY["page"], "id": "p1"}}
    assert not read(body).complete
