"""IODA: what lasts, how deep it is, where; events and alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import ValidationError

from notifier.model.region import Region, RegionTree
from notifier.model.signal import Level, SignalClass
from notifier.ports import Answer, Reading
from notifier.sources.page import PageSource
from notifier.sources.settings import Match, Placing
from notifier.sources.warnings import ioda
from notifier.sources.warnings.ioda import IodaSettings

from .support import NOW, answer, tree

TREE = tree()
UNTIL = int(NOW.timestamp())
START = UNTIL - 1800
"""Half an hour ago."""


def source(regions: RegionTree = TREE, fetch: Any = None, **fields: Any) -> PageSource[IodaSettings]:
    fields = {"placing": Placing(service="broadband"), "entity_type": "region", **fields}
    return ioda.make(IodaSettings(id="ioda", **fields), regions=regions, **({"fetch": fetch} if fetch else {}))


def event(location: str = "region/4437", name: str = "Vermont", drop: float = 60.0, **over: Any) -> dict[str, Any]:
    """An event that lasts, of a mean drop in per cent."""
    given = {"location": location, "start": START, "duration": UNTIL - START, "uncertainty": None, "method": "median",
             "datasource": "bgp", "status": 0, "fraction": None, "location_name": name, "overlaps_window": True, **over}
    return {"score": drop * given["duration"] / 60, **given}


def alert(level: str = "critical", at: int = START, value: Any = 40.0, **over: Any) -> dict[str, Any]:
    entity = {"code": "4437", "name": "Vermont", "type": "region", "attrs": {}}
    return {"datasource": "bgp", "entity": entity, "time": at, "level": level, "condition": "< 0.99", "value": value,
            "historyValue": 100.0, "method": "median", **over}


def envelope(*data: Any, of: str = "events", **over: Any) -> dict[str, Any]:
    asked = {"from": str(UNTIL - 86400), "until": str(UNTIL), "limit": 1000}
    return {"type": f"outages.{of}", "metadata": {}, "requestParameters": asked, "error": None, "perf": None,
            "data": list(data), "copyright": "", **over}


def read(body: Any, memory: Any = None, **fields: Any) -> Reading:
    return source(**fields).read(answer(body), memory or {}, NOW)


def test_an_event_that_lasts_to_the_end_of_the_window_is_open() -> None:
    (signal,) = read(envelope(event())).signals
    assert (signal.klass, signal.service, signal.region) == (SignalClass.MEASUREMENT, "broadband", "US-VT")
    assert (signal.level, signal.started_at.timestamp()) == (Level.MAJOR, START)
    assert signal.facts["drop"] == "60 % below normal"


def test_an_event_that_ended_before_is_over_whatever_overlaps_window_says() -> None:
    (signal,) = read(envelope(event(duration=1200))).signals
    assert signal.level == Level.OK


@pytest.mark.parametrize(
    ("drop", "level"),
    [
        pytest.param(1.0, Level.NOTICE, id="one per cent, which IODA calls critical, opens nothing"),
        pytest.param(9.9, Level.NOTICE, id="less than a tenth"),
        pytest.param(10.0, Level.MINOR, id="a tenth"),
        pytest.param(40.0, Level.MAJOR, id="two fifths"),
        pytest.param(100.0, Level.CRITICAL, id="all of it"),
        pytest.param(250.0, Level.CRITICAL, id="more than there is"),
    ],
)
def test_levels_by_the_mean_drop(drop: float, level: Level) -> None:
    assert [signal.level for signal in read(envelope(event(drop=drop))).signals] == [level]


def test_one_detector_of_one_entity_is_one_trouble_however_often_it_begins() -> None:
    again = event(start=UNTIL - 600, duration=600)
    reading = read(envelope(event(start=UNTIL - 7200, duration=3600), again))
    assert [signal.level for signal in reading.signals] == [Level.MAJOR]
    reversed_ = read(envelope(again, event(start=UNTIL - 7200, duration=3600)))
    assert reversed_.signals == reading.signals
    two = read(envelope(event(), event(datasource="ping-slash24")))
    assert len({signal.fingerprint for signal in two.signals}) == 2


def test_what_lasts_but_hardly_shows_any_more_stays_minor_until_it_is_over() -> None:
    first = read(envelope(event()))
    later = read(envelope(event(drop=2.0)), first.memory)
    assert [signal.level for signal in later.signals] == [Level.MINOR]
    assert read(envelope(), first.memory).complete


@pytest.mark.parametrize(
    ("fields", "one", "regions"),
    [
        pytest.param({"entity_type": "country"}, event("country/CA", "Canada"), ["CA"], id="a country by its code"),
        pytest.param({"entity_type": "country"}, event("country/XX", "United States"), ["US"],
                     id="a country by its name"),
        pytest.param({}, event("region/36", "Vermont"), ["US-VT"], id="IODA's 36 is not New York's"),
        pytest.param({}, event("region/36", "Atlantis"), [], id="a region we do not know"),
        pytest.param({"entity_type": "geoasn"}, event("geoasn/7922-4437", "COMCAST -- Vermont"), ["US-VT"],
                     id="a network in a region"),
        pytest.param({"entity_type": "geoasn"}, event("geoasn/7922-CA", "COMCAST -- Canada"), ["CA"],
                     id="a network in a country"),
        pytest.param({"entity_type": "asn", "placing": Placing(service="broadband", regions=("US-NY",))},
                     event("asn/7922", "AS7922 (COMCAST-7922)"), ["US-NY"], id="a network is where the settings say"),
        pytest.param({"entity_type": "asn", "placing": Placing(map=(
            Match(labels={"asn": "7922"}, service="sms", regions=("US-WV",)),))},
            event("asn/7922", "AS7922"), ["US-WV"], id="or where a rule on its number says"),
    ],
)
def test_places(fields: dict[str, Any], one: dict[str, Any], regions: list[str]) -> None:
    reading = read(envelope(one), **fields)
    assert [signal.region for signal in reading.signals] == regions
    assert bool(reading.unplaced) is not bool(regions)
    assert bool(reading.present)


def test_a_region_by_iodas_own_number_as_a_code_of_the_tree() -> None:
    regions = RegionTree({"hills": Region("hills", "The Hills", "area", codes=("IODA:4437",))})
    reading = source(regions).read(answer(envelope(event())), {}, NOW)
    assert [signal.region for signal in reading.signals] == ["hills"]


def test_alerts_are_put_together_to_runs() -> None:
    lasting = read(envelope(alert("warning", START, 80.0), alert("critical", START + 600, 30.0), of="alerts"))
    (signal,) = lasting.signals
    assert (signal.level, signal.started_at.timestamp()) == (Level.MAJOR, START)
    assert signal.facts["drop"] == "70 % below normal"
    over = read(envelope(alert(), alert("normal", START + 900, 99.0), of="alerts"), lasting.memory)
    assert [one.level for one in over.signals] == [Level.OK]
    assert over.signals[0].key == signal.key
    again = read(envelope(alert(), alert("normal", START + 900), alert(at=START + 1200), of="alerts"))
    assert [one.started_at.timestamp() for one in again.signals] == [START + 1200]


@pytest.mark.parametrize("over", [{"level": "pondering"}, {"value": None}, {"historyValue": 0}, {"value": "many"}])
def test_an_alert_of_unknown_depth_opens_nothing_and_ends_nothing(over: dict[str, Any]) -> None:
    assert [signal.level for signal in read(envelope(alert(**over), of="alerts")).signals] == [Level.NOTICE]
    before = read(envelope(alert(), of="alerts"))
    later = read(envelope(alert(**over), of="alerts"), before.memory)
    assert [signal.level for signal in later.signals] == [Level.MINOR]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(envelope(error="'from' timestamp must be set", data=None), "'from' timestamp", id="an error"),
        pytest.param(envelope(type="signals"), "type 'signals'", id="another answer"),
        pytest.param(envelope(data=None), "data is missing", id="no data"),
        pytest.param(envelope(requestParameters={"until": str(UNTIL - 7200)}), "ends now", id="two hours old"),
        pytest.param(envelope(requestParameters={"until": "soon"}), "ends now", id="no time at all"),
        pytest.param(envelope(event("country/US")), "asked for", id="about something else"),
        pytest.param(envelope(event(start=1.5)), "no time in seconds", id="half a second"),
        pytest.param(envelope(event(duration=True)), "no time in seconds", id="a duration that is none"),
        pytest.param(envelope(event(duration=-5)), "no time in seconds", id="a duration that runs back"),
        pytest.param(envelope({**event(), "score": None}), "no usable score", id="no score"),
        pytest.param(envelope(*[event()] * 1000), "1000 entries or more", id="as many as were asked for"),
        pytest.param(envelope(metadata={"requestTime": "2086-01-15T12:00:00+00:00"}), "ahead of ours", id="its clock"),
    ],
)
def test_what_says_nothing(body: Any, why: str) -> None:
    reading = read(body)
    assert not reading.known
    assert why in reading.why


def test_an_empty_list_is_complete_and_affirms_nothing() -> None:
    reading = read(envelope())
    assert (reading.known, reading.complete, reading.affirmed) == (True, True, False)


def test_it_is_asked_for_the_window_that_ends_now() -> None:
    asked: list[str] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer:
        asked.append(request.url)
        return answer(envelope())

    source(fetch=fetch, entities=("4437", "4417"), ignore=("merit-nt.*",)).fetch({}, NOW)
    parts = urlsplit(asked[0])
    assert parts.path == "/v2/outages/events"
    assert parse_qs(parts.query) == {
        "from": [str(UNTIL - 86400)], "until": [str(UNTIL)], "entityType": ["region"], "entityCode": ["4437,4417"],
        "limit": ["1000"], "extendWindow": ["1209600"], "ignoreMethods": ["merit-nt.*"]}
    source(fetch=fetch, report="alerts").fetch({}, NOW)
    assert "/outages/alerts?" in asked[1]


def test_levels_must_rise() -> None:
    with pytest.raises(ValidationError, match="rise"):
        IodaSettings(id="ioda", minor_from=50, major_from=40)
