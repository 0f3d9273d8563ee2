"""Vendors' real histories through whole deployments: every trouble that was ever public opens and closes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from notifier.model.incident import IncidentState
from tests.shared_data import shared
from tests.sources.recordings import github_polls, oci_polls

from .deployments import Played, play_polls, write
from .vendor import Account, account, history

ONE_REGION = "include: [{country: US, levels: []}]"
CLOUD = """
services:
  - {id: cloud, name: our cloud, words: [cloud]}
"""


def page(id: str, placing: str, *, path: str = "summary.json", every: str = "1m", freshness: str = "1h") -> str:
    """A sources.yaml with one Statuspage."""
    return (f"sources:\n  - {{id: {id}, kind: statuspage, url: 'https://status.example.net', path: /api/v2/{path}, "
            f"every: {every}, freshness: {freshness}, placing: {placing}}}\n")


def check(found: Account, capsys: pytest.CaptureFixture[str]) -> None:
    """Print the account, and hold what is true of every vendor."""
    with capsys.disabled():
        print(found)
    assert found.missed == []
    assert found.wrong == []
    assert found.unexplained == []
    assert found.opened + len(found.merged) == found.due


def play(tmp_path: Path, polls: Iterable[Mapping[str, Any]], **parts: str) -> Played:
    """Write a deployment of these parts and play the polls through it."""
    return play_polls(write(tmp_path, **parts), polls)


@pytest.mark.recordings
def test_github_every_trouble_since_2010_opens_and_closes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared("data/status/github")
    told = history(github_polls(folder, shown=10), whole=False)
    played = play(tmp_path, github_polls(folder, shown=10), regions=ONE_REGION, services=CLOUD,
                  sources=page("github", "{service: cloud, regions: [US]}", path="incidents.json"))
    found = account("GitHub 2010-2023", told, played)
    check(found, capsys)
    assert found.vendor == 1282
    assert found.due > 800
    assert found.closed == found.ours


def slug(text: str) -> str:
    """A region id from a name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


_ORACLE_TITLE = re.compile(r"\|\s*([^|]+?)\s*\|")


def oracle_places(polls: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """Oracle's regions, as titles name them ("Compute | UK South (London) | CN-1"), and the rules that find them in
    titles and in components of the same name."""
    names: set[str] = set()
    for poll in polls:
        for one in poll["body"]["incidents"]:
            if (named := _ORACLE_TITLE.search(one["name"])) and "Multiple" not in named[1] and "," not in named[1]:
                names.add(named[1])
    regions = "regions:\n  - {id: oracle, name: Oracle Cloud}\n" + "".join(
        f"  - {{id: o-{slug(name)}, name: '{name}', parent: oracle}}\n" for name in sorted(names))
    rules = [f"{{{key}: '{name}', regions: [o-{slug(name)}]}}" for name in sorted(names)
             for key in ("title", "component")]
    return regions, f"{{service: cloud, regions: [oracle], map: [{', '.join(rules)}]}}"


@pytest.mark.recordings
def test_oracle_every_trouble_on_the_page_opens_and_closes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    polls = list(oci_polls(shared("data/status/oci")))
    regions, placing = oracle_places(polls)
    played = play(tmp_path, polls, regions=regions, services=CLOUD, sources=page("oci", placing))
    found = account("Oracle Cloud, 602 snapshots 2020-2022", history(polls, whole=True), played)
    check(found, capsys)
    assert found.due > 100
    assert found.closed == found.ours


POWER = """
services:
  - {id: power, name: power, words: [power]}
"""


# ── answers as captured ──────────────────────────────────────────────────────────────────────────────────────────────

CAPTURED = "2020-07-17T00:00:00Z"
"""About when the three Statuspage answers were captured."""
EMPTY_PAGE = {"page": {"id": "p", "name": "P"}, "status": {"indicator": "none", "description": ""}, "components": [],
              "incidents": [], "scheduled_maintenances": []}


def poll(source: str, at: str, body: Any, *, status: int = 200) -> dict[str, Any]:
    """One recorded poll."""
    return {"fetched_at": at, "source": source, "status": status, "headers": {}, "body": body}


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        pytest.param("twilio_incident.json", 2, id="Twilio: two incidents, minor"),
        pytest.param("github_incident.json", 1, id="GitHub: one critical; what has impact none opens nothing"),
        pytest.param("cloudamqp_maintenance.json", 0, id="CloudAMQP: maintenance opens nothing"),
    ],
)
def test_statuspages_as_captured_open_while_listed_and_close_when_the_page_is_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, titles: int
) -> None:
    body = json.loads(shared(f"data/status/vendors/statuscheck/{name}").read_bytes())
    polls = [poll("page", CAPTURED, body), poll("page", "2020-07-17T00:10:00Z", body),
             poll("page", "2020-07-17T00:20:00Z", EMPTY_PAGE)]
    played = play(tmp_path, polls, regions=ONE_REGION, services=CLOUD,
                  sources=page("page", "{service: cloud, regions: [US]}"))
    evidence = {s.fingerprint for _, e in played.incidents for s in e if s.fingerprint.startswith("incident:")}
    with capsys.disabled():
        print(f"\n{name}: {[(i.id, i.state.value, sorted({s.why for s in e})[:3]) for i, e in played.incidents]}")
    assert len(evidence) == titles
    assert len(played.incidents) == (1 if titles else 0)
    for incident, _ in played.incidents:
        assert incident.state is IncidentState.RESOLVED
        assert incident.resolved_at is not None
        assert incident.resolved_at.isoformat() == "2020-07-17T00:21:01+00:00", "a minute after the page was well"


def test_other_vendors_formats_are_unknown_and_neither_open_nor_close_anything(tmp_path: Path) -> None:
    folder = shared("data/status/vendors")
    known = {"twilio_incident.json", "github_incident.json", "cloudamqp_maintenance.json"}
    trouble = json.loads((folder / "statuscheck" / "twilio_incident.json").read_bytes())
    others = [file for file in sorted(folder.rglob("*")) if file.suffix in (".json", ".bin") and file.name not in known]
    polls = [poll("page", CAPTURED, trouble)]
    polls += [poll("page", f"2020-07-17T00:{minute:02}:00Z", file.read_bytes().decode("utf-8", "surrogateescape"))
              for minute, file in enumerate(others, 1)]
    played = play(tmp_path, polls, regions=ONE_REGION, services=CLOUD,
                  sources=page("page", "{service: cloud, regions: [US]}"))
    assert len(others) >= 10
    ((incident, _),) = played.incidents
    assert incident.state.is_open, "what cannot be read is no all-clear"


def cap_sources(*rules: str) -> str:
    """A sources.yaml with one CAP source."""
    return ("sources:\n  - {id: cap, kind: cap, url: 'https://alerts.example.net/feed', every: 1m, freshness: 10m, "
            f"events: [{', '.join(rules)}], placing: {{service: power, find_regions: true, regions: [US]}}}}\n")


def test_weather_as_captured_opens_nothing(tmp_path: Path) -> None:
    """Every valid message of the samples, under rules that take weather as worth knowing, as config/ does."""
    files = [file for file in sorted(shared("data/cap").rglob("*")) if file.suffix in (".cap", ".xml")]
    polls = [poll("cap", f"2018-08-15T22:{minute:02}:00Z", file.read_bytes().decode("utf-8", "surrogateescape"))
             for minute, file in enumerate(files)]
    played = play(tmp_path, polls, regions="include: [{country: US, levels: [state, county]}]", services=POWER,
                  sources=cap_sources("{category: Met, level: notice}", "{event: Telephone Outage}"))
    assert len(files) >= 13
    assert played.incidents == ()


INFRASTRUCTURE = """<?xml version="1.0"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>{id}</identifier>
<sender>utility@example.net</sender><sent>{sent}</sent><status>Actual</status><msgType>{kind}</msgType>
<scope>Public</scope>{references}<info><category>Infra</category><event>Power Outage</event><urgency>Immediate</urgency>
<severity>Severe</severity><certainty>Observed</certainty><expires>2021-01-15T20:00:00-00:00</expires>
<area><areaDesc>Chittenden County</areaDesc><geocode><valueName>SAME</valueName><value>050007</value></geocode></area>
</info></alert>"""


def alert(id: str, kind: str, sent: str, refers_to: str = "") -> str:
    """An infrastructure alert for Chittenden County, Vermont."""
    references = f"<references>utility@example.net,{refers_to}</references>" if refers_to else ""
    return INFRASTRUCTURE.format(id=id, kind=kind, sent=sent, references=references)


def test_an_infrastructure_alert_opens_in_its_county_and_its_cancellation_closes(tmp_path: Path) -> None:
    first = "2021-01-15T12:00:00-00:00"
    polls = [
        poll("cap", "2021-01-15T12:00:10Z", alert("A1", "Alert", first)),
        poll("cap", "2021-01-15T12:05:00Z", alert("A2", "Update", "2021-01-15T12:04:00-00:00", f"A1,{first}")),
        poll("cap", "2021-01-15T12:09:00Z", alert("A2", "Update", "2021-01-15T12:04:00-00:00", f"A1,{first}")),
        poll("cap", "2021-01-15T12:15:00Z", alert("A3", "Cancel", "2021-01-15T12:14:00-00:00", f"A1,{first}")),
    ]
    played = play(tmp_path, polls, regions="include: [{country: US, levels: [state, county]}]", services=POWER,
                  sources=cap_sources())
    ((incident, evidence),) = played.incidents
    assert incident.regions == ("US-VT-007",)
    assert incident.opened_at.isoformat() == "2021-01-15T12:00:11+00:00"
    assert incident.resolved_at is not None
    assert incident.resolved_at.isoformat() == "2021-01-15T12:16:01+00:00"
    assert len({s.fingerprint for s in evidence}) == 1, "one alert, however often it is revised"
