"""Sorry™ pages: their components and their notices, asked for together.

Two addresses serve the same records: `api.sorryapp.com/v1/pages/{id}`, and `/api/v1` on a page's own host. Lists come
under `response` or `data`, 25 to a page, with the count of all beside them. Notices carry no severity: what is
unplanned and open is trouble, as bad as the state of the components it names. A list of notices holds old ones too, so
that it is only complete where nothing follows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..clocks import any_time, past_time
from ..page import Context, PageSource, get_parts, parts_of
from ..settings import HttpSettings, request_of
from ..shapes import Unreadable, identity, json_of, optional, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page

STATES: Mapping[str, Level] = {
    "operational": Level.OK,
    "partially-degraded": Level.MINOR,
    "degraded": Level.MAJOR,
}
OPEN = frozenset({"investigating", "identified", "recovering"})
OVER = frozenset({"resolved", "false_alarm", "complete", "cancelled"})


class SorrySettings(HttpSettings):
    """A Sorry™ page."""

    kind: Literal["sorry"] = "sorry"
    url: str
    """The page's own address (/api/v1 is added), or https://api.sorryapp.com/v1/pages/ and its id."""


def make(settings: SorrySettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[SorrySettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch)


def ask(settings: SorrySettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get components and notices."""
    base = settings.url.rstrip("/")
    base += "" if "/v1/pages/" in base or base.endswith("/api/v1") else "/api/v1"
    requests = {
        "components": request_of(settings, f"{base}/components"),
        "notices": request_of(settings, f"{base}/notices?include=components,updates"),
    }
    return get_parts(requests, fetch, memory, now)


def read(body: bytes, context: Context[SorrySettings]) -> Reading:
    """What is open now; an operational component affirms."""
    parts = [record(json_of(part), "a part of the answer") for part in parts_of(body, "components", "notices")]
    listed, notices = (_items(part, name) for part, name in zip(parts, ("components", "notices"), strict=True))
    components = _components(listed)
    page = VendorPage(
        incidents=tuple(_notice(one, components, context.now) for one in notices),
        components=tuple(components.values()),
        whole=not any(_goes_on(part) for part in parts),
        affirmed=any(one.level is Level.OK for one in components.values()),
    )
    return read_page(page, context)


def _items(part: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    envelope = next((key for key in ("response", "data") if key in part), None)
    if envelope is None:
        raise Unreadable(f"the answer holds no list of {name}")
    return records(part[envelope], name)


def _goes_on(part: Mapping[str, Any]) -> bool:
    """Whether more of the list follows on another page; whatever is said of it that cannot be read means yes."""
    meta, links = part.get("meta", {}), part.get("links", {})
    if not isinstance(meta, dict) or not isinstance(links, dict):
        return True
    count, total = meta.get("count"), meta.get("total_count")
    short = count != total if count is not None and total is not None else False
    return short or links.get("next") is not None


def _components(listed: Sequence[Mapping[str, Any]]) -> dict[str, VendorComponent]:
    """Components by id; those others name as their parent only sum up."""
    ids = {identity(one, "id", "a component"): one for one in listed}
    parents = {_parent(one) for one in listed} - {""}
    return {
        id: VendorComponent(
            id=id,
            name=required(one, "name", "a component"),
            group=optional(ids.get(_parent(one), {}), "name"),
            level=STATES.get(optional(one, "state"), Level.NOTICE),
            said=optional(one, "state"),
            summary=id in parents,
        )
        for id, one in ids.items()
    }


def _parent(component: Mapping[str, Any]) -> str:
    return "" if component.get("parent_id") is None else identity(component, "parent_id", "a component")


def _notice(notice: Mapping[str, Any], components: Mapping[str, VendorComponent], now: datetime) -> VendorIncident:
    given = records(notice.get("components") or [], "a notice's components")
    named = tuple(components.get(id) or VendorComponent(id, optional(one, "name"))
                  for one in given if (id := identity(one, "id", "a component")))
    state = optional(notice, "state")
    updates = records(notice.get("updates") or [], "a notice's updates")
    told = tuple(VendorUpdate(past_time(one.get("created_at"), now), optional(one, "content", 4000)) for one in updates)
    began = any_time(notice.get("began_at")) or any_time(notice.get("begins_at"))
    return VendorIncident(
        id=identity(notice, "id", "a notice"),
        title=optional(notice, "subject"),
        level=_level(notice, state, named),
        status=state.replace("_", " "),
        started_at=began if began is not None and began <= now else past_time(notice.get("created_at"), now),
        updates=told or (VendorUpdate(None, optional(notice, "synopsis", 4000)),),
        components=named,
        url=optional(notice, "link"),
    )


def _level(notice: Mapping[str, Any], state: str, named: Sequence[VendorComponent]) -> Level:
    """What is over is over; planned work counts once it is underway; what is unplanned is trouble, as bad as its
    components; of a state nobody knows only as bad as they are."""
    kind, when = optional(notice, "type"), optional(notice, "timeline_state")
    if state in OVER or when == "past":
        return Level.OK
    if kind == "planned" and state == "underway":
        return Level.MAINTENANCE
    if kind != "unplanned" or when == "future":
        return Level.NOTICE
    return max([Level.MINOR if state in OPEN else Level.NOTICE, *(one.level for one in named)])
