"""Replay: the same answer twice, nothing from the future, and the Vermont morning as promised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from notifier.cli.main import main
from notifier.clock import SystemClock
from notifier.config import load
from notifier.demo.people import SUBSCRIBERS
from notifier.demo.report import _fifth
from notifier.demo.vermont import SHIPPED
from notifier.model.mention import Mention
from notifier.replay.engine import Approver
from notifier.replay.recorder import Recorder
from notifier.replay.recording import read_recording
from notifier.replay.run import replay

CONFIG = Path(__file__).resolve().parents[2] / "config"


def run_anew(*options: str) -> str:
    command = ["replay", "--config", str(CONFIG), "--recording", str(SHIPPED), "--json", *options]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    return result.stdout


@cache
def run(*options: str) -> str:
    """The same, once for all tests of these options."""
    return run_anew(*options)


@pytest.fixture(scope="module")
def unattended() -> dict[str, Any]:
    return dict(json.loads(run("--approve", "never")))


@pytest.fixture(scope="module")
def attended_bytes() -> str:
    return run("--approve", "auto")


@pytest.fixture(scope="module")
def attended(attended_bytes: str) -> dict[str, Any]:
    return dict(json.loads(attended_bytes))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_the_same_recording_gives_the_same_bytes() -> None:
    assert run_anew("--approve", "after=5m") == run("--approve", "after=5m")


@pytest.mark.parametrize("seed", ["0", "4711"])
def test_another_process_with_another_hash_seed_gives_the_same_bytes(seed: str, attended_bytes: str) -> None:
    command = [sys.executable, "-m", "notifier.cli.main", "replay", "--config", str(CONFIG), "--recording",
               str(SHIPPED), "--approve", "auto", "--json"]
    done = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
    assert done.stdout.decode() == attended_bytes


def test_the_report_has_the_firm_shape(attended: dict[str, Any]) -> None:
    assert set(attended) == {"incidents", "notices", "counts"}
    assert set(attended["counts"]) == {"mentions", "complaints", "located", "polls", "signals"}
    for incident in attended["incidents"]:
        assert set(incident) == {"id", "service", "regions", "opened_at", "confirmed_at", "acknowledged_at",
                                 "workaround_at", "resolved_at", "state", "evidence"}
        for evidence in incident["evidence"]:
            assert set(evidence) == {"class", "source", "region", "observed_at", "score", "why"}
    for notice in attended["notices"]:
        assert set(notice) == {"incident", "stage", "at", "regions", "channel", "language", "text", "audience"}


def test_vermont_opens_one_incident_in_vermont_and_closes_it(attended: dict[str, Any]) -> None:
    (incident,) = attended["incidents"]
    assert (incident["service"], incident["regions"], incident["state"]) == ("mobile-data", ["US-VT"], "resolved")


@pytest.mark.parametrize(
    ("approve", "stages"),
    [
        pytest.param("never", {"acknowledge", "update", "resolve"}, id="nobody answers: no workaround"),
        pytest.param("auto", {"acknowledge", "workaround", "update", "resolve"}, id="somebody answers at once"),
        pytest.param("after=5m", {"acknowledge", "workaround", "update", "resolve"}, id="somebody answers in a while"),
    ],
)
def test_vermont_is_acknowledged_within_three_minutes_of_the_fifth_complaint(approve: str, stages: set[str]) -> None:
    report = json.loads(run("--approve", approve))
    (incident,) = report["incidents"]
    assert {notice["stage"] for notice in report["notices"]} == stages
    fifth = _fifth()
    assert fifth is not None
    assert timedelta(0) <= at(incident["acknowledged_at"]) - fifth <= timedelta(minutes=3)


def test_unattended_only_the_safe_wording_goes_out(unattended: dict[str, Any]) -> None:
    assert {notice["stage"] for notice in unattended["notices"]} <= {"acknowledge", "update", "resolve"}
    first = [n["text"] for n in unattended["notices"] if n["stage"] == "acknowledge" and n["language"] == "en"]
    assert all("tell us" in text or "report" in text for text in first), first


def test_with_somebody_there_the_workaround_is_passed_on(attended: dict[str, Any]) -> None:
    told = [n for n in attended["notices"] if n["stage"] == "workaround"]
    assert told
    assert all("3G" in n["text"] for n in told)


def test_a_workaround_goes_out_within_five_minutes_of_its_approval() -> None:
    """Approved five minutes after it was proposed, which is when the incident opens: sent by ten."""
    report = json.loads(run("--approve", "after=5m"))
    (incident,) = report["incidents"]
    approved = at(incident["opened_at"]) + timedelta(minutes=5)
    first = min(at(n["at"]) for n in report["notices"] if n["stage"] == "workaround")
    assert timedelta(0) <= first - approved <= timedelta(minutes=5)


def test_the_all_clear_goes_to_exactly_those_who_were_told(tmp_path: Path) -> None:
    """With the demo's people: by channel and language, as many hear the end as ever heard of it."""
    people = tmp_path / "people.csv"
    people.write_text(SUBSCRIBERS, encoding="utf-8")
    report = json.loads(run("--approve", "auto", "--subscribers", str(people)))
    told = {(n["channel"], n["language"]): n["audience"] for n in report["notices"] if n["stage"] == "acknowledge"}
    over = {(n["channel"], n["language"]): n["audience"] for n in report["notices"] if n["stage"] == "resolve"}
    assert over == told
    assert told["sms", "en"] == 3, "three phones in Vermont, none of New York, none for power only"
    assert told["email", "es"] == 1


def test_what_comes_later_changes_nothing_before_it(tmp_path: Path) -> None:
    """Cut the recording at 08:00: everything decided until then is the same."""
    cut = at("2012-09-18T12:00:00Z")
    recorder = Recorder(tmp_path, SystemClock())
    for event in read_recording(SHIPPED, None):
        if event.at < cut and isinstance(event.what, Mention):
            recorder.mention("recording", event.what)
    recorder.close()
    config = load(CONFIG)
    whole = replay(config, SHIPPED, approver=Approver.parse("never"))
    short = replay(config, tmp_path, approver=Approver.parse("never"))
    before = [n for n in whole["notices"] if at(n["at"]) < cut]
    assert before
    assert [n for n in short["notices"] if at(n["at"]) < cut] == before
