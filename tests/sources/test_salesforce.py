"""Salesforce Trust: traps of the format, and all instances as captured."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from notifier.model.signal import Level
from notifier.ports import Answer, Reading, Source
from notifier.sources.pages import salesforce
from notifier.sources.pages.salesforce import SalesforceSettings
from notifier.sources.settings import Placing
from tests.shared_data import shared

from .support import NOW, answer, tree
from .vendors import vendor

TREE = tree()
PLACING = Placing(service="data", regions=("US-VT",))
OPEN: list[dict[str, Any]] = json.loads(vendor("salesforce").bodies["open"])
INCIDENT: dict[str, Any] = OPEN[1]["Incidents"][0]
IMPACT: dict[str, Any] = INCIDENT["IncidentImpacts"][0]


def source(placing: Placing = PLACING, **over: Any) -> Source:
    settings = SalesforceSettings.model_validate({"id": "sf", "placing": placing, **over})
    return salesforce.make(settings, regions=TREE)


def instance(key: str = "NA137", state: str = "OK", *incidents: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {**OPEN[0], "key": key, "status": state, "Incidents": list(incidents), **over}


def incident(*impacts: dict[str, Any], **over: Any) -> dict[str, Any]:
    return {**INCIDENT, "IncidentImpacts": list(impacts), **over}


def impact(**over: Any) -> dict[str, Any]:
    return {**IMPACT, **over}


def read(given: Any, memory: dict[str, str] | None = None, **over: Any) -> Reading:
    reading = source(**over).read(answer(given), memory or {}, NOW)
    assert reading.known, reading.why
    return reading


def levels(given: Any, memory: dict[str, str] | None = None, **over: Any) -> dict[str, Level]:
    return {signal.fingerprint: signal.level for signal in read(given, memory, **over).signals}


@pytest.mark.parametrize(
    ("impacts", "expected"),
    [
        pytest.param([impact(severity="minor")], Level.MINOR, id="minor"),
        pytest.param([impact(severity="major")], Level.MAJOR, id="major"),
        pytest.param([impact(severity="cosmic")], Level.CRITICAL, id="an unknown severity: the instance says"),
        pytest.param([], Level.CRITICAL, id="no impact yet: the instance says"),
        pytest.param([impact(endTime="2026-01-15T11:50:00Z")], Level.OK, id="its only impact has ended"),
        pytest.param([impact(endTime="2026-01-15T11:50:00Z"), impact(severity="minor")], Level.MINOR,
                     id="one of two impacts lasts"),
        pytest.param([impact(endTime="2026-01-15T12:50:00Z")], Level.MAJOR, id="an end ahead of us is none yet"),
        pytest.param([impact(endTime="?")], Level.MAJOR, id="an end that cannot be read is none"),
    ],
)
def test_levels(impacts: list[dict[str, Any]], expected: Level) -> None:
    given = [instance("NA137", "MAJOR_INCIDENT_CORE", incident(*impacts))]
    assert levels(given)["incident:20001234"] == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("OK", None),
        ("MAINTENANCE_NONCORE", Level.MAINTENANCE),
        ("MAINTENANCE_CORE", Level.MAINTENANCE),
        ("MINOR_INCIDENT_NONCORE", Level.MINOR),
        ("MINOR_INCIDENT_CORE", Level.MINOR),
        ("MAJOR_INCIDENT_NONCORE", Level.MAJOR),
        ("MAJOR_INCIDENT_CORE", Level.CRITICAL),
        ("PONDERING", Level.NOTICE),
    ],
)
def test_an_instance_speaks_by_itself_where_no_incident_does(state: str, expected: Level | None) -> None:
    assert levels([instance("NA137", state)]) == ({} if expected is None else {"component:NA137": expected})


def test_a_state_nobody_knows_yet_does_not_end_what_is_open() -> None:
    first = read([instance("NA137", "MAJOR_INCIDENT_CORE")])
    assert levels([instance("NA137", "PONDERING")], dict(first.memory)) == {"component:NA137": Level.MINOR}


def test_one_incident_told_under_each_instance_is_one() -> None:
    """Its places are those of all the instances it touches."""
    placing = Placing.model_validate({"service": "data", "map": [
        {"component": "NA137", "regions": ["US-VT"]}, {"component": "CAN2", "regions": ["CA"]},
    ]})
    told = incident(impact())
    given = [instance("NA137", "MAJOR_INCIDENT_CORE", told), instance("CAN2", "MAJOR_INCIDENT_CORE", told)]
    signals = source(placing).read(answer(given), {}, NOW).signals
    assert {(s.fingerprint, s.region) for s in signals} == {("incident:20001234", "US-VT"), ("incident:20001234", "CA")}


def test_only_the_instances_that_matter_are_looked_at() -> None:
    given = [instance("NA137"), instance("EU45", "MAJOR_INCIDENT_CORE", incident(impact()))]
    assert levels(given, instances=["NA137"]) == {}
    assert levels(given, instances=["NA137", "EU45"]) == {"incident:20001234": Level.MAJOR}


def test_an_instance_that_is_no_longer_listed_makes_the_answer_unknown() -> None:
    """Instances are renamed and merged: silence about ours is no health."""
    for given in ([instance("NA136")], [instance("NA136"), instance("NA137", isActive=False)]):
        reading = source(instances=["NA137"]).read(answer(given), {}, NOW)
        assert not reading.known
        assert "NA137" in reading.why
    assert not source().read(answer([]), {}, NOW).known


def test_the_answer_for_one_instance_is_read_too() -> None:
    assert levels(instance("NA137", "MAJOR_INCIDENT_CORE", incident(impact()))) == {"incident:20001234": Level.MAJOR}


def test_the_location_of_the_machines_is_a_name_to_place_by_and_no_code() -> None:
    placing = Placing.model_validate({"service": "data", "map": [{"group": "North America", "regions": ["US"]}]})
    reading = source(placing).read(answer([instance("NA137", "MINOR_INCIDENT_CORE")]), {}, NOW)
    assert [s.region for s in reading.signals] == ["US"]
    assert [s.region for s in read([instance("EU45", "MINOR_INCIDENT_CORE", location="EMEA")]).signals] == ["US-VT"]


def test_the_title_is_the_kind_of_its_impacts_in_words_and_events_are_kept() -> None:
    (signal,) = source().read(answer(vendor("salesforce").bodies["update"]), {}, NOW + timedelta(minutes=10)).signals
    assert signal.facts["title"] == "service disruption"
    assert signal.facts["workaround"] == "switch 3G off, calls work over Edge."
    assert signal.facts["restoration_at"] == "2026-01-15T14:30:00Z"
    assert signal.started_at.isoformat() == "2026-01-15T11:30:00+00:00"


def test_all_instances_as_captured_in_2020_have_one_incident() -> None:
    moment = datetime.fromisoformat("2020-07-29T20:00:00Z")
    given = shared("data/status/vendors/statuscheck/salesforce_incident.json").read_bytes()
    for instances in ((), ("NA137", "AP18")):
        reading = source(instances=instances).read(Answer(moment, 200, {}, given), {}, moment)
        (signal,) = reading.signals
        assert (signal.fingerprint, signal.level) == ("incident:5968", Level.MINOR)
        assert signal.facts["title"] == "performance degradation asynchronous processing subset"
        assert signal.started_at.isoformat() == "2020-07-29T16:08:00+00:00"
        assert (reading.complete, reading.affirmed) == (True, True)
    calm = source(instances=["AP18"]).read(Answer(moment, 200, {}, given), {}, moment)
    assert (calm.known, calm.signals, calm.affirmed) == (True, (), True)
