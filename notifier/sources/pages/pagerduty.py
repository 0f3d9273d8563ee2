"""PagerDuty status pages: JSON inside the page itself, in `<script id="data" type="application/json">`.

`summary.open_incidents` lists what is open, each with its updates; an update says how bad the incident is then and, by
service, what is touched. The page counts as whole only where it ends as it should. Pages whose data is a layout without
a summary say nothing: the headline in there is what the page's owner once typed ("Everything is running smoothly", also
during an incident), and its `…HasError` is the editor's own. Pages that also carry `posts`, whose shape is not known,
are read, but end nothing by silence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import past_time
from ..page import Context, PageSource
from ..settings import HttpSettings
from ..shapes import Unreadable, identity, json_of, optional, record, records, required, text_of_bytes
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, newest_first, read_page

SEVERITIES: Mapping[str, Level] = {
    "all_good": Level.OK,
    "operational": Level.OK,
    "maintenance": Level.MAINTENANCE,
    "minor": Level.MINOR,
    "partial_outage": Level.MAJOR,
    "major": Level.MAJOR,
    "outage": Level.CRITICAL,
}
"""Severities and impacts of a page's `post_enums`, and "outage", which old incidents have for a severity."""
OVER = frozenset({"resolved", "completed"})
_OPENS = re.compile(r"<script\b[^<>]{0,200}\bid=[\"']data[\"'][^<>]{0,200}>", re.IGNORECASE)
_CLOSES = "</script>"
_END = re.compile(r"</body>\s*</html>\s*\Z", re.IGNORECASE)


class PagerDutySettings(HttpSettings):
    """A PagerDuty status page."""

    kind: Literal["pagerduty"] = "pagerduty"


def make(settings: PagerDutySettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[PagerDutySettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[PagerDutySettings]) -> Reading:
    """What is open now; nothing on the page affirms."""
    data = record(json_of(_embedded(body)), "the page's data")
    if "summary" not in data:
        raise Unreadable("the page's data has no summary")
    summary = record(data["summary"], "summary")
    records(summary.get("post_status_page_services"), "post_status_page_services")
    resolved = records(summary.get("resolved_incidents"), "resolved_incidents")
    whole = not records(summary.get("posts", []), "posts")
    groups = _groups(data)
    listed = [*records(summary.get("open_incidents"), "open_incidents"), *([] if whole else resolved)]
    page = VendorPage(incidents=tuple(_incident(one, groups, context.now) for one in listed), whole=whole)
    return read_page(page, context)


def _embedded(body: bytes) -> bytes:
    """The JSON a page carries. Raises Unreadable where the page does not end as a page."""
    text = text_of_bytes(body)
    opens = _OPENS.search(text)
    if opens is None or _END.search(text, max(0, len(text) - 1000)) is None:
        raise Unreadable("the page is not whole, or carries no data")
    closes = text.find(_CLOSES, opens.end())
    return text[opens.end() : closes if closes >= 0 else opens.end()].encode("utf-8", "surrogatepass")


def _groups(data: Mapping[str, Any]) -> dict[str, str]:
    """Names of the groups services stand in, by the service's id; a layout that cannot be read names none."""
    layout = data.get("layout")
    settings = layout.get("layout_settings") if isinstance(layout, dict) else None
    listed = settings.get("business_services") if isinstance(settings, dict) else None
    groups: dict[str, str] = {}
    for one in listed if isinstance(listed, list) else ():
        children = one.get("child_business_services") if isinstance(one, dict) else None
        for child in children if isinstance(children, list) else ():
            if isinstance(child, str):
                groups[child] = optional(one, "name")
    return groups


def _incident(incident: Mapping[str, Any], groups: Mapping[str, str], now: datetime) -> VendorIncident:
    given = records(incident.get("updates"), "an incident's updates")
    told = {_update(one, now): one for one in given}
    order = [told[update] for update in newest_first(told)]
    status = optional(order[0], "status") if order else ""
    services = next((named for one in order if (named := _services(one, groups))), ())
    over = status in OVER
    return VendorIncident(
        id=identity(incident, "id", "an incident"),
        title=optional(incident, "title"),
        level=Level.OK if over else _level(order, services),
        status=status,
        updates=tuple(told),
        components=services,
    )


def _update(update: Mapping[str, Any], now: datetime) -> VendorUpdate:
    at = past_time(update.get("reported_at"), now) or past_time(update.get("created_at"), now)
    return VendorUpdate(at, optional(update, "message", 4000), optional(update, "status"))


def _services(update: Mapping[str, Any], groups: Mapping[str, str]) -> tuple[VendorComponent, ...]:
    named = records(update.get("impacted_business_services") or [], "impacted_business_services")
    return tuple(
        VendorComponent(
            id=optional(one, "business_service_id") or optional(one, "id"),
            name=required(one, "name", "an impacted service"),
            group=groups.get(optional(one, "business_service_id"), ""),
            level=SEVERITIES.get(optional(one, "severity"), Level.NOTICE),
            said=optional(one, "severity"),
        )
        for one in named
    )


def _level(order: Sequence[Mapping[str, Any]], services: Sequence[VendorComponent]) -> Level:
    """How bad, by the newest update; an open incident that is "all good" is information; where the severity is a word
    nobody knows, the impacted services say."""
    severity = optional(order[0], "severity") if order else ""
    if severity in SEVERITIES:
        return max(Level.NOTICE, SEVERITIES[severity])
    return max([Level.NOTICE, *(one.level for one in services)])
