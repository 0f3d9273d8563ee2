"""Where on our tree a point lies, and which region a utility means by a county, a town or a postcode.

Pure. A point belongs to the innermost region whose polygon holds it, else to the nearest region that is one place. A
name must be the whole name of one region: utilities write counties without "County", directions and saints abbreviated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from notifier.model.region import RegionTree

from ..geometry import Areas, Places, Point
from ..placing import Finder, finder_of

_ZIP = re.compile(r"(\d{5})(?:-\d{4})?")
_DIRECTIONS = {"e": "East", "n": "North", "s": "South", "w": "West"}
_OTHERWISE = {"st": "Saint", "saint": "St", "mt": "Mount", "mount": "Mt", "ft": "Fort", "fort": "Ft"}
_ARTICLES = frozenset({"la", "de", "le", "du"})
_REMEMBERED = 20_000
_COUNTIES = ("", " County", " Parish", " Borough")


class Locator:
    """Finds regions of one tree by point and by name."""

    def __init__(self, regions: RegionTree) -> None:
        self._regions, self._finder = regions, finder_of(regions)
        self._areas = Areas((region.id, region.polygon) for region in regions if region.polygon)
        self._places = Places((region.id, region.point) for region in regions if region.point is not None)
        self.named = lru_cache(_REMEMBERED)(self._named)
        """(name, territory, counties) -> the region a county, town or postcode of a vendor is; inside `territory` where
        one is given. `counties` False: "Burlington" is no Burlington County, which may lie in another state."""

    @property
    def finder(self) -> Finder:
        """The finder of the same tree."""
        return self._finder

    def at(self, point: Point, km: float) -> tuple[str, ...]:
        """Regions whose polygon holds the point, the innermost only; else the place nearest to it within `km`."""
        held = self._areas.holding(point)
        if held:
            return self._finder.innermost(held)
        near = self._places.nearest(point, km)
        return () if near is None else (near,)

    def _named(self, name: str, territory: tuple[str, ...] = (), counties: bool = True) -> str | None:
        if (found := _ZIP.fullmatch(name.strip())) is not None:
            return self._by_postcode(found[1], territory)
        for spelt in spellings(name, _COUNTIES if counties else ("",)):
            if (region := self._finder.exact(spelt, territory)) is not None:
                return region
        code = self._finder.by_code(name.strip())
        return code if code is not None and (not territory or self._finder.inside(code, territory)) else None

    def _by_postcode(self, postcode: str, territory: tuple[str, ...]) -> str | None:
        """Counties have codes of five digits too (FIPS): a county's is no postcode."""
        for code in (f"ZIP:{postcode}", postcode):
            found = self._finder.by_code(code)
            if found is not None and f"FIPS:{postcode}" not in self._regions[found].codes and (
                    not territory or self._finder.inside(found, territory)):
                return found
        return None


_newest: list[tuple[RegionTree, Locator]] = []


def locator_of(regions: RegionTree) -> Locator:
    """The locator of a tree; all sources of one configuration share it."""
    for tree, locator in _newest:
        if tree is regions:
            return locator
    made = Locator(regions)
    _newest[:] = [(regions, made)]
    return made


def spellings(name: str, endings: tuple[str, ...] = _COUNTIES) -> Iterator[str]:
    """How a name may be written in our tree, likeliest first: as it is, in full ("E. BATON ROUGE" is East Baton Rouge),
    as one word ("La Salle"), each with each of the endings."""
    words = " ".join(name.split())[:100].split(" ")
    first = words[0].rstrip(".").casefold()
    heads = [words]
    if len(words) > 1 and first in _DIRECTIONS:
        heads.append([_DIRECTIONS[first], *words[1:]])
    if len(words) > 1 and first in _OTHERWISE:
        heads.append([_OTHERWISE[first], *words[1:]])
    if len(words) > 1 and first in _ARTICLES:
        heads.append([words[0] + words[1], *words[2:]])
    for head in heads:
        for ending in endings:
            yield " ".join(head) + ending
