"""Azure DevOps: a matrix of services and geographies."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.clouds import azure_devops
from notifier.sources.clouds.azure_devops import AzureDevOpsSettings
from notifier.sources.settings import Match, Placing

from .support import NOW, answer, tree

TREE = tree()
PLACING = Placing(service="cloud", map=(Match(location="EU", regions=("EU-W",)),))
NAMES = {"US": "United States", "EU": "Europe"}


def matrix(cells: dict[tuple[str, str], str], **over: Any) -> dict[str, Any]:
    """An answer in which only `cells` (by service and geography) are as given."""
    services = [
        {"id": service, "geographies": [{"id": id, "name": name, "health": cells.get((service, id), "healthy")}
                                        for id, name in NAMES.items() if cells.get((service, id)) != "gone"]}
        for service in ("Boards", "Pipelines")
    ]
    return {"lastUpdated": NOW.isoformat(), "status": {"health": "healthy", "message": "Everything is looking good"},
            "services": services, **over}


def read(body: Any, memory: dict[str, str] | None = None, now: datetime = NOW) -> Reading:
    source = azure_devops.make(AzureDevOpsSettings(id="ado", placing=PLACING), regions=TREE)
    return source.read(answer(body), memory or {}, now)


@pytest.mark.parametrize(
    ("health", "level"),
    [
        pytest.param("advisory", Level.MINOR, id="advisory"),
        pytest.param("degraded", Level.MAJOR, id="degraded"),
        pytest.param("unhealthy", Level.CRITICAL, id="unhealthy"),
        pytest.param("Unhealthy", Level.CRITICAL, id="in capitals"),
        pytest.param("pondering", Level.NOTICE, id="a word from the future opens nothing"),
    ],
)
def test_health(health: str, level: Level) -> None:
    (signal,) = read(matrix({("Pipelines", "US"): health})).signals
    assert signal.level is level
    assert (signal.fingerprint, signal.region) == ("component:Pipelines/US", "US")
    assert "Pipelines" in signal.why


def test_geographies_are_placed_by_code_and_by_rule() -> None:
    cells = {("Pipelines", "US"): "degraded", ("Boards", "EU"): "degraded"}
    assert {(s.fingerprint, s.region) for s in read(matrix(cells)).signals} == {
        ("component:Pipelines/US", "US"), ("component:Boards/EU", "EU-W")}


def test_all_well_is_said_of_every_cell() -> None:
    reading = read(matrix({}))
    assert reading.signals == ()
    assert reading.complete
    assert reading.affirmed


def test_it_began_when_it_was_first_said() -> None:
    cells = {("Pipelines", "US"): "degraded"}
    first = read(matrix(cells))
    later = read(matrix({("Pipelines", "US"): "unhealthy"}), dict(first.memory), NOW + timedelta(minutes=9))
    assert later.signals[0].started_at == NOW
    well = read(matrix({}), dict(later.memory), NOW + timedelta(minutes=10))
    assert well.memory == {}


def test_a_word_nobody_knows_does_not_end_what_was_open() -> None:
    first = read(matrix({("Pipelines", "US"): "unhealthy"}))
    (signal,) = read(matrix({("Pipelines", "US"): "pondering"}), dict(first.memory)).signals
    assert signal.level is Level.MINOR


def test_a_cell_that_is_no_longer_listed_is_not_well_yet_and_forgotten_after_a_day() -> None:
    first = read(matrix({("Pipelines", "US"): "unhealthy"}))
    gone = matrix({("Pipelines", "US"): "gone"})
    second = read(gone, dict(first.memory), NOW + timedelta(hours=23))
    assert "component:Pipelines/US" in second.present
    third = read(gone, dict(second.memory), NOW + timedelta(hours=25))
    assert third.present == ()


def test_trouble_the_summary_claims_and_no_cell_explains_is_not_invented_where_no_region_is_named() -> None:
    reading = read(matrix({}, status={"health": "unhealthy", "message": "We look into it"}))
    assert reading.signals == ()


@pytest.mark.parametrize("kept", ["[]", "5", '{"a": 1}', '{"a": ["x", "y"]}', "{", '{"a": [null, null]}'])
def test_memory_of_another_shape_never_raises(kept: str) -> None:
    assert read(matrix({("Pipelines", "US"): "degraded"}), {"unwell": kept}).known


@pytest.mark.parametrize(
    "over",
    [
        pytest.param({"services": []}, id="no services"),
        pytest.param({"services": [{"id": "Boards", "geographies": []}]}, id="no geographies"),
        pytest.param({"status": None}, id="no status"),
        pytest.param({"services": None}, id="services missing"),
        pytest.param({"lastUpdated": "2086-01-15T12:00:00Z"}, id="a clock sixty years ahead"),
    ],
)
def test_what_lacks_an_anchor_is_not_believed(over: dict[str, Any]) -> None:
    assert not read(matrix({}, **over)).known
