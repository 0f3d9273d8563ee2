"""Is this post a complaint that a service does not work, and which? Words decide, and the verdict names them.

A first version that staff can follow by eye: phrases from YAML, read in every language at once. What news and
promotions say is not a complaint even where it is about an outage: "200,000 without power" is one voice about many,
and counting it as a customer would count the newspaper.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..model.mention import Mention
from ..model.service import Service
from .settings import ByLanguage, Vocabulary
from .words import PhraseBook, Word, split

NEAR = 8
"""Words between a symptom that names no service and a service's word that still belong together."""
BEFORE = 6
"""Words before a symptom in which a negation or a wish turns it round."""
LONG = 5
"""Letters of a word that few posts hold by chance; what stands for a phrase in a filter is one of these if it can."""
_MANY = re.compile(r"\d{3,}|\d+(?:k|m|mm|mil)|millions?|thousands|hundreds|millones|miles|millionen|tausende|milliers")
"""A number of others just before a symptom: that is news ("670,000 without power")."""


class Kind(StrEnum):
    """What a post is."""

    COMPLAINT = "complaint"
    RECOVERY = "recovery"
    WORKAROUND = "workaround"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a post is, of which services, and the words that decided."""

    kind: Kind
    services: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a phrase says; `service` "" where it names none."""

    what: str
    service: str = ""


class Judge:
    """The vocabulary, made ready. Reading a post takes time in proportion to its length."""

    def __init__(self, vocabulary: Vocabulary, services: Mapping[str, Service]) -> None:
        self._book: PhraseBook[_Meaning] = PhraseBook(fillers=_folded(vocabulary.fillers))
        self._negations = _folded(vocabulary.negations)
        self._unreal = _folded(vocabulary.unreal) | _folded(vocabulary.others)
        for service in services.values():
            for word in (service.name, *service.names.values(), *service.words):
                self._book.add(word, _Meaning("service", service.id))
            self._add_symptoms(vocabulary, service)
            for phrase in _all(vocabulary.own_symptoms.get(service.id, {})):
                self._book.add(phrase, _Meaning("symptom", service.id))
        for what, listed in (("symptom", vocabulary.symptoms), ("recovery", vocabulary.recovery),
                             ("workaround", vocabulary.workaround), ("ignore", vocabulary.ignore)):
            for phrase in _all(listed):
                if "{service}" not in phrase:
                    self._book.add(phrase, _Meaning(what))

    def _add_symptoms(self, vocabulary: Vocabulary, service: Service) -> None:
        """Every phrase with {service}, once for each of the service's words."""
        names = {self._book.key(word) for word in (service.name, *service.names.values(), *service.words)} - {()}
        for what, listed in (("symptom", vocabulary.symptoms), ("recovery", vocabulary.recovery),
                             ("workaround", vocabulary.workaround)):
            meaning = _Meaning(what, service.id)
            for phrase in _all(listed):
                before, marked, after = phrase.partition("{service}")
                start, end = self._book.key(before), self._book.key(after)
                for name in names if marked and (start or end) else ():
                    self._book.put((*start, *name, *end), meaning)

    def triggers(self) -> frozenset[str]:
        """Folded words without which no post has a verdict: where `Judge.verdicts` finds any, at least one of these
        occurs somewhere in `words.fold(mention.text)`, be it inside a longer word. For filters that look at raw posts;
        that they occur says nothing yet."""
        return _cover(key for key, meanings in self._book.meanings.items() if any(one.service for one in meanings))

    def verdicts(self, mention: Mention) -> tuple[Verdict, ...]:
        """Every verdict on one post, weightiest first: a complaint of one service may be a recovery of another. Empty
        where the post is nothing to us."""
        verdict = self.judge(mention)
        return () if verdict.kind is Kind.NONE else (verdict,)

    def judge(self, mention: Mention) -> Verdict:
        """The verdict on one post."""
        words = [word for word in split(mention.text) if word.folded not in self._book.fillers]
        found = _longest(self._book.find(words))
        ignored = [_spelt(words, start, end) for start, end, m in found if m.what == "ignore"]
        if ignored:
            return Verdict(Kind.NONE, (), tuple(ignored))
        named = [(start, m.service) for start, _, m in found if m.what == "service"]
        for kind, what in ((Kind.WORKAROUND, "workaround"), (Kind.RECOVERY, "recovery"), (Kind.COMPLAINT, "symptom")):
            services: dict[str, None] = {}
            deciding: list[str] = []
            for start, end, meaning in found:
                if meaning.what != what or (kind is not Kind.WORKAROUND and self._turned(words, start, end)):
                    continue
                about = [meaning.service] if meaning.service else _near(named, start, end)
                if about:
                    services |= dict.fromkeys(about)
                    deciding.append(_spelt(words, start, end))
            if services:
                return Verdict(kind, tuple(sorted(services)), tuple(dict.fromkeys(deciding)))
        return Verdict(Kind.NONE)

    def _turned(self, words: Sequence[Word], start: int, end: int) -> bool:
        """Whether the words just before a symptom deny it, only fear it, or count others it befell."""
        before = [word.folded for word in words[max(0, start - BEFORE):start]]
        if any(_MANY.fullmatch(word) for word in before):
            return True
        return any(word in self._unreal for word in before) or any(word in self._negations for word in before[-2:])


def _cover(phrases: Iterable[tuple[str, ...]]) -> frozenset[str]:
    """Few words such that every phrase holds one of them, if within a longer word: phrases of one word first, then,
    of the long words of the phrases left, the one that most of them hold. Short words are in every other post."""
    left = {phrase for phrase in phrases if phrase}
    chosen = {phrase[0] for phrase in left if len(phrase) == 1}
    left = {phrase for phrase in left if not _holds(phrase, chosen)}
    while left:
        held = Counter(word for phrase in left for word in set(phrase)
                       if len(word) >= min(LONG, max(map(len, phrase))))
        chosen.add(max(held, key=lambda one: (held[one], len(one), one)))
        left = {phrase for phrase in left if not _holds(phrase, chosen)}
    return frozenset(word for word in chosen if not any(other in word for other in chosen - {word}))


def _holds(phrase: tuple[str, ...], chosen: set[str]) -> bool:
    return any(one in word for word in phrase for one in chosen)


def _longest(found: Iterable[tuple[int, int, _Meaning]]) -> list[tuple[int, int, _Meaning]]:
    """Phrases that are not part of a longer one of the same kind ("no internet" in "phone has no internet")."""
    kept: list[tuple[int, int, _Meaning]] = []
    furthest: dict[str, tuple[int, int]] = {}
    for start, end, meaning in found:
        known = furthest.get(meaning.what)
        if known is not None and end <= known[1] and (start, end) != known:
            continue
        if known is None or end > known[1]:
            furthest[meaning.what] = (start, end)
        kept.append((start, end, meaning))
    return kept


def _near(named: list[tuple[int, str]], start: int, end: int) -> list[str]:
    return [service for at, service in named if start - NEAR <= at <= end + NEAR]


def _spelt(words: Sequence[Word], start: int, end: int) -> str:
    return " ".join(word.folded for word in words[start:end])


def _folded(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.folded for one in words for word in split(one))


def _all(by_language: ByLanguage) -> list[str]:
    return [phrase for listed in by_language.values() for phrase in listed]
