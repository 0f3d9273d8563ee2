"""What a utility's snapshots amount to, counted from the snapshots themselves: the oracle for outage maps.

It shares nothing with the sources: its own reading of the captured fields, its own sums, its own distances.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from notifier.model.times import parse_rfc3339

from .vendor import Told

CUT_AT = 2000
"""A list as long as this was cut off by the service: what it does not show is not over."""


@dataclass(frozen=True)
class Seen:
    """One outage of one snapshot: its id, customers out, region (None: unknown), and whether it is planned work."""

    id: str
    out: int
    region: str | None
    title: str = ""
    planned: bool = False


Snapshots = Iterable[Mapping[str, Any]]
ReadOne = Callable[[Mapping[str, Any]], Seen]


def each_outage(polls: Snapshots, read: ReadOne, *, at_least: int) -> dict[str, Told]:
    """Every outage that ever had so many customers out, from then until it is no longer listed (or nobody is out)."""
    found: dict[str, Told] = {}
    for poll in polls:
        at, body = parse_rfc3339(poll["fetched_at"]), poll["body"]
        now = {one.id: one for one in map(read, body)}
        for one in now.values():
            told = found.setdefault(f"outage:{one.id}", Told(one.id, "outage", one.title))
            if not one.planned and one.region is not None and one.out >= at_least and not told.is_open:
                told.spans.append((at, None))
        for told in found.values():
            if told.is_open and (now[told.id].out == 0 if told.id in now else len(body) < CUT_AT):
                told.spans[-1] = (told.spans[-1][0], at)
    return found


def each_region(
    polls: Snapshots, read: ReadOne, *, opens: Callable[[int, str], bool], ends_below: int
) -> dict[str, Told]:
    """Every region, from the moment its outages together are trouble until fewer than `ends_below` are out. Planned
    work counts only where it was no planned work when it was counted first."""
    found: dict[str, Told] = {}
    counted: dict[str, set[str]] = {}
    for poll in polls:
        at, body = parse_rfc3339(poll["fetched_at"]), poll["body"]
        sums: dict[str, int] = {}
        for one in map(read, body):
            if one.region is not None and (not one.planned or one.id in counted.get(one.region, ())):
                sums[one.region] = sums.get(one.region, 0) + one.out
        for region in {*sums, *(told.id for told in found.values())}:
            told = found.setdefault(f"region:{region}", Told(region, "region", region))
            out = sums.get(region, 0)
            if not told.is_open and out >= ends_below and opens(out, region):
                told.spans.append((at, None))
            elif told.is_open and out < ends_below and len(body) < CUT_AT:
                told.spans[-1] = (told.spans[-1][0], at)
        counted = {told.id: {one.id for one in map(read, body) if one.region == told.id and (
            not one.planned or one.id in counted.get(told.id, ()))} for told in found.values() if told.is_open}
    return found


def nearest(point: tuple[float, float], places: Mapping[str, tuple[float, float]], km: float) -> str | None:
    """The nearest place within `km`, by the spherical law of cosines."""
    best, name = km, None
    lat, lon = map(math.radians, point)
    for id, place in places.items():
        lat2, lon2 = map(math.radians, place)
        cosine = math.sin(lat) * math.sin(lat2) + math.cos(lat) * math.cos(lat2) * math.cos(lon2 - lon)
        away = 6371.0088 * math.acos(max(-1.0, min(1.0, cosine)))
        if away <= best:
            best, name = away, id
    return name
