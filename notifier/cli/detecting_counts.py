"""`detect --format simbench`: the regional detector over a feed of counts or posts, line by line.

Every minute is answered before the next is read, so that whoever feeds it can time it. What is fed is outside input: a
line that is none is named, with exit code 2.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from ..detection.spikes.declared import Alarm, DeclaredTerritory
from .output import BadInput

LINE_LIMIT = 1_000_000
"""Bytes of a line; the first, which declares the regions, may be long."""
REGIONS_MOST = 100_000
SECONDS_MOST = 1e11
COUNT_MOST = 10_000_000


class _Region(msgspec.Struct):
    id: str
    parent: str = "all"


class _Meta(msgspec.Struct):
    regions: list[_Region]
    bin_s: int = 60


class _Line(msgspec.Struct):
    ts: float | None = None
    region: str | None = None
    count: int = 0
    uniq: int | None = None
    key: str | None = None
    now: int | None = None
    down: list[str] = []
    meta: _Meta | None = None


def simbench(source: Path | None) -> None:
    """JSON lines: first {"meta": {"bin_s": 60, "regions": [{"id", "parent"}]}}, then {"ts", "region", "count",
    "uniq"} or {"ts", "region", "key"}, and {"now", "down"} at the end of each minute that was heard.

    Prints {"ts", "region", "score", "window_min", "people", "expected"} for each region above the threshold, then
    {"ack": now}.
    """
    try:
        if source is None:
            _run(sys.stdin.buffer, "standard input")
        else:
            with source.open("rb") as file:
                _run(file, str(source))
    except OSError as error:
        raise BadInput(f"{source or 'standard input'}: cannot be read: {error.strerror}") from error


def _run(feed: BinaryIO, name: str) -> None:
    decode = msgspec.json.Decoder(_Line).decode
    counts: DeclaredTerritory | None = None
    number = 0
    while line := feed.readline(LINE_LIMIT + 1):
        number += 1
        try:
            if len(line) > LINE_LIMIT:
                raise ValueError(f"more than {LINE_LIMIT:,} bytes in one line")
            read = decode(line)
            if counts is None:
                counts = _declared(read)
            else:
                _take(counts, read)
        except ValueError as error:
            raise BadInput(f"{name}:{number}: {error}") from error


def _declared(first: _Line) -> DeclaredTerritory:
    meta = first.meta
    if meta is None:
        raise ValueError("the first line must declare the regions: {\"meta\": {\"regions\": [...]}}")
    if meta.bin_s != 60:
        raise ValueError(f"counts a minute are read (bin_s 60), not one in {meta.bin_s} seconds")
    if not 0 < len(meta.regions) <= REGIONS_MOST:
        raise ValueError(f"{len(meta.regions)} regions; 1 to {REGIONS_MOST:,} are read")
    return DeclaredTerritory({region.id: region.parent for region in meta.regions})


def _take(counts: DeclaredTerritory, line: _Line) -> None:
    if line.region is not None:
        if line.ts is None or not 0 <= line.ts <= SECONDS_MOST:
            raise ValueError(f"no time of a mention: {line.ts}")
        if line.key is not None:
            counts.add_one(line.ts, line.region, line.key)
            return
        people = line.count if line.uniq is None else line.uniq
        if not 0 <= people <= line.count <= COUNT_MOST:
            raise ValueError(f"{people} people in {line.count} mentions; both must be counts, and people no more")
        counts.add(line.ts, line.region, line.count, people)
    elif line.now is not None:
        if not 0 <= line.now <= SECONDS_MOST:
            raise ValueError(f"no time: {line.now}")
        _answer(line.now, counts.minute(line.now, line.down))
    else:
        raise ValueError("neither a mention (region) nor the end of a minute (now)")


def _answer(now: int, alarms: list[Alarm]) -> None:
    for alarm in alarms:
        said = {"ts": now, "region": alarm.region, "score": round(alarm.score, 2), "window_min": alarm.window,
                "people": alarm.people, "expected": round(alarm.expected, 2)}
        click.echo(msgspec.json.encode(said))
    click.echo(msgspec.json.encode({"ack": now}))
