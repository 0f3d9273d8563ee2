"""Better Stack: traps of index.json. Its feed is in test_feed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Failure, Reading, Source
from notifier.sources.pages import betterstack
from notifier.sources.pages.betterstack import BetterstackSettings
from notifier.sources.settings import Placing

from .support import NOW, answer, tree
from .vendors import vendors

TREE = tree()
PLACING = Placing(service="data", regions=("US-VT",), find_regions=True)
BODIES = {one.name: one for one in vendors()}["betterstack"].bodies


def source(**fields: Any) -> Source:
    settings = BetterstackSettings(id="bs", url="https://status.example", **{"placing": PLACING, **fields})
    return betterstack.make(settings, regions=TREE)


def page(step: str = "open") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(BODIES[step])
    return found


def of(body: dict[str, Any], kind: str) -> dict[str, Any]:
    """The first included resource of a type."""
    found: dict[str, Any] = next(one for one in body["included"] if one["type"] == kind)
    return found


def report(**over: Any) -> dict[str, Any]:
    """The page with its report changed, and everything watched well: the report speaks for itself."""
    body = page()
    of(body, "status_report")["attributes"] |= over
    of(body, "status_page_resource")["attributes"]["status"] = "operational"
    return body


def read(body: Any, memory: Mapping[str, str] | None = None, **fields: Any) -> Reading:
    reading = source(**fields).read(answer(body), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def levels(reading: Reading) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in reading.signals}


@pytest.mark.parametrize(("over", "expected"), [
    pytest.param({}, Level.MAJOR, id="downtime"),
    pytest.param({"aggregate_state": "degraded"}, Level.MINOR, id="degraded"),
    pytest.param({"aggregate_state": "maintenance"}, Level.MAINTENANCE, id="maintenance"),
    pytest.param({"aggregate_state": "resolved"}, Level.OK, id="resolved is the end"),
    pytest.param({"aggregate_state": "operational"}, Level.NOTICE, id="operational is not the end"),
    pytest.param({"aggregate_state": "smoking"}, Level.MAJOR, id="an unknown state counts by what it affects"),
    pytest.param({"aggregate_state": "smoking", "affected_resources": []}, Level.NOTICE, id="and opens nothing alone"),
    pytest.param({"ends_at": "2026-01-15T11:59:00Z"}, Level.OK, id="its end has passed"),
    pytest.param({"ends_at": "2026-01-15T15:00:00Z"}, Level.MAJOR, id="its end lies ahead"),
    pytest.param({"ends_at": "soon"}, Level.MAJOR, id="an end nobody can read is none"),
    pytest.param({"report_type": "automatic"}, Level.MAJOR, id="by its monitors"),
    pytest.param({"report_type": "maintenance", "ends_at": "2026-01-15T15:00:00Z"}, Level.MAINTENANCE, id="work now"),
    pytest.param({"report_type": "maintenance", "starts_at": "2026-01-18T02:00:00Z"}, Level.NOTICE, id="work in days"),
    pytest.param({"report_type": "maintenance", "ends_at": "2026-01-15T11:45:00Z"}, Level.OK, id="work that is done"),
])
def test_levels(over: dict[str, Any], expected: Level) -> None:
    assert levels(read(report(**over)))["incident:98765"] == expected


@pytest.mark.parametrize(("status", "expected"), [
    ("downtime", Level.MAJOR), ("degraded", Level.MINOR), ("under_maintenance", Level.MAINTENANCE),
    ("glowing", Level.NOTICE)])
def test_what_is_watched_speaks_where_no_report_does(status: str, expected: Level) -> None:
    body = page("empty")
    of(body, "status_page_resource")["attributes"]["status"] = status
    (signal,) = read(body).signals
    assert (signal.fingerprint, signal.level, signal.region) == ("component:1001", expected, "US-VT")


@pytest.mark.parametrize("status", ["operational", "recovered", "not_monitored"])
def test_what_is_well_or_not_watched_says_nothing(status: str) -> None:
    body = page("empty")
    for one in body["included"]:
        one["attributes"] |= {"status": status} if one["type"] == "status_page_resource" else {}
    reading = read(body)
    assert reading.signals == ()
    assert reading.affirmed is (status != "not_monitored"), "what is not watched vouches for nothing"


def test_a_resolved_report_that_stays_in_the_list_is_over_and_what_is_gone_too() -> None:
    assert levels(read(page("resolve"))) == {"incident:98765": Level.OK}
    assert read(page("empty")).complete


def test_a_state_of_the_page_that_nothing_explains_speaks_for_the_page() -> None:
    body = page("empty")
    body["data"]["attributes"]["aggregate_state"] = "downtime"
    assert levels(read(body)) == {"page": Level.MAJOR}


def test_a_report_the_page_names_and_does_not_tell_of_stays_open() -> None:
    """A document need not include all it names: what was open is neither over nor told anew."""
    first = read(page())
    cut = page("empty")
    cut["data"]["relationships"]["status_reports"]["data"] = [{"id": "98765", "type": "status_report"}]
    second = read(cut, first.memory)
    assert levels(second) == {}
    assert "incident:98765" in second.present


def test_where_something_watched_is_missing_the_page_is_not_whole() -> None:
    body = page("empty")
    body["included"] = [one for one in body["included"] if one["id"] != "1001"]
    assert not read(body).complete
    assert read(page("empty")).complete


def test_sections_are_groups_and_ids_may_be_numbers_or_text() -> None:
    body = page()
    of(body, "status_page_section")["attributes"]["name"] = "Ontario"
    of(body, "status_page_resource")["attributes"]["status_page_section_id"] = "11"
    of(body, "status_report")["attributes"]["affected_resources"][0]["status_page_resource_id"] = 1001
    (signal,) = read(body).signals
    assert (signal.fingerprint, signal.region) == ("incident:98765", "CA-ON")


def test_the_newest_update_gives_workaround_and_restoration() -> None:
    body = page("update")
    for updates in (body["included"][-2:], body["included"][-2:][::-1]):
        body["included"][-2:] = updates
        (signal,) = source().read(answer(body), {}, datetime.fromisoformat("2026-01-15T12:15:00Z")).signals
        assert signal.facts["workaround"] == "switch 3G off, calls work over Edge."
        assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"


@pytest.mark.parametrize("change", [
    pytest.param({"type": "monitor"}, id="about something else"),
    pytest.param({"attributes": {}}, id="no state"),
    pytest.param({"attributes": {"aggregate_state": "operational", "updated_at": "2086-01-01T00:00:00Z"}}, id="clock"),
])
def test_what_cannot_be_relied_on_says_nothing(change: dict[str, Any]) -> None:
    body = page()
    body["data"] |= change
    reading = source().read(answer(body), {}, NOW)
    assert (reading.known, reading.signals, reading.complete) == (False, (), False)


def test_without_what_is_included_it_says_nothing() -> None:
    body = page()
    del body["included"]
    assert not source().read(answer(body), {}, NOW).known


def test_asks_below_the_address() -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer | Failure:
        asked.append(request.url)
        return answer({})

    for url in ("https://status.example/", "https://status.example/index.json"):
        settings = BetterstackSettings(id="bs", url=url)
        betterstack.make(settings, regions=TREE, fetch=fetch).fetch({}, NOW)
    assert asked == ["https://status.example/index.json"] * 2
