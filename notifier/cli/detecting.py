"""`detect`: the detector by itself, over counts, so that it can be measured without the rest.

One function a format. What is read comes from outside: a bad row is named by file and line, with exit code 2, and
nothing is guessed in its place. What was printed before it stands, so only exit code 0 means a whole answer.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain, islice, pairwise
from math import isfinite
from pathlib import Path
from statistics import median
from typing import TextIO

import click

from ..detection.volume import SHORTEST_BIN, Volume
from .output import Problem

LINE_LIMIT = 1_000
"""Characters of a line of counts; a longer one is no row."""
COUNT_LIMIT = 2.0 ** 53
"""Above this a float no longer tells one count from the next."""
FIRST_ROWS = 13
"""Rows from which the bin width is taken; they score 0, so that no score depends on a later row."""

Row = tuple[str, datetime, float]


class BadInput(Problem):
    """What was given to measure on is not what it should be; exit code 2."""

    exit_code = 2


def nab(source: Path | None) -> None:
    """Each CSV file of a directory (timestamp,value; in the order of names) is one series of counts.

    Prints file,timestamp,anomaly_score; a row alarms at 0.5 or more, once an episode.
    """
    if source is None or not source.is_dir():
        raise BadInput(f"--format nab reads a directory of CSV files, not {source or 'standard input'}")
    files = sorted(source.glob("*.csv"))
    if not files:
        raise BadInput(f"{source}: holds no CSV file")
    click.echo("file,timestamp,anomaly_score")
    for path in files:
        for timestamp, score in _scored(path, _rows(path)):
            click.echo(f"{_quoted(path.name)},{_quoted(timestamp)},{score:.6f}")


FORMATS: dict[str, Callable[[Path | None], None]] = {"nab": nab}


@click.command()
@click.option("--format", "form", type=click.Choice(sorted(FORMATS)), required=True,
              help="nab: a directory of CSV files (timestamp,value), one a series, at a fixed bin width.")
@click.argument("source", required=False, type=click.Path(path_type=Path))
def detect(form: str, source: Path | None) -> None:
    """Run the detector alone over counts and print how strange each is. Decides and sends nothing."""
    FORMATS[form](source)


def _scored(path: Path, rows: Iterator[Row]) -> Iterator[tuple[str, float]]:
    """Each row's timestamp as it was given and its score; nothing after a row is looked at for it."""
    first = list(islice(rows, FIRST_ROWS))
    apart = [(after[1] - before[1]).total_seconds() for before, after in pairwise(first)]
    width = median(apart) if apart else SHORTEST_BIN
    if width < SHORTEST_BIN:
        raise BadInput(f"{path}: rows are {width:g} seconds apart; bins of {SHORTEST_BIN:g} seconds and more are read")
    volume = Volume(width)
    before: datetime | None = None
    for number, (timestamp, at, count) in enumerate(chain(first, rows)):
        missing = (at - before).total_seconds() - width if before else 0.0
        if missing > width / 2:
            volume.gap(missing)
        score = volume.push(count)
        yield timestamp, score if number >= FIRST_ROWS else 0.0
        before = at


def _rows(path: Path) -> Iterator[Row]:
    """The rows of one file, in strictly rising time. Raises BadInput, naming file and line."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline=None) as file:
            yield from _parsed(path, file)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error


def _parsed(path: Path, file: TextIO) -> Iterator[Row]:
    columns: tuple[int, int] | None = None
    before: datetime | None = None
    number = 0
    while line := file.readline(LINE_LIMIT + 1):
        number += 1
        where = f"{path}:{number}"
        if len(line) > LINE_LIMIT:
            raise BadInput(f"{where}: more than {LINE_LIMIT:,} characters in one line")
        cells = _cells(where, line)
        if columns is None:
            columns = _columns(where, cells)
            continue
        if not cells:
            continue
        row = _row(where, cells, columns)
        if before is not None and row[1] <= before:
            raise BadInput(f"{where}: {row[0]} is not after the row before it")
        before = row[1]
        yield row
    if columns is None:
        raise BadInput(f"{path}:1: empty; a header with timestamp and value is needed")


def _cells(where: str, line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise BadInput(f"{where}: no row of CSV: {error}") from error


def _columns(where: str, cells: list[str]) -> tuple[int, int]:
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in ("timestamp", "value") if name not in names]
    if missing:
        raise BadInput(f"{where}: the header lacks {' and '.join(missing)}")
    return names.index("timestamp"), names.index("value")


def _row(where: str, cells: list[str], columns: tuple[int, int]) -> Row:
    if len(cells) <= max(columns):
        raise BadInput(f"{where}: {len(cells)} columns, where timestamp and value are columns "
                       f"{columns[0] + 1} and {columns[1] + 1}")
    timestamp, value = cells[columns[0]].strip(), cells[columns[1]].strip()
    try:
        at = datetime.fromisoformat(timestamp)
    except ValueError:
        raise BadInput(f"{where}: no timestamp: {timestamp[:40]!r}") from None
    try:
        count = float(value)
    except ValueError:
        raise BadInput(f"{where}: no number: {value[:40]!r}") from None
    if "_" in value or not isfinite(count) or not 0 <= count <= COUNT_LIMIT:
        raise BadInput(f"{where}: no count between 0 and 2^53: {value[:40]!r}")
    return timestamp, at if at.tzinfo else at.replace(tzinfo=UTC), count


def _quoted(text: str) -> str:
    """`text` as one CSV cell: a file's name may hold a comma, and so may a timestamp's second."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text
