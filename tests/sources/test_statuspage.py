"""Statuspage v2: traps of the format, and answers as captured."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Failure, Reading, Source
from notifier.secret import Secret
from notifier.sources.pages import statuspage
from notifier.sources.pages.statuspage import StatuspageSettings
from notifier.sources.settings import Match, Placing
from tests.shared_data import shared

from .examples import SUMMARY
from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="data", regions=("US-VT",), find_regions=True)


def source(placing: Placing = PLACING, **fields: Any) -> Source:
    return statuspage.make(
        StatuspageSettings(id="sp", url="https://status.example", placing=placing, **fields), regions=TREE
    )


def page(*incidents: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {**SUMMARY, "incidents": list(incidents), **over}


def incident(**over: Any) -> dict[str, Any]:
    return {**SUMMARY["incidents"][0], **over}


def levels(body: Any, memory: dict[str, str] | None = None) -> dict[str, Level]:
    reading = source().read(answer(body), memory or {}, NOW)
    assert reading.known, reading.why
    return {signal.fingerprint: signal.level for signal in reading.signals}


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        pytest.param({"impact": "minor"}, Level.MINOR, id="impact minor"),
        pytest.param({"impact": "critical"}, Level.CRITICAL, id="impact critical"),
        pytest.param({"impact": "none"}, Level.NOTICE, id="impact none is information"),
        pytest.param({"impact": "maintenance"}, Level.MAINTENANCE, id="maintenance is planned"),
        pytest.param({"impact": "maintenance", "status": "in_progress"}, Level.MAINTENANCE, id="work in progress"),
        pytest.param({"impact": "major", "status": "scheduled"}, Level.NOTICE, id="work ahead is worth knowing only"),
        pytest.param({"impact": "apocalyptic"}, Level.MAJOR, id="an unknown impact counts by its components"),
        pytest.param({"impact": None, "components": []}, Level.NOTICE, id="no impact and no components"),
        pytest.param({"status": "resolved"}, Level.OK, id="resolved"),
        pytest.param({"status": "postmortem"}, Level.OK, id="a post-mortem comes after the end"),
        pytest.param({"status": "monitoring"}, Level.MAJOR, id="monitoring is not over"),
        pytest.param({"status": "pondering"}, Level.MAJOR, id="an unknown status is not over"),
    ],
)
def test_levels(over: dict[str, Any], expected: Level) -> None:
    assert levels(page(incident(**over)))["incident:i1"] == expected


def test_an_incident_is_its_id_however_it_is_renamed() -> None:
    first = source().read(answer(page(incident(name="Slow API"))), {}, NOW)
    second = source().read(answer(page(incident(name="API outage, all users"))), {}, NOW)
    assert {s.key for s in first.signals} == {s.key for s in second.signals}


def test_the_page_reads_none_while_an_incident_is_open_and_the_incident_counts() -> None:
    assert SUMMARY["status"]["indicator"] == "none"
    assert levels(page(incident())) == {"incident:i1": Level.MAJOR}


def test_an_impact_that_sinks_to_none_before_the_end_stays_minor_trouble() -> None:
    first = source().read(answer(page(incident())), {}, NOW)
    later = page(incident(impact="none", status="monitoring"))
    assert levels(later, dict(first.memory))["incident:i1"] == Level.MINOR
    assert levels(later)["incident:i1"] == Level.NOTICE


def test_components_in_trouble_speak_where_no_incident_does() -> None:
    components = [
        {"id": "c1", "name": "API", "status": "partial_outage"},
        {"id": "c2", "name": "Search", "status": "degraded_performance"},
        {"id": "c3", "name": "Mail", "status": "under_maintenance"},
        {"id": "c4", "name": "Chat", "status": "exploding"},
        {"id": "g", "name": "Everything", "status": "major_outage", "group": True},
    ]
    assert levels(page(incident(), components=components)) == {
        "incident:i1": Level.MAJOR,
        "component:c2": Level.MINOR,
        "component:c3": Level.MAINTENANCE,
        "component:c4": Level.NOTICE,
    }


def test_information_and_work_ahead_do_not_speak_for_a_component_that_is_down() -> None:
    down = [{"id": "c1", "name": "API", "status": "major_outage"}]
    ahead = incident(status="scheduled", impact="maintenance", scheduled_for="2026-01-16T02:00:00Z")
    assert levels(page(incident(impact="none"), components=down)) == {
        "incident:i1": Level.NOTICE, "component:c1": Level.CRITICAL}
    assert levels(page(scheduled_maintenances=[ahead], components=down)) == {
        "incident:i1": Level.NOTICE, "component:c1": Level.CRITICAL}
    begun = {**ahead, "status": "in_progress"}
    assert levels(page(scheduled_maintenances=[begun], components=down)) == {"incident:i1": Level.MAINTENANCE}


def test_an_indicator_nothing_explains_speaks_for_the_page() -> None:
    bad = {"indicator": "major", "description": "Partial System Outage"}
    assert levels(page(status=bad)) == {"page": Level.MAJOR}
    assert levels(page(status={"indicator": "maintenance", "description": ""})) == {}
    assert levels(page(status={"indicator": "sparkling", "description": ""})) == {}


def test_times_prefer_started_at_and_never_lie_ahead() -> None:
    soon = (NOW + timedelta(minutes=5)).isoformat()
    for over, expected in (
        ({}, "2026-01-15T11:30:00+00:00"),
        ({"started_at": None}, "2026-01-15T11:40:00+00:00"),
        ({"started_at": "2014-05-14T14:22:39.441-06:00"}, "2014-05-14T20:22:39.441000+00:00"),
        ({"started_at": soon, "created_at": soon}, NOW.isoformat()),
        ({"started_at": "2026-01-15 11:30", "created_at": 5, "incident_updates": []}, NOW.isoformat()),
    ):
        (signal,) = source().read(answer(page(incident(**over))), {}, NOW).signals
        assert signal.started_at.isoformat() == expected


def test_the_newest_update_is_kept_in_whatever_order_they_come() -> None:
    updates = [
        {"status": "investigating", "body": "first", "display_at": "2026-01-15T11:31:00Z"},
        {"status": "identified", "body": "<p>third &amp; last</p>", "display_at": "2026-01-15T11:50:00Z"},
        {"status": "identified", "body": "second", "display_at": "2026-01-15T11:40:00Z"},
    ]
    (signal,) = source().read(answer(page(incident(incident_updates=updates))), {}, NOW).signals
    assert signal.facts["update"] == "third & last"


def test_places_come_from_components_groups_and_title() -> None:
    components = [
        {"id": "g1", "name": "West Europe", "status": "operational", "group": True},
        {"id": "c1", "name": "Compute", "group_id": "g1", "status": "partial_outage"},
    ]
    told = incident(components=[components[1], {"id": "c9", "name": "Networking, us-ashburn-1", "status": "x"}])
    reading = source().read(answer(page(told, components=components)), {}, NOW)
    assert {signal.region for signal in reading.signals} == {"EU-W", "EU-N"}


def test_what_cannot_be_placed_is_reported_and_not_guessed() -> None:
    reading = source(Placing(map=(Match(component="Search", service="data", regions=("US",)),))).read(
        answer(page(incident())), {}, NOW
    )
    assert reading.signals == ()
    assert len(reading.unplaced) == 1
    assert "API" in reading.unplaced[0]


def test_affected_components_of_updates_serve_where_the_incident_lists_none() -> None:
    updates = [{"status": "investigating", "body": "", "affected_components": [{"code": "c1", "name": "Vermont SMS"}]}]
    placing = Placing(find_regions=True, map=(Match(component="SMS", service="sms"),))
    reading = source(placing).read(answer(page(incident(components=[], incident_updates=updates))), {}, NOW)
    assert [(s.service, s.region) for s in reading.signals] == [("sms", "US-VT")]


def test_incidents_json_is_not_complete_and_its_resolved_ones_are_ok() -> None:
    body = {"page": SUMMARY["page"], "incidents": [incident(), incident(id="i2", status="resolved")]}
    reading = source().read(answer(body), {}, NOW)
    assert not reading.complete
    assert {s.fingerprint: s.level for s in reading.signals} == {"incident:i1": Level.MAJOR, "incident:i2": Level.OK}


def test_fetch_asks_below_the_address_and_names_a_missing_token() -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer | Failure:
        asked.append(request.url)
        return answer(SUMMARY)

    settings = StatuspageSettings(id="sp", url="https://status.example/", path="/api/v2/incidents.json")
    statuspage.make(settings, regions=TREE, fetch=fetch).fetch({}, NOW)
    assert asked == ["https://status.example/api/v2/incidents.json"]
    locked = settings.model_copy(update={"bearer": Secret(env="NOTIFIER_TEST_NOT_SET")})
    failure = statuspage.make(locked, regions=TREE, fetch=fetch).fetch({}, NOW)
    assert isinstance(failure, Failure)
    assert failure.reason == "internal"
    assert "NOTIFIER_TEST_NOT_SET" in failure.detail


def captured(name: str, at: datetime) -> Reading:
    file = shared(f"data/status/vendors/statuscheck/{name}")
    return source(Placing(service="data", regions=("US-VT",))).read(Answer(at, 200, {}, file.read_bytes()), {}, at)


def test_twilio_as_captured_has_two_incidents_of_sms() -> None:
    reading = captured("twilio_incident.json", datetime.fromisoformat("2020-07-17T00:00:00Z"))
    assert reading.known
    assert reading.complete
    told = [s for s in reading.signals if s.fingerprint.startswith("incident:") and s.level.is_trouble]
    assert len(told) == 2
    assert any("Mozambique" in s.facts["title"] for s in told)
    assert {s.level for s in told} == {Level.MINOR}


def test_cloudamqp_as_captured_is_maintenance_and_no_trouble() -> None:
    reading = captured("cloudamqp_maintenance.json", datetime.fromisoformat("2020-07-17T00:00:00Z"))
    assert reading.known
    assert {s.level for s in reading.signals} == {Level.MAINTENANCE}


def test_github_as_captured_before_v2_grew_its_fields() -> None:
    reading = captured("github_incident.json", datetime.fromisoformat("2020-07-17T00:00:00Z"))
    assert reading.known
    worst = {s.fingerprint: s.level for s in reading.signals}
    assert worst["incident:cp306tmzcl0y"] == Level.CRITICAL
    assert worst["incident:k7mf5z1gz05c"] == Level.MAINTENANCE
    assert worst["incident:w1zdr745wmfy"] == Level.NOTICE


def test_other_vendors_formats_say_nothing_here() -> None:
    folder = shared("data/status/vendors")
    mine = {"twilio_incident.json", "cloudamqp_maintenance.json", "github_incident.json"}
    others = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name not in mine]
    assert len(others) >= 10
    for file in others:
        reading = source().read(Answer(NOW, 200, {}, file.read_bytes()), {}, NOW)
        assert not reading.known, file.name
        assert reading.signals == ()


def test_the_memory_is_small_text() -> None:
    reading = source().read(answer(page(*(incident(id=f"i{n}") for n in range(50)))), {}, NOW)
    assert json.loads(reading.memory["open"])["incident:i7"][0] == Level.MAJOR


# ── One vendor incident is one incident ──────────────────────────────────────────────────────────────────────────────


def reading(body: Any, memory: Any = None, at: datetime = NOW) -> Reading:
    found = source().read(answer(body), memory or {}, at)
    assert found.known, found.why
    return found


def newest(*incidents: dict[str, Any]) -> dict[str, Any]:
    """An incidents.json: the newest incidents, whatever their state."""
    return {"page": SUMMARY["page"], "incidents": list(incidents)}


EARLIER = incident(id="i0", status="resolved", started_at="2026-01-10T08:00:00Z", created_at="2026-01-10T08:00:00Z")


def test_an_incident_dated_anew_is_the_same_incident() -> None:
    """Vendors move the beginning back once they know better, and forth when they did not."""
    first = reading(page(incident()))
    for start in ("2026-01-15T09:00:00Z", "2026-01-15T11:55:00Z"):
        later = reading(page(incident(started_at=start, created_at=start)), first.memory)
        assert [s.key for s in later.signals] == [s.key for s in first.signals]
        assert later.gone == ()


@pytest.mark.parametrize("again", ["investigating", "identified", "monitoring", "reopened"])
def test_an_incident_opened_again_is_the_same_trouble_again(again: str) -> None:
    first = reading(newest(incident(), EARLIER))
    over = reading(newest(incident(status="resolved"), EARLIER), first.memory)
    back = reading(newest(incident(status=again), EARLIER), over.memory)
    assert [s.level for s in over.signals] == [Level.OK, Level.OK]
    assert back.signals[0].key == first.signals[0].key
    assert back.signals[0].level == Level.MAJOR


def test_one_merged_into_another_ends_and_the_other_goes_on() -> None:
    """In a summary the one merged is simply no longer there; in the list of the newest the gap shows it."""
    both = (incident(id="i2", name="Slow search"), incident())
    whole = reading(page(*both))
    merged = reading(page(both[0]), whole.memory)
    assert merged.complete
    assert merged.present == ("incident:i2",)
    partial = reading(newest(*both, EARLIER))
    assert reading(newest(both[0], EARLIER), partial.memory).gone == ("incident:i1",)


def test_one_filled_in_afterwards_opens_nothing_and_one_filled_in_open_began_when_it_says() -> None:
    over = incident(id="i3", status="resolved", created_at="2026-01-15T11:59:00Z", started_at="2026-01-12T03:00:00Z")
    assert [s.level for s in reading(newest(over, EARLIER)).signals] == [Level.OK, Level.OK]
    late = incident(id="i4", created_at="2026-01-15T11:59:00Z", started_at="2026-01-15T07:30:00Z")
    (signal,) = reading(page(late)).signals
    assert signal.started_at.isoformat() == "2026-01-15T07:30:00+00:00"


def test_one_deleted_from_the_summary_is_over() -> None:
    first = reading(page(incident()))
    after = reading(page(), first.memory)
    assert (after.complete, after.affirmed, after.signals, after.present) == (True, True, (), ())


@pytest.mark.parametrize(
    ("listed", "gone"),
    [
        pytest.param((EARLIER,), ("incident:i1",), id="older ones are still listed: it was deleted"),
        pytest.param((), (), id="an empty list says nothing"),
        pytest.param((incident(id="i9", status="resolved", started_at="2026-01-15T11:59:00Z"),), (),
                     id="only newer ones are listed: it has scrolled away"),
    ],
)
def test_one_deleted_from_the_newest_is_taken_back(listed: Any, gone: tuple[str, ...]) -> None:
    first = reading(newest(incident(), EARLIER))
    after = reading(newest(*listed), first.memory)
    assert after.gone == gone
    assert not after.complete


def test_one_taken_back_is_taken_back_once_and_one_scrolled_away_is_remembered() -> None:
    first = reading(newest(incident(), EARLIER))
    after = reading(newest(EARLIER), first.memory)
    assert reading(newest(EARLIER), after.memory).gone == ()
    scrolled = reading(newest(), first.memory)
    assert reading(newest(EARLIER), scrolled.memory).gone == ("incident:i1",)


def test_workaround_and_restoration_are_kept_in_the_vendors_words_whatever_came_after() -> None:
    updates = [
        {"status": "monitoring", "body": "We are watching.", "display_at": "2026-01-15T11:58:00Z"},
        {"status": "identified", "display_at": "2026-01-15T11:45:00Z",
         "body": "Workaround: switch 3G off.\nWe expect full restoration by 2026-01-15 14:30 UTC."},
        {"status": "identified", "body": "Workaround: none.", "display_at": "2026-01-15T11:41:00Z"},
    ]
    for order in (updates, updates[::-1]):
        (signal,) = reading(page(incident(incident_updates=order))).signals
        assert signal.facts["update"] == "We are watching."
        assert signal.facts["workaround"] == "switch 3G off."
        assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"
        assert "full restoration" in signal.facts["restoration"]


def test_updates_of_one_moment_and_without_one() -> None:
    """The one listed first is the newest of its moment; one without a time says nothing."""
    updates = [
        {"status": "identified", "body": "no time"},
        {"status": "identified", "body": "second", "display_at": "2026-01-15T11:50:00Z"},
        {"status": "investigating", "body": "first", "display_at": "2026-01-15T11:50:00Z"},
    ]
    (signal,) = reading(page(incident(incident_updates=updates))).signals
    assert signal.facts["update"] == "second"


# ── Words nobody knows, and who speaks for a component ───────────────────────────────────────────────────────────────

DOWN = [{"id": "c1", "name": "API", "status": "major_outage"}]
WORK = {"id": "m1", "name": "Upgrade", "impact": "maintenance", "components": DOWN,
        "created_at": "2026-01-14T09:00:00Z", "scheduled_for": "2026-01-16T02:00:00Z",
        "scheduled_until": "2026-01-16T04:00:00Z"}


@pytest.mark.parametrize("word", ["pondering", "", None, 7])
def test_a_component_whose_state_nobody_knows_stays_trouble(word: Any) -> None:
    """Told as worth knowing it would end the trouble that was told before."""
    first = reading(page(components=DOWN))
    later = reading(page(components=[{**DOWN[0], "status": word}]), first.memory)
    assert [(s.key, s.level.is_trouble) for s in later.signals] == [(first.signals[0].key, True)]
    assert {s.level for s in reading(page(components=[{**DOWN[0], "status": word}])).signals} == {Level.NOTICE}
    known = reading(page(components=[{**DOWN[0], "status": "operational"}]), later.memory)
    assert (known.complete, known.signals, known.present) == (True, (), ())


@pytest.mark.parametrize("word", ["pondering", "", None])
def test_an_incident_whose_impact_nobody_knows_any_more_stays_trouble(word: Any) -> None:
    first = reading(page(incident()))
    (signal,) = reading(page(incident(impact=word, components=[])), first.memory).signals
    assert signal.level == Level.MINOR


def test_announced_work_and_an_incident_without_impact_hide_no_outage() -> None:
    """They name the component; neither says that it is down, and it says so itself."""
    for told in (page(components=DOWN, scheduled_maintenances=[{**WORK, "status": "scheduled"}]),
                 page(incident(impact="none", components=DOWN), components=DOWN)):
        assert ("component:c1", Level.CRITICAL) in {(s.fingerprint, s.level) for s in reading(told).signals}


@pytest.mark.parametrize("status", ["in_progress", "verifying"])
def test_work_under_way_speaks_for_its_components(status: str) -> None:
    (signal,) = reading(page(components=DOWN, scheduled_maintenances=[{**WORK, "status": status}])).signals
    assert (signal.fingerprint, signal.level) == ("incident:m1", Level.MAINTENANCE)
    assert signal.facts["scheduled_until"] == "2026-01-16T04:00:00Z"


def test_work_that_is_completed_is_over() -> None:
    (signal,) = reading(page(scheduled_maintenances=[{**WORK, "status": "completed", "components": []}])).signals
    assert signal.level == Level.OK
