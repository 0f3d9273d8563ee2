"""Alarms → signals: what is told, in which words, and when it is told again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ..model.region import RegionTree
from ..model.service import Service
from ..model.signal import Level, Signal, SignalClass
from .alarms import Watch
from .board import Board, Key
from .helping.miner import facts_of
from .series import Episode, Series
from .settings import DetectionSettings
from .unusual import facts_of as unusual_facts
from .unusual import in_words

SOURCE = "crowd"
LASTS = timedelta(minutes=20)
"""How long a signal stands if nothing renews it."""
AGAIN = 60
"""Seconds before a signal with other numbers is told again …"""
AGAIN_ALIKE = 300
"""… and one with the same."""
GROWTH = 1.2
"""A signal whose people grew by so much is told again at once."""
MAJOR_PEOPLE = 25
"""People in one window from which trouble is major."""
HALF = 6.0
"""A spike of score s (chance explains it with 10^-s) is told as 1 - 2^(-s/HALF): 5.5 gives 0.47, 12 gives 0.75."""


def strength(score: float) -> float:
    """A spike's score between 0 and 1; see HALF."""
    return float(1 - 2 ** (-score / HALF))


@dataclass
class Told:
    """What was told last of one service in one region."""

    fingerprint: str
    started: int
    at: int
    people: int
    level: int


class Teller:
    """Remembers what was told, so that only what is new, other or over is."""

    def __init__(self, settings: DetectionSettings, regions: RegionTree, services: Mapping[str, Service]) -> None:
        self._settings = settings
        self._regions = regions
        self._services = services
        self.told: dict[Key, Told] = {}

    def tell(self, board: Board, watch: Watch, now: int) -> tuple[Signal, ...]:
        """Signals that are due, those that are over first."""
        wanted = {(service, choice.region): (service, choice.alarm)
                  for service, choices in watch.chosen.items() for choice in choices}
        over = [self._over(key, wanted, watch, now) for key in sorted(self.told) if key not in wanted]
        current = [self._current(key, speaks, board, now) for key, speaks in sorted(wanted.items())]
        return (*over, *(signal for signal in current if signal is not None))

    def _over(self, key: Key, wanted: Mapping[Key, Key], watch: Watch, now: int) -> Signal:
        told = self.told.pop(key)
        service, region = key
        heirs = sorted(self._regions[other].name for of, other in wanted
                       if of == service and self._regions.related(other, region))
        ended = watch.ended.get(key)
        if heirs:
            why = f"now told of as {self._services[service].name} in {', '.join(heirs[:3])}"
        else:
            why = ended.why if ended else "nothing unusual is heard any more"
        return Signal(source=SOURCE, klass=SignalClass.CROWD, service=service, region=region, level=Level.OK,
                      observed_at=_moment(now), started_at=_moment(told.started), fingerprint=told.fingerprint,
                      why=why, facts={"people": str(told.people)})

    def _current(self, key: Key, speaks: Key, board: Board, now: int) -> Signal | None:
        """The signal of a region; `speaks` is the series that is alarmed, its own or that of a region above it."""
        series = board.series[speaks]
        episode = series.episode
        assert episode is not None
        told = self.told.get(key)
        level = Level.MAJOR if episode.most >= MAJOR_PEOPLE else Level.MINOR
        if told is not None and not _due(told, episode, level, now):
            return None
        if told is None:
            told = Told(f"spike-{_moment(episode.onset):%Y%m%dT%H%M}", episode.onset, now, episode.people, level)
        told.at, told.people, told.level = now, episode.people, max(level, told.level)
        self.told[key] = told
        where = "" if speaks == key else f"in {self._regions[speaks[1]].name}"
        unusual = unusual_facts(episode.window, episode.peak, board.watched, where)
        return Signal(source=SOURCE, klass=SignalClass.CROWD, service=key[0], region=key[1], level=Level(told.level),
                      observed_at=_moment(now), started_at=_moment(told.started), fingerprint=told.fingerprint,
                      score=strength(episode.peak), why=self._why(key, told, in_words(episode.window, where)),
                      lasts_until=_moment(now) + LASTS,
                      facts=_facts(series, episode) | unusual | self._helping(key, board))

    def _helping(self, key: Key, board: Board) -> dict[str, str]:
        """What customers within the region say helps."""
        def within(region: str) -> bool:
            return region in self._regions and key[1] in self._regions.path(region)

        return facts_of(board.miner.offers(key[0], within))

    def _why(self, key: Key, told: Told, unusual: str) -> str:
        region = self._regions[key[1]]
        since = _moment(told.started).astimezone(ZoneInfo(region.timezone))
        return (f"{told.people} people report {self._services[key[0]].name} failing in {region.name} "
                f"since {since:%H:%M}" + (f", {unusual}" if unusual else ""))


def _due(told: Told, episode: Episode, level: Level, now: int) -> bool:
    if level > told.level or episode.people >= GROWTH * max(told.people, 1):
        return True
    return now - told.at >= (AGAIN if episode.people != told.people else AGAIN_ALIKE)


def _facts(series: Series, episode: Episode) -> dict[str, str]:
    """What staff want to see: how many, in which words, and some of the posts."""
    words = series.said_since(episode.onset)[:5]
    found = {"people": str(episode.people), "reported_count": str(episode.people), "words": ", ".join(words)}
    for number, sample in enumerate(series.samples, start=1):
        found[f"sample_{number}"] = sample.text
    reasons = Counter(sample.placed_by for sample in reversed(series.samples) if sample.placed_by)
    if reasons:
        found["placed_by"] = reasons.most_common(1)[0][0]  # the newest of those that are as common
    return found


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
