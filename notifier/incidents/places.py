"""How far the people of each released notice have been put into the outbox: one small checkpoint, changed in the
transactions that move it, in the order the notices were released."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from ..ports import Transaction

NAME = "fanout"
"""The checkpoint."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one notice's fan-out has come to. `part` counts its parts (regions by nearness, then those told before);
    `mark` tells whether they are still the parts it was counted in; `channel` and `address` are the last that was
    planned of the part."""

    incident: str
    stage: str
    service: str
    cause: tuple[str, ...]
    audience: int
    mark: str = ""
    part: int = 0
    channel: str = ""
    address: str = ""

    def next_part(self) -> Place:
        """The beginning of the part after this."""
        return replace(self, part=self.part + 1, channel="", address="")


def read_places(tx: Transaction) -> dict[str, Place]:
    """The places of all notices that are not all in the outbox, by notice, in the order of their release."""
    kept = tx.checkpoint(NAME)
    found: Mapping[str, Mapping[str, object]] = json.loads(kept) if kept else {}
    return {notice: Place(**{**place, "cause": tuple(place["cause"])}) for notice, place in found.items()}  # type: ignore[arg-type]


def put_places(tx: Transaction, places: Mapping[str, Place], now: datetime) -> None:
    """Keep them."""
    plain = {notice: asdict(place) for notice, place in places.items()}
    tx.put_checkpoint(NAME, json.dumps(plain, ensure_ascii=False).encode(), now)


def drop_places(tx: Transaction, incidents: Collection[str], stages: Iterable[str], now: datetime) -> None:
    """Let no more of these be planned: what has ended is not queued for anybody who has not been reached yet."""
    places, ended = read_places(tx), frozenset(str(stage) for stage in stages)
    left = {id: place for id, place in places.items() if place.incident not in incidents or place.stage not in ended}
    if len(left) < len(places):
        put_places(tx, left, now)


def next_place(places: Mapping[str, Place]) -> str | None:
    """The notice to go on with: the smallest of those that no earlier notice of the same incident is before, so that
    nobody hears a second word before the first and no small outage waits for a large one."""
    first: dict[str, str] = {}
    for notice, place in places.items():
        first.setdefault(place.incident, notice)
    return min(first.values(), key=lambda notice: places[notice].audience, default=None)
