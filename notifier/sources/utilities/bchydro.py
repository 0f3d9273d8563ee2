"""BC Hydro: the outages of its map, one list of all that are open now.

Traps: a point of 0, 0 stands for none; `crewEtr` and `dateOn` are only shown where `showEtr` says so; the number of
customers and even the beginning (`dateOff`) are corrected as crews report; planned work stands in the same list.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..geometry import point_of
from ..page import Context, PageSource
from ..shapes import Unreadable, json_of, optional, records
from .outages import read_outages
from .utility import OutageList, PowerOutage, UtilitySettings, began_at, check_numbers, count_of, id_of, time_of


class BchydroSettings(UtilitySettings):
    """BC Hydro's outage map."""

    kind: Literal["bchydro"] = "bchydro"
    url: str = "https://www.bchydro.com/power-outages/app/outages-map-data.json"
    """Address of the list."""


def make(settings: BchydroSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[BchydroSettings]:
    """One map."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[BchydroSettings]) -> Reading:
    """What the map says."""
    outages = tuple(_outage(one, context.settings, context.now) for one in records(json_of(body), "the answer"))
    check_numbers(outages)
    return read_outages(OutageList(outages), context)


def _outage(entry: Mapping[str, Any], settings: BchydroSettings, now: datetime) -> PowerOutage:
    if "numCustomersOut" not in entry or "dateOff" not in entry:
        raise Unreadable("an outage has no numCustomersOut or no dateOff")
    shown = entry.get("showEtr") is not False
    return PowerOutage(
        id=id_of(entry, "id"),
        customers_out=count_of(entry["numCustomersOut"]),
        began=began_at(entry["dateOff"], settings, now),
        restored_by=(time_of(entry.get("crewEtr"), settings) or time_of(entry.get("dateOn"), settings)) if shown
        else None,
        cause=optional(entry, "cause", 200),
        crew=optional(entry, "crewStatusDescription", 200),
        area=optional(entry, "area", 200),
        group=optional(entry, "regionName", 100),
        point=point_of(entry.get("latitude"), entry.get("longitude")),
        places=tuple(place for key in ("municipality", "regionName") if (place := optional(entry, key, 100))),
    )
