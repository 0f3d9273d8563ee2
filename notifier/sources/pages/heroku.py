"""Heroku's status API: `/api/v4/current-status`, its systems by colour and what is open.

Three systems (Apps, Data, Tools) are green, yellow, red, or blue during work. An incident is over when its `state`
says so: `resolved` was seen false beside `state: resolved`. Announced work stays listed as "upcoming" for months after
it was done, so that it is passed over: the colour of a system tells of work in progress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import past_time
from ..page import Context, PageSource, ask_at
from ..placing import AREAS
from ..settings import HttpSettings
from ..shapes import Unreadable, identity, json_of, optional, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page

PATH = "/api/v4/current-status"
COLOURS: Mapping[str, Level] = {
    "green": Level.OK,
    "blue": Level.MAINTENANCE,
    "yellow": Level.MINOR,
    "red": Level.MAJOR,
}
OVER = frozenset({"resolved", "completed", "cancelled"})
_WORLD = frozenset({"NA", "EMEA", "APAC"})
"""Tags that together name no place in particular."""


class HerokuSettings(HttpSettings):
    """Heroku's status API."""

    kind: Literal["heroku"] = "heroku"
    url: str = "https://status.heroku.com"
    """Address of the status page; /api/v4/current-status is added."""


def make(settings: HerokuSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[HerokuSettings]:
    """Heroku."""
    return PageSource(settings, regions=regions, read=read, ask=ask_at(PATH), fetch=fetch)


def read(body: bytes, context: Context[HerokuSettings]) -> Reading:
    """What is open now; a green system affirms."""
    answer = record(json_of(body), "the answer")
    systems = tuple(_system(one, "system") for one in records(answer.get("status"), "status"))
    if not systems:
        raise Unreadable("the answer names no system")
    troubled = tuple(one for one in systems if one.level is not Level.OK)
    incidents = records(answer.get("incidents"), "incidents")
    records(answer.get("scheduled"), "scheduled")
    page = VendorPage(
        incidents=tuple(_incident(one, troubled, context.now) for one in incidents),
        components=systems,
        whole=True,
        affirmed=any(one.level is Level.OK for one in systems),
    )
    return read_page(page, context)


def _system(system: Mapping[str, Any], name: str, group: str = "") -> VendorComponent:
    colour = required(system, "status", "a system")
    return VendorComponent("", required(system, name, "a system"), group, COLOURS.get(colour, Level.NOTICE), colour)


def _incident(incident: Mapping[str, Any], troubled: Sequence[VendorComponent], now: datetime) -> VendorIncident:
    """An incident that names no systems, as older answers do not, speaks of those that are not green."""
    group = _areas(incident.get("tags"))
    named = records(incident.get("systems") or [], "an incident's systems")
    systems = tuple(_system(one, "name", group) for one in named) or tuple(troubled)
    updates = records(incident.get("updates") or [], "an incident's updates")
    state = optional(incident, "state")
    over = state in OVER or (not state and incident.get("resolved") is True)
    return VendorIncident(
        id=identity(incident, "id", "an incident"),
        title=optional(incident, "title"),
        level=Level.OK if over else _level(updates, systems, now),
        status=state,
        started_at=past_time(incident.get("created_at"), now),
        updates=tuple(_update(one, now) for one in updates),
        components=systems,
        url=optional(incident, "full_url"),
    )


def _level(updates: Sequence[Mapping[str, Any]], systems: Sequence[VendorComponent], now: datetime) -> Level:
    """How bad by the newest update's colours, of production and development; by the systems' where it has none."""
    dated = [(past_time(one.get("created_at"), now), one) for one in updates]
    newest = max((at for at, _ in dated if at is not None), default=None)
    said = [optional(one, key) for at, one in dated if at == newest for key in ("status_prod", "status_dev")]
    known = [COLOURS[colour] for colour in said if colour in COLOURS]
    return max([Level.NOTICE, *(known or [one.level for one in systems])])


def _update(update: Mapping[str, Any], now: datetime) -> VendorUpdate:
    return VendorUpdate(past_time(update.get("created_at"), now), optional(update, "contents", 4000),
                        optional(update, "update_type"))


def _areas(tags: Any) -> str:
    """The areas an incident is tagged with, spelt out; "" where they are the whole world."""
    named = [tag for tag in tags if isinstance(tag, str)][:20] if isinstance(tags, list) else []
    return "" if set(named) >= _WORLD else ", ".join(AREAS.get(tag, tag) for tag in named)
