"""National Weather Service: pages, geocodes, geometry, chains by references; answers as captured."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.net.fetch import USER_AGENT
from notifier.ports import Answer, Failure, Reading
from notifier.sources.page import PageSource
from notifier.sources.settings import Placing
from notifier.sources.warnings import nws
from notifier.sources.warnings.alerting import EventRule
from notifier.sources.warnings.nws import NwsSettings
from tests.shared_data import shared

from .examples import NWS
from .support import NOW, answer, tree

TREE = tree()
POWER = Placing(service="power")
NEXT = "https://api.weather.gov/alerts/active?cursor=x"


def source(fetch: Any = None, **fields: Any) -> PageSource[NwsSettings]:
    fields.setdefault("placing", POWER)
    return nws.make(NwsSettings(id="nws", **fields), regions=TREE, **({"fetch": fetch} if fetch else {}))


def feature(**over: Any) -> dict[str, Any]:
    """The example's one alert, with other properties; `geometry` besides them."""
    given = json.loads(json.dumps(NWS["features"][0]))
    given["geometry"] = over.pop("geometry", None)
    given["properties"] |= over
    return dict(given)


def collection(*features: Any, **over: Any) -> dict[str, Any]:
    return {**NWS, "features": list(features), **over}


def read(body: Any, memory: Any = None, **fields: Any) -> Reading:
    return source(**fields).read(answer(body), memory or {}, NOW)


def test_the_list_is_all_that_is_in_force_unless_there_is_another_page() -> None:
    assert read(NWS).complete
    paged = read({**NWS, "pagination": {"next": NEXT}})
    assert not paged.complete
    assert "more than 1 pages" in paged.why
    empty = read(collection())
    assert (empty.known, empty.complete, empty.affirmed, empty.signals) == (True, True, False, ())


def test_chain_by_references() -> None:
    first = read(NWS)
    references = [{"identifier": "urn:oid:1", "sent": "2026-01-15T11:50:00+00:00"}]
    second = read(collection(feature(id="urn:oid:2", messageType="Update", references=references)))
    assert second.signals[0].key == first.signals[0].key
    sent = "2026-01-15T11:55:00+00:00"
    cancelled = feature(id="urn:oid:2", messageType="Cancel", references=references, sent=sent)
    late = read(NWS, read(collection(cancelled), first.memory).memory)
    assert late.signals == ()


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        pytest.param({"status": "Pondering"}, True, id="a status from the future keeps it open"),
        pytest.param({"messageType": "Pondering"}, True, id="a type from the future keeps it open"),
        pytest.param({"scope": "Pondering"}, True, id="a scope from the future keeps it open"),
        pytest.param({"status": "Test"}, False, id="a test is no alert"),
        pytest.param({"scope": "Private"}, False, id="a private message is no alert"),
        pytest.param({"event": "Pondering", "category": "Pondering"}, True, id="an event no rule names keeps it open"),
    ],
)
def test_words_from_the_future_open_nothing_and_end_nothing(over: dict[str, Any], expected: bool) -> None:
    first = read(NWS)
    (signal,) = first.signals
    later = read(collection(feature(**over)), first.memory)
    assert later.complete
    assert later.signals == ()
    assert (signal.fingerprint in later.present) is expected
    assert read(collection(feature(**over))).signals == ()


@pytest.mark.parametrize(
    ("over", "regions"),
    [
        pytest.param({"geocode": {"SAME": ["050007"], "UGC": ["VTC007"]}}, ["US-VT-007"], id="both codes of a county"),
        pytest.param({"geocode": {"SAME": ["050007", "050023"]}}, ["US-VT-007", "US-VT-023"], id="two counties"),
        pytest.param({"geocode": {"UGC": ["VTZ005"]}, "areaDesc": "Chittenden County"}, ["US-VT-007"],
                     id="a zone our tree lacks, named like a county of the same state"),
        pytest.param({"geocode": {"UGC": ["VTC000"]}}, ["US-VT"], id="every county of the state"),
        pytest.param({"geocode": {"UGC": ["TXC113"], "SAME": ["048113"]}, "areaDesc": "Washington"}, [],
                     id="elsewhere, though a county of ours has that name"),
        pytest.param({"geocode": {}, "areaDesc": "x", "geometry": {"type": "Polygon", "coordinates": [
            [[-83.2, 42], [-83, 42.2], [-82.8, 42], [-83.2, 42]]]}}, ["CA-ESSEX"], id="a polygon"),
        pytest.param({"geocode": {}, "areaDesc": "x", "geometry": {"type": "MultiPolygon", "coordinates": [
            [[[0, 0], [1, 0], [1, 1], [0, 0]]], [[[-83.2, 42], [-83, 42.2], [-82.8, 42], [-83.2, 42]]]]}}, ["CA-ESSEX"],
                     id="one of several polygons"),
    ],
)
def test_places(over: dict[str, Any], regions: list[str]) -> None:
    reading = read(collection(feature(**over)))
    assert [signal.region for signal in reading.signals] == regions
    assert reading.unplaced == ()


def test_a_zone_of_our_state_that_is_none_of_our_regions_is_said_and_not_widened() -> None:
    reading = read(collection(feature(geocode={"UGC": ["VTZ005"]}, areaDesc="Eastern Hills")),
                   placing=Placing(service="power", regions=("US",)))
    assert reading.signals == ()
    assert "Eastern Hills" in reading.unplaced[0]
    assert reading.present == ("alert:urn:oid:1",)


@pytest.mark.parametrize("geocode", [None, True, [], {"SAME": "050007"}, {"SAME": [50007]}, {"UGC": {"x": 1}}])
def test_a_geocode_of_another_shape_says_nothing(geocode: Any) -> None:
    assert not read(collection(feature(geocode=geocode))).known


@pytest.mark.parametrize("geometry", [
    {"type": "Polygon", "coordinates": None}, {"type": "MultiPolygon", "coordinates": [None, [None]]},
    {"type": "Polygon", "coordinates": [[["a", "b"]]]}, {"type": "Polygon", "coordinates": [[[1e400, 2]]]},
    {"type": "Pondering"}, 5, {"type": "Point", "coordinates": [1, 2]},
])
def test_a_geometry_of_another_shape_is_left_out(geometry: Any) -> None:
    given = json.dumps(collection(feature(geometry=geometry))).replace("Infinity", "1e400")
    reading = read(given)
    assert [signal.region for signal in reading.signals] == ["US-VT-007"]


def test_it_ends_when_the_event_does_and_not_when_the_message_expires() -> None:
    (signal,) = read(collection(feature(ends="2026-01-16T00:00:00+00:00"))).signals
    assert signal.lasts_until == datetime.fromisoformat("2026-01-16T00:00:00Z")


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Service:
    """Pages by address; what was asked for is in `asked`."""

    def __init__(self, **pages: Any) -> None:
        self.pages = pages
        self.asked: list[Any] = []

    def __call__(self, request: Any, memory: Any, now: datetime) -> Answer | Failure:
        self.asked.append(request)
        page = self.pages.get(request.url.rpartition("=")[2] if "cursor" in request.url else "first")
        return Failure(now, "timed_out") if page is None else answer(page, headers={"etag": '"e"'})


def paged(cursor: str, *features: Any) -> dict[str, Any]:
    return collection(*features, pagination={"next": f"https://api.weather.gov/alerts/active?cursor={cursor}"})


def played(service: Service) -> Reading:
    one = source(service)
    found = one.fetch({}, NOW)
    assert isinstance(found, Answer)
    return one.read(found, {}, NOW)


def test_it_is_asked_for_geojson_with_our_name() -> None:
    service = Service(first=NWS)
    source(service).fetch({}, NOW)
    assert service.asked[0].headers["Accept"] == "application/geo+json"
    assert "User-Agent" not in service.asked[0].headers, "every request carries ours"
    assert "outage-notifier" in USER_AGENT
    source(service, headers={"User-Agent": "Green Mountain Mobile, noc@gmm.example"}).fetch({}, NOW)
    assert service.asked[1].headers["User-Agent"] == "Green Mountain Mobile, noc@gmm.example"


def test_pages_are_followed_and_travel_as_one() -> None:
    service = Service(first=paged("a"), a=paged("b", feature()), b=collection(feature(id="urn:oid:9")))
    reading = played(service)
    assert [request.url.rpartition("=")[2] for request in service.asked[1:]] == ["a", "b"]
    assert reading.complete
    assert len(reading.signals) == 2


@pytest.mark.parametrize(
    ("service", "asked"),
    [
        pytest.param(Service(first=paged("a", feature())), 2, id="the next page cannot be had"),
        pytest.param(Service(first=paged("a", feature()), a=paged("a")), 5, id="the pages go round in a circle"),
        pytest.param(Service(first=collection(feature(), pagination={"next": "https://evil.example/?cursor=a"}), a=NWS),
                     1, id="the next page is at another host"),
    ],
)
def test_a_list_that_is_not_whole_is_not_taken_for_whole(service: Service, asked: int) -> None:
    reading = played(service)
    assert len(service.asked) == asked
    assert (reading.known, reading.complete) == (True, False)
    assert len(reading.signals) == 1
    assert reading.why


@pytest.mark.parametrize(
    "parts", [{}, {"page 2": "{}"}, {"page 1": 5}, {"page 1": "<html>"}, None, {"page 1": "\ud800"}]
)
def test_parts_of_another_shape_say_nothing(parts: Any) -> None:
    assert not read({"parts": parts}).known


def test_a_page_that_has_not_changed_is_not_followed() -> None:
    assert source(lambda request, memory, now: Answer(now, 304, {}, b"")).fetch({}, NOW) == Answer(NOW, 304, {}, b"")


def test_as_captured() -> None:
    body = shared("data/cap/nws_alerts_sample.json").read_bytes()
    at = datetime.fromisoformat("2017-12-05T23:30:00Z")
    reading = source(events=(EventRule(event="Special Weather*"),)).read(Answer(at, 200, {}, body), {}, at)
    assert reading.known, reading.why
    assert reading.signals == (), "New Mexico is not in our tree"
    assert reading.unplaced == ()


def test_levels_by_severity() -> None:
    severities = {"Extreme": Level.CRITICAL, "Severe": Level.MAJOR, "Moderate": Level.MINOR, "Pondering": Level.MINOR}
    found = {said: read(collection(feature(severity=said))).signals[0].level for said in severities}
    assert found == severities
