"""Points and areas: distances against published ones, holes and islands, the nearest place."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.sources.geometry import (
    Areas,
    Places,
    centroid,
    distance_km,
    from_web_mercator,
    inside,
    point_of,
    rings_of,
)

SQUARE = ((0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (0.0, 0.0))
HOLE = ((4.0, 4.0), (4.0, 6.0), (6.0, 6.0), (6.0, 4.0), (4.0, 4.0))
ISLAND = ((20.0, 20.0), (20.0, 21.0), (21.0, 21.0), (21.0, 20.0), (20.0, 20.0))
points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@pytest.mark.parametrize(
    ("point", "held"),
    [
        pytest.param((1, 1), True, id="in the main part"),
        pytest.param((5, 5), False, id="in the hole"),
        pytest.param((20.5, 20.5), True, id="on the island"),
        pytest.param((15, 15), False, id="between main part and island"),
        pytest.param((-1, 5), False, id="south of it"),
    ],
)
def test_rings_after_one_another_are_holes_and_islands(point: tuple[float, float], held: bool) -> None:
    area = (*SQUARE, *HOLE, *ISLAND)
    assert len(list(rings_of(area))) == 3
    assert inside(point, area) is held
    assert Areas([("a", area)]).holding(point) == (("a",) if held else ())


def test_a_ring_left_open_is_closed_and_what_encloses_nothing_holds_nothing() -> None:
    assert inside((5, 5), SQUARE[:-1])
    assert not inside((0, 0.5), ((0, 0), (0, 1)))
    assert not inside((0, 0), ())
    assert list(rings_of([*SQUARE, SQUARE[0]])) == [SQUARE]


def test_the_centre_of_a_coast_of_many_corners_is_not_on_the_coast() -> None:
    coast = [(0.0, lon / 100) for lon in range(1001)]
    assert centroid((*coast, (10.0, 10.0), (10.0, 0.0), (0.0, 0.0))) == pytest.approx((5, 5))
    assert centroid((*SQUARE, *ISLAND)) == pytest.approx((5, 5))
    assert centroid(((1, 1), (3, 3))) == (2, 2)
    assert centroid(()) is None


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        pytest.param((36.12, -86.67), (33.94, -118.40), 2886.4, id="Nashville to Los Angeles airport"),
        pytest.param((0, 0), (0, 180), math.pi * 6371.0088, id="half around the globe"),
        pytest.param((44.48, -73.21), (44.48, -73.21), 0, id="no way at all"),
        pytest.param((0, 179.9), (0, -179.9), 22.24, id="across the 180th meridian"),
    ],
)
def test_distances(one: tuple[float, float], other: tuple[float, float], km: float) -> None:
    assert distance_km(one, other) == pytest.approx(km, rel=1e-3, abs=1e-6)
    assert distance_km(other, one) == pytest.approx(distance_km(one, other))


@given(here=points, places=st.lists(points, max_size=8), km=st.floats(1e-6, 500))
def test_the_nearest_place_is_what_looking_at_each_finds(
    here: tuple[float, float], places: list[tuple[float, float]], km: float
) -> None:
    named = {str(number): place for number, place in enumerate(places)}
    found = Places(named.items()).nearest(here, km)
    near = {name: distance_km(here, place) for name, place in named.items()}
    if found is None:
        assert all(far > km for far in near.values())
    else:
        assert near[found] == min(near.values()) <= km


@pytest.mark.parametrize(
    "given_", [(None, 1), ("44", 1), (True, 1), (91, 1), (1, 181), (0, 0), (0.0, 0), (float("nan"), 1)]
)
def test_no_place_on_the_globe_is_no_point(given_: tuple[object, object]) -> None:
    assert point_of(*given_) is None


def test_web_mercator() -> None:
    """The first outage of the February 2024 archive, which has both spellings of its place."""
    assert from_web_mercator(-13541406.0242, 4386928.6649) == pytest.approx((36.62474, -121.64452), abs=1e-5)
    assert from_web_mercator(1e12, 0) is None
    assert from_web_mercator("x", 0) is None
