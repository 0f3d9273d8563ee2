"""Where does a post speak of? From its place field, its text, its author's profile, in that order, each with how sure
that is. What has no place stays without one: the detector counts it for the whole territory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from ..model.mention import Mention
from ..model.region import RegionTree
from .gazetteer import OWN, Candidate, Gazetteer, Name, folded, letters_of
from .words import Word, split

BIG = 100_000
"""People of the smallest city whose bare name in a running text counts as a place."""
CLEARLY = 3
"""How many times more people a place needs than the next of its name to be the one that is meant."""
OVERSHADOWED = 30
"""A place at home is not meant where one elsewhere has so many times its people (Paris, Maine)."""
PROSE = 4
"""Words from which on a place field without a comma is read like a sentence ("probably on a beach somewhere")."""
PREPOSITIONS = frozenset((
    "in", "at", "near", "from", "around", "across", "outside", "throughout", "downtown", "upper", "lower", "greater",
    "south", "north", "east", "west", "en", "desde", "cerca", "hacia", "a", "dans", "chez", "vers", "aus", "bei", "um"))
"""Words before a name that make a place of it, in the languages of the example vocabulary."""

NOT_AFTER = frozenset({"little"})
"""Words before a name that make something else of it ("Little Italy")."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A region, how sure (0 to 1), and from what: "place", "text" or "profile"."""

    region: str
    certainty: float
    how: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A name in a text: its words and what it may mean; `letters`: it is a state's letters."""

    start: int
    end: int
    name: Name
    candidates: tuple[Candidate, ...]
    letters: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What else is known of where somebody is: a region, and what names mean there ("Newport" in "Newport, VT")."""

    region: str | None = None
    names: Mapping[Name, str] = field(default_factory=dict)


NOWHERE = Context()


class PlaceFinder:
    """Finds the region a post speaks of. `home` settles names that several places share."""

    def __init__(self, regions: RegionTree, *, home: str | None = None, nowhere: tuple[str, ...] = (),
                 not_places: Iterable[str] = ()) -> None:
        self.regions = regions
        self._home = frozenset(regions.within(home)) if home is not None and home in regions else frozenset()
        self._names = Gazetteer(regions, home)
        self._letters = letters_of(regions)
        self._nowhere = folded(nowhere)
        self._not_places = folded(tuple(not_places))
        self._profile = lru_cache(maxsize=20_000)(self._read_profile)

    def find(self, mention: Mention) -> Placed | None:
        """The region, or None where nothing says it."""
        if mention.place and (region := self._profile(mention.place).region):
            return Placed(region, 0.95, "place")
        profile = self._profile(mention.author_location) if mention.author_location else NOWHERE
        if region := self._read(split(mention.text), running=True, context=profile).region:
            return Placed(region, 0.8, "text")
        return Placed(profile.region, 0.6, "profile") if profile.region else None

    def _read_profile(self, text: str) -> Context:
        """What a place field says, all of which is meant as a place."""
        words = split(text)
        if " ".join(word.folded for word in words) in self._nowhere:
            return NOWHERE
        prose = len(words) >= PROSE and not any(word.after_comma for word in words)
        return self._read(words, running=prose, context=NOWHERE)

    def _read(self, words: Sequence[Word], *, running: bool, context: Context) -> Context:
        names: dict[Name, str] = {}
        found: list[str] = []
        unsure: list[Hit] = []
        for chain in _chains(list(self._hits(words, running))):
            region = self._chained(chain) if len(chain) > 1 else _only(chain[0], context)
            if region is None:
                unsure.append(chain[0])
            else:
                found.append(region)
                names[chain[0].name] = region
        for hit in unsure:
            region = self._choose(hit.candidates, found, context.region)
            if region is not None:
                found.append(region)
                names[hit.name] = region
        return Context(self._innermost(found), names)

    # ── which words are names ────────────────────────────────────────────────────────────────────────────────────────

    def _hits(self, words: Sequence[Word], running: bool) -> Iterator[Hit]:
        at = named_until = 0
        while at < len(words):
            hit = self._lettered(words, at, running, named=0 < at == named_until) or self._named(words, at, running)
            if hit is None:
                at += 1
            else:
                yield hit
                at = named_until = hit.end

    def _named(self, words: Sequence[Word], at: int, running: bool) -> Hit | None:
        for size in range(min(self._names.longest(words[at].folded), len(words) - at), 0, -1):
            name = tuple(word.folded for word in words[at:at + size])
            candidates = self._names[name]
            if candidates and self._meant(words, at, at + size, candidates, running):
                return Hit(at, at + size, name, candidates)
        return None

    def _lettered(self, words: Sequence[Word], at: int, running: bool, *, named: bool) -> Hit | None:
        """A state's letters: after a name (`named`) or a comma; in capitals also alone, or after "in"."""
        word = words[at]
        capital = word.written.isupper()
        small = not running and (named or (word.after_comma and at + 1 == len(words)))
        regions = self._letters.get(word.written.upper() if small else word.written, ())
        alone = capital and (len(words) <= 2 if not running else at > 0 and words[at - 1].folded in PREPOSITIONS)
        unknown_town = at > 0 and words[at - 1].written[0].isupper() and len(words[at - 1].written) > 2
        ends = word.after_comma or at + 1 == len(words) or words[at + 1].written.isdigit()
        if not regions or not (named or alone or small or (capital and ends and (unknown_town or not running))):
            return None
        return Hit(at, at + 1, (word.folded,), tuple(Candidate(region, OWN) for region in regions), letters=True)

    def _meant(self, words: Sequence[Word], start: int, end: int, candidates: Sequence[Candidate],
               running: bool) -> bool:
        """Whether words that spell a name are meant as one."""
        first, name = words[start].written, " ".join(word.folded for word in words[start:end])
        if first[0] in "@":
            return False
        if start and words[start - 1].folded in NOT_AFTER:
            return False
        stated = end < len(words) and words[end].written in self._letters
        if not running:
            return len(name) > 2 or first.isupper()
        if name in self._not_places and not stated:
            return False
        after = start > 0 and words[start - 1].folded in PREPOSITIONS
        if len(name) <= 3:
            return candidates[0].people == OWN and (first.isupper() or (after and len(name) == 3))
        weighty = candidates[0].people >= BIG
        if first[0].isupper():
            return weighty or stated or (after and any(one.region in self._home for one in candidates))
        return weighty and (after or (candidates[0].people == OWN and end - start > 1))

    # ── what names mean ──────────────────────────────────────────────────────────────────────────────────────────────

    def _chained(self, chain: Sequence[Hit]) -> str | None:
        """"Town, state, country": the town that lies in what follows it; what follows where no such town is known."""
        outer = chain[-1].candidates
        for hit in reversed(chain[:-1]):
            inner = tuple(one for one in hit.candidates
                          if any(self.regions.covers(other.region, one.region) for other in outer))
            wider = tuple(other for other in outer
                          if any(self.regions.covers(other.region, one.region) for one in hit.candidates))
            outer = inner or wider or outer
        return self._choose(outer, [], None)

    def _choose(self, candidates: Sequence[Candidate], found: Sequence[str], profile: str | None) -> str | None:
        """The candidate that fits what else is named, then the profile, then home; else the far largest."""
        for near in (found, [profile] if profile else []):
            fitting = [one for one in candidates if any(self.regions.related(one.region, other) for other in near)]
            if fitting:
                return self._largest(fitting)
        home = [one for one in candidates
                if one.region in self._home and candidates[0].people < OVERSHADOWED * max(one.people, 1)]
        return self._largest(home or candidates)

    def _largest(self, candidates: Sequence[Candidate]) -> str | None:
        """The one with far more people than the next; else the widest region all of them share."""
        first = candidates[0]
        if len(candidates) == 1 or first.people >= CLEARLY * max(candidates[1].people, 1):
            return first.region
        rivals = [one.region for one in candidates if first.people < CLEARLY * max(one.people, 1)]
        return self._shared(rivals)

    def _innermost(self, found: list[str]) -> str | None:
        """The one region that all of `found` agree on, the most specific; the widest they share where they differ."""
        if not found:
            return None
        return self._shared([region for region in dict.fromkeys(found)
                             if not any(other != region and self.regions.covers(region, other) for other in found)])

    def _shared(self, regions: Sequence[str]) -> str | None:
        """The most specific region that covers all; None where only the root does."""
        if len(regions) == 1:
            return regions[0]
        shared = set(self.regions.path(regions[0])).intersection(*(self.regions.path(one) for one in regions[1:]))
        widest = next((region for region in self.regions.path(regions[0]) if region in shared), None)
        return widest if widest is not None and self.regions[widest].parent is not None else None


def _only(hit: Hit, context: Context) -> str | None:
    """What a name standing alone certainly means: what the profile says it does, or the one thing it can."""
    return context.names.get(hit.name) or (hit.candidates[0].region if len(hit.candidates) == 1 else None)


def _chains(hits: list[Hit]) -> Iterator[list[Hit]]:
    """Names that follow each other directly, the later the wider: "Burlington, VT", "Paris, France"."""
    chain: list[Hit] = []
    for hit in hits:
        if chain and chain[-1].end == hit.start and (hit.letters or hit.candidates[0].people == OWN):
            chain.append(hit)
            continue
        if chain:
            yield chain
        chain = [hit]
    if chain:
        yield chain
