"""Heroku's status API: traps of the format, and answers as captured."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Reading, Source
from notifier.sources.pages import heroku
from notifier.sources.pages.heroku import HerokuSettings
from notifier.sources.settings import Placing
from tests.shared_data import shared

from .support import NOW, answer, tree
from .vendors import vendor

TREE = tree()
PLACING = Placing(service="data", regions=("US-VT",))
OPEN: dict[str, Any] = json.loads(vendor("heroku").bodies["open"])
UPDATE: dict[str, Any] = json.loads(vendor("heroku").bodies["update"])
GREEN = [{"system": name, "status": "green"} for name in ("Apps", "Data", "Tools")]


def source(placing: Placing = PLACING) -> Source:
    return heroku.make(HerokuSettings(id="heroku", placing=placing), regions=TREE)


def body(*incidents: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {**OPEN, "incidents": list(incidents), **over}


def incident(**over: Any) -> dict[str, Any]:
    return {**OPEN["incidents"][0], **over}


def colours(prod: str, dev: str = "green", at: str = "2026-01-15T11:30:00Z") -> dict[str, Any]:
    return {**OPEN["incidents"][0]["updates"][0], "status_prod": prod, "status_dev": dev, "created_at": at}


def read(given: Any, memory: dict[str, str] | None = None) -> Reading:
    reading = source().read(answer(given), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def levels(given: Any, memory: dict[str, str] | None = None) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in read(given, memory).signals}


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        pytest.param({"updates": [colours("yellow")]}, Level.MINOR, id="yellow"),
        pytest.param({"updates": [colours("red")]}, Level.MAJOR, id="red"),
        pytest.param({"updates": [colours("green", "red")]}, Level.MAJOR, id="development counts too"),
        pytest.param({"updates": [colours("blue")]}, Level.MAINTENANCE, id="blue is work"),
        pytest.param({"updates": [colours("green")]}, Level.NOTICE, id="open though all is green: information"),
        pytest.param({"updates": [colours("mauve", "mauve")]}, Level.MAJOR, id="an unknown colour: its systems say"),
        pytest.param({"updates": []}, Level.MAJOR, id="no update yet: its systems say"),
        pytest.param({"updates": [colours("green", at="2026-01-15T11:31:00Z"), colours("red")]}, Level.NOTICE,
                     id="the newest update says"),
        pytest.param({"updates": [colours("red"), colours("green", at="2026-01-15T11:31:00Z")]}, Level.NOTICE,
                     id="the newest update says wherever it stands"),
        pytest.param({"state": "resolved", "resolved": False}, Level.OK, id="resolved by state, not by flag"),
        pytest.param({"state": "open", "resolved": True}, Level.MAJOR, id="open by state, not by flag"),
        pytest.param({"state": None, "resolved": True}, Level.OK, id="no state: the flag says"),
        pytest.param({"state": "pondering"}, Level.MAJOR, id="an unknown state is not over"),
    ],
)
def test_levels(over: dict[str, Any], expected: Level) -> None:
    assert levels(body(incident(**over)))["incident:2970"] == expected


def test_green_again_but_not_resolved_stays_minor_trouble() -> None:
    first = read(body(incident()))
    calm = body(incident(updates=[colours("green")]), status=GREEN)
    assert levels(calm, dict(first.memory)) == {"incident:2970": Level.MINOR}


def test_an_incident_that_names_no_systems_speaks_of_those_that_are_not_green() -> None:
    old = {key: value for key, value in incident().items() if key not in ("systems", "tags")}
    assert levels(body(old)) == {"incident:2970": Level.MAJOR}


def test_a_system_in_trouble_without_an_incident_is_trouble_by_itself_since_first_seen() -> None:
    first = read(body())
    (signal,) = source().read(answer(body()), first.memory, NOW + timedelta(minutes=5)).signals
    assert (signal.fingerprint, signal.level, signal.started_at) == ("component:Apps", Level.MAJOR, NOW)
    odd = [{"system": "Apps", "status": "mauve"}, *GREEN[1:]]
    assert levels(body(status=odd)) == {"component:Apps": Level.NOTICE}
    assert levels(body(status=odd), dict(first.memory)) == {"component:Apps": Level.MINOR}


def test_announced_work_that_is_long_over_says_nothing() -> None:
    assert OPEN["scheduled"][0]["state"] == "upcoming"
    assert levels(body(status=GREEN)) == {}
    working = [{"system": "Data", "status": "blue"}, *GREEN[:1]]
    assert levels(body(status=working)) == {"component:Data": Level.MAINTENANCE}


@pytest.mark.parametrize(
    ("tags", "group"),
    [
        pytest.param(["NA"], "North America", id="spelt out: as a code NA would be Namibia"),
        pytest.param(["EMEA", "APAC"], "Europe, Middle East and Africa, Asia Pacific", id="two areas"),
        pytest.param(["EMEA", "NA", "APAC"], "", id="the whole world is no place in particular"),
        pytest.param("NA", "", id="no list"),
        pytest.param([7, None], "", id="no words"),
    ],
)
def test_tags_are_areas(tags: Any, group: str) -> None:
    placing = Placing.model_validate({"service": "data", "map": [{"group": "North America", "regions": ["US"]}]})
    reading = source(placing).read(answer(body(incident(tags=tags, title="x"))), {}, NOW)
    if group == "North America":
        assert [s.region for s in reading.signals] == ["US"]
    else:
        assert reading.unplaced == (f"no region for '{group + ' / ' if group else ''}Apps / x'",)


def test_the_newest_words_are_kept() -> None:
    (signal,) = read(UPDATE).signals
    assert signal.facts["workaround"] == "switch 3G off, calls work over Edge."
    assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"


@pytest.mark.parametrize("missing", ["status", "incidents", "scheduled"])
def test_without_what_it_always_has_it_says_nothing(missing: str) -> None:
    assert not source().read(answer({k: v for k, v in OPEN.items() if k != missing}), {}, NOW).known
    assert not source().read(answer({**OPEN, "status": []}), {}, NOW).known


def captured(name: str, at: str) -> Reading:
    moment = datetime.fromisoformat(at)
    given = shared(f"data/status/vendors/statuscheck/{name}").read_bytes()
    return source().read(Answer(moment, 200, {}, given), {}, moment)


def test_an_incident_as_captured_in_2019() -> None:
    reading = captured("heroku_incident.json", "2019-10-24T19:00:00Z")
    (signal,) = reading.signals
    assert (signal.fingerprint, signal.level) == ("incident:1918", Level.MINOR)
    assert signal.started_at.isoformat() == "2019-10-24T18:39:30.231000+00:00"
    assert reading.complete
    assert not reading.affirmed


def test_maintenance_as_captured_in_2020_is_no_trouble() -> None:
    reading = captured("heroku_maintenance.json", "2020-11-09T19:30:00Z")
    assert {s.fingerprint: s.level for s in reading.signals} == {"component:Data": Level.MAINTENANCE}
