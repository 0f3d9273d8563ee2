"""Where does a post speak of? From its place field, its text, its author's profile, in that order, each with how sure
that is and the words that say it. What has no place stays without one: the detector counts it for the whole territory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

from ..model.mention import Mention
from ..model.region import RegionTree
from .gazetteer import OWN, Gazetteer, abbreviations_of, folded, letters_of, region_at
from .placing import coordinates, fields
from .placing.certainty import Ground, certainty
from .placing.cities import collector_paused
from .placing.codewords import CODE
from .placing.flags import flags
from .placing.lexicon import BIG, Hit, Lexicon, Openings
from .placing.reading import hits
from .placing.settling import NOWHERE, Reading, Settler
from .placing.spelling import Words, plain, quick, split, without_links

FIELD_MOST = 500
"""Characters of a field looked at."""
REMEMBERED = 20_000
"""Fields remembered: profiles repeat."""
TEXTS_REMEMBERED = 2_048
"""Texts remembered, some 5 KB each: what is passed on is read once."""
SETTLED_MOST = 16
"""What one text means by its authors' profiles, remembered at most."""

_WHERE = {"place": "place field", "text": "text", "profile": "profile"}
_DIGIT = re.compile("[0-9]")
_CODE = re.compile(rf"(?<![A-Za-z0-9])(?:{CODE.pattern})(?![A-Za-z0-9])")
_PAIR = " ".join


@dataclass(frozen=True, slots=True)
class Placed:
    """A region, how sure (0 to 1, see placing.certainty), from what ("place", "text" or "profile"), the words that
    decided, as they were written, the part of the region they speak of ("upstate NY"; "" for none), and the ground."""

    region: str
    certainty: float
    how: str
    words: str = ""
    part: str = ""
    ground: Ground = Ground.REGION

    @property
    def reason(self) -> str:
        """For staff: where it stood, what was read there, and why that is a place."""
        of_part = f", a part of it ({self.part})" if self.part else ""
        return f"{_WHERE[self.how]} says {self.words!r}: {self.ground.value}{of_part}"


@dataclass(frozen=True, slots=True)
class _Text:
    """A text's words and the names in it. `alone`: those that stand by themselves, which a profile may settle;
    `settled`: what the text says, by what the profile does of them."""

    text: str
    words: Words
    hits: Sequence[Hit]
    alone: tuple[str, ...]
    settled: dict[tuple[str | None, ...], Reading] = field(default_factory=dict)


class PlaceFinder:
    """Finds the region a post speaks of. `home` settles names that several places share. Safe to use from several
    threads; takes linear time and bounded memory whatever the text."""

    def __init__(self, regions: RegionTree, *, home: str | None = None, nowhere: tuple[str, ...] = (),
                 not_places: Iterable[str] = ()) -> None:
        self.regions = regions
        with collector_paused():
            self._lexicon = self._read_names(regions, home, not_places)
        self._names = self._lexicon.names
        self._nowhere = folded(nowhere)
        self._settler = Settler(regions, self._lexicon)
        self._letters = self._lexicon.capitals
        self._singles = self._lexicon.openings.singles - frozenset(
            name for name in self._lexicon.not_places if not any(one.people == OWN for one in self._names[name]))
        self._field = lru_cache(maxsize=REMEMBERED)(self._read_field)
        self._text = lru_cache(maxsize=TEXTS_REMEMBERED)(self._hits_in)

    @staticmethod
    def _read_names(regions: RegionTree, home: str | None, not_places: Iterable[str]) -> Lexicon:
        names = Gazetteer(regions, home)
        territory = frozenset(regions.within(home)) if home is not None and home in regions else frozenset()
        return Lexicon(names=names, letters=letters_of(regions), abbreviations=abbreviations_of(regions),
                       home=territory, countries=frozenset(map(names.country, territory)),
                       not_places=folded(not_places), joined=names.joined(BIG),
                       openings=Openings.of(names.running(BIG)))

    def find(self, mention: Mention) -> Placed | None:
        """The region, or None where nothing says it. Never raises for anything a post may hold."""
        if mention.place and (reading := self._field(mention.place[:FIELD_MOST])).region is not None:
            return _placed(reading, "place")
        where = mention.author_location
        profile = self._field(where[:FIELD_MOST]) if where else NOWHERE
        reading = self._read_text(mention.text, profile)
        if reading.region is not None:
            return _placed(reading, "text")
        return _placed(profile, "profile") if profile.region is not None else None

    # ── running text ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _read_text(self, text: str, profile: Reading) -> Reading:
        """What a text says. The profile is asked about names that stand alone, and of nothing else: the answer is
        remembered by what it says of those."""
        read = self._text(text)
        if read is None:
            return NOWHERE
        of_profile = (profile.region, *(profile.names.get(name) for name in read.alone)) if read.alone else ()
        known = read.settled.get(of_profile)
        if known is None:
            known = self._settler.settle(read.words, read.hits, profile, read.text, running=True)
            if len(read.settled) < SETTLED_MOST:
                read.settled[of_profile] = known
        return known

    def _hits_in(self, text: str) -> _Text | None:
        """The names in a text, as far as its words alone tell; None where it holds none."""
        text = without_links(text)
        bare = plain(text)
        if not self._may_name(bare):
            return None
        words = split(bare)
        found = hits(self._lexicon, words, running=True)
        return _Text(text, words, found, self._settler.alone(words, found)) if found else None

    def _may_name(self, text: str) -> bool:
        """Whether a text holds a name, a state's letters, a hashtag or a code: most do not, and need not be looked at
        closely. Never False for a text in which a place would be found."""
        if "#" in text or (_DIGIT.search(text) and _CODE.search(text)):
            return True
        words = quick(text)
        if words is None:
            return True
        written, small = words
        openings = self._lexicon.openings
        return not (self._singles.isdisjoint(small) and self._letters.isdisjoint(written) and (
            openings.heads.isdisjoint(small) or openings.pairs.isdisjoint(map(_PAIR, pairwise(small)))))

    # ── fields ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read_field(self, text: str) -> Reading:
        """What a place field or a profile says: coordinates, else names, else a flag."""
        text = without_links(text)
        if (point := coordinates.read(text)) is not None:
            return self._at(*point)
        words = split(plain(text))
        if " ".join(words.folded) not in self._nowhere:
            found = fields.meant(self._settler, words, hits(self._lexicon, words, running=False))
            if found and (reading := self._settler.settle(words, found, NOWHERE, text, running=False)).region:
                return reading
        return self._flagged(text)

    def _at(self, latitude: float, longitude: float, words: str) -> Reading:
        code = self._points.nearest(latitude, longitude)
        region = region_at(code, self.regions) if code is not None else None
        if region is None:
            return NOWHERE
        return Reading(self._names.around(latitude, longitude, region), Ground.POINT, words)

    @cached_property
    def _points(self) -> coordinates.Points:
        return coordinates.Points.of(tuple(self._names.columns()))

    def _flagged(self, text: str) -> Reading:
        """A flag says where somebody is only where all in the field agree: many show those of their forebears."""
        if text.isascii():
            return NOWHERE
        shown = {code: flag for flag, code in flags(text)}
        code, flag = shown.popitem() if len(shown) == 1 else ("", "")
        region = region_at(code, self.regions) if code else None
        return Reading(region, Ground.FLAG, flag) if region is not None else NOWHERE


def _placed(reading: Reading, how: str) -> Placed | None:
    if reading.region is None:
        return None
    return Placed(reading.region, certainty(reading.ground, how), how, reading.words, reading.part, reading.ground)
