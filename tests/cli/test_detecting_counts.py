"""Counts of a whole territory on standard input: every minute is answered, and what is no input is named."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from notifier.cli.main import main
from notifier.detection.spikes.declared import DeclaredTerritory
from tests.shared_data import shared

BEGUN = 482_064 * 3600
REGIONS = [{"id": f"r{leaf}", "parent": f"s{leaf // 5}", "utc_offset_h": -6} for leaf in range(25)]
META = json.dumps({"meta": {"bin_s": 60, "start": BEGUN, "regions": REGIONS, "holidays": []}})


def _type(*lines: str | bytes) -> Result:
    raw = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n"
    return CliRunner().invoke(main, ["detect", "--format", "simbench"], input=raw)


def _minutes(number: int, *, burst: int | None = None, uniq: bool = True) -> Iterator[str]:
    """Four people a minute everywhere; in minute `burst` 300 in one region."""
    for minute in range(number):
        for region in REGIONS:
            count = 300 if minute == burst and region["id"] == "r3" else 4
            more = {"uniq": count} if uniq else {}
            yield json.dumps({"ts": BEGUN + 60 * minute, "region": region["id"], "count": count, **more})
        yield json.dumps({"now": BEGUN + 60 * (minute + 1)})


def _answers(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("uniq", [True, False])
def test_every_minute_is_answered_with_its_alarms_before(uniq: bool) -> None:
    """One ack for each now, in order; the alarm of a minute stands before its ack."""
    answers = _answers(_type(META, *_minutes(300, burst=290, uniq=uniq)))
    assert [a["ack"] for a in answers if "ack" in a] == [BEGUN + 60 * (n + 1) for n in range(300)]
    at = BEGUN + 60 * 291
    alarms = [a for a in answers if "region" in a]
    assert {a["region"] for a in alarms if a["ts"] == at} >= {"r3"}
    assert all(a["ts"] >= at for a in alarms)
    first = next(a for a in alarms if a["region"] == "r3")
    assert answers.index(first) < answers.index({"ack": at})
    assert set(first) == {"ts", "region", "score", "window_min", "people", "expected"}
    assert (first["people"], first["window_min"]) == (300, 1)


def test_posts_one_by_one() -> None:
    """300 people in one minute alarm; 300 copies of one post do not."""
    quiet = list(_minutes(300))
    for key, found in (("post {}", True), ("one post", False)):
        posts = [json.dumps({"ts": BEGUN + 60 * 300 + 0.1 * n, "region": "r3", "key": key.format(n)})
                 for n in range(300)]
        answers = _answers(_type(META, *quiet, *posts, json.dumps({"now": BEGUN + 60 * 301})))
        assert any(a.get("region") == "r3" for a in answers) is found


def test_a_state_that_is_down() -> None:
    """It is named with the minute."""
    answers = _answers(_type(META, json.dumps({"now": BEGUN, "down": ["s0", "s1"]})))
    assert answers == [{"ack": BEGUN}]


def test_nothing_is_no_answer() -> None:
    assert _answers(_type(META)) == []


def test_a_file_is_read_like_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_text("\n".join([META, *_minutes(2)]) + "\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["detect", "--format", "simbench", str(path)])
    assert _answers(done) == [{"ack": BEGUN + 60}, {"ack": BEGUN + 120}]


def _mention(**changed: object) -> str:
    return json.dumps({"ts": BEGUN, "region": "r1", "count": 3, "uniq": 2} | changed)


@pytest.mark.parametrize(("line", "said"), [
    ("", "malformed|truncated"),
    ("[]", "array"),
    ("null", "null"),
    ("{", "truncated"),
    ("{}", "neither a mention"),
    (b"\xff\xfe{}", "malformed|invalid"),
    (b'{"region": "\xff"}', "utf-8"),
    ("[" * 100_000, "depth|recursion|array|malformed"),
    (_mention(region="r99"), "'r99' was not declared"),
    (_mention(region="nation"), "was not declared"),
    (_mention(region=7), "expected `str"),
    (_mention(ts=None), "no time"),
    (_mention(ts=-1), "no time"),
    (_mention(ts=1e300), "no time"),
    ('{"ts": 1e999, "region": "r1", "count": 1}', "number|no time"),
    ('{"ts": NaN, "region": "r1", "count": 1}', "malformed"),
    (_mention(count=-1), "people"),
    (_mention(count=10**9, uniq=0), "mentions"),
    (_mention(count=10**30), "mentions"),
    (_mention(uniq=4), "4 people in 3 mentions"),
    (_mention(count=1.5), "expected `int"),
    ('{"now": "soon"}', "expected `int"),
    ('{"now": -60}', "no time"),
    ('{"now": 999999999999999}', "no time"),
    (json.dumps({"now": BEGUN, "down": ["s77"]}), "'s77' was not declared"),
    (json.dumps({"now": BEGUN, "down": "s0"}), "expected `array"),
    (json.dumps({"now": BEGUN, "down": "x" * 1_000_001}), "more than 1,000,000 bytes"),
])
def test_a_line_that_is_none_is_named(line: str | bytes, said: str) -> None:
    """By its number, with exit code 2; the minutes before it were answered."""
    done = _type(META, json.dumps({"now": BEGUN - 60}), line, json.dumps({"now": BEGUN + 60}))
    assert done.exit_code == 2
    assert [json.loads(answer) for answer in done.stdout.splitlines()] == [{"ack": BEGUN - 60}]
    assert "standard input:3:" in done.stderr
    assert any(word in done.stderr.lower() for word in said.lower().split("|")), done.stderr
    assert "Traceback" not in done.stderr


def test_time_must_go_on() -> None:
    done = _type(META, json.dumps({"now": BEGUN}), json.dumps({"now": BEGUN}))
    assert done.exit_code == 2
    assert "standard input:3:" in done.stderr


@pytest.mark.parametrize(("first", "said"), [
    (_mention(), "must declare the regions"),
    (json.dumps({"now": BEGUN}), "must declare the regions"),
    (json.dumps({"meta": {"bin_s": 300, "regions": REGIONS}}), "300 seconds"),
    (json.dumps({"meta": {"bin_s": 60, "regions": []}}), "0 regions"),
    (json.dumps({"meta": {"bin_s": 60}}), "regions"),
    (json.dumps({"meta": {"regions": [{"parent": "s0"}]}}), "id"),
    (json.dumps({"meta": {"regions": [{"id": "s0", "parent": "s0"}]}}), "both a region and a sum"),
])
def test_the_first_line_declares_the_regions(first: str, said: str) -> None:
    done = _type(first, json.dumps({"now": BEGUN}))
    assert done.exit_code == 2
    assert "standard input:1:" in done.stderr
    assert said in done.stderr


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["detect", "--format", "simbench", str(tmp_path / "none.jsonl")])
    assert done.exit_code == 2
    assert "cannot be read" in done.stderr


def _simbench() -> ModuleType:
    """The outside check; it needs a package that is no part of the project."""
    path = shared("checks/simbench.py")
    pytest.importorskip("scipy")
    spec = importlib.util.spec_from_file_location("simbench", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


@pytest.mark.recordings
def test_a_simulated_world() -> None:
    """Twenty regions for three days after six to learn, without news (which five quiet states cannot tell; see
    docs/DETECTION.md): at most one false incident, and every thirty- or hundredfold outage where one person a minute
    is heard is found within the hour."""
    simbench = _simbench()
    world = simbench.World(77, regions=20, states=5, burn=6, days=3, per_size=(200, 10), national=0, scenario="clean")
    told = world.meta()["meta"]
    counts = DeclaredTerritory({region["id"]: region["parent"] for region in told["regions"]})
    detections = []
    for lines, now in world.feed(False):
        for line in map(json.loads, lines):
            if "region" in line:
                counts.add(line["ts"], line["region"], line["count"], line["uniq"])
            elif "now" in line:
                alarms = counts.minute(int(now), line.get("down", ()))
                detections += [(now, alarm.region, alarm.score) for alarm in alarms]
    (false_leaves, false_sums, found), _ = simbench.score_detections(world.truth(), detections)
    assert false_leaves + false_sums <= 1
    large = [delay for outage, delay in found
             if outage["size"] >= 30 and sum(world.lam[r] for r in outage["regions"]) >= 1]
    assert large
    assert np.isfinite(large).all()
