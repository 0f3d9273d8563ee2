"""Items that YAML maps to incidents: what every "anything else" kind shares, whatever the items were written in.

Pure. A kind (`json`, `html`) finds items and, in each, the values of the fields YAML names; what those values mean is
decided here once:

- items of one id are one incident, its worst level and all its places together;
- a status no rule has counts as a notice, whatever it may mean: it opens nothing and closes nothing;
- an end is a time that has passed; a word, a mark or a time ahead is none;
- trouble that begins a day ahead is a wrong clock, work that begins ahead is planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from notifier.model.signal import Level
from notifier.model.times import rfc3339

from ..clocks import any_time, known_zone, past_time
from ..settings import HttpSettings
from ..shapes import Unreadable, one_line, plain
from ..vendor_page import VendorComponent, VendorIncident, VendorUpdate, unknown_word
from ..wording import is_over, is_planned

LevelWord = Literal["ok", "notice", "maintenance", "minor", "major", "critical"]
"""Levels as YAML spells them; ok: it is over, or well."""
LISTS = ("text", "component", "location", "status")
"""Fields of which an item may have several values; of the others the first counts."""
TIMES = ("started_at", "updated", "ended", "restoration_at", "scheduled_for", "scheduled_until")
"""Fields that hold times."""
_LATE = frozenset({"ended", "workaround", "restoration", "restoration_at", "scheduled_for", "scheduled_until"})
_KEPT = 50
_LONGEST = 500
_TEXT_LONGEST = 4000


class MappedSettings(HttpSettings):
    """What sources whose items are mapped in YAML share."""

    statuses: Mapping[str, LevelWord] = Field(default_factory=dict)
    """What the vendor's words for a status mean, whatever their case. A word that is missing here counts as a notice,
    which opens nothing and closes nothing."""
    level: Literal["notice", "maintenance", "minor", "major", "critical"] = "minor"
    """How bad an item is where no status is mapped."""
    prose: bool = False
    """Whether title and text say when it is over ("Resolved: …"), as in feeds."""
    lists_all_open: bool = False
    """Whether the answer lists everything that is open, so that what vanishes from it is over."""
    timezone: str = "UTC"
    """Zone of times that come without one."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("statuses")
    @classmethod
    def _lower(cls, value: Mapping[str, LevelWord]) -> Mapping[str, LevelWord]:
        return {word.strip().casefold(): level for word, level in value.items()}

    @model_validator(mode="after")
    def _can_end(self) -> MappedSettings:
        named = named_fields(self)
        if "status" in named and not self.statuses:
            raise ValueError("expected statuses: what the words of fields.status mean")
        if "status" not in named and self.statuses:
            raise ValueError("expected fields.status: where the words of statuses are found")
        ends = self.lists_all_open or self.prose or "ended" in named or "ok" in self.statuses.values()
        if not ends:
            raise ValueError("expected a way to tell that something is over: lists_all_open: true, a status that means "
                             "ok, fields.ended, or prose: true")
        return self


def named_fields(settings: MappedSettings) -> dict[str, Any]:
    """What YAML says of each field it names, facts included, in order."""
    fields = getattr(settings, "fields")  # noqa: B009 each kind's settings have fields of its own class
    given = {name: getattr(fields, name) for name in type(fields).model_fields if name != "facts"}
    return {name: value for name, value in (*given.items(), *fields.facts.items()) if value is not None}


FactName = Literal["workaround", "restoration", "restoration_at", "customers_out", "cause", "scheduled_for",
                   "scheduled_until"]
"""Facts an item may carry, by the names they have everywhere."""
FACTS: tuple[str, ...] = get_args(FactName)

Item = Mapping[str, Sequence[Any]]
"""The values found in one item, by field, in order: texts, numbers, true and false. Anything else is left out."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """Items as incidents, and what of them made no sense."""

    incidents: tuple[VendorIncident, ...]
    not_understood: tuple[str, ...]


def mapped(items: Sequence[Item], settings: MappedSettings, now: datetime) -> Mapped:
    """`items` as incidents, those of one id together. Raises Unreadable where one has no id or a clock is wrong."""
    found: dict[str, VendorIncident] = {}
    for item in items:
        incident = _incident(item, settings, now)
        found[incident.id] = _together(found[incident.id], incident) if incident.id in found else incident
    return Mapped(tuple(found.values()), tuple(_nowhere(items, settings)) if items else ())


def _nowhere(items: Sequence[Item], settings: MappedSettings) -> Iterator[str]:
    """Fields that are named and that no item has: the vendor calls them something else by now. What most troubles have
    not yet (an end, a restoration time) may be missing."""
    for name, where in named_fields(settings).items():
        if name not in _LATE and not any(map(text_of, (value for item in items for value in item.get(name, ())))):
            yield f"no item has {name} ({one_line(str(where), 80)})"


def text_of(value: Any) -> str:
    """A value as text, "" where it is none: true and false, numbers without a trailing .0, nothing absurd."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int | float):
        return str(value) if abs(value) < 1e40 else ""
    return value.strip()[:_TEXT_LONGEST] if isinstance(value, str) else ""


def _incident(item: Item, settings: MappedSettings, now: datetime) -> VendorIncident:
    said = {name: [text for value in values[:_KEPT] if (text := text_of(value))] for name, values in item.items()}

    def first(name: str) -> str:
        return said[name][0][:_LONGEST] if said.get(name) else ""

    identity = first("id")
    if not identity or isinstance(item["id"][0], bool):
        raise Unreadable("an item has no id")
    level, puzzles = _level(item, said, settings, now)
    begins = any_time(_first(item, "started_at"), settings.timezone)
    ahead = begins is not None and begins > now
    if level.is_trouble:
        past_time(_first(item, "started_at"), now, settings.timezone)
    elif ahead and level is Level.MAINTENANCE:
        level = Level.NOTICE
    updated = past_time(_first(item, "updated"), now, settings.timezone)
    facts = _facts(item, said, settings.timezone)
    if ahead and not level.is_trouble and begins is not None:
        facts.setdefault("scheduled_for", rfc3339(begins))
    return VendorIncident(
        id=identity, title=plain(first("title"), _LONGEST), level=level, status=", ".join(said.get("status", ()))[:100],
        started_at=begins, updates=tuple(VendorUpdate(updated, text) for text in said.get("text", ())),
        components=tuple(VendorComponent("", name[:_LONGEST], first("group")) for name in said.get("component", ())) or
        ((VendorComponent("", "", first("group")),) if first("group") else ()),
        locations=tuple(place[:_LONGEST] for place in said.get("location", ())), url=first("url"), facts=facts,
        not_understood=(*puzzles, *_no_times(item, said, settings.timezone)))


def _first(item: Item, name: str) -> Any:
    values = item.get(name, ())
    return values[0] if values else None


def _level(
    item: Item, said: Mapping[str, list[str]], settings: MappedSettings, now: datetime
) -> tuple[Level, tuple[str, ...]]:
    """How bad, and what of it made no sense."""
    title, text = " ".join(said.get("title", ())), "\n".join(said.get("text", ()))
    ended = any_time(_first(item, "ended"), settings.timezone)
    if (ended is not None and ended <= now) or (settings.prose and is_over(title, text)):
        return Level.OK, ()
    if not settings.statuses:
        planned = settings.prose and is_planned(title, text)
        return Level.MAINTENANCE if planned else Level[settings.level.upper()], ()
    words = [word.casefold() for word in said.get("status", ())]
    levels = [Level[settings.statuses[word].upper()] if word in settings.statuses else Level.NOTICE for word in words]
    strange = tuple(one for word in words for one in unknown_word("status", word, settings.statuses))
    return max(levels, default=Level.NOTICE), strange


def _no_times(item: Item, said: Mapping[str, list[str]], zone: str) -> tuple[str, ...]:
    """Fields that ought to hold a time and do not."""
    return tuple(f"{name} {one_line(said[name][0], 60)!r}, which is no time" for name in TIMES
                 if said.get(name) and any_time(_first(item, name), zone) is None)


def _facts(item: Item, said: Mapping[str, list[str]], zone: str) -> dict[str, str]:
    facts = {name: said[name][0][:_LONGEST] for name in FACTS if said.get(name)}
    for name in TIMES:
        if name in facts:
            at = any_time(_first(item, name), zone)
            facts[name] = rfc3339(at) if at is not None else ""
    return {name: value for name, value in facts.items() if value}


def _together(one: VendorIncident, other: VendorIncident) -> VendorIncident:
    """Two items of one id: the worst, the earliest, and everywhere."""
    worst, rest = (one, other) if one.level >= other.level else (other, one)
    began = [at for at in (one.started_at, other.started_at) if at is not None]
    return replace(
        worst, started_at=min(began, default=None), updates=(*worst.updates, *rest.updates)[:_KEPT],
        components=_each_once((*one.components, *other.components)),
        locations=_each_once((*one.locations, *other.locations)), facts={**(rest.facts or {}), **(worst.facts or {})},
        not_understood=_each_once((*one.not_understood, *other.not_understood)))


def _each_once(things: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(things))[:500]
