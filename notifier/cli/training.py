"""`train`: a complaint model from labelled posts, and what it would have been worth on events it had not seen."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from ..detection.complaint import Judge, Kind
from ..detection.complaint.learning import Example, Report, Row, Score, totals, train
from ..detection.complaint.model import dump
from ..model.mention import TEXT_LIMIT
from ..model.times import parse_rfc3339
from .deployment import config_option, json_option, load_or_explain
from .output import Problem, print_json, print_table

LINE_MOST = 200_000
"""Characters of a line that is read."""
POSTS_MOST = 1_000_000
MISTAKES_SHOWN = 5
COLUMNS = ("event", "posts", "compl.", "words P", "words R", "model P", "model R")
COMPLAINTS_LEAST = 20
"""Fewer labelled complaints teach nothing."""


@click.command("train")
@click.argument("posts", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="Where to put the model.")
@config_option
@json_option
def train_command(posts: Path, out: Path, directory: Path, as_json: bool) -> None:
    """Fit a model of what a complaint is to labelled POSTS: JSON lines with text, label, created_at and, where known,
    event. docs/COMPLAINTS.md tells more.

    It is measured on what it has not seen: each event left out in turn, and the later half of the posts by a model of
    the earlier half, beside the words of vocabulary.yaml alone. The file is used once `model:` in vocabulary.yaml names
    it, by its path from the directory of the configuration.
    """
    config = load_or_explain(directory)
    examples = read_examples(posts)
    judge = Judge(config.vocabulary, config.services, learning=True)
    try:
        report = train(judge, examples)
    except ImportError as error:
        raise Problem("training needs scikit-learn, which is not installed: pip install '.[train]' in a checkout; the "
                      "daemon itself does without") from error
    _write(out, dump(report.model))
    if as_json:
        print_json(_as_data(report))
    else:
        _print(report, out)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_examples(path: Path) -> list[Example]:
    """The labelled posts of a file, gzipped or not. Raises Problem naming the lines that are wrong, or what lacks."""
    examples: list[Example] = []
    mistakes: list[str] = []
    try:
        with _opened(path) as file:
            for number, line in enumerate(_lines(file), start=1):
                if len(mistakes) >= MISTAKES_SHOWN:
                    break
                try:
                    examples.extend([_example(line)] if line.strip() else [])
                except ValueError as error:
                    mistakes.append(f"{path}:{number}: {error}")
                if number > POSTS_MOST:
                    raise Problem(f"{path} has more than {POSTS_MOST:,} posts")
    except (OSError, EOFError, UnicodeError, zlib.error) as error:
        raise Problem(f"{path} cannot be read: {error}") from error
    if mistakes:
        for mistake in mistakes:
            click.echo(mistake, err=True)
        raise Problem(f"{path} has mistakes; nothing was fitted")
    _enough(path, examples)
    return examples


def _enough(path: Path, examples: list[Example]) -> None:
    complaints = sum(one.label is Kind.COMPLAINT for one in examples)
    if complaints < COMPLAINTS_LEAST or complaints == len(examples):
        raise Problem(f"{path} holds {complaints} complaints among {len(examples)} posts; expected at least "
                      f"{COMPLAINTS_LEAST}, and posts that are none")
    if len({one.group for one in examples}) < 2:
        raise Problem(f"{path} holds posts of one event only; a model is measured on events it has not seen")


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    with open(path, "rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rt", encoding="utf-8") if packed else open(path, encoding="utf-8") as file:
        yield file


def _lines(file: IO[str]) -> Iterator[str]:
    while line := file.readline(LINE_MOST):
        yield line


def _example(line: str) -> Example:
    """One line. Raises ValueError saying what is wrong."""
    try:
        value = json.loads(line)
    except RecursionError:
        value = None
    if not isinstance(value, dict):
        raise ValueError("expected a JSON object of at most 200,000 characters on one line")
    text, label, at, event = (value.get(key) for key in ("text", "label", "created_at", "event"))
    if not isinstance(text, str):
        raise ValueError("'text' is missing or no text")
    if not isinstance(label, str) or label not in set(Kind):
        raise ValueError(f"'label' is {str(label)[:40]!r}; expected one of {', '.join(Kind)}")
    if not isinstance(at, str):
        raise ValueError("'created_at' is missing; expected a time with a zone, such as 2026-01-15T12:00:00Z")
    if not isinstance(event, str | None):
        raise ValueError("'event' is no text")
    return Example(text[:TEXT_LIMIT], Kind(label), parse_rfc3339(at), (event or "")[:200])


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _write(path: Path, data: bytes) -> None:
    """Put the file in place whole: a daemon may be reading it."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise Problem(f"{path} cannot be written: {error.strerror}") from error


def _print(report: Report, out: Path) -> None:
    for title, rows in (("Each event left out in turn", report.by_event),
                        (f"Fitted to posts before {report.split_at:%Y-%m-%d %H:%M}, tested on later ones",
                         report.by_time)):
        together = totals(rows)
        listed = [_cells(one.event, one.posts, one.words, one.both) for one in rows]
        listed.append(_cells("all", sum(one.posts for one in rows), together["words"], together["both"]))
        print_table(title, COLUMNS, listed, empty="no posts")
    model = report.model
    click.echo("P: precision, R: recall. Thresholds were chosen without the posts they are tested on.")
    click.echo(f"{out}: {len(model.weights):,} weights; adds complaints from {model.threshold:.2f} on, "
               f"takes back those below {model.veto:.2f}.")


def _cells(event: str, posts: int, words: Score, both: Score) -> tuple[str, ...]:
    return (event, f"{posts:,}", str(words.right + words.missed), _share(words.precision, words.right, words.false),
            _share(words.recall, words.right, words.missed), _share(both.precision, both.right, both.false),
            _share(both.recall, both.right, both.missed))


def _share(value: float | None, part: int, rest: int) -> str:
    return "–" if value is None else f"{value:.2f} ({part}/{part + rest})"


def _as_data(report: Report) -> dict[str, object]:
    return {"by_event": [_row(one) for one in report.by_event], "by_time": [_row(one) for one in report.by_time],
            "split_at": report.split_at, "weights": len(report.model.weights), "threshold": report.model.threshold,
            "veto": report.model.veto, "totals": {"by_event": _scores(totals(report.by_event).items()),
                                                  "by_time": _scores(totals(report.by_time).items())}}


def _row(row: Row) -> dict[str, object]:
    return {"event": row.event, "posts": row.posts, **_scores((("words", row.words), ("both", row.both)))}


def _scores(scores: Iterable[tuple[str, Score]]) -> dict[str, object]:
    return {name: {"right": one.right, "false": one.false, "missed": one.missed, "precision": one.precision,
                   "recall": one.recall} for name, one in scores}
