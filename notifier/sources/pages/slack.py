"""Slack's own status API: `/api/v2.0.0/current`, everything that is active now.

The answer says "ok" or "active" of Slack as a whole and lists what is active: incidents, outages, notices and planned
maintenance, each with the features it touches and its notes, oldest first. How bad it is only the type says. Times
carry Pacific time's offset; notes are HTML, and the place to look for a workaround.
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
from ..shapes import Unreadable, identity, json_of, optional, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, read_page

PATH = "/api/v2.0.0/current"
TYPES: Mapping[str, Level] = {
    "notice": Level.NOTICE,
    "maintenance": Level.MAINTENANCE,
    "incident": Level.MINOR,
    "outage": Level.CRITICAL,
}
"""From docs.slack.dev/reference/slack-status-api; the worst word Slack has is the worst level."""
OVER = frozenset({"resolved", "completed", "cancelled", "canceled"})


class SlackSettings(HttpSettings):
    """Slack's status API."""

    kind: Literal["slack"] = "slack"
    url: str = "https://slack-status.com"
    """Address of the status page; /api/v2.0.0/current is added."""


def make(settings: SlackSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[SlackSettings]:
    """Slack."""
    return PageSource(settings, regions=regions, read=read, ask=ask_at(PATH), fetch=fetch)


def read(body: bytes, context: Context[SlackSettings]) -> Reading:
    """What is active now; `ok` affirms that all is well."""
    answer = record(json_of(body), "the answer")
    status = required(answer, "status", "the answer")
    if past_time(answer.get("date_updated"), context.now) is None:
        raise Unreadable("the answer has no date_updated")
    active = records(answer.get("active_incidents"), "active_incidents")
    unexplained = status == "active" and not active
    page = VendorPage(
        incidents=tuple(_incident(one, context.now) for one in active),
        whole=True,
        affirmed=status == "ok",
        overall=Level.MINOR if unexplained else Level.NOTICE,
        overall_said=status,
    )
    return read_page(page, context)


def _incident(incident: Mapping[str, Any], now: datetime) -> VendorIncident:
    status = optional(incident, "status")
    return VendorIncident(
        id=identity(incident, "id", "an incident"),
        title=optional(incident, "title"),
        level=_level(optional(incident, "type"), status),
        status=status,
        started_at=past_time(incident.get("date_created"), now),
        updates=tuple(
            VendorUpdate(past_time(note.get("date_created"), now), optional(note, "body", 4000))
            for note in records(incident.get("notes") or [], "an incident's notes")
        ),
        components=tuple(VendorComponent("", name) for name in _services(incident.get("services"))),
        url=optional(incident, "url"),
    )


def _level(kind: str, status: str) -> Level:
    if status in OVER:
        return Level.OK
    return Level.NOTICE if status == "scheduled" else TYPES.get(kind, Level.NOTICE)


def _services(given: Any) -> tuple[str, ...]:
    """Names of the features an incident touches; what is no name is left out."""
    names = given if isinstance(given, list) else []
    return tuple(one.strip()[:200] for one in names[:200] if isinstance(one, str) and one.strip())
