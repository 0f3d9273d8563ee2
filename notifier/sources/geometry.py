"""Points and areas on the globe: which area holds a point, how far two points lie apart, which place is nearest.

Pure. Every point is (latitude, longitude) in degrees. An area is one ring of corners, closed, or several one after the
other, each closed: a hole, an island or a second part is one more ring, and a point is inside where it lies within an
odd number of them. Areas across the 180th meridian are given as two rings. Good to a few hundred metres, which is what
outage maps are good to.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import asin, atan, cos, degrees, exp, isfinite, pi, radians, sin, sqrt

Point = tuple[float, float]
"""(latitude, longitude) in degrees."""
Polygon = Sequence[Point]

EARTH_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""
_MERCATOR_M = 6378137.0
"""Radius of the sphere of Web Mercator, EPSG:3857."""
_KM_PER_DEGREE = EARTH_KM * pi / 180
_REMEMBERED = 20_000
"""Points whose answer an index remembers: outage lists repeat the same points for hours."""


def point_of(latitude: object, longitude: object) -> Point | None:
    """A point from what an answer holds; None where it is no place on the globe. 0, 0 lies in the sea off Ghana and is
    how several utilities write "unknown"."""
    if isinstance(latitude, bool) or isinstance(longitude, bool):
        return None
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180) or (latitude == 0 and longitude == 0):
        return None
    return float(latitude), float(longitude)


def from_web_mercator(x: object, y: object) -> Point | None:
    """The point of Web Mercator metres (EPSG:3857, sphere of 6,378,137 m), as map servers give them."""
    if isinstance(x, bool) or isinstance(y, bool) or not isinstance(x, int | float) or not isinstance(y, int | float):
        return None
    if not (abs(x) <= 2.1e7 and abs(y) <= 2.1e7 and isfinite(x) and isfinite(y)):
        return None
    return point_of(degrees(2 * atan(exp(y / _MERCATOR_M)) - pi / 2), degrees(x / _MERCATOR_M))


def distance_km(one: Point, other: Point) -> float:
    """Kilometres along the great circle, by the haversine formula on the mean sphere (at most 0.5 % off)."""
    lat1, lon1, lat2, lon2 = (radians(degree) for degree in (*one, *other))
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(half)))


def rings_of(polygon: Polygon) -> Iterator[tuple[Point, ...]]:
    """The closed rings of an area: a ring ends where it is back at its first corner. What encloses nothing (fewer than
    three corners) is left out."""
    ring: list[Point] = []
    for corner in polygon:
        ring.append(corner)
        if len(ring) > 1 and corner == ring[0]:
            if len(ring) > 3:
                yield tuple(ring)
            ring = []
    if len(ring) > 2:
        yield (*ring, ring[0])


def inside(point: Point, polygon: Polygon) -> bool:
    """Whether a point lies in an area, by counting the edges a ray from it crosses (even-odd rule)."""
    return _odd(point, rings_of(polygon))


def _odd(point: Point, rings: Iterable[Sequence[Point]]) -> bool:
    lat, lon = point
    crossed = False
    for ring in rings:
        for (lat1, lon1), (lat2, lon2) in pairwise(ring):
            if (lat1 > lat) != (lat2 > lat) and lon < (lon2 - lon1) * (lat - lat1) / (lat2 - lat1) + lon1:
                crossed = not crossed
    return crossed


def centroid(polygon: Polygon) -> Point | None:
    """The centre of an area's largest ring, weighted by area (shoelace formula), so that many corners along one coast
    do not draw it there; the mean of the corners where they enclose nothing; None without corners."""
    best = max(rings_of(polygon), key=lambda ring: abs(_twice_area(ring)), default=None)
    if best is None or (twice := _twice_area(best)) == 0:
        corners = polygon[:-1] if len(polygon) > 1 and polygon[0] == polygon[-1] else polygon
        return (sum(lat for lat, _ in corners) / len(corners), sum(lon for _, lon in corners) / len(corners)) \
            if corners else None
    lat0, lon0 = best[0]
    moved = [(lat - lat0, lon - lon0) for lat, lon in best]
    lat = sum((y1 + y2) * (x1 * y2 - x2 * y1) for (y1, x1), (y2, x2) in pairwise(moved)) / (3 * twice)
    lon = sum((x1 + x2) * (x1 * y2 - x2 * y1) for (y1, x1), (y2, x2) in pairwise(moved)) / (3 * twice)
    return lat0 + lat, lon0 + lon


def _twice_area(ring: Sequence[Point]) -> float:
    lat0, lon0 = ring[0]
    moved = [(lat - lat0, lon - lon0) for lat, lon in ring]
    return sum(x1 * y2 - x2 * y1 for (y1, x1), (y2, x2) in pairwise(moved))


@dataclass(frozen=True, slots=True)
class _Shape:
    """An area with the box around it, which tells most points at once that they lie outside."""

    name: str
    rings: tuple[tuple[Point, ...], ...]
    south: float
    north: float
    west: float
    east: float

    def holds(self, point: Point) -> bool:
        lat, lon = point
        return self.south <= lat <= self.north and self.west <= lon <= self.east and _odd(point, self.rings)


class Areas:
    """Named areas; answers which of them hold a point."""

    def __init__(self, areas: Iterable[tuple[str, Polygon]]) -> None:
        self._shapes = tuple(_shape(name, rings) for name, polygon in areas if (rings := tuple(rings_of(polygon))))
        self.holding = lru_cache(_REMEMBERED)(self._holding)
        """(point) -> names of the areas that hold it, in the order given."""

    def _holding(self, point: Point) -> tuple[str, ...]:
        return tuple(shape.name for shape in self._shapes if shape.holds(point))


def _shape(name: str, rings: tuple[tuple[Point, ...], ...]) -> _Shape:
    lats = [lat for ring in rings for lat, _ in ring]
    lons = [lon for ring in rings for _, lon in ring]
    return _Shape(name, rings, min(lats), max(lats), min(lons), max(lons))


class Places:
    """Named points; answers which of them is nearest."""

    def __init__(self, places: Iterable[tuple[str, Point]]) -> None:
        self._places = sorted(((point[0], point, name) for name, point in places), key=lambda one: (one[0], one[2]))
        self._lats = [lat for lat, _, _ in self._places]
        self.nearest = lru_cache(_REMEMBERED)(self._nearest)
        """(point, km) -> name of the nearest place at most `km` away; None where there is none. Of two equally near the
        first by latitude, then name."""

    def _nearest(self, point: Point, km: float) -> str | None:
        reach = km / _KM_PER_DEGREE
        first, last = bisect_left(self._lats, point[0] - reach), bisect_right(self._lats, point[0] + reach)
        found = ((distance_km(point, at), name) for _, at, name in self._places[first:last])
        near = min(found, default=None, key=lambda one: one[0])
        return near[1] if near is not None and near[0] <= km else None
