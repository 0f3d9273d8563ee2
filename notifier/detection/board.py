"""All series and what they learn: the detector's memory, without any rule of when to raise an alarm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..model.region import RegionTree
from .baseline import HOUR, Heard, Level
from .complaint import Kind
from .people import Counted, Crowd, Voice
from .series import Series, Usual
from .settings import DetectionSettings

LEARN_AFTER = 12 * HOUR
"""An alarm that lasts longer is the new usual, little by little: a level set too low must not alarm for ever."""

Key = tuple[str, str]
"""Service and region."""


@dataclass(frozen=True, slots=True, order=True)
class Post:
    """What one post says. `region` is "" where nothing tells; `shown` is its text without names and links."""

    at: int
    person: int
    kind: Kind
    services: tuple[str, ...]
    region: str
    words: tuple[str, ...]
    shown: str
    voice: Voice = field(compare=False)


class Board:
    """Every series by (service, region); people; what is usual."""

    def __init__(self, settings: DetectionSettings, regions: RegionTree) -> None:
        self.settings = settings
        self.regions = regions
        self.home = settings.home_region if settings.home_region in regions else None
        self.territory = frozenset(regions.within(self.home)) if self.home else frozenset(one.id for one in regions)
        self.series: dict[Key, Series] = {}
        self.usual: dict[str, Usual] = {}
        self.people = Crowd(once=int(settings.once_within.total_seconds()),
                            copies=int(settings.copies_within.total_seconds()), most=settings.remember_most)
        self.listened = Heard(settings.learn_half_life.total_seconds())
        self.hours: set[int] = set()
        """Hours in which any post was heard, until they are learnt."""

    def heard(self, at: int) -> None:
        """Any post was heard, whatever it said."""
        self.hours.add(at // HOUR)

    # ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def count(self, post: Post) -> None:
        """Count the person of one post for each service it speaks of."""
        regions = self._regions_of(post.region)
        if not regions:
            return
        for service in post.services:
            tally = self.people.count(post.voice, f"{service}\n{post.kind}", post.at)
            if tally.counted is not Counted.PERSON:
                continue
            if post.kind is Kind.COMPLAINT:
                usual = self.usual.setdefault(service, Usual())
                usual.hours[post.at // HOUR] = usual.hours.get(post.at // HOUR, 0) + 1
            for region in regions:
                self._enter(self._at((service, region)), post)

    def _enter(self, series: Series, post: Post) -> None:
        if post.kind is Kind.COMPLAINT:
            series.add(post.at, placed=bool(post.region), words=post.words, sample=(post.at, post.shown),
                       most=self.settings.samples)
        elif post.kind is Kind.RECOVERY:
            series.recover(post.at)
        else:
            series.help(post.at, post.shown)

    def _regions_of(self, region: str) -> tuple[str, ...]:
        """The regions a post counts in: its own and all above, within the territory; the whole of it without one."""
        if not region:
            return (self.home,) if self.home else ()
        return tuple(one for one in self.regions.path(region) if one in self.territory)

    def _at(self, key: Key) -> Series:
        found = self.series.get(key)
        if found is None:
            if len(self.series) >= self.settings.series_most:
                self._drop_quietest()
            found = self.series[key] = Series()
        return found

    def _drop_quietest(self) -> None:
        """Make room for a hundredth more."""
        by_worth = sorted(self.series, key=lambda key: (self.series[key].active, self.series[key].level.people, key))
        for key in by_worth[:max(1, self.settings.series_most // 100)]:
            del self.series[key]

    # ── what is usual ────────────────────────────────────────────────────────────────────────────────────────────────

    def rate(self, key: Key, second: int) -> float:
        """Usual people a minute of a series at a moment."""
        series = self.series.get(key)
        level = series.level if series else Level()
        return level.rate(self.listened.minutes, self.settings.prior_per_minute) * self._flat(key[0]).profile.at(second)

    def _flat(self, service: str) -> Usual:
        return self.usual.get(service) or Usual()

    def learn(self, now: int) -> None:
        """Learn from the hours that are over and can get no more late posts."""
        over = (now - int(self.settings.late_within.total_seconds())) // HOUR
        for hour in sorted(hour for hour in self.hours if hour < over):
            self._learn_hour(hour)
            self.hours.discard(hour)

    def _learn_hour(self, hour: int) -> None:
        before = self.listened.minutes
        self.listened.hour(True)
        kept, prior = self.listened.kept, self.settings.prior_per_minute
        busy: set[str] = set()
        for (service, _), series in self.series.items():
            learn = not self._alarmed(series, hour)
            if not learn:
                busy.add(service)
            shape = self._flat(service).profile.slot(hour % 168)
            series.level.hour(series.hours.pop(hour, 0), expected=series.level.rate(before, prior) * 60 * shape,
                              shape=shape, kept=kept, learn=learn)
        for service, usual in self.usual.items():
            people = usual.hours.pop(hour, 0)
            flat = usual.level.rate(before, prior) * 60
            shape = usual.profile.slot(hour % 168)
            usual.level.hour(people, expected=flat * shape, shape=shape, kept=kept, learn=service not in busy)
            if service not in busy:
                usual.profile.hour(hour, people, flat)

    @staticmethod
    def _alarmed(series: Series, hour: int) -> bool:
        if series.episode is not None:
            return (hour + 1) * HOUR > series.episode.onset and hour * HOUR - series.episode.began < LEARN_AFTER
        return hour * HOUR < series.busy_until

    def forget(self, now: int) -> None:
        """Drop what can no longer matter."""
        self.people.forget(now)
        for series in self.series.values():
            series.forget(now)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def history(self, service: str, region: str, last: int, minutes: int) -> Iterator[tuple[int, int, float]]:
        """(minute, people, usual people) up to and with minute `last`."""
        series = self.series.get((service, region))
        for minute in range(last - min(max(minutes, 0), 180) + 1, last + 1):
            heard = series.minutes.get(minute, 0) if series else 0
            yield minute, heard, self.rate((service, region), minute * 60)
