"""Text → words, and finding phrases among them in linear time, whatever the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

T = TypeVar("T")

TEXT_MOST = 2_000
"""Characters looked at; complaints are short, and a long text says most at its beginning."""
PHRASE_MOST = 10
"""Words of the longest phrase."""

_URL = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_WORD = re.compile(r"[@#]?[^\W_]+(?:['’][^\W_]+)*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})


@dataclass(frozen=True, slots=True)
class Word:
    """One word: folded (lower case, no accents, no # sign), as written, and whether a comma stood before it."""

    folded: str
    written: str
    after_comma: bool = False


@lru_cache(maxsize=50_000)
def fold(word: str) -> str:
    """Lower case without accents and apostrophes. Of a whole text too: it works on each character by itself."""
    plain = unicodedata.normalize("NFKD", word.translate(_APOSTROPHES))
    return "".join(c for c in plain if not unicodedata.combining(c) and c != "'").casefold()


@lru_cache(maxsize=64)
def split(text: str) -> tuple[Word, ...]:
    """The words of a text. Links are dropped, "#NoPower" becomes two words, "@name" stays one. The last few texts are
    remembered: a complaint is read for its kind, its place and its copies."""
    shown = _URL.sub(" ", text[:TEXT_MOST])
    found: list[Word] = []
    end = 0
    for match in _WORD.finditer(shown):
        comma = "," in shown[end:match.start()]
        end = match.end()
        raw = match.group()
        parts = _CAMEL.split(raw[1:]) if raw[0] == "#" else [raw]
        for number, part in enumerate(parts):
            found.append(Word(fold(part), part, comma and number == 0))
    return tuple(found)


@dataclass
class PhraseBook(Generic[T]):
    """Phrases with what each means.

    Looking through n words costs n times the longest phrase at most, however many phrases there are.
    """

    meanings: dict[tuple[str, ...], list[T]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By first word: how many words the phrases that begin with it have, most first."""
    fillers: frozenset[str] = frozenset()
    """Words left out of phrases; whoever looks for phrases leaves them out of the text."""

    def add(self, phrase: str, meaning: T) -> None:
        """Add a phrase; one longer than PHRASE_MOST words or without any is left out, and so is one of which only a
        single word is left once its fillers are gone."""
        every = split(phrase)
        key = tuple(word.folded for word in every if word.folded not in self.fillers)
        if len(key) > 1 or len(every) == 1:
            self.put(key, meaning)

    def put(self, key: tuple[str, ...], meaning: T) -> None:
        """Add a phrase of folded words."""
        if 0 < len(key) <= PHRASE_MOST:
            self.sizes[key[0]] = tuple(sorted({len(key), *self.sizes.get(key[0], ())}, reverse=True))
            meanings = self.meanings.setdefault(key, [])
            if meaning not in meanings:
                meanings.append(meaning)

    def key(self, phrase: str) -> tuple[str, ...]:
        """A phrase's folded words, but for the fillers."""
        return tuple(word.folded for word in split(phrase) if word.folded not in self.fillers)

    def find(self, words: Sequence[Word]) -> Iterator[tuple[int, int, T]]:
        """(first word, word after the last, meaning) of every phrase that occurs, longest first at each place."""
        folded = [word.folded for word in words]
        for start in range(len(folded)):
            for size in self.sizes.get(folded[start], ()):
                if start + size <= len(folded):
                    for meaning in self.meanings.get(tuple(folded[start:start + size]), ()):
                        yield start, start + size, meaning

