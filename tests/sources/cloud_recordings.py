"""Real histories of AWS and Google Cloud as recordings, in the manner of `recordings.py`: a record holds only what was
public at its moment; what could not be known of the past is the history's own value, and each function says which."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from .recordings import Record, _iso, _lines, _poll, _time

LEFT_AFTER = timedelta(days=1)
"""How long after its last update an entry of AWS's archive is taken to have stayed on the page."""
_AWS_FIELDS = ("service_name", "summary", "date", "status", "details", "description", "service")
_AWS_OVER = re.compile(r"\[[^\[\]]*\]\s*[|｜]?\s*")
_SPAN = re.compile(r"(?=<div><span)")
_CLOCK = re.compile(
    r"<span[^>]*>\s*(?:(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2}),)?\s*(?P<hour>\d{1,2}):(?P<minute>\d\d) "
    r"(?P<half>[AP])M P(?P<summer>[SD])T")
_SUMMARY = re.compile(r"^\s*\**Summary:?\**:?\s*(.+)$", re.MULTILINE)


def aws_key(entry: Mapping[str, Any]) -> str:
    """What an entry is known by: service and date."""
    return f"{entry['service']}/{entry['date']}"


def aws_is_over(entry: Mapping[str, Any]) -> bool:
    """Whether an entry says of itself that it is over."""
    return str(entry["status"]) == "0" or "[RESOLVED]" in entry["summary"].upper()


def aws_snapshot_polls(folder: Path, *, source: str = "aws") -> Iterator[Record]:
    """AWS's `data.json` as captured 902 times from November 2020 to April 2023, whenever it had changed: its `current`.
    The capture left `archive` out; here it is empty."""
    for line in _lines(folder / "current_snapshots.jsonl.gz"):
        current = [{key: one[key] for key in _AWS_FIELDS} for one in line["current"]]
        yield _poll(_time(line["fetched_at"]), source, {"archive": [], "current": current})


def aws_entries(folder: Path) -> list[Record]:
    """The 576 entries of 2018-2023, of those kept in several states the last, with the worst status of all."""
    found: dict[str, Record] = {}
    for one in _lines(folder / "incidents.jsonl.gz"):
        entry = {key: one[key] for key in _AWS_FIELDS}
        before = found.get(aws_key(entry), entry)
        last = max(before, entry, key=lambda e: ("[RESOLVED]" in e["summary"].upper(), len(e["description"])))
        found[aws_key(entry)] = {**last, "status": str(max(int(before["status"]), int(entry["status"])))}
    return list(found.values())


def aws_entry_polls(folder: Path, *, source: str = "aws") -> Iterator[Record]:
    """The entries as polls of `data.json`, one at each update and one when an entry leaves the page.

    Updates carry a clock without a date: the first is taken to be the one nearest to the entry's date, each later one
    the next after the one before. Over from its last update on where the summary ends as [RESOLVED]; elsewhere its end
    was never told, and it only leaves the page. Its status is the worst it had, its date and title are the last.
    """
    changes: list[tuple[datetime, str, Record | None]] = []
    for entry in aws_entries(folder):
        key, parts = aws_key(entry), [part for part in _SPAN.split(entry["description"]) if part]
        at = datetime.fromtimestamp(int(entry["date"]), UTC)
        for number, part in enumerate(parts, 1):
            at = _moment(part, at, first=number == 1)
            over = number == len(parts) and "[RESOLVED]" in entry["summary"].upper()
            told = {"summary": _AWS_OVER.sub("", entry["summary"]).strip(), "description": "".join(parts[:number])}
            ending = {"summary": entry["summary"], "status": "0"} if over else {}
            changes.append((at, key, {**entry, **told, **ending}))
        changes.append((at + LEFT_AFTER, key, None))
    current: dict[str, Record] = {}
    for at, mine in _by_moment(changes):
        for key, change in mine:
            current.pop(key, None)
            if change is not None:
                current[key] = change
        yield _poll(at, source, {"archive": [], "current": list(reversed(current.values()))})


def _moment(part: str, after: datetime, *, first: bool) -> datetime:
    """When the update that `part` begins with was told."""
    read = _CLOCK.match(part.removeprefix("<div>").replace("\u00a0", " "))
    assert read is not None, part[:80]
    zone = timezone(timedelta(hours=-7 if read["summer"] == "D" else -8))
    local = after.astimezone(zone)
    hour = int(read["hour"]) % 12 + (12 if read["half"] == "P" else 0)
    found = local.replace(hour=hour, minute=int(read["minute"]), second=0)
    if read["month"]:
        named = datetime.strptime(f"{read['month']} {read['day']} {local.year}", "%b %d %Y")  # noqa: DTZ007
        found = found.replace(month=named.month, day=named.day)
    elif first:
        found = min((found + timedelta(days=days) for days in (-1, 0, 1)), key=lambda one: abs(one - local))
    elif found < local.replace(second=0):
        found += timedelta(days=1)
    return found.astimezone(UTC)


# ── Google ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def google_polls(file: Path, *, source: str = "google") -> Iterator[Record]:
    """Google Cloud's 157 incidents of July 2021 to July 2022 as polls of `incidents.json`, one at each update.

    An incident holds the updates told so far. Its title is the newest summary line among them, or the first line of
    the newest update; impact and places are those of its updates. `end` is taken to be told with the first update that
    calls the service available (where there is none, from the first update after it), and never to lie ahead. Products
    and begin are the history's last.
    """
    changes: list[tuple[datetime, str, Record | None]] = []
    for incident in json.loads(file.read_bytes()):
        updates = sorted(incident["updates"], key=lambda one: str(one["created"]))
        for number in range(1, len(updates) + 1):
            at = _time(updates[number - 1]["created"])
            changes.append((at, incident["id"], _google_version(incident, updates[:number], at)))
    known: dict[str, Record] = {}
    for at, mine in _by_moment(changes):
        known |= {key: version for key, version in mine if version is not None}
        newest = sorted(known.values(), key=lambda one: str(one["begin"]), reverse=True)
        yield _poll(at, source, newest)


def _google_version(incident: Mapping[str, Any], told: list[Record], at: datetime) -> Record:
    """An incident as it stood with the updates `told`, oldest first."""
    available = any(one["status"] == "AVAILABLE" for one in told)
    end = _time(incident["end"])
    over = available or (end <= at and not any(one["status"] == "AVAILABLE" for one in incident["updates"]))
    places = {place["id"]: place for one in told for place in one["affected_locations"]}
    current = {} if over else {place["id"]: place for place in told[-1]["affected_locations"]}
    impact = next((one["status"] for one in reversed(told) if one["status"] != "AVAILABLE"), "SERVICE_INFORMATION")
    severity = {"SERVICE_INFORMATION": "low", "SERVICE_DISRUPTION": "medium", "SERVICE_OUTAGE": "high"}
    newest = list(reversed(told))
    return {
        **{key: incident[key] for key in ("id", "number", "begin", "created", "service_key", "service_name", "uri",
                                          "affected_products")},
        **({"end": _iso(min(end, at))} if over else {}),
        "modified": _iso(at),
        "external_desc": _google_title(newest),
        "updates": newest,
        "most_recent_update": newest[0],
        "status_impact": impact,
        "severity": severity[impact],
        "currently_affected_locations": list(current.values()),
        "previously_affected_locations": [place for id, place in places.items() if id not in current],
    }


def _google_title(newest: list[Record]) -> str:
    said = next((found[1] for one in newest if (found := _SUMMARY.search(one["text"]))), None)
    return said or str(newest[0]["text"]).strip().split("\n")[0]


def _by_moment(
    changes: Iterable[tuple[datetime, str, Record | None]]
) -> Iterator[tuple[datetime, list[tuple[str, Record | None]]]]:
    moments: dict[datetime, list[tuple[str, Record | None]]] = {}
    for at, key, change in changes:
        moments.setdefault(at, []).append((key, change))
    yield from sorted(moments.items())
