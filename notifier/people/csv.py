"""Subscribers in and out as CSV: what cannot be used is reported row by row, never guessed and never dropped silently.

Columns, in any order and with names in any case: address, regions, consent_at, consent_by; and where wanted services,
language, timezone, quiet_start, quiet_end, opted_out_at. Regions and services are separated by "|". Consent is
required: a row without when and how it was given is refused.
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from notifier.model.people import AddressKind, QuietHours, RefusedRow, Subscriber
from notifier.model.region import RegionTree
from notifier.model.service import Service
from notifier.model.times import parse_rfc3339, rfc3339

from .addresses import parse_address
from .settings import PeopleSettings

COLUMNS = (
    "address",
    "regions",
    "services",
    "language",
    "timezone",
    "quiet_start",
    "quiet_end",
    "consent_at",
    "consent_by",
    "opted_out_at",
)
REQUIRED = ("address", "regions", "consent_at", "consent_by")
_NAMESPACE = uuid.UUID("0c6f0c53-5d3c-5a0e-9a55-1f4b6b0c8a77")
_DELIMITERS = ",;\t"
_CELL_CAP = 2_000
_FORMULA = tuple("=+-@\t\r")
_TOLERANCE = timedelta(minutes=5)
"""How far ahead of ours another machine's clock may have stamped a consent."""


class _Refused(Exception):
    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column = column
        self.problem = problem


@dataclass(frozen=True)
class _Known:
    """What a row is checked against."""

    regions: RegionTree
    services: Mapping[str, Service]
    settings: PeopleSettings
    now: datetime
    actor: str


def subscriber_id(kind: AddressKind, address: str) -> str:
    """The id of whoever has this address: the same at every import, however it is spelled."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{address.casefold()}"))


def read_subscribers(
    data: bytes | str,
    *,
    regions: RegionTree,
    services: Mapping[str, Service],
    settings: PeopleSettings,
    now: datetime,
    actor: str,
) -> tuple[tuple[Subscriber, ...], tuple[RefusedRow, ...]]:
    """Read a CSV file: the subscribers it holds, and every refused row with its line, column and problem.

    UTF-8 (with or without mark), UTF-16 with mark, else Windows-1252. Comma, semicolon or tab, by the heading. The
    first of several rows with one address counts. `actor` is noted in `consent_by`. Problems never repeat addresses.
    """
    if len(data) > settings.import_bytes:
        return (), (RefusedRow(1, "", f"the file is larger than {settings.import_bytes} bytes"),)
    text = _decoded(data) if isinstance(data, bytes) else data.removeprefix("\ufeff")
    rows = _rows(text)
    known = _Known(regions, services, settings, now, actor)
    _, heading = next(rows, (1, []))
    columns = [name.strip().lower().replace(" ", "_") for name in heading]
    wrong = tuple(_heading_mistakes(columns))
    if wrong:
        return (), wrong
    return _read_rows(rows, columns, known)


def _read_rows(
    rows: Iterator[tuple[int, list[str]]], columns: list[str], known: _Known
) -> tuple[tuple[Subscriber, ...], tuple[RefusedRow, ...]]:
    taken: dict[str, Subscriber] = {}
    lines: dict[str, int] = {}
    refused: list[RefusedRow] = []
    for count, (line, cells) in enumerate(rows):
        if count >= known.settings.import_rows:
            refused.append(RefusedRow(line, "", f"more than {known.settings.import_rows} rows; the rest was not read"))
            break
        try:
            person = _subscriber(_row(columns, cells), known)
            if person.id in taken:
                raise _Refused("address", f"the same address as in line {lines[person.id]}")
        except _Refused as refusal:
            refused.append(RefusedRow(line, refusal.column, refusal.problem))
            continue
        taken[person.id], lines[person.id] = person, line
    return tuple(taken.values()), tuple(refused)


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row that is not blank. Broken quoting costs the rows it swallows, never the import."""
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = [f"\x00{error}"]
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1


def _heading_mistakes(columns: list[str]) -> Iterator[RefusedRow]:
    for name in REQUIRED:
        if name not in columns:
            yield RefusedRow(1, name, f"the heading has no column {name!r}")
    for index, name in enumerate(columns):
        if name not in COLUMNS:
            yield RefusedRow(1, name[:40], f"{name[:40]!r} is not a column; expected {', '.join(COLUMNS)}")
        elif name in columns[:index]:
            yield RefusedRow(1, name, f"the heading has column {name!r} twice")


def _row(columns: list[str], cells: list[str]) -> dict[str, str]:
    if cells[0].startswith("\x00"):
        raise _Refused("", f"the row cannot be read: {cells[0][1:]}")
    if len(cells) > len(columns):
        raise _Refused("", f"the row has {len(cells)} cells, the heading {len(columns)}")
    if any(len(cell) > _CELL_CAP for cell in cells):
        raise _Refused("", f"a cell is longer than {_CELL_CAP} characters; is a quote missing?")
    return {name: _unguarded(cell) for name, cell in zip(columns, cells, strict=False)}


def _unguarded(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from taking the cell for a formula."""
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell


def _subscriber(row: Mapping[str, str], known: _Known) -> Subscriber:
    address = row.get("address", "")
    if not address:
        raise _Refused("address", "the address is empty")
    parsed = parse_address(address, settings=known.settings)
    if isinstance(parsed, str):
        raise _Refused("address", parsed)
    kind, normal = parsed
    regions = _listed(row, "regions", known.regions)
    if not regions:
        raise _Refused("regions", "no region: expected the id of at least one")
    return Subscriber(
        id=subscriber_id(kind, normal),
        kind=kind,
        address=normal,
        regions=regions,
        language=_language(row, known),
        timezone=_timezone(row, regions, known),
        consent_at=_consent_at(row, known),
        consent_by=_consent_by(row, known),
        services=_listed(row, "services", known.services),
        quiet_hours=_quiet(row, known),
        opted_out_at=_moment(row, "opted_out_at"),
    )


def _listed(row: Mapping[str, str], column: str, among: RegionTree | Mapping[str, Service]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in row.get(column, "").split("|") if part.strip()))
    for name in found:
        if name not in among:
            raise _Refused(column, f"{name[:64]!r} is not known here")
    return found


def _language(row: Mapping[str, str], known: _Known) -> str:
    language = row.get("language") or known.settings.language
    parts = language.replace("_", "-").split("-")
    if not (parts[0].isascii() and parts[0].isalpha() and 2 <= len(parts[0]) <= 3 and len(language) <= 11):
        raise _Refused("language", "expected a language code such as en or es-US")
    return "-".join([parts[0].lower(), *parts[1:]])


def _timezone(row: Mapping[str, str], regions: tuple[str, ...], known: _Known) -> str:
    name = row.get("timezone") or known.settings.timezone or known.regions[regions[0]].timezone
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise _Refused("timezone", "expected an IANA time zone such as America/New_York") from error
    return name


def _moment(row: Mapping[str, str], column: str) -> datetime | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        return parse_rfc3339(text[:40])
    except (ValueError, OverflowError) as error:
        raise _Refused(column, "expected a time with its zone, such as 2026-11-01T09:30:00-05:00") from error


def _consent_at(row: Mapping[str, str], known: _Known) -> datetime:
    moment = _moment(row, "consent_at")
    if moment is None:
        raise _Refused("consent_at", "no consent: expected when it was given, with time zone")
    if moment > known.now + _TOLERANCE:
        raise _Refused("consent_at", "the consent lies in the future")
    return moment


def _consent_by(row: Mapping[str, str], known: _Known) -> str:
    how = " ".join(row.get("consent_by", "").split())
    if not how:
        raise _Refused("consent_by", "no consent: expected how it was given")
    if "; CSV import " in how:  # exported by us before: the first import is the one that counts
        return how
    return f"{how}; CSV import {known.now.date().isoformat()} by {known.actor}"


def _quiet(row: Mapping[str, str], known: _Known) -> QuietHours | None:
    start, end = row.get("quiet_start", ""), row.get("quiet_end", "")
    if not start and not end:
        return known.settings.quiet_hours.hours() if known.settings.quiet_hours else None
    return QuietHours(_wall("quiet_start", start), _wall("quiet_end", end))


def _wall(column: str, text: str) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError as error:
        raise _Refused(column, "expected a local time such as 21:00") from error
    if found.tzinfo is not None:
        raise _Refused(column, "expected a local time without zone, such as 21:00")
    return found


def write_subscribers(people: tuple[Subscriber, ...]) -> str:
    """The subscribers as CSV in the form `read_subscribers` reads. Cells a spreadsheet would take for a formula get an
    apostrophe in front, which reading takes away again."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for person in people:
        quiet = person.quiet_hours
        cells = (
            person.address,
            "|".join(person.regions),
            "|".join(person.services),
            person.language,
            person.timezone,
            quiet.start.isoformat("minutes") if quiet else "",
            quiet.end.isoformat("minutes") if quiet else "",
            rfc3339(person.consent_at),
            person.consent_by,
            rfc3339(person.opted_out_at) if person.opted_out_at else "",
        )
        writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return out.getvalue()
