"""Text → words, in linear time, whatever the text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

TEXT_MOST = 2_000
"""Characters looked at; complaints are short, and a long text says most at its beginning."""

_URL = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_WORD = re.compile(r"[@#]?[^\W_]+(?:['’][^\W_]+)*")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_APOSTROPHE = "'"
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'"})
_HASHTAG = re.compile(r"#\w{3,100}")
_ELIDED = frozenset({"l", "d", "j", "n", "s", "c", "m", "t", "qu", "un", "all", "dell", "nell", "dall", "sull"})
"""French and Italian words that lean on the next one."""
_KEPT_MOST = 20_000
"""Characters whose folding is remembered; more than any text of one script uses."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word: folded (lower case, no accents, no # sign), as written, and whether a comma stood before it."""

    folded: str
    written: str
    after_comma: bool = False


def _folded(c: str) -> str:
    """One character folded, apostrophes as they are: lower case; no accents, hyphens and invisible characters."""
    decomposed = unicodedata.normalize("NFKD", c.translate(_APOSTROPHES)).casefold()
    return "".join(one for one in decomposed if not (
        unicodedata.combining(one) or one == "-" or "\ufe00" <= one <= "\ufe0f" or unicodedata.category(one) == "Cf"))


def folded(text: str) -> str:
    """Lower case without accents, apostrophes, hyphens and invisible characters; each character by itself."""
    return (text.lower() if text.isascii() else "".join(map(_folded, text))).translate(_JOINING)


@lru_cache(maxsize=50_000)
def fold(word: str) -> str:
    """`folded` of one word; the words met last are remembered."""
    return folded(word)


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


def plain(text: str) -> str:
    """The words of a text as phrases are looked for: folded, each with one space before and after, so that " no power "
    is found by looking for just that. Sentences end in " . ", clauses in " , "; "'s" is read as "is", "#NoPower" as two
    words; "@", "_", "/", "&" and symbols such as emoji stay. Every word is part of `folded(text)`."""
    shown = text[:TEXT_MOST]
    if "&amp;" in shown:
        shown = shown.replace("&amp;", "&")
    if "://" in shown or "www." in shown.lower():
        shown = _URL.sub(" ", shown)
    if "#" in shown:
        shown = _HASHTAG.sub(lambda tag: _CAMEL.sub(" ", tag.group()), shown)
    shown = shown.lower().translate(_ASCII) if shown.isascii() else shown.translate(_PLAIN)
    for sign in ".,/&":
        if sign in shown:
            shown = shown.replace(sign, f" {sign} ")
    words = shown.split()
    if "'" in shown:
        words = [one for word in words if (one := _whole(word) if "'" in word else word)]
    return f" {' '.join(words)} "


def _whole(word: str) -> str:
    """A word without apostrophes: "l'internet" is two words, "isn't" is one, "power's" is "power is"."""
    before, _, after = word.partition("'")
    if before in _ELIDED and after:
        return f"{before} {after.replace(_APOSTROPHE, '')}"
    if after == "s" and before:
        return f"{before} is"
    return word.replace(_APOSTROPHE, "")


class _Table(dict[int, str]):
    """What each character is in `plain`, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        found = "".join(map(_sign, _folded(chr(code))))
        if len(self) < _KEPT_MOST:
            self[code] = found
        return found


def _sign(c: str) -> str:
    if c in "\n\r.!?;…。！？؟।":
        return "."
    category = unicodedata.category(c)
    if c in ",،、" or category == "Pd":
        return ","
    if category[0] in "LNM" or c in "@_/&'":
        return c
    return f" {c} " if category == "So" else " "


_JOINING = str.maketrans("", "", "'`-")
_PLAIN = _Table()
_ASCII = {code: (None if _PLAIN[code] == "" else ord(_PLAIN[code])) for code in range(128)}
"""The same for texts of nothing else: one character for one, which goes three times as fast."""
