"""The detector's memory as bytes and back, so that a restart neither forgets what is usual nor tells twice."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Container
from dataclasses import asdict
from typing import Any

from .alarms import Watch
from .baseline import WEEK_HOURS, Level, Profile
from .board import Board
from .rollup import Choice
from .series import Bins, Episode, Series, Usual
from .telling import Teller, Told

VERSION = 2
LARGEST = 256 * 1024 * 1024
"""Bytes a checkpoint may unpack to."""


class CannotRead(Exception):
    """A checkpoint is damaged or of another version: the detector starts without what was learnt."""


def dump(board: Board, watch: Watch, teller: Teller) -> bytes:
    """Everything that is needed to continue as if nothing had happened."""
    kept = {
        "version": VERSION,
        "listened": board.listened.minutes,
        "hours": sorted(board.hours),
        "people": board.people.dump(),
        "usual": {service: _usual(usual) for service, usual in sorted(board.usual.items())},
        "series": [[*key, _series(series)] for key, series in sorted(board.series.items())],
        "chosen": {service: [[one.region, one.alarm] for one in chosen] for service, chosen in watch.chosen.items()},
        "told": [[*key, asdict(told)] for key, told in sorted(teller.told.items())],
    }
    return zlib.compress(json.dumps(kept, separators=(",", ":")).encode(), 1)


def _usual(usual: Usual) -> dict[str, Any]:
    # vars, not asdict: packed at once, under the lock; deep copies of 336 numbers were most of what a checkpoint cost.
    return {"level": vars(usual.level), "profile": vars(usual.profile), "hours": list(usual.hours.items())}


def _series(series: Series) -> dict[str, Any]:
    return {
        **{name: list(getattr(series, name).items())
           for name in ("placed", "unplaced", "recovered", "minutes", "hours") if getattr(series, name)},
        "words": series.words, "samples": series.samples, "helps": series.helps, "level": asdict(series.level),
        "floor": series.floor, "busy_until": series.busy_until,
        "episode": asdict(series.episode) if series.episode else None,
    }


def load(kept: bytes, board: Board, watch: Watch, teller: Teller, *, services: Container[str]) -> None:
    """Fill a fresh memory. Raises CannotRead for anything that `dump` did not write."""
    try:
        found = _unpack(kept)
        _load(found, board, watch, teller, services)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError,
            zlib.error) as error:
        raise CannotRead(f"{type(error).__name__}: {str(error)[:200]}") from error


def _unpack(kept: bytes) -> Any:
    opened = zlib.decompressobj()
    plain = opened.decompress(kept, LARGEST)
    if not opened.eof:
        raise ValueError("it is cut off or too large")
    found = json.loads(plain)
    if found["version"] != VERSION:
        raise ValueError(f"it is of version {found['version']!r}, expected {VERSION}")
    return found


def _load(found: Any, board: Board, watch: Watch, teller: Teller, services: Container[str]) -> None:
    def known(service: str, region: str) -> bool:
        return service in services and region in board.territory

    board.listened.minutes = _number(found["listened"])
    board.hours = {int(hour) for hour in found["hours"]}
    board.people.load(found["people"])
    board.usual = {service: _usual_of(one) for service, one in found["usual"].items() if service in services}
    board.series = {(service, region): _series_of(one) for service, region, one in found["series"]
                    if known(service, region)}
    watch.chosen = {service: tuple(Choice(region, alarm) for region, alarm in chosen if known(service, region)
                                   and known(service, alarm))
                    for service, chosen in found["chosen"].items() if service in services}
    teller.told = {(service, region): Told(str(told["fingerprint"]), *(int(told[name]) for name in
                                                                      ("started", "at", "people", "level")))
                   for service, region, told in found["told"] if known(service, region)}


def _usual_of(one: Any) -> Usual:
    heard = [_number(value) for value in one["profile"]["heard"]]
    flat = [_number(value) for value in one["profile"]["flat"]]
    if len(heard) != WEEK_HOURS or len(flat) != WEEK_HOURS:
        raise ValueError("a profile that is not a week long")
    return Usual(_level(one["level"]), Profile(heard, flat), _bins(one["hours"]))


def _series_of(one: Any) -> Series:
    episode = one["episode"]
    return Series(
        placed=_bins(one.get("placed", ())), unplaced=_bins(one.get("unplaced", ())),
        recovered=_bins(one.get("recovered", ())), minutes=_bins(one.get("minutes", ())),
        hours=_bins(one.get("hours", ())), words={str(word): int(times) for word, times in one["words"].items()},
        samples=_texts(one["samples"]), helps=_texts(one["helps"]), level=_level(one["level"]),
        floor=int(one["floor"]), busy_until=int(one["busy_until"]),
        episode=None if episode is None else Episode(
            onset=int(episode["onset"]), began=int(episode["began"]), heard=int(episode["heard"]),
            people=int(episode["people"]), peak=_number(episode["peak"]), most=int(episode["most"])),
    )


def _level(one: Any) -> Level:
    return Level(_number(one["people"]), _number(one["skipped"]))


def _bins(items: Any) -> Bins:
    return {int(at): int(count) for at, count in items}


def _texts(items: Any) -> list[tuple[int, str]]:
    return [(int(at), str(text)) for at, text in items]


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{number} where a count belongs")
    return number
