"""Small parts the tests of polled sources share: a tree of regions, answers, a store in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from notifier.model.region import Region, RegionTree
from notifier.ports import Answer
from notifier.store import SqlStore, StoreSettings, open_store

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def tree() -> RegionTree:
    """Two countries, a few states, a county that exists twice, and a square with a polygon."""
    regions = (
        Region("US", "United States", "country", aliases=("USA",)),
        Region("US-VT", "Vermont", "state", "US", aliases=("VT",), codes=("50",)),
        Region("US-NY", "New York", "state", "US", aliases=("NY",), codes=("36",)),
        Region("US-VA", "Virginia", "state", "US", aliases=("VA",), codes=("51",)),
        Region("US-WV", "West Virginia", "state", "US", aliases=("WV",), codes=("54",)),
        Region("US-MT", "Montana", "state", "US", aliases=("MT",), codes=("30",)),
        Region("US-VT-007", "Chittenden County", "county", "US-VT", codes=("UGC:VTC007", "SAME:050007")),
        Region("US-VT-023", "Washington County", "county", "US-VT", codes=("UGC:VTC023", "SAME:050023")),
        Region("US-NY-115", "Washington County", "county", "US-NY", codes=("UGC:NYC115", "SAME:036115")),
        Region("US-MT-049", "Lewis and Clark County", "county", "US-MT", codes=("SAME:030049",)),
        Region("VT-BTV", "Burlington", "place", "US-VT-007"),
        Region("CA", "Canada", "country"),
        Region("CA-ON", "Ontario", "province", "CA"),
        Region("CA-ESSEX", "Essex", "county", "CA-ON", polygon=((41, -84), (41, -82), (43, -82), (43, -84), (41, -84))),
        Region("EU-N", "North Europe", "cloud", aliases=("us-ashburn-1",)),
        Region("EU-W", "West Europe", "cloud"),
    )
    return RegionTree({region.id: region for region in regions})


def answer(
    body: bytes | str | Any, *, status: int = 200, headers: Mapping[str, str] | None = None, at: datetime = NOW
) -> Answer:
    """An answer with a body of bytes, text, or anything JSON can say."""
    if not isinstance(body, bytes | str):
        body = json.dumps(body)
    return Answer(at, status, dict(headers or {}), body.encode() if isinstance(body, str) else body)


def memory_store() -> SqlStore:
    """The real store, keeping nothing."""
    return open_store(StoreSettings(path=":memory:"))
