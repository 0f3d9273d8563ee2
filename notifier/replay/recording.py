"""Reads a recording: every file of a directory, merged into one stream of events in the order of time.

Recordings come from other tools and from processes that were killed: a bad line or a torn end is told to a callback
and skipped. Nothing is held in memory but a window of each file that is being read.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from ..model.mention import Mention
from ..model.times import parse_rfc3339, utc
from ..ports import Answer, Failure

LINE_LIMIT = 64 * 1_048_576
CHUNK = 65_536
MENTION_WINDOW = 20_000
POLL_WINDOW = 50
"""Events of one file that are put in order among themselves: posts are recorded as they arrive, minutes late at
times, but ordered by when they were written. Polls are few and large."""
REASONS = frozenset({
    "unreachable", "timed_out", "too_large", "refused", "http_status", "redirected", "bad_encoding", "rate_limited",
    "not_listening", "internal",
})
"""Reasons a Failure may have; any other error text becomes the detail of "unreachable"."""

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Posts within these are played: local time must exist for the first, and time be able to go on after the last."""

Bad = Callable[[str], None]
"""Told of what was skipped: "file:line: why", or "file: why" for the file as a whole."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls that came in about a service in a region in the interval that begins at `start`. How long it lasts the
    format does not say, so the number is not known yet at `start`: for reports, never for decisions."""

    start: datetime
    region: str
    service: str
    calls: int


@dataclass(frozen=True, slots=True)
class Event:
    """A post, what a poll of a source brought, or calls counted.

    `at` never goes back from one event to the next: a post that stands in its file behind later ones comes at the
    moment of the event before it, its own `created_at` unchanged.
    """

    at: datetime
    what: Mention | tuple[str, Answer | Failure] | Calls


def read_recording(directory: Path, bad: Bad | None = None) -> Iterator[Event]:
    """All events of a recording in the order of time; at one moment polls come before posts, posts before calls,
    then by file name and line. Raises FileNotFoundError when `directory` is none."""
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory} is not a directory: name the one that holds the recording's files")
    tell = bad or _nobody
    return _in_order([path for path in sorted(directory.iterdir()) if kind_of(path)], lambda _: tell)


def read_files(paths: Sequence[Path], bad: Bad) -> Iterator[Event]:
    """All events of these files, which may lie in several recordings, in the same order; `bad` is told of what was
    skipped with the file's whole path. Raises ValueError for a file whose name is none of a recording's."""
    for path in paths:
        if not kind_of(path):
            raise ValueError(f"{path} is no file of a recording: they are named mentions*.jsonl, polls*.jsonl, "
                             "calls*.csv, or the same with .gz")
    return _in_order(list(paths), lambda path: lambda line: bad(f"{path.parent / line}"))


def _in_order(paths: list[Path], bad_of: Callable[[Path], Bad]) -> Iterator[Event]:
    latest: datetime | None = None
    for event in _merged(paths, bad_of):
        latest = event.at if latest is None else max(latest, event.at)
        yield event if event.at == latest else replace(event, at=latest)


def _nobody(_problem: str) -> None:
    """Where nobody wants to know what was skipped."""


def kind_of(path: Path) -> str:
    """What a file of a recording holds, by its name: "polls", "mentions", "calls"; "" where it is none."""
    name = path.name.removesuffix(".gz")
    for kind, ending in (("polls", ".jsonl"), ("mentions", ".jsonl"), ("calls", ".csv")):
        if name.startswith(kind) and name.endswith(ending):
            return kind
    return ""


def _order(event: Event) -> tuple[datetime, int]:
    return event.at, 0 if isinstance(event.what, tuple) else 1 if isinstance(event.what, Mention) else 2


def _merged(paths: list[Path], bad_of: Callable[[Path], Bad]) -> Iterator[Event]:
    """Like heapq.merge over the files, but each is opened only when its time comes: a year of hours is 8,760 files."""
    coming = deque(sorted((_begins(path), number) for number, path in enumerate(paths)))
    turns: list[tuple[tuple[datetime, int], int, Event, Iterator[Event]]] = []
    while coming or turns:
        while coming and (not turns or coming[0][0] <= turns[0][0][0]):
            _, number = coming.popleft()
            _next_turn(turns, number, _events(paths[number], bad_of(paths[number])))
        if turns:
            _, number, event, file = heapq.heappop(turns)
            yield event
            _next_turn(turns, number, file)


def _next_turn(turns: list[Any], number: int, file: Iterator[Event]) -> None:
    event = next(file, None)
    if event is not None:
        heapq.heappush(turns, (_order(event), number, event, file))


def _begins(path: Path) -> datetime:
    """The time of a file's first readable event; where it has none, it is read at once, to tell what is wrong."""
    first = next(_read(path, kind_of(path), _nobody), None)
    return datetime.min.replace(tzinfo=UTC) if first is None else first.at


def _events(path: Path, bad: Bad) -> Iterator[Event]:
    """The events of one file, put in order within a window."""
    kind = kind_of(path)
    window = MENTION_WINDOW if kind == "mentions" else POLL_WINDOW
    waiting: list[tuple[datetime, int, Event]] = []
    for number, event in enumerate(_read(path, kind, bad)):
        heapq.heappush(waiting, (event.at, number, event))
        if len(waiting) > window:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _read(path: Path, kind: str, bad: Bad) -> Iterator[Event]:
    if kind == "calls":
        yield from _read_calls(path, bad)
        return
    read = poll_event if kind == "polls" else mention_event
    for number, line in _lines(path, bad):
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError(f"expected a JSON object, found {type(record).__name__}")
            yield read(record)
        except (ValueError, OverflowError, RecursionError) as error:
            bad(f"{path.name}:{number}: {str(error)[:200] or type(error).__name__}")


def mention_event(record: Mapping[str, Any]) -> Event:
    """Read a line of mentions*.jsonl. Raises ValueError naming the field."""
    mention = Mention.from_record(record)
    if not EARLIEST <= mention.created_at < LATEST:
        raise ValueError(f"'created_at' is in the year {mention.created_at.year}; "
                         f"{EARLIEST.year} to {LATEST.year} can be played")
    return Event(mention.created_at, mention)


def poll_event(record: Mapping[str, Any]) -> Event:
    """Read a line of polls*.jsonl. Raises ValueError naming the field."""
    fetched_at, source = record.get("fetched_at"), record.get("source")
    if not isinstance(fetched_at, str) or not isinstance(source, str) or not source:
        raise ValueError("poll without 'fetched_at' or 'source' as text")
    at = parse_rfc3339(fetched_at)
    if "error" in record:
        reason, _, detail = str(record["error"]).partition(": ")
        known = reason in REASONS
        failure = Failure(at, reason if known else "unreachable", detail if known else str(record["error"]))
        return Event(at, (source, failure))
    status, headers = record.get("status", 200), record.get("headers") or {}
    if not isinstance(status, int) or isinstance(status, bool) or not isinstance(headers, dict):
        raise ValueError("poll's 'status' is not a number or its 'headers' are not an object")
    named = {str(name).lower(): str(value) for name, value in headers.items()}
    return Event(at, (source, Answer(at, status, named, _body(record.get("body")))))


def _body(body: Any) -> bytes:
    """The bytes of a recorded body: text as it was, JSON written out."""
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
    try:
        return body.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return body.encode("utf-8", "surrogatepass")


def _read_calls(path: Path, bad: Bad) -> Iterator[Event]:
    try:
        with (gzip.open(path, "rt", encoding="utf-8-sig", newline="") if path.suffix == ".gz"
              else path.open(encoding="utf-8-sig", newline="")) as file:
            reader = csv.DictReader(file)
            for row in reader:
                try:
                    yield calls_event(row)
                except (ValueError, OverflowError) as error:
                    bad(f"{path.name}:{reader.line_num}: {str(error)[:200]}")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        bad(f"{path.name}: cannot be read on: {type(error).__name__}")


def calls_event(row: Mapping[str, Any]) -> Event:
    """Read a row of calls*.csv. Raises ValueError naming the column."""
    values = {name: row.get(name) for name in ("start", "region", "service", "calls")}
    for name, value in values.items():
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"calls without {name!r}")
    start = utc(parse_rfc3339(str(values["start"])))
    count = int(str(values["calls"]))
    if count < 0:
        raise ValueError("'calls' is below zero")
    return Event(start, Calls(start, str(values["region"]), str(values["service"]), count))


def _lines(path: Path, bad: Bad) -> Iterator[tuple[int, bytes]]:
    """Whole lines with their numbers. A last line without its break counts only if it is complete JSON, which the
    caller finds out; a torn .gz gives all that can still be unpacked."""
    number, size = 0, 0
    pieces: list[bytes] = []
    for chunk in _chunks(path, bad):
        first, *others = chunk.split(b"\n")
        pieces.append(first)
        for other in others:
            number += 1
            line = b"".join(pieces)
            pieces, size = [other], 0
            if line.strip():
                yield number, line
        size += len(pieces[-1])
        if size > LINE_LIMIT:
            bad(f"{path.name}:{number + 1}: longer than {LINE_LIMIT} bytes; the rest of the file is skipped")
            return
    rest = b"".join(pieces)
    if rest.strip():
        yield number + 1, rest


def _chunks(path: Path, bad: Bad) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            if path.suffix == ".gz":
                yield from _unpacked(file, path.name, bad)
            else:
                while chunk := file.read(CHUNK):
                    yield chunk
    except (OSError, zlib.error) as error:
        bad(f"{path.name}: cannot be read on: {type(error).__name__}")


def _unpacked(file: BinaryIO, name: str, bad: Bad) -> Iterator[bytes]:
    member = zlib.decompressobj(wbits=31)
    begun = False
    while packed := file.read(CHUNK):
        while packed:
            begun = True
            yield member.decompress(packed, CHUNK)
            packed = member.unconsumed_tail
            if member.eof:
                packed = member.unused_data.lstrip(b"\x00")
                member, begun = zlib.decompressobj(wbits=31), False
    if begun:
        bad(f"{name}: cut off while it was written; read up to its last line")
