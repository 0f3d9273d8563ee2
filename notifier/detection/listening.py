"""Was anybody listening in that minute? Calm and a broken listener look alike, and only one may be learnt.

A stream that hears twenty posts a minute and then none for a minute is deaf; one that hears one an hour is not. So a
silence is measured by what is usual: the lower of what the last half hour and the last day heard, for a burst must not
make the calm after it look like a gap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

DEAF_AFTER = 60
"""Minutes without any post after which nobody listens, however quiet the stream is."""
MISSED = 6.0
"""Posts that were to come in a silence before it is one: by chance once in 400 (e^-6). What is taken for a gap by
mistake costs little: a calm minute is not learnt."""
LATELY, LONG = 30.0, 1440.0
"""Half-lives, in minutes, of what is usual."""
SPARSE = 60
"""Minutes between two posts up to which they tell how many are usual."""
BACK = 2
"""Minutes a clock may go back without more than a pause."""
KEPT = 120
"""Minutes remembered one by one; no window reaches back further."""


class Listening:
    """Posts a minute of one deployment, whatever they say."""

    def __init__(self) -> None:
        self.minutes: dict[int, int] = {}
        self._sums = [0.0, 0.0]
        self._weights = [0.0, 0.0]
        self._newest: int | None = None
        self.total = 0
        """Minutes listened since the deployment began; a restart keeps them."""
        self.deaf: set[int] = set()
        """Minutes of late in which nobody listened, known when the silence ended."""

    def dump(self) -> dict[str, Any]:
        """As a checkpoint keeps it: a daemon that starts again at once did not stop listening."""
        return {"minutes": sorted(self.minutes.items()), "sums": self._sums, "weights": self._weights,
                "newest": self._newest, "deaf": sorted(self.deaf), "total": self.total}

    def load(self, kept: Any) -> None:
        """Continue from what `dump` gave. Raises ValueError, KeyError or TypeError for what it did not give."""
        self.minutes = {int(minute): int(posts) for minute, posts in kept["minutes"]}
        self._sums, self._weights = ([float(one) for one in kept[name]] for name in ("sums", "weights"))
        if not all(math.isfinite(one) and one >= 0 for one in (*self._sums, *self._weights)) \
                or len(self._sums) != 2 or len(self._weights) != 2:
            raise ValueError("posts a minute are two numbers, finite and not negative")
        self._newest = None if kept["newest"] is None else int(kept["newest"])
        self.deaf, self.total = {int(minute) for minute in kept["deaf"]}, max(int(kept["total"]), 0)

    def heard(self, at: int) -> None:
        """A post that arrived at second `at`."""
        minute = at // 60
        if minute <= 0:
            return
        if self._newest is not None and minute < self._newest - BACK:
            self._newest, self.deaf = None, set()  # what was heard by another time tells nothing of this one
            self.minutes = {one: posts for one, posts in self.minutes.items() if one <= minute}
        if self._newest is None or minute > self._newest:
            self._pass(minute)
        self.minutes[minute] = self.minutes.get(minute, 0) + 1

    def _pass(self, minute: int) -> None:
        """A minute of which nothing was heard before begins: the one before is over."""
        if self._newest is not None:
            silent = minute - self._newest - 1 >= self._most()
            self.total += 1 if silent else minute - self._newest
            if silent:
                self.deaf |= set(range(max(self._newest + 1, minute - KEPT), minute))
            told = self.minutes.get(self._newest, 0)
            passed = min(minute - self._newest, SPARSE)  # a longer silence must not lower what is usual
            for which, half_life in enumerate((LATELY, LONG)):
                keeps = 0.5 ** (passed / half_life)
                self._sums[which] = self._sums[which] * keeps + (1 - keeps) * told / passed
                self._weights[which] = self._weights[which] * keeps + 1 - keeps
        self._newest = minute
        for old in [old for old in self.minutes if old < minute - KEPT]:
            del self.minutes[old]
        self.deaf = {one for one in self.deaf if one >= minute - KEPT}

    def _most(self) -> float:
        """Minutes without any post from which on nobody listens."""
        return min(DEAF_AFTER, MISSED / self.usual) if self.usual > 0 else DEAF_AFTER

    @property
    def usual(self) -> float:
        """Posts a minute."""
        return min((heard / weight for heard, weight in zip(self._sums, self._weights, strict=True) if weight > 0),
                   default=0.0)

    def listened(self, now: int) -> Callable[[int], bool]:
        """Tells of a minute that is over by second `now` whether anybody listened."""
        most = self._most()
        known = sorted(self.minutes)
        over = now // 60 - 1

        def told(minute: int) -> bool:
            if minute in self.minutes:
                return True
            before = max((one for one in known if one < minute), default=None)
            after = min((one for one in known if one > minute), default=over + 1)
            return before is not None and after - before - 1 < most

        return told
