"""CAP and NWS: chains of messages, what counts, where; messages as captured."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Reading
from notifier.sources import cap as cap_source
from notifier.sources import nws as nws_source
from notifier.sources.alert_places import centroid, inside, spellings
from notifier.sources.alerting import EventRule
from notifier.sources.cap import CapSettings, polygon_of
from notifier.sources.nws import NwsSettings
from notifier.sources.page import PageSource
from notifier.sources.settings import Placing
from tests.shared_data import shared

from .examples import CAP, NWS
from .support import NOW, answer, tree

TREE = tree()
POWER = Placing(service="power")


def source(**fields: Any) -> PageSource[CapSettings]:
    fields.setdefault("placing", POWER)
    return cap_source.make(CapSettings(id="cap", url="https://alerts.example", **fields), regions=TREE)


def read(body: str | bytes, memory: Any = None, now: datetime = NOW, **fields: Any) -> Reading:
    return source(**fields).read(answer(body), memory or {}, now)


def cap(*changes: tuple[str, str]) -> str:
    text = CAP
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def updated(kind: str, identifier: str, *refers_to: str) -> str:
    references = " ".join(f"utility@example,{one},2026-01-15T11:50:00-00:00" for one in refers_to)
    return cap(
        ("<identifier>A1<", f"<identifier>{identifier}<"),
        ("<msgType>Alert<", f"<msgType>{kind}<"),
        ("</scope>", f"</scope><references>{references}</references>"),
        ("T11:50:00-00:00</sent>", "T11:55:00-00:00</sent>"),
    )


def test_an_alert_is_told_where_its_codes_say_until_it_expires() -> None:
    (signal,) = read(CAP).signals
    assert (signal.service, signal.region, signal.level) == ("power", "US-VT-007", Level.MAJOR)
    assert signal.lasts_until == datetime.fromisoformat("2026-01-15T18:00:00Z")
    assert read(CAP, now=NOW + timedelta(hours=7)).signals == ()


@pytest.mark.parametrize(
    ("change", "level"),
    [
        pytest.param(("Actual", "Exercise"), None, id="an exercise is not real"),
        pytest.param(("Actual", "Test"), None, id="a test is not real"),
        pytest.param(("<scope>Public<", "<scope>Private<"), None, id="a private message is not for the public"),
        pytest.param(("<msgType>Alert<", "<msgType>Ack<"), None, id="an acknowledgement says nothing"),
        pytest.param(("Infra", "Met"), None, id="weather that no rule names"),
        pytest.param(("Severe", "Minor"), Level.MINOR, id="a minor outage is an outage"),
        pytest.param(("Severe", "Extreme"), Level.CRITICAL, id="extreme"),
        pytest.param(("Observed", "Possible"), Level.NOTICE, id="what may happen opens nothing"),
        pytest.param(("Immediate", "Future"), Level.NOTICE, id="what will happen opens nothing"),
        pytest.param(("Immediate", "Past"), Level.OK, id="what is past is over"),
        pytest.param(
            ("<urgency>", "<responseType>AllClear</responseType><urgency>"), Level.OK, id="the all-clear is over"
        ),
        pytest.param(
            ("<expires>", "<onset>2026-01-15T14:00:00-00:00</onset><expires>"), Level.NOTICE, id="it begins later"
        ),
    ],
)
def test_what_counts_and_how_much(change: tuple[str, str], level: Level | None) -> None:
    reading = read(cap(change))
    assert reading.known
    assert [signal.level for signal in reading.signals] == ([] if level is None else [level])


def test_updates_and_the_cancellation_are_the_same_trouble() -> None:
    first = read(CAP)
    second = read(updated("Update", "A2", "A1"), first.memory)
    third = read(updated("Update", "A3", "A2"), second.memory)
    last = read(updated("Cancel", "A4", "A3"), third.memory)
    assert len({r.signals[0].key for r in (first, second, third, last)}) == 1
    assert last.signals[0].level == Level.OK


def test_rules_say_which_event_speaks_of_which_service() -> None:
    rules = (EventRule(event="power*", service="power", level="critical"), EventRule(category="Met", level="notice"))
    (signal,) = read(CAP, events=rules).signals
    assert signal.level == Level.CRITICAL
    storm = cap(("Infra", "Met"), ("Power Outage", "Ice Storm Warning"))
    (signal,) = read(storm, events=rules).signals
    assert signal.level == Level.NOTICE


@pytest.mark.parametrize(
    ("area", "regions"),
    [
        pytest.param(
            "<areaDesc>x</areaDesc><geocode><valueName>FIPS6</valueName><value>050007</value></geocode>",
            ["US-VT-007"],
            id="FIPS6 is SAME",
        ),
        pytest.param(
            "<areaDesc>x</areaDesc><geocode><valueName>UGC</valueName><value>VTC023</value></geocode>",
            ["US-VT-023"],
            id="UGC",
        ),
        pytest.param(
            "<areaDesc>x</areaDesc><geocode><valueName>SAME</valueName><value>050000</value></geocode>",
            ["US-VT"],
            id="county 000 is the whole state",
        ),
        pytest.param(
            "<areaDesc>Washington County</areaDesc><geocode><valueName>SAME</valueName><value>050999</value></geocode>",
            ["US-VT-023"],
            id="an unknown code of a state we know, and a name in it that exists in two",
        ),
        pytest.param(
            "<areaDesc>Burlington</areaDesc><geocode><valueName>SAME</valueName><value>048113</value></geocode>",
            [],
            id="codes elsewhere and a name that happens to be one of ours",
        ),
        pytest.param(
            "<areaDesc>Dallas</areaDesc><geocode><valueName>SAME</valueName><value>048113</value></geocode>",
            [],
            id="codes of places we do not serve",
        ),
        pytest.param(
            "<areaDesc>x</areaDesc><polygon>42,-83.2 42.2,-83 42,-82.8 42,-83.2</polygon>", ["CA-ESSEX"], id="a polygon"
        ),
        pytest.param("<areaDesc>Ontario; Vermont</areaDesc>", ["CA-ON", "US-VT"], id="names"),
    ],
)
def test_places(area: str, regions: list[str]) -> None:
    start, end = CAP.index("<area>"), CAP.index("</area>")
    reading = read(CAP[:start] + "<area>" + area + CAP[end:])
    assert sorted(signal.region for signal in reading.signals) == regions
    assert reading.unplaced == ()


def test_a_place_nobody_knows_is_reported() -> None:
    start, end = CAP.index("<area>"), CAP.index("</area>")
    reading = read(CAP[:start] + "<area><areaDesc>Atlantis</areaDesc>" + CAP[end:])
    assert reading.signals == ()
    assert "Atlantis" in reading.unplaced[0]


def test_a_feed_with_whole_alerts_inside_is_complete_only_where_set() -> None:
    inner = CAP.partition("?>")[2]
    feed = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><id>e</id>'
        f'<content type="text/xml">{inner}</content></entry></feed>'
    )
    assert len(read(feed).signals) == 1
    assert not read(feed).complete
    assert read(feed, lists_all_active=True).complete
    assert not read(CAP, lists_all_active=True).complete, "one alert is not all of them"


def test_small_parts() -> None:
    assert polygon_of("1,2 3,4 1,2") == ((1, 2), (3, 4), (1, 2))
    assert polygon_of("1,2 91,4") == ()
    assert polygon_of("1,2,3") == ()
    assert polygon_of("nan,2") == ()
    assert centroid(()) is None
    assert inside((1, 1), ((0, 0), (0, 2), (2, 2), (2, 0), (0, 0)))
    assert not inside((3, 1), ((0, 0), (0, 2), (2, 2), (2, 0), (0, 0)))
    assert "SAME:050007" in spellings("FIPS", "50007")


def test_messages_as_captured_are_read_or_refused_with_a_reason() -> None:
    refused: dict[str, str] = {}
    for file in sorted(shared("data/cap/google-cap-library").iterdir()):
        reading = read(file.read_bytes(), events=(EventRule(event="*", service="power"),))
        if not reading.known:
            refused[file.name] = reading.why
    assert set(refused) == {"testdata__invalid.cap", "testdata__xee.cap"}
    assert "scope" in refused["testdata__invalid.cap"]
    assert "document type" in refused["testdata__xee.cap"]


def test_a_captured_flood_watch_lands_in_its_county() -> None:
    body = shared("data/cap/google-cap-library/testdata__weather.cap").read_bytes()
    at = datetime.fromisoformat("2010-08-30T11:00:00Z")
    reading = source(events=(EventRule(event="Flash Flood*", service="power"),)).read(Answer(at, 200, {}, body), {}, at)
    assert [(s.region, s.level) for s in reading.signals] == [("US-MT-049", Level.NOTICE)]


def test_the_captured_nws_index_is_read_entry_by_entry() -> None:
    body = shared("data/cap/ibm-cap/nws_atom_feed_example.xml").read_bytes()
    at = datetime.fromisoformat("2018-08-15T22:57:00Z")
    rules = (EventRule(event="*Warning", service="power"),)
    reading = source(events=rules).read(Answer(at, 200, {}, body), {}, at)
    assert reading.known
    assert not reading.unplaced, "coded places outside our tree are not our trouble"


def nws(**fields: Any) -> PageSource[NwsSettings]:
    return nws_source.make(NwsSettings(id="nws", placing=POWER, **fields), regions=TREE)


def test_nws_lists_all_that_is_in_force_unless_there_is_another_page() -> None:
    assert nws().read(answer(NWS), {}, NOW).complete
    paged = {**NWS, "pagination": {"next": "https://api.weather.gov/alerts?cursor=x"}}
    assert not nws().read(answer(paged), {}, NOW).complete
    empty = nws().read(answer({**NWS, "features": []}), {}, NOW)
    assert (empty.known, empty.complete, empty.signals) == (True, True, ())


def test_nws_chain_by_references() -> None:
    feature = json.loads(json.dumps(NWS["features"][0]))
    first = nws().read(answer(NWS), {}, NOW)
    feature["properties"] |= {
        "id": "urn:oid:2",
        "messageType": "Update",
        "references": [{"identifier": "urn:oid:1", "sent": "2026-01-15T11:50:00+00:00"}],
    }
    second = nws().read(answer({**NWS, "features": [feature]}), {}, NOW)
    assert second.signals[0].key == first.signals[0].key


def test_nws_as_captured() -> None:
    body = shared("data/cap/nws_alerts_sample.json").read_bytes()
    at = datetime.fromisoformat("2017-12-05T23:30:00Z")
    reading = nws(events=(EventRule(event="Special Weather*"),)).read(Answer(at, 200, {}, body), {}, at)
    assert reading.known, reading.why
    assert reading.signals == (), "New Mexico is not in our tree"
    assert reading.unplaced == ()


def test_nws_is_asked_for_geojson() -> None:
    asked: list[Any] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer:
        asked.append(request)
        return answer(NWS)

    nws_source.make(NwsSettings(id="nws"), regions=TREE, fetch=fetch).fetch({}, NOW)
    assert asked[0].headers["Accept"] == "application/geo+json"
