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
from ..detection.people import is_repost, person_of, text_of
from ..detection.place import PlaceFinder
from ..detection.settings import DetectionSettings, Vocabulary
from ..detection.telling import shown
from ..model.mention import Mention
from ..model.region import RegionTree
from ..model.service import Service
from .triggers import Triggers

NO_COPY = -1
"""In place of a copy key where a text is too short to be anybody's copy."""
VERDICTS_KEPT = 4_096
"""Texts whose verdict is remembered: a storm of copies and reposts is judged once."""


class Report(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """What one post says. `at`: second since 1970 it counts at. `person`, `copy`: numbers that one author's posts, and
    posts of the same words, share (`detection.people`); NO_COPY where there is none. `region` "": no place is known.
    `repost`: somebody passes on what another said; it counts nobody new."""

    at: int
    person: int
    copy: int
    kind: Kind
    services: tuple[str, ...]
    region: str
    words: tuple[str, ...]
    shown: str
    repost: bool = False


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
        `now`, one that is late not at all."""
        verdicts = self.verdicts(mention.text)
        if not verdicts or self.is_late(mention, now):
            return ()
        at = int(min(mention.created_at, now).timestamp())
        placed = self._places.find(mention)
        text = text_of(mention)
        return tuple(Report(at=at, person=person_of(mention), copy=NO_COPY if text is None else text,
                            kind=verdict.kind, services=verdict.services, region=placed.region if placed else "",
                            words=verdict.words, shown=shown(mention.text), repost=is_repost(mention))
                     for verdict in verdicts)


_NO_TIME = datetime.fromtimestamp(0, UTC)
