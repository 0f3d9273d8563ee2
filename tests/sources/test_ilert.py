"""iLert pages: traps of the format."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading, Source
from notifier.sources.pages import ilert
from notifier.sources.pages.ilert import ILertSettings
from notifier.sources.settings import Placing

from .support import NOW, answer, tree
from .vendors import vendor

TREE = tree()
PLACING = Placing(service="data", regions=("US",), find_regions=True)
OPEN: dict[str, Any] = json.loads(vendor("ilert").bodies["open"])
UPDATE: dict[str, Any] = json.loads(vendor("ilert").bodies["update"])


def source(placing: Placing = PLACING) -> Source:
    return ilert.make(ILertSettings(id="ilert", url="https://status.example", placing=placing), regions=TREE)


def body(*incidents: dict[str, Any], status: Any = "OPERATIONAL") -> dict[str, Any]:
    return {"status": status, "incidents": list(incidents)}


def incident(**over: Any) -> dict[str, Any]:
    return {**OPEN["incidents"][0], **over}


def affected(*impacts: str) -> list[dict[str, Any]]:
    return [{"impact": impact, "service": {"id": 501 + n, "name": "Data, Vermont"}} for n, impact in enumerate(impacts)]


def read(given: Any, memory: dict[str, str] | None = None) -> Reading:
    reading = source().read(answer(given), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def levels(given: Any, memory: dict[str, str] | None = None) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in read(given, memory).signals}


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        pytest.param({"affectedServices": affected("DEGRADED")}, Level.MINOR, id="degraded"),
        pytest.param({"affectedServices": affected("PARTIAL_OUTAGE")}, Level.MAJOR, id="partial outage"),
        pytest.param({"affectedServices": affected("MAJOR_OUTAGE")}, Level.CRITICAL, id="major outage"),
        pytest.param({"affectedServices": affected("UNDER_MAINTENANCE")}, Level.MAINTENANCE, id="work"),
        pytest.param({"affectedServices": affected("OPERATIONAL")}, Level.NOTICE, id="nothing suffers: information"),
        pytest.param({"affectedServices": affected("OPERATIONAL", "DEGRADED")}, Level.MINOR, id="the worst counts"),
        pytest.param({"affectedServices": affected("PONDERING")}, Level.NOTICE, id="an unknown impact opens nothing"),
        pytest.param({"affectedServices": []}, Level.NOTICE, id="no service named"),
        pytest.param({"status": "MONITORING"}, Level.MAJOR, id="monitoring is not over"),
        pytest.param({"status": "RESOLVED"}, Level.OK, id="resolved"),
        pytest.param({"status": "PONDERING"}, Level.MAJOR, id="an unknown status is not over"),
    ],
)
def test_levels(over: dict[str, Any], expected: Level) -> None:
    assert levels(body(incident(**over))) == {"incident:9001": expected}


def test_an_impact_nobody_knows_yet_does_not_end_what_is_open() -> None:
    first = read(OPEN)
    assert levels(body(incident(affectedServices=affected("PONDERING"))), dict(first.memory)) == {
        "incident:9001": Level.MINOR
    }


def test_an_incident_is_its_id_however_it_is_renamed_and_re_dated() -> None:
    again = incident(summary="Slow", createdAt="2026-01-15T09:00:00Z")
    assert levels(body(again)).keys() == levels(OPEN).keys()


@pytest.mark.parametrize(
    ("status", "expected", "complete", "affirmed"),
    [
        pytest.param("OPERATIONAL", {}, True, True, id="well"),
        pytest.param("MAJOR_OUTAGE", {"page": Level.CRITICAL}, True, False, id="trouble nothing listed explains"),
        pytest.param("UNDER_MAINTENANCE", {}, True, False, id="work is no trouble"),
        pytest.param("PONDERING", {}, False, False, id="a state nobody knows ends nothing"),
    ],
)
def test_the_page_as_a_whole(status: str, expected: dict[str, Level], complete: bool, affirmed: bool) -> None:
    reading = read(body(status=status))
    assert {s.fingerprint: s.level for s in reading.signals} == expected
    assert (reading.complete, reading.affirmed) == (complete, affirmed)


def test_places_come_from_the_services_names() -> None:
    assert [s.region for s in read(OPEN).signals] == ["US-VT"]


def test_messages_are_kept_and_older_ones_where_they_are_listed() -> None:
    (signal,) = read(UPDATE).signals
    assert signal.facts["workaround"] == "switch 3G off, calls work over Edge."
    assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"
    before = [{"id": "u1", "content": "Workaround: wait.", "createdAt": "2026-01-15T11:35:00Z"}]
    (signal,) = read(body(incident(updates=before))).signals
    assert signal.facts["update"].startswith("We are investigating")
    assert signal.facts["workaround"] == "wait."


def test_a_clock_of_years_ahead_says_nothing_and_one_of_minutes_ahead_is_now() -> None:
    soon, far = (NOW + timedelta(minutes=5)).isoformat(), (NOW + timedelta(days=400)).isoformat()
    (signal,) = read(body(incident(createdAt=soon, updatedAt=soon))).signals
    assert signal.started_at == NOW
    assert not source().read(answer(body(incident(createdAt=far))), {}, NOW).known


@pytest.mark.parametrize("missing", ["status", "incidents"])
def test_without_what_it_always_has_it_says_nothing(missing: str) -> None:
    assert not source().read(answer({k: v for k, v in OPEN.items() if k != missing}), {}, NOW).known
