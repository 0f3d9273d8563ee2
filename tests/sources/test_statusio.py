"""Status.io: traps of the format, and answers as captured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Reading, Source
from notifier.sources.pages import statusio
from notifier.sources.pages.statusio import StatusioSettings
from notifier.sources.settings import Match, Placing
from tests.shared_data import shared

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="data", find_regions=True)
Place = tuple[str, str]


def source(**fields: Any) -> Source:
    settings = StatusioSettings(id="si", url="https://api.example/1.0/status/5a89", **{"placing": PLACING, **fields})
    return statusio.make(settings, regions=TREE)


def page(vermont: int = 100, new_york: int = 100, *incidents: dict[str, Any], **over: Any) -> dict[str, Any]:
    """A page of one component in two containers."""
    updated = "2026-01-15T11:41:00.000Z"
    containers = [{"id": "v", "name": "Vermont", "updated": updated, "status": "So", "status_code": vermont},
                  {"id": "n", "name": "New York", "updated": updated, "status": "So", "status_code": new_york}]
    worst = max(vermont, new_york)
    return {"result": {
        "status_overall": {"updated": updated, "status": "So", "status_code": worst},
        "status": [{"id": "c", "name": "Data", "updated": updated, "status": "So", "status_code": worst,
                    "containers": containers}],
        "incidents": list(incidents), "maintenance": {"active": [], "upcoming": []}, **over}}


def message(
    code: Any, at: str = "2026-01-15T11:40:00.000Z", text: str = "We look.", state: int = 100
) -> dict[str, Any]:
    return {"details": text, "state": state, "status": code, "datetime": at}


def incident(*messages: dict[str, Any], containers: str = "vn", **over: Any) -> dict[str, Any]:
    return {"name": "No data", "_id": "i1", "datetime_open": "2026-01-15T11:30:00.000Z", "messages": list(messages),
            "components_affected": [{"name": "Data", "_id": "c"}],
            "containers_affected": [{"name": {"v": "Vermont", "n": "New York"}[one], "_id": one} for one in containers],
            **over}


def read(body: Any, memory: Mapping[str, str] | None = None, **fields: Any) -> Reading:
    reading = source(**fields).read(answer(body), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def told(reading: Reading) -> dict[Place, Level]:
    """Levels by fingerprint and region."""
    return {(signal.fingerprint, signal.region): signal.level for signal in reading.signals}


@pytest.mark.parametrize(("code", "expected"), [
    (200, Level.MAINTENANCE), (300, Level.MINOR), (400, Level.MAJOR), (500, Level.CRITICAL),
    pytest.param(600, Level.NOTICE, id="a security event says nothing about whether it works"),
    pytest.param(700, Level.NOTICE, id="a code from the future"),
])
def test_a_container_speaks_for_its_place_alone(code: int, expected: Level) -> None:
    assert told(read(page(code))) == {("component:c/v", "US-VT"): expected}


def test_a_security_event_is_as_bad_as_the_settings_say() -> None:
    assert told(read(page(600), security="major")) == {("component:c/v", "US-VT"): Level.MAJOR}


def test_an_incident_names_two_places_and_counts_in_the_one_that_is_not_well() -> None:
    """It names components and containers, not the pairs: the pairs have states of their own."""
    assert told(read(page(400, 100, incident(message(400))))) == {("incident:i1", "US-VT"): Level.MAJOR}
    both = read(page(400, 500, incident(message(500))))
    assert told(both) == {("incident:i1", "US-VT"): Level.CRITICAL, ("incident:i1", "US-NY"): Level.CRITICAL}


def test_an_incident_counts_everywhere_it_names_while_every_container_reads_operational() -> None:
    assert told(read(page(100, 100, incident(message(300))))) == {
        ("incident:i1", "US-VT"): Level.MINOR, ("incident:i1", "US-NY"): Level.MINOR}


def test_an_incident_that_is_watched_with_everything_well_stays_where_it_was_told() -> None:
    """It opens nowhere new, is not over, and ends when the vendor no longer lists it."""
    first = read(page(500, 100, incident(message(500))))
    watched = page(100, 100, incident(message(500), message(100, "2026-01-15T11:50:00.000Z", state=300)))
    second = read(watched, first.memory)
    assert told(second) == {}
    assert "incident:i1" in second.present
    assert told(read(watched)) == {}, "nor is it told by one who sees it for the first time"
    third = read(page(), second.memory)
    assert (third.complete, third.present) == (True, ())


def test_a_container_of_an_unknown_state_opens_nothing_and_closes_nothing() -> None:
    first = read(page(500, 100, incident(message(500))))
    second = read(page(700, 100, incident(message(500))), first.memory)
    assert told(second) == {}
    assert "incident:i1" in second.present


def test_the_newest_message_decides_in_whatever_order_they_come() -> None:
    older, newer = message(500), message(300, "2026-01-15T11:55:00.000Z", "Better.", 300)
    for messages in ((older, newer), (newer, older)):
        (signal,) = read(page(400, 100, incident(*messages))).signals
        assert (signal.level, signal.facts["update"], signal.facts["status"]) == (Level.MINOR, "Better.", "monitoring")


def test_of_messages_of_the_same_moment_the_last_listed_is_the_newest() -> None:
    (signal,) = read(page(400, 100, incident(message(500), message(400, text="Second.")))).signals
    assert (signal.level, signal.facts["update"]) == (Level.MAJOR, "Second.")


@pytest.mark.parametrize("code", [None, "", 700, [1]])
def test_a_message_of_an_unknown_state_counts_by_the_containers(code: Any) -> None:
    assert told(read(page(400, 100, incident(message(code))))) == {("incident:i1", "US-VT"): Level.MAJOR}


def test_codes_may_be_text() -> None:
    body = page(400, 100, incident(message("500")))
    body["result"]["status"][0]["containers"][0]["status_code"] = "400"
    assert told(read(body)) == {("incident:i1", "US-VT"): Level.CRITICAL}


def test_an_incident_that_is_no_longer_active_is_over() -> None:
    over = page(100, 100, incident(message(500), current_active=False))
    assert set(told(read(over)).values()) == {Level.OK}


def test_an_incident_without_containers_means_all_those_of_its_components() -> None:
    assert told(read(page(400, 100, incident(message(400), containers="")))) == {("incident:i1", "US-VT"): Level.MAJOR}


def test_an_incident_of_what_is_not_listed_is_placed_by_what_it_names() -> None:
    """A component that is not shown on the page any more."""
    gone = incident(message(400), containers="n", components_affected=[{"name": "Old data", "_id": "x"}])
    assert told(read(page(100, 100, gone))) == {("incident:i1", "US-NY"): Level.MAJOR}


def test_a_component_worse_than_its_containers_speaks_by_itself() -> None:
    body = page()
    body["result"]["status"][0]["status_code"] = 500
    reading = read(body, placing=Placing(service="data", regions=("US",)))
    assert told(reading) == {("component:c", "US"): Level.CRITICAL}


def test_work_planned_for_tomorrow_does_not_speak_for_a_container_that_is_down_today() -> None:
    work = incident(message(200), containers="v", _id="m1", datetime_planned_start="2026-01-16T02:00:00.000Z",
                    datetime_planned_end="2026-01-16T04:00:00.000Z")
    ahead = read(page(500, 100, maintenance={"active": [], "upcoming": [work]}))
    assert told(ahead) == {("incident:m1", "US-VT"): Level.NOTICE, ("component:c/v", "US-VT"): Level.CRITICAL}
    begun = read(page(200, 100, maintenance={"active": [work], "upcoming": []}))
    assert told(begun) == {("incident:m1", "US-VT"): Level.MAINTENANCE}
    assert begun.signals[0].facts["scheduled_until"] == "2026-01-16T04:00:00.000Z"


def test_containers_that_are_no_places_are_placed_as_groups_are() -> None:
    hosts = page(500, 100)
    hosts["result"]["status"][0]["containers"][0]["name"] = "Google Compute Engine"
    assert read(hosts).unplaced == ("no region for 'Google Compute Engine / Data'",), "as a place it is not known"
    reading = read(hosts, containers="groups", placing=Placing(service="data", regions=("US",)))
    assert told(reading) == {("component:c/v", "US"): Level.CRITICAL}
    rule = Placing(service="data", map=(Match(location="Google*", regions=("US",)),))
    assert told(read(hosts, placing=rule)) == {("component:c/v", "US"): Level.CRITICAL}, "or a rule says where it is"


@pytest.mark.parametrize("broken", [
    pytest.param({"result": {}}, id="nothing in it"),
    pytest.param(page(status=[]), id="no component"),
    pytest.param(page(maintenance=[]), id="no lists of planned work"),
    pytest.param(page(status_overall={"status": "Operational"}), id="no code for the page"),
    pytest.param(page(100, 100, incident(message(500), datetime_open="2086-01-15T11:30:00Z")), id="a clock ahead"),
    pytest.param({"error": "page not found"}, id="an error"),
])
def test_what_cannot_be_relied_on_says_nothing(broken: Any) -> None:
    reading = source().read(answer(broken), {}, NOW)
    assert (reading.known, reading.signals, reading.complete) == (False, (), False)


def captured(name: str, at: str, **fields: Any) -> Reading:
    file = shared(f"data/status/vendors/{name}")
    now = datetime.fromisoformat(at)
    fields = {"placing": Placing(service="data", regions=("US",)), "containers": "groups", **fields}
    reading = source(**fields).read(Answer(now, 200, {}, file.read_bytes()), {}, now)
    assert reading.known, reading.why
    assert reading.complete
    return reading


def test_docker_as_captured_has_one_incident_of_its_builds() -> None:
    reading = captured("statuscheck/docker_partial.json", "2020-07-16T17:30:00Z")
    (signal,) = reading.signals
    assert (signal.fingerprint, signal.level) == ("incident:5f108cc06e9c9104c0553a46", Level.MAJOR)
    assert signal.started_at.isoformat() == "2020-07-16T17:22:08.325000+00:00"
    assert signal.facts["status"] == "investigating"


def test_gitlab_as_captured_has_a_security_event_and_no_outage() -> None:
    found = told(captured("statuscheck/gitlab_security.json", "2020-02-09T19:00:00Z"))
    assert found["incident:5e3d877d593d1b04c4620561", "US"] is Level.NOTICE
    assert set(found.values()) == {Level.NOTICE}


def test_gitlab_as_captured_has_an_incident_while_its_containers_read_operational() -> None:
    """And planned work beside it, in a container that says so."""
    reading = captured("statuscheck/gitlab_maintenance.json", "2020-09-05T10:00:00Z")
    assert told(reading) == {("incident:5f52b8074ef75804bc7d2c3e", "US"): Level.MAJOR,
                             ("incident:5f4e8b7f2250a004bc3453da", "US"): Level.MAINTENANCE}


def test_gitlab_as_captured_in_2026_is_well() -> None:
    assert captured("devops-status-mcp/statusio-gitlab.json", "2026-07-01T14:10:00Z").signals == ()


def test_the_documented_incident_is_minor_with_work_under_way_and_ahead() -> None:
    """Every pair reads planned maintenance there: those two of the incident as well."""
    reading = captured("devops-status-mcp/statusio-incident-doc-derived.json", "2021-12-06T16:55:00Z")
    assert {key[0]: level for key, level in told(reading).items()} == {
        "incident:61ae3daa9c768905d9f0f6fd": Level.MINOR, "incident:61ae3ef0a163f805d867f0b6": Level.MAINTENANCE,
        "incident:61ae3e9ee3e33c05d23d524f": Level.NOTICE}


def test_other_vendors_formats_say_nothing_here() -> None:
    folder = shared("data/status/vendors")
    mine = {"docker_partial.json", "gitlab_security.json", "gitlab_maintenance.json", "statusio-gitlab.json",
            "statusio-incident-doc-derived.json"}
    others = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.name not in mine]
    assert len(others) >= 10
    for file in others:
        reading = source().read(Answer(NOW, 200, {}, file.read_bytes()), {}, NOW)
        assert (reading.known, reading.signals) == (False, ()), file.name
