"""Counts people, not posts: one angry customer is one, a copied text is one, a repost is none.

A spike of posts is most often one post passed on. Nothing here reads a clock; every time is an argument, in seconds
since 1970. Memory is bounded: who was heard longest ago is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

from ..model.mention import Mention
from .words import split

COPY_WORDS = 4
"""Two posts of fewer words than this may well be alike by chance ("no power here")."""


class Remembered:
    """Things with when they were last counted, at most `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.seen: OrderedDict[int, int] = OrderedDict()

    def first(self, key: int, at: int, within: int) -> bool:
        """Whether `key` was not counted within `within` seconds of `at`; it is then remembered as counted at `at`."""
        before = self.seen.get(key)
        if before is not None and abs(at - before) < within:
            return False
        self.seen[key] = max(at, before or at)
        self.seen.move_to_end(key)
        while len(self.seen) > self.most:
            self.seen.popitem(last=False)
        return True

    def forget(self, before: int) -> None:
        """Drop what was counted before a time, as far as it stands first in line."""
        while self.seen and next(iter(self.seen.values())) < before:
            self.seen.popitem(last=False)


class People:
    """Who was counted, for which service, and which texts. `once` and `copies` are seconds, `most` entries each."""

    def __init__(self, *, once: int, copies: int, most: int) -> None:
        self.once = once
        self.copies = copies
        self.authors = Remembered(most)
        self.texts = Remembered(most)

    def counts(self, person: int, text: int | None, what: str, at: int) -> bool:
        """Whether this post is a new person for `what` (a service, or a service's recovery)."""
        known = self.authors.seen.get(_both(person, what))
        if known is not None and abs(at - known) < self.once:
            return False
        if text is not None and not self.texts.first(_both(text, what), at, self.copies):
            return False
        return self.authors.first(_both(person, what), at, self.once)

    def forget(self, now: int) -> None:
        """Let go of what can no longer matter."""
        self.authors.forget(now - self.once)
        self.texts.forget(now - self.copies)


def person_of(mention: Mention) -> int:
    """The person who posted, as a number that does not tell the name; the post itself where the author is missing."""
    name = f"a\n{mention.author}" if mention.author else f"p\n{mention.id}"
    return _number(f"{mention.network}\n{name}")


def text_of(mention: Mention) -> int | None:
    """A number that copies of a text share, links, names and "rt" apart; None for a text too short to be a copy."""
    words = [word.folded for word in split(mention.text) if not word.written.startswith("@") and word.folded != "rt"]
    return _number(" ".join(words)) if len(words) >= COPY_WORDS else None


def is_repost(mention: Mention) -> bool:
    """Whether somebody passes on what another said."""
    return mention.is_repost or mention.text.lstrip()[:4].casefold() == "rt @"


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=7).digest())


def _both(number: int, what: str) -> int:
    return number ^ _number(what)

