"""One service in all regions of a territory: people and copies as they come, minute by minute into a field. The daemon
and `notifier detect` collect by it.

A post counts in the minute in which it arrives: what is heard of a minute is then complete when it ends, also where a
listener always lags. What was written more than LATE minutes before is counted where it belongs, so that catching up
brings no spike. What was written in a minute in which nobody listened counts no more: nothing was expected then, and
after a gap everything comes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
import structlog
from numpy.typing import NDArray

from .field import Field, Tree
from .keeping import Kept, keep, restore
from .settings import SpikeSettings
from .silence import Silence
from .windows import Look

Column = NDArray[np.float64]
Open = tuple[Column, Column]
"""People and copies of one minute that is not over, by region."""

log = structlog.get_logger(__name__)

QUIET = Look(np.zeros(0), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
NOWHERE = ""
"""The part of a territory that takes the posts of no known place: the sum's own windows do not speak where its parts
tell news from outages, and what is in no part would not be heard."""
LATE = 6
"""Minutes up to which a post counts when it arrives. 99.5 % of posts arrive within one."""
BACK = 2
"""Minutes a clock may go back without more than a pause; beyond, the detector goes on from the new time."""


class Territory:
    """The series of one service. `parents` names each region's parent, or None; `home` the one that posts of no place
    count for."""

    def __init__(self, parents: Mapping[str, str | None], settings: SpikeSettings | None = None, *,
                 home: str | None = None) -> None:
        self.home = home
        parents = {**parents, **({NOWHERE: home} if home in parents else {})}
        self.regions: Sequence[str] = tuple(parents)
        self.number = {region: number for number, region in enumerate(self.regions)}
        tree = Tree.of([-1 if parent is None else self.number.get(parent, -1) for parent in parents.values()])
        self.field = Field(tree, settings)
        self._open: dict[int, Open] = {}
        """By minute since 1970."""
        self._silence = Silence(tree)
        self.last = QUIET
        self._fresh = True
        """Whether anything was counted, or a minute taken up, since the last look."""
        self._usual: tuple[int, Column] = (0, np.zeros(len(self.regions)))

    def __len__(self) -> int:
        return len(self.regions)

    def count(self, regions: Iterable[str], *, written: int, arrived: int, people: int = 0, copies: int = 0) -> None:
        """People and copies of what was written and arrived in such minutes (since 1970), in a region and all above
        it; NOWHERE is part of `home`."""
        numbers = [self.number[region] for region in regions if region in self.number]
        if numbers and not self._silence.was(written, numbers):
            self._add(_counts_in(written, arrived), numbers, people, copies)

    def count_parts(self, people: Column, copies: Column, *, written: int, arrived: int) -> None:
        """As `count`, with what each region heard itself by its number; its sums are made here."""
        deaf, tree = self._silence.deaf(written), self.field.tree
        if deaf is not None:
            people, copies = np.where(deaf, 0.0, people), np.where(deaf, 0.0, copies)
        self._add(_counts_in(written, arrived), slice(None), tree.summed(people), tree.summed(copies))

    def _add(self, minute: int, which: list[int] | slice, people: Column | int, copies: Column | int) -> None:
        self._fresh = True
        taken = self.field.minute is not None and minute <= self.field.minute
        found = self.none() if taken or minute not in self._open else self._open[minute]
        found[0][which] += people
        found[1][which] += copies
        if taken:
            self.field.add(minute, *found)
        else:
            self._open[minute] = found

    def none(self) -> Open:
        """Of one minute in which nobody said anything."""
        return np.zeros(len(self)), np.zeros(len(self))

    def turn(self, now: int, *, silent: Callable[[int], Collection[str]]) -> None:
        """Take every minute up that is over by second `now`. `silent` tells of a minute in which regions nobody
        listened, nor in what is below them."""
        over = now // 60 - 1
        last = self.field.minute
        if last is None:
            last = self._begin(over)
        if over < last - BACK:
            self._go_back(over, last)
        elif over > last:
            self._fresh = True
            for minute in range(max(last + 1, over - self.field.windows.size), over + 1):
                self._end(minute, [self.number[region] for region in silent(minute) if region in self.number])
            self._silence.forget(over - self.field.windows.size)

    def _begin(self, over: int) -> int:
        """Before the first minute of which anything was told, or after `over`."""
        first = min((minute - 1 for minute in self._open), default=over)
        self.field.begin(first)
        return first

    def _go_back(self, over: int, last: int) -> None:
        """What is open was counted by another time."""
        log.warning("detector.clock_went_back", minutes=last - over)
        self._open.clear()
        self.field.begin(over)
        self._fresh = True

    def _end(self, minute: int, silent: Collection[int]) -> None:
        people, copies = self._open.pop(minute) if minute in self._open else self.none()
        everywhere = len(silent) == len(self)
        heard = self._silence.note(minute, () if everywhere and people.any() else silent, self.field.usual.level)
        self.last = self.field.tick(minute, people, copies, heard)

    def look(self, now: int) -> None:
        """See how unlikely it is what was heard until second `now`; `score` and `window` tell of it. Where nothing was
        heard since the last look nothing became less likely: that look stands until the minute ends. As many people are
        expected of the minute that runs as of a whole one, for many streams hand a minute's posts on at its start."""
        if not self._fresh:
            return
        self._fresh = False
        minute = now // 60
        people, copies = self._open[minute] if minute in self._open else self.none()
        self.last = self.field.peek(minute, people, copies, np.ones(len(self)))

    def score(self, region: str) -> float:
        """-log10 of how likely the least likely window of a region is, at the last look."""
        number = self._speaks(region)
        return 0.0 if number is None else float(self.last.score[number])

    def _speaks(self, region: str) -> int | None:
        """The series that speaks for a region at the last look; for `home` also that of the posts of no place."""
        number = self.number.get(region)
        if number is None or number >= len(self.last.score):
            return None
        nowhere = self.number.get(NOWHERE)
        if nowhere is not None and region == self.home and self.last.score[nowhere] > self.last.score[number]:
            return nowhere
        return number

    def unlikely(self) -> tuple[str, ...]:
        """Regions that heard anything unlikely at the last look, in the tree's order."""
        return tuple(region for region in self.regions if region != NOWHERE and self.score(region) > 0)

    def window(self, region: str) -> tuple[int, int, float]:
        """Minutes, people and expected people of that window; zeros where nothing is unlikely."""
        number = self._speaks(region)
        if number is None:
            return 0, 0, 0.0
        return int(self.last.window[number]), int(self.last.people[number]), float(self.last.expected[number])

    def _numbers(self, region: str) -> tuple[int, ...]:
        """The series whose alarm is a region's."""
        both = (region, NOWHERE) if region == self.home else (region,)
        return tuple(self.number[one] for one in both if one in self.number)

    def hold(self, region: str, held: bool) -> None:
        """Whether a region is alarmed, and what is heard there not to be learnt as usual. What this hour heard before
        the alarm was part of it. An alarm that lasts until it is held no more may be one of a level never known."""
        for number in self._numbers(region):
            if held and not self.field.held[number]:
                hour = self.field.usual.hour
                hour["people"][number] = min(hour["people"][number], hour["expected"][number])
            elif not held and self.field.held[number]:
                self.field.usual.doubt(number)
            self.field.held[number] = held
        self._usual = (0, self._usual[1])

    def over(self, region: str) -> None:
        """An alarm of a region is over: what was heard so far raises none again."""
        for number in self._numbers(region):
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
        if self.field.minute is None and self._open:
            self._begin(0)
        people, copies = (sum((one[side] for one in self._open.values()), np.zeros(len(self))) for side in (0, 1))
        return keep(self.field, self.regions, {"people": people, "copies": copies})

    def load(self, kept: Kept) -> None:
        """Continue from what `dump` gave, as far as its regions are still here; what was open belongs to the minute
        after the last. Raises ValueError for what it did not give."""
        people, copies = self.none()
        restore(self.field, self.regions, kept, {"people": people, "copies": copies})
        if self.field.minute is not None:
            self._open = {self.field.minute + 1: (people, copies)}
        self._fresh = True


def _counts_in(written: int, arrived: int) -> int:
    """The minute in which a post counts."""
    return arrived if arrived - written <= LATE else written
