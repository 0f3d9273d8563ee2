"""Google Cloud and Google Workspace: `incidents.json`, every incident of the last year or more as one bare list.

`end` alone says that an incident is over: an update with the status AVAILABLE is only Google's word for the service at
that moment, and other states are no lifecycle either. Places are ids ("us-central1"; "global" is everywhere) in
`currently_affected_locations`; those of `previously_affected_locations` have recovered, so they never open anything.
Many incidents list no place at all and name it in the title, and Workspace writes its titles as Markdown.

SERVICE_INFORMATION counts as minor trouble: all 19 such incidents of Google Cloud between July 2021 and July 2022 told
of errors, delays or latency that customers felt; `informational: notice` leaves them out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import any_time, past_time
from ..page import Context, PageSource
from ..settings import HttpSettings
from ..shapes import Unreadable, json_of, one_line, optional, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, newest_first, read_page

IMPACTS: Mapping[str, Level] = {
    "SERVICE_INFORMATION": Level.MINOR,
    "SERVICE_DISRUPTION": Level.MAJOR,
    "SERVICE_OUTAGE": Level.CRITICAL,
}
SEVERITIES: Mapping[str, Level] = {"low": Level.MINOR, "medium": Level.MAJOR, "high": Level.CRITICAL}
"""Where the impact is a word we do not know: each severity goes with one impact in all 157 incidents of 2021-22."""
RECENT = timedelta(days=2)
"""An incident that ended longer ago is left out of the reading: the list goes back years."""
ZONE = "US/Pacific"
"""That of times Google's prose gives without one."""
_LABEL = re.compile(r"\*\*\s{0,3}([A-Z][A-Za-z /-]{2,40}?)\s{0,3}:?\s{0,3}\*\*\s{0,3}:?\s{0,3}")
_TITLE_LABEL = re.compile(r"^\s*(?:title|summary|description)\s*:\s*", re.IGNORECASE)
_GLOBAL = re.compile(r"^\W*global\b", re.IGNORECASE)


class GoogleSettings(HttpSettings):
    """Google Cloud's incidents; Google Workspace's with url https://www.google.com/appsstatus/dashboard/incidents.json."""

    kind: Literal["google"] = "google"
    url: str = "https://status.cloud.google.com/incidents.json"
    """Address of incidents.json."""
    informational: Literal["notice", "minor"] = "minor"
    """What SERVICE_INFORMATION means here."""


def make(settings: GoogleSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[GoogleSettings]:
    """One list of incidents."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[GoogleSettings]) -> Reading:
    """What the list says."""
    return read_page(page_of(json_of(body), context), context, zone=ZONE)


def page_of(value: Any, context: Context[GoogleSettings]) -> VendorPage:
    """One answer, checked. An empty list is not believed to end anything: the list keeps what is long over."""
    listed = [_incident(one, context) for one in records(value, "the answer")]
    return VendorPage(incidents=tuple(one for one in listed if one is not None), whole=bool(listed))


def _incident(one: Mapping[str, Any], context: Context[GoogleSettings]) -> VendorIncident | None:
    """One entry; None where it ended long ago."""
    id, now = required(one, "id", "an incident"), context.now
    begin = past_time(one.get("begin"), now)
    if begin is None:
        raise Unreadable(f"the incident {id} has no begin")
    end = any_time(one.get("end"))
    over = end is not None and end <= now
    if over and end is not None and now - end > RECENT:
        return None
    current, previous = _places(one, "currently_affected_locations"), _places(one, "previously_affected_locations")
    title = _title(optional(one, "external_desc", 2000))
    if not current and not previous and _GLOBAL.match(title):
        current = ("global",)
    updates = _updates(one, now)
    return VendorIncident(
        id=id,
        title=title,
        level=Level.OK if over else _level(one, context.settings),
        status=next((update.status for update in newest_first(updates)), "") or optional(one, "status_impact"),
        started_at=begin,
        updates=updates,
        components=_products(one),
        locations=(*current, *previous) if over else current,
        url=_url(context.settings.url, optional(one, "uri")),
        stays=not (over or current or not previous),
    )


def _level(one: Mapping[str, Any], settings: GoogleSettings) -> Level:
    level = IMPACTS.get(optional(one, "status_impact")) or SEVERITIES.get(optional(one, "severity"), Level.NOTICE)
    return Level.NOTICE if level is Level.MINOR and settings.informational == "notice" else level


def _places(one: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Ids of locations; () where there is no such field."""
    if key not in one:
        return ()
    return tuple(required(place, "id", "a location") for place in records(one[key], key))


def _products(one: Mapping[str, Any]) -> tuple[VendorComponent, ...]:
    """The products it affects; the one it is filed under where it lists none."""
    listed = records(one["affected_products"], "affected_products") if "affected_products" in one else ()
    products = tuple(VendorComponent(optional(product, "id"), required(product, "title", "a product"))
                     for product in listed)
    return products or (VendorComponent("", optional(one, "service_name")),)


def _updates(one: Mapping[str, Any], now: datetime) -> tuple[VendorUpdate, ...]:
    """Updates, whatever their order; the most recent one alone where the list of them is left out."""
    listed: Sequence[Mapping[str, Any]] = (
        records(one["updates"], "updates") if "updates" in one
        else [record(one["most_recent_update"], "most_recent_update")] if one.get("most_recent_update") else [])
    return tuple(VendorUpdate(_when(update, now), _LABEL.sub(r"\1: ", optional(update, "text", 20_000)),
                              optional(update, "status"))
                 for update in listed)


def _when(update: Mapping[str, Any], now: datetime) -> datetime | None:
    return past_time(update.get("when"), now) or past_time(update.get("created"), now)


def _title(markdown: str) -> str:
    """`external_desc` on one line, without Markdown and without the label ("**Summary:** …") Workspace puts before."""
    text = _LABEL.sub(r"\1: ", markdown)
    return one_line(_TITLE_LABEL.sub("", text).replace("**", ""), 300)


def _url(page: str, uri: str) -> str:
    """Where to read more: `uri` is relative to the page's own folder; what leads to another host is dropped."""
    try:
        found = urljoin(page, uri)
        return found if uri and urlsplit(found).netloc == urlsplit(page).netloc else ""
    except ValueError:
        return ""
