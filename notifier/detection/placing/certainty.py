"""How sure a found place is: the share of labelled places of the same kind that were right.

`certainty` answers: of a hundred readings on such a ground, how many mean this region? It says how well the words were
read, not whether somebody is where the words say: a profile may be old. docs/PLACES.md has the counts the figures come
from, and benchmarks/places.py prints them anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Ground(Enum):
    """What a place was found by, the strongest first."""

    POINT = "coordinates"
    CODE = "a postcode"
    STATED = "named together with what it lies in"
    REGION = "a region, state or country by its name"
    CITY = "a city that is far the largest of its name"
    HOME = "a name that several places share, of which one is in the territory"
    TOWN = "a small town"
    SHARED = "what several named places have in common"
    FLAG = "a flag"
    LARGEST = "the largest of several places of its name"
    SEVERAL = "the first of several places"


FIELD: Mapping[Ground, float] = {
    Ground.STATED: 0.92, Ground.REGION: 0.92, Ground.CITY: 0.94, Ground.TOWN: 0.87, Ground.SHARED: 0.98,
    Ground.LARGEST: 0.54,
    # Not measured, for nothing is labelled so. The labels call coordinates nowhere; codes are as sure as their tables;
    # what home settles is put beside the weakest that size settles; of two places named either may be meant.
    Ground.POINT: 0.95, Ground.CODE: 0.95, Ground.HOME: 0.87, Ground.FLAG: 0.6, Ground.SEVERAL: 0.45,
}
"""In a place field or a profile, by country (250 profiles) and within 161 km (GeoCorpora's toponyms)."""

TEXT: Mapping[Ground, float] = {
    Ground.STATED: 0.83, Ground.REGION: 0.82, Ground.CITY: 0.74, Ground.SHARED: 0.70,
    # Not measured: as the weakest that is.
    Ground.POINT: 0.70, Ground.CODE: 0.70, Ground.HOME: 0.70, Ground.TOWN: 0.70, Ground.FLAG: 0.70,
    Ground.LARGEST: 0.54, Ground.SEVERAL: 0.45,
}
"""In a running text, within 161 km (GeoCorpora's posts). A place found in a post without any label counts as wrong
here, though most of those posts do name it: the true share is higher."""


def certainty(ground: Ground, how: str) -> float:
    """How sure a place found on `ground` is in a "place" field, a "text" or a "profile"."""
    return (TEXT if how == "text" else FIELD)[ground]
