"""One service in all regions of a territory: people and copies as they come, minute by minute into a field.

A post counts in the minute in which it arrives: what is heard of a minute is then complete when it ends. What was
written more than LATE minutes ago, or in a minute in which nothing at all was heard of a busy stream, counts no more:
after a gap everything comes at once and would look like a spike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .field import Field, Tree
from .keeping import Kept, keep, restore
from .settings import SpikeSettings
from .windows import Look

Column = NDArray[np.float64]

QUIET = Look(np.zeros(0), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


class Territory:
    """The series of one service. `parents` names each region's parent, or None."""

    def __init__(self, parents: Mapping[str, str | None], settings: SpikeSettings | None = None) -> None:
        self.regions: Sequence[str] = tuple(parents)
        self.number = {region: number for number, region in enumerate(self.regions)}
        # The operator says what is usual before anything was heard (prior_per_minute): a silent first day is worse.
        tree = Tree.of([self.number.get(parent or "", -1) for parent in parents.values()])
        self.field = Field(tree, settings, first=0)
        self._people, self._copies = np.zeros(len(self.regions)), np.zeros(len(self.regions))
        self.last = QUIET
        self._fresh = True
        """Whether anything was counted, or a minute taken up, since the last look."""
        self._usual: tuple[int, Column] = (0, self._people)

    def __len__(self) -> int:
        return len(self.regions)

    def count(self, regions: Iterable[str], *, people: int = 0, copies: int = 0) -> None:
        """People and copies that arrive now, in a region and all above it."""
        self._fresh = True
        for region in regions:
            number = self.number.get(region)
            if number is not None:
                self._people[number] += people
                self._copies[number] += copies

    def turn(self, now: int, *, listening: bool) -> None:
        """Take every minute up that is over by second `now`. `listening`: whether anything at all was heard of late."""
        over = now // 60 - 1
        last = self.field.minute
        if last is None:
            self.field.minute = over
        elif over > last:
            self._fresh = True
            heard = np.full(len(self), 1.0 if listening else 0.0)
            self.field.tick(last + 1, self._people, self._copies, heard)
            self._people, self._copies = np.zeros(len(self)), np.zeros(len(self))
            if over > last + 1:  # nobody turned us meanwhile: those minutes are a gap, not calm
                self.field.tick(over, self._people, self._copies, np.zeros(len(self)))

    def look(self, now: int) -> None:
        """See how unlikely it is what was heard until second `now`; `score` and `window` tell of it. Where nothing was
        heard since the last look nothing became less likely: that look stands until the minute ends."""
        if not self._fresh:
            return
        self._fresh = False
        minute, second = divmod(now, 60)
        share = min(max((second + 1) / 60, 1 / 6), 1.0)
        self.last = self.field.peek(minute, share, self._people, self._copies, np.ones(len(self)))

    def score(self, region: str) -> float:
        """-log10 of how likely the least likely window of a region is, at the last look."""
        number = self.number.get(region)
        return 0.0 if number is None or number >= len(self.last.score) else float(self.last.score[number])

    def unlikely(self) -> tuple[str, ...]:
        """Regions that heard anything unlikely at the last look, in the tree's order."""
        return tuple(self.regions[number] for number in np.flatnonzero(self.last.score > 0).tolist())

    def window(self, region: str) -> tuple[int, int, float]:
        """Minutes, people and expected people of that window; zeros where nothing is unlikely."""
        number = self.number.get(region)
        if number is None or number >= len(self.last.score):
            return 0, 0, 0.0
        return int(self.last.window[number]), int(self.last.people[number]), float(self.last.expected[number])

    def hold(self, region: str, held: bool) -> None:
        """Whether a region is alarmed, and what is heard there not to be learnt as usual. What this hour heard before
        the alarm was part of it."""
        number = self.number.get(region)
        if number is None:
            return
        if held and not self.field.held[number]:
            hour = self.field.usual.hour
            hour["people"][number] = min(hour["people"][number], hour["expected"][number])
        self.field.held[number] = held

    def over(self, region: str) -> None:
        """An alarm of a region is over: what was heard so far raises none again."""
        number = self.number.get(region)
        if number is not None:
            self.field.windows.floor[number] = self.field.windows.count + 1
            self.field.held[number] = False
            self._fresh = True

    def rate(self, region: str, second: int) -> float:
        """Usual people a minute of a region."""
        minute = second // 60
        if self._usual[0] != minute:
            self._usual = (minute, self.field.forecast(minute))
        number = self.number.get(region)
        return 0.0 if number is None else float(self._usual[1][number])

    def dump(self) -> Kept:
        """What was learnt and counted, by region."""
        return keep(self.field, self.regions, {"people": self._people, "copies": self._copies})

    def load(self, kept: Kept) -> None:
        """Continue from what `dump` gave, as far as its regions are still here. Raises ValueError for what it did not
        give."""
        more = {"people": self._people, "copies": self._copies}
        restore(self.field, self.regions, kept, more)
        self._fresh = True
