"""FireHydrant pages: traps of the format, and an answer as captured."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Reading, Source
from notifier.sources.pages import firehydrant
from notifier.sources.pages.firehydrant import FireHydrantSettings
from notifier.sources.settings import Placing
from tests.shared_data import shared

from .support import NOW, answer, tree
from .vendors import vendor

TREE = tree()
PLACING = Placing(service="data", regions=("US",), find_regions=True)
OPEN: dict[str, Any] = json.loads(vendor("firehydrant").bodies["open"])
NAME = "incident:7b1e0c77-2222-4a5e-9d0e-000000000002"


def source(placing: Placing = PLACING, **over: Any) -> Source:
    fields = {"id": "fh", "url": "https://status.example", "placing": placing, **over}
    return firehydrant.make(FireHydrantSettings.model_validate(fields), regions=TREE)


def body(*incidents: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {**OPEN, "incidents": list(incidents), **over}


def incident(**over: Any) -> dict[str, Any]:
    given = {**OPEN["incidents"][0], **over}
    return {key: value for key, value in given.items() if value is not None}


def touching(condition: str) -> dict[str, Any]:
    return {"components": [{"name": "Vermont", "id": "c1", "condition": condition}],
            "componentConditions": {"Vermont": condition}}


def times(**over: str) -> dict[str, Any]:
    return {"timestamps": {**OPEN["incidents"][0]["timestamps"], **over}}


def read(given: Any, memory: dict[str, str] | None = None, **over: Any) -> Reading:
    reading = source(**over).read(answer(given), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def levels(given: Any, memory: dict[str, str] | None = None, **over: Any) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in read(given, memory, **over).signals}


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        pytest.param({"severitySlug": "SEV1"}, Level.CRITICAL, id="SEV1"),
        pytest.param({"severitySlug": "SEV2"}, Level.MAJOR, id="SEV2"),
        pytest.param({"severitySlug": "SEV4"}, Level.MINOR, id="SEV4"),
        pytest.param({"severitySlug": "MAINTENANCE"}, Level.MAINTENANCE, id="work told as an incident"),
        pytest.param({"severitySlug": "UNSET"}, Level.CRITICAL, id="unset: its components say"),
        pytest.param({"severitySlug": None}, Level.CRITICAL, id="left out: its components say"),
        pytest.param({"severitySlug": "UNSET", "components": None, "componentConditions": None}, Level.MINOR,
                     id="unset, and no component named: trouble all the same"),
        pytest.param({"severitySlug": "UNSET", **touching("Operational")}, Level.NOTICE,
                     id="unset, and its component works: information"),
        pytest.param({"severitySlug": "GALACTIC", **touching("Degraded")}, Level.MINOR,
                     id="a severity nobody knows: its components say"),
        pytest.param({"severitySlug": "GALACTIC", "components": None, "componentConditions": None}, Level.NOTICE,
                     id="a severity nobody knows opens nothing by itself"),
        pytest.param({"severitySlug": "UNSET", **touching("Maintenance")}, Level.MAINTENANCE,
                     id="a condition named maintenance is work though the page files it under DEGRADED"),
        pytest.param({"severitySlug": "UNSET", **touching("Pondering")}, Level.NOTICE,
                     id="a condition nobody knows opens nothing"),
        pytest.param({"severitySlug": "UNSET", "components": None}, Level.CRITICAL,
                     id="components told by their conditions only"),
        pytest.param({"currentMilestone": "identified"}, Level.MAJOR, id="a milestone before the end"),
        pytest.param({"currentMilestone": "mitigated"}, Level.MAJOR, id="mitigated is not over"),
        pytest.param({"currentMilestone": "pondering"}, Level.MAJOR, id="a milestone nobody knows is not over"),
        pytest.param(times(resolved="soon"), Level.MAJOR, id="an end that cannot be read is none"),
        pytest.param(times(resolved="2026-01-15T12:30:00Z"), Level.MAJOR, id="an end ahead of us is none yet"),
    ],
)
def test_levels(over: dict[str, Any], expected: Level) -> None:
    assert levels(body(incident(**over))) == {NAME: expected}


@pytest.mark.parametrize(
    "over",
    [
        pytest.param(times(resolved="2026-01-15T11:59:00Z"), id="resolved"),
        pytest.param({"currentMilestone": "resolved"}, id="resolved by its milestone"),
        pytest.param({"currentMilestone": "postmortem_started"}, id="a post-mortem comes after the end"),
    ],
)
def test_what_is_over_is_no_longer_told_and_so_ends(over: dict[str, Any]) -> None:
    """The file keeps all history: telling each end again with each poll would be telling of hundreds."""
    reading = read(body(incident(**over)))
    assert (reading.signals, reading.complete, reading.present) == ((), True, ())


def test_a_reopened_incident_is_the_same_one() -> None:
    first = read(body(incident()))
    over = read(body(incident(**times(resolved="2026-01-15T11:59:00Z"))), dict(first.memory))
    assert levels(body(incident()), dict(over.memory)).keys() == {NAME}


def test_severities_of_their_own_are_named_in_the_settings() -> None:
    given = body(incident(severitySlug="INVESTIGATION", components=None, componentConditions=None))
    assert levels(given, severities={"INVESTIGATION": "major"}) == {NAME: Level.MAJOR}


def test_lists_that_are_empty_are_left_out_and_what_the_page_always_has_is_not() -> None:
    empty = {key: value for key, value in OPEN.items() if key != "incidents"}
    reading = read(empty)
    assert (reading.signals, reading.complete, reading.affirmed) == ((), True, False)
    for missing in ("config", "conditions", "components"):
        assert not source().read(answer({k: v for k, v in OPEN.items() if k != missing}), {}, NOW).known
    assert not source().read(answer({**OPEN, "incidents": None}), {}, NOW).known


def test_conditions_of_components_count_where_the_page_tells_them() -> None:
    listed = [{"name": "Vermont", "id": "c1", "customerCondition": "Unavailable"},
              {"name": "Portal", "id": "c2", "customerCondition": "Operational"}]
    reading = read(body(components=listed))
    assert {s.fingerprint: s.level for s in reading.signals} == {"component:c1": Level.CRITICAL}
    assert reading.affirmed
    assert levels(body(incident(), components=listed)) == {NAME: Level.MAJOR}


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        pytest.param(60, 120, Level.NOTICE, id="ahead"),
        pytest.param(-60, 60, Level.MAINTENANCE, id="in progress"),
        pytest.param(-120, -60, None, id="done"),
        pytest.param(60 * 24 * 40, 60 * 24 * 41, Level.NOTICE, id="ahead by weeks is no wrong clock"),
    ],
)
def test_planned_work(starts: int, ends: int, expected: Level | None) -> None:
    work = {"id": "w1", "name": "Core work", "summary": "Routine.", "componentConditions": {"Vermont": "Maintenance "},
            "startsAt": (NOW + timedelta(minutes=starts)).isoformat(),
            "endsAt": (NOW + timedelta(minutes=ends)).isoformat()}
    found = {s.fingerprint: s for s in read(body(scheduledMaintenances=[work])).signals}
    assert {key: s.level for key, s in found.items()} == ({} if expected is None else {"incident:w1": expected})
    if expected is not None:
        assert found["incident:w1"].facts["scheduled_for"].startswith("2026")
        assert [s.region for s in found.values()] == ["US-VT"]


def test_notes_are_text_or_hold_text_and_count_by_when_they_happened() -> None:
    """`time` is when the file was written: after a move of the page it is the same for all."""
    told = json.loads(vendor("firehydrant").bodies["update"])["incidents"][0]
    timeline = [{**entry, "time": "2026-01-15T12:00:00Z"} for entry in told["timeline"]]
    later = NOW + timedelta(minutes=20)
    for order in (timeline, timeline[::-1]):
        (signal,) = source().read(answer(body({**told, "timeline": order})), {}, later).signals
        assert signal.facts["update"].startswith("A failed power unit")
        assert signal.facts["workaround"] == "switch 3G off, calls work over Edge."
        assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"
        assert signal.facts["status"] == "identified"


def test_entries_of_a_shape_nobody_knows_are_passed_over() -> None:
    odd: list[dict[str, Any]] = [{"details": None}, {"details": {"note": 7}}, {"details": {"note": {"note": []}}},
                                 {"details": []}, {}]
    odd.append({"occurredAt": 5, "details": {"milestoneUpdate": {}}})
    assert levels(body(incident(timeline=odd))) == {NAME: Level.MAJOR}


def test_a_long_history_is_read_and_an_absurd_one_is_not() -> None:
    old = incident(**times(resolved="2026-01-15T11:00:00Z"))
    many = [{**old, "id": f"o{n}"} for n in range(3000)]
    assert levels(body(incident(), *many)) == {NAME: Level.MAJOR}
    assert not source().read(answer(body(*[{}] * 20_001)), {}, NOW).known


def captured(at: str, **over: Any) -> Reading:
    given = json.loads(shared("data/status/vendors/devops-status-mcp/firehydrant-redis.json").read_bytes())
    for one in given["incidents"]:
        one["timestamps"].update(over)
        if over.get("resolved") == "":
            del one["timestamps"]["resolved"]
    moment = datetime.fromisoformat(at)
    return source().read(Answer(moment, 200, {}, json.dumps(given).encode()), {}, moment)


def test_redis_as_captured_in_2026_is_all_over() -> None:
    reading = captured("2026-03-26T20:00:00Z")
    assert (reading.known, reading.signals, reading.complete) == (True, (), True)


def test_redis_as_captured_with_every_end_taken_away() -> None:
    reading = captured("2026-03-26T20:00:00Z", resolved="")
    told = {s.facts["title"]: (s.level, s.started_at.isoformat()) for s in reading.signals}
    assert told == {
        "AWS me-central-1 Zone Issue": (Level.MAJOR, "2026-03-01T14:33:58+00:00"),
        "Upcoming status page platform transition": (Level.MAINTENANCE, "2026-02-24T04:52:19+00:00"),
        "Urgent maintenance": (Level.MINOR, "2026-01-08T15:41:13+00:00"),
        "Network Issues": (Level.MINOR, "2026-03-26T19:46:58+00:00"),
    }
    network = next(s for s in reading.signals if s.facts["title"] == "Network Issues")
    assert network.facts["status"] == "resolved"
