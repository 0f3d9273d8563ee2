"""The vocabulary's phrases, all looked for in one pass over a post: an Aho-Corasick automaton over plain text.

Thirty thousand phrases cost what one does: under 2 µs for a post of 140 characters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from enum import IntEnum

from ahocorasick_rs import AhoCorasick

from ...model.service import Service
from ..settings import ByLanguage, Vocabulary
from ..words import plain

PHRASE_MOST = 10
"""Words of the longest phrase."""
HITS_MOST = 100
"""Phrases of one post that are looked at: a post that says more than that says nothing."""
TAG_LETTERS = 7
"""Letters of the shortest phrase that is found written as one word too ("nopower")."""
LONG = 5
"""Letters of a word that few posts hold by chance: where it can, such a word stands for its phrase in a filter."""
SERVICE = "{service}"


class What(IntEnum):
    """What a phrase says. The first five are claims: the longest of those that overlap is meant."""

    SYMPTOM = 0
    RECOVERY = 1
    WORKAROUND = 2
    DENIAL = 3
    NAMESAKE = 4
    SERVICE = 5
    OPERATOR = 6
    NEGATION = 7
    UNREAL = 8
    OTHERS = 9
    PAST = 10
    LASTING = 11
    SARCASM = 12
    GRIEVANCE = 13
    MYSELF = 14
    HELPS = 15
    NEWS = 16
    PROMOTION = 17
    IGNORE = 18


TELLING = frozenset({What.SYMPTOM, What.RECOVERY, What.WORKAROUND, What.SARCASM})
"""Without one of these a post says nothing of a service."""
NAMING = frozenset({What.SERVICE, What.OPERATOR})
"""With one of these a post may be about one all the same."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a phrase says; `service` "" where it names none."""

    what: What
    service: str = ""


Hit = tuple[int, int, Meaning]
"""(first character, one after the last, meaning) of a phrase in the text, spaces around it not counted."""


class Phrases:
    """Every phrase of a vocabulary with what it means."""

    def __init__(self, vocabulary: Vocabulary, services: Mapping[str, Service],
                 telling: Set[What] | None = TELLING) -> None:
        """`telling`: texts with none of these are of no interest; None: all are."""
        self._respelt = {" ".join(plain(key).split()): plain(to).strip() for key, to in vocabulary.spellings.items()}
        self._respelt |= {word: "" for one in vocabulary.fillers for word in plain(one).split()}
        self._still = frozenset(plain(one).strip() for one in vocabulary.lasting) & self._respelt.keys()
        self._meanings: dict[str, list[Meaning]] = {}
        self._naming: set[str] = set()
        for service in services.values():
            self._add_service(vocabulary, service)
        names = [name for id in services for name in vocabulary.operators.get(id, ())]
        self._add_claims(vocabulary, names, "", subject=True)
        self._add_others(vocabulary)
        phrases = sorted(self._meanings)
        self._ready = AhoCorasick([f" {one} " for one in phrases]) if phrases else None
        self._by_number = [tuple(self._meanings[one]) for one in phrases]
        self._telling = None if telling is None else frozenset(
            number for number, meanings in enumerate(self._by_number) if any(one.what in telling for one in meanings))

    def text(self, text: str) -> str:
        """A post as phrases are looked for: plain, common misspellings mended, fillers left out."""
        words = plain(text).split()
        return f" {' '.join(filter(None, map(self._respelt.get, words, words)))} "

    def still(self, text: str) -> bool:
        """Whether a filler says that it lasts ("still")."""
        return not self._still.isdisjoint(plain(text).split())

    def find(self, text: str) -> list[Hit]:
        """Every phrase in such a text, by its beginning, longest first; nothing at all where none is
        telling."""
        found = self._ready.find_matches_as_indexes(text, overlapping=True) if self._ready else []
        if self._telling is not None and not any(number in self._telling for number, _, _ in found):
            return []
        found.sort(key=_by_place)
        return [(start + 1, end - 1, meaning) for number, start, end in found[:HITS_MOST]
                for meaning in self._by_number[number]]

    def triggers(self) -> frozenset[str]:
        """Folded words of which every post with a verdict holds one: see `Judge.triggers`."""
        return _cover({tuple(self.text(one).split()) for one in self._naming} - {()}, self._respelt)

    # ── making ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _add_service(self, vocabulary: Vocabulary, service: Service) -> None:
        names = (service.name, *service.names.values(), *service.words)
        for what, phrases in ((What.SERVICE, names), (What.OPERATOR, vocabulary.operators.get(service.id, ())),
                              (What.SYMPTOM, _all(vocabulary.own_symptoms.get(service.id, {})))):
            for phrase in phrases:
                self._add(phrase, what, service.id, tag=what is What.SYMPTOM)
                self._naming.add(phrase)
        self._add_claims(vocabulary, names, service.id)

    def _add_claims(self, vocabulary: Vocabulary, names: Iterable[str], service: str, *, subject: bool = False) -> None:
        """Every phrase with {service}, once for each of the names; `subject`: of those only that begin with it, for one
        who has no Spectrum is not its customer, and one whose Spectrum is down is."""
        for what, listed in _claims(vocabulary):
            for phrase in _all(listed):
                before, marked, after = phrase.partition(SERVICE)
                if marked and (before.strip() or after.strip()) and not (subject and before.strip()):
                    for name in names:
                        self._add(f"{before}{name}{after}", what, service, tag=True)

    def _add_others(self, vocabulary: Vocabulary) -> None:
        for what, listed in _claims(vocabulary):
            for phrase in _all(listed):
                if SERVICE not in phrase:
                    self._add(phrase, what)
        for what, phrases in ((What.NEGATION, vocabulary.negations), (What.UNREAL, vocabulary.unreal),
                              (What.OTHERS, vocabulary.others), (What.PAST, vocabulary.past),
                              (What.LASTING, vocabulary.lasting), (What.SARCASM, vocabulary.sarcasm),
                              (What.GRIEVANCE, vocabulary.grievances), (What.MYSELF, vocabulary.myself),
                              (What.HELPS, vocabulary.helps),
                              (What.NEWS, _all(vocabulary.news)), (What.PROMOTION, _all(vocabulary.promotions)),
                              (What.IGNORE, _all(vocabulary.ignore))):
            for phrase in phrases:
                self._add(phrase, what)

    def _add(self, phrase: str, what: What, service: str = "", *, tag: bool = False) -> None:
        """Add a phrase; one of too many words or none is left out, and so is one of which only a single word is left
        once its fillers are gone. `tag`: written as one word it means the same."""
        spelt = self.text(phrase).strip()
        words = spelt.split()
        if not 0 < len(words) <= PHRASE_MOST or (len(words) == 1 and len(plain(phrase).split()) > 1):
            return
        for one in (spelt, "".join(words)) if tag and len(spelt) > TAG_LETTERS and len(words) <= 3 else (spelt,):
            meanings = self._meanings.setdefault(one, [])
            if Meaning(what, service) not in meanings:
                meanings.append(Meaning(what, service))


def _claims(vocabulary: Vocabulary) -> tuple[tuple[What, ByLanguage], ...]:
    return ((What.SYMPTOM, vocabulary.symptoms), (What.RECOVERY, vocabulary.recovery),
            (What.WORKAROUND, vocabulary.workaround), (What.DENIAL, vocabulary.denials),
            (What.NAMESAKE, vocabulary.namesakes))


def _by_place(found: tuple[int, int, int]) -> tuple[int, int]:
    return found[1], -found[2]


def _all(by_language: ByLanguage) -> Iterator[str]:
    return (phrase for listed in by_language.values() for phrase in listed)


# ── for filters ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _cover(phrases: set[tuple[str, ...]], respelt: Mapping[str, str]) -> frozenset[str]:
    """Few words such that every phrase holds one of them, if within a longer word: of the shortest phrases first, then,
    of the long words of the phrases left, the one that most of them hold. Short words are in every other post."""
    chosen: set[str] = set()
    for size in sorted({len(phrase) for phrase in phrases}):
        left = {phrase for phrase in phrases if len(phrase) == size and not _holds(phrase, chosen)}
        held = Counter(word for phrase in left for word in _eligible(phrase))
        while left:
            best = max(held, key=lambda one: (held[one], len(one), one))
            chosen.add(best)
            gone = {phrase for phrase in left if any(best in word for word in phrase)}
            held -= Counter(word for phrase in gone for word in _eligible(phrase))
            left -= gone
    chosen |= {word for word, to in respelt.items() if to and _holds(tuple(to.split()), chosen)}
    return frozenset(word for word in chosen if not any(other in word for other in chosen - {word}))


def _eligible(phrase: tuple[str, ...]) -> set[str]:
    return {word for word in phrase if len(word) >= min(LONG, max(map(len, phrase)))}


def _holds(phrase: tuple[str, ...], chosen: set[str]) -> bool:
    return any(one in word for word in phrase for one in chosen)
