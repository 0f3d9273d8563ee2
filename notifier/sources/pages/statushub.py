"""StatusHub pages: `{page}/api/statuses`, how many services are up, affected and down.

That is all the open address tells: no names, no times, no words (the rest wants an account). So the page as a whole is
the trouble: minor while services are affected, major once one is down, over when none is either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..page import Context, PageSource, ask_at
from ..settings import HttpSettings
from ..shapes import Unreadable, json_of, record
from ..vendor_page import VendorPage, read_page

PATH = "/api/statuses"
_MOST = 1_000_000


class StatusHubSettings(HttpSettings):
    """A StatusHub page. It names neither services nor regions: the placing's defaults count."""

    kind: Literal["statushub"] = "statushub"


def make(settings: StatusHubSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[StatusHubSettings]:
    """One page."""
    return PageSource(settings, regions=regions, read=read, ask=ask_at(PATH), fetch=fetch)


def read(body: bytes, context: Context[StatusHubSettings]) -> Reading:
    """What the counters come to; a service that is up affirms."""
    counters = record(record(json_of(body), "the answer").get("counters"), "counters")
    up, affected, down = (_count(counters, state) for state in (1, 2, 3))
    if up + affected + down == 0:
        raise Unreadable("the counters count no service")
    overall = Level.MAJOR if down else Level.MINOR if affected else Level.NOTICE
    said = ", ".join(f"{count} {word}" for count, word in ((down, "down"), (affected, "affected"), (up, "up")) if count)
    return read_page(VendorPage(whole=True, affirmed=up > 0, overall=overall, overall_said=said), context)


def _count(counters: Mapping[str, Any], state: int) -> int:
    value = counters.get(f"count_status_{state}")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise Unreadable(f"count_status_{state} is no count")
    return value
