"""A report: one public post's word that a service fails, works again or can be helped, judged and placed.

The word is that of the sites which count such reports. It is what is left of a post that matters: some hundred bytes
without a name, small enough to go from process to process and from machine to machine. The daemon's own listeners, its
worker processes and nodes make reports by this one code, so that a post means the same whichever way it comes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

import msgspec

from ..model.mention import Mention
from ..model.region import RegionTree
from ..model.service import Service
from .complaint import Judge, Kind, Verdict
from .helping.miner import Said
from .old_queue import OwnAccounts
from .people import Voice, is_repost, number, voice_of
from .place import Placed, PlaceFinder
from .settings import DetectionSettings, Vocabulary
from .shown import shown
from .words import TEXT_MOST

VERDICTS_KEPT = 4_096
"""Texts whose verdict is remembered: a storm of copies and reposts is judged once."""
LIKELY = 0.5
"""A place less sure than this is more likely wrong than right: the post counts as one without a place."""


class Report(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one post says of services that it says the same of. `at`: second since 1970 it counts at. `voice`: what
    matters for counting people. `region`: "" where no place is known. `words` decided; `shown` is the text without
    names and links; `placed_by` why the region is its place. `said`: for the miner, a post that may say what helps."""

    at: int
    voice: Voice
    kind: Kind
    services: tuple[str, ...]
    region: str
    words: tuple[str, ...]
    shown: str
    placed_by: str = ""
    said: Said | None = None

    @property
    def complains(self) -> bool:
        """Whether it is a complaint of its author's own."""
        return self.kind is Kind.COMPLAINT and not self.voice.passed_on


def in_order(report: Report) -> tuple[object, ...]:
    """The order in which reports are counted: that in which the posts were written, whatever the order of arrival."""
    return (report.at, report.voice.person, report.kind, report.services, report.region, report.words, report.shown)


@dataclass(frozen=True)
class Hearing:
    """What is needed to make reports of posts; goes to other processes whole."""

    detection: DetectionSettings
    vocabulary: Vocabulary
    regions: RegionTree
    services: Mapping[str, Service]


@dataclass(frozen=True)
class Read:
    """What is read in a post, for who edits the words: its verdicts and the words that decided against, what each word
    weighs with the model (log odds, heaviest first), its place, sure or not, and the reports it gives."""

    verdicts: tuple[Verdict, ...]
    against: tuple[str, ...]
    weights: tuple[tuple[str, float], ...]
    placed: Placed | None
    reports: tuple[Report, ...]


class Reporter:
    """Makes reports of mentions. Safe to use from several threads."""

    def __init__(self, hearing: Hearing) -> None:
        self._judge = Judge(hearing.vocabulary, hearing.services)
        self.places = PlaceFinder(hearing.regions, home=hearing.detection.home_region,
                                  nowhere=hearing.vocabulary.nowhere, not_places=hearing.vocabulary.not_places)
        self._regions = hearing.regions
        self._home = home = hearing.detection.home_region
        within = hearing.regions.within(home) if home is not None and home in hearing.regions else ()
        self._territory: frozenset[str] = frozenset(within)
        self._own = OwnAccounts(hearing.detection.own_accounts)
        self._late: timedelta = hearing.detection.late_within
        self._verdicts: OrderedDict[str, tuple[Verdict, ...]] = OrderedDict()
        self._lock = Lock()

    def triggers(self) -> frozenset[str]:
        """Folded words without which no post has a verdict; see `Judge.triggers`."""
        return self._judge.triggers()

    def verdicts(self, text: str) -> tuple[Verdict, ...]:
        """What the Judge says of a post with this text; the last few thousand texts are remembered."""
        with self._lock:
            known = self._verdicts.get(text)
        if known is not None:
            return known
        found = self._judge.verdicts(Mention(id="-", created_at=_NO_TIME, network="-", text=text))
        with self._lock:
            self._verdicts[text] = found
            if len(self._verdicts) > VERDICTS_KEPT:
                self._verdicts.popitem(last=False)
        return found

    def is_late(self, mention: Mention, now: datetime) -> bool:
        """Whether a post was written too long ago to count."""
        return now - mention.created_at > self._late

    def counts_here(self, report: Report) -> bool:
        """Whether a report counts anywhere: in the territory, or for all of it where nothing tells its place."""
        if not report.region:
            return bool(self._territory)
        return not self._territory or not self._territory.isdisjoint(self._regions.path(report.region))

    def reports(self, mention: Mention, now: datetime) -> tuple[Report, ...]:
        """What one post says, a report for each verdict. It counts at the time it was written, one from the future at
        `now`; one that is late, and one of our own accounts, not at all. Never raises for anything a post may hold."""
        verdicts = self.verdicts(mention.text)
        if not verdicts or self.is_late(mention, now) or self._own.name_of(mention) is not None:
            return ()
        placed = self._placed(mention)
        voice = voice_of(mention, tuple(word for verdict in verdicts for word in verdict.words))
        region, placed_by = (placed.region, shown(placed.reason)) if placed else ("", "")
        at, cleaned = int(min(mention.created_at, now).timestamp()), shown(mention.text)
        advising = next((verdict for verdict in verdicts if verdict.kind is not Kind.COMPLAINT), None)
        return tuple(
            Report(at=at, voice=own, kind=verdict.kind, services=verdict.services, region=region, words=verdict.words,
                   shown=cleaned, placed_by=placed_by,
                   said=advice(mention, own, at, verdict.services[0], region) if verdict is advising else None)
            for verdict, own in _voices(mention, verdicts, voice))

    def read(self, mention: Mention, now: datetime) -> Read:
        """What `reports` goes by, whatever becomes of it."""
        return Read(self.verdicts(mention.text), self._judge.against(mention.text), self._judge.explain(mention),
                    self.places.find(mention), self.reports(mention, now))

    def regions_of(self, report: Report) -> tuple[str, ...]:
        """The regions a report counts in, its own last; empty where it counts nowhere."""
        if not self.counts_here(report):
            return ()
        if not report.region:
            return (self._home,) if self._home else ()
        path = self._regions.path(report.region)
        return tuple(region for region in reversed(path) if not self._territory or region in self._territory)

    def _placed(self, mention: Mention) -> Placed | None:
        """Where a post speaks of, None where that is unknown or more likely wrong than right."""
        placed = self.places.find(mention)
        return placed if placed is not None and placed.certainty >= LIKELY else None


def _voices(mention: Mention, verdicts: Sequence[Verdict], voice: Voice) -> Iterator[tuple[Verdict, Voice]]:
    """Each verdict with its voice: what one passes on, another may say of their own ("power is back! RT @ann: no
    internet")."""
    for verdict in verdicts:
        passed_on = voice.passed_on or (len(verdicts) > 1 and is_repost(mention, verdict.words))
        yield verdict, voice._replace(passed_on=True) if passed_on and not voice.passed_on else voice


def advice(mention: Mention, voice: Voice, at: int, service: str, region: str) -> Said:
    """A post as the miner hears it."""
    return Said(at, voice.person, service, region, mention.text[:TEXT_MOST], number(mention.id),
                number(mention.reply_to) if mention.reply_to else 0)


_NO_TIME = datetime.fromtimestamp(0, UTC)
