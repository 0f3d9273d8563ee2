"""Coordinates in a field ("ÜT: 43.65,-79.38", "iPhone: 40.7,-74.0", "42°44′0.6″N 84°32′48.12″W") → region.

A deployment's regions rarely have borders, so a point lies where the city next to it does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .cities import Cities

FAR = 150.0
"""Kilometres from the next city from which on a point lies nowhere (at sea, in a desert)."""

_DECIMAL = re.compile(r"(?<![\d.])([-+]?\d{1,2}\.\d{1,20})°?\s{0,3}([NS]?)\s{0,3}[,;/ ]\s{0,3}([-+]?\d{1,3}\.\d{1,20})"
                      r"(?![\d.])°?\s{0,3}([EW]?)")
_MARKED = r"(\d{1,3})[°º]\s?(?:(\d{1,2})[′'’]\s?)?(?:(\d{1,2}(?:\.\d{1,9})?)[″\"”]\s?)?"
_DEGREES = re.compile(rf"{_MARKED}([NS])[,\s]{{0,3}}{_MARKED}([EWO])")


def read(text: str) -> tuple[float, float, str] | None:
    """(latitude, longitude, words) of the first coordinates in a text; None for none, or none on the globe."""
    if match := _DECIMAL.search(text):
        latitude = -float(match[1]) if match[2] == "S" else float(match[1])
        longitude = -float(match[3]) if match[4] == "W" else float(match[3])
    elif match := _DEGREES.search(text):
        latitude = _decimal(match[1], match[2], match[3], negative=match[4] == "S")
        longitude = _decimal(match[5], match[6], match[7], negative=match[8] == "W")
    else:
        return None
    if abs(latitude) > 90 or abs(longitude) > 180 or (latitude == 0 and longitude == 0):
        return None
    return latitude, longitude, match.group()


def _decimal(degrees: str, minutes: str | None, seconds: str | None, *, negative: bool) -> float:
    found = int(degrees) + int(minutes or 0) / 60 + float(seconds or 0) / 3600
    return -found if negative else found


@dataclass(frozen=True)
class Points:
    """Cities as points, looked through whole: coordinates are rare, and 50,000 points take half a millisecond."""

    cities: tuple[Cities, ...]
    latitudes: npt.NDArray[np.float64]
    longitudes: npt.NDArray[np.float64]

    @classmethod
    def of(cls, cities: Sequence[Cities]) -> Points:
        """The points of several tables of cities."""
        return cls(tuple(cities), np.radians(np.concatenate([np.asarray(one.latitudes) for one in cities])),
                   np.radians(np.concatenate([np.asarray(one.longitudes) for one in cities])))

    def nearest(self, latitude: float, longitude: float) -> str | None:
        """ISO code of the part in which the city next to a point lies; None where the next is FAR."""
        if not self.latitudes.size:
            return None
        a, b = np.radians(latitude), np.radians(longitude)
        half = (np.sin((self.latitudes - a) / 2) ** 2
                + np.cos(a) * np.cos(self.latitudes) * np.sin((self.longitudes - b) / 2) ** 2)
        number = int(np.argmin(half))
        if 2 * 6371 * np.arcsin(np.sqrt(half[number])) > FAR:
            return None
        for one in self.cities:
            if number < len(one.parts):
                return one.parts[number]
            number -= len(one.parts)
        return None
