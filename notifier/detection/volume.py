"""One series of counts at a fixed bin width: how strange is each bin, and is it an alarm?

For series that stand alone (mentions of a name, calls to a desk), where neither people nor regions are known. Three
principles, each measured on the ten Twitter-volume series of the Numenta Anomaly Benchmark, which are all rises:

* How much more than usual, at several time scales at once: the mean of the rates of the last 15, 30 and 60 minutes over
  a slow level that ends before them, as a logarithm. The offset is Anscombe's for negative-binomial counts, half the
  inverse of the excess relative variance (Biometrika 35, 1948): 2 stands for a variance of m + m^2/4, the middle of
  what was measured on those series (0.06 to 1.0). A profile of the hours of the day made it no better there (2 to
  5 points worse) and is left out: the series' own tail knows how high its daily peaks are.
* Rarer than once in so many days *in this very series*: `tail`. Bursts that were seen before are no alarm any more.
* An incident is one: after an alarm there is none for a day, and its highest score counts as one peak of the tail.

Strictly online: a score depends on nothing after its bin.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import exp, inf, isfinite, log
from operator import mul

from .tail import Tail, TailSettings

DAY = 86400.0
ALARM = 0.5
"""A bin alarms where its score is at least this."""
UNDER_ALARM = 0.49
"""The most a bin scores while an incident lasts: it is part of an alarm already raised."""


SHORTEST_BIN = 10.0
"""Seconds; a push costs as many steps as the longest window has bins."""


@dataclass(frozen=True, slots=True)
class VolumeSettings:
    """Times in seconds; one set for all series.

    Chosen while looking at the ten series (five-minute bins), from where the result is flat. The benchmark's standard
    score and false episodes per series-week are 77.2 and 0.18; beside each field, what they become with it alone
    changed. Of 400 random settings the best on five of the series had 68 on the other five, mean of all halves.
    """

    windows: tuple[float, ...] = (900.0, 1800.0, 3600.0)
    """All x 2/3: 74.3, 0.19; x 4/3: 74.3, 0.16; x 2: 63.8, 0.12. 15 minutes alone: 70.8,
    0.25; 30: 69.3, 0.15; 60: 47.1, 0.10."""
    level_half_life: float = 3 * DAY
    """x 0.5: 74.3, 0.18; x 0.8: 77.3, 0.16; x 1.2: 77.0, 0.19; x 2: 71.5, 0.16."""
    offset: float = 2.0
    """Added to counts per bin before the logarithm. 1 to 2.4: 77.0 to 77.2, 0.18 to 0.19; 4: 74.0, 0.19."""
    block: float = 900.0
    """The tail is of the highest score in each block of this length. 10 minutes: 74.6, 0.13; 20: 77.3, 0.16; 30: 76.7,
    0.22. A burst of an hour so weighs four times: with hourly blocks neighbouring settings had 0.27, not 0.17."""
    quiet: float = DAY
    """After an alarm, how long the incident is taken to last. x 0.5: 74.2, 0.19; x 0.8: 73.2, 0.19; x 1.2: 77.0, 0.19;
    x 2: 68.9, 0.19."""
    alarm_days: float = 20.0
    """An alarm is what this series does more rarely than once in so many days. 10: 73.9, 0.51; 16: 76.5, 0.25; 18 to
    22: 77.0 to 77.6, 0.19 to 0.13; 24: 72.2, 0.10; 40: 53.1, 0.06."""
    tail: TailSettings = field(default_factory=TailSettings)


class Volume:
    """What is known of one series. `push` each count in its order; `gap` where bins are missing."""

    def __init__(self, bin_seconds: float, settings: VolumeSettings | None = None) -> None:
        self.settings = settings or VolumeSettings()
        if not (isfinite(bin_seconds) and bin_seconds >= SHORTEST_BIN):
            raise ValueError(f"a bin lasts {SHORTEST_BIN:g} seconds or more, not {bin_seconds}")
        self.bin_seconds = bin_seconds
        self.weights = _weights([_bins(window, bin_seconds) for window in self.settings.windows])
        self.block_bins = _bins(self.settings.block, bin_seconds)
        self.keep = 0.5 ** (bin_seconds / self.settings.level_half_life)
        self.recent: deque[float] = deque(maxlen=len(self.weights))
        self.counted = self.bins = 0.0
        self.tail = Tail(1, self.settings.tail)
        self.filled = 0
        self.highest = self.incident = -inf
        self.quiet_left = 0.0
        self.backlog = False
        self._fit()

    def push(self, count: float) -> float:
        """The score of the next bin, 0 to 1, an alarm at `ALARM`. Counts are finite and not negative."""
        if self.backlog:
            self.backlog = False
            return 0.0
        if len(self.recent) == len(self.weights):
            self.counted = self.counted * self.keep + self.recent[0]
            self.bins = self.bins * self.keep + 1.0
        self.recent.append(count)
        surprise = self._surprise()
        score = self._score(surprise)
        if self.quiet_left > 0:
            score = min(score, UNDER_ALARM)
            self.incident = max(self.incident, surprise)
            self._pass(self.bin_seconds)
        elif score >= ALARM:
            self.incident = surprise
            self.quiet_left = self.settings.quiet
            self._pass(self.bin_seconds)
        else:
            self.highest = max(self.highest, surprise)
        self._learn()
        return score

    def gap(self, seconds: float) -> None:
        """Nothing was heard for so long: that is no silence, and the first bin after it, often a backlog, is left out.

        Nothing is claimed until the longest window is full again; the level and the tail stay.
        """
        self.recent.clear()
        self.backlog = True
        if self.quiet_left > 0:
            self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        """Time of an incident passes; once it is over it is one peak, known before the next bin is judged."""
        self.quiet_left = max(self.quiet_left - seconds, 0.0)
        if self.quiet_left == 0.0:
            self.tail.add(self.incident, 0.0)
            self.incident = -inf
            self._fit()

    def _surprise(self) -> float:
        """Logarithm of the recent rate over the level; minus infinity while either is unknown."""
        if len(self.recent) < len(self.weights) or self.bins <= 0:
            return -inf
        offset = self.settings.offset
        return log((sum(map(mul, self.recent, self.weights)) + offset) / (self.counted / self.bins + offset))

    def _score(self, surprise: float) -> float:
        """One half where this series is so surprising once in `alarm_days`."""
        if self.threshold == inf:
            return 0.0
        expected = self.expected * exp(-max(surprise - self.threshold, 0.0) / self.scale)
        return 1.0 / (1.0 + expected)

    def _learn(self) -> None:
        """A block that is full has its highest score outside incidents learnt as a peak."""
        self.filled += 1
        if self.filled == self.block_bins:
            self.tail.add(self.highest, self.filled * self.bin_seconds / DAY)
            self.filled, self.highest = 0, -inf
            self._fit()

    def _fit(self) -> None:
        fit = self.tail.fit()
        self.threshold, self.scale = float(fit.threshold[0]), float(fit.scale[0])
        self.expected = float(fit.rate[0]) * self.settings.alarm_days


def _bins(seconds: float, bin_seconds: float) -> int:
    return max(round(seconds / bin_seconds), 1)


def _weights(windows: list[int]) -> list[float]:
    """What each of the last bins weighs, oldest first, in the mean of the means over `windows` bins."""
    longest = max(windows)
    return [sum(1.0 / (window * len(windows)) for window in windows if window >= age)
            for age in range(longest, 0, -1)]
