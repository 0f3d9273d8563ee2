"""The detector by itself: what it prints, and what it says of input that is none."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from notifier.cli.main import main
from tests.shared_data import shared

BEGUN = datetime(2026, 1, 5, tzinfo=UTC)


def _type(*words: str) -> Result:
    return CliRunner().invoke(main, ["detect", *words])


def _write(path: Path, counts: list[float], *, minutes: float = 5, missing: tuple[int, ...] = ()) -> None:
    rows = [f"{BEGUN + index * timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S},{count:g}"
            for index, count in enumerate(counts) if index not in missing]
    path.write_text("\n".join(["timestamp,value", *rows]) + "\n", encoding="utf-8")


def _counts(days: int, mean: float = 20.0) -> list[float]:
    random = np.random.default_rng(11)
    return [float(c) for c in random.poisson(mean * random.gamma(4, 0.25, days * 288))]


def _alarms(done: Result) -> list[tuple[str, str]]:
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    return [(row["file"], row["timestamp"]) for row in rows if float(row["anomaly_score"]) >= 0.5]


def test_a_row_for_each_row_in_the_order_of_names(tmp_path: Path) -> None:
    """Timestamps come back as they were given, the file by its name."""
    for name in ("b.csv", "a.csv", "with, comma.csv"):
        _write(tmp_path / name, [1.0, 2.0, 3.0])
    (tmp_path / "windows.json").write_text("{}", encoding="utf-8")
    done = _type("--format", "nab", str(tmp_path))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "file,timestamp,anomaly_score"
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["file"] for row in rows] == ["a.csv"] * 3 + ["b.csv"] * 3 + ["with, comma.csv"] * 3
    assert rows[1]["timestamp"] == "2026-01-05 00:05:00"


def test_a_burst_is_found_once(tmp_path: Path) -> None:
    """Three hours at eight times the usual, on the ninth day."""
    counts = _counts(10)
    counts[8 * 288:8 * 288 + 36] = [160.0] * 36
    _write(tmp_path / "one.csv", counts)
    ((file, timestamp),) = [a for a in _alarms(_type("--format", "nab", str(tmp_path))) if a[1] >= "2026-01-13"]
    assert file == "one.csv"
    assert "2026-01-13 00:00:00" <= timestamp <= "2026-01-13 00:30:00"


def test_the_backlog_after_a_gap_is_no_burst(tmp_path: Path) -> None:
    """Six hours are missing and come all at once."""
    counts = _counts(10)
    back = 8 * 288 + 72
    counts[back] = 72 * 20.0
    _write(tmp_path / "one.csv", counts, missing=tuple(range(8 * 288, back)))
    assert [a for a in _alarms(_type("--format", "nab", str(tmp_path))) if a[1] >= "2026-01-13"] == []


def test_no_score_depends_on_a_later_row(tmp_path: Path) -> None:
    """Cut the file anywhere: what was printed stays as it was."""
    counts = _counts(4)
    _write(tmp_path / "one.csv", counts)
    whole = _type("--format", "nab", str(tmp_path)).stdout
    for rows in (1, 2, 12, 13, 14, 500):
        _write(tmp_path / "one.csv", counts[:rows])
        assert whole.startswith(_type("--format", "nab", str(tmp_path)).stdout)


HEAD = "timestamp,value\n2026-01-05 00:00:00,1\n"


@pytest.mark.parametrize(("text", "line", "why"), [
    ("", 1, "empty"),
    ("time,count\n", 1, "lacks timestamp and value"),
    ("timestamp,count\n", 1, "lacks value"),
    (HEAD + "2026-01-05 00:05:00\n", 3, "1 columns"),
    (HEAD + "yesterday,1\n", 3, "no timestamp"),
    (HEAD + "2026-01-05 00:05:00,many\n", 3, "no number"),
    (HEAD + "2026-01-05 00:05:00,\n", 3, "no number"),
    (HEAD + "2026-01-05 00:05:00,nan\n", 3, "no count"),
    (HEAD + "2026-01-05 00:05:00,-1\n", 3, "no count"),
    (HEAD + "2026-01-05 00:05:00,1_000\n", 3, "no count"),
    (HEAD + "2026-01-05 00:05:00,1e300\n", 3, "no count"),
    (HEAD + "2026-01-05 00:00:00,1\n", 3, "not after the row before"),
    (HEAD + "2026-01-04 23:55:00+00:00,1\n", 3, "not after the row before"),
    (HEAD + "\n2026-01-05 00:05:00," + "1" * 5000 + "\n", 4, "more than 1,000 characters"),
    (HEAD + '2026-01-05 00:05:00,"1\n', 3, "no row of CSV"),
    (HEAD + "\x00\x01\x02\n", 3, "columns"),
])
def test_what_is_no_row_is_named(tmp_path: Path, text: str, line: int, why: str) -> None:
    """By file and line, with exit code 2."""
    (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
    done = _type("--format", "nab", str(tmp_path))
    assert done.exit_code == 2
    assert f"bad.csv:{line}: " in done.stderr
    assert why in done.stderr


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    """As a timestamp that is none."""
    (tmp_path / "bad.csv").write_bytes(HEAD.encode() + b"\xff\xfe\x80,1\n")
    done = _type("--format", "nab", str(tmp_path))
    assert (done.exit_code, "bad.csv:3: no timestamp" in done.stderr) == (2, True)


def test_bins_that_are_too_short_are_refused(tmp_path: Path) -> None:
    """A second each would make every row cost an hour's worth of bins."""
    _write(tmp_path / "one.csv", [1.0] * 20, minutes=1 / 60)
    done = _type("--format", "nab", str(tmp_path))
    assert (done.exit_code, "1 seconds apart" in done.stderr) == (2, True)


def test_a_directory_is_needed_and_files_in_it(tmp_path: Path) -> None:
    """Nothing, a file, an empty directory: said, with exit code 2."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    for words in ((), (str(tmp_path / "file"),), (str(tmp_path / "none"),), (str(tmp_path / "empty"),)):
        assert _type("--format", "nab", *words).exit_code == 2
    assert _type("--format", "tea-leaves", str(tmp_path)).exit_code == 2


def _scorer() -> ModuleType:
    path = shared("checks/nab_tweets_score.py")
    pytest.importorskip("pandas", reason="the benchmark's scorer needs pandas, which the project does not")
    spec = importlib.util.spec_from_file_location("nab_tweets_score", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _labelled(data: Path) -> list[dict[str, str]]:
    done = _type("--format", "nab", str(data))
    assert done.exit_code == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


@pytest.mark.slow
def test_the_benchmarks_score_of_the_twitter_series() -> None:
    """At least 75 with at most 0.2 false episodes per series-week, one set of parameters, the alarm fixed at 0.5."""
    data = shared("checks/nab_tweets_data")
    scorer: Any = _scorer()
    corpus, labels = scorer.load_tweets(str(data))
    by_file: dict[str, list[float]] = {name: [] for name in corpus.names}
    for row in _labelled(data):
        by_file[row["file"]].append(float(row["anomaly_score"]))
    scores = [by_file[name] for name in corpus.names]
    assert corpus.at(scores, "standard", 0.5)[1] >= 75
    assert corpus.operating(scores, 0.5, labels)["fp_episodes_per_week"] <= 0.2


@pytest.mark.slow
def test_alarms_on_the_twitter_series_lie_in_labelled_windows() -> None:
    """The same without the scorer, which needs pandas: 27 or more of 33 windows found, and few alarms elsewhere."""
    data = shared("checks/nab_tweets_data")
    windows = {(name, number): (begin[:19], end[:19])
               for name, spans in json.loads((data / "windows.json").read_text(encoding="utf-8")).items()
               for number, (begin, end) in enumerate(spans)}
    scored: dict[str, list[tuple[str, float]]] = {}
    for row in _labelled(data):
        scored.setdefault(row["file"], []).append((row["timestamp"], float(row["anomaly_score"])))
    found, false = set(), 0
    for file, rows in scored.items():
        for timestamp, score in rows[750:]:
            if score >= 0.5:
                hit = {key for key, (begin, end) in windows.items() if key[0] == file and begin <= timestamp <= end}
                found |= hit
                false += not hit
    assert len(found) >= 27
    assert false / 67.2 <= 0.2, "67.2 series-weeks lie outside the windows"
