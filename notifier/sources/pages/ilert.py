"""iLert status pages: `{page}/api/summary`, the page's state and its open incidents.

An incident has no severity of its own: what each service it touches suffers (`affectedServices[].impact`) says how bad
it is, in the words iLert has for the state of a service.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import past_time
from ..page import Context, PageSource, ask_at
from ..settings import HttpSettings
from ..shapes import identity, json_of, optional, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page

PATH = "/api/summary"
IMPACTS: Mapping[str, Level] = {
    "OPERATIONAL": Level.OK,
    "UNDER_MAINTENANCE": Level.MAINTENANCE,
    "DEGRADED": Level.MINOR,
    "PARTIAL_OUTAGE": Level.MAJOR,
    "MAJOR_OUTAGE": Level.CRITICAL,
}
"""ServiceStatus of iLert's API."""
OVER = "RESOLVED"


class ILertSettings(HttpSettings):
    """An iLert status page."""

    kind: Literal["ilert"] = "ilert"


def make(settings: ILertSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[ILertSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask_at(PATH), fetch=fetch)


def read(body: bytes, context: Context[ILertSettings]) -> Reading:
    """What is open now; a page that is OPERATIONAL affirms, one in a state nobody knows ends nothing."""
    answer = record(json_of(body), "the answer")
    status = required(answer, "status", "the answer")
    incidents = records(answer.get("incidents"), "incidents")
    page = VendorPage(
        incidents=tuple(_incident(one, context.now) for one in incidents),
        whole=status in IMPACTS,
        affirmed=status == "OPERATIONAL",
        overall=IMPACTS.get(status, Level.NOTICE),
        overall_said=status.replace("_", " ").lower(),
    )
    return read_page(page, context)


def _incident(incident: Mapping[str, Any], now: datetime) -> VendorIncident:
    status = required(incident, "status", "an incident")
    affected = records(incident.get("affectedServices") or [], "affectedServices")
    services = tuple(_service(one) for one in affected)
    return VendorIncident(
        id=identity(incident, "id", "an incident"),
        title=optional(incident, "summary"),
        level=Level.OK if status == OVER else max([Level.NOTICE, *(one.level for one in services)]),
        status=status.lower(),
        started_at=past_time(incident.get("createdAt"), now),
        updates=_updates(incident, now),
        components=services,
    )


def _service(affected: Mapping[str, Any]) -> VendorComponent:
    service = record(affected.get("service"), "an affected service")
    impact = optional(affected, "impact")
    return VendorComponent(identity(service, "id", "a service"), optional(service, "name"),
                           level=IMPACTS.get(impact, Level.NOTICE), said=impact)


def _updates(incident: Mapping[str, Any], now: datetime) -> tuple[VendorUpdate, ...]:
    """The incident's newest message, and those before it where they are listed."""
    before = records(incident.get("updates") or [], "an incident's updates")
    newest = VendorUpdate(past_time(incident.get("updatedAt"), now), optional(incident, "message", 4000))
    return (newest, *(VendorUpdate(past_time(one.get("createdAt"), now), optional(one, "content", 4000))
                      for one in before))
