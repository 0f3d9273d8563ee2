"""Pacific Gas and Electric: the outages of its map, as its map server gives them and as two public archives keep them.

Read are the map server's feature sets (ArcGIS), the plain list of their attributes, and the answer of the service
before 2023 with its outages by town, plain or not. Traps:

- The map server lists at most 2,000 and says so ("exceededTransferLimit"); the plain list says nothing, so a list that
  long counts as cut off. `ask` gets further pages.
- A mistake in the request is an answer too: {"error": …} with HTTP 200.
- Times are milliseconds since 1970, before 2023 seconds as text. In February 2024 they showed Pacific time as if it
  were UTC, in June 2024 no longer: `epoch_zone: America/Los_Angeles` reads the former.
- COUNTY and ZIP are mostly empty; the town is nearly always there. An outage of 0 customers is listed for days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import Field

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..geometry import Point, from_web_mercator, point_of
from ..page import Context, PageSource, join_parts, parts_of
from ..settings import request_of
from ..shapes import MOST, Unreadable, json_of, optional, record, records
from .outages import read_outages
from .utility import (
    OutageList,
    PowerOutage,
    UtilitySettings,
    began_at,
    check_numbers,
    count_of,
    id_of,
    number_of,
    time_of,
)

_NO_OUTAGE = "not outage"
"""A cause that says there is none: a report that was looked into."""


@dataclass(frozen=True, slots=True)
class _Names:
    """What the fields of an outage are called; of several the first that holds something."""

    id: tuple[str, ...]
    customers: str
    began: str
    restored_by: tuple[str, ...]
    cause: str
    crew: str
    latitude: str
    longitude: str


_TODAY = _Names(("F_OUTAGE_ID", "OUTAGE_ID"), "EST_CUSTOMERS", "OUTAGE_START", ("CURRENT_ETOR", "AUTO_ETOR"),
                "OUTAGE_CAUSE", "CREW_CURRENT_STATUS", "OUTAGE_LATITUDE", "OUTAGE_LONGITUDE")
_BEFORE = _Names(("outageNumber",), "estCustAffected", "outageStartTime", ("currentEtor", "autoEtor"),
                 "cause", "crewCurrentStatus", "latitude", "longitude")
_PLACES = ("CITY", "regionName", "ZIP", "COUNTY")


class PgeSettings(UtilitySettings):
    """PG&E's outage map."""

    kind: Literal["pge"] = "pge"
    url: str = ("https://ags.pge.esriemcs.com/arcgis/rest/services/43/outages/MapServer/4/query"
                "?where=1%3D1&outFields=*&f=json")
    """Address of the query with its parameters."""
    page_size: int = Field(default=MOST, ge=1, le=MOST)
    """Outages the service lists at most in one answer: a list as long as this was cut off."""
    pages: int = Field(default=5, ge=1, le=20)
    """Answers asked for at most in one poll."""


def make(settings: PgeSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[PgeSettings]:
    """One map."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch)


def ask(settings: PgeSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the outages; where the map server has more of them than one answer holds, the further pages with it."""
    first = fetch(request_of(settings), memory, now)
    if isinstance(first, Failure) or not _has_more(first.body):
        return first
    answers = {"0": first}
    for page in range(1, settings.pages):
        found = fetch(request_of(settings, _at_offset(settings.url, page * settings.page_size)), {}, now)
        if isinstance(found, Failure):
            return found
        answers[str(page)] = found
        if not _has_more(found.body):
            break
    return replace(join_parts(answers, now), headers={})


def _has_more(body: bytes) -> bool:
    try:
        answer = json_of(body)
    except Unreadable:
        return False
    return isinstance(answer, dict) and answer.get("exceededTransferLimit") is True


def _at_offset(url: str, offset: int) -> str:
    parts = urlsplit(url)
    query = [*((k, v) for k, v in parse_qsl(parts.query) if k != "resultOffset"), ("resultOffset", str(offset))]
    return urlunsplit(parts._replace(query=urlencode(query)))


def read(body: bytes, context: Context[PgeSettings]) -> Reading:
    """What the map says."""
    return read_outages(list_of(body, context.settings, context.now), context)


def list_of(body: bytes, settings: PgeSettings, now: datetime) -> OutageList:
    """One answer, checked. Raises Unreadable."""
    answer, pages = json_of(body), []
    if isinstance(answer, dict) and isinstance(answer.get("parts"), dict):
        names = sorted(answer["parts"], key=lambda name: (len(name), name))
        pages = [json_of(part) for part in parts_of(body, *names)]
    else:
        pages = [answer]
    outages: list[PowerOutage] = []
    whole = False
    for page in pages:
        entries, whole = _entries(page, settings)
        outages += [_outage(entry, settings, now) for entry in entries]
    check_numbers(outages)
    return OutageList(tuple(outages), whole=whole)


def _entries(page: Any, settings: PgeSettings) -> tuple[Sequence[Mapping[str, Any]], bool]:
    """The outages of one answer, each one flat object, and whether there are no more."""
    if isinstance(page, list):
        listed = records(page, "the answer")
        return listed, len(listed) < settings.page_size
    about = record(page, "the answer")
    if "error" in about:
        raise Unreadable("the map server answers with an error")
    if "outagesRegions" in about:
        towns = records(about["outagesRegions"], "outagesRegions")
        listed = [{"regionName": optional(town, "regionName"), **one} for town in towns
                  for one in records(town.get("outages"), "a town's outages")]
        return listed, True
    features = records(about.get("features"), "features")
    more = about.get("exceededTransferLimit", False)
    if not isinstance(more, bool):
        raise Unreadable("exceededTransferLimit is neither true nor false")
    return list(_flat(features)), not more


def _flat(features: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for feature in features:
        geometry = feature.get("geometry")
        yield {**record(feature.get("attributes"), "a feature's attributes"),
               **({"x": geometry.get("x"), "y": geometry.get("y")} if isinstance(geometry, dict) else {})}


def _outage(entry: Mapping[str, Any], settings: PgeSettings, now: datetime) -> PowerOutage:
    names = _TODAY if _TODAY.customers in entry else _BEFORE
    if names.customers not in entry:
        raise Unreadable("an outage has no EST_CUSTOMERS")
    cause = optional(entry, names.cause, 200)
    restored = (time_of(at, settings) for key in names.restored_by if (at := entry.get(key)) is not None)
    return PowerOutage(
        id=id_of(entry, *names.id),
        customers_out=0 if cause.casefold() == _NO_OUTAGE else count_of(entry[names.customers]),
        began=began_at(entry.get(names.began), settings, now),
        restored_by=next((at for at in restored if at is not None), None),
        cause=cause,
        crew=optional(entry, names.crew, 200),
        point=_point(entry, names),
        places=tuple(place for key in _PLACES if (place := optional(entry, key, 100))),
    )


def _point(entry: Mapping[str, Any], names: _Names) -> Point | None:
    found = point_of(number_of(entry.get(names.latitude)), number_of(entry.get(names.longitude)))
    if found is not None:
        return found
    x, y = (entry.get(a, entry.get(b)) for a, b in (("x", "geometry_x"), ("y", "geometry_y")))
    if isinstance(x, int | float) and abs(x) <= 180:
        return point_of(y, x)
    return from_web_mercator(x, y)
