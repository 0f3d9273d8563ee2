"""Entergy: how many customers are out in each county or postcode, every one of them listed, those without trouble too.

The list is made anew every few minutes and each line says when (`lastUpdatedTime`, without a zone: UTC in the archive,
whatever `zone` says here; seconds or milliseconds since 1970 at the source): a list whose newest line is older than
`freshness` says nothing. Counties are written as the company does ("E. BATON ROUGE"), the state as its own letter, so
`territory` tells which Washington is meant. Customers nobody assigned to a county stand under OTHER.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..page import Context, PageSource
from ..shapes import Unreadable, json_of, optional, records, required
from .outages import read_outages
from .utility import OutageList, PowerOutage, UtilitySettings, check_fresh, check_numbers, count_of

_PLACES = ("county", "zip", "zipcode")


class EntergySettings(UtilitySettings):
    """Entergy's outages by county."""

    kind: Literal["entergy"] = "entergy"
    url: str = "https://entergy.datacapable.com/datacapable/v1/entergy/EntergyNOLA/county"
    """Address of the list: one for each operating company and kind of area."""


def make(settings: EntergySettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[EntergySettings]:
    """One list."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[EntergySettings]) -> Reading:
    """What the list says. Raises Unreadable where it is empty: every area it serves is always in it."""
    lines = records(json_of(body), "the answer")
    if not lines:
        raise Unreadable("the list of areas is empty")
    check_fresh((line.get("lastUpdatedTime") for line in lines), context.settings, context.now)
    outages = tuple(_outage(line) for line in lines)
    check_numbers(outages)
    well = any(one.customers_out == 0 for one in outages)
    return read_outages(OutageList(outages, affirmed=well), context)


def _outage(line: Mapping[str, Any]) -> PowerOutage:
    if "customersAffected" not in line:
        raise Unreadable("an area has no customersAffected")
    key = next((key for key in _PLACES if line.get(key) is not None), "county")
    name = required(line, key, "an area")
    out, served = count_of(line["customersAffected"]), count_of(line.get("customersServed"))
    return PowerOutage(
        id=f"{optional(line, 'state', 20)}/{name}",
        customers_out=out,
        area=name.title() if name.isupper() else name,
        places=(name,),
        served=served or None,
        is_area=True,
    )
