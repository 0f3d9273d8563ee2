"""All series and what they learn: the detector's memory, without any rule of when to raise an alarm."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

import structlog

from ..model.region import RegionTree
from .complaint import Kind
from .counted import Count, Counts
from .helping.miner import Miner
from .listening import Listening
from .people import Counted, Crowd, Tally, Why
from .report import Report
from .series import KEEP, Sample, Series
from .settings import DetectionSettings
from .spikes.territory import NOWHERE, Territory
from .spikes.threshold import threshold

log = structlog.get_logger(__name__)

SERVICES_MOST = 10
"""Services that share the series kept at most; a larger tree of regions is cut from below."""

CREDIT_MOST = 1440
"""Minutes of silence that a service's first complaint finds known at most."""

Key = tuple[str, str]
"""Service and region."""


class Board:
    """Every series by (service, region); people; what is usual."""

    def __init__(self, settings: DetectionSettings, regions: RegionTree, services: Iterable[str]) -> None:
        """`services`: those whose complaints would have been heard from now on."""
        self.settings = settings
        self.regions = regions
        self.home = settings.home_region if settings.home_region in regions else None
        self.territory = frozenset(regions.within(self.home)) if self.home else frozenset(one.id for one in regions)
        self.series: dict[Key, Series] = {}
        self.territories: dict[str, Territory] = {}
        self._parents = _parents(regions, self.territory, self.home, settings.series_most // SERVICES_MOST)
        self.not_watched = self.territory - self._parents.keys()
        """Regions of a tree that is too wide."""
        self.people = Crowd(once=int(settings.once_within.total_seconds()),
                            copies=int(settings.copies_within.total_seconds()), most=settings.remember_most)
        self.miner = Miner()
        self.listening = Listening()
        self.since = dict.fromkeys(services, 0)
        """By service: minutes that were listened to before it was configured."""
        self.heard_at = 0
        """When the newest post was written, whatever it said."""

    def heard(self, at: int, now: int) -> None:
        """Any post was heard `now`, whatever it said, that was written at second `at`; 0 where nobody knows."""
        self.heard_at = max(self.heard_at, at)
        if at > 0:
            self.listening.heard(now)

    # ── counting ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def count(self, post: Report, now: int) -> None:
        """Count one post for each service it speaks of: as a person, as a copy of another's complaint, or not. `now` is
        when it arrived."""
        regions = self._regions_of(post.region)
        tallies = [(service, self.people.count(post.voice, f"{service}\n{post.kind}", post.at))
                   for service in post.services] if regions else []
        if post.said is not None and (regions or not post.services) and self._own_word(post, tallies):
            self.miner.hear(post.said)
        for service, tally in tallies:
            if tally.counted is Counted.NOTHING:
                continue
            if post.kind is Kind.COMPLAINT and post.at // 60 not in self.listening.deaf:
                person = tally.counted is Counted.PERSON
                self.territory_of(service).count(self._series_of(post.region, regions), written=post.at // 60,
                                                 arrived=now // 60,
                                                 people=int(person), copies=int(not person))
            for region in regions:
                self._enter(self._at((service, region)), post, tally.counted)

    def _own_word(self, post: Report, tallies: Iterable[tuple[str, Tally]]) -> bool:
        """Whether what a post advises is its author's own word, who may have been counted already: the last counts."""
        new = any(tally.why is Why.NEW_ACCOUNT for _, tally in tallies)
        return not new and self.people.copied(post.voice, post.at) is None

    def _enter(self, series: Series, post: Report, counted: Counted) -> None:
        if counted is Counted.COPY:
            if post.kind is Kind.COMPLAINT:
                series.copy(post.at)
        elif post.kind is Kind.COMPLAINT:
            series.add(post.at, placed=bool(post.region))
            series.show(post.words, Sample(post.at, post.shown, post.placed_by), self.settings.samples)
        elif post.kind is Kind.RECOVERY:
            series.recover(post.at)

    def add(self, counts: Counts, now: int) -> None:
        """Take up what was counted elsewhere, at `now`. Nothing in it is counted again: who had been heard before was
        known there. A count belongs to the end of its minute."""
        for one in counts.counts:
            at, regions = min(one.minute * 60 + 59, now), self._regions_of(one.region)
            if regions and one.kind is Kind.COMPLAINT and one.minute not in self.listening.deaf:
                self.territory_of(one.service).count(self._series_of(one.region, regions), written=at // 60,
                                                     arrived=now // 60,
                                                     people=one.people, copies=one.copies)
            for region in regions:
                _add(self._at((one.service, region)), one, at)
        for sample in counts.samples:
            for region in self._regions_of(sample.region) if sample.kind is Kind.COMPLAINT else ():
                if (series := self.series.get((sample.service, region))) is not None:
                    series.show(sample.words, Sample(sample.at, sample.shown, sample.placed_by), self.settings.samples)
        for said in counts.said:
            if self._regions_of(said.region):
                self.miner.hear(said)

    def _regions_of(self, region: str) -> tuple[str, ...]:
        """The regions a post counts in: its own and all above, within the territory; the whole of it without one."""
        if not region:
            return (self.home,) if self.home else ()
        if region not in self.regions:  # a node's configuration may be another day's
            return ()
        return tuple(one for one in self.regions.path(region) if one in self.territory)

    @staticmethod
    def _series_of(region: str, regions: tuple[str, ...]) -> tuple[str, ...]:
        """The series of a territory that a post counts in: one of no place is in no part of it."""
        return regions if region else (NOWHERE, *regions)

    def _at(self, key: Key) -> Series:
        found = self.series.get(key)
        if found is None:
            if len(self.series) >= self.settings.series_most:
                self._drop_quietest()
            found = self.series[key] = Series()
        return found

    def _drop_quietest(self) -> None:
        """Make room for a hundredth more."""
        by_worth = sorted(self.series, key=lambda key: (self.series[key].active, self.series[key].newest(), key))
        for key in by_worth[:max(1, self.settings.series_most // 100)]:
            del self.series[key]

    # ── what is usual ────────────────────────────────────────────────────────────────────────────────────────────────

    def rate(self, key: Key, second: int) -> float:
        """Usual people a minute of a series at a moment."""
        territory = self.territories.get(key[0])
        return territory.rate(key[1], second) if territory else self.settings.prior_per_minute

    def look(self, now: int) -> None:
        """Take up the minutes that are over and see how unlikely it is what was heard until now."""
        listened = self.listening.listened(now)
        for territory in self.territories.values():
            territory.turn(now, silent=partial(_silent, listened, territory.regions))
            territory.look(now)

    @property
    def threshold(self) -> float:
        """Score from which a series alarms, so that all together keep to the false alarms a month that are allowed."""
        return threshold(self.watched, self.settings.false_alarms_per_month)

    @property
    def watched(self) -> int:
        """Series that share the false alarms allowed: every region of every service that was heard of."""
        return sum(map(len, self.territories.values()))

    def territory_of(self, service: str) -> Territory:
        """The counts of one service in all regions; begun where it was not heard of. That nobody complained of it while
        others were listened to is the first that is known of it."""
        found = self.territories.get(service)
        if found is None:
            found = self.territories[service] = Territory(self._parents, self.settings.spikes, home=self.home)
            listened = self.listening.total - self.since.get(service, 0)
            found.field.credit(min(max(listened, 0), CREDIT_MOST))
            if (wait := self.settings.spikes.listen_first_minutes - listened) > 0:
                log.info("detector.listens_first", service=service, minutes=wait, setting="detection.listen_first")
        return found

    def forget(self, now: int) -> None:
        """Drop what can no longer matter."""
        self.people.forget(now)
        self.miner.forget(now)
        keep = max(KEEP, (max(self.settings.windows) + 1) * 60)  # the longest window and a little
        for series in self.series.values():
            series.forget(now, keep)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def history(self, service: str, region: str, last: int, minutes: int) -> Iterator[tuple[int, int, float]]:
        """(minute, people, usual people) up to and with minute `last`."""
        series = self.series.get((service, region))
        for minute in range(last - min(max(minutes, 0), 180) + 1, last + 1):
            heard = series.minutes.get(minute, 0) if series else 0
            yield minute, heard, self.rate((service, region), minute * 60)


def _silent(listened: Callable[[int], bool], regions: Collection[str], minute: int) -> Collection[str]:
    """The regions nobody listened to in a minute: all or none, for a listener is not of one region."""
    return () if listened(minute) else regions


def _add(series: Series, one: Count, at: int) -> None:
    if one.kind is Kind.COMPLAINT:
        series.add(at, placed=bool(one.region), people=one.people)
        series.copy(at, one.copies)
    elif one.kind is Kind.RECOVERY:
        series.recover(at, one.people)


def _parents(regions: RegionTree, territory: Collection[str], home: str | None, most: int) -> dict[str, str | None]:
    """Each region's parent within the territory; of a tree of more than `most` regions only its upper levels."""
    depth = {region: len(regions.path(region)) for region in territory}
    wide = sorted(territory, key=lambda region: (depth[region], region))
    if len(wide) > most:
        cut = depth[wide[most]]
        wide = [region for region in wide if depth[region] < cut]
    parents = {region: regions[region].parent for region in wide}
    return {region: parent if region != home and parent in parents else None for region, parent in parents.items()}
