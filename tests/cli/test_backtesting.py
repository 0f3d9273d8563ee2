"""`backtest` as it is typed: what it prints, what it says of input that is none."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from notifier.cli.backtesting_text import WIDTH
from notifier.cli.main import main
from notifier.demo.vermont import SHIPPED

CONFIG = Path(__file__).resolve().parents[2] / "config"
BEGUN = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
TOWNS = ("Albany", "Buffalo", "Syracuse", "Rochester", "Utica", "Ithaca", "Troy", "Yonkers", "Elmira", "Oswego")


ONE = ("--false-alarms-per-month", "1")
"""The configured budget alone: a pass less for each that is not asked about."""


def _type(*words: str) -> Result:
    return CliRunner().invoke(main, ["backtest", "--config", str(CONFIG), *words])


def _rows(*words: str) -> list[dict[str, Any]]:
    done = _type(*words, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def _of(rows: Iterable[dict[str, Any]], row: str, **wanted: Any) -> list[dict[str, Any]]:
    return [one for one in rows if one["row"] == row and all(one[name] == value for name, value in wanted.items())]


def _complaint(number: int, minutes: float, **changes: Any) -> dict[str, Any]:
    """One person without power in New York."""
    town = TOWNS[number % len(TOWNS)]
    return {"id": f"p{minutes}-{number}", "created_at": f"{BEGUN + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}",
            "network": "x", "author": f"ann{number}", "author_location": f"{town}, NY",
            "text": f"lost power in {town} street {number}, it is dark here"} | changes


def _outage(people: int, minutes: float = 0.0) -> list[dict[str, Any]]:
    """So many people without power within three minutes."""
    return [_complaint(number, minutes + 3 * number / people) for number in range(people)]


def _talk(minutes: float) -> dict[str, Any]:
    """A post that complains of nothing: somebody listened then."""
    return _complaint(0, minutes, author="bob", text="what a morning")


def _record(folder: Path, posts: Collection[dict[str, Any]], name: str = "mentions.jsonl") -> Path:
    """Posts, and one of half an hour and one of an hour before the first: what is so from the beginning on may always
    be so."""
    folder.mkdir(exist_ok=True)
    told = [_talk(-60), _talk(-30), *posts] if posts else []
    (folder / name).write_text("".join(json.dumps(post) + "\n" for post in told), encoding="utf-8")
    return folder


# ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_vermont_morning_as_people_read_it(tmp_path: Path) -> None:
    """Every budget of the ladder raises it, the configured one is marked, the known outage is found."""
    truth = tmp_path / "truth.yaml"
    truth.write_text('- {service: mobile-data, region: US-VT, from: "2012-09-18T07:30:00-04:00",\n'
                     '   to: "2012-09-18T09:30:00-04:00"}\n'
                     '- {service: power, region: US-NY, from: "2012-09-18T06:00:00-04:00",\n'
                     '   to: "2012-09-18T07:00:00-04:00"}\n', encoding="utf-8")
    done = _type(str(SHIPPED), "--truth", str(truth))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= WIDTH <= 100
    assert lines[0].startswith("459 posts, 289 of them complaints, 289 of those with a place; 2012-09-18 00:17 to")
    (ladder,) = [line for line in lines if line.startswith("*  ")]
    assert ladder.split() == ["*", "1", "7.6", "1", "0.02", "1", "of", "2", "0", "5", "min"]
    strict, configured = [line.split() for line in lines if line.startswith("  mobile-data")]
    assert configured == ["mobile-data", "US-VT", "2012-09-18", "07:32", "07:35", "2h", "07m", "4",
                          "0.0", "2", "min", "8.1"]
    assert strict[:5] == configured[:5], "a smaller budget raises it within the same minute"
    assert any("a known outage, 5 min after its beginning" in line for line in lines)
    assert lines.count("  MISSED: power in US-NY, 2012-09-18 06:00 to 07:00") == 2, "by each budget told in full"
    assert lines.count("  The same as with 1 false alarm a month.") == 1


def test_rows_for_machines_say_the_same(tmp_path: Path) -> None:
    """One object a line: the recording, then each threshold with its alarms and outages."""
    truth = tmp_path / "truth.yaml"
    truth.write_text("- {service: power, region: US-NY, from: 2026-01-15T11:30Z, to: 2026-01-15T12:30Z}\n"
                     "- {service: power, region: US-NY, from: 2026-02-15T11:30Z, to: 2026-02-15T12:30Z}\n",
                     encoding="utf-8")
    rows = _rows(str(_record(tmp_path / "one", [*_outage(12), *_outage(12, 240)])), "--truth", str(truth),
                 "--false-alarms-per-month", "2")
    (recording,) = _of(rows, "recording")
    assert (recording["posts"], recording["complaints"], recording["located"], recording["skipped"]) == (26, 24, 24, 0)
    assert [one["from"] for one in recording["outages_beyond"]] == ["2026-02-15T11:30:00Z"]
    thresholds = _of(rows, "threshold")
    assert [(one["false_alarms_per_month"], one["configured"]) for one in thresholds] == [(1.0, True), (2.0, False)]
    assert thresholds[0]["score"] > thresholds[1]["score"]
    assert all((one["alarms"], one["outages"], one["outages_found"], one["false"]) == (2, 1, 1, 1)
               for one in thresholds)
    real, untrue = _of(rows, "alarm", false_alarms_per_month=1.0)
    assert (real["service"], real["regions"], real["false"], untrue["false"]) == ("power", ["US-NY"], False, True)
    assert real["began"] <= real["raised"] < "2026-01-15T12:04" < real["over"]
    assert real["score"] >= real["needed"] == thresholds[0]["score"]
    assert "lost power" in real["words"]
    assert real["samples"][0].startswith("lost power in")
    (outage,) = _of(rows, "outage", false_alarms_per_month=1.0)
    raised = datetime.fromisoformat(real["raised"])
    assert (outage["found"], outage["delay_s"]) == (True, (raised - BEGUN).total_seconds() + 1800)


def test_false_alarms_are_called_so(tmp_path: Path) -> None:
    truth = tmp_path / "truth.yaml"
    truth.write_text("[]", encoding="utf-8")
    done = _type(str(_record(tmp_path / "one", _outage(12))), "--truth", str(truth), *ONE)
    assert "      FALSE; 12 people in all" in done.stdout


def test_where_nothing_is_raised_what_came_nearest_is_told(tmp_path: Path) -> None:
    """Six people in three minutes are not unlikely enough for one false alarm in a thousand million months."""
    recording = str(_record(tmp_path / "one", _outage(6)))
    done = _type(recording, "--false-alarms-per-month", "1e-9")
    section = done.stdout.partition("── 1e-09")[2].partition("── 1 ")[0]
    assert "Nothing would have been raised." in section
    told = " ".join(section.split())
    assert "power in US-NY, 2026-01-15 07:0" in told
    assert "6 people in" in told
    (near, *_) = _of(_rows(recording, "--false-alarms-per-month", "1e-9"), "nearest", false_alarms_per_month=1e-9)
    (alarm,) = _of(_rows(recording, "--false-alarms-per-month", f"{near['raised_from'] * 1.001}"), "alarm",
                   false_alarms_per_month=near["raised_from"] * 1.001)
    assert (alarm["raised"], alarm["score"]) == (near["at"], near["score"])


def test_too_few_people_are_told_of_as_held_back_by_that_setting(tmp_path: Path) -> None:
    """Four people at once, where minimum_people is five: no budget raises them, and the report says why."""
    done = _type(str(_record(tmp_path / "one", _outage(4))), "--false-alarms-per-month", "1000")
    section = done.stdout.partition("── 1000 ")[2]
    assert "Nothing would have been raised." in section
    assert "Unlikely enough, but held back by another setting:" in section
    assert "minimum_people is 5" in " ".join(section.split())


def test_where_nothing_was_unusual_that_is_said(tmp_path: Path) -> None:
    done = _type(str(_record(tmp_path / "one", _outage(1))), *ONE)
    assert "Nothing came near: never did 4 people or more" in done.stdout


def test_what_is_raised_while_warming_up_is_left_out(tmp_path: Path) -> None:
    recording = str(_record(tmp_path / "one", [*_outage(12), *_outage(12, 240)]))
    assert len(_of(_rows(recording, *ONE), "alarm")) == 2
    (alarm,) = _of(_rows(recording, "--warm-up", "3h", *ONE), "alarm")
    assert alarm["raised"] > "2026-01-15T15:59"
    assert "before 2026-01-15 09:00 is left out" in _type(recording, "--warm-up", "3h", *ONE).stdout


# ── several recordings ───────────────────────────────────────────────────────────────────────────────────────────────


def test_recordings_are_played_together_in_the_order_of_time_each_file_once(tmp_path: Path) -> None:
    """Directories, files and patterns of either; what is named twice is played once."""
    first, second = _record(tmp_path / "day-2", _outage(12, 180)), _record(tmp_path / "day-1", _outage(12))
    _record(first, _outage(3, 240), "mentions-13.jsonl")
    whole = _rows(str(first), str(second), *ONE)
    assert whole[0]["posts"] == 33
    assert whole[0]["first"] == "2026-01-15T11:00:00Z"
    for words in (["day-*"], ["day-*/mentions*"], ["day-2", "day-2", "day-1"], ["day-?", "day-1/mentions.jsonl"]):
        assert _rows(*(str(tmp_path / word) for word in words), *ONE) == whole


def test_a_name_with_a_bracket_in_it_is_a_name(tmp_path: Path) -> None:
    assert _rows(str(_record(tmp_path / "day[1]", _outage(3))), *ONE)[0]["posts"] == 5


# ── input that is none ───────────────────────────────────────────────────────────────────────────────────────────────


def _polls_only(folder: Path) -> Path:
    folder.mkdir()
    (folder / "polls.jsonl").write_text("{}", encoding="utf-8")
    return folder


NONE: list[Any] = [
    pytest.param(lambda folder: [str(folder / "nowhere")], "neither a recording's directory nor a file", id="nothing"),
    pytest.param(lambda folder: [str(folder / "no*")], "nothing is named like", id="a pattern of nothing"),
    pytest.param(lambda folder: [str(_polls_only(folder / "polls"))], "holds no posts", id="polls alone"),
    pytest.param(lambda folder: [str(_polls_only(folder / "polls") / "polls.jsonl")], "nor a file of its posts",
                 id="a file of polls"),
    pytest.param(lambda folder: [str(_record(folder / "one", []))], "not one post could be read in 1 file",
                 id="an empty file"),
    pytest.param(lambda folder: [], "Missing argument", id="no recording"),
    *(pytest.param(lambda folder, words=words: [str(SHIPPED), "--false-alarms-per-month", words], why, id=words[:9])
      for words, why in (("many", "no list of numbers"), ("1,,2", "no list of numbers"), ("0", "above 0"),
                         ("-1", "above 0"), ("nan", "above 0"), ("inf", "above 0"), ("1001", "at most 1000"),
                         (",".join(["1"] * 21), "at most 20"))),
    pytest.param(lambda folder: [str(SHIPPED), "--warm-up", "7"], "expected a duration", id="a duration without unit"),
]


@pytest.mark.parametrize(("words", "why"), NONE)
def test_what_is_no_input_is_said_with_exit_code_2(
    tmp_path: Path, words: Callable[[Path], list[str]], why: str
) -> None:
    done = _type(*words(tmp_path))
    assert done.exit_code == 2, done.output
    assert why in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""


def test_mistakes_in_the_known_outages_are_told_with_their_place(tmp_path: Path) -> None:
    truth = tmp_path / "truth.yaml"
    truth.write_text("- {service: powr, region: US-NY, from: 2026-01-15T11:30Z, to: 2026-01-15T12:30Z}\n",
                     encoding="utf-8")
    done = _type(str(SHIPPED), "--truth", str(truth))
    assert done.exit_code == 2
    assert f"{truth}:1:13: [0].service: is no service of the configuration" in done.stderr
    assert "did you mean 'power'?" in done.stderr


def test_lines_that_are_none_are_named_with_file_and_line_and_the_rest_is_played(tmp_path: Path) -> None:
    """As `replay` does: a recording that a killed process left is still worth its lines. How many were skipped is part
    of the answer."""
    folder = _record(tmp_path / "one", _outage(12))
    path = folder / "mentions.jsonl"
    bad = [b"{", b"[]", b"\xff\xfe", b'{"id":"a","created_at":"yesterday","text":"b"}',
           b'{"id":"a","created_at":"9999-12-31T23:59:59Z","text":"b"}',
           b'{"id":"a","created_at":"0001-01-01T00:00:00Z","text":"b"}', b"[" * 100_000]
    path.write_bytes(path.read_bytes() + b"\n".join(bad) + b"\n")
    done = _type(str(folder), *ONE)
    assert done.exit_code == 0, done.output
    for line in range(15, 15 + len(bad)):
        assert f"skipped {path}:{line}: " in done.stderr
    assert "7 lines could not be read and were skipped." in done.stdout
    assert done.stdout.startswith("14 posts, 12 of them complaints")
    assert _rows(str(folder), *ONE)[0]["skipped"] == 7


def test_a_file_that_was_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    packed = gzip.compress("".join(json.dumps(post) + "\n" for post in _outage(200)).encode(), mtime=0)
    (folder / "mentions.jsonl.gz").write_bytes(packed[:len(packed) // 2])
    done = _type(str(folder), *ONE)
    assert done.exit_code == 0, done.output
    assert f"skipped {folder / 'mentions.jsonl.gz'}: cut off while it was written" in done.stderr


def test_a_thousand_bad_lines_are_counted_and_not_all_told(tmp_path: Path) -> None:
    folder = _record(tmp_path / "one", _outage(1))
    with (folder / "mentions.jsonl").open("a", encoding="utf-8") as file:
        file.write("nonsense\n" * 1000)
    done = _type(str(folder), *ONE)
    assert done.stderr.count("skipped ") == 21
    assert "1,000 lines could not be read" in done.stdout


def test_words_of_a_post_cannot_move_the_cursor(tmp_path: Path) -> None:
    posts = [post | {"text": post["text"] + " \x1b[2J\u202e \x07" + "very " * 60} for post in _outage(12)]
    done = _type(str(_record(tmp_path / "one", posts)), *ONE)
    assert "“lost power in" in done.stdout
    assert all(one.isprintable() or one == "\n" for one in done.stdout)
    assert max(map(len, done.stdout.splitlines())) <= WIDTH
