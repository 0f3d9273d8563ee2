"""Gatus: so many failures in a row, results that stopped, a restart that forgets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level, SignalClass
from notifier.ports import Answer, Reading
from notifier.sources.pages import gatus
from notifier.sources.pages.gatus import GatusSettings
from notifier.sources.settings import Match, Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="data", regions=("US",), find_regions=True)


def source(fetch: Any = None, **fields: Any) -> Any:
    settings = GatusSettings(id="gatus", url="https://gatus.example", **{"placing": PLACING, **fields})
    return gatus.make(settings, regions=TREE, **({"fetch": fetch} if fetch else {}))


def result(success: Any, minute: int = 59, **over: Any) -> dict[str, Any]:
    at = f"2026-01-15T11:{minute:02}:00.123456789Z"
    return {"status": 200, "duration": 1, "success": success, "timestamp": at, **over}


def endpoint(*results: Any, name: str = "Data", group: str = "Vermont", **over: Any) -> dict[str, Any]:
    return {"name": name, "group": group, "key": f"{group}_{name}".lower(), "results": list(results), **over}


WELL = endpoint(result(True), name="Portal", group="")
DOWN = endpoint(result(True, 50), result(False, 56), result(False, 57), result(False, 58))


def read(body: Any, memory: Mapping[str, str] | None = None, at: datetime = NOW, **fields: Any) -> Reading:
    found: Reading = source(**fields).read(answer(body), memory or {}, at)
    return found


@pytest.mark.parametrize(
    ("results", "failures", "level"),
    [
        pytest.param([True], 3, None, id="well"),
        pytest.param([True, False, False, False], 3, Level.MAJOR, id="three in a row"),
        pytest.param([False, False], 3, Level.NOTICE, id="two are not enough"),
        pytest.param([False, False], 2, Level.MAJOR, id="two are, where the settings say so"),
        pytest.param([False], 1, Level.MAJOR, id="so is one"),
        pytest.param([False, False, True, False], 3, Level.NOTICE, id="not in a row"),
        pytest.param([False, False, False, True], 3, None, id="well again"),
        pytest.param([False, None, False, False], 3, Level.NOTICE, id="a result nobody can read is no failure"),
        pytest.param([False, False, False, "no"], 3, Level.NOTICE, id="nor is it a success"),
        pytest.param([False, False, False, 0], 3, Level.NOTICE, id="0 is not false"),
        pytest.param([], 3, Level.NOTICE, id="never checked"),
    ],
)
def test_so_many_failed_results_in_a_row_are_trouble(results: list[Any], failures: int, level: Level | None) -> None:
    checked = endpoint(*(result(ok, 50 + n) for n, ok in enumerate(results)))
    reading = read([checked, WELL], failures=failures)
    assert reading.known, reading.why
    assert [s.level for s in reading.signals] == ([] if level is None else [level])
    assert all(s.klass is SignalClass.MEASUREMENT and s.region == "US-VT" for s in reading.signals)
    assert reading.complete
    assert reading.affirmed


def test_trouble_began_with_the_first_failure_in_whatever_order_they_come() -> None:
    for results in (DOWN["results"], DOWN["results"][::-1]):
        (signal,) = read([{**DOWN, "results": results}]).signals
        assert signal.started_at.isoformat() == "2026-01-15T11:56:00.123456+00:00"


def test_the_conditions_that_failed_and_the_errors_are_the_reason() -> None:
    held = [{"condition": "[CONNECTED] == true", "success": True},
            {"condition": "[STATUS] (503) == 200", "success": False}]
    (signal,) = read([endpoint(result(False, conditionResults=held, errors=["timeout"]))], failures=1).signals
    assert signal.facts["cause"] == "[STATUS] (503) == 200; timeout"
    assert signal.why == "Data: failing ([STATUS] (503) == 200; timeout)"
    odd = result(False, conditionResults=[7, {"condition": 5, "success": False}], errors={"a": 1})
    (signal,) = read([endpoint(odd)], failures=1).signals
    assert signal.why == "Data: failing"


@pytest.mark.parametrize("results", [[], [False], ["?"], None])
def test_what_was_in_trouble_stays_trouble_while_nobody_knows(results: Any) -> None:
    first = read([DOWN, WELL])
    again = {**DOWN, "results": None if results is None else [result(ok) for ok in results]}
    (signal,) = read([again, WELL], first.memory).signals
    assert (signal.key, signal.level.is_trouble) == (first.signals[0].key, True)


def test_results_that_have_stopped_are_unknown_not_well() -> None:
    old = endpoint(result(True, 10))
    assert not read([old]).known
    assert "2026-01-15T11:10:00" in read([old]).why
    assert read([old], stale_after="1h").known
    (signal,) = read([old, WELL]).signals
    assert (signal.level, signal.facts["status"]) == (Level.NOTICE, "not checked")


def test_a_gatus_that_has_just_started_says_nothing() -> None:
    """With its results in memory only a restart forgets an outage, and endpoints are listed as they are checked."""
    first = read([DOWN, WELL])
    assert not read([], first.memory).known
    partly = read([WELL], first.memory, NOW + timedelta(minutes=1))
    assert partly.complete
    assert [(s.key, s.level.is_trouble) for s in partly.signals] == [(first.signals[0].key, True)]
    checked = read([endpoint(result(False)), WELL], partly.memory, NOW + timedelta(minutes=2))
    assert [(s.key, s.level.is_trouble) for s in checked.signals] == [(first.signals[0].key, True)]
    well = read([endpoint(result(True)), WELL], partly.memory, NOW + timedelta(minutes=2))
    assert (well.signals, well.present) == ((), ())


def test_an_endpoint_that_was_removed_is_over_in_the_end() -> None:
    memory: Mapping[str, str] = read([DOWN, WELL]).memory
    for minutes, present in ((5, 1), (14, 1), (16, 0), (20, 0)):
        at = NOW + timedelta(minutes=minutes)
        later = read([{**WELL, "results": [result(True, timestamp=at.isoformat())]}], memory, at)
        memory = later.memory
        assert len(later.signals) == len(later.present) == present, minutes


def test_endpoints_of_other_instances_keep_their_keys_and_are_told_apart() -> None:
    mine, theirs = DOWN, {**DOWN, "name": "remote-Data"}
    assert len({s.fingerprint for s in read([mine, theirs]).signals}) == 2


@pytest.mark.parametrize(
    "body",
    [{"endpoints": []}, [{}], [{"name": "Data", "results": []}], [{**DOWN, "results": {}}], [{**DOWN, "results": [1]}],
     "failed to retrieve endpoint statuses", [[]]],
)
def test_other_shapes_are_unknown(body: Any) -> None:
    assert not read(body).known


def test_level_and_placing_are_settings() -> None:
    placing = Placing(map=(Match(group="Vermont", service="sms", regions=("US-NY",)),))
    reading = read([DOWN, WELL], level="minor", placing=placing)
    assert [(s.service, s.region, s.level) for s in reading.signals] == [("sms", "US-NY", Level.MINOR)]


def test_paging_is_by_results_and_all_endpoints_come_at_once() -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer:
        asked.append(request.url)
        return answer([])

    source(fetch).fetch({}, NOW)
    source(fetch, failures=40).fetch({}, NOW)
    assert asked == [f"https://gatus.example/api/v1/endpoints/statuses?page=1&pageSize={size}" for size in (20, 40)]


def test_what_it_remembers_is_small_and_may_be_damaged() -> None:
    many = [endpoint(result(False), name=f"e{n}") for n in range(600)]
    assert len(read(many, failures=1).memory["not_well"]) < 50_000
    for kept in ('{"x": ["a", "b", "soon"]}', '{"x": [1, 2, "2026-01-15T11:59:00Z"]}', '{"x": "y"}', "[", '{"": []}'):
        assert read([DOWN, WELL], {"not_well": kept}).known
