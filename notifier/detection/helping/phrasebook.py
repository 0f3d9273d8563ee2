"""Phrases found word by word, so that advice knows how many words stand between an action and its thing.

The judge looks for its thousands of phrases by characters (`complaint.phrases`); the few of advice must know at which
word of the post as it was written each stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..words import Word, split

T = TypeVar("T")

PHRASE_MOST = 10
"""Words of the longest phrase."""


@dataclass
class PhraseBook(Generic[T]):
    """Phrases with what each means. Looking through n words costs n times the longest phrase at most, however many
    phrases there are."""

    meanings: dict[tuple[str, ...], list[T]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By first word: how many words the phrases that begin with it have, most first."""

    def add(self, phrase: str, meaning: T) -> None:
        """Add a phrase; one of more than PHRASE_MOST words or of none is left out."""
        key = tuple(word.folded for word in split(phrase))
        if 0 < len(key) <= PHRASE_MOST:
            self.sizes[key[0]] = tuple(sorted({len(key), *self.sizes.get(key[0], ())}, reverse=True))
            meanings = self.meanings.setdefault(key, [])
            if meaning not in meanings:
                meanings.append(meaning)

    def find(self, words: Sequence[Word]) -> Iterator[tuple[int, int, T]]:
        """(first word, word after the last, meaning) of every phrase that occurs, longest first at each place."""
        folded = [word.folded for word in words]
        for start in range(len(folded)):
            for size in self.sizes.get(folded[start], ()):
                if start + size <= len(folded):
                    for meaning in self.meanings.get(tuple(folded[start:start + size]), ()):
                        yield start, start + size, meaning
