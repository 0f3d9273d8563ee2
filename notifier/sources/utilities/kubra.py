"""KUBRA Storm Center: the outage map of many North American utilities, customers out by county, town or postcode.

Two steps, always: `currentState` says below which path the newest snapshot lies, a path with a GUID that changes with
each refresh, so that it is never kept; then the report, a map layer or the summary below that path. Both travel as one
answer. Of the three files, as the map of one utility has them:

- `reports/<id>_report.json`: {"file_data": {"areas": […], "totals": …}}, areas below areas (a state's counties);
- `thematic-1/thematic_areas.json` (or -2, …): {"file_data": [{"id", "title", "desc": {…}}]};
- `summary-1/data.json`: {"summaryFileData": {"totals": […], "date_generated"}}: the whole utility, no places.

Every area is listed, those without trouble too. There is no id of an outage, and no beginning. A time of restoration
may be the word ETR-NULL (none) or ETR-EXP (passed).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..geometry import Point, point_of
from ..page import Context, PageSource, join_parts, parts_of
from ..settings import request_of
from ..shapes import MOST, Unreadable, json_of, optional, record, records
from .outages import read_outages
from .utility import (
    OutageList,
    PowerOutage,
    UtilitySettings,
    check_fresh,
    check_numbers,
    count_of,
    number_of,
    time_of,
)

_PATH = re.compile(r"[A-Za-z0-9_-]{1,80}(?:/[A-Za-z0-9_-]{1,80}){1,4}")
_DEEPEST = 6
"""Levels of areas below areas; real reports have two."""


class KubraSettings(UtilitySettings):
    """A KUBRA Storm Center."""

    kind: Literal["kubra"] = "kubra"
    url: str
    """Address of `currentState` as the map's page asks for it, such as
    https://kubra.io/stormcenter/api/v1/stormcenters/<id>/views/<id>/currentState?preview=false."""
    report: str = Field(default="summary-1/data.json", pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*\.json$")
    """File below `public/` of the snapshot: reports/<id>_report.json, thematic-1/thematic_areas.json (both by area) or
    summary-1/data.json (the whole utility)."""


def make(settings: KubraSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[KubraSettings]:
    """One map."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch)


def ask(settings: KubraSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the state and the report below the path it names; the state alone where it names none."""
    state = fetch(request_of(settings), {}, now)
    if isinstance(state, Failure):
        return state
    answers = {"state": state}
    try:
        path = _path_of(state.body)
    except Unreadable:
        return join_parts(answers, now)
    host = urlsplit(settings.url)
    report = fetch(request_of(settings, f"{host.scheme}://{host.netloc}/{path}/public/{settings.report}"), {}, now)
    if isinstance(report, Failure):
        return report
    return replace(join_parts({**answers, "report": report}, now), headers={})


def _path_of(body: bytes) -> str:
    """The snapshot's path, such as data/<guid>. Raises Unreadable where there is none, or it is no plain path."""
    data = record(record(json_of(body), "currentState").get("data"), "currentState's data")
    path = data.get("interval_generation_data")
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise Unreadable("currentState names no interval_generation_data")
    return path


def read(body: bytes, context: Context[KubraSettings]) -> Reading:
    """What the map says."""
    (state,) = parts_of(body, "state")
    _path_of(state)
    check_fresh([record(json_of(state), "currentState").get("updatedAt")], context.settings, context.now)
    (report,) = parts_of(body, "report")
    areas = tuple(_areas_of(record(json_of(report), "the report"), context.settings, context.now))
    if not areas:
        raise Unreadable("the report lists no areas")
    if len(areas) > MOST:
        raise Unreadable(f"the report lists {len(areas)} areas, more than {MOST}")
    check_numbers(areas)
    return read_outages(OutageList(areas, affirmed=any(one.customers_out == 0 for one in areas)), context)


def _areas_of(report: Mapping[str, Any], settings: KubraSettings, now: datetime) -> Iterator[PowerOutage]:
    if "summaryFileData" in report:
        summary = record(report["summaryFileData"], "summaryFileData")
        check_fresh([summary.get("date_generated")], settings, now)
        for number, total in enumerate(records(summary.get("totals"), "totals")):
            yield _total(number, total)
        return
    given = report.get("file_data")
    if isinstance(given, list):
        for layer in records(given, "file_data"):
            about = record(layer.get("desc"), "an area's desc")
            yield _area({"name": layer.get("title"), "areaId": layer.get("id"), **about}, (), settings, now)
        return
    listed = record(given, "file_data").get("areas")
    for area, above in _leaves(records(listed, "areas"), ()):
        yield _area(area, above, settings, now)


def _leaves(areas: Any, above: tuple[str, ...]) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """Areas that have none below them, with the names of those above; an area above only sums up."""
    if len(above) > _DEEPEST:
        raise Unreadable("the report's areas are nested absurdly deep")
    for area in areas:
        below = area.get("areas")
        if below is None or below == []:
            yield area, above
        else:
            yield from _leaves(records(below, "areas"), (*above, optional(area, "name", 100)))


def _area(area: Mapping[str, Any], above: tuple[str, ...], settings: KubraSettings, now: datetime) -> PowerOutage:
    name = optional(area, "name", 100)
    if not name or "cust_a" not in area:
        raise Unreadable("an area has no name or no cust_a")
    return PowerOutage(
        id="/".join((*above, optional(area, "areaId", 100) or name)),
        customers_out=_value(area["cust_a"]),
        restored_by=time_of(area.get("etr"), settings),
        area=name,
        group=above[-1] if above else "",
        point=_middle(area.get("gotoMap")),
        places=(name,),
        served=count_of(area.get("cust_s")) or None,
        count=count_of(area.get("n_out")) or 1,
        is_area=True,
    )


def _total(number: int, total: Mapping[str, Any]) -> PowerOutage:
    """One total of the summary: of the utility, or of each of its states."""
    if "total_cust_a" not in total:
        raise Unreadable("a total has no total_cust_a")
    return PowerOutage(
        id=optional(total, "summaryTotalId", 100) or f"total-{number + 1}",
        customers_out=_value(total["total_cust_a"]),
        served=count_of(total.get("total_cust_s")) or None,
        count=count_of(total.get("total_outages")) or 1,
        is_area=True,
    )


def _value(given: Any) -> int | None:
    """{"val": 12} or 12."""
    return count_of(given.get("val") if isinstance(given, dict) else given)


def _middle(given: Any) -> Point | None:
    """The middle of an area's box, [west, south, east, north]."""
    box = given.get("bbox") if isinstance(given, dict) else None
    if not isinstance(box, list) or len(box) != 4:
        return None
    sides = [number_of(side) for side in box]
    west, south, east, north = sides
    if west is None or south is None or east is None or north is None:
        return None
    return point_of((south + north) / 2, (west + east) / 2)
