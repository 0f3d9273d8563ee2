"""What a list of a utility's outages means: which region is in trouble, how bad, since when, until when.

Pure, and the same for every utility.

- A storm is hundreds of outages of a few customers each: none of them an incident by itself, together one for
  everybody who lives there. So outages are summed by region, and the sum is one trouble, known by its region: it grows,
  shrinks and ends, however its outages are split, merged and numbered anew. `sum_by_region: false` tells each outage by
  itself.
- A sum opens at `minor` customers and is over below `at_least`: one that hovers opens and closes once.
- What is no longer listed is over, except in a list that was cut off, where it only was not shown, and in one that
  lists areas without trouble too: there its end is told by a 0, and what is missing has been renamed or lost.
- An outage whose place or number of customers can no longer be read stays where, and as large as, it was.
- Planned work is told by itself, as maintenance, and is no part of a sum; an outage that was trouble before it was
  called planned stays trouble.
- Fewer than `at_least` customers are not told at all, from there to `minor` they are worth knowing.
- A time of restoration that has passed, or lies more than a month ahead, is no promise; nor is one of a few customers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from notifier.model.signal import Level, Signal, SignalClass
from notifier.model.times import rfc3339
from notifier.ports import Reading

from ..geometry import distance_km
from ..page import Context
from ..placing import Place, Texts, Unplaced, rule_for, says
from ..shapes import any_moment, one_line
from ..telling import Report, tell
from .locating import locator_of
from .utility import OutageList, PowerOutage, UtilitySettings, count_of, level_of

_SUMS, _SINGLES = "sums", "open"
_KEPT = 2000
"""Open troubles remembered at most, and outages they are made of: as many as one list may hold."""
_FARTHEST = timedelta(days=30)
"""How far ahead a time of restoration may lie: beyond it stand placeholders (PG&E writes years ahead)."""
_MOST_OF = 0.5
"""Share of the customers out who must have a time of restoration before the latest of them is told for all."""


@dataclass
class _Told:
    """What has been told so far."""

    signals: list[Signal] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    memory: dict[str, str] = field(default_factory=dict)


def read_outages(listed: OutageList, context: Context[Any]) -> Reading:
    """What a list of outages says as signals."""
    settings, told = context.settings, _Told()
    before = _held_of(context.memory, _SUMS) if settings.sum_by_region else {}
    single: list[tuple[PowerOutage, tuple[Place, ...]]] = []
    summed: dict[Place, list[PowerOutage]] = {}
    lost: dict[str, list[PowerOutage]] = {}
    counted = {id for held in before.values() for id in held.of}
    for outage in _as_last_known(listed.outages, before):
        places = locate(outage, context)
        if isinstance(places, Unplaced):
            places = _where_it_was(outage, before) or places
        if isinstance(places, Unplaced):
            lost.setdefault(places.words, []).append(outage)
            told.present.append(_fingerprint(outage))
        elif settings.sum_by_region and (outage.id in counted or not _is_planned(outage, settings)):
            for one in places:
                summed.setdefault(one, []).append(outage)
        else:
            single.append((outage, places))
    _tell_singles(single, listed, context, told)
    _tell_sums(summed, before, listed, context, told)
    return Reading(True, tuple(told.signals), complete=listed.whole, unplaced=_words_of(lost),
                   present=tuple(told.present), affirmed=listed.affirmed, memory=told.memory)


# ── Where ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def locate(outage: PowerOutage, context: Context[Any]) -> tuple[Place, ...] | Unplaced:
    """(service, region) pairs of an outage; empty where a rule says to ignore it.

    The region a rule names; else by polygon, by the nearest place, by name or postcode (of an area by name first), and
    last the default of the placing: an outage lies in its utility's territory, whatever the town is called.
    """
    placing = context.settings.placing
    rule = None
    if placing.map:
        rule = rule_for(Texts(component=outage.cause, group=outage.group, title=outage.area,
                             location=", ".join(outage.places), labels={"cause": outage.cause, "crew": outage.crew}),
                       placing)
        if rule is not None and rule.ignore:
            return ()
    service = (rule.service if rule else None) or placing.service
    regions = (rule.regions if rule else ()) or _regions_of(outage, context) or placing.regions
    if service is None or not regions:
        named = ", ".join(dict.fromkeys(part for part in (*outage.places, outage.group) if part)) or outage.area
        lacks = "service" if service is None else "region"
        return Unplaced(f"no {lacks} for {named[:100] or 'a place without a name'}")
    return tuple((service, region) for region in dict.fromkeys(regions))


def _regions_of(outage: PowerOutage, context: Context[Any]) -> tuple[str, ...]:
    settings, locator = context.settings, locator_of(context.regions)

    def by_point() -> tuple[str, ...]:
        return locator.at(outage.point, settings.nearest_km) if outage.point is not None else ()

    def by_name() -> tuple[str, ...]:
        """A town's name may be another state's county: it counts as one inside the territory only, and a namesake far
        from where the outage says it is does not count at all."""
        sure = outage.is_area or bool(settings.territory)
        names = (locator.named(name, settings.territory, sure) for name in outage.places if name)
        return next(((name,) for name in names if name is not None and not _is_far(name, outage, context)), ())

    return (by_name() or by_point()) if outage.is_area else (by_point() or by_name())


_FAR_KM = 300.0
"""A region whose own point lies further from an outage is a namesake: no utility's town is so wide."""


def _is_far(region: str, outage: PowerOutage, context: Context[Any]) -> bool:
    own = context.regions[region].point
    return own is not None and outage.point is not None and distance_km(own, outage.point) > _FAR_KM


def _words_of(lost: Mapping[str, Sequence[PowerOutage]]) -> tuple[str, ...]:
    """What could not be placed: each place once with its counts, those with most customers first."""
    most = sorted(lost.items(), key=lambda item: (-_out(item[1]), item[0]))
    return tuple(f"{words} ({_counted(some)})" for words, some in most)


# ── Outages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _fingerprint(outage: PowerOutage) -> str:
    return f"outage:{outage.id}"


def _is_planned(outage: PowerOutage, settings: UtilitySettings) -> bool:
    return bool(outage.cause) and _says_any(settings.planned, outage.cause)


@lru_cache(10_000)  # a storm has thousands of outages and a dozen causes
def _says_any(patterns: tuple[str, ...], text: str) -> bool:
    return any(says(pattern, text) for pattern in patterns)


def _as_last_known(outages: Iterable[PowerOutage], before: Mapping[str, _Held]) -> list[PowerOutage]:
    """Each outage once; one that no longer says how many are out, with the number it said last."""
    known = {id: out for held in before.values() for id, out in held.of.items()}
    unique: dict[str, PowerOutage] = {}
    for one in outages:
        said = one.customers_out is not None or one.id not in known
        unique.setdefault(one.id, one if said else replace(one, customers_out=known[one.id]))
    return list(unique.values())


def _where_it_was(outage: PowerOutage, before: Mapping[str, _Held]) -> tuple[Place, ...]:
    """Where an outage that cannot be placed any more was counted last."""
    return tuple(_place_of(key) for key, held in before.items() if outage.id in held.of)


def _out(outages: Iterable[PowerOutage]) -> int:
    return sum(one.customers_out or 0 for one in outages)


def _tell_singles(
    outages: Iterable[tuple[PowerOutage, tuple[Place, ...]]], listed: OutageList, context: Context[Any], told: _Told
) -> None:
    """Each outage by itself. One that was trouble stays at least minor until nobody is out or it is no longer listed
    (an area until fewer than `at_least` are out): some customers having power again is no end for the rest."""
    settings, now = context.settings, context.now
    before = _held_of(context.memory, _SINGLES)
    ids = {one.id for one in listed.outages}
    missing = [id for id in before if id not in ids and listed.affirmed]
    told.present += [f"outage:{id}" for id in missing]
    kept = {id: held for id, held in before.items() if id in ids or id in missing or not listed.whole}
    for outage, places in outages:
        held = before.get(outage.id)
        level = _level_of_one(outage, held, settings)
        if level is None or (level is Level.OK and held is None):
            continue
        began = outage.began or (held.began if held else now)
        report = _report(_fingerprint(outage), level, began, (outage,), outage.served, now)
        told.signals += tell(settings.id, SignalClass.OFFICIAL, report, places, now)
        if level.is_trouble:
            kept[outage.id] = _Held(level, began, outage.customers_out or 0)
    told.memory |= _written(_SINGLES, kept)


def _level_of_one(outage: PowerOutage, held: _Held | None, settings: UtilitySettings) -> Level | None:
    """How bad one outage is; OK: over; None: too small to tell, of which a storm has thousands."""
    out = outage.customers_out
    if out is None:
        return held.level if held else Level.NOTICE
    if held is None and _is_planned(outage, settings):
        return Level.MAINTENANCE if out >= settings.at_least else None
    if out < (settings.at_least if outage.is_area else 1):
        return Level.OK
    if held is not None:
        return max(level_of(out, outage.served, settings), Level.MINOR)
    return level_of(out, outage.served, settings) if out >= settings.at_least else None


# ── Sums ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _tell_sums(
    summed: Mapping[Place, Sequence[PowerOutage]], before: Mapping[str, _Held], listed: OutageList,
    context: Context[Any], told: _Told,
) -> None:
    """Each region's outages together."""
    settings, now = context.settings, context.now
    ids = {one.id for one in listed.outages}
    kept: dict[str, _Held] = {}
    for place in dict.fromkeys((*summed, *map(_place_of, before))):
        mine, key, fingerprint = summed.get(place, ()), "|".join(place), f"region:{place[1]}"
        held, served = before.get(key), _served(mine, place[1], context)
        whole = listed.whole and not (listed.affirmed and held is not None and held.of.keys() - ids)
        level = _level_of_sum(mine, served, held, whole, settings)
        if level is None and held is not None:
            told.present.append(fingerprint)
            kept[key] = held
        if level is None or place[1] not in context.regions:
            continue
        began = held.began if held is not None else _began(mine, served, settings) or now
        report = _report(fingerprint, level, began, mine, served, now)
        told.signals += tell(settings.id, SignalClass.OFFICIAL, report, (place,), now)
        if level.is_trouble:
            counts = {one.id: one.customers_out for one in mine if one.customers_out is not None}
            kept[key] = _Held(level, began, _out(mine), counts)
    told.memory |= _written(_SUMS, kept)


def _level_of_sum(
    mine: Sequence[PowerOutage], served: int | None, held: _Held | None, whole: bool, settings: UtilitySettings
) -> Level | None:
    """How bad a region's sum is; None: nothing to tell, or what was told stays, since a list that was cut off or left
    numbers out only says that at least so many are out."""
    out = _out(mine)
    if held is None:
        return level_of(out, served, settings) if out >= settings.at_least else None
    if out < held.out and not (whole and all(one.customers_out is not None for one in mine)):
        return None
    return max(level_of(out, served, settings), Level.MINOR) if out >= settings.at_least else Level.OK


def _served(mine: Sequence[PowerOutage], region: str, context: Context[Any]) -> int | None:
    """Customers the utility serves there: by its own account, else by our tree."""
    told = [one.served for one in mine if one.served is not None]
    if told and len(told) == len(mine):
        return sum(told)
    return context.regions.customers((region,)) if region in context.regions else None


def _began(mine: Iterable[PowerOutage], served: int | None, settings: UtilitySettings) -> datetime | None:
    """When those who are out now first made it trouble: one farm without power since last week is not when the storm
    began. None where that outage does not say."""
    out = 0
    for one in sorted(mine, key=lambda one: (one.began is None, one.began.timestamp() if one.began else 0)):
        out += one.customers_out or 0
        if level_of(out, served, settings).is_trouble:
            return one.began
    return None


def _place_of(key: str) -> Place:
    service, _, region = key.partition("|")
    return service, region


# ── Words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _report(
    fingerprint: str, level: Level, began: datetime, outages: Sequence[PowerOutage], served: int | None, now: datetime
) -> Report:
    out = _out(outages)
    if level is Level.OK:
        return Report(fingerprint, level, began, f"{out:,} customers without power: no longer trouble")
    people = f"{out:,} of {served:,}" if served is not None and served >= out else f"{out:,}"
    cause, crew = _commonest((one.cause, one) for one in outages), _commonest((one.crew, one) for one in outages)
    area = outages[0].area if len(outages) == 1 else ""
    said = (_counted(outages), area, f"cause: {cause}" if cause else "", f"crew: {crew}" if crew else "")
    return Report(fingerprint, level, began, f"{people} customers without power", facts={
        "title": f"{out:,} customers without power",
        "status": one_line(crew),
        "update": one_line("; ".join(part for part in said if part), 500),
        "cause": one_line(cause),
        "customers_out": str(out) if any(one.customers_out is not None for one in outages) else "",
        "restoration_at": _restored_by(outages, now),
        "url": next((one.url for one in outages if one.url), "")[:500],
    })


def _counted(outages: Sequence[PowerOutage]) -> str:
    count, out = sum(one.count for one in outages), _out(outages)
    return f"{count:,} outage{'s' if count != 1 else ''}, {out:,} customer{'s' if out != 1 else ''}"


def _commonest(said: Iterable[tuple[str, PowerOutage]]) -> str:
    """What is said of most customers."""
    by_words: Counter[str] = Counter()
    for words, outage in said:
        if words:
            by_words[words] += max(1, outage.customers_out or 0)
    return min(by_words, key=lambda words: (-by_words[words], words), default="")


def _restored_by(outages: Sequence[PowerOutage], now: datetime) -> str:
    """The latest time of restoration, RFC 3339, where those who have one are most of those who are out."""
    timed = [(one.restored_by, one) for one in outages if one.restored_by and now < one.restored_by <= now + _FARTHEST]
    if not timed or _out(one for _, one in timed) < _MOST_OF * _out(outages):
        return ""
    return rfc3339(max(at for at, _ in timed))


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Held:
    """What is remembered of an open trouble: its level, when it began, how many were out, and of a region's sum the
    outages it was made of with their customers."""

    level: Level
    began: datetime
    out: int = 0
    of: Mapping[str, int] = field(default_factory=dict)


def _held_of(memory: Mapping[str, str], key: str) -> dict[str, _Held]:
    try:
        found = json.loads(memory.get(key, "{}"))
    except (ValueError, RecursionError):
        return {}
    held: dict[str, _Held] = {}
    for name, value in found.items() if isinstance(found, dict) else ():
        level, began, out, of = value if isinstance(value, list) and len(value) == 4 else (None, None, None, None)
        if level in (Level.MINOR, Level.MAJOR, Level.CRITICAL) and (at := any_moment(began)) is not None:
            counts = {k: n for k, n in of.items() if count_of(n) is not None} if isinstance(of, dict) else {}
            held[name] = _Held(Level(level), at, count_of(out) or 0, counts)
    return held


def _written(key: str, held: Mapping[str, _Held]) -> dict[str, str]:
    kept: dict[str, Any] = {}
    room = _KEPT
    for name, one in sorted(held.items(), key=lambda item: -item[1].out)[:_KEPT]:
        largest = sorted(one.of.items(), key=lambda item: -item[1])[:room]
        room -= len(largest)
        kept[name] = [int(one.level), rfc3339(one.began), one.out, dict(largest)]
    return {key: json.dumps(kept, separators=(",", ":"))} if kept else {}
