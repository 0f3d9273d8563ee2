"""Google Cloud and Workspace: what ends an incident, where it is, and answers as captured."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.clouds import google
from notifier.sources.clouds.google import GoogleSettings
from notifier.sources.settings import Match, Placing
from tests.shared_data import shared

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="cloud", find_regions=True, regions=("CA",), map=(
    Match(location="us-east4", regions=("US-VA",)), Match(location="us-west1", regions=("US-MT",))))
BEGUN = NOW - timedelta(minutes=30)


def place(id: str) -> dict[str, str]:
    return {"id": id, "title": f"Somewhere ({id})"}


def update(minutes: int, text: str = "We look.", status: str = "SERVICE_DISRUPTION") -> dict[str, Any]:
    at = (BEGUN + timedelta(minutes=minutes)).isoformat()
    return {"when": at, "created": at, "modified": at, "text": text, "status": status, "affected_locations": []}


def incident(**over: Any) -> dict[str, Any]:
    """One entry; a field given as ... is left out."""
    given = {"id": "i1", "begin": BEGUN.isoformat(), "created": BEGUN.isoformat(), "modified": BEGUN.isoformat(),
             "external_desc": "Elevated errors", "updates": [update(0)], "status_impact": "SERVICE_DISRUPTION",
             "severity": "medium", "service_name": "Cloud SQL", "uri": "incidents/i1",
             "affected_products": [{"id": "p1", "title": "Cloud SQL"}],
             "currently_affected_locations": [place("us-east4")], "previously_affected_locations": [], **over}
    return {key: value for key, value in given.items() if value is not ...}


def read(*incidents: Any, memory: dict[str, str] | None = None, **fields: Any) -> Reading:
    source = google.make(GoogleSettings(id="google", placing=fields.pop("placing", PLACING), **fields), regions=TREE)
    return source.read(answer(list(incidents)), memory or {}, NOW)


@pytest.mark.parametrize(
    ("over", "level"),
    [
        pytest.param({"status_impact": "SERVICE_OUTAGE"}, Level.CRITICAL, id="outage"),
        pytest.param({"status_impact": "SERVICE_DISRUPTION"}, Level.MAJOR, id="disruption"),
        pytest.param({"status_impact": "SERVICE_INFORMATION"}, Level.MINOR, id="information"),
        pytest.param({"status_impact": "PONDERING", "severity": "high"}, Level.CRITICAL, id="else by severity"),
        pytest.param({"status_impact": "PONDERING", "severity": "dire"}, Level.NOTICE, id="both from the future"),
        pytest.param({"end": ""}, Level.MAJOR, id="an empty end is none"),
        pytest.param({"end": None}, Level.MAJOR, id="an end of null is none"),
        pytest.param({"end": "soon"}, Level.MAJOR, id="an end that is no time is none"),
        pytest.param({"end": (NOW + timedelta(hours=1)).isoformat()}, Level.MAJOR, id="an end ahead is not yet"),
        pytest.param({"end": NOW.isoformat()}, Level.OK, id="an end is the end"),
        pytest.param({"updates": [update(9, "Resolved.", "AVAILABLE"), update(0)]}, Level.MAJOR,
                     id="AVAILABLE without an end is not over"),
        pytest.param({"end": NOW.isoformat(), "updates": [update(9)]}, Level.OK,
                     id="an end is the end whatever the last update calls the service"),
    ],
)
def test_levels(over: dict[str, Any], level: Level) -> None:
    (signal,) = read(incident(**over)).signals
    assert signal.level is level


def test_information_is_left_out_where_the_settings_say_so() -> None:
    (signal,) = read(incident(status_impact="SERVICE_INFORMATION"), informational="notice").signals
    assert signal.level is Level.NOTICE


def test_an_incident_is_its_id_however_it_is_renamed_or_redated() -> None:
    first = read(incident())
    second = read(incident(external_desc="Worse", begin=(BEGUN - timedelta(hours=9)).isoformat()))
    assert {s.key for s in first.signals} == {s.key for s in second.signals}


def test_locations_recover_one_by_one_and_never_open_again() -> None:
    both = read(incident(currently_affected_locations=[place("us-east4"), place("us-west1")]))
    assert {s.region for s in both.signals} == {"US-VA", "US-MT"}
    one = read(incident(previously_affected_locations=[place("us-west1")]))
    assert {s.region for s in one.signals} == {"US-VA"}


def test_with_no_location_left_and_no_end_it_stays_where_it_was_and_opens_nothing() -> None:
    reading = read(incident(currently_affected_locations=[], previously_affected_locations=[place("us-east4")]))
    assert reading.signals == ()
    assert reading.present == ("incident:i1",)
    assert reading.complete


def test_its_end_is_told_where_it_was() -> None:
    places = {"currently_affected_locations": [], "previously_affected_locations": [place("us-east4")]}
    (signal,) = read(incident(**places, end=NOW.isoformat())).signals
    assert (signal.region, signal.level) == ("US-VA", Level.OK)


@pytest.mark.parametrize(
    ("current", "title", "region"),
    [
        pytest.param([place("global")], "Slow", "US", id="global"),
        pytest.param([], "Global: slow", "US", id="global in the title"),
        pytest.param([], "[Global] slow", "US", id="in brackets"),
        pytest.param([], "Slow in Vermont", "US-VT", id="a region named in the title"),
        pytest.param([], "Slow", "CA", id="none named: the default"),
        pytest.param(..., "Slow", "CA", id="no such field"),
    ],
)
def test_places(current: Any, title: str, region: str) -> None:
    placing = PLACING.model_copy(update={"everywhere": ("US",)})
    reading = read(incident(currently_affected_locations=current, external_desc=title), placing=placing)
    assert {signal.region for signal in reading.signals} == {region}


def test_a_location_nobody_knows_is_said_and_not_guessed() -> None:
    reading = read(incident(currently_affected_locations=[place("mars-north1")]))
    assert reading.signals == ()
    assert "mars-north1" in reading.unplaced[0]
    assert reading.present == ("incident:i1",)


def test_products_are_placed_one_by_one() -> None:
    placing = Placing(map=(
        Match(component="Cloud SQL", service="db", regions=("US-VA",)), Match(component="*", ignore=True)))
    products = [{"id": "p1", "title": "Cloud SQL"}, {"id": "p2", "title": "Cloud Run"}]
    assert [s.service for s in read(incident(affected_products=products), placing=placing).signals] == ["db"]


@pytest.mark.parametrize(
    ("text", "workaround"),
    [
        ("Summary: slow\nWorkaround: Retry requests", "Retry requests"),
        ("**Summary**\nslow\n**Workaround**\nRetry requests", "Retry requests"),
        ("**Workaround:** Retry requests", "Retry requests"),
        ("Workaround: None at this time.", None),
    ],
)
def test_workarounds_in_plain_text_and_markdown(text: str, workaround: str | None) -> None:
    (signal,) = read(incident(updates=[update(0, text)])).signals
    assert signal.facts.get("workaround") == workaround


def test_the_workaround_stays_known_while_later_updates_do_not_repeat_it() -> None:
    (signal,) = read(incident(updates=[update(9, "Mitigation goes on."), update(0, "Workaround: Retry.")])).signals
    assert signal.facts["update"] == "Mitigation goes on."
    assert signal.facts["workaround"] == "Retry."


def test_a_restoration_time_needs_date_and_time_and_a_length_of_time_has_no_moment() -> None:
    texts = ["The mitigation is expected to complete by Thursday, 2026-01-15 06:00 US/Pacific.",
             "We expect the issue to be resolved in the next 2 hours."]
    facts = [read(incident(updates=[update(0, text)])).signals[0].facts for text in texts]
    assert facts[0]["restoration_at"] == "2026-01-15T14:00:00Z"
    assert "restoration_at" not in facts[1]
    assert "2 hours" in facts[1]["restoration"]


@pytest.mark.parametrize(
    ("title", "expected"),
    [("**Summary:** Gmail is slow", "Gmail is slow"), ("**Title**\nGmail is slow", "Gmail is slow"),
     ("Gmail is slow", "Gmail is slow"), ("**Gmail is slow**", "Gmail is slow")],
)
def test_titles_lose_their_markdown(title: str, expected: str) -> None:
    (signal,) = read(incident(external_desc=title)).signals
    assert signal.facts["title"].strip(" :") == expected


@pytest.mark.parametrize(
    ("page", "uri", "url"),
    [
        ("https://www.google.com/appsstatus/dashboard/incidents.json", "incidents/i1",
         "https://www.google.com/appsstatus/dashboard/incidents/i1"),
        ("https://status.cloud.google.com/incidents.json", "incidents/i1",
         "https://status.cloud.google.com/incidents/i1"),
        ("https://status.cloud.google.com/incidents.json", "https://evil.example/", None),
        ("https://status.cloud.google.com/incidents.json", "//[bad", None),
    ],
)
def test_links_are_relative_to_the_page_and_stay_on_its_host(page: str, uri: str, url: str | None) -> None:
    (signal,) = read(incident(uri=uri), url=page).signals
    assert signal.facts.get("url") == url


def test_an_empty_list_ends_nothing_because_the_list_keeps_what_is_over() -> None:
    reading = read()
    assert reading.known
    assert not reading.complete


def test_what_ended_long_ago_is_not_told_again_and_what_vanished_is_over() -> None:
    old = incident(id="old", begin="2025-11-02T08:00:00+00:00", end="2025-11-02T09:00:00+00:00")
    reading = read(old)
    assert reading.signals == ()
    assert reading.complete


@pytest.mark.parametrize(
    "over",
    [
        pytest.param({"id": ""}, id="no id"),
        pytest.param({"begin": None}, id="no begin"),
        pytest.param({"begin": "2086-01-15T12:00:00Z"}, id="begun in sixty years"),
        pytest.param({"currently_affected_locations": None}, id="locations are null"),
        pytest.param({"currently_affected_locations": [{"title": "Here"}]}, id="a location without an id"),
        pytest.param({"updates": "none"}, id="updates are text"),
    ],
)
def test_what_lacks_an_anchor_is_not_believed(over: dict[str, Any]) -> None:
    assert not read(incident(**over)).known


def test_the_most_recent_update_speaks_where_the_list_is_left_out() -> None:
    (signal,) = read(incident(updates=..., most_recent_update=update(3, "Nearly done."))).signals
    assert signal.facts["update"] == "Nearly done."


@pytest.mark.parametrize(
    ("file", "at"),
    [("data/status/vendors/devops-status-mcp/gcp-incidents.json", datetime(2026, 7, 26, tzinfo=UTC)),
     ("data/status/gcp/incidents_2021-07_to_2022-07.json", datetime(2022, 7, 5, tzinfo=UTC))],
)
def test_answers_as_captured_are_read_and_hold_nothing_open(file: str, at: datetime) -> None:
    source = google.make(GoogleSettings(id="google", placing=PLACING), regions=TREE)
    reading = source.read(answer(shared(file).read_bytes()), {}, at)
    assert reading.known, reading.why
    assert not any(signal.level.is_trouble for signal in reading.signals)
    assert reading.complete


def test_the_captured_incident_of_2026_was_open_with_its_workaround_while_it_had_no_end() -> None:
    listed = json.loads(shared("data/status/vendors/devops-status-mcp/gcp-incidents.json").read_bytes())
    listed[0].pop("end")
    listed[0]["currently_affected_locations"], listed[0]["previously_affected_locations"] = [{"id": "us-east4"}], []
    source = google.make(GoogleSettings(id="google", placing=PLACING), regions=TREE)
    (signal, *_) = source.read(answer(listed), {}, datetime(2026, 7, 26, tzinfo=UTC)).signals
    assert (signal.level, signal.region) == (Level.MAJOR, "US-VA")
    assert signal.started_at == datetime(2026, 7, 15, 23, 57, tzinfo=UTC)
