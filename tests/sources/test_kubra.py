"""KUBRA Storm Center: two steps, paths that change, three files, and words in the place of times."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from notifier.model.signal import Level
from notifier.net.fetch import Request
from notifier.ports import Answer, Failure, Reading
from notifier.sources.settings import Placing
from notifier.sources.utilities import kubra
from notifier.sources.utilities.kubra import KubraSettings

from .support import NOW, answer, tree
from .vendors import vendors

TREE = tree()
URL = "https://kubra.example/stormcenter/api/v1/stormcenters/i/views/v/currentState?preview=false"
STATE: dict[str, Any] = {"stormcenterDeploymentId": "d", "updatedAt": int(NOW.timestamp() * 1000) - 300_000,
                         "data": {"interval_generation_data": "data/aaaa-1"}}


def made(**fields: Any) -> KubraSettings:
    return KubraSettings(id="k", **{"url": URL, "placing": Placing(service="power", regions=("US",)),
                                    "territory": ("US-VT",), "report": "reports/r_report.json", **fields})


def area(name: str, out: Any, **over: Any) -> dict[str, Any]:
    return {"key": "county", "name": name, "n_out": 2, "cust_a": {"val": out}, "cust_s": 46_109, "etr": None, **over}


def read(report: Any, state: Any = STATE, memory: Any = None, **fields: Any) -> Reading:
    body = {"parts": {"state": json.dumps(state), "report": json.dumps(report)}}
    return kubra.make(made(**fields), regions=TREE).read(answer(body), memory or {}, NOW)


def areas(*listed: Any) -> dict[str, Any]:
    return {"file_title": "report", "file_data": {"areas": list(listed), "totals": {}}}


def regions(reading: Reading) -> dict[str, Level]:
    assert reading.known, reading.why
    return {s.region: s.level for s in reading.signals}


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        pytest.param(areas(area("Chittenden", 6_000), area("Washington", 0)), {"US-VT-007": Level.MAJOR}, id="flat"),
        pytest.param(areas({"name": "Vermont", "cust_a": {"val": 6_700},
                            "areas": [area("CHITTENDEN", 6_000), area("WASHINGTON", 700)]}),
                     {"US-VT-007": Level.MAJOR, "US-VT-023": Level.MINOR}, id="below a state, not counted twice"),
        pytest.param(areas(area("Ward 3", 6_000, gotoMap={"bbox": [-84, 41, -82, 43]})), {"CA-ESSEX": Level.MAJOR},
                     id="an unknown name by the middle of its box"),
        pytest.param(areas(area("Ward 3", 6_000, gotoMap={"bbox": [-84, 41, -82]})), {"US": Level.MAJOR},
                     id="a box of three sides is none"),
        pytest.param({"file_data": [{"id": "x", "title": "Chittenden", "desc": {"cust_a": {"val": 6_000}}}]},
                     {"US-VT-007": Level.MAJOR}, id="a layer of the map, named by its title"),
        pytest.param({"summaryFileData": {"date_generated": NOW.isoformat(), "totals": [
            {"total_cust_a": {"val": 400}, "total_cust_s": 90_000}, {"total_cust_a": {"val": 300}}]}},
            {"US": Level.MINOR}, id="a summary of two states, summed"),
    ],
)
def test_files(report: Any, expected: dict[str, Level]) -> None:
    assert regions(read(report)) == expected


@pytest.mark.parametrize(
    ("etr", "expected"),
    [
        pytest.param("2026-01-15T15:00:00Z", "2026-01-15T15:00:00Z", id="a time"),
        pytest.param("2026-01-15T10:00:00-0500", "2026-01-15T15:00:00Z", id="a time with its zone"),
        pytest.param("ETR-NULL", None, id="none yet"),
        pytest.param("ETR-EXP", None, id="passed"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_restoration(etr: Any, expected: str | None) -> None:
    (signal,) = read(areas(area("Chittenden", 6_000, etr=etr))).signals
    assert signal.facts.get("restoration_at") == expected
    assert signal.facts["update"].startswith("2 outages, 6,000 customers")


@pytest.mark.parametrize(
    ("report", "state", "why"),
    [
        pytest.param(areas(), STATE, "no areas", id="an empty report"),
        pytest.param(areas(area("Chittenden", "some")), STATE, "how many", id="no number anywhere"),
        pytest.param(areas({"name": "Chittenden"}), STATE, "cust_a", id="an area without a number"),
        pytest.param(areas(area("", 5)), STATE, "no name", id="an area without a name"),
        pytest.param({"file_data": "soon"}, STATE, "file_data", id="another file"),
        pytest.param({"summaryFileData": {"totals": []}}, STATE, "when it was made", id="a summary without its time"),
        pytest.param(areas(area("Chittenden", 5)), {**STATE, "updatedAt": STATE["updatedAt"] - 4_000_000},
                     "not renewed", id="a snapshot of an hour ago"),
        pytest.param(areas(area("Chittenden", 5)), {**STATE, "updatedAt": None}, "when it was made", id="no time"),
        pytest.param(areas(area("Chittenden", 5)), {**STATE, "data": {}}, "interval_generation_data", id="no path"),
    ],
)
def test_what_cannot_be_relied_on(report: Any, state: Any, why: str) -> None:
    reading = read(report, state)
    assert not reading.known
    assert why in reading.why


def nested(depth: int) -> dict[str, Any]:
    return area("Chittenden", 5) if depth == 0 else {"name": "x", "areas": [nested(depth - 1)]}


def test_areas_below_areas_below_areas() -> None:
    assert read(areas(nested(5))).known
    assert "deep" in read(areas(nested(9))).why


def fetched(*answers: Any) -> tuple[list[str], Answer | Failure]:
    asked: list[str] = []

    def fetch(request: Request, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        assert memory == {}, "a path that changes is never asked for conditionally"
        found = answers[len(asked)]
        asked.append(request.url)
        return found if isinstance(found, Failure) else answer(found, headers={"etag": "e"})

    return asked, kubra.make(made(), regions=TREE, fetch=fetch).fetch({"http.etag": '{"state": "e"}'}, NOW)


def test_the_state_names_where_the_report_lies_each_time() -> None:
    for path in ("data/aaaa-1", "data/bbbb-2"):
        asked, found = fetched({**STATE, "data": {"interval_generation_data": path}}, areas(area("Chittenden", 700)))
        assert asked == [URL, f"https://kubra.example/{path}/public/reports/r_report.json"]
        assert isinstance(found, Answer)
        assert found.headers == {}
        source = kubra.make(made(), regions=TREE)
        assert regions(source.read(found, {}, NOW)) == {"US-VT-007": Level.MINOR}


@pytest.mark.parametrize("path", ["../../etc", "https://elsewhere.example/x", "//elsewhere.example", "data/../x", "", 5,
                                  "data/a?b", "data/a#b", "data", "data/a@elsewhere.example"])
def test_a_path_that_leads_elsewhere_is_not_followed(path: Any) -> None:
    asked, found = fetched({**STATE, "data": {"interval_generation_data": path}}, areas())
    assert asked == [URL]
    assert isinstance(found, Answer)
    assert not kubra.make(made(), regions=TREE).read(found, {}, NOW).known


def test_a_step_that_fails_decides_for_both() -> None:
    lost = Failure(NOW, "http_status", "404")
    assert fetched(lost)[1] == lost
    assert fetched(STATE, lost)[1] == lost


@pytest.mark.parametrize("report", ["../x.json", "/reports/x.json", "https://x/y.json", "reports/x.xml", ""])
def test_reports_that_are_no_file_below_public(report: str) -> None:
    with pytest.raises(ValidationError):
        made(report=report)


def test_a_snapshot_of_the_same_minute_is_the_same_trouble() -> None:
    """The answers of three shapes keep their trouble by region, not by the GUID of the snapshot."""
    for vendor in (one for one in vendors() if one.about["source"]["kind"] == "kubra"):
        source = vendor.make(TREE)
        first = source.read(answer(vendor.bodies["open"]), {}, NOW)
        later = source.read(answer(vendor.bodies["update"]), first.memory, NOW + timedelta(minutes=10))
        assert [s.key for s in first.signals] == [s.key for s in later.signals]
        assert first.affirmed is (vendor.name != "kubra-summary")
