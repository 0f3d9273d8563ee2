"""Azure DevOps: `status.dev.azure.com`, the health of every service in every geography.

Each answer lists all of them, well or not, so it is complete and says of the rest that it is well. It does not say
since when anything is unwell: that is remembered from the first answer that said so. A cell of the matrix that was
unwell and is now described by a word nobody knows, or not listed any more, is not well yet.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import past_time
from ..page import Context, PageSource
from ..settings import HttpSettings
from ..shapes import Unreadable, any_moment, json_of, optional, record, records, required
from ..vendor_page import VendorComponent, VendorPage, read_page

HEALTH: Mapping[str, Level] = {
    "healthy": Level.OK,
    "advisory": Level.MINOR,
    "degraded": Level.MAJOR,
    "unhealthy": Level.CRITICAL,
}
FORGOTTEN = timedelta(days=1)
"""How long a cell that was unwell and is no longer listed at all counts as unwell."""
_UNWELL = "unwell"


@dataclass(frozen=True, slots=True)
class _Spell:
    """That a cell is unwell: since when, and when it was last said."""

    since: datetime
    seen: datetime


class AzureDevOpsSettings(HttpSettings):
    """Azure DevOps' health."""

    kind: Literal["azure-devops"] = "azure-devops"
    url: str = "https://status.dev.azure.com/_apis/status/health?api-version=7.1-preview.1"
    """Address; may carry geographies=… and services=… to ask for less."""


def make(settings: AzureDevOpsSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[AzureDevOpsSettings]:
    """The matrix of services and geographies."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[AzureDevOpsSettings]) -> Reading:
    """What the matrix says."""
    value = record(json_of(body), "the answer")
    status = record(value.get("status"), "status")
    required(status, "health", "status")
    past_time(value.get("lastUpdated"), context.now)
    before = _unwell_of(context.memory)
    cells = [_held(cell, before.get(cell.key), context.now) for cell in _cells(value)]
    page = VendorPage(
        components=tuple(cells),
        whole=True,
        affirmed=any(cell.level is Level.OK for cell in cells),
        overall=HEALTH.get(optional(status, "health").lower(), Level.NOTICE),
        overall_said=optional(status, "message") or optional(status, "health"),
    )
    reading = read_page(page, context)
    listed = {cell.key for cell in cells}
    unlisted = {key: spell for key, spell in before.items()
                if key not in listed and context.now - spell.seen < FORGOTTEN}
    unwell = {cell.key: _Spell(cell.since, context.now) for cell in cells if cell.since is not None}
    return replace(reading, memory={**reading.memory, **_written({**unlisted, **unwell})},
                   present=(*reading.present, *(f"component:{key}" for key in unlisted)))


def _cells(value: Mapping[str, Any]) -> list[VendorComponent]:
    """One component for each service in each geography: component the service, location the geography's id ("EU"),
    group its name ("Europe")."""
    cells = []
    for service in records(value.get("services"), "services"):
        name = required(service, "id", "a service")
        for where in records(service.get("geographies"), "geographies"):
            id, health = required(where, "id", "a geography"), required(where, "health", "a geography")
            level = HEALTH.get(health.lower(), Level.NOTICE)
            cells.append(VendorComponent(f"{name}/{id}", name, optional(where, "name"), level, health, location=id))
    if not cells:
        raise Unreadable("the answer lists no service in any geography")
    return cells


def _held(cell: VendorComponent, before: _Spell | None, now: datetime) -> VendorComponent:
    """The cell with the moment it became unwell; one that was unwell stays so under a word nobody knows."""
    if cell.level is Level.OK or (cell.level is Level.NOTICE and before is None):
        return cell
    return replace(cell, level=max(cell.level, Level.MINOR), since=min(before.since if before else now, now))


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _unwell_of(memory: Mapping[str, str]) -> dict[str, _Spell]:
    try:
        found = json.loads(memory.get(_UNWELL, "{}"))
    except (ValueError, RecursionError):
        return {}
    spells: dict[str, _Spell] = {}
    for key, times in found.items() if isinstance(found, dict) else ():
        since, seen = map(any_moment, times) if isinstance(times, list) and len(times) == 2 else (None, None)
        if since is not None and seen is not None:
            spells[key] = _Spell(since, seen)
    return spells


def _written(unwell: Mapping[str, _Spell]) -> dict[str, str]:
    """At most 500 cells; the matrix has 56."""
    kept = list(unwell.items())[:500]
    return {_UNWELL: json.dumps({key: [rfc3339(s.since), rfc3339(s.seen)] for key, s in kept})} if kept else {}
