"""How many series a second the spike detector takes, beside two simple peers over the same counts in the same run.

    python benchmarks/spikes.py [--series 1000 10000 100000] [--minutes 60] [--young]

A tree of three levels is heard for 100 minutes, so that levels are known and windows full, and then timed: CPU time of
one thread, a process for each size, whose peak of memory is printed (RSS, with the interpreter and numpy). Levels then
count as heard for days, or, with --young, as what they are: in the first three days more is worked out. Bytes a
series are what the arrays of a field hold. The peers keep far less and tell far less: an exponentially weighted mean
and variance with numpy, and the ratio of a short and a long mean (STA/LTA) series by series in Python.
Targets: a million series-updates a second, less than 1 GiB with 100,000 series.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from notifier.detection.spikes.field import Field, Tree

WARM = 100
BEGUN = 482_064 * 60
Column = NDArray[np.float64]


def tree(series: int) -> tuple[Tree, int, int]:
    """A root, a state for every 60 series, and leaves; the numbers of leaves and states."""
    states = max(5, series // 60)
    leaves = series - states - 1
    return Tree.of([*(leaves + leaf % states for leaf in range(leaves)), *([series - 1] * states), -1]), leaves, states


class Counts:
    """Random counts of every series: leaves at 0.01 to 20 people a minute, and their sums."""

    def __init__(self, found: Tree, leaves: int, states: int) -> None:
        self.random = np.random.default_rng(5)
        self.states = found.parents[:leaves] - leaves
        self.leaves, self.count = leaves, states
        self.rate = np.exp(self.random.uniform(np.log(0.01), np.log(20), leaves))

    def minute(self) -> Column:
        """Every series' people."""
        people = self.random.poisson(self.rate).astype(float)
        sums = np.bincount(self.states, people, minlength=self.count)
        return np.concatenate([people, sums, [people.sum()]])


def timed(take: Callable[[int, Column], object], feed: Counts, minutes: int,
          warm: Callable[[], object] = lambda: None) -> float:
    """CPU seconds a minute, the first WARM, after which `warm` is called, left out."""
    took = 0.0
    for minute in range(WARM + minutes):
        if minute == WARM:
            warm()
        people = feed.minute()
        begun = process_time()
        take(minute, people)
        if minute >= WARM:
            took += process_time() - begun
    return took / minutes


def ewma(series: int) -> Callable[[int, Column], object]:
    """Exponentially weighted mean and variance; how many deviations each count lies above."""
    mean, variance = np.zeros(series), np.ones(series)

    def take(_: int, people: Column) -> Column:
        nonlocal mean, variance
        error = people - mean
        score = error / np.sqrt(variance + 1)
        mean, variance = mean + 0.02 * error, 0.98 * (variance + 0.02 * error ** 2)
        return np.asarray(score)

    return take


def sta_lta(series: int) -> Callable[[int, Column], object]:
    """The mean of about two minutes over that of about an hour, series by series."""
    short, long = [0.0] * series, [0.0] * series

    def take(_: int, people: Column) -> list[float]:
        scores = []
        for number, count in enumerate(people.tolist()):
            short[number] += (count - short[number]) / 2
            long[number] += (count - long[number]) / 60
            scores.append(short[number] / (2 * long[number] + 1))
        return scores

    return take


def held(field: Field) -> int:
    """Bytes of all arrays of a field."""
    arrays = [column for part in (field, field.usual, field.drift, field.windows) for _, column in part.columns()]
    rows = (field.usual.hours, field.usual.hours_seen, field.usual.hours_weeks)
    return sum(array.nbytes for array in (*arrays, *rows))


def grow(field: Field) -> None:
    """Let the levels that were heard rest on days."""
    field.usual.seen *= 100
    field.usual.flat *= 100


def one(series: int, minutes: int, young: bool) -> None:
    """Print the row of one size."""
    found, leaves, states = tree(series)
    field = Field(found)
    nothing, all_heard = np.zeros(series), np.ones(series)
    ours = timed(lambda minute, people: field.tick(BEGUN + minute, people, nothing, all_heard),
                 Counts(found, leaves, states), minutes, (lambda: None) if young else lambda: grow(field))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = held(field)
    peers = [timed(peer(series), Counts(found, leaves, states), max(minutes // 4, 1)) for peer in (ewma, sta_lta)]
    print(f"{series:>9,}{1e3 * ours:>12.2f}{series / ours:>16,.0f}{size / series:>14,.0f}{peak:>12,.0f}"
          f"{series / peers[0]:>16,.0f}{series / peers[1]:>16,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--minutes", type=int, default=60)
    parser.add_argument("--young", action="store_true", help="levels of less than three days")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.series[0], given.minutes, given.young)
        return
    print(f"{'series':>9}{'ms a minute':>12}{'updates/s':>16}{'bytes/series':>14}{'peak MiB':>12}"
          f"{'EWMA (numpy)':>16}{'STA/LTA (py)':>16}", flush=True)
    for series in given.series:
        subprocess.run([sys.executable, __file__, "--one", "--series", str(series), "--minutes", str(given.minutes),
                        *(["--young"] if given.young else [])], check=True)


if __name__ == "__main__":
    main()
