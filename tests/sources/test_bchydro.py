"""BC Hydro: the traps of its list, and the floods of November 2021."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Reading
from notifier.sources.settings import Match, Placing
from notifier.sources.utilities import bchydro
from notifier.sources.utilities.bchydro import BchydroSettings
from tests.shared_data import shared

from .support import NOW, answer, tree
from .vendors import vendors

TREE = tree()
OPEN: list[dict[str, Any]] = next(json.loads(one.bodies["open"]) for one in vendors() if one.name == "bchydro")
SOON = int((NOW + timedelta(hours=3)).timestamp() * 1000)


def read(body: Any, **fields: Any) -> Reading:
    made = BchydroSettings(id="bch", sum_by_region=False, minor=50, **{"placing": Placing(service="power"), **fields})
    return bchydro.make(made, regions=TREE).read(answer(body), {}, NOW)


def entry(**over: Any) -> dict[str, Any]:
    return {**OPEN[0], **over}


@pytest.mark.parametrize(
    ("over", "fact", "expected"),
    [
        pytest.param({"showEtr": True, "crewEtr": SOON, "dateOn": None}, "restoration_at", "2026-01-15T15:00:00Z",
                     id="a restoration time shown"),
        pytest.param({"showEtr": True, "crewEtr": None, "dateOn": SOON}, "restoration_at", "2026-01-15T15:00:00Z",
                     id="its other name"),
        pytest.param({"showEtr": False, "crewEtr": SOON, "dateOn": SOON}, "restoration_at", None,
                     id="one the utility does not show"),
        pytest.param({"cause": "Snow storm"}, "cause", "Snow storm", id="the cause"),
        pytest.param({"crewStatusDescription": "Suspended"}, "status", "Suspended", id="the crew"),
        pytest.param({"crewStatusDescription": None}, "status", None, id="no crew yet"),
        pytest.param({"numCustomersOut": 417}, "customers_out", "417", id="customers out"),
    ],
)
def test_facts(over: dict[str, Any], fact: str, expected: str | None) -> None:
    (signal,) = read([entry(**over)]).signals
    assert signal.facts.get(fact) == expected


@pytest.mark.parametrize(
    ("over", "region"),
    [
        pytest.param({"municipality": "Essex", "latitude": 0, "longitude": 0, "gisId": None}, "CA-ESSEX",
                     id="without a point by its municipality"),
        pytest.param({"municipality": "Essex", "latitude": 42.0, "longitude": -83.0}, "CA-ESSEX", id="by polygon"),
        pytest.param({"municipality": "Hope", "regionName": "Vermont", "latitude": 0, "longitude": 0}, "US-VT",
                     id="an unknown municipality by the utility's region"),
    ],
)
def test_places(over: dict[str, Any], region: str) -> None:
    assert [s.region for s in read([entry(**over)]).signals] == [region]


def test_the_utilitys_own_region_may_be_mapped() -> None:
    placing = Placing(map=(Match(group="Lake Shore", service="power", regions=("US-VT",)),))
    assert {(s.service, s.region) for s in read(OPEN, placing=placing).signals} == {("power", "US-VT")}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param([entry(id=None)], "no id", id="an outage without an id"),
        pytest.param([{k: v for k, v in OPEN[0].items() if k != "numCustomersOut"}], "numCustomersOut", id="renamed"),
        pytest.param([entry(numCustomersOut="a few")], "how many", id="no number anywhere"),
        pytest.param({"outages": []}, "expected a list", id="an envelope from the future"),
        pytest.param([entry(dateOff=SOON + 10**9)], "ahead", id="a start days ahead"),
    ],
)
def test_what_cannot_be_relied_on(body: Any, why: str) -> None:
    reading = read(body)
    assert not reading.known
    assert why in reading.why


def test_planned_work_is_maintenance() -> None:
    (signal,) = read([entry(cause="Planned work being done on our equipment")]).signals
    assert signal.level is Level.MAINTENANCE


def test_the_floods_as_captured() -> None:
    """The snapshot with most customers out, of 15 November 2021 in the evening."""
    file = shared("data/power/bchydro_snapshots_2021-11-14_to_16.jsonl.gz")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        snapshots = [json.loads(line) for line in lines]
    worst = max(snapshots, key=lambda one: sum(outage["numCustomersOut"] for outage in one["body"]))
    at = datetime.fromisoformat(worst["fetched_at"]).astimezone(UTC)
    made = BchydroSettings(id="bch", placing=Placing(service="power", regions=("CA",)))
    reading = bchydro.make(made, regions=TREE).read(answer(worst["body"], at=at), {}, at)
    assert reading.known, reading.why
    (whole,) = [s for s in reading.signals if s.fingerprint == "region:CA"]
    assert whole.level is Level.CRITICAL
    assert int(whole.facts["customers_out"]) > 100_000
    assert whole.started_at < at
