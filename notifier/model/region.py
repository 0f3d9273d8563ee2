"""Regions: the tree every signal, notice and subscriber is placed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Region:
    """One node of the region tree.

    `id` is unique ("US-VT"); `codes` are other spellings machines use ("50", "UGC:VTC007", "SAME:050007"), `aliases`
    those people use ("Vermont", "VT"). `customers` is the number the company serves there, None where unknown.
    `polygon` is (latitude, longitude) pairs, closed, empty where unknown; several closed rings may follow one another
    (a hole, an island). `point` is where it lies as one place, None where unknown or where it is too large to be one.
    `names` are display names by language.
    """

    id: str
    name: str
    kind: str
    parent: str | None = None
    timezone: str = "UTC"
    aliases: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    customers: int | None = None
    polygon: tuple[tuple[float, float], ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    point: tuple[float, float] | None = None

    def name_in(self, language: str) -> str:
        """The region's name in `language`, or its plain name where no translation was given."""
        return self.names.get(language) or self.names.get(language.split("-")[0]) or self.name


@dataclass(frozen=True)
class RegionTree:
    """All regions by id. Built once by config, which has refused loops, unknown parents and double ids."""

    regions: Mapping[str, Region]

    def __getitem__(self, region: str) -> Region:
        return self.regions[region]

    def __contains__(self, region: object) -> bool:
        return region in self.regions

    def __iter__(self) -> Iterator[Region]:
        return iter(self.regions.values())

    def __len__(self) -> int:
        return len(self.regions)

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """Ids of the direct children of each region, in the tree's order."""
        found: dict[str, list[str]] = {}
        for region in self.regions.values():
            if region.parent is not None:
                found.setdefault(region.parent, []).append(region.id)
        return {parent: tuple(children) for parent, children in found.items()}

    def path(self, region: str) -> tuple[str, ...]:
        """`region`, its parent, its parent's parent … up to a root."""
        steps: list[str] = []
        at: str | None = region
        while at is not None:
            steps.append(at)
            at = self.regions[at].parent
        return tuple(steps)

    def covers(self, outer: str, inner: str) -> bool:
        """Whether `inner` is `outer` or lies anywhere below it."""
        return outer in self.path(inner)

    def related(self, one: str, other: str) -> bool:
        """Whether one of the two covers the other."""
        return self.covers(one, other) or self.covers(other, one)

    def within(self, region: str) -> tuple[str, ...]:
        """`region` and everything below it, parents before children."""
        found = [region]
        for at in found:
            found.extend(self.children.get(at, ()))
        return tuple(found)

    def outermost(self, regions: Iterable[str]) -> tuple[str, ...]:
        """`regions` without those another of them covers, sorted."""
        chosen = set(regions)
        return tuple(sorted(r for r in chosen if not any(up in chosen for up in self.path(r)[1:])))

    def customers(self, regions: Iterable[str]) -> int | None:
        """Customers served in `regions` together, each counted once; None where any of them is unknown.

        A region without its own number has its children's sum, where all of those are known.
        """
        total = 0
        for region in self.outermost(regions):
            count = self._customers_of(region)
            if count is None:
                return None
            total += count
        return total

    def _customers_of(self, region: str) -> int | None:
        own = self.regions[region].customers
        if own is not None:
            return own
        counts = [self._customers_of(child) for child in self.children.get(region, ())]
        known = [count for count in counts if count is not None]
        return sum(known) if counts and len(known) == len(counts) else None
