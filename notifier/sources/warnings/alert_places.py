"""Where a public alert is: by code, then by what is drawn on the map, then by the names in its description.

Pure. What lies outside our tree is not our trouble; what lies inside it and is none of our regions is said, and never
widened to the state or to a default.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.model.region import RegionTree

from ..geometry import Point, centroid, distance_km, inside
from ..placing import Place, Texts, finder_of, rule_for
from ..settings import Placing
from ..shapes import one_line

Circle = tuple[float, float, float]
"""(latitude, longitude, radius): degrees and kilometres."""

_OFFICIAL_CODES = frozenset({"UGC", "SAME", "FIPS6", "FIPS"})
_OUR_CODES = ("US-", "UGC:", "SAME:", "FIPS:")
"""How the codes of a tree begin that can say of an official code that it lies elsewhere."""


@dataclass(frozen=True, slots=True)
class Area:
    """Where: description, (name, code) pairs, polygons and circles."""

    description: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    polygons: tuple[tuple[Point, ...], ...] = ()
    circles: tuple[Circle, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """(service, region) pairs, and the words of what could not be placed. Both empty: it is not our trouble."""

    places: tuple[Place, ...] = ()
    lost: tuple[str, ...] = ()


class AlertPlacer:
    """Regions of an alert's areas, by one source's placing."""

    def __init__(self, placing: Placing, regions: RegionTree) -> None:
        self._placing, self._regions = placing, regions
        self._finder = finder_of(regions)
        self._shapes = [(one.id, one.polygon, centroid(one.polygon)) for one in regions if len(one.polygon) >= 4]
        self._coded = any(code.upper().startswith(_OUR_CODES) for one in regions for code in (one.id, *one.codes))

    def place(self, areas: Sequence[Area], *, event: str, title: str, labels: Any, service: str | None) -> Found:
        """Where an alert is. `service` is what its event speaks of, None: the default. Rules of placing come first; the
        default regions count only for an alert that names no area at all."""
        named = one_line("; ".join(filter(None, (area.description for area in areas))), 1000)
        texts = Texts(component=named, title=title, group=event, location=named, labels=labels)
        rule = rule_for(texts, self._placing)
        if rule is not None and rule.ignore:
            return Found()
        service = (rule.service if rule else None) or service or self._placing.service
        regions, lost = (rule.regions, []) if rule is not None and rule.regions else self._regions_of(areas, title)
        words = f"{named or 'no area'} / {title or event}"[:200]
        if not regions:
            return Found(lost=tuple(f"no region for {one[:100] or words!r}: {title or event}"[:300] for one in lost))
        if service is None:
            return Found(lost=(f"no service for {words!r}",))
        return Found(tuple((service, region) for region in regions),
                     tuple(f"no region for {one[:100]!r}: {title or event}"[:300] for one in lost if one))

    def _regions_of(self, areas: Sequence[Area], title: str) -> tuple[tuple[str, ...], list[str]]:
        """Regions, and the descriptions of areas of ours that are none of them."""
        found: dict[str, None] = {}
        lost: list[str] = []
        for area in areas:
            states = self._states(area)
            own = self._by_code(area) or self._by_shape(area) or self._by_name(area, states)
            found |= dict.fromkeys(own)
            lost += [] if own or states == () else [area.description]
        if found or (areas and not lost):
            return self._finder.innermost(found), lost
        titled = self._finder.find(title) if self._placing.find_regions else ()
        if titled or not areas:
            regions = titled or self._placing.regions
            return regions, [] if regions else [""]
        return (), lost

    def _by_code(self, area: Area) -> tuple[str, ...]:
        found = (self._finder.by_code(*spellings(name, value)) for name, value in area.codes)
        return self._finder.innermost(region for region in found if region is not None)

    def _by_shape(self, area: Area) -> tuple[str, ...]:
        drawn = {region for polygon in area.polygons for region in self._under(polygon)}
        round_ = {region for circle in area.circles for region in self._around(circle)}
        return self._finder.innermost(drawn | round_)

    def _under(self, polygon: Sequence[Point]) -> Iterable[str]:
        """Regions that hold a polygon's middle, or whose own middle it holds."""
        middle = centroid(polygon)
        for region, shape, own in self._shapes:
            if (middle is not None and inside(middle, shape)) or (own is not None and inside(own, polygon)):
                yield region

    def _around(self, circle: Circle) -> Iterable[str]:
        """Regions that hold a circle's centre, or whose middle it holds; else the nearest it touches."""
        centre, radius = circle[:2], circle[2]
        held = [region for region, shape, own in self._shapes
                if inside(centre, shape) or (own is not None and distance_km(centre, own) <= radius)]
        if held:
            return held
        near = [(min(distance_km(centre, corner) for corner in shape), region) for region, shape, _ in self._shapes]
        return [region for away, region in sorted(near)[:1] if away <= radius]

    def _by_name(self, area: Area, states: tuple[str, ...] | None) -> tuple[str, ...]:
        """Regions its description names, inside the states its codes name: county names exist many times over."""
        if states is None:
            return self._finder.find(area.description)
        named = " . ".join((area.description, *(self._regions[state].name for state in states)))
        found = (*self._finder.find(area.description), *(set(self._finder.find(named)) - set(states)))
        return self._finder.innermost(one for one in found if self._finder.inside(one, states))

    def _states(self, area: Area) -> tuple[str, ...] | None:
        """The states of our tree that its official codes lie in: none where it is elsewhere; None: no code tells."""
        named = [state for name, value in area.codes if (state := _state_of(name, value))] if self._coded else []
        if not named:
            return None
        return tuple({found for state in named if (found := self._finder.by_code(*state)) is not None})


def spellings(name: str, value: str) -> tuple[str, ...]:
    """How a region's code may be written in our tree, likeliest first.

    SAME and FIPS6 are PSSCCC: part of the county, state, county; part 0 is the whole county and county 000 the whole
    state (47 CFR 11.31). UGC is SSCnnn for counties and SSZnnn for forecast zones (NWS directive 10-1702). Bare digits
    of other names are no code of ours: a postcode may read like a county.
    """
    name, value = name.upper()[:100], value.strip()[:60]
    tried = [f"{name}:{value}"]
    if name in ("SAME", "FIPS6", "FIPS") and value.isdigit() and len(value) in (5, 6):
        digits = value[-5:]
        whole_state = digits[2:] == "000"
        tried += [f"SAME:0{digits}", f"FIPS:{digits}", f"FIPS:{digits[:2]}" if whole_state else digits]
        tried += [digits[:2]] if whole_state else []
    if name == "UGC" and len(value) == 6 and value[2].upper() == "C" and value[3:].isdigit():
        tried += [f"US-{value[:2].upper()}"] if value[3:] == "000" else []
    return (*tried, value) if len(value) > 3 and not value.isdigit() else tuple(tried)


def _state_of(name: str, value: str) -> tuple[str, ...]:
    """How the state an official code lies in may be written in our tree; empty for other codes."""
    name, value = name.upper(), value.strip()
    if name not in _OFFICIAL_CODES:
        return ()
    if name == "UGC":
        return (f"US-{value[:2].upper()}",) if value[:2].isalpha() else ()
    digits = value[-5:-3]
    return (f"FIPS:{digits}", digits) if digits.isdigit() else ()
