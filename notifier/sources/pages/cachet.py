"""Cachet, the status page people host themselves: 2.x (/api/v1) and 3 (/api, JSON:API).

Components, incidents and planned work are lists of their own, asked for together, the newest incidents first and the
fixed ones among them. A list of one page is all there is; where one has more pages, nothing ends by being left out. Its
times have no zone: `timezone` says which is meant. An incident says how far the work is, not how bad the trouble is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import field_validator

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading

from ..clocks import known_zone
from ..page import Context, PageSource, get_parts, parts_of
from ..settings import HttpSettings, request_of
from ..vendor_page import read_page
from . import cachet_v2, cachet_v3


class CachetSettings(HttpSettings):
    """A Cachet page."""

    kind: Literal["cachet"] = "cachet"
    version: Literal["2", "3"] = "3"
    """Major version: 2 is asked below /api/v1, 3 below /api."""
    schedules: bool = True
    """Whether planned work is asked for; Cachet before 2.4 has no list of it."""
    timezone: str = "UTC"
    """The page's time zone: its times come without one."""
    level: Literal["notice", "minor", "major", "critical"] = "minor"
    """How bad an open incident is that names no component in trouble."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)


def make(settings: CachetSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[CachetSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask, fetch=fetch)


def _paths(settings: CachetSettings) -> dict[str, str]:
    paths = cachet_v2.PATHS if settings.version == "2" else cachet_v3.PATHS
    return {name: path for name, path in paths.items() if settings.schedules or name != "schedules"}


def ask(settings: CachetSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get every list."""
    base = settings.url.rstrip("/")
    return get_parts({name: request_of(settings, base + path) for name, path in _paths(settings).items()},
                     fetch, memory, now)


def read(body: bytes, context: Context[CachetSettings]) -> Reading:
    """What the page says."""
    settings = context.settings
    names = tuple(_paths(settings))
    parts = dict(zip(names, parts_of(body, *names), strict=True))
    page_of = cachet_v2.page_of if settings.version == "2" else cachet_v3.page_of
    page = page_of(parts, zone=settings.timezone, default=Level[settings.level.upper()], now=context.now)
    return read_page(page, context, zone=settings.timezone)
