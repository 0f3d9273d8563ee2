"""Is this the text of another post? What two posts must share to be copies, and a bounded memory of texts.

People pass a text on with another link, other names, hashtags, "lol", a word before or after, or cut off at the end;
all that is looked through. What they may not differ in is a word within: "no 3G in Rutland since this morning" is no
copy of "no 3G in Burlington since this morning", however alike the rest, so likeness in degrees (simhash, Jaccard) is
not used. A copy holds the whole of the other text in one run, or is a run of it.

How it compares with other methods on real posts, and the measurement behind each number, stands in docs/CROWD.md.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from zlib import crc32

from .words import TEXT_MOST

COPY_WORDS = 6
"""Equal texts of fewer words may be alike by chance ("an explosion in Texas? wow")."""
RUN_WORDS = 8
"""A run within a longer text must have so many words: none of eight words was seen to be alike by chance …"""
RUN_SHARE = 0.5
"""… and make up this share of the longer text: who adds as much again says something."""
PREFIX_WORDS = 4
"""Words that may stand before a text that is cut off at its end ("Worthy of sharing: …")."""
KEY_WORDS = 3
"""Words copies meet by: the longest word, which no "lol" pushes aside, with the words before it; and the same of the
next longest, should a longer one have been added."""
TEXTS_REMEMBERED = 4_096
"""Posts whose words are remembered as they were read."""
BUCKET = 8
"""Texts remembered by one key; 4 find half a per cent fewer copies, 16 no more."""


def word_list(words: str) -> frozenset[str]:
    """Words written down with spaces between them."""
    return frozenset(words.split())


NOTHING_OF_ITS_OWN = word_list(
    "rt mt ht via lol lmao lmfao rofl smh omg omfg wtf ffs haha hahaha ha jaja jajaja mdr ptdr xd hm hmm please pls "
    "plz ugh yeah yes ya wow damn this too ff")
"""Words around a text that add nothing to it."""

_ASCII = str.maketrans({chr(c): chr(c) if chr(c).isalnum() or c == ord("#") else None if c == ord("'") else " "
                        for c in range(128)})
_SUSPECT = frozenset("@＠hw\"“”'‘«([{<.,:;-–—*•>|/")
"""What a name or a link begins with, brackets and dots before it included."""
_UNSPACED = "\u0e00-\u0eff\u2e80-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_UNSPACED}]|#?[^\W_{_UNSPACED}]+")
"""Scripts without spaces are compared character by character."""
_TAIL = " \t\r\n\"”»')]"
_PASSED_ON = re.compile(r"(?<!\w)(?:RT|MT)\s?:?\s?[@＠]\w+:?|[\"“«]\s?[@＠]\w+:")
"""How people mark another's words by hand: RT @name: words, or “@name: words”."""

_MARKS = ("RT", "MT", '"', "“", "«")


class Text(NamedTuple):
    """A text as it is compared: its words with one space between them, whether its end is cut off, and the keys where
    copies of it meet: by the first of them between machines. NamedTuple: one is made of every complaint."""

    words: str
    cut: bool
    keys: tuple[int, ...]


def read_text(words: list[str], cut: bool) -> Text | None:
    """What of a text is compared, from its `words_of`; None for one that is too short to be a copy."""
    if len(words) < COPY_WORDS:
        return None
    longest = max(words, key=len)
    others = [word for word in words if word != longest]
    keys = (_run_to(words, longest), _run_to(words, max(others, key=len))) if others else (_run_to(words, longest),)
    return Text(" ".join(words), cut, keys)


def _run_to(words: list[str], word: str) -> int:
    at = words.index(word) + 1
    return crc32(" ".join(words[at - KEY_WORDS if at > KEY_WORDS else 0:at]).encode("utf-8", "replace"))


def words_of(text: str) -> tuple[list[str], bool]:
    """The words by which a text is compared, and whether its end is cut off. Names and links are gone, and so is what
    stands around the text and says nothing: hashtags, "lol", "via". Linear in the text's length."""
    shown = text[:TEXT_MOST].casefold()
    if "@" in shown or "http" in shown or "www." in shown or "＠" in shown:
        shown = " ".join([one for one in shown.split() if one[0] not in _SUSPECT or not _is_noise(one)])
    cut = ("…" in shown or "..." in shown) and shown.rstrip(_TAIL).endswith(("…", "..."))
    if "&" in shown:
        shown = shown.replace("&amp;", " ").replace("&lt;", " ").replace("&gt;", " ")
    words = shown.translate(_ASCII).split() if shown.isascii() else _WORD.findall(
        shown.replace("’", "").replace("'", ""))
    if cut and words:
        words.pop()  # most often half a word
    words = _trimmed(words)
    return ([word for word in (one.strip("#") for one in words) if word] if "#" in shown else words), cut


@lru_cache(maxsize=TEXTS_REMEMBERED)
def read_post(text: str) -> tuple[tuple[str, ...], Text | None]:
    """A post's words and what of them is compared; the last few texts are remembered: each is read again and again
    while it goes round."""
    words, cut = words_of(text)
    return tuple(words), read_text(words, cut)


def _is_noise(word: str) -> bool:
    return "@" in word or "http" in word or "www." in word or "＠" in word


def _trimmed(words: list[str]) -> list[str]:
    start, end = 0, len(words)
    while start < end and (words[end - 1][0] == "#" or words[end - 1] in NOTHING_OF_ITS_OWN):
        end -= 1
    while start < end and (words[start][0] == "#" or words[start] in NOTHING_OF_ITS_OWN):
        start += 1
    return words[start:end] or words


def own_part(text: str) -> tuple[str, bool]:
    """What the author of a post wrote, and whether it passes on another's words by hand ("So true! RT @ann: …").
    Words after a closing quotation mark are the author's again."""
    if ("@" not in text and "＠" not in text) or not any(map(text.__contains__, _MARKS)):
        return text, False
    found = _PASSED_ON.search(text, 0, TEXT_MOST)
    if found is None:
        return text, False
    before, passed_on = text[:found.start()], text[found.end():TEXT_MOST]
    after = ""
    if found.group()[0] in "\"“«":
        closed = max(passed_on.rfind(mark) for mark in "\"”»")
        after = passed_on[closed + 1:] if closed >= 0 else ""
    return f"{before} {after}".strip(), True


def same(one: str, one_cut: bool, other: str, other_cut: bool) -> bool:
    """Whether of two texts (their words, and whether they are cut off) one is a copy of the other. Symmetric."""
    if one == other:
        return True
    short, long = (one, other) if len(one) <= len(other) else (other, one)
    if len(short) >= RUN_SHARE * len(long) and short.count(" ") >= RUN_WORDS - 1 and f" {short} " in f" {long} ":
        return True
    return (one_cut and _cut_after_prefix(one, other)) or (other_cut and _cut_after_prefix(other, one))


def _cut_after_prefix(one: str, other: str) -> bool:
    """Whether `one`, cut off at its end, is the beginning of `other` but for words before it."""
    for _ in range(PREFIX_WORDS):
        one = one.partition(" ")[2]
        if one.count(" ") < RUN_WORDS - 1 or len(one) < RUN_SHARE * len(other):
            return False
        if f"{other} ".startswith(f"{one} "):
            return True
    return False


@dataclass(slots=True)
class Held:
    """A remembered text: when it was last seen, whose it was first, its words. `veiled`: the words are hashed, for it
    comes from a checkpoint."""

    at: int
    person: int
    words: str
    cut: bool
    veiled: bool


class Copies:
    """Texts seen within `within` seconds, under at most `most` keys.

    A text lasts as long as it is passed on: each copy renews it.
    """

    def __init__(self, *, within: int, most: int) -> None:
        self.within = within
        self.most = most
        self.held: OrderedDict[int, list[Held]] = OrderedDict()
        """By key; those used last are last."""

    def holder(self, text: Text, person: int, at: int) -> int:
        """Whose words these are: of the one who was first heard with them, `person` where that is nobody else. The text
        is remembered, or renewed."""
        known = self.renew(text, at)
        if known is not None:
            return known.person
        new = Held(at, person, text.words, text.cut, False)
        for key in text.keys:
            bucket = self.held.get(key)
            if bucket is None:
                self.held[key] = [new]
            else:
                bucket.append(new)
                del bucket[:-BUCKET]
        while len(self.held) > self.most:
            self.held.popitem(last=False)
        return person

    def renew(self, text: Text, at: int) -> Held | None:
        """The remembered text this one is a copy of, as seen again at `at`; None where there is none."""
        for key in text.keys:
            bucket = self.held.get(key)
            if bucket is None:
                continue
            self.held.move_to_end(key)
            for place, known in enumerate(bucket):
                if abs(at - known.at) < self.within and same(
                        veil(text.words) if known.veiled else text.words, text.cut, known.words, known.cut):
                    known.at = max(at, known.at)
                    if place + 1 < len(bucket):
                        bucket.append(bucket.pop(place))
                    return known
        return None

    def forget(self, before: int) -> None:
        """Drop what was last seen before a time, as far as it stands first in line."""
        while self.held and max(known.at for known in next(iter(self.held.values()))) < before:
            self.held.popitem(last=False)

    def dump(self) -> list[list[Any]]:
        """Plain numbers and strings, the words hashed: no text leaves the memory."""
        return [[key, known.at, known.person, known.words if known.veiled else veil(known.words), int(known.cut)]
                for key, bucket in self.held.items() for known in bucket]

    def load(self, kept: Iterable[Iterable[Any]]) -> None:
        """Take in a dump, this machine's or another's. Raises ValueError or TypeError for what no dump holds."""
        merging = bool(self.held)
        once: dict[tuple[int, int, str, bool], Held] = {}
        for key, *rest in kept:
            at, person, words, cut = rest
            told = (int(at), int(person), str(words), bool(cut))
            bucket = self.held.setdefault(int(key), [])
            bucket.append(once.setdefault(told, Held(*told, True)))
            if merging:
                bucket.sort(key=lambda known: known.at)
            del bucket[:-BUCKET]
        if merging or len(self.held) > self.most:
            newest = sorted(self.held.items(), key=lambda item: max(known.at for known in item[1]))
            self.held = OrderedDict(newest[-self.most:])


def veil(words: str) -> str:
    """The words as numbers, so that equal words stay equal and can no longer be read off."""
    return " ".join([f"{crc32(word.encode('utf-8', 'replace')):08x}" for word in words.split(" ")])
