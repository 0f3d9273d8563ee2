"""When an alarm begins, how long it lasts, and which regions stand for it."""

from __future__ import annotations

from dataclasses import dataclass

from ..model.region import RegionTree
from .board import Board, Key
from .rollup import Alarm, Choice, choose
from .series import BIN, Episode, Series, Window
from .settings import DetectionSettings
from .spike import NOTHING, Spike, onset, tail

UNUSUAL = 2.0
"""An alarm goes on while chance explains the last minutes with less than 10^-this …"""
UNUSUAL_WINDOWS = (8, 21)
"""… over any of so many minutes, where counts vary by …"""
UNUSUAL_DISPERSION = 0.25
"""… beyond chance (variance = m + this · m²; real posts: 0.06 to 1.0)."""
LEARN_AFTER = 12 * 3600
"""Seconds after which an alarm that lasts is the new usual, little by little: a level set too low must not alarm for
ever."""
RECOVERY_WINDOW = 600
"""Seconds over which people who say it works again are weighed against those who complain."""
RECOVERY_LEAST = 3
SHARE_WINDOW = 34
"""Minutes over which regions are weighed against each other."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An alarm that is over, and why in words."""

    key: Key
    why: str


class Watch:
    """Which series are alarmed, and which regions stand for each service's alarms."""

    def __init__(self, settings: DetectionSettings, regions: RegionTree) -> None:
        self._settings = settings
        self._regions = regions
        self.ended: dict[Key, Ended] = {}
        self.chosen: dict[str, tuple[Choice, ...]] = {}
        """By service: what is to be reported now."""

    def look(self, board: Board, now: int) -> None:
        """Begin, continue and end alarms; then choose which regions to report."""
        self.ended = {}
        for key in sorted(board.series):
            series = board.series[key]
            if series.episode is None and (series.placed or series.unplaced):
                self._begin(board, key, series, now)
            elif series.episode is not None:
                self._continue(board, key, series, now)
        services = {service for (service, _), series in board.series.items() if series.episode is not None}
        self.chosen = {service: self._choose(board, service, now) for service in sorted(services)}

    def _begin(self, board: Board, key: Key, series: Series, now: int) -> None:
        spike = self._spike(board, key, now)
        if spike.score < board.threshold:
            return
        board.territories[key[0]].hold(key[1], True)
        rate = board.rate(key, now)  # without what was learnt of the alarm's own first people
        steps = series.steps(now, max(self._settings.windows))
        first = (now // BIN - len(steps) + 1 + onset(steps, rate * BIN / 60)) * BIN
        begun = first // 60 * 60
        series.episode = Episode(onset=begun, began=now, heard=series.newest(), people=series.since(begun),
                                 peak=spike.score, most=spike.people, window=_window(board, key, spike, rate))

    def _spike(self, board: Board, key: Key, now: int) -> Spike:
        """The least likely window of a series, if it may raise an alarm at all."""
        spike = least_likely(board, key, now)
        return NOTHING if lacking(board, key, spike, now) else spike

    def _continue(self, board: Board, key: Key, series: Series, now: int) -> None:
        episode = series.episode
        assert episode is not None
        rate = board.rate(key, now)
        spike = self._spike(board, key, now)
        if spike.score >= board.threshold:
            if spike.score > episode.peak:
                episode.peak, episode.window = spike.score, _window(board, key, spike, rate)
            episode.most = max(episode.most, spike.people)
        if any(tail(late.people, late.expected, UNUSUAL_DISPERSION) >= UNUSUAL
               for late in series.windows(now, UNUSUAL_WINDOWS, rate)):
            episode.heard = max(episode.heard, series.newest())
        board.territories[key[0]].hold(key[1], now - episode.began < LEARN_AFTER)
        why = self._over(series, episode, now)
        if why:
            self.ended[key] = Ended(key, why)
            series.episode = None
            series.floor = now // BIN
            board.territories[key[0]].over(key[1])

    def _over(self, series: Series, episode: Episode, now: int) -> str:
        quiet = self._settings.quiet_after.total_seconds()
        again = series.recovered_within(now, RECOVERY_WINDOW)
        complaints = series.since(now - RECOVERY_WINDOW)
        works = again >= RECOVERY_LEAST and again > complaints
        silent = now - episode.heard
        if works and silent >= quiet / 3:
            return f"{again} people say that it works again, and nothing unusual was heard for {silent // 60} minutes"
        if silent >= quiet:
            return f"nothing unusual was heard for {silent // 60} minutes"
        return ""

    def _choose(self, board: Board, service: str, now: int) -> tuple[Choice, ...]:
        alarms: dict[str, Alarm] = {}
        for (of, region), series in board.series.items():
            if of == service and series.episode is not None:
                placed = series.placed_within(now, SHARE_WINDOW)
                usual = board.rate((service, region), now) * SHARE_WINDOW
                alarms[region] = Alarm(region, max(placed - usual, 0.0))

        def placed_in(region: str) -> int:
            found = board.series.get((service, region))
            return found.placed_within(now, SHARE_WINDOW) if found else 0

        reported = [choice.region for choice in self.chosen.get(service, ())]
        return choose(alarms, self._regions, placed=placed_in, reported=reported, settings=self._settings)


NEAR = 10
"""Minutes in which `minimum_people` are counted where the least likely window is shorter: four people in two minutes
are less likely than five in four, and the fifth must not go unheard for it."""


def least_likely(board: Board, key: Key, now: int) -> Spike:
    """The least likely window of a series at the last look, whether or not it may raise an alarm."""
    service, region = key
    territory = board.territories.get(service)
    if territory is None or (score := territory.score(region)) <= 0:
        return NOTHING
    minutes, people, expected = territory.window(region)
    if minutes == 0:  # all parts rose at once
        minutes, people = SHARE_WINDOW, board.series[key].since(now - SHARE_WINDOW * 60)
        expected = board.rate(key, now) * minutes
    return Spike(score, minutes, people, expected)


def lacking(board: Board, key: Key, spike: Spike, now: int) -> str:
    """Why a window raises no alarm however unlikely it is, in words; "" where nothing is lacking. Posts of no place
    start nothing without `home_needs` people of a known one."""
    near = max(spike.people, board.series[key].since(now - NEAR * 60))
    if near < board.settings.minimum_people:
        return f"minimum_people is {board.settings.minimum_people}"
    if key[1] == board.home and board.series[key].placed_within(now, spike.window) < board.settings.home_needs:
        return f"home_needs is {board.settings.home_needs}: too few of them named a place"
    return ""


def _window(board: Board, key: Key, spike: Spike, usual: float) -> Window:
    """What is told of a spike. Of a window that begins before anybody listened only the minutes since count."""
    listened = board.territories[key[0]].field.windows.count + 1
    return Window(min(spike.window, listened), spike.people, spike.expected, usual)
