"""Words as names of places are compared: one spelling for a text and for the names looked for in it.

Accents go, letters of every script stay, "U.S.A." is one word, Chinese characters and kana are words of one letter each
(they are written without spaces), and where one script ends another word begins ("منوبولسMinneapolis").
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

TEXT_MOST = 2_000
"""Characters looked at; what a post is about stands near its beginning."""
WORDS_MOST = 400
"""Words looked at."""

_LATIN = {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
          "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ı": "i", "ħ": "h", "Ħ": "H", "ŋ": "n",
          "’": "'", "‘": "'", "`": "'", "´": "'", "ʻ": "'", "ʼ": "'"}
"""Letters that have no accent to lose, as people without the key write them."""
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"


def _ranges(codes: Iterable[int]) -> str:
    """A set of characters as the inside of a regular expression's brackets."""
    runs: list[list[int]] = []
    for code in codes:
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in runs)


_IS_MARK = (code for code in range(0x300, 0x10000) if unicodedata.category(chr(code))[0] == "M")
_MARKS = re.compile(f"[{_ranges(_IS_MARK)}]+")
_SPECIAL = re.compile(f"[{''.join(_LATIN)}]")
_JAMO = re.compile("[\u1100-\u11ff]+")
_URL = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/|\bt\.co/)\S*", re.IGNORECASE)
_LETTER = r"(?:[^\W\d_]\.){2,}(?:[^\W\d_](?![^\W_]))?|[A-Z]\.[A-Z](?![\w.])"
_DOTTED = re.compile(rf"(?<![^\W_])(?:{_LETTER})")
_TWO_DOTS = re.compile(r"\.[A-Za-z](?:\.|(?!\w))")
_WORD = re.compile(rf"(@\w+|#?(?:[A-Za-z0-9]{{2,}}(?:'[A-Za-z0-9]+)*|{_LETTER}|[A-Za-z0-9](?:'[A-Za-z0-9]+)*|[{_CJK}]"
                   rf"|[^\W_A-Za-z{_CJK}]+))")
BREAK = re.compile(r"[^\w\s.,'’\"#@]|\n|_| - ")
"""What between two words ends a stretch: anything but spaces, commas and full stops."""
_EACH = re.compile(f"([{_CJK}])")
_NO_WORD = re.compile(r"[^\w\n]+|_")
_DIGIT = re.compile("[0-9]")
_WITHIN = re.compile(r"(?<=[A-Za-z0-9])'(?=[A-Za-z0-9])")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SPACED = "".join(chr(code) if chr(code).isalnum() or code == 10 else " " for code in range(128))
"""For str.translate: ASCII with a space for all that is no letter, digit or end of a line."""


def plain(text: str) -> str:
    """Without accents, capitals kept."""
    if text.isascii():
        return text
    bare = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    bare = _SPECIAL.sub(lambda match: _LATIN[match.group()], bare)
    return _JAMO.sub(lambda match: unicodedata.normalize("NFC", match.group()), bare)


def without_links(text: str) -> str:
    """A text's beginning, its links left out: adding one changes nothing."""
    if "/" in text or "www." in text:
        text = _URL.sub(" ", text)
    return text[:TEXT_MOST]


def fold_all(names: Iterable[str]) -> list[str]:
    """Each name as its folded words with one space between; together, for that is ten times as fast as one by one."""
    every = [name.replace("\n", " ") if "\n" in name else name for name in names]
    if not every:
        return []
    if all(map(str.isascii, every)):
        return _fold_lines("\n".join(every))
    latin = iter(_fold_lines("\n".join(filter(str.isascii, every))))
    other = iter(_fold_lines(plain("\n".join(name for name in every if not name.isascii()))))
    return [next(latin if name.isascii() else other) for name in every]


def _fold_lines(text: str) -> list[str]:
    if "." in text:
        text = _DOTTED.sub(lambda match: match.group().replace(".", "") + " ", text)
    text = text.casefold().replace("'", "")
    text = text.translate(_SPACED) if text.isascii() else _NO_WORD.sub(" ", _EACH.sub(r" \1 ", text))
    return [" ".join(line.split()) if "  " in line or line[:1] == " " or line[-1:] == " " else line
            for line in text.split("\n")]


def fold(name: str) -> str:
    """One name as its folded words."""
    return fold_all((name,))[0]


def quick(text: str) -> tuple[list[str], list[str]] | None:
    """The words of a plain text, as written and folded, where that can be told without looking at each: enough to see
    whether it can hold a place at all. None for a text that is to be looked at closely."""
    if "." in text and _TWO_DOTS.search(text):
        return None
    if "'" in text:
        text = f"{_WITHIN.sub('', text)} {text.replace(chr(39), ' ')}"
    if not text.isascii():
        words = _WORD.findall(text)
        return words, " ".join(words).casefold().split()
    return text.translate(_SPACED).split(), text.lower().translate(_SPACED).split()


@dataclass(slots=True, eq=False)
class Words:
    """The words of a text: folded, as written without accents, what stands before each (and, last, behind all), and
    which stood in a hashtag. `raw` are the words with their dots ("U.S.A.")."""

    text: str
    folded: Sequence[str]
    written: Sequence[str]
    gaps: Sequence[str]
    raw: Sequence[str]
    tags: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self.folded)

    @property
    def simple(self) -> bool:
        """Whether the text is plain ASCII without digits and apostrophes, as most are."""
        return self.text.isascii() and "'" not in self.text and not _DIGIT.search(self.text)

    def shown(self, start: int, end: int, original: str = "") -> str:
        """Words `start` to `end` as they stand in the text; with their accents, where the `original` is given."""
        first = sum(map(len, self.gaps[:start + 1])) + sum(map(len, self.raw[:start]))
        last = first + sum(map(len, self.gaps[start + 1:end])) + sum(map(len, self.raw[start:end]))
        if not original or original == self.text:
            return self.text[first:last]
        until = list(accumulate(1 if letter.isascii() else len(plain(letter)) for letter in original))
        if not until or until[-1] != len(self.text):
            return self.text[first:last]
        return original[bisect_right(until, first):bisect_left(until, last) + 1]


def split(text: str) -> Words:
    """The words of a plain text (see `plain`). "#NoPower" becomes two words, "@name" stays one."""
    pieces = _WORD.split(text, WORDS_MOST)
    raw, gaps, tags = pieces[1::2], pieces[::2], frozenset[int]()
    if "#" in text:
        raw, gaps, tags = _untagged(raw, gaps)
    folded = "\n".join(raw).casefold()
    if "'" in folded:
        folded = folded.replace("'", "")
    if "." not in folded:
        return Words(text, folded.split("\n") if raw else (), raw, gaps, raw, tags)
    return Words(text, folded.replace(".", "").split("\n"), [word.replace(".", "") for word in raw], gaps, raw, tags)


def _untagged(raw: Sequence[str], gaps: Sequence[str]) -> tuple[list[str], list[str], frozenset[int]]:
    """Hashtags as the words they are run together from; the sign goes to what stands before."""
    words: list[str] = []
    before: list[str] = []
    tags: set[int] = set()
    for word, gap in zip(raw, gaps, strict=False):
        if word[0] != "#":
            words.append(word)
            before.append(gap)
            continue
        for number, part in enumerate(_CAMEL.split(word[1:])):
            tags.add(len(words))
            words.append(part)
            before.append("" if number else f"{gap}#")
    return words, [*before, gaps[-1]], frozenset(tags)


def stretches(words: Words) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of each stretch of words that nothing but commas, full stops and spaces divides."""
    start = 0
    for at in range(1, len(words)):
        if BREAK.search(words.gaps[at]):
            yield start, at
            start = at
    if len(words):
        yield start, len(words)


def piece(words: Words, first: int, last: int) -> slice:
    """The words between the commas around words `first` to `last`."""
    while first > 0 and "," not in words.gaps[first] and not BREAK.search(words.gaps[first]):
        first -= 1
    while last < len(words) and "," not in words.gaps[last] and not BREAK.search(words.gaps[last]):
        last += 1
    return slice(first, last)
