"""A report: one public post's word that a service fails, works again or can be helped, judged and placed.

The word is that of the sites which count such reports. It is what is left of a post that matters: some hundred bytes
without a name, small enough to go from process to process and from machine to machine.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

import msgspec

from ..detection.complaint import Judge, Kind, Verdict
from ..detection.people import Voice, voice_of
from ..detection.place import PlaceFinder
from ..detection.settings import DetectionSettings, Vocabulary
from ..detection.telling import shown
from ..model.mention import Mention
from ..model.region import RegionTree
from ..model.service import Service
from .triggers import Triggers

VERDICTS_KEPT = 4_096
"""Texts whose verdict is remembered: a storm of copies and reposts is judged once."""


class Report(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one post says. `at`: second since 1970 it counts at. `voice`: what matters for counting people. `region`:
    "" where no place is known."""

    at: int
    voice: Voice
    kind: Kind
    services: tuple[str, ...]
    region: str
    words: tuple[str, ...]
    shown: str


@dataclass(frozen=True)
class Hearing:
    """What is needed to make reports of posts; goes to other processes whole."""

    detection: DetectionSettings
    vocabulary: Vocabulary
    regions: RegionTree
    services: Mapping[str, Service]


class Reporter:
    """Makes reports of mentions. Safe to use from several threads."""

    def __init__(self, hearing: Hearing) -> None:
        self._judge = Judge(hearing.vocabulary, hearing.services)
        self._places = PlaceFinder(hearing.regions, home=hearing.detection.home_region,
                                   nowhere=hearing.vocabulary.nowhere, not_places=hearing.vocabulary.not_places)
        self._regions = hearing.regions
        home = hearing.detection.home_region
        within = hearing.regions.within(home) if home is not None and home in hearing.regions else ()
        self._territory: frozenset[str] = frozenset(within)
        self._late: timedelta = hearing.detection.late_within
        self._verdicts: OrderedDict[str, tuple[Verdict, ...]] = OrderedDict()
        self._lock = Lock()
        self.triggers = Triggers(self._judge.triggers())

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

    def reports(self, mention: Mention, now: datetime) -> tuple[Report, ...]:
        """What one post says, a report for each verdict. It counts at the time it was written, one from the future at
        `now`; one that is late, and one from outside the territory, not at all."""
        verdicts = self.verdicts(mention.text)
        if not verdicts or self.is_late(mention, now):
            return ()
        at = int(min(mention.created_at, now).timestamp())
        placed = self._places.find(mention)
        region = placed.region if placed else ""
        if not self._is_ours(region):
            return ()
        return tuple(Report(at=at, voice=voice_of(mention, verdict.words), kind=verdict.kind,
                            services=verdict.services, region=region, words=verdict.words, shown=shown(mention.text))
                     for verdict in verdicts)

    def _is_ours(self, region: str) -> bool:
        """Whether a report counts anywhere: in the territory, or for all of it where nothing tells its place."""
        if not region:
            return bool(self._territory)
        return not self._territory or not self._territory.isdisjoint(self._regions.path(region))


_NO_TIME = datetime.fromtimestamp(0, UTC)
