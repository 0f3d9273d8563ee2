"""How far the people of each released notice have been put into the outbox: one small checkpoint, changed in the
transactions that move it, in the order the notices were released. A channel with a canary has a place of its own, so
that what it waits for keeps no other channel waiting."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from ..model.notice import Stage
from ..ports import Transaction

NAME = "fanout"
"""The checkpoint."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one notice's fan-out has come to, under its notice or as "<notice>/<channel>". `part` counts its parts
    (regions by nearness, then those told before); `mark` tells whether they are still the parts it was counted in;
    `channel` and `address` are the last that was planned of the part. `channels`: only what goes out on these; none
    named: all. `first`: how many are to be told before the others of its channel, of `people` there; 0: none, or they
    have been queued. `held`: nothing more is planned until somebody decides."""

    incident: str
    stage: str
    service: str
    cause: tuple[str, ...]
    audience: int
    mark: str = ""
    part: int = 0
    channel: str = ""
    address: str = ""
    channels: tuple[str, ...] = ()
    first: int = 0
    people: int = 0
    held: bool = False

    def next_part(self) -> Place:
        """The beginning of the part after this."""
        return replace(self, part=self.part + 1, channel="", address="")

    def shares(self, other: Place) -> bool:
        """Whether both plan something on one channel."""
        return not self.channels or not other.channels or not set(self.channels).isdisjoint(other.channels)


def key_of(notice: str, channel: str) -> str:
    """The name of the place of a channel that has a canary."""
    return f"{notice}/{channel}"


def notice_of(key: str) -> str:
    """The notice a place is of."""
    return key.partition("/")[0]


def read_places(tx: Transaction) -> dict[str, Place]:
    """The places of all notices that are not all in the outbox, in the order of their release."""
    kept = tx.checkpoint(NAME)
    found: Mapping[str, Mapping[str, object]] = json.loads(kept) if kept else {}
    return {key: Place(**{**place, **{name: tuple(place.get(name, ())) for name in ("cause", "channels")}})  # type: ignore[arg-type]
            for key, place in found.items()}


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
    """The place to go on with: the first people of a channel before everything else, for others wait for what becomes
    of them; then the smallest. On no channel is a later notice of an incident before an earlier one, so that nobody
    hears a second word before the first; the end of it waits for nothing that is held."""
    free: list[str] = []
    before: dict[str, list[Place]] = {}
    for key, place in places.items():
        earlier = before.setdefault(place.incident, [])
        closing = place.stage in (Stage.RESOLVE, Stage.CORRECT)
        blocked = any(place.shares(one) for one in earlier if not (closing and one.held))
        if not place.held and not blocked:
            free.append(key)
        earlier.append(place)
    return min(free, key=lambda key: (places[key].first == 0, places[key].audience), default=None)
