"""Batches of posts, as the networks send them → reports. The work of a listener's thread, of a worker process and of a
node alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from ..detection.report import Hearing, Report, Reporter
from ..model.mention import Mention
from .glance import GLANCES, tidied
from .shapes import Feed, Unread, read
from .triggers import Triggers


class Tally(msgspec.Struct, array_like=True):
    """What became of posts: taken, and of those how many had bytes nobody can read, were no posts or unwanted, held no
    trigger, were judged nothing, came late, speak of places outside the territory, or were reported (`reported`;
    `placed` of them with a place)."""

    posts: int = 0
    unreadable: int = 0
    no_post: int = 0
    no_trigger: int = 0
    no_verdict: int = 0
    late: int = 0
    outside: int = 0
    reported: int = 0
    placed: int = 0

    def add(self, other: Tally) -> None:
        """Add another tally to this one."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Batch(msgspec.Struct, array_like=True):
    """What a batch of posts came to: (place of the post in the batch, a report of it) in order, the places of what was
    unreadable, and the tally."""

    reports: list[tuple[int, Report]]
    unreadable: list[int]
    tally: Tally


class PostReader:
    """Reads posts of any feed. Safe to use from several threads; never raises for anything a post may hold."""

    def __init__(self, hearing: Hearing, *, everywhere: bool = False) -> None:
        """`everywhere`: report of places outside the territory too, for a detector that counts what it leaves out."""
        self._reporter = Reporter(hearing)
        self._triggers = Triggers(self._reporter.triggers())
        self._everywhere = everywhere

    def read(self, feed: Feed, posts: Sequence[bytes], heard: datetime | Sequence[datetime]) -> Batch:
        """Reports of a batch of posts, heard all at one moment or each at its own."""
        tally = Tally(posts=len(posts))
        batch = Batch([], [], tally)
        for at in self._worth_reading(feed, posts, tally):
            now = heard if isinstance(heard, datetime) else heard[at]
            mention = read(feed, posts[at], now)
            if isinstance(mention, Mention):
                self._report(mention, now, at, batch)
            elif mention is Unread.UNREADABLE:
                tally.unreadable += 1
                batch.unreadable.append(at)
            else:
                tally.no_post += 1
        return batch

    def mentions(self, posts: Iterable[Mention], now: datetime) -> Batch:
        """The same for posts a source has read already."""
        taken = list(posts)
        batch = Batch([], [], Tally(posts=len(taken)))
        held = self._triggers.holding([post.text for post in taken])
        batch.tally.no_trigger = len(taken) - len(held)
        for at in held:
            self._report(taken[at], now, at, batch)
        return batch

    def _worth_reading(self, feed: Feed, posts: Sequence[bytes], tally: Tally) -> list[int]:
        """Which posts are worth reading in full: those whose text has a verdict, and those a glance cannot tell."""
        glance = GLANCES[feed.shape]
        texts = [glance(raw) for raw in posts]
        told = [at for at, text in enumerate(texts) if text]
        held = self._triggers.holding([text for text in texts if text])
        found = [told[at] for at in held if self._reporter.verdicts(tidied(feed.shape, texts[told[at]] or ""))]
        tally.no_trigger = len(told) - len(held)
        tally.no_verdict = len(held) - len(found)
        if len(told) < len(texts):
            close = [at for at, text in enumerate(texts) if text is None]
            tally.no_post = len(texts) - len(told) - len(close)
            found = sorted([*found, *close])
        return found

    def _report(self, mention: Mention, now: datetime, at: int, batch: Batch) -> None:
        found = self._reporter.reports(mention, now)
        reports = found if self._everywhere else [one for one in found if self._reporter.counts_here(one)]
        batch.reports.extend((at, report) for report in reports)
        if reports:
            batch.tally.reported += 1
            batch.tally.placed += bool(reports[0].region)
        elif found:
            batch.tally.outside += 1
        elif self._reporter.is_late(mention, now):
            batch.tally.late += 1
        else:
            batch.tally.no_verdict += 1
