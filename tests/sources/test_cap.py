"""CAP: what counts and how much, where; infos and areas; signed, spoilt and captured messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer
from notifier.sources.geometry import centroid, inside
from notifier.sources.settings import Match, Placing
from notifier.sources.warnings.alert_places import spellings
from notifier.sources.warnings.alerting import EventRule
from notifier.sources.warnings.cap import polygon_of
from tests.shared_data import shared

from .cap_messages import cap, feed, infos, message, read, source, updated
from .examples import CAP
from .support import NOW


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
        pytest.param("<areaDesc>x</areaDesc><polygon>42,-83.2 42.2,-83 42,-82.8</polygon>", ["CA-ESSEX"],
                     id="a polygon nobody closed"),
        pytest.param("<areaDesc>x</areaDesc><polygon>40,-90 40,-80 45,-80 45,-90 40,-90</polygon>", ["CA-ESSEX"],
                     id="a polygon around the region"),
        pytest.param("<areaDesc>x</areaDesc><circle>42.1,-83.1 0</circle>", ["CA-ESSEX"], id="a point"),
        pytest.param("<areaDesc>x</areaDesc><circle>44.5,-83 300</circle>", ["CA-ESSEX"],
                     id="a circle that reaches the region's middle"),
        pytest.param("<areaDesc>x</areaDesc><circle>43.3,-82 40</circle>", ["CA-ESSEX"],
                     id="a circle that touches the nearest region"),
        pytest.param(
            "<areaDesc>Ontario</areaDesc><geocode><valueName>ZIP</valueName><value>05007</value></geocode>",
            ["CA-ON"],
            id="a postcode that reads like a county's code",
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
    assert spellings("ZIP", "50007") == ("ZIP:50007",), "a postcode that reads like a county's code"


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
    assert len(reading.unplaced) == 2, "of the 240 entries, two are of counties of New York that our tree lacks"
    assert all("Tioga" in one or "St. Lawrence" in one for one in reading.unplaced)


# ── Infos, languages, areas ──────────────────────────────────────────────────────────────────────────────────────────


def test_infos_of_one_language_speak_of_different_areas() -> None:
    said = infos(("Vermont", "<responseType>AllClear</responseType>"), ("Ontario", ""), ("Atlantis", ""))
    french = said.replace("en-CA", "fr-CA").replace("Severe", "Extreme")
    reading = read(message("A1", info=said + french))
    assert {(s.region, s.level) for s in reading.signals} == {("US-VT", Level.OK), ("CA-ON", Level.MAJOR)}
    assert "Atlantis" in reading.unplaced[0]
    body = message("A1", info=said + french)
    assert {s.level for s in read(body, language="fr").signals} == {Level.OK, Level.CRITICAL}
    assert len(read(body, language="de").signals) == 2, "else the first language"


def test_for_one_place_the_worst_counts() -> None:
    both = [("Vermont", "<responseType>AllClear</responseType>"), ("Vermont", "")]
    for areas in (both, both[::-1]):
        assert [s.level for s in read(message("A1", info=infos(*areas))).signals] == [Level.MAJOR]


def test_several_areas_are_several_places() -> None:
    start, end = CAP.index("<area>"), CAP.index("</info>")
    more = "<area><areaDesc>Ontario</areaDesc></area><area><areaDesc>US-NY</areaDesc></area>"
    reading = read(CAP[:end] + more + CAP[end:])
    assert start < end
    assert [s.region for s in reading.signals] == ["CA-ON", "US-NY", "US-VT-007"]


def test_a_place_we_do_not_know_is_not_the_default() -> None:
    reading = read(message("A1", area="Atlantis"), placing=Placing(service="power", regions=("US",)))
    assert reading.signals == ()
    assert "Atlantis" in reading.unplaced[0]
    nowhere = message("A1", info="<info><category>Infra</category><event>Outage</event></info>")
    assert [s.region for s in read(nowhere, placing=Placing(service="power", regions=("US",))).signals] == ["US"]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        pytest.param(Match(location="Feeder*", regions=("US-NY",)), ["US-NY"], id="a rule on the area's name"),
        pytest.param(Match(labels={"Cause": "tree"}, regions=("US-NY",)), ["US-NY"], id="a rule on a parameter"),
        pytest.param(Match(location="Feeder*", ignore=True), [], id="a rule that leaves it out"),
    ],
)
def test_rules_of_placing_come_first(match: Match, expected: list[str]) -> None:
    parameter = "<parameter><valueName>Cause</valueName><value>a tree</value></parameter>"
    body = message("A1", area="Feeder 12").replace("<area>", parameter + "<area>")
    reading = read(body, placing=Placing(service="power", map=(match,)))
    assert [s.region for s in reading.signals] == expected
    assert reading.unplaced == ()


def test_without_an_end_it_goes_quiet_by_itself_unless_the_feed_lists_all() -> None:
    (signal,) = read(message("A1")).signals
    assert signal.lasts_until == datetime.fromisoformat("2026-01-16T11:50:00Z")
    (listed,) = read(feed(message("A1")), lists_all_active=True).signals
    assert listed.lasts_until is None


# ── Signed, foreign, spoilt ──────────────────────────────────────────────────────────────────────────────────────────

SIGNATURE = (
    '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/><ds:Object>'
    "<status>Test</status><identifier>X</identifier></ds:Object></ds:Signature>"
)


@pytest.mark.parametrize("at", ["<identifier>", "<status>", "<info>", "</alert>"])
def test_a_signature_disturbs_nothing_wherever_it_stands(at: str) -> None:
    signed = cap((at, SIGNATURE + at))
    assert read(signed) == read(CAP)


def test_elements_of_other_namespaces_do_not_speak_for_cap() -> None:
    foreign = '<x:status xmlns:x="urn:x">Test</x:status><x:msgType xmlns:x="urn:x">Cancel</x:msgType>'
    assert read(cap(("<status>", foreign + "<status>"))) == read(CAP)


def test_a_feed_that_only_links_to_alerts_says_nothing() -> None:
    link = "<entry><id>e</id><title>Power Outage</title><link href='https://a.example/1.cap'/></entry>"
    empty = feed()
    assert read(empty, lists_all_active=True).complete
    only = read(empty.replace("</feed>", link + "</feed>"), lists_all_active=True)
    assert not only.known
    mixed = read(feed(message("A1")).replace("</feed>", link + "</feed>"), lists_all_active=True)
    assert not mixed.complete
    assert "1 entries" in mixed.why


def test_the_weather_service_says_in_an_entry_that_nothing_is_in_force() -> None:
    none = "<entry><id>e</id><title>There are no active watches, warnings or advisories</title></entry>"
    reading = read(feed().replace("</feed>", none + "</feed>"), lists_all_active=True)
    assert (reading.known, reading.complete, reading.signals) == (True, True, ())


def spoilt(text: str) -> Iterator[tuple[str, str]]:
    """Copies in which one element is gone, empty, doubled, or says something nobody knows yet."""
    for found in re.finditer(r"<(\w+)>([^<]*)</\1>", text):
        head, tail, name = text[: found.start()], text[found.end() :], found[1]
        yield f"no {name}", head + tail
        yield f"empty {name}", f"{head}<{name}/>{tail}"
        yield f"double {name}", head + found[0] + found[0] + tail
        yield f"number {name}", f"{head}<{name}>-1</{name}>{tail}"
        if found[2].isalpha():
            yield f"future {name}", f"{head}<{name}>Pondering</{name}>{tail}"


def test_no_spoilt_element_ends_or_moves_what_is_open() -> None:
    """But for what rightly changes it: another county's code, another identity, and what says that it is over."""
    good = read(CAP)
    (signal,) = good.signals
    assert signal.level.is_trouble
    for done, body in spoilt(CAP):
        reading = read(body, good.memory, now=NOW + timedelta(minutes=1))
        assert not reading.gone, done
        if reading.known and signal.fingerprint not in reading.present:
            moved = {(s.region, s.level.is_trouble) for s in reading.signals}
            assert moved <= {(signal.region, True)}, done
