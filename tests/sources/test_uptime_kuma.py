"""Uptime Kuma: heartbeats in every order and state, both shapes of the page, times without a zone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from notifier.model.signal import Level, Signal, SignalClass
from notifier.ports import Answer, Reading
from notifier.sources.pages import uptime_kuma
from notifier.sources.pages.uptime_kuma import UptimeKumaSettings
from notifier.sources.settings import Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="data", regions=("US-VT",), find_regions=True)
UP, DOWN = 1, 0
NEWEST = "2026-01-15 11:59:30.250"


def source(fetch: Any = None, **fields: Any) -> Any:
    settings = UptimeKumaSettings(id="kuma", url="https://kuma.example", placing=PLACING, **fields)
    return uptime_kuma.make(settings, regions=TREE, **({"fetch": fetch} if fetch else {}))


def beat(status: Any, time: Any = NEWEST) -> dict[str, Any]:
    return {"status": status, "time": time, "msg": "", "ping": None}


def body(beats: Any, heartbeats: Mapping[str, Any] | None = None, **page: Any) -> dict[str, Any]:
    """A page with monitor 1 in a group called New York, and monitor 2, which is up."""
    said = {"config": {"slug": "main"}, "incidents": [], "maintenanceList": [], "publicGroupList": [
        {"id": 1, "name": "New York", "monitorList": [{"id": 1, "name": "Data", "type": "http"}]},
        {"id": 2, "name": "Web", "monitorList": [{"id": 2, "name": "Portal", "type": "http"}]}], **page}
    lists = {"heartbeatList": {"1": beats, "2": [beat(UP)]}, "uptimeList": {}} if heartbeats is None else heartbeats
    return {"parts": {"page": json.dumps(said), "heartbeat": json.dumps(lists)}}


def read(body: Any, memory: Mapping[str, str] | None = None, at: datetime = NOW, **fields: Any) -> Reading:
    found: Reading = source(**fields).read(answer(body), memory or {}, at)
    return found


def one(body: Any, **fields: Any) -> Signal:
    reading = read(body, **fields)
    assert reading.known, reading.why
    (signal,) = reading.signals
    return signal


@pytest.mark.parametrize(
    ("status", "level"),
    [
        pytest.param(DOWN, Level.MAJOR, id="down"),
        pytest.param(2, Level.NOTICE, id="pending: a check failed and is tried again"),
        pytest.param(3, Level.MAINTENANCE, id="maintenance"),
        pytest.param(4, Level.NOTICE, id="a state from the future"),
        pytest.param("0", Level.NOTICE, id="text is no state"),
        pytest.param(False, Level.NOTICE, id="false is not 0"),
        pytest.param(None, Level.NOTICE, id="no state"),
    ],
)
def test_the_newest_heartbeat_decides(status: Any, level: Level) -> None:
    signal = one(body([beat(UP, "2026-01-15 11:58:30"), beat(status)]))
    assert (signal.fingerprint, signal.region, signal.level) == ("component:1", "US-NY", level)
    assert signal.klass is SignalClass.MEASUREMENT


def test_up_is_well_and_says_so() -> None:
    reading = read(body([beat(DOWN, "2026-01-15 11:58:30"), beat(UP)]))
    assert (reading.known, reading.complete, reading.affirmed, reading.signals) == (True, True, True, ())


def test_heartbeats_count_by_their_own_time_in_whatever_order_they_come() -> None:
    beats = [beat(DOWN, "2026-01-15 11:57:00"), beat(UP, "2026-01-15 11:58:00"), beat(DOWN)]
    for order in (beats, beats[::-1]):
        assert one(body(order)).started_at.isoformat() == "2026-01-15T11:59:30.250000+00:00"
    assert read(body([beat(UP), beat(DOWN, "2026-01-15 11:57:00")])).signals == ()


def test_being_down_begins_with_the_checks_that_were_pending() -> None:
    beats = [beat(state, f"2026-01-15 11:{minute}:00") for state, minute in ((UP, 55), (2, 56), (2, 57), (DOWN, 58))]
    assert one(body(beats)).started_at.isoformat() == "2026-01-15T11:56:00+00:00"


@pytest.mark.parametrize("status", [2, 9, None])
def test_a_monitor_that_was_down_stays_trouble_while_nobody_knows(status: Any) -> None:
    first = read(body([beat(DOWN)]))
    (signal,) = read(body([beat(DOWN, "2026-01-15 11:59:00"), beat(status)]), first.memory).signals
    assert (signal.key, signal.level.is_trouble) == (first.signals[0].key, True)


def test_heartbeats_that_have_stopped_are_unknown_not_well() -> None:
    """The page goes on serving the last ones: all is well, as of an hour ago."""
    old = "2026-01-15 10:59:00"
    reading = read(body([beat(UP, old)], {"heartbeatList": {"1": [beat(UP, old)], "2": [beat(UP, old)]}}))
    assert not reading.known
    assert "2026-01-15T10:59:00Z" in reading.why
    assert read(body([beat(UP, old)], {"heartbeatList": {"1": [beat(UP, old)], "2": []}}), stale_after="2h").known


def test_one_monitor_that_stopped_neither_opens_nor_closes() -> None:
    first = read(body([beat(DOWN)]))
    later = read(body([beat(DOWN)], {"heartbeatList": {"1": [beat(DOWN)], "2": [beat(UP, "2026-01-15 13:00:00")]}}),
                 first.memory, NOW + timedelta(hours=1))
    assert [(s.key, s.level.is_trouble) for s in later.signals] == [(first.signals[0].key, True)]
    paused = one(body([beat(DOWN, "2026-01-15 09:00:00")]))
    assert (paused.level, paused.facts["status"]) == (Level.NOTICE, "no heartbeat")


@pytest.mark.parametrize("beats", [None, [], [0, 0], [None], [beat(DOWN, None)], [beat(DOWN, "soon")]])
def test_without_a_heartbeat_nothing_is_said_of_a_monitor(beats: Any) -> None:
    assert one(body(beats)).level == Level.NOTICE


def test_a_bare_0_is_a_stretch_without_heartbeats() -> None:
    beats = [beat(UP, "2026-01-15T11:50:00.000Z"), 0, 0, beat(DOWN, "2026-01-15T11:59:00.000Z"), 0]
    assert one(body(beats)).level == Level.MAJOR


def test_times_without_a_zone_are_utc_unless_told_otherwise() -> None:
    assert one(body([beat(DOWN)])).started_at.isoformat() == "2026-01-15T11:59:30.250000+00:00"
    local = {"heartbeatList": {"1": [beat(DOWN, "2026-01-15 06:59:30")], "2": [beat(UP, "2026-01-15 06:59:30")]}}
    assert one(body([], local), timezone="America/New_York").started_at.isoformat() == "2026-01-15T11:59:30+00:00"
    assert not read(body([], local)).known
    with pytest.raises(ValidationError, match="IANA"):
        UptimeKumaSettings(id="k", url="https://kuma.example", timezone="Mars/Olympus")


@pytest.mark.parametrize(
    "lists",
    [{}, {"heartbeatList": []}, {"heartbeatList": {}}, {"heartbeatList": {"1": {}, "2": []}},
     {"heartbeatList": {"1": "down"}}, {"heartbeatList": {"1": [7]}}, {"ok": False, "msg": "Status Page Not Found"}],
)
def test_heartbeats_of_another_shape_are_unknown(lists: Any) -> None:
    assert not read(body([], lists)).known


@pytest.mark.parametrize("field", ["config", "publicGroupList", "incidents"])
def test_a_page_without_what_it_always_has_is_unknown(field: str) -> None:
    said = json.loads(body([beat(UP)])["parts"]["page"])
    del said[field]
    assert not read({"parts": {"page": json.dumps(said), "heartbeat": body([beat(UP)])["parts"]["heartbeat"]}}).known


# ── Incidents and work ───────────────────────────────────────────────────────────────────────────────────────────────

PINNED = {"id": 4, "style": "danger", "title": "No data in Vermont", "content": "We look.", "pin": 1, "active": 1,
          "createdDate": "2026-01-15 11:40:00", "lastUpdatedDate": None}


@pytest.mark.parametrize("shape", ["incidents", "incident"])
@pytest.mark.parametrize(
    ("over", "level"),
    [
        pytest.param({}, Level.MAJOR, id="danger"),
        pytest.param({"style": "warning"}, Level.MINOR, id="warning"),
        pytest.param({"style": "info"}, Level.NOTICE, id="information"),
        pytest.param({"style": "sparkling"}, Level.NOTICE, id="a colour from the future"),
        pytest.param({"active": False}, Level.OK, id="resolved"),
        pytest.param({"pin": False}, Level.OK, id="no longer pinned"),
    ],
)
def test_incidents_of_both_shapes(shape: str, over: dict[str, Any], level: Level) -> None:
    incident = {**PINNED, **over}
    said = body([beat(UP)], incidents=[incident]) if shape == "incidents" else body([beat(UP)])
    if shape == "incident":
        page = json.loads(said["parts"]["page"])
        del page["incidents"]
        said["parts"]["page"] = json.dumps({**page, "incident": incident})
    signal = one(said)
    assert (signal.fingerprint, signal.region, signal.level) == ("incident:4", "US-VT", level)
    assert signal.klass is SignalClass.OFFICIAL
    assert signal.started_at.isoformat() == "2026-01-15T11:40:00+00:00"


def test_an_incident_unpinned_is_over_and_one_edited_is_the_same() -> None:
    first = read(body([beat(UP)], incidents=[PINNED]))
    edited = {**PINNED, "title": "No data", "style": "info", "content": "Workaround: use Wi-Fi.",
              "lastUpdatedDate": "2026-01-15 11:50:00"}
    (signal,) = read(body([beat(UP)], incidents=[edited]), first.memory).signals
    assert (signal.fingerprint, signal.level, signal.facts["workaround"]) == ("incident:4", Level.MINOR, "use Wi-Fi.")
    assert read(body([beat(UP)]), first.memory).present == ()


@pytest.mark.parametrize(
    ("over", "level", "until"),
    [
        pytest.param({"status": "under-maintenance"}, Level.MAINTENANCE, "2026-01-15T13:00:00Z", id="under way"),
        pytest.param({"status": "scheduled"}, Level.NOTICE, "2026-01-15T13:00:00Z", id="announced"),
        pytest.param({"status": "ended"}, Level.OK, "2026-01-15T13:00:00Z", id="over"),
        pytest.param({"status": "unknown"}, Level.NOTICE, "2026-01-15T13:00:00Z", id="Kuma does not know"),
        pytest.param({"status": "under-maintenance", "timezone": "Mars/Olympus"}, Level.MAINTENANCE,
                     "2026-01-15T08:00:00Z", id="a zone nobody knows"),
        pytest.param({"status": "under-maintenance", "timeslotList": []}, Level.MAINTENANCE, None, id="by hand"),
        pytest.param({"status": "under-maintenance", "timeslotList": [{"startDate": "2026-01-20T11:00:00.000Z",
                      "endDate": "2026-01-20T12:00:00.000Z"}]}, Level.MAINTENANCE, "2026-01-20T12:00:00Z",
                     id="the next of several"),
    ],
)
def test_maintenance(over: dict[str, Any], level: Level, until: str | None) -> None:
    work = {"id": 4, "title": "Upgrade in Vermont", "description": "Two hours.", "strategy": "single", "active": True,
            "timezone": "America/New_York", "timeslotList": [{"startDate": "2026-01-15 06:00:00",
                                                              "endDate": "2026-01-15 08:00:00"}]}
    signal = one(body([beat(UP)], maintenanceList=[{**work, **over}]))
    assert (signal.fingerprint, signal.level) == ("incident:maintenance-4", level)
    assert signal.facts.get("scheduled_until") == until
    assert signal.started_at <= NOW


def test_both_addresses_are_asked_below_the_server() -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer:
        asked.append(request.url)
        return answer("{}")

    source(fetch, slug="Main").fetch({}, NOW)
    assert asked == ["https://kuma.example/api/status-page/Main", "https://kuma.example/api/status-page/heartbeat/Main"]
    with pytest.raises(ValidationError):
        UptimeKumaSettings(id="k", url="https://kuma.example", slug="../admin")
