"""Salesforce Trust: `/v1/instances/status/preview`, every instance with what is open on it.

Customers live on an instance ("NA137"); some 1,500 are listed. An incident is told again under each instance it
touches, has no title but the kind of its impacts, and is over once each impact has ended. An instance's location is
that of its machines, so it only helps placing by name.
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

from ..clocks import any_time, past_time
from ..page import Context, PageSource
from ..placing import AREAS
from ..settings import HttpSettings
from ..shapes import Unreadable, identity, json_of, optional, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page

URL = "https://api.status.salesforce.com/v1/instances/status/preview"
MOST_INSTANCES = 20_000
STATES: Mapping[str, Level] = {
    "OK": Level.OK,
    "MAINTENANCE_NONCORE": Level.MAINTENANCE,
    "MAINTENANCE_CORE": Level.MAINTENANCE,
    "MINOR_INCIDENT_NONCORE": Level.MINOR,
    "MINOR_INCIDENT_CORE": Level.MINOR,
    "MAJOR_INCIDENT_NONCORE": Level.MAJOR,
    "MAJOR_INCIDENT_CORE": Level.CRITICAL,
}
SEVERITIES: Mapping[str, Level] = {"minor": Level.MINOR, "major": Level.MAJOR}
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class SalesforceSettings(HttpSettings):
    """Salesforce Trust."""

    kind: Literal["salesforce"] = "salesforce"
    url: str = URL
    """The list of all instances, or /v1/instances/NA137/status for one."""
    instances: tuple[str, ...] = ()
    """Instances that matter here ([NA137, EU45]); empty: all of them."""


def make(settings: SalesforceSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[SalesforceSettings]:
    """Salesforce."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[SalesforceSettings]) -> Reading:
    """What is open on the instances that matter; an instance that is OK affirms."""
    answer = json_of(body)
    listed = records(answer if isinstance(answer, list) else [answer], "the answer", MOST_INSTANCES)
    wanted = set(context.settings.instances)
    ours = [one for one in listed if (required(one, "key", "an instance") in wanted or not wanted) and _active(one)]
    missing = wanted - {one["key"].strip() for one in ours}
    if missing or not ours:
        raise Unreadable(f"the answer does not list {', '.join(sorted(missing)) or 'any instance'}")
    instances = {_instance(one): records(one.get("Incidents"), "an instance's Incidents") for one in ours}
    page = VendorPage(
        incidents=tuple(_incidents(instances, context.now)),
        components=tuple(instances),
        whole=True,
        affirmed=any(one.level is Level.OK for one in instances),
    )
    return read_page(page, context)


def _active(instance: Mapping[str, Any]) -> bool:
    """Instances that are no longer used stay listed."""
    return instance.get("isActive") is not False


def _instance(instance: Mapping[str, Any]) -> VendorComponent:
    state, location = required(instance, "status", "an instance"), optional(instance, "location")
    key = required(instance, "key", "an instance")
    return VendorComponent(key, key, AREAS.get(location, location), STATES.get(state, Level.NOTICE), state)


def _incidents(
    instances: Mapping[VendorComponent, Sequence[Mapping[str, Any]]], now: datetime
) -> list[VendorIncident]:
    """Each incident once, with every instance it is told under."""
    touched: dict[str, list[VendorComponent]] = {}
    first: dict[str, Mapping[str, Any]] = {}
    for instance, incidents in instances.items():
        for incident in incidents:
            id = identity(incident, "id", "an incident")
            first.setdefault(id, incident)
            touched.setdefault(id, []).append(instance)
    return [_incident(id, incident, tuple(touched[id]), now) for id, incident in first.items()]


def _incident(
    id: str, incident: Mapping[str, Any], instances: tuple[VendorComponent, ...], now: datetime
) -> VendorIncident:
    impacts = records(incident.get("IncidentImpacts"), "an incident's IncidentImpacts")
    lasting = [one for one in impacts if (end := any_time(one.get("endTime"))) is None or end > now]
    begun = [at for one in impacts if (at := past_time(one.get("startTime"), now)) is not None]
    kinds = dict.fromkeys(_HUMP.sub(" ", optional(one, "type")).lower() for one in lasting or impacts)
    return VendorIncident(
        id=id,
        title=", ".join(kind for kind in kinds if kind) or "an incident",
        level=_level(lasting, instances) if lasting or not impacts else Level.OK,
        started_at=min(begun, default=past_time(incident.get("createdAt"), now)),
        updates=tuple(
            VendorUpdate(past_time(one.get("createdAt"), now), optional(one, "message", 4000), optional(one, "type"))
            for one in records(incident.get("IncidentEvents") or [], "an incident's IncidentEvents")
        ),
        components=instances,
    )


def _level(lasting: Sequence[Mapping[str, Any]], instances: Sequence[VendorComponent]) -> Level:
    """How bad, by the impacts that last; by the instances where no impact says."""
    said = [SEVERITIES[word] for one in lasting if (word := optional(one, "severity")) in SEVERITIES]
    return max([Level.NOTICE, *(said or [one.level for one in instances])])
