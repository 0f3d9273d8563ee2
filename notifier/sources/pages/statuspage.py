"""Atlassian Statuspage v2, and the many pages that answer in its shape (incident.io, Rootly and others).

Reads `summary.json` (unresolved incidents and all components: what is missing from it is over) and `incidents.json`
(the newest incidents, resolved ones included: what is missing from it has only scrolled away). The page's indicator may
read "none" while an incident is open: the incident counts. Enums grow; an unknown value never breaks reading and never
opens anything by itself.

What its likenesses do otherwise: incident.io's summary may lack the key `incidents` altogether, and then
`incidents.json` is asked for beside it, since nothing about incidents is not the same as none; its incidents may name
no components, or name them by `component_impacts`. Rootly's `/api/v1/status.json` has no components, and its incidents
no id: their address is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..page import Context, PageSource, below, came_in_parts, get_parts, join_parts, parts_of
from ..settings import HttpSettings, request_of
from ..shapes import Unreadable, json_of, moment, optional, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page, unknown_word

IMPACTS: Mapping[str, Level] = {
    "none": Level.NOTICE,
    "minor": Level.MINOR,
    "major": Level.MAJOR,
    "critical": Level.CRITICAL,
    "maintenance": Level.MAINTENANCE,
}
COMPONENTS: Mapping[str, Level] = {
    "operational": Level.OK,
    "degraded_performance": Level.MINOR,
    "partial_outage": Level.MAJOR,
    "major_outage": Level.CRITICAL,
    "full_outage": Level.CRITICAL,
    "under_maintenance": Level.MAINTENANCE,
}
OVER = frozenset({"resolved", "postmortem", "completed", "closed", "cancelled"})
PLANNED = frozenset({"scheduled", "in_progress", "verifying"})


INCIDENTS = "/incidents.json"


@dataclass(frozen=True, slots=True)
class _Listed:
    """The listed components by id, and the ids that others name as their group: those only sum up."""

    by_id: Mapping[str, Mapping[str, Any]]
    parents: frozenset[str]


class StatuspageSettings(HttpSettings):
    """A Statuspage v2 page."""

    kind: Literal["statuspage"] = "statuspage"
    path: str = "/api/v2/summary.json"
    """Path below url: /api/v2/summary.json (best) or /api/v2/incidents.json; for Rootly /api/v1/status.json."""


def make(settings: StatuspageSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[StatuspageSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch)


def ask(settings: StatuspageSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the page; and where it tells of components and nothing of incidents, both in one answer."""
    url = below(settings.url, settings.path)
    summary = request_of(settings, url)
    both = {"summary": summary, "incidents": request_of(settings, url.rpartition("/")[0] + INCIDENTS)}
    if came_in_parts(memory):
        return get_parts(both, fetch, memory, now)
    answer = fetch(summary, memory, now)
    if isinstance(answer, Failure) or b'"incidents"' in answer.body or b'"components"' not in answer.body:
        return answer
    rest = fetch(both["incidents"], {}, now)
    return rest if isinstance(rest, Failure) else join_parts({"summary": answer, "incidents": rest}, now)


def read(body: bytes, context: Context[StatuspageSettings]) -> Reading:
    """What the page says."""
    value = json_of(body)
    if isinstance(value, dict) and "parts" in value:
        summary, incidents = (json_of(part) for part in parts_of(body, "summary", "incidents"))
        value = _together(record(summary, "the summary"), record(incidents, "the incidents"))
    return read_page(page_of(value, context.now), context)


def _together(summary: Mapping[str, Any], incidents: Mapping[str, Any]) -> Mapping[str, Any]:
    """A summary with the incidents of its own (none where it lacks the key) and those of incidents.json."""
    own = records(summary.get("incidents", []), "incidents")
    rest = records(incidents.get("incidents"), "incidents")
    return {**summary, "incidents": list({_id_of(one): one for one in (*own, *rest)}.values())}


def page_of(value: Any, now: datetime) -> VendorPage:
    """One answer, checked. Raises Unreadable where anything a page always has is missing."""
    body = record(value, "the answer")
    about = record(body.get("page"), "page")
    moment(about.get("updated_at"), now)
    whole = "status" in body and ("components" in body or "id" not in about)  # only Rootly's pages have no id
    status = record(body.get("status"), "status") if whole else {}
    if whole and not isinstance(status.get("indicator"), str):
        raise Unreadable("status has no indicator")
    given = records(body["components"], "components") if whole and "components" in body else []
    listed = _Listed(
        {required(one, "id", "a component"): one for one in given},
        frozenset(group for one in given if isinstance(group := one.get("group_id"), str)),
    )
    components = tuple(_component(one, listed, now) for one in given)
    incidents = records(body.get("incidents"), "incidents")
    planned = records(body.get("scheduled_maintenances") or [], "scheduled_maintenances")
    return VendorPage(
        incidents=tuple(_incident(one, listed, now) for one in (*incidents, *planned)),
        components=components,
        whole=whole,
        affirmed=any(one.level is Level.OK for one in components),
        overall=IMPACTS.get(optional(status, "indicator"), Level.NOTICE),
        overall_said=optional(status, "description"),
        not_understood=unknown_word("indicator", optional(status, "indicator"), IMPACTS),
    )


def _id_of(incident: Mapping[str, Any]) -> str:
    """Its id; its address where it has none."""
    if "id" in incident or not optional(incident, "url"):
        return required(incident, "id", "an incident")
    return optional(incident, "url")


def _incident(incident: Mapping[str, Any], listed: _Listed, now: datetime) -> VendorIncident:
    status = required(incident, "status", "an incident")
    return VendorIncident(
        id=_id_of(incident),
        title=optional(incident, "name"),
        level=_level(incident, status, listed),
        status=status,
        started_at=moment(incident.get("started_at"), now) or moment(incident.get("created_at"), now),
        updates=_updates(incident, now),
        components=tuple(_component({**one, "updated_at": None}, listed, now) for one in _named(incident, listed)),
        url=optional(incident, "shortlink") or optional(incident, "url"),
        facts={key: optional(incident, key, 60) for key in ("scheduled_for", "scheduled_until")},
        not_understood=unknown_word("impact", optional(incident, "impact"), IMPACTS),
    )


def _level(incident: Mapping[str, Any], status: str, listed: _Listed) -> Level:
    """How bad, by status first: planned work is planned whatever its impact; then impact; then, where the impact is a
    word we do not know, the components' own state."""
    if status in OVER:
        return Level.OK
    impact = optional(incident, "impact")
    if status in PLANNED or impact == "maintenance" or "scheduled_for" in incident:
        return Level.NOTICE if status == "scheduled" else Level.MAINTENANCE
    if impact in IMPACTS:
        return IMPACTS[impact]
    states = [COMPONENTS.get(optional(one, "status"), Level.NOTICE) for one in _named(incident, listed)]
    return max([Level.NOTICE, *states])


def _updates(incident: Mapping[str, Any], now: datetime) -> tuple[VendorUpdate, ...]:
    """Updates with their times; one without a time says nothing."""
    given = incident.get("incident_updates")
    updates = records(given, "incident_updates") if given is not None else ()
    timed = [(moment(one.get("display_at"), now) or moment(one.get("created_at"), now), one) for one in updates]
    return tuple(VendorUpdate(at, optional(one, "body", 4000), optional(one, "status"))
                 for at, one in timed if at is not None)


def _named(incident: Mapping[str, Any], listed: _Listed) -> Sequence[Mapping[str, Any]]:
    """The incident's components; where it lists none, those it has an impact on now, else those its updates name."""
    own = incident.get("components")
    if own:
        return records(own, "an incident's components")
    impacts = records(incident.get("component_impacts") or [], "component_impacts")
    if impacts:
        return _impacted(impacts, listed)
    named: dict[str, Mapping[str, Any]] = {}
    for update in records(incident.get("incident_updates") or [], "incident_updates"):
        for one in records(update.get("affected_components") or [], "affected_components"):
            name, code = optional(one, "name"), optional(one, "code")
            named.setdefault(code or name, {"id": code, "name": name, "status": optional(one, "new_status")})
    return [one for one in named.values() if one["name"]]


def _impacted(impacts: Sequence[Mapping[str, Any]], listed: _Listed) -> list[Mapping[str, Any]]:
    """Components by the impacts incident.io gives an incident: one that has ended is history, unless all have."""
    running = [one for one in impacts if one.get("end_at") is None] or impacts
    known = ((one, listed.by_id.get(optional(one, "component_id"))) for one in running)
    return [{**component, "status": optional(one, "status") or optional(one, "component_status")}
            for one, component in known if component is not None]


def _component(one: Mapping[str, Any], listed: _Listed, now: datetime) -> VendorComponent:
    status, group = optional(one, "status"), one.get("group_id")
    above = listed.by_id.get(group, {}) if isinstance(group, str) else {}
    level = COMPONENTS.get(status, Level.NOTICE)
    return VendorComponent(
        id=optional(one, "id"),
        name=optional(one, "name"),
        group=optional(above, "name") or optional(one, "group_name"),
        level=level,
        said=status,
        since=moment(one.get("updated_at"), now) if level is not Level.OK else None,
        summary=one.get("group") is True or optional(one, "id") in listed.parents,
        not_understood=unknown_word("component's status", status, COMPONENTS),
    )
