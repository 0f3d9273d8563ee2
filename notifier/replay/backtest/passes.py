"""Posts in, alarms out: one recording through one detector for each threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from ...detection.seen import Seen
from ...model.mention import Mention
from ...model.region import RegionTree
from ...model.signal import Signal
from ..engine import AFTERWARDS
from ..recording import Event
from .alarms import Alarms
from .nearest import Nearest


class Ears(Protocol):
    """What a pass needs of a detector."""

    def take(self, source: str, mention: Mention, now: datetime) -> None: ...

    def signals(self, now: datetime) -> tuple[Signal, ...]: ...

    def seen(self, now: datetime) -> Seen: ...


@dataclass
class Heard:
    """What was played: posts, and the time since the warm-up in which the detector was turned: two hours after
    the last post before a gap it is no more."""

    posts: int = 0
    first: datetime | None = None
    last: datetime | None = None
    since: datetime | None = None
    """When the warm-up was over; None where nothing was heard."""
    played: timedelta = timedelta(0)


@dataclass
class Pass:
    """One threshold over the whole recording."""

    per_month: float
    """False alarms in 30 days that this pass puts up with."""
    detector: Ears
    regions: RegionTree
    window: timedelta
    """The longest window of the detector: what one outage raises in several regions comes within it."""
    alarms: Alarms = field(init=False)
    nearest: Nearest = field(init=False)
    threshold: tuple[float, float] | None = None
    """The score from which alarms were raised, at the first look and at the last: it grows with the services that are
    heard of. None before the first look."""
    series: int = 0

    def __post_init__(self) -> None:
        self.alarms = Alarms(self.regions)
        self.nearest = Nearest(self.regions, self.window)

    def look(self, now: datetime, *, counts: bool) -> None:
        """One look at the counts, and what came of it. `counts`: whether the warm-up is over."""
        signals = self.detector.signals(now)
        seen = self.detector.seen(now)
        if seen.series:
            self.threshold = (self.threshold[0] if self.threshold else seen.threshold, seen.threshold)
            self.series = seen.series
        self.alarms.look(signals, seen)
        self.nearest.look(now, seen, counts=counts)

    def finish(self, since: datetime | None) -> None:
        """The recording is over; alarms raised before `since` do not count."""
        self.nearest.end()
        self.alarms.all = [alarm for alarm in self.alarms.all if since is not None and alarm.raised >= since]


def play(events: Iterable[Event], passes: Sequence[Pass], tick: timedelta, *, warm_up: timedelta = timedelta(0),
         progress: Callable[[datetime], None] = lambda at: None) -> Heard:
    """Play the posts of a recording through every pass; polls and calls are left alone. A look every `tick`. What is
    raised before `warm_up` is over is learnt from, and does not count."""
    heard = Heard()
    for at, post in in_time(events, tick):
        if heard.since is None:
            heard.first, heard.since = at, at + warm_up
        if post is None:
            progress(at)
            heard.last = at
            heard.played += tick if at >= heard.since else timedelta(0)
        else:
            heard.posts += 1
        for one in passes:
            if post is None:
                one.look(at, counts=at >= heard.since)
            else:
                one.detector.take("recording", post, at)
    for one in passes:
        one.finish(heard.since)
    return heard


def in_time(events: Iterable[Event], tick: timedelta) -> Iterator[tuple[datetime, Mention | None]]:
    """Posts with the looks between them (None), as `replay` turns the daemon: on whole ticks since 1970, what is due at
    the moment of a post before it, and none once the last post is two hours past."""
    due = last = None
    for event in events:
        if not isinstance(event.what, Mention):
            continue
        while due is not None and due <= event.at:
            yield due, None
            due = None if last is not None and due - last > AFTERWARDS else _after(due, tick)
        yield event.at, event.what
        last = event.at
        due = due or _after(last, tick)
    while due is not None and last is not None and due <= last + AFTERWARDS:
        yield due, None
        due = _after(due, tick)


def _after(moment: datetime, tick: timedelta) -> datetime:
    """The next whole tick."""
    length = tick.total_seconds()
    return datetime.fromtimestamp((moment.timestamp() // length + 1) * length, tz=moment.tzinfo)
