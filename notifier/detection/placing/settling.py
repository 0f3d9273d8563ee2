"""Hits → one region: what names mean beside each other, at home, and by how many people live there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from ...model.region import RegionTree
from ..gazetteer import OWN, Candidate, Gazetteer, Kind
from .certainty import Ground
from .lexicon import BIG, Hit, Lexicon
from .spelling import Words
from .wordsets import BETWEEN

CLEARLY = 3
"""How many times more people a place needs than the next of its name to be the one that is meant."""
OVERSHADOWED = 30
"""A place at home is not meant where one elsewhere has so many times its people (Paris, Maine)."""
SHOWN_MOST = 4
"""Places told as the reason, where several agree."""
SHOWN_LETTERS = 120
"""Characters of the words told as the reason."""
MOVES = frozenset("✈🛫🛬→➔➡⟶↔⇄⇆⇨>⏩")
"""Signs between two places that say somebody goes from one to the other: then either may be wrong."""
_RANK = {ground: number for number, ground in enumerate(Ground)}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text or field says: a region (None for nowhere), on what ground, by what words as written, of what part of
    it, and what the names in it mean there ("Newport" in "Newport, VT")."""

    region: str | None = None
    ground: Ground = Ground.REGION
    words: str = ""
    part: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


class Found(NamedTuple):
    """A region that hits say, and on what ground."""

    region: str
    ground: Ground
    hits: tuple[Hit, ...]


NOWHERE = Reading()


class Settler:
    """Settles what hits mean in one region tree."""

    def __init__(self, regions: RegionTree, lexicon: Lexicon) -> None:
        self._regions = regions
        self._lexicon = lexicon
        self._names: Gazetteer = lexicon.names
        self._path = cache(regions.path)

    def settle(self, words: Words, hits: Sequence[Hit], profile: Reading, text: str, *, running: bool) -> Reading:
        """The region that the hits among `words` of `text` say; `profile` is what the author's profile does."""
        found: list[Found] = []
        unsure: list[Hit] = []
        for chain in self._chains(words, hits):
            one = self._chained(chain) if len(chain) > 1 else self._only(chain[0], profile)
            if one is not None:
                found.append(one)
            elif len(chain) == 1:
                unsure.append(chain[0])
        sure = list(dict.fromkeys(one.region for one in found))
        for hit in unsure:
            chosen = self._choose(hit.candidates, sure, profile.region)
            if chosen is None and not running and hit.candidates[0].people > hit.candidates[1].people:
                chosen = hit.candidates[0].region, Ground.LARGEST
            if chosen is not None:
                found.append(Found(*chosen, (hit,)))
        found.sort(key=lambda one: one.hits[0].start)
        return self._told(words, found, text, running=running)

    def alone(self, words: Words, hits: Sequence[Hit]) -> tuple[str, ...]:
        """The names that stand by themselves: what they mean the profile may tell, of the others it is not asked."""
        return tuple(sorted({chain[0].name for chain in self._chains(words, hits) if len(chain) == 1}))

    def _told(self, words: Words, found: Sequence[Found], text: str, *, running: bool) -> Reading:
        """The one region that all of `found` agree on, the most specific; else those at home; else what all share; of
        a field that names several countries, the first."""
        names = {one.hits[0].name: one.region for one in found}
        if len(found) == 1 and self._regions[found[0].region].parent is not None:
            return _reading(words, found[0].region, found[0].ground, found, names, text)
        for among in (found, [one for one in found if one.region in self._lexicon.home]):
            innermost = [one for one in among if not any(
                other.region != one.region and self._covers(one.region, other.region) for other in among)]
            region = self._shared([one.region for one in innermost]) if among else None
            if region is not None:
                alike = all(one.region == region for one in innermost)
                ground = min((one.ground for one in innermost), key=_RANK.__getitem__) if alike else Ground.SHARED
                return _reading(words, region, ground, innermost, names, text)
        if running or not found or _moves(words, found):
            return Reading(names=names)
        return _reading(words, found[0].region, Ground.SEVERAL, found[:1], names, text)

    # ── names beside each other ──────────────────────────────────────────────────────────────────────────────────────

    def _chains(self, words: Words, hits: Sequence[Hit]) -> Iterator[list[Hit]]:
        """Names that follow each other directly and say one place together: "Burlington, VT", "Rwanda. Kigali"."""
        chain: list[Hit] = []
        for hit in hits:
            if chain and not self.joins(words, chain[-1], hit):
                yield chain
                chain = []
            chain.append(hit)
        if chain:
            yield chain

    def joins(self, words: Words, one: Hit, other: Hit) -> bool:
        """Whether two hits that follow each other say one place: the one may lie in the other, or the other is a state
        or country right behind the name of a town that no gazetteer knows there."""
        between = words.folded[one.end:other.start]
        if len(between) > 2 or not BETWEEN.issuperset(between):
            return False
        if self.fits(one, other):
            return True
        gap = "".join(words.gaps[one.end:other.start + 1]).strip()
        wider = other.letters or (not one.own and (other.own or other.candidates[0].kind is Kind.PART))
        return wider and (gap == "," or (gap == "" and (other.letters or self._is_state(other))))

    def fits(self, one: Hit, other: Hit) -> bool:
        """Whether two names may mean places of which one lies in the other."""
        return any(self._related(a.region, b.region) for a in one.candidates for b in other.candidates)

    def _is_state(self, hit: Hit) -> bool:
        """Whether a name is that of a state people write behind a town without a comma ("Warsaw Indiana")."""
        return any(one.region in self._lexicon.states for one in hit.candidates)

    def _chained(self, chain: Sequence[Hit]) -> Found | None:
        """"Town, state, country": the town that lies in what follows it; what follows where no such town is known."""
        outer = chain[-1].candidates
        for hit in reversed(chain[:-1]):
            named = tuple(one for one in outer if one.people == OWN) or outer
            inner = tuple(one for one in hit.candidates
                          if any(self._covers(other.region, one.region) for other in named))
            wider = tuple(one for one in outer
                          if any(self._covers(one.region, other.region) for other in hit.candidates))
            outer = inner or wider or self._of_country(outer, hit.candidates)
        chosen = self._choose(outer, [], None)
        return Found(chosen[0], Ground.STATED, tuple(chain)) if chosen else None

    def _of_country(self, outer: tuple[Candidate, ...], inner: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """Those of `outer` in a country that `inner` may lie in, too ("Madison, Georgia")."""
        countries = {self._names.country(one.region) for one in inner}
        return tuple(one for one in outer if self._names.country(one.region) in countries) or outer

    # ── one name ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def _only(hit: Hit, profile: Reading) -> Found | None:
        """What a name standing alone certainly means: what the profile says it does, or the one thing it can."""
        if hit.name in profile.names:
            return Found(profile.names[hit.name], Ground.STATED, (hit,))
        if len(hit.candidates) > 1:
            return None
        return Found(hit.candidates[0].region, Ground.CODE if hit.code else _ground(hit.candidates[0]), (hit,))

    def _choose(self, candidates: Sequence[Candidate], found: Sequence[str],
                profile: str | None) -> tuple[str, Ground] | None:
        """The candidate that fits what else is named, then the profile, then home; else the far largest."""
        for near in (found, [profile] if profile else []):
            fitting = [one for one in candidates if any(self._related(one.region, other) for other in near)]
            if fitting:
                chosen = self._largest(fitting)
                return (chosen[0], Ground.STATED) if chosen else None
        home = [one for one in candidates if one.region in self._lexicon.home
                and candidates[0].people < OVERSHADOWED * max(one.people, 1)]
        chosen = self._largest(home or candidates)
        return (chosen[0], Ground.HOME) if chosen and home and len(home) < len(candidates) else chosen

    def _largest(self, candidates: Sequence[Candidate]) -> tuple[str, Ground] | None:
        """The one with far more people than the next; else the innermost region all of them share."""
        first = candidates[0]
        if len(candidates) == 1 or first.people >= CLEARLY * max(candidates[1].people, 1):
            return first.region, _ground(first)
        rivals = [one.region for one in candidates if first.people < CLEARLY * max(one.people, 1)]
        shared = self._shared(rivals)
        if shared is None:
            return None
        return shared, _ground(first) if shared in rivals else Ground.SHARED

    # ── the tree ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _covers(self, outer: str, inner: str) -> bool:
        return outer in self._path(inner)

    def _related(self, one: str, other: str) -> bool:
        return one in self._path(other) or other in self._path(one)

    def _shared(self, regions: Sequence[str]) -> str | None:
        """The most specific region that covers all; None where only the root does."""
        if len(set(regions)) == 1:
            return regions[0]
        common = set(self._path(regions[0])).intersection(*(self._path(one) for one in regions[1:]))
        inner = next((region for region in self._path(regions[0]) if region in common), None)
        return inner if inner is not None and self._regions[inner].parent is not None else None


def _reading(words: Words, region: str, ground: Ground, said: Sequence[Found], names: Mapping[str, str],
             text: str) -> Reading:
    spoken = dict.fromkeys([words.shown(one.hits[0].start, one.hits[-1].end, text) for one in said[:SHOWN_MOST]])
    part = next((hit.part for one in said for hit in one.hits if hit.part), "")
    return Reading(region, ground, ", ".join(spoken)[:SHOWN_LETTERS], part, names)


def _moves(words: Words, found: Sequence[Found]) -> bool:
    first, last = found[0].hits[-1].end, found[-1].hits[0].start
    return any(MOVES.intersection(gap) or "->" in gap for gap in words.gaps[first:last + 1])


def _ground(candidate: Candidate) -> Ground:
    if candidate.people == OWN or candidate.kind is Kind.PART:
        return Ground.REGION
    return Ground.CITY if candidate.people >= BIG else Ground.TOWN
