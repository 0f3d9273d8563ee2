"""What a post advises, and whether it is said to help: "turn off 3G, then calls work" → (off, 3g), it helps.

Advice is an action done to a thing, each by a name of its own, so that "switched 3G off", "desactiva el 3G" and "3G
ausschalten" are one. Only things customers can reach are known; a post that names none advises nothing. Whether advice
is good is for staff to say; `scams` says what is not even shown to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from ..words import Word, split
from .lexicon import (
    ACTIONS,
    FAILS,
    HELPS,
    NO_ORDER,
    NOT_ADVICE,
    PARTICLES,
    TELLS,
    THINGS,
    TURNS,
    WORKS_BY_ITSELF,
)
from .phrasebook import PhraseBook

REACH = 6
"""Words between an action and its thing: "switch your phone's network mode to 4G"."""
BEFORE = 4
"""Words before an action in which "never" or "why did they" makes it none."""
TRY_WORDS = 3
"""Words before an action for it to stand at the beginning, as an order does ("@operator customers: restart …")."""


class Advice(NamedTuple):
    """An action and its thing, by their names in the lexicon."""

    action: str
    thing: str


@dataclass(frozen=True, slots=True)
class Told:
    """What one post says of advice. `advice` None: "tried that" – of what it answers. `helps` False: it failed.
    `first`, `last`: its words among the post's, for whoever shows it."""

    advice: Advice | None
    helps: bool
    first: int = 0
    last: int = 0


def told(text: str) -> Told | None:
    """What a post says of advice; None where it says nothing of any. Linear in the text's length; never raises."""
    words = split(text)
    marks = sorted(_book().find(words), key=lambda found: (found[0], -found[1]))
    fails, helps, tells = (_of(marks, what) for what in ("fails", "helps", "tells"))
    helps = [at for at in helps if not any(first <= at[0] < last for first, last in fails)]
    found = _advice(words, marks) or _works(marks, helps)
    if found is None:
        return Told(None, helps=False) if fails and _of(marks, "tried") else None
    first, last, advice = found
    if fails and not helps:
        return Told(advice, False, first, last)
    ordered = _is_order(words, first)
    return Told(advice, True, first, last) if helps or tells or ordered else None


Mark = tuple[int, int, tuple[str, str]]


def _advice(words: Sequence[Word], marks: Sequence[Mark]) -> tuple[int, int, Advice] | None:
    """The first action whose thing stands near: after it, or before it where languages put the action last."""
    things = [(first, last, name) for first, last, (what, name) in marks if what == "thing"]
    for first, last, action in _actions(words, marks):
        after = [one for one in things if last <= one[0] <= last + REACH]
        ahead = [one for one in things if first - REACH <= one[1] and one[0] < last and one not in after]
        if after or ahead:
            begin, end, thing = after[0] if after else ahead[-1]
            return min(first, begin), max(last, end), Advice(action, thing)
    return None


def _actions(words: Sequence[Word], marks: Sequence[Mark]) -> Iterator[tuple[int, int, str]]:
    turns = [first for first, _ in _of(marks, "turns")]
    for first, last, (what, action) in marks:
        begin: int | None = first
        if what == "particle":
            begin = next((at for at in reversed(turns) if first - REACH <= at < first), None)
        if what in ("action", "particle") and begin is not None and not _turned(words, begin):
            yield begin, last, action


def _turned(words: Sequence[Word], first: int) -> bool:
    """Whether a word before the action, no further back than a comma, makes it none."""
    for at in range(first, max(0, first - BEFORE), -1):
        if words[at].after_comma:
            return False
        if words[at - 1].folded in NOT_ADVICE:
            return True
    return False


def _is_order(words: Sequence[Word], first: int) -> bool:
    """Whether the action stands where an order does: at the beginning, or after a comma, and is no story."""
    begins = first <= TRY_WORDS or words[first].after_comma or words[first - 1].after_comma
    told_of = first > 0 and words[first - 1].folded in NO_ORDER
    return begins and not told_of and not words[first].folded.endswith(("ed", "ing"))


def _works(marks: Sequence[Mark], helps: Sequence[tuple[int, int]]) -> tuple[int, int, Advice] | None:
    """ "Wifi calling works": use it."""
    begins = {at for at, _ in helps}
    return next(((first, last, Advice("use", name)) for first, last, (what, name) in marks
                 if what == "thing" and name in WORKS_BY_ITSELF and not begins.isdisjoint((last, last + 1))), None)


def _of(marks: Sequence[Mark], what: str) -> list[tuple[int, int]]:
    return [(first, last) for first, last, (of, _) in marks if of == what]


@cache
def _book() -> PhraseBook[tuple[str, str]]:
    book: PhraseBook[tuple[str, str]] = PhraseBook()
    for what, named in (("action", ACTIONS), ("thing", THINGS), ("particle", PARTICLES)):
        for name, phrases in named.items():
            for phrase in phrases:
                book.add(phrase, (what, name))
    for what, phrases in (("fails", FAILS), ("helps", HELPS), ("tells", TELLS), ("turns", TURNS)):
        for phrase in phrases:
            book.add(phrase, (what, ""))
    for phrase in ("tried", "tried that", "probé", "lo probé", "essayé", "probiert", "versucht"):
        book.add(phrase, ("tried", ""))
    return book
