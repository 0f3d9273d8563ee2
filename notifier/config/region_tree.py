"""regions.yaml → the region tree: ready trees, then the deployment's own nodes over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar
from zoneinfo import ZoneInfo, available_timezones

from ..model.region import Region, RegionTree
from .files import Include, RegionEntry
from .mistake import listed, nearest, shown
from .ready_regions import LEVELS, OUTLYING, PLACES, WORLD, city_point, is_state, known_countries, ready, world
from .yaml_file import Path_, YamlFile

DEEPEST = 30
"""Levels of the deepest tree: real ones have eight, and every look-up walks them."""

T = TypeVar("T")
Numbered = Sequence[tuple[int, T]]
"""Entries of a list in YAML with their numbers there; entries that could not be read are left out."""


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def near_zone(name: str) -> str:
    """The IANA time zone spelt most like `name`; "" where none is."""
    return nearest(name, available_timezones())


def build_tree(includes: Numbered[Include], regions: Numbered[RegionEntry], file: YamlFile) -> RegionTree:
    """The tree; whatever is wrong with it is noted in `file`, and left out of the tree."""
    found: dict[str, Region] = {WORLD: world()}
    for number, include in includes:
        _include(found, include, file, number)
    own: dict[str, int] = {}
    for number, entry in regions:
        if entry.id in own:
            file.mistake(("regions", number, "id"), "a region of this id stands above", found=repr(entry.id),
                         expected=f"an id of its own; the first is regions[{own[entry.id]}]")
            continue
        own[entry.id] = number
        _check_entry(entry, file, number)
        found[entry.id] = _merged(found.get(entry.id), entry, file, number)
    _check_parents(found, own, file)
    _inherit_zones(found, own)
    _find_points(found, own)
    return RegionTree(_parents_first(found))


def _include(found: dict[str, Region], include: Include, file: YamlFile, number: int) -> None:
    for position, level in enumerate(include.levels):
        if level not in LEVELS:
            file.mistake(("include", number, "levels", position), "unknown level", found=repr(level),
                         expected=listed(LEVELS), nearest=nearest(level, LEVELS))
    countries = known_countries()
    wanted = sorted(countries) if include.country == "all" else [include.country]
    for country in wanted:
        if country not in countries:
            file.mistake(("include", number, "country"), "unknown country", found=repr(country),
                         expected="an ISO 3166-1 code of two letters, or all", nearest=nearest(country, countries))
            continue
        for region in ready(country, include.levels):
            if region.id not in found or (region.id in OUTLYING and region.parent != WORLD):
                found[region.id] = region


def _check_entry(entry: RegionEntry, file: YamlFile, number: int) -> None:
    if entry.timezone is not None and not is_zone(entry.timezone):
        file.mistake(("regions", number, "timezone"), "unknown time zone", found=shown(entry.timezone),
                     expected="an IANA zone such as America/New_York", nearest=near_zone(entry.timezone))
    if entry.polygon and len(set(entry.polygon)) < 3:
        file.mistake(("regions", number, "polygon"), "is not an area", expected="three corners or more")
    for position, corner in enumerate(entry.polygon):
        _check_on_globe(corner, file, ("regions", number, "polygon", position))
    if entry.point is not None:
        _check_on_globe(entry.point, file, ("regions", number, "point"))


def _check_on_globe(point: tuple[float, float], file: YamlFile, path: Path_) -> None:
    latitude, longitude = point
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        file.mistake(path, "is not on the globe", found=f"[{latitude}, {longitude}]",
                     expected="[latitude, longitude] in degrees")


def _merged(before: Region | None, entry: RegionEntry, file: YamlFile, number: int) -> Region:
    corners = entry.polygon
    polygon = corners if not corners or corners[0] == corners[-1] else (*corners, corners[0])
    if before is None:
        if entry.name is None:
            file.mistake(("regions", number), "a region of your own needs a name", expected="name: and its name, or "
                         "the id of a region of an included tree")
        return Region(id=entry.id, name=entry.name or entry.id, kind=entry.kind or "district", parent=entry.parent,
                      timezone=entry.timezone or "", aliases=entry.aliases, codes=entry.codes,
                      customers=entry.customers, polygon=polygon, names=dict(entry.names), point=entry.point)
    return replace(
        before, name=entry.name or before.name, kind=entry.kind or before.kind, parent=entry.parent or before.parent,
        timezone=entry.timezone or before.timezone, polygon=polygon or before.polygon,
        aliases=tuple(dict.fromkeys((*before.aliases, *entry.aliases))),
        codes=tuple(dict.fromkeys((*before.codes, *entry.codes))),
        customers=before.customers if entry.customers is None else entry.customers,
        names={**before.names, **entry.names}, point=entry.point or before.point)


def _check_parents(found: dict[str, Region], own: dict[str, int], file: YamlFile) -> None:
    for region_id, number in own.items():
        parent = found[region_id].parent
        if parent is not None and parent not in found:
            file.mistake(("regions", number, "parent"), "unknown region", found=shown(parent),
                         expected="the id of a region in this file or an included tree", nearest=nearest(parent, found))
            found[region_id] = replace(found[region_id], parent=None)
    for region_id, number in own.items():
        if wrong := _wrong_line(found, region_id):
            file.mistake(("regions", number, "parent"), wrong, found=repr(found[region_id].parent),
                         expected="a parent that does not lie below it")
            found[region_id] = replace(found[region_id], parent=None)


def _wrong_line(found: dict[str, Region], start: str) -> str:
    """What is wrong with the line of parents of `start`, "" for nothing. A loop further up, which `start` only hangs
    below, is told where it stands."""
    seen: set[str] = set()
    at = found[start].parent
    while at is not None and at not in seen:
        if at == start:
            return "is its own ancestor"
        if len(seen) == DEEPEST:
            return f"lies more than {DEEPEST} levels deep"
        seen.add(at)
        at = found[at].parent
    return ""


def _inherit_zones(found: dict[str, Region], own: Iterable[str]) -> None:
    for region_id in own:
        at: str | None = region_id
        while at is not None and not found[at].timezone:
            at = found[at].parent
        if not found[region_id].timezone:
            found[region_id] = replace(found[region_id], timezone=found[at].timezone if at is not None else "UTC")


def _find_points(found: dict[str, Region], own: Iterable[str]) -> None:
    """Give cities and towns of a deployment's own their point, where their name in their state says which they are."""
    for region_id in own:
        region = found[region_id]
        if region.point is not None or region.polygon or region.kind.lower() not in PLACES:
            continue
        at = region.parent
        while at is not None and not is_state(at):
            at = found[at].parent
        names = (region.name, *region.aliases)
        point = next((p for name in names if at is not None and (p := city_point(at, name)) is not None), None)
        found[region_id] = replace(region, point=point)


def _parents_first(found: dict[str, Region]) -> dict[str, Region]:
    ordered: dict[str, Region] = {}
    for region_id in found:
        line: list[Region] = []
        at: str | None = region_id
        while at is not None and at not in ordered:
            line.append(found[at])
            at = found[at].parent
        ordered.update((region.id, region) for region in reversed(line))
    return ordered
