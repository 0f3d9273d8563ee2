"""Many texts folded at once, as `words.fold` folds each: a letter costs one look into a table.

`words.fold` maps characters one by one, which makes the table possible; tests/detection/test_intake_laws.py holds the
two to be the same. Folded one by one, texts that are not plain ASCII cost ten times as much as all else that is done
with most posts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..detection.words import fold

BREAK = "\x00"
"""Stands between texts; none may hold it, and none does, since reading a post drops it."""
_GONE = 0x110000
"""In place of what a character folds to where that is nothing."""
KINDS_MOST = 16
"""Different characters that fold to several letters ("…", "ß", Korean syllables) up to which each is replaced in the
whole batch; more, and the texts that hold them are folded by themselves."""


def fold_texts(texts: Sequence[str]) -> str:
    """Every text folded, with BREAK between them."""
    together = BREAK.join(texts)
    if together.isascii():
        small, dropped = _ascii()
        return together.encode("ascii").translate(small, dropped).decode("ascii")
    table, long = _table()
    written = np.frombuffer(together.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    letters = table[written]
    at = np.flatnonzero(long[written])
    kinds = [chr(code) for code in np.unique(written[at])]
    if len(kinds) > KINDS_MOST:
        return BREAK.join(_one_by_one(texts, letters, at))
    folded = _text(letters)
    for kind in kinds:
        folded = folded.replace(kind, _exactly(kind))
    return folded


def _text(letters: NDArray[np.uint32]) -> str:
    kept: bytes = letters[letters != _GONE].tobytes()
    return kept.decode("utf-32-le", "surrogatepass")


def _one_by_one(texts: Sequence[str], letters: NDArray[np.uint32], long: NDArray[np.intp]) -> list[str]:
    ends = np.cumsum([len(text) + 1 for text in texts])
    slow = set(np.searchsorted(ends, long, side="right").tolist())
    starts = [0, *ends[:-1].tolist()]
    return [_exactly(text) if at in slow else _text(letters[start:start + len(text)])
            for at, (start, text) in enumerate(zip(starts, texts, strict=True))]


def _exactly(text: str) -> str:
    folded: str = fold.__wrapped__(text)
    return folded


@cache
def _table() -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """By code point: what it folds to, itself where that is several letters, or _GONE; and whether it is several. 5.6
    MB; takes a third of a second to make."""
    found = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    long = np.zeros(sys.maxunicode + 1, dtype=np.bool_)
    for code in (*range(1, 0x40000), *range(0xE0000, 0xE1000)):  # the planes between and beyond hold no letters
        folded = _exactly(chr(code))
        if len(folded) > 1:
            long[code] = True
        elif folded != chr(code):
            found[code] = ord(folded) if folded else _GONE
    # A letter that is replaced later must not come out of another one's folding.
    into = np.flatnonzero((found != np.arange(sys.maxunicode + 1)) & (found != _GONE))
    for code in into[long[found[into]]]:
        found[code], long[code] = code, True
    return found, long


@cache
def _ascii() -> tuple[bytes, bytes]:
    """For `bytes.translate`: what each ASCII byte folds to, and those that fold to nothing."""
    folded = [_exactly(chr(code)) for code in range(128)]
    small = bytes(ord(one) if one else 0 for one in folded) + bytes(128)
    return small, bytes(code for code in range(1, 128) if not folded[code])
