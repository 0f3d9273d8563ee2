"""Mistakes in YAML, told so that the person who made one can mend it at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

SHOWN = 60
"""Characters of a value that are shown: enough to find it, too few to spill a key."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake: where (`line` and `column` count from 1), what was found, what was expected, the nearest spelling.

    `path` is the place within the file in words ("sources[0].freshness"). "" where something does not apply.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    found: str = ""
    expected: str = ""
    nearest: str = ""

    def __str__(self) -> str:
        parts = [f"{self.file}:{self.line}:{self.column}: {self.path + ': ' if self.path else ''}{self.message}"]
        if self.found:
            parts.append(f"found {self.found}")
        if self.expected:
            parts.append(f"expected {self.expected}")
        text = "; ".join(parts)
        return _printable(f"{text} – did you mean {self.nearest!r}?" if self.nearest else text)


class ConfigMistakes(Exception):
    """A configuration has mistakes: `mistakes` has every one of them; mend them and run `notifier check`."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


def nearest(word: str, known: Iterable[str]) -> str:
    """The known spelling most like `word`, or "" where none is near."""
    candidates = sorted(known)
    lowered = {candidate.lower(): candidate for candidate in candidates}
    found = difflib.get_close_matches(word[:SHOWN].lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else ""


def shown(value: object) -> str:
    """A value as a mistake shows it: quoted and short; mappings and lists by what they are."""
    if isinstance(value, str):
        cut = value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"
        return ascii(cut) if not cut.isprintable() else repr(cut)
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "nothing"
    return f"{value!r}"[:SHOWN]


def _printable(text: str) -> str:
    """The text with what a terminal would hide or obey escaped: ids and keys are whatever somebody wrote."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def listed(words: Iterable[str], most: int = 12) -> str:
    """Words as an expectation: "one of a, b, c"."""
    known = sorted(words)
    if not known:
        return "nothing: there are none"
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return f"one of {', '.join(known[:most])}{more}"
