"""What the words of a text are looked up in, and what is found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..gazetteer import OWN, Candidate, Gazetteer

HUGE = 1_000_000
"""People of a city whose name in small letters counts among other words of a field."""
BIG = 100_000
"""People of the smallest city whose bare name in a running text counts as a place."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A name in a text: its words, and what it may mean, weightiest first. `letters`: it is a state's or country's
    letters; `part`: the words that speak of a part of it ("upstate NY"); `code`: it is a postcode; `airport`: it is an
    airport's letters, which count beside other places only."""

    start: int
    end: int
    name: str
    candidates: tuple[Candidate, ...]
    letters: bool = False
    part: str = ""
    code: bool = False
    airport: bool = False

    @property
    def own(self) -> bool:
        """Whether it names a region of the deployment or a country."""
        return self.candidates[0].people == OWN


@dataclass(frozen=True)
class Lexicon:
    """What names mean in a deployment.

    `letters` are states by their letters in capitals, `abbreviations` by what newspapers write, `home` the regions of
    the territory, `countries` those it lies in; `not_places` are names that are mostly something else in running texts,
    `joined` names run together.
    """

    names: Gazetteer
    letters: Mapping[str, tuple[str, ...]]
    abbreviations: Mapping[str, tuple[str, ...]]
    home: frozenset[str]
    countries: frozenset[str]
    not_places: frozenset[str]
    joined: Mapping[str, str]

    @cached_property
    def starts(self) -> frozenset[str]:
        """Folded words that a name, a state's letters or an abbreviation begins with."""
        return frozenset((*self.names.longest, *(one.lower() for one in self.letters), *self.abbreviations))

    @cached_property
    def states(self) -> frozenset[str]:
        """Regions whose letters people write."""
        return frozenset(region for regions in self.letters.values() for region in regions)
