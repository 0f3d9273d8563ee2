"""Real posts through the example deployment, as an outsider runs it: `notifier replay` over recordings written here."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.config import load
from tests.shared_data import shared

CONFIG = Path(__file__).resolve().parents[2] / "config"
T6 = "data/mentions/crisislex_t6_60k.jsonl.gz"
SANDY = "2012_Sandy_Hurricane"


def posts_of(event: str) -> Iterator[Mapping[str, Any]]:
    """The posts of one event, as the recording format keeps them. The data knows neither authors nor places."""
    with gzip.open(shared(T6), "rt", encoding="utf-8") as lines:
        for line in lines:
            post = json.loads(line)
            if post["event"] == event:
                yield {"id": post["id"], "created_at": post["created_at"], "network": "x", "text": post["text"]}


def record(folder: Path, event: str) -> Path:
    """Write a recording of one event."""
    folder.mkdir()
    with gzip.open(folder / "mentions.jsonl.gz", "wt", encoding="utf-8") as out:
        for post in posts_of(event):
            out.write(json.dumps(post) + "\n")
    return folder


def replay(config: Path, recording: Path) -> dict[str, Any]:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "notifier.cli.main", "replay", "--config", str(config), "--recording", str(recording),
         "--approve", "auto", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout))


def show(event: str, report: Mapping[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Print what opened, and what for."""
    with capsys.disabled():
        print(f"\n{event}: {report['counts']}; {len(report['incidents'])} incidents")
        for incident in report["incidents"]:
            print(f"  {incident['service']} in {', '.join(incident['regions'])}, {incident['opened_at']} to "
                  f"{incident['resolved_at']}: {incident['state']}")
            for evidence in incident["evidence"][:3]:
                print(f"    {evidence['region']} {evidence['score']:.2f} {evidence['why']}")


def at(text: str) -> datetime:
    """A time of the report."""
    return datetime.fromisoformat(text)


@pytest.mark.recordings
def test_sandy_opens_a_power_incident_in_the_north_east_on_the_night_it_struck(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sandy came ashore at 00:00 UTC on 30 October. 10,008 posts of three days hold some 130 complaints about power."""
    report = replay(CONFIG, record(tmp_path / "recording", SANDY))
    show(SANDY, report, capsys)
    tree = load(CONFIG).regions
    ours = set(tree.within("us-northeast"))
    power = [one for one in report["incidents"] if one["service"] == "power"]
    assert power
    first = at(power[0]["opened_at"])
    assert datetime(2012, 10, 29, tzinfo=UTC) <= first < datetime(2012, 10, 31, tzinfo=UTC)
    assert first >= datetime(2012, 10, 29, 12, tzinfo=UTC), "until then it is talk of the storm"
    assert {region for one in power for region in one["regions"]} <= ours
    assert [one for one in report["incidents"] if one["service"] != "power"] == []
    told = [n for n in report["notices"] if n["incident"] == power[0]["id"] and n["stage"] == "acknowledge"]
    assert told
    assert at(told[0]["at"]) - first <= timedelta(minutes=6)


OTHERS = [
    pytest.param("2013_Queensland_Floods", id="Queensland floods: power was out, but not in our territory",
                 marks=pytest.mark.long),
    pytest.param("2013_Alberta_Floods", id="Alberta floods: Calgary without power, mostly news told on; not ours",
                 marks=pytest.mark.long),
    pytest.param("2013_Boston_Bombings", id="Boston: three posts in half an hour say that phones fail; too few"),
    pytest.param("2013_West_Texas_Explosion", id="West, Texas: nobody says that anything of ours fails",
                 marks=pytest.mark.long),
    pytest.param("2013_Oklahoma_Tornado", id="Oklahoma tornado: five posts in ten days about power; not ours",
                 marks=pytest.mark.long),
]
"""Judged by eye, by reading the posts of each event that speak of power, phones, calls or signal. In Boston, which is
ours, "No cell phone service downtown" (15 April, 19:45 UTC), "the phone lines are barely working" and "Can't call" are
all there is among 10,012 posts: fewer than five people, so nothing may open. In Queensland and Alberta power did fail
for tens of thousands; an operator of the north-eastern United States must not tell its customers so, although hardly
any post names its place. So: nothing opens. (With AU-QLD as `home_region` nothing opened either when this was written:
63 complaints in six days, hardly ever five people close together, are what this thin sample holds of that disaster.)"""


@pytest.mark.recordings
@pytest.mark.parametrize("event", OTHERS)
def test_the_other_disasters_open_nothing_in_the_north_east(
    event: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = replay(CONFIG, record(tmp_path / "recording", event))
    show(event, report, capsys)
    assert report["counts"]["mentions"] > 9_000
    assert report["incidents"] == []
    assert report["notices"] == []
