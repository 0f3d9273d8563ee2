"""Vendors' words -> our services and regions.

A vendor speaks of "Networking - FastConnect, us-ashburn-1"; we speak of services and of nodes of our tree. Rules come
first, names of regions in the text second, defaults last; what none of them places is reported, never guessed.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from notifier.model.region import Region, RegionTree

from .settings import Match, Placing

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 8
_TEXT_LIMIT = 4000

EVERYWHERE = frozenset({"global", "worldwide", "all regions", "all locations", "multi-region"})
"""Locations that are no place: whatever is said of them is said of every region."""

AREAS: Mapping[str, str] = {
    "NA": "North America",
    "EMEA": "Europe, Middle East and Africa",
    "APAC": "Asia Pacific",
    "LATAM": "Latin America",
    "EU": "Europe",
}
"""Areas as vendors abbreviate them, spelt out: read as a code, NA would be Namibia."""

Place = tuple[str, str]
"""(service id, region id)."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What a vendor said of one thing: one component (or none), its group, the title, the place it names as such (a
    code such as us-east1, or a name), and labels by name."""

    component: str = ""
    group: str = ""
    title: str = ""
    location: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unplaced:
    """That no service or no region was found, in words for people."""

    words: str


def words_of(text: str) -> tuple[str, ...]:
    """Words in lower case and without accents; at most the first 4,000 characters are looked at."""
    return tuple(_folded(word) for word in _WORD.findall(text[:_TEXT_LIMIT]))


def _folded(word: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return plain.casefold()


def says(pattern: str, text: str) -> bool:
    """Whether `text` fits `pattern`: as a whole where the pattern has * or ?, else by containing its words in a row."""
    if "*" in pattern or "?" in pattern:
        return fnmatch.fnmatchcase(text[:_TEXT_LIMIT].strip().casefold(), pattern.casefold())
    wanted, found = words_of(pattern), words_of(text)
    size = len(wanted)
    return size > 0 and any(found[at : at + size] == wanted for at in range(len(found) - size + 1))


class Finder:
    """Finds regions of the tree by name in text: longest name first, whole words, each word used once.

    Names of up to three letters ("VT", "OK") count only where they are written in capitals. A name several regions
    share counts only where another region found in the same text settles which is meant, or where exactly one of them
    is higher in the tree than the rest.
    """

    def __init__(self, regions: RegionTree) -> None:
        self._regions = regions
        self.roots = tuple(region.id for region in regions if region.parent is None)
        """The regions that have none above them: together they are everywhere."""
        self._names: dict[tuple[str, ...], list[str]] = {}
        self._codes: dict[str, str] = {}
        for region in regions:
            for name in _names_of(region):
                key = words_of(name)
                if key and len(key) <= _LONGEST and region.id not in self._names.setdefault(key, []):
                    self._names[key].append(region.id)
            for code in (region.id, *region.codes):
                self._codes.setdefault(code.casefold(), region.id)

    def by_code(self, *spellings: str) -> str | None:
        """The region one of whose codes (or id) is spelt so; the first spelling that is known wins."""
        return next((found for s in spellings if (found := self._codes.get(s.casefold())) is not None), None)

    def exact(self, name: str, territory: Iterable[str] = ()) -> str | None:
        """The one region that is called just so, inside `territory` where one is given; None where none is, or where
        several are and none of them is higher in the tree than the rest."""
        ids = self._names.get(words_of(name)[: _LONGEST + 1], [])
        inside = [one for one in ids if self.inside(one, territory)] if (territory := tuple(territory)) else ids
        return inside[0] if len(inside) == 1 else self._meant(inside, set()) if inside else None

    def find(self, text: str) -> tuple[str, ...]:
        """Regions named in `text`, the most specific only, sorted."""
        written = _WORD.findall(text[:_TEXT_LIMIT])
        candidates = list(self._spans([_folded(word) for word in written], written))
        certain = {ids[0] for ids in candidates if len(ids) == 1}
        for ids in candidates:
            if len(ids) > 1 and (meant := self._meant(ids, certain)) is not None:
                certain.add(meant)
        return self.innermost(certain)

    def innermost(self, regions: Iterable[str]) -> tuple[str, ...]:
        """`regions` without those that cover another of them: told "Burlington, Vermont", Burlington is meant."""
        chosen = set(regions)
        above = {up for region in chosen for up in self._regions.path(region)[1:]}
        return tuple(sorted(chosen - above))

    def inside(self, region: str, outer: Iterable[str]) -> bool:
        """Whether `region` is one of `outer` or lies below one of them."""
        return any(self._regions.covers(up, region) for up in outer)

    def _spans(self, words: list[str], written: list[str]) -> Iterable[list[str]]:
        at = 0
        while at < len(words):
            for size in range(min(_LONGEST, len(words) - at), 0, -1):
                ids = self._names.get(tuple(words[at : at + size]))
                if ids and not (size == 1 and len(words[at]) <= 3 and not written[at].isupper()):
                    yield ids
                    at += size
                    break
            else:
                at += 1

    def _meant(self, ids: list[str], certain: set[str]) -> str | None:
        near = [one for one in ids if any(self._regions.related(one, other) for other in certain)]
        if len(near) == 1:
            return near[0]
        depths = sorted((len(self._regions.path(one)), one) for one in ids)
        return depths[0][1] if depths[0][0] < depths[1][0] else None


_newest: list[tuple[RegionTree, Finder]] = []


def finder_of(regions: RegionTree) -> Finder:
    """The finder of a tree; all sources of one configuration share it (a tree of all US counties takes 40 ms and some
    megabytes to index)."""
    for tree, finder in _newest:
        if tree is regions:
            return finder
    made = Finder(regions)
    _newest[:] = [(regions, made)]
    return made


def _names_of(region: Region) -> tuple[str, ...]:
    codes = tuple(code for code in region.codes if len(code) > 3 and not code.isdigit() and ":" not in code)
    return (region.id, region.name, *region.aliases, *region.names.values(), *codes)


def place(texts: Texts, placing: Placing, finder: Finder) -> tuple[Place, ...] | Unplaced:
    """(service, region) pairs `texts` speak of; empty where a rule says to ignore them; Unplaced where the service or
    every region is unknown."""
    rule = rule_for(texts, placing)
    if rule is not None and rule.ignore:
        return ()
    service = (rule.service if rule else None) or placing.service
    regions = rule.regions if rule else ()
    if not regions and texts.location:
        regions = located(texts.location, placing, finder)  # a place we do not know: the default would be a guess
    elif not regions:
        regions = (find_in(texts, finder) if placing.find_regions else ()) or placing.regions
    if service is None or not regions:
        missing = "service" if service is None else "region"
        named = " / ".join(part for part in (texts.location, texts.group, texts.component, texts.title) if part)
        return Unplaced(f"no {missing} for {named[:200] or 'something without a name'!r}")
    return tuple((service, region) for region in dict.fromkeys(regions))


def covers(placing: Placing, tree: RegionTree, service: str, region: str) -> bool:
    """Whether this placing can speak of a service in a region: one of its services, in or around one of its regions
    (anywhere where it looks for names in the text)."""
    rules = [rule for rule in placing.map if not rule.ignore]
    if service not in {placing.service, *(rule.service for rule in rules)}:
        return False
    named = {*placing.regions, *(one for rule in rules for one in rule.regions)}
    return placing.find_regions or any(one in tree and tree.related(one, region) for one in named)


def rule_for(texts: Texts, placing: Placing) -> Match | None:
    """The rule that decides: the first that holds; None where none does."""
    return next((match for match in placing.map if _holds(match, texts)), None)


def located(location: str, placing: Placing, finder: Finder) -> tuple[str, ...]:
    """Regions a vendor's location stands for: by code, then by name; `global` is every region. Empty: unknown here."""
    if location.strip().casefold() in EVERYWHERE:
        return placing.everywhere or finder.roots
    code = finder.by_code(location.strip())
    return (code,) if code is not None else finder.find(location)


def find_in(texts: Texts, finder: Finder) -> tuple[str, ...]:
    """Regions in component and group. The title speaks where they do not, and narrows them where it names places
    inside them."""
    own = finder.find(f"{texts.group} . {texts.component}")
    titled = finder.find(texts.title)
    if not own:
        return titled
    return finder.innermost((*own, *(region for region in titled if finder.inside(region, own))))


def _holds(match: Match, texts: Texts) -> bool:
    pairs = ((match.component, texts.component), (match.group, texts.group), (match.title, texts.title),
             (match.location, texts.location))
    if any(pattern and not says(pattern, text) for pattern, text in pairs):
        return False
    return all(name in texts.labels and says(pattern, texts.labels[name]) for name, pattern in match.labels.items())
