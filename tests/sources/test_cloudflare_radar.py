"""Cloudflare Radar: what is open, whose it is, where; what may never be widened."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level, SignalClass
from notifier.ports import Answer, Reading
from notifier.secret import Secret
from notifier.sources.page import PageSource
from notifier.sources.settings import Match, Placing
from notifier.sources.warnings import radar
from notifier.sources.warnings.radar import RadarSettings

from .support import NOW, answer, tree

TREE = tree()


def source(fetch: Any = None, **fields: Any) -> PageSource[RadarSettings]:
    fields.setdefault("placing", Placing(service="broadband", regions=("CA",)))
    return radar.make(RadarSettings(id="radar", **fields), regions=TREE, **({"fetch": fetch} if fetch else {}))


def outage(kind: str = "REGIONAL", scope: Any = "Vermont", **over: Any) -> dict[str, Any]:
    return {"id": "550", "dataSource": "ALL", "description": "Traffic dropped.", "startDate": "2026-01-15T11:00:00Z",
            "endDate": None, "locations": ["US"], "locationsDetails": [{"code": "US", "name": "United States"}],
            "asns": [], "asnsDetails": [], "eventType": "OUTAGE", "linkedUrl": None, "scope": scope,
            "outage": {"outageCause": "CABLE_CUT", "outageType": kind}, **over}


def listed(*annotations: Any, **over: Any) -> dict[str, Any]:
    return {"success": True, "errors": [], "result": {"annotations": list(annotations)}, **over}


def read(body: Any, memory: Any = None, **fields: Any) -> Reading:
    return source(**fields).read(answer(body), memory or {}, NOW)


def test_an_outage_is_open_until_it_has_an_end() -> None:
    (signal,) = read(listed(outage())).signals
    assert (signal.klass, signal.region, signal.level) == (SignalClass.MEASUREMENT, "US-VT", Level.MAJOR)
    assert signal.facts["cause"] == "cable cut"
    assert signal.started_at == datetime.fromisoformat("2026-01-15T11:00:00Z")
    for end, level in ((None, Level.MAJOR), ("", Level.MAJOR), ("2026-01-15T11:55:00Z", Level.OK),
                       ("2026-01-15T13:00:00Z", Level.MAJOR)):
        assert [s.level for s in read(listed(outage(endDate=end))).signals] == [level]
    open_ = {key: value for key, value in outage().items() if key != "endDate"}
    assert [s.level for s in read(listed(open_)).signals] == [Level.MAJOR]


@pytest.mark.parametrize(
    ("given", "regions"),
    [
        pytest.param(outage("NATIONWIDE", None), ["US"], id="nationwide is the country"),
        pytest.param(outage("NATIONWIDE", None, locations=["US", "CA"]), ["US", "CA"], id="of two countries"),
        pytest.param(outage(scope="Vermont, West Virginia"), ["US-VT", "US-WV"], id="two parts of a country"),
        pytest.param(outage(scope="Washington County, Vermont"), ["US-VT-023"], id="a county that exists twice"),
        pytest.param(outage(scope="Colima, Michoacán"), [], id="a part we do not know is not its country"),
        pytest.param(outage(scope="Ontario"), [], id="a part of another country"),
        pytest.param(outage(scope=None), [], id="regional, and it does not say where"),
        pytest.param(outage("NETWORK", None, asns=[7922]), [], id="a network no rule names is nobody else's"),
        pytest.param(outage("NATIONWIDE", None, asns=[7922]), ["US"], id="a nationwide one that lists its networks"),
    ],
)
def test_places(given: dict[str, Any], regions: list[str]) -> None:
    reading = read(listed(given))
    assert [signal.region for signal in reading.signals] == regions
    assert bool(reading.unplaced) is not bool(regions)
    assert "incident:550" in reading.present


@pytest.mark.parametrize(
    ("match", "given", "expected"),
    [
        pytest.param(Match(labels={"asn": "7922"}, regions=("US-NY",)), outage("NETWORK", None, asns=[701, 7922]),
                     [("broadband", "US-NY")], id="a rule on one of its networks"),
        pytest.param(Match(labels={"asn": "7922"}, service="sms"), outage("NETWORK", "Vermont", asns=[7922]),
                     [("sms", "US-VT")], id="which leaves the place to its scope"),
        pytest.param(Match(labels={"asn": "7922"}, service="sms"), outage("NETWORK", None, asns=[7922]),
                     [("sms", "US")], id="or to its country"),
        pytest.param(Match(labels={"asn": "922"}, regions=("US-NY",)), outage("NETWORK", None, asns=[7922]), [],
                     id="a number that is only part of it"),
        pytest.param(Match(location="*Colima*", regions=("US-MT",)), outage(scope="Colima"), [("broadband", "US-MT")],
                     id="a rule on its scope"),
        pytest.param(Match(labels={"cause": "CABLE_CUT"}, ignore=True), outage(), [], id="a rule that leaves it out"),
    ],
)
def test_rules(match: Match, given: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    reading = read(listed(given), placing=Placing(service="broadband", map=(match,)))
    assert [(signal.service, signal.region) for signal in reading.signals] == expected


def test_countries_that_are_not_in_our_tree_are_not_our_trouble() -> None:
    sudan = outage("NATIONWIDE", None, locations=["SD"])
    reading = read(listed(sudan, outage(id="551", locations=["SD"], asns=[15706])))
    assert (reading.known, reading.signals, reading.unplaced, reading.present) == (True, (), (), ())


@pytest.mark.parametrize("over", [{"eventType": "ANOMALY"}, {"eventType": "PONDERING"},
                                  {"outage": {"outageCause": "X", "outageType": "PONDERING"}}])
def test_what_is_no_outage_we_know_opens_nothing_and_ends_nothing(over: dict[str, Any]) -> None:
    assert [signal.level for signal in read(listed(outage(**over))).signals] == [Level.NOTICE]
    before = read(listed(outage()))
    later = read(listed(outage(**over)), before.memory)
    assert [signal.level for signal in later.signals] == [Level.MINOR]


def test_a_list_of_the_newest_ends_only_what_it_says_and_what_was_taken_back() -> None:
    before = read(listed(outage(), outage(id="549", startDate="2026-01-15T10:00:00Z")))
    assert not before.complete
    scrolled = read(listed(outage()), before.memory)
    assert scrolled.gone == (), "older than all that is listed: it has scrolled away"
    withdrawn = read(listed(outage(id="549", startDate="2026-01-15T10:00:00Z")), before.memory)
    assert withdrawn.gone == ("incident:550",)
    (signal,) = read(listed(outage())).signals
    assert signal.lasts_until is not None
    assert timedelta(days=1) < signal.lasts_until - NOW <= timedelta(days=2)


def test_an_end_that_has_no_place_any_more_ends_wherever_it_was_told() -> None:
    reading = read(listed(outage(scope="Atlantis", endDate="2026-01-15T11:55:00Z")))
    assert reading.gone == ("incident:550",)
    assert reading.unplaced == ()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param({"success": False, "errors": [{"code": 10000, "message": "Authentication error"}], "result": None},
                     "Authentication error", id="a token that is wrong"),
        pytest.param(listed(success=1), "no success", id="success that is not true"),
        pytest.param(listed(result={}), "annotations is missing", id="no annotations"),
        pytest.param(listed(outage(id=550)), "id of an annotation", id="an id that is a number"),
        pytest.param(listed(outage(endDate=True)), "endDate", id="an end that is no time"),
        pytest.param(listed(outage(startDate="soon")), "when it started", id="no start"),
        pytest.param(listed(outage(startDate="2026-01-17T00:00:00Z")), "ahead of ours", id="a clock two days ahead"),
        pytest.param(listed(outage(locations=[5])), "country codes", id="a country that is a number"),
        pytest.param(listed(outage(asns=["AS5"])), "network numbers", id="a network that is text"),
    ],
)
def test_what_says_nothing(body: Any, why: str) -> None:
    reading = read(body)
    assert not reading.known
    assert why in reading.why


def test_its_token_goes_into_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def fetch(request: Any, memory: Any, now: datetime) -> Answer:
        asked.append(request)
        return answer(listed())

    monkeypatch.setenv("NOTIFIER_TEST_RADAR", "t0ken")
    source(fetch, bearer=Secret(env="NOTIFIER_TEST_RADAR")).fetch({}, NOW)
    assert asked[0].headers["Authorization"] == "Bearer t0ken"
    assert asked[0].url.startswith("https://api.cloudflare.com/client/v4/radar/annotations/outages?dateRange=")
