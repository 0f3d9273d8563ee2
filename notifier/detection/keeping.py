"""The detector's memory as bytes and back, so that a restart neither forgets what is usual nor tells twice."""

from __future__ import annotations

import math
import zlib
from collections.abc import Container, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from .alarms import Watch
from .board import Board
from .parts import Read, cut, joined, lengths
from .rollup import Choice
from .series import Bins, Episode, Sample, Series, Window
from .spikes.keeping import Kept
from .telling import Teller, Told

VERSION = 3
LARGEST = 256 * 1024 * 1024
"""Bytes a checkpoint may unpack to."""


class CannotRead(Exception):
    """A checkpoint is damaged or of another version: the detector starts without what was learnt."""


def dump(board: Board, watch: Watch, teller: Teller) -> bytes:
    """Everything that is needed to continue as if nothing had happened, in one piece."""
    territories = {service: territory.dump() for service, territory in sorted(board.territories.items())}
    return _packed(board, watch, teller, {"territories": territories})


def dump_parts(board: Board, watch: Watch, teller: Teller, name: str) -> tuple[bytes, Iterator[tuple[str, bytes]]]:
    """The same in parts: what belongs to the name itself, packed, and (name, bytes) of each stretch of columns below
    it."""
    whole = {service: territory.dump() for service, territory in sorted(board.territories.items())}
    heads = {service: msgspec.structs.replace(kept, columns={}) for service, kept in whole.items()}
    parts = (part for service, kept in whole.items() for part in cut(kept, f"{name}/{service}"))
    sizes = {service: lengths(kept) for service, kept in whole.items()}
    return _packed(board, watch, teller, {"territories": heads, "sizes": sizes}), parts


def _packed(board: Board, watch: Watch, teller: Teller, territories: dict[str, Any]) -> bytes:
    kept = {
        "version": VERSION,
        "heard_at": board.heard_at,
        "listening": board.listening.dump(),
        "since": sorted(board.since.items()),
        "people": board.people.dump(),
        "helping": board.miner.dump(),
        **territories,
        "series": [[*key, _series(series)] for key, series in sorted(board.series.items())],
        "chosen": {service: [[one.region, one.alarm] for one in chosen] for service, chosen in watch.chosen.items()},
        "told": [[*key, asdict(told)] for key, told in sorted(teller.told.items())],
    }
    return zlib.compress(msgspec.msgpack.encode(kept), 1)


def _series(series: Series) -> dict[str, Any]:
    return {
        **{name: list(getattr(series, name).items())
           for name in ("placed", "unplaced", "recovered", "minutes", "copies") if getattr(series, name)},
        "words": list(series.words.items()), "samples": series.samples, "floor": series.floor,
        "episode": asdict(series.episode) if series.episode else None,
    }


def load(kept: bytes, board: Board, watch: Watch, teller: Teller, *, services: Container[str], name: str = "",
         read: Read = lambda name: None) -> Mapping[str, str]:
    """Fill a fresh memory. `read` gives the parts below `name`, where `dump_parts` wrote it. Returns why, by service,
    what was usual of it could not be read; it is learnt anew. Raises CannotRead for anything else that `dump` and
    `dump_parts` did not write."""
    try:
        found = _unpack(kept)
        unread = _join(found, name, read, services)
        return {**_load(found, board, watch, teller, services), **unread}
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError,
            zlib.error) as error:
        raise CannotRead(f"{type(error).__name__}: {str(error)[:200]}") from error


def _unpack(kept: bytes) -> Any:
    opened = zlib.decompressobj()
    plain = opened.decompress(kept, LARGEST)
    if not opened.eof:
        raise ValueError("it is cut off or too large")
    found = msgspec.msgpack.decode(plain)
    if found["version"] != VERSION:
        raise ValueError(f"it is of version {found['version']!r}, expected {VERSION}")
    return found


def _load(found: Any, board: Board, watch: Watch, teller: Teller, services: Container[str]) -> Mapping[str, str]:
    def known(service: str, region: str) -> bool:
        return service in services and region in board.territory

    board.heard_at = int(found["heard_at"])
    if "listening" in found:  # an earlier release kept none
        board.listening.load(found["listening"])
        since = {str(service): int(minutes) for service, minutes in found["since"]}
        board.since = {service: since.get(service, board.listening.total) for service in board.since}
    board.people.load(found["people"])
    board.miner.load(found["helping"])
    unread = {service: why for service, one in found["territories"].items() if service in services
              and (why := _load_territory(board, service, one))}
    board.series = {(service, region): _series_of(one) for service, region, one in found["series"]
                    if known(service, region)}
    watch.chosen = {service: tuple(Choice(region, alarm) for region, alarm in chosen if known(service, region)
                                   and known(service, alarm))
                    for service, chosen in found["chosen"].items() if service in services}
    teller.told = {(service, region): Told(str(told["fingerprint"]), *(int(told[name]) for name in
                                                                      ("started", "at", "people", "level")))
                   for service, region, told in found["told"] if known(service, region)}
    for service in {service for (service, _), series in board.series.items() if series.episode is not None}:
        board.territory_of(service)  # an alarm under way asks it what is usual
    return unread


def _join(found: Any, name: str, read: Read, services: Container[str]) -> dict[str, str]:
    """Put the parts of each territory together. Returns why, by service, one could not be; it is taken out."""
    unread = {}
    for service, sizes in found.get("sizes", {}).items():
        head = msgspec.convert(found["territories"].pop(service), Kept)
        if service not in services:
            continue
        try:
            found["territories"][service] = joined(head, sizes, f"{name}/{service}", read)
        except (ValueError, zlib.error) as error:
            unread[service] = f"{type(error).__name__}: {str(error)[:200]}"
    return unread


def _load_territory(board: Board, service: str, one: Any) -> str:
    """Take in what is usual of a service. Where that cannot be read, why; its territory is then a fresh one."""
    try:
        board.territory_of(service).load(one if isinstance(one, Kept) else msgspec.convert(one, Kept))
    except (ValueError, OverflowError) as error:
        board.territories.pop(service)
        board.territory_of(service)
        return f"{type(error).__name__}: {str(error)[:200]}"
    return ""


def _series_of(one: Any) -> Series:
    episode = one["episode"]
    return Series(
        placed=_bins(one.get("placed", ())), unplaced=_bins(one.get("unplaced", ())),
        recovered=_bins(one.get("recovered", ())), minutes=_bins(one.get("minutes", ())),
        copies=_bins(one.get("copies", ())),
        words=_words(one["words"]),
        samples=_samples(one["samples"]), floor=int(one["floor"]),
        episode=None if episode is None else Episode(
            onset=int(episode["onset"]), began=int(episode["began"]), heard=int(episode["heard"]),
            people=int(episode["people"]), peak=_number(episode["peak"]), most=int(episode["most"]),
            window=_window(episode.get("window"))),
    )


def _window(kept: Any) -> Window:
    """The window of an alarm; unknown where an earlier release kept the alarm."""
    if kept is None:
        return Window()
    return Window(int(kept["minutes"]), int(kept["people"]), _number(kept["expected"]), _number(kept["usual"]))


def _words(slots: Any) -> dict[int, dict[str, int]]:
    if isinstance(slots, dict):  # of an earlier release, which did not keep when they were said
        return {}
    return {int(slot): {str(word): int(times) for word, times in words.items()} for slot, words in slots}


def _bins(items: Any) -> Bins:
    return {int(at): int(count) for at, count in items}


def _samples(items: Any) -> list[Sample]:
    return [Sample(int(at), str(text), str(placed_by)) for at, text, placed_by in items]


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{number} where a count belongs")
    return number
