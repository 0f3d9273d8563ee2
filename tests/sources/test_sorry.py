"""Sorry™ pages: two addresses, two envelopes, one reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Failure, Reading, Source
from notifier.sources.pages import sorry
from notifier.sources.pages.sorry import SorrySettings
from notifier.sources.settings import Placing

from .support import NOW, answer, tree
from .vendors import vendor

TREE = tree()
PLACING = Placing(service="data", regions=("US",), find_regions=True)


def parts(step: str) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in json.loads(vendor("sorry").bodies[step])["parts"].items()}


OPEN = parts("open")
NOTICE: dict[str, Any] = OPEN["notices"]["response"][0]
COMPONENTS: list[dict[str, Any]] = OPEN["components"]["response"]


def source(placing: Placing = PLACING) -> Source:
    return sorry.make(SorrySettings(id="sorry", url="https://status.example", placing=placing), regions=TREE)


def body(*notices: dict[str, Any], states: Mapping[str, str] | None = None, **meta: Any) -> dict[str, Any]:
    """Both lists; `states` by component name, operational elsewhere; `meta` beside the notices."""
    listed = [{**one, "state": (states or {}).get(one["name"], "operational")} for one in COMPONENTS]
    return {"parts": {"components": json.dumps({"data": listed}), "notices": json.dumps({"data": notices, **meta})}}


def notice(**over: Any) -> dict[str, Any]:
    return {**NOTICE, "components": [{**COMPONENTS[1], "state": "operational"}], **over}


def read(given: Any, memory: dict[str, str] | None = None) -> Reading:
    reading = source().read(answer(given), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def levels(given: Any, memory: dict[str, str] | None = None) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in read(given, memory).signals}


@pytest.mark.parametrize(
    ("over", "state", "expected"),
    [
        pytest.param({}, "operational", Level.MINOR, id="unplanned and open is trouble whatever the component reads"),
        pytest.param({}, "partially-degraded", Level.MINOR, id="partially degraded"),
        pytest.param({}, "degraded", Level.MAJOR, id="degraded"),
        pytest.param({"state": "recovering"}, "degraded", Level.MAJOR, id="recovering is not over"),
        pytest.param({"state": "pondering"}, "degraded", Level.MAJOR, id="an unknown state: its components say"),
        pytest.param({"state": "pondering"}, "operational", Level.NOTICE, id="an unknown state opens nothing"),
        pytest.param({"state": "resolved"}, "degraded", Level.OK, id="resolved"),
        pytest.param({"state": "false_alarm"}, "degraded", Level.OK, id="a false alarm is taken back"),
        pytest.param({"state": "pondering", "timeline_state": "past"}, "degraded", Level.OK, id="past"),
        pytest.param({"type": "planned", "state": "scheduled", "timeline_state": "future"}, "operational",
                     Level.NOTICE, id="work ahead"),
        pytest.param({"type": "planned", "state": "underway"}, "operational", Level.MAINTENANCE, id="work underway"),
        pytest.param({"type": "planned", "state": "complete"}, "operational", Level.OK, id="work that is done"),
        pytest.param({"type": "planned", "state": "cancelled"}, "operational", Level.OK, id="work called off"),
        pytest.param({"type": "general", "state": "open"}, "operational", Level.NOTICE, id="an announcement"),
        pytest.param({"type": "cosmic"}, "operational", Level.NOTICE, id="an unknown type opens nothing"),
    ],
)
def test_levels(over: dict[str, Any], state: str, expected: Level) -> None:
    given = body(notice(**over), states={"Mobile data": state})
    assert levels(given)["incident:a1b2c3"] == expected


def test_a_state_nobody_knows_yet_does_not_end_what_is_open() -> None:
    first = read(body(notice()))
    assert levels(body(notice(state="pondering")), dict(first.memory)) == {"incident:a1b2c3": Level.MINOR}
    assert levels(body(notice(type="cosmic")), dict(first.memory)) == {"incident:a1b2c3": Level.MINOR}


def test_a_component_in_trouble_without_a_notice_is_trouble_until_it_is_well() -> None:
    """A word nobody knows does not end it; its parent only sums up; announced work does not hide it."""
    first = read(body(states={"Vermont": "degraded", "Mobile data": "degraded"}))
    assert {s.fingerprint: s.level for s in first.signals} == {"component:39341": Level.MAJOR}
    assert [s.region for s in first.signals] == ["US-VT"]
    odd = body(states={"Mobile data": "pondering"})
    assert levels(odd, dict(first.memory)) == {"component:39341": Level.MINOR}
    planned = notice(type="planned", state="scheduled", timeline_state="future")
    both = levels(body(planned, states={"Mobile data": "degraded"}), dict(first.memory))
    assert both["component:39341"] == Level.MAJOR
    well = read(body(), dict(first.memory))
    assert (well.signals, well.complete, well.affirmed) == ((), True, True)


@pytest.mark.parametrize(
    ("meta", "complete"),
    [
        pytest.param({}, True, id="nothing said of more"),
        pytest.param({"meta": {"count": 1, "total_count": 1}, "links": {"self": "x", "next": None}}, True, id="all"),
        pytest.param({"meta": {"count": 25, "total_count": 80}}, False, id="25 of 80"),
        pytest.param({"links": {"next": "https://status.example/api/v1/notices?page=2"}}, False, id="a next page"),
        pytest.param({"meta": "?"}, False, id="what cannot be read means more"),
    ],
)
def test_complete_only_where_nothing_follows(meta: dict[str, Any], complete: bool) -> None:
    """Where more follows, a notice ends by its own state and a component by its own."""
    first = read(body(notice(), states={"Portal": "degraded"}, **meta))
    assert first.complete is complete
    second = read(body(notice(state="resolved"), **meta), dict(first.memory))
    assert {s.fingerprint: s.level for s in second.signals} == {"incident:a1b2c3": Level.OK}
    assert second.gone == (() if complete else ("component:39342",))


def test_the_newest_words_are_kept() -> None:
    (signal,) = read(json.loads(vendor("sorry").bodies["update"])).signals
    assert signal.facts["workaround"] == "switch 3G off, calls work over Edge."
    assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"
    (brief,) = read(body(notice(updates=None))).signals
    assert brief.facts["update"] == NOTICE["synopsis"]


def test_began_when_the_notice_says_and_work_ahead_when_it_was_announced() -> None:
    (signal,) = read(body(notice())).signals
    assert signal.started_at.isoformat() == "2026-01-15T11:30:00+00:00"
    ahead = {"began_at": None, "begins_at": (NOW + timedelta(days=9)).isoformat()}
    (signal,) = read(body(notice(type="planned", state="scheduled", **ahead))).signals
    assert signal.started_at.isoformat() == "2026-01-15T11:40:00+00:00"
    far = (NOW + timedelta(days=9)).isoformat()
    assert not source().read(answer(body(notice(began_at=None, created_at=far))), {}, NOW).known


def test_a_component_the_page_does_not_list_is_placed_by_its_own_name() -> None:
    given = body(notice(components=[{"id": 7, "name": "Data in Montana", "state": "degraded"}]))
    assert [s.region for s in read(given).signals] == ["US-MT"]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"parts": {"components": '{"data":[]}'}}, id="half of it"),
        pytest.param({"parts": {"components": '{"data":[]}', "notices": "<html></html>"}}, id="HTML in one part"),
        pytest.param({"parts": {"components": '{"data":[]}', "notices": '{"error":"no"}'}}, id="an error in one part"),
        pytest.param({"parts": {"components": '{"data":{}}', "notices": '{"data":[]}'}}, id="no list"),
        pytest.param({"parts": {"components": '{"data":[{"id":1}]}', "notices": '{"data":[]}'}}, id="no name"),
    ],
)
def test_what_is_not_whole_says_nothing(given: Any) -> None:
    assert not source().read(answer(given), {}, NOW).known


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://status.example/", "https://status.example/api/v1"),
        ("https://status.example/api/v1", "https://status.example/api/v1"),
        ("https://api.sorryapp.com/v1/pages/12ab34cd", "https://api.sorryapp.com/v1/pages/12ab34cd"),
    ],
)
def test_asks_both_addresses(url: str, base: str) -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer | Failure:
        asked.append(request.url)
        return answer({"data": []})

    made = sorry.make(SorrySettings(id="sorry", url=url, placing=PLACING), regions=TREE, fetch=fetch)
    found = made.fetch({}, NOW)
    assert asked == [f"{base}/components", f"{base}/notices?include=components,updates"]
    assert isinstance(found, Answer)
    assert made.read(found, {}, NOW).known
