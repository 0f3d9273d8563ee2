"""What the words of a text are looked up in, and what is found there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ..gazetteer import OWN, Candidate, Gazetteer

HUGE = 1_000_000
"""People of a city whose name in small letters counts among other words of a field."""
BIG = 100_000
"""People of the smallest city whose bare name in a running text counts as a place."""


class Hit(NamedTuple):
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


@dataclass(frozen=True, slots=True)
class Openings:
    """How names may begin in a running text: those of one word (`singles`), first words of the longer ones (`heads`),
    and first two words of those (`pairs`)."""

    singles: frozenset[str]
    heads: frozenset[str]
    pairs: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Openings:
        """The openings of folded names."""
        singles: set[str] = set()
        pairs: set[str] = set()
        for name in names:
            if " " in name:
                first, second, *_ = name.split(" ", 2)
                pairs.add(f"{first} {second}")
            else:
                singles.add(name)
        return cls(frozenset(singles), frozenset(pair.partition(" ")[0] for pair in pairs), frozenset(pairs))


@dataclass(frozen=True)
class Lexicon:
    """What names mean in a deployment.

    `letters` are states by their letters in capitals, `abbreviations` by what newspapers write, `home` the regions of
    the territory, `countries` those it lies in; `not_places` are names that are mostly something else in running texts,
    `joined` names run together, `openings` how names begin that may stand in one.
    """

    names: Gazetteer
    letters: Mapping[str, tuple[str, ...]]
    abbreviations: Mapping[str, tuple[str, ...]]
    home: frozenset[str]
    countries: frozenset[str]
    not_places: frozenset[str]
    joined: Mapping[str, str]
    openings: Openings

    @cached_property
    def starts(self) -> frozenset[str]:
        """Folded words that a name, a state's letters or an abbreviation begins with."""
        return frozenset(self.names.longest) | self.short

    @cached_property
    def starts_running(self) -> frozenset[str]:
        """Those of them that may begin a name in a running text."""
        return self.openings.singles | self.openings.heads | self.short

    @cached_property
    def short(self) -> frozenset[str]:
        """Letters and abbreviations of states, folded."""
        return frozenset((*(one.lower() for one in self.letters), *self.abbreviations))

    @cached_property
    def capitals(self) -> frozenset[str]:
        """Letters of states and abbreviations as a running text writes them."""
        return frozenset((*self.letters, *(form for one in self.abbreviations for form in (one.upper(), one.title()))))

    @cached_property
    def states(self) -> frozenset[str]:
        """Regions whose letters people write."""
        return frozenset(region for regions in self.letters.values() for region in regions)
