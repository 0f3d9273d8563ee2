"""StatusHub: counters, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Failure, Source
from notifier.sources.pages import statushub
from notifier.sources.pages.statushub import StatusHubSettings
from notifier.sources.settings import Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="data", regions=("US-VT",))


def source(placing: Placing = PLACING, **over: Any) -> Source:
    fields = {"id": "hub", "url": "https://status.example", "placing": placing, **over}
    return statushub.make(StatusHubSettings.model_validate(fields), regions=TREE)


def body(up: Any, affected: Any, down: Any) -> dict[str, Any]:
    return {"counters": {"count_status_1": up, "count_status_2": affected, "count_status_3": down}}


@pytest.mark.parametrize(
    ("counts", "expected", "why"),
    [
        pytest.param((12, 0, 0), {}, "", id="all up"),
        pytest.param((11, 1, 0), {"page": Level.MINOR}, "1 affected, 11 up", id="one affected"),
        pytest.param((10, 1, 1), {"page": Level.MAJOR}, "1 down, 1 affected, 10 up", id="one down"),
        pytest.param((0, 0, 12), {"page": Level.MAJOR}, "12 down", id="all down"),
    ],
)
def test_what_the_counters_come_to(counts: tuple[int, int, int], expected: dict[str, Level], why: str) -> None:
    reading = source().read(answer(body(*counts)), {}, NOW)
    assert {s.fingerprint: s.level for s in reading.signals} == expected
    assert all(why in s.why for s in reading.signals)
    assert reading.complete
    assert reading.affirmed is (counts[0] > 0)


def test_one_trouble_however_the_counts_change() -> None:
    """It began when it was first seen: the counters have no time."""
    first = source().read(answer(body(11, 1, 0)), {}, NOW)
    (signal,) = source().read(answer(body(9, 1, 2)), first.memory, NOW + timedelta(hours=1)).signals
    assert (signal.fingerprint, signal.started_at) == ("page", NOW)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(body(0, 0, 0), id="no service at all"),
        pytest.param(body("12", 0, 0), id="a count in words"),
        pytest.param(body(True, 0, 0), id="true is no count"),
        pytest.param(body(-1, 0, 0), id="fewer than none"),
        pytest.param(body(10**300, 0, 0), id="more services than there are"),
        pytest.param(body(12, None, 0), id="a count that is missing"),
        pytest.param({"counters": {"count_status_1": 12}}, id="counters that are missing"),
        pytest.param({"statuses": []}, id="no counters"),
    ],
)
def test_what_cannot_be_counted_says_nothing(given: Any) -> None:
    reading = source().read(answer(given), {}, NOW)
    assert not reading.known
    assert reading.why


def test_a_fourth_kind_of_count_changes_nothing() -> None:
    given = body(12, 0, 0)
    given["counters"]["count_status_4"] = 3
    reading = source().read(answer(given), {}, NOW)
    assert reading.known
    assert reading.signals == ()


def test_without_a_default_place_it_opens_nothing() -> None:
    """There is no name in the answer a rule could go by."""
    assert source(Placing(service="data")).read(answer(body(1, 1, 1)), {}, NOW).signals == ()


def test_asks_below_the_page() -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer | Failure:
        asked.append(request.url)
        return answer(body(1, 0, 0))

    for url in ("https://status.example/", "https://status.example/api/statuses"):
        statushub.make(StatusHubSettings(id="hub", url=url), regions=TREE, fetch=fetch).fetch({}, NOW)
    assert set(asked) == {"https://status.example/api/statuses"}
