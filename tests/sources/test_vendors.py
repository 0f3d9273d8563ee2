"""Every vendor's answers through the whole daemon: the right incident opens, lasts through updates, and closes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from notifier.config.registry import SOURCES
from notifier.model.incident import IncidentState
from notifier.model.times import parse_rfc3339, rfc3339
from tests.replay.deployments import Played, play_polls, write

from .vendors import Vendor, vendors

REGIONS = """
include: [{country: US, levels: [state]}, {country: CA, levels: [state]}]
regions:
  - id: US-VT-007
    name: Chittenden County
    parent: US-VT
    codes: ["UGC:VTC007", "SAME:050007", "FIPS:50007"]
    polygon: [[44.2, -73.4], [44.2, -72.8], [44.7, -72.8], [44.7, -73.4], [44.2, -73.4]]
  - {id: VT-BTV, name: Burlington, parent: US-VT-007}
"""
SERVICES = """
services:
  - {id: data, name: mobile data, words: [data]}
  - {id: power, name: power, words: [power]}
  - {id: broadband, name: broadband, words: [internet]}
"""
POLICIES = """
policies:
  - id: all
    suspect: [{official: 0}, {measurement: 0}]
    confirm: [{official: 0}, {measurement: 0}]
    notices:
      acknowledge: {release: auto, valid_for: 1h}
      update: {release: auto, valid_for: 1h}
      resolve: {release: auto, valid_for: 1h}
    clear_after: 1m
    hold_down: 1s
"""
AT = {"open": "12:00", "update": "12:10", "resolve": "12:40", "empty": "13:00"}
each = pytest.mark.parametrize("vendor", vendors(), ids=lambda one: one.name)


def play(folder: Path, vendor: Vendor, steps: Iterable[str]) -> Played:
    """Play steps of a vendor, each at its hour of 15 January 2026, through a deployment with this one source."""
    write(folder, regions=REGIONS, services=SERVICES, sources=yaml.safe_dump({"sources": [vendor.about["source"]]}))
    (folder / "policies.yaml").write_text(dedent(POLICIES), "utf-8")
    source = vendor.about["source"]["id"]
    polls = [{"fetched_at": f"2026-01-15T{at}:00Z", "source": source, "status": 200, "headers": {},
              "body": vendor.bodies[step].decode("utf-8", "surrogateescape")}
             for step, at in ((step.partition("@")[0], step.partition("@")[2] or AT[step]) for step in steps)]
    return play_polls(folder, polls)


@each
def test_opens_the_right_incident_updates_it_and_closes_it(vendor: Vendor, tmp_path: Path) -> None:
    """What is empty before and after opens nothing; one trouble is one incident; its end closes it."""
    played = play(tmp_path, vendor, ["empty@11:50", "open", "update", "resolve", "empty"])
    expected = vendor.about["expect"]
    ((incident, evidence),) = played.incidents
    assert incident.service == expected["service"]
    assert list(incident.regions) == expected["regions"]
    assert incident.opened_at == parse_rfc3339("2026-01-15T12:00:01Z")
    assert incident.level.name.lower() == expected["level"]
    if "started_at" in expected:
        assert rfc3339(incident.started_at) == rfc3339(expected["started_at"])
    assert len({signal.fingerprint for signal in evidence}) == expected.get("fingerprints", 1)
    assert incident.state is IncidentState.RESOLVED
    assert incident.resolved_at is not None
    assert parse_rfc3339("2026-01-15T12:40:00Z") < incident.resolved_at <= parse_rfc3339("2026-01-15T12:45:00Z")


@each
def test_stays_open_until_its_end_is_told(vendor: Vendor, tmp_path: Path) -> None:
    """An update is no end; and an empty answer is one only where the vendor lists everything that is open."""
    played = play(tmp_path, vendor, ["open", "update"])
    ((incident, _),) = played.incidents
    still_open = vendor.about["expect"].get("runs_out", False) is False
    assert incident.state.is_open is still_open


@each
def test_an_empty_answer_closes_what_the_vendor_no_longer_lists(vendor: Vendor, tmp_path: Path) -> None:
    """`expect.empty` says which: `closes` where the vendor lists everything open, `says nothing` elsewhere."""
    played = play(tmp_path, vendor, ["open", "empty@12:20", "empty@12:30"])
    ((incident, _),) = played.incidents
    closes = vendor.about["expect"].get("empty", "closes") == "closes"
    runs_out = bool(vendor.about["expect"].get("runs_out", False))
    assert incident.state.is_open is not (closes or runs_out)


@each
def test_says_where_its_answers_come_from(vendor: Vendor) -> None:
    assert vendor.about["answers"] in ("recorded", "hand-made")
    assert vendor.about["after"]


def test_every_kind_of_source_has_its_answers() -> None:
    missing = SOURCES.keys() - {vendor.about["source"]["kind"] for vendor in vendors()}
    assert not missing
