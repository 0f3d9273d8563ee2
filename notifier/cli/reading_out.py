"""What an answer says, for people and for machines: shared by `try-source` and `add-source`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from ..config.recognising import NOWHERE
from ..config.registry import SOURCES
from ..model.signal import Level, Signal
from ..model.times import rfc3339
from ..ports import Reading

_SHOWN_FIRST = ("update", "workaround", "restoration", "restoration_at", "customers_out", "cause", "scheduled_for",
                "scheduled_until", "url")
_NAMES_MOST = 40


@dataclass(frozen=True)
class Told:
    """One thing the answer speaks of, with every service and region it is placed in."""

    fingerprint: str
    level: Level
    services: tuple[str, ...]
    regions: tuple[str, ...]
    since: Any
    lasts_until: Any
    why: str
    facts: Mapping[str, str]


def told_by(reading: Reading) -> list[Told]:
    """The signals of a reading by what they speak of, the worst first."""
    by_print: dict[str, list[Signal]] = {}
    for signal in reading.signals:
        by_print.setdefault(signal.fingerprint, []).append(signal)
    found = [Told(key, max(s.level for s in group), _each(s.service for s in group), _each(s.region for s in group),
                  min(s.started_at for s in group), group[0].lasts_until, group[0].why, group[0].facts)
             for key, group in by_print.items()]
    return sorted(found, key=lambda one: (-one.level, one.since))


def _each(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


def not_understood(kind: str, reading: Reading) -> list[str]:
    """What of an answer made no sense, in words: what its kind says of it, what has no place, and states of components
    that no table of the kind has."""
    unplaced = [f"unplaced: {words}" for words in reading.unplaced]
    known = _words_known(kind)
    said = [one.facts.get("status", "") for one in told_by(reading)
            if one.level is Level.NOTICE and one.fingerprint.startswith("component:")]
    states = [f"component's status {word!r}" for word in said
              if known and word and " " not in word and word.casefold() not in known]
    return list(dict.fromkeys((*reading.not_understood, *states, *unplaced)))


def _words_known(kind: str) -> set[str]:
    """The words in the tables of levels of a kind's module, in small letters: for kinds that do not say themselves
    what they do not know. Empty where it has no such table."""
    module = sys.modules.get(SOURCES[kind].make.__module__)
    tables = [one for one in vars(module).values() if isinstance(one, Mapping)] if module is not None else []
    return {word.casefold() for table in tables for word, level in table.items()
            if isinstance(word, str) and isinstance(level, Level)}


def as_data(kind: str, reading: Reading) -> dict[str, Any]:
    """A reading for machines."""
    return {"kind": kind, "known": reading.known, "why": reading.why, "complete": reading.complete,
            "affirmed": reading.affirmed, "incidents": told_by(reading), "gone": reading.gone,
            "listed": [{"component": c, "group": g, "location": place} for c, g, place in reading.listed],
            "not_understood": not_understood(kind, reading)}


def safe(text: str) -> str:
    """Words from outside as a terminal may show them: without what it would obey."""
    return "".join(one if one.isprintable() else "�" for one in text)


def print_reading(kind: str, reading: Reading) -> None:
    """A reading for people: how far it can be trusted, what is wrong, what is over, what is listed, what made no
    sense."""
    if not reading.known:
        click.echo(f"UNKNOWN: {safe(reading.why)}. It opens nothing and closes nothing.")
        return
    whole = "lists everything that is open" if reading.complete else "does not list everything that is open"
    well = "says of something that it is well" if reading.affirmed else "says of nothing that it is well"
    click.echo(f"Readable as {kind}; {whole}; {well}." + (f" {safe(reading.why)}." if reading.why else ""))
    told = told_by(reading)
    for one in told:
        if one.level is not Level.OK:
            _print_one(one)
    over = [one.why for one in told if one.level is Level.OK]
    if over:
        click.echo(f"over: {len(over)}, such as {safe(over[0])!r}")
    if not told:
        click.echo("It reports nothing.")
    _print_names(reading)
    puzzles = not_understood(kind, reading)
    if puzzles:
        click.echo("Not understood:")
        for words in puzzles[:_NAMES_MOST]:
            click.echo(f"  - {safe(words)}")
        if len(puzzles) > _NAMES_MOST:
            click.echo(f"  and {len(puzzles) - _NAMES_MOST} more")


def _print_one(one: Told) -> None:
    placed = ", ".join(one.services) + " in " + ", ".join(one.regions)
    where = "not placed" if NOWHERE in one.services and NOWHERE in one.regions else placed
    until = f", until {rfc3339(one.lasts_until)} unless repeated" if one.lasts_until is not None else ""
    click.echo(f"{one.level.name.lower()}: {safe(one.why)}")
    click.echo(f"    {where}, since {rfc3339(one.since)}{until}")
    for name in _SHOWN_FIRST:
        if one.facts.get(name):
            click.echo(f"    {name}: {safe(one.facts[name])}")


def _print_names(reading: Reading) -> None:
    names = [" / ".join(filter(None, (group, component, place))) for component, group, place in reading.listed]
    if names:
        more = f" and {len(names) - _NAMES_MOST} more" if len(names) > _NAMES_MOST else ""
        click.echo(f"names: {safe(', '.join(names[:_NAMES_MOST]))}{more}")
