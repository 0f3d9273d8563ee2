"""Status.io's public API: each component in each container (a place, mostly) with a state of its own.

It lists only what is open. An incident names the components and the containers it touches, not the pairs; which pairs
it means is read from their own states. Codes are 100 operational, 200 planned maintenance, 300 degraded, 400 partial
disruption, 500 disruption, 600 security event, which says nothing about whether the service works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import past_time
from ..page import Context, PageSource
from ..settings import HttpSettings
from ..shapes import Unreadable, json_of, optional, record, records, required, whole_number
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, newest_first, read_page

SECURITY = 600
CODES: Mapping[int, Level] = {
    100: Level.OK,
    200: Level.MAINTENANCE,
    300: Level.MINOR,
    400: Level.MAJOR,
    500: Level.CRITICAL,
}
STATES: Mapping[int, str] = {100: "investigating", 200: "identified", 300: "monitoring"}
"""What a message says of an incident."""


class StatusioSettings(HttpSettings):
    """A Status.io page; url is https://api.status.io/1.0/status/<page id>."""

    kind: Literal["statusio"] = "statusio"
    containers: Literal["places", "groups"] = "places"
    """What the vendor's containers are: places, or names such as a host company's, which are placed as a group is."""
    security: Literal["notice", "minor", "major", "critical"] = "notice"
    """How bad a security event is here; a notice opens nothing."""


def make(settings: StatusioSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[StatusioSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[StatusioSettings]) -> Reading:
    """What the page says."""
    return read_page(page_of(json_of(body), context.settings, context.now), context)


def page_of(value: Any, settings: StatusioSettings, now: datetime) -> VendorPage:
    """One answer, checked. Raises Unreadable where anything always there is missing."""
    result = record(record(value, "the answer").get("result"), "result")
    overall = record(result.get("status_overall"), "status_overall")
    past_time(overall.get("updated"), now)
    listed = records(result.get("status"), "status")
    if not listed:
        raise Unreadable("no component is listed")
    pairs = [pair for one in listed for pair in _pairs(one, settings, now)]
    maintenance = record(result.get("maintenance"), "maintenance")
    return VendorPage(
        incidents=(
            *(_incident(one, pairs, settings, now) for one in records(result.get("incidents"), "incidents")),
            *(_work(one, Level.MAINTENANCE, pairs, settings, now) for one in _planned(maintenance, "active")),
            *(_work(one, Level.NOTICE, pairs, settings, now) for one in _planned(maintenance, "upcoming")),
        ),
        components=tuple(pairs),
        whole=True,
        affirmed=any(one.level is Level.OK for one in pairs),
        overall=_level(_code(overall, "status_overall"), settings),
        overall_said=optional(overall, "status"),
    )


def _planned(maintenance: Mapping[str, Any], which: str) -> Sequence[Mapping[str, Any]]:
    return records(maintenance.get(which), f"maintenance.{which}")


def _code(one: Mapping[str, Any], what: str) -> int:
    """The code of a state, which is always there; it may be one we do not know."""
    code = whole_number(one.get("status_code"))
    if code is None:
        raise Unreadable(f"{what} has no status_code")
    return code


def _level(code: int | None, settings: StatusioSettings) -> Level:
    if code == SECURITY:
        return Level[settings.security.upper()]
    return CODES.get(code, Level.NOTICE) if code is not None else Level.NOTICE


# ── Components in containers ─────────────────────────────────────────────────────────────────────────────────────────


def _pairs(one: Mapping[str, Any], settings: StatusioSettings, now: datetime) -> Iterator[VendorComponent]:
    """The component in each of its containers; and by itself where its own state is worse than in any of them."""
    key, name = required(one, "id", "a component"), optional(one, "name")
    containers = records(one.get("containers"), "containers")
    worst = None
    for container in containers:
        level = _level(_code(container, "a container"), settings)
        worst = max(worst or level, level)
        where = required(container, "id", "a container"), optional(container, "name")
        yield _pair(key, name, where, settings, level=level, said=optional(container, "status").lower(),
                    since=past_time(container.get("updated"), now) if level is not Level.OK else None)
    own = _level(_code(one, "a component"), settings)
    if worst is None or own > worst:
        yield VendorComponent(key, name, level=own, said=optional(one, "status").lower(),
                              since=past_time(one.get("updated"), now))


def _pair(
    component: str,
    name: str,
    container: tuple[str, str],
    settings: StatusioSettings,
    *,
    level: Level = Level.OK,
    said: str = "",
    since: datetime | None = None,
) -> VendorComponent:
    """A component in a container (its id and name)."""
    key, place = container
    places = settings.containers == "places"
    return VendorComponent(f"{component}/{key}", name, "" if places else place, level, said, since,
                           location=place if places else "")


# ── Incidents and planned work ───────────────────────────────────────────────────────────────────────────────────────


def _named(
    one: Mapping[str, Any], pairs: Sequence[VendorComponent], settings: StatusioSettings
) -> tuple[VendorComponent, ...]:
    """The pairs an entry may mean: those listed; where it names what is not listed, what it names, of which nothing
    else is said."""
    components = {_id(each): optional(each, "name") for each in _affected(one, "components_affected")}
    containers = {_id(each): optional(each, "name") for each in _affected(one, "containers_affected")}
    split = [(pair, *pair.key.partition("/")) for pair in pairs]
    listed = tuple(pair for pair, component, slash, container in split
                   if component in components and (not slash or not containers or container in containers))
    if listed or not components:
        return listed
    return tuple(_pair(key, name, container, settings)
                 for key, name in components.items() for container in (containers or {"": ""}).items())


def _affected(one: Mapping[str, Any], which: str) -> Sequence[Mapping[str, Any]]:
    return records(one.get(which) or [], which)


def _id(one: Mapping[str, Any]) -> str:
    return optional(one, "_id") or required(one, "id", "an entry of what is affected")


def _messages(one: Mapping[str, Any], now: datetime) -> list[tuple[VendorUpdate, Any]]:
    """Messages, newest first, each with its code. They are listed oldest first."""
    given = {VendorUpdate(past_time(each.get("datetime"), now), optional(each, "details", 4000),
                          STATES.get(whole_number(each.get("state")) or 0, "")): each.get("status")
             for each in reversed(records(one.get("messages") or [], "messages"))}
    return [(update, given[update]) for update in newest_first(given)]


def _incident(
    one: Mapping[str, Any], pairs: Sequence[VendorComponent], settings: StatusioSettings, now: datetime
) -> VendorIncident:
    """An incident is told for the pairs it names that are not well. Where all are well while its newest message speaks
    of trouble, the message counts, for all of them; where that too says operational, or where a pair's code is one we
    do not know, it stays where it was told."""
    messages = _messages(one, now)
    named = _named(one, pairs, settings)
    unwell = tuple(pair for pair in named if pair.level > Level.NOTICE)
    all_well = all(pair.level is Level.OK for pair in named)
    code = whole_number(messages[0][1]) if messages else None
    said = _level(code, settings)
    if code != SECURITY and said in (Level.OK, Level.NOTICE):
        said = max((Level.NOTICE, *(pair.level for pair in unwell)))
    return VendorIncident(
        id=_id(one),
        title=optional(one, "name"),
        level=Level.OK if one.get("current_active") is False else said,
        status=messages[0][0].status if messages else "",
        started_at=past_time(one.get("datetime_open"), now),
        updates=tuple(update for update, _ in messages),
        components=unwell or named,  # with a security event, whose pairs are worth knowing only, all it names
        stays=bool(named) and code != SECURITY and not unwell and not (all_well and said > Level.NOTICE),
    )


def _work(
    one: Mapping[str, Any], level: Level, pairs: Sequence[VendorComponent], settings: StatusioSettings, now: datetime
) -> VendorIncident:
    messages = _messages(one, now)
    return VendorIncident(
        id=_id(one),
        title=optional(one, "name"),
        level=level,
        status="scheduled" if level is Level.NOTICE else "in progress",
        started_at=past_time(one.get("datetime_open"), now),
        updates=tuple(update for update, _ in messages),
        components=_named(one, pairs, settings),
        facts={"scheduled_for": optional(one, "datetime_planned_start", 60),
               "scheduled_until": optional(one, "datetime_planned_end", 60)},
    )
