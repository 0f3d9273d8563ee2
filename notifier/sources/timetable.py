"""When each source is polled: evenly, so that no second has much more than its share.

Ten thousand sources that are due once a minute are 167 a second; started together they are ten thousand in one. Each
source gets a place in its interval by its rank among those of the same interval, in an order that has nothing to do
with their names, and keeps it: the next poll is counted from the place, not from the last poll, so that neither a late
start nor jitter ever adds up.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger

_QUICK = 1.0
"""First polls a second that are always allowed: a small deployment need not wait half a minute to hear anything."""


def places(sources: Iterable[tuple[str, timedelta]]) -> dict[str, float]:
    """The place of each (id, interval) within its interval, 0..1, evenly among those of the same interval."""
    by_interval: dict[timedelta, list[str]] = {}
    for id, every in sources:
        by_interval.setdefault(every, []).append(id)
    found: dict[str, float] = {}
    for ids in by_interval.values():
        shuffled = sorted(ids, key=lambda source: hashlib.sha256(source.encode()).digest())
        found |= {id: (rank + 0.5) / len(ids) for rank, id in enumerate(shuffled)}
    return found


def window(every: timedelta, number: int, spread: timedelta) -> timedelta:
    """How long the first polls of `number` sources of one interval are spread over: at most `spread`, but never so
    short that a second has more than twice its share, unless one a second is enough for all."""
    seconds = every.total_seconds()
    least = min(0.6 * seconds, number / _QUICK)
    return timedelta(seconds=min(seconds, max(least, min(spread.total_seconds(), number / _QUICK))))


class EvenTrigger(BaseTrigger):  # type: ignore[misc] # apscheduler has no types
    """Fires at `place` (0..1) within each interval `every` since `start`, the first time compressed into `first`;
    each time up to `jitter` sooner or later, an eighth of the interval at most."""

    def __init__(
        self, every: timedelta, place: float, *, start: datetime, first: timedelta, jitter: timedelta,
        dice: random.Random | None = None,
    ) -> None:
        self.every, self.place, self.start, self.first = every, place, start, first
        self.jitter = min(jitter, every / 8).total_seconds()
        self.dice = dice or random.Random()  # noqa: S311 spreading load, not secrecy

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next moment after the previous one, by the grid of places."""
        if previous_fire_time is None:
            return self.start + self.first * self.place
        offset = self.every * self.place
        gone = (previous_fire_time + self.every / 2 - self.start - offset) / self.every
        turn = max(1, int(gone // 1) + 1)
        return self.start + self.every * turn + offset + timedelta(seconds=self.dice.uniform(-self.jitter, self.jitter))
