"""What a look at the counts held against the threshold, alarmed or not: for whoever asks why nothing was raised."""

from __future__ import annotations

from dataclasses import dataclass

from .alarms import lacking, least_likely
from .board import Board, Key


@dataclass(frozen=True, slots=True)
class Unusual:
    """The least likely window of one service in one region, or an alarm under way there (score 0: nothing unlikely).

    `window` in minutes, `people` heard in it, of whom `expected` are usual. `lacking` says why no score would raise an
    alarm; "" where one would.
    """

    service: str
    region: str
    score: float
    window: int
    people: int
    expected: float
    alarmed: bool
    lacking: str


@dataclass(frozen=True, slots=True)
class Seen:
    """One look: the score from which an alarm is raised, over how many series, and what was unusual."""

    threshold: float
    series: int
    unusual: tuple[Unusual, ...]


def seen(board: Board, now: int) -> Seen:
    """What the look at second `now`, which must have been the last, held against the threshold."""
    unlikely = {(service, region) for service, territory in board.territories.items()
                for region in territory.unlikely()}
    alarmed = {key for key, series in board.series.items() if series.episode is not None}
    count = sum(map(len, board.territories.values()))
    keys = sorted((unlikely | alarmed) & board.series.keys())
    return Seen(board.threshold, count, tuple(_unusual(board, key, now) for key in keys))


def _unusual(board: Board, key: Key, now: int) -> Unusual:
    spike = least_likely(board, key, now)
    return Unusual(*key, spike.score, spike.window, spike.people, spike.expected,
                   alarmed=board.series[key].episode is not None, lacking=lacking(board, key, spike, now))
