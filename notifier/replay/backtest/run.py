"""`notifier backtest`: a configuration, recordings, budgets of false alarms, and what each would have raised."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from ...config.tree import Config
from ...detection.detector import Detector, Tally
from ..recording import kind_of, read_files
from .alarms import Alarm
from .passes import Heard, Pass, play
from .truth import Found, Outage, false, found

LADDER = (0.1, 1.0, 10.0)
"""False alarms a month that are tried where none are named: beside the configured one, ten times fewer and more than
most want."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one threshold would have raised. `outages` and `false` are None where no known outages were given."""

    of: Pass
    configured: bool
    outages: tuple[Found, ...] | None
    false: tuple[Alarm, ...] | None

    @property
    def alarms(self) -> Sequence[Alarm]:
        """What would have been raised, the first first."""
        return self.of.alarms.all

    def same_as(self, other: Result) -> bool:
        """Whether both raised the same alarms, and the same came near."""
        mine, theirs = self.of.nearest, other.of.nearest
        return (self.alarms == other.alarms and mine.below == theirs.below
                and mine.held_back == theirs.held_back)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What was heard, and what each threshold made of it, the strictest first."""

    heard: Heard
    counts: Tally
    results: tuple[Result, ...]
    beyond: tuple[Outage, ...]
    """Known outages outside the time that was played."""


def files_of(path: Path) -> list[Path]:
    """The files with posts of one recording (a directory), or the one file that `path` is. Raises ValueError where it
    is neither or holds none."""
    if path.is_dir():
        found = [one for one in sorted(path.iterdir()) if kind_of(one) == "mentions" and one.is_file()]
        if not found:
            raise ValueError(f"{path} holds no posts: they are in files named mentions*.jsonl or mentions*.jsonl.gz")
        return found
    if kind_of(path) != "mentions" or not path.is_file():
        raise ValueError(f"{path} is neither a recording's directory nor a file of its posts, mentions*.jsonl[.gz]")
    return [path]


def budgets(config: Config, asked: Iterable[float]) -> tuple[float, ...]:
    """What to try, the strictest first: what was asked for, else the ladder; and the configured one always."""
    return tuple(sorted({*(asked or LADDER), config.detection.false_alarms_per_month}))


def backtest(config: Config, files: Sequence[Path], per_month: Iterable[float], *,
             outages: Sequence[Outage] | None = None, warm_up: timedelta = timedelta(0),
             progress: Callable[[datetime], None] = lambda at: None,
             problem: Callable[[str], None] = lambda line: None) -> Backtest:
    """Play the posts of these files, in the order of time, once through each threshold. Sends and keeps nothing.

    `problem` is told of each line that could not be read, with its file; it was skipped.
    """
    chosen = budgets(config, per_month)
    detectors = [_detector(config, each) for each in chosen]
    window = timedelta(minutes=max(config.detection.windows))
    passes = [Pass(each, detector, config.regions, window) for each, detector in zip(chosen, detectors, strict=True)]
    heard = play(read_files(files, problem), passes, config.detection.tick, warm_up=warm_up, progress=progress)
    known = [one for one in outages or () if _within(one, heard)]
    results = tuple(_judged(config, one, known if outages is not None else None) for one in passes)
    return Backtest(heard, detectors[0].counts, results, tuple(one for one in outages or () if one not in known))


def _detector(config: Config, per_month: float) -> Detector:
    """The deployment's detector with another budget and nothing learnt."""
    settings = config.detection.model_copy(update={"false_alarms_per_month": per_month})
    return Detector(settings, config.vocabulary, regions=config.regions, services=config.services)


def _within(outage: Outage, heard: Heard) -> bool:
    return (heard.since is not None and heard.last is not None
            and outage.begins <= heard.last and outage.ends >= heard.since)


def _judged(config: Config, one: Pass, outages: Sequence[Outage] | None) -> Result:
    configured = one.per_month == config.detection.false_alarms_per_month
    if outages is None:
        return Result(one, configured, None, None)
    alarms = one.alarms.all
    return Result(one, configured, found(outages, alarms, config.regions), false(outages, alarms, config.regions))
