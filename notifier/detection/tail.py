"""How often does this very series score so high? Its own upper tail, learnt while it is heard.

A model's probability is not a promise: on real series it is too small by orders of magnitude, and by how much differs
from series to series. "At most one alarm in so many days" can only be kept by what each series has done before. Of
each series the highest block maxima of the last one to two epochs are kept, and what lies above them is drawn out
exponentially: the mean excess over the lowest of the kept (Hill, Annals of Statistics 3, 1975; Weissman, JASA 73, 1978,
for the quantiles; peaks over a threshold in a stream: Siffer et al., KDD 2017), shrunk to a prior where peaks are few.

The score should be about exponential in its tail: a logarithm of a ratio, or of a probability. All series stand side by
side in arrays, leading axis the series, so that a hundred thousand take one call: `2 x kept` float32 and two float64
each, 176 bytes with the settings below. No clock: how long was listened is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TailSettings:
    """What is kept and what is believed beforehand.

    On ten Twitter-volume series (see `volume`; 77.2 of 100 at 0.18 false episodes a week) `kept` 10 to 24 gives 76.9 to
    77.5, 40 gives 72.1; `prior_peaks` 6 to 16 gives 77.2, 4 gives 74.3; `prior_excess` 0.1, 0.16, 0.24 and 0.4 give
    75.4, 76.9, 74.7 and 53.4 at 0.36, 0.21, 0.13 and 0.04; epochs of 22 days and more 77.2 to 77.7, 14 days 68.9.
    """

    kept: int = 20
    """Peaks of an epoch that are remembered; the tail begins at the lowest of the highest so many."""
    prior_peaks: float = 8.0
    """How many peaks the prior is worth."""
    prior_excess: float = 0.2
    """Mean excess believed beforehand, in units of the score."""
    epoch_days: float = 28.0
    """A peak is remembered for one to two epochs, so that a series may change its ways."""
    least: int = 5
    """Peaks below which nothing is claimed."""

    def __post_init__(self) -> None:
        positive = min(self.prior_peaks, self.prior_excess, self.epoch_days) > 0
        if not (self.kept >= self.least >= 2 and positive):
            raise ValueError(f"a tail needs kept >= least >= 2 and a positive prior and epoch, not {self}")


@dataclass(frozen=True, slots=True)
class Fit:
    """The tails of all series at one moment; each array has one entry a series."""

    threshold: Floats
    """Where the tail begins; infinite where too little was heard to say anything."""
    scale: Floats
    """Mean excess above it."""
    rate: Floats
    """Peaks a day at or above it; infinite where too little was heard."""

    def exceeded_per_day(self, scores: ArrayLike) -> Floats:
        """How often a day each series reaches its score; below the threshold, "at least as often as the threshold"."""
        above = np.maximum(np.asarray(scores, dtype=np.float64) - self.threshold, 0.0)
        found: Floats = self.rate * np.exp(-above / self.scale)
        return found

    def level(self, per_day: ArrayLike) -> Floats:
        """The score each series reaches `per_day` times a day, never below the threshold; infinite where unknown."""
        times = self.rate / np.asarray(per_day, dtype=np.float64)
        found: Floats = self.threshold + self.scale * np.log(np.maximum(times, 1.0))
        return found


@dataclass(slots=True)
class Tail:
    """The highest peaks of `series` series and how long each was listened to.

    `peaks` is series x 2 x kept (this epoch, the last one), minus infinity where empty; `days` is series x 2.
    """

    series: int
    settings: TailSettings = field(default_factory=TailSettings)
    peaks: NDArray[np.float32] = field(init=False)
    days: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.peaks = np.full((self.series, 2, self.settings.kept), -np.inf, dtype=np.float32)
        self.days = np.zeros((self.series, 2), dtype=np.float64)

    def add(self, peaks: ArrayLike, days: ArrayLike) -> None:
        """One block has passed: the highest score of each series in it, and how many days each was listened to.

        A peak that is not finite is none: the time counts all the same. An incident is one peak: give minus infinity
        while it lasts and its highest score once it is over.
        """
        given = np.broadcast_to(np.asarray(peaks, dtype=np.float32), self.series)
        self.days[:, 0] += np.asarray(days, dtype=np.float64)
        lowest = self.peaks[:, 0].argmin(axis=1)
        better = np.flatnonzero(np.isfinite(given) & (given > self.peaks[np.arange(self.series), 0, lowest]))
        self.peaks[better, 0, lowest[better]] = given[better]
        over = self.days[:, 0] >= self.settings.epoch_days
        if over.any():
            self._next_epoch(over)

    def _next_epoch(self, over: NDArray[np.bool_]) -> None:
        self.peaks[over, 1] = self.peaks[over, 0]
        self.peaks[over, 0] = -np.inf
        self.days[over, 1] = self.days[over, 0]
        self.days[over, 0] = 0.0

    def fit(self) -> Fit:
        """The tail of every series as it is now: the highest `kept` of both epochs, which is exact for their union."""
        kept, prior = self.settings.kept, self.settings.prior_peaks
        both = self.peaks.reshape(self.series, 2 * kept)
        top = np.partition(both, kept, axis=1)[:, kept:].astype(np.float64)
        held = np.isfinite(top)
        number = held.sum(axis=1)
        known = number >= self.settings.least
        threshold = np.where(held, top, np.inf).min(axis=1)
        excess = np.where(held, top - np.where(known, threshold, 0.0)[:, None], 0.0).sum(axis=1)
        scale = (excess + prior * self.settings.prior_excess) / (np.maximum(number - 1, 0) + prior)
        heard = self.days.sum(axis=1)
        known &= heard > 0
        rate = np.divide(number, heard, out=np.full(self.series, np.inf), where=known)
        return Fit(np.where(known, threshold, np.inf), np.where(known, scale, prior), rate)
