"""PG&E: three shapes, a list that is cut off, a clock that was wrong, and the archive's storm."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from notifier.model.signal import Level
from notifier.net.fetch import Request
from notifier.ports import Answer, Failure, Reading
from notifier.sources.settings import Placing
from notifier.sources.utilities import pge
from notifier.sources.utilities.pge import PgeSettings, list_of
from tests.shared_data import shared

from .support import NOW, answer, tree
from .vendors import vendors

TREE = tree()
BODIES = {one.name: json.loads(one.bodies["open"]) for one in vendors() if one.about["source"]["kind"] == "pge"}
TODAY: list[dict[str, Any]] = BODIES["pge-list"]


def made(**fields: Any) -> PgeSettings:
    return PgeSettings(id="pge", **{"placing": Placing(service="power", regions=("US-VT",)), **fields})


def read(body: Any, memory: Mapping[str, str] | None = None, **fields: Any) -> Reading:
    return pge.make(made(**fields), regions=TREE).read(answer(body), memory or {}, NOW)


def entry(**over: Any) -> dict[str, Any]:
    return {**TODAY[0], **over}


@pytest.mark.parametrize("name", sorted(BODIES))
def test_every_shape_says_the_same(name: str) -> None:
    """Numbers or texts, milliseconds or seconds, with or without an envelope."""
    listed = list_of(json.dumps(BODIES[name]).encode(), made(), NOW)
    assert [(one.customers_out, one.places, one.point and round(one.point[0], 2)) for one in listed.outages] == [
        (400, ("Burlington",), 44.47), (300, ("Burlington",), 44.52)]
    assert [one.began for one in listed.outages] == [NOW - timedelta(minutes=40), NOW - timedelta(minutes=30)]
    assert listed.outages[0].restored_by == NOW + timedelta(hours=3)
    assert listed.whole


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        pytest.param({"EST_CUSTOMERS": 0}, 0, id="listed for days though nobody is out"),
        pytest.param({"OUTAGE_CAUSE": "NOT OUTAGE"}, 0, id="a report that was looked into"),
        pytest.param({"EST_CUSTOMERS": None}, None, id="a number nobody knows"),
        pytest.param({"OUTAGE_CAUSE": None}, 400, id="a cause nobody knows"),
        pytest.param({"CREW_CURRENT_STATUS": "pondering_the_orb"}, 400, id="a crew status from the future"),
    ],
)
def test_customers(over: dict[str, Any], expected: int | None) -> None:
    listed = list_of(json.dumps([entry(**over), TODAY[1]]).encode(), made(), NOW)
    assert listed.outages[0].customers_out == expected


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param({"error": {"code": 400, "message": "Unable to complete operation."}}, "error", id="an error"),
        pytest.param({"features": [{"geometry": {}}]}, "attributes", id="a feature without attributes"),
        pytest.param({"type": "FeatureCollection"}, "features", id="no features"),
        pytest.param([{"CITY": "San Jose"}], "EST_CUSTOMERS", id="other fields than these"),
        pytest.param([entry(F_OUTAGE_ID=None)], "F_OUTAGE_ID", id="an outage without an id"),
        pytest.param([entry(EST_CUSTOMERS="many")], "how many", id="no number anywhere"),
        pytest.param([entry(OUTAGE_START=4102444800000)], "ahead", id="a start in the year 2100"),
        pytest.param({"outagesRegions": [{"regionName": "Alameda"}]}, "outages", id="a town without its outages"),
    ],
)
def test_what_cannot_be_relied_on(body: Any, why: str) -> None:
    reading = read(body)
    assert not reading.known
    assert why in reading.why


def test_an_empty_list_is_whole_but_no_proof_of_health() -> None:
    reading = read([])
    assert reading.known
    assert reading.complete
    assert not reading.affirmed


def test_a_list_as_long_as_a_page_was_cut_off() -> None:
    """The archive's storm: 37 of 179 snapshots hold exactly 2,000 outages, and the service lists no more."""
    cut = read(TODAY, page_size=2)
    assert not cut.complete
    assert read(TODAY, page_size=3).complete
    said = read({**BODIES["pge"], "exceededTransferLimit": True})
    assert not said.complete
    assert not read({**BODIES["pge"], "exceededTransferLimit": "yes"}).known


def test_ids_may_be_numbers_or_texts_and_are_one_outage() -> None:
    """Whole numbers in the archive of 2024, texts in today's service."""
    number, text = (read([entry(F_OUTAGE_ID=id)], sum_by_region=False, minor=50) for id in (2900001, "2900001"))
    assert [s.key for s in number.signals] == [s.key for s in text.signals] == [
        ("pge", "outage:2900001", "power", "VT-BTV")]


@pytest.mark.parametrize(
    ("over", "known"),
    [
        pytest.param({}, True, id="latitude and longitude"),
        pytest.param({"OUTAGE_LATITUDE": None, "geometry_x": -8149700.0, "geometry_y": 5538400.0}, True, id="metres"),
        pytest.param({"OUTAGE_LATITUDE": None, "geometry_x": -73.21, "geometry_y": 44.47}, True, id="degrees"),
        pytest.param({"OUTAGE_LATITUDE": 0, "OUTAGE_LONGITUDE": 0}, False, id="0, 0 is unknown"),
    ],
)
def test_points(over: dict[str, Any], known: bool) -> None:
    (outage,) = list_of(json.dumps([entry(**over)]).encode(), made(), NOW).outages
    if known:
        assert outage.point == pytest.approx((44.47, -73.21), abs=0.05)
    else:
        assert outage.point is None


def paged(pages: list[Any]) -> tuple[list[str], Any]:
    asked: list[str] = []

    def fetch(request: Request, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        page = pages[len(asked)]
        asked.append(parse_qs(urlsplit(request.url).query).get("resultOffset", ["-"])[0])
        return page if isinstance(page, Failure) else answer(page, headers={"etag": "x"})

    return asked, fetch


def test_further_pages_are_asked_for_and_read_as_one_list() -> None:
    first = {**BODIES["pge"], "exceededTransferLimit": True}
    second = {**BODIES["pge"], "features": [{"attributes": entry(F_OUTAGE_ID="9", EST_CUSTOMERS=800)}]}
    asked, fetch = paged([first, second])
    source = pge.make(made(), regions=TREE, fetch=fetch)
    found = source.fetch({}, NOW)
    assert isinstance(found, Answer)
    assert asked == ["-", "2000"]
    assert found.headers == {}
    reading = source.read(found, {}, NOW)
    assert reading.complete
    assert [s.facts["customers_out"] for s in reading.signals] == ["1500"]


def test_more_pages_than_are_asked_for_are_no_whole_list_and_a_failed_one_decides_for_all() -> None:
    more = {**BODIES["pge"], "exceededTransferLimit": True}
    asked, fetch = paged([more, more, more])
    source = pge.make(made(pages=3), regions=TREE, fetch=fetch)
    found = source.fetch({}, NOW)
    assert isinstance(found, Answer)
    assert asked == ["-", "2000", "4000"]
    assert not source.read(found, {}, NOW).complete
    lost = Failure(NOW, "timed_out")
    assert pge.make(made(), regions=TREE, fetch=paged([more, lost])[1]).fetch({}, NOW) == lost


def test_the_storm_as_captured() -> None:
    """The archive's first snapshot: Pacific time written as if it were UTC, restoration times years ahead."""
    file = shared("data/power/pge_snapshots_2024-02-04_to_06_storm.jsonl.gz")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        snapshot = json.loads(next(lines))
    at = datetime.fromisoformat(snapshot["fetched_at"])
    listed = list_of(json.dumps(snapshot["body"]).encode(), made(epoch_zone="America/Los_Angeles"), at)
    assert len(listed.outages) == 674
    ages = sorted(at - one.began for one in listed.outages if one.began is not None)
    assert len(ages) == 674
    assert timedelta(minutes=5) < ages[0] < timedelta(minutes=30), "eight hours without the zone"
    assert all(one.point is not None for one in listed.outages)
    source = pge.make(made(epoch_zone="America/Los_Angeles"), regions=TREE)
    reading = source.read(answer(snapshot["body"], at=at), {}, at)
    assert {s.level for s in reading.signals} == {Level.MINOR}
