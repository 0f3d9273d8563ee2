"""Words → hits: which words of a text or a field spell the name of a place, and are meant as one.

A place field and a profile hold little but a place, so what names one there is meant, unless the rest is prose. A
running text holds mostly words that happen to be names ("Mobile data is down"): there a name needs a capital letter and
weight, or a preposition before it, or its state behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..gazetteer import OWN, Candidate, Kind
from .codewords import CODE, airport, code_at, letters_at, tag_at
from .lexicon import BIG, HUGE, Hit, Lexicon
from .spelling import Words
from .wordsets import (
    CONTINENTS,
    DIRECTIONS,
    GENERIC,
    NAME_GOES_ON,
    NOT_AFTER,
    PARTS,
    PREPOSITIONS,
    SMALL_LETTERS,
)

HITS_MOST = 40
"""Names looked for in one text; what more there is says nothing of where somebody is."""
DOUBTFUL = (Kind.PART, Kind.OTHER)
"""Kinds of name that need a preposition in a running text: many are words ("Central", "White House": Casablanca)."""
PLAIN_LEAST = 4
"""Letters of the shortest name of a country or state that counts in a running text without capital or preposition."""


def hits(lexicon: Lexicon, words: Words, *, running: bool) -> list[Hit]:
    """Every name that is meant as a place, from left to right, none over another; HITS_MOST at most."""
    found: list[Hit] = []
    free = 0
    for at in _worth(lexicon, words, running):
        if at < free:
            continue
        hit = _hit(lexicon, words, at, running, found[-1] if found and free == at else None)
        if hit is not None:
            found.append(_with_part(lexicon, words, hit, free))
            free = hit.end
            if len(found) == HITS_MOST:
                break
    return found


def _worth(lexicon: Lexicon, words: Words, running: bool) -> list[int]:
    """The words that are worth a look: few, in a text."""
    starts = lexicon.starts_running if running else lexicon.starts
    joined, written, tags = lexicon.joined, words.written, words.tags
    if running and not tags and words.simple:
        return [at for at, word in enumerate(words.folded) if word in starts]
    return [at for at, word in enumerate(words.folded)
            if word in starts or (1 < len(word) < 8 and not word.isalpha() and CODE.fullmatch(word))
            or (tags and at in tags) or "'" in written[at] or "\uac00" <= word[0] <= "\ud7a3"
            or (not running and (len(word) <= 3 or word in joined))]


def _hit(lexicon: Lexicon, words: Words, at: int, running: bool, before: Hit | None) -> Hit | None:
    word = words.folded[at]
    hit = None
    if not word.isalpha():
        hit = code_at(lexicon, words, at, running, before)
    elif len(word) <= 5 and (word in lexicon.short or (len(word) <= 3 and words.written[at].isupper())):
        hit = letters_at(lexicon, words, at, running, before)
    if hit is None and (at in words.tags or word[0] == "y" or (not running and word in lexicon.joined)):
        hit = tag_at(lexicon, words, at)
    hit = hit or _named(lexicon, words, at, running)
    return hit if hit is not None or running else airport(lexicon, words, at)


def _named(lexicon: Lexicon, words: Words, at: int, running: bool) -> Hit | None:
    first = words.folded[at]
    longest = lexicon.names.longest.get(first, 0)
    if not longest:
        return _inflected(lexicon, words, at, running)
    longest = min(longest, len(words) - at)
    if running and longest > 1 and f"{first} {words.folded[at + 1]}" not in lexicon.openings.pairs:
        longest = 1
    for size in range(longest, 0, -1):
        name = " ".join(words.folded[at:at + size]) if size > 1 else first
        hit = _meant(lexicon, words, Hit(at, at + size, name, lexicon.names[name]), running)
        if hit is not None:
            return hit
    return None


def _inflected(lexicon: Lexicon, words: Words, at: int, running: bool) -> Hit | None:
    """"Vermont's"; Korean particles ("서울에서")."""
    word, written = words.folded[at], words.written[at]
    stems = [word[:-1]] if written.endswith("'s") else []
    if "\uac00" <= word[0] <= "\ud7a3":
        stems = [word[:-1], word[:-2]]
    for stem in stems:
        if len(stem) > 1 and (hit := _meant(lexicon, words, Hit(at, at + 1, stem, lexicon.names[stem]), running)):
            return hit
    return None


def _meant(lexicon: Lexicon, words: Words, hit: Hit, running: bool) -> Hit | None:
    """The hit where its words are meant as a name."""
    if not hit.candidates:
        return None
    name, before = hit.name, words.folded[hit.start - 1] if hit.start else ""
    if (before in NOT_AFTER or f"{before} {name}" in CONTINENTS or _is_piece(words, hit)
            or name in GENERIC or (" " in name and GENERIC.issuperset(name.split()))):
        return None
    if running:
        return hit if _counts(lexicon, words, hit, before) else None
    short = len(name) <= 3 and name.isascii()
    return hit if not short or words.written[hit.start].isupper() or name in SMALL_LETTERS else None


def _is_piece(words: Words, hit: Hit) -> bool:
    """Whether a name belongs to an account ("@London") or is the first piece of a longer one ("Leigh-on-Sea")."""
    if words.written[hit.start][0] == "@" or words.gaps[hit.start][-1:] == "@":
        return True
    return (hit.candidates[0].people < HUGE and hit.end < len(words) and words.gaps[hit.end] == "-"
            and words.folded[hit.end] in NAME_GOES_ON)


def _counts(lexicon: Lexicon, words: Words, hit: Hit, before: str) -> bool:
    """Whether a name in a running text is meant as one."""
    name, first, top = hit.name, words.written[hit.start], hit.candidates[0]
    stated = hit.end < len(words) and words.written[hit.end] in lexicon.letters
    if name in lexicon.not_places and not stated and not (top.people == OWN and before in PARTS):
        return False
    after, foreign = before in PREPOSITIONS, not name.isascii()
    if len(name) <= 3 and not foreign:
        known = name in SMALL_LETTERS or (name == "us" and not words.text.isupper())
        return top.people == OWN and ((first.isupper() and (known or after)) or (after and len(name) == 3))
    at_home = any(one.region in lexicon.home for one in hit.candidates)
    after = after or foreign
    weighty = top.people >= BIG and (top.kind not in DOUBTFUL or after or (top.kind is Kind.PART and at_home))
    if first[0].isupper() or foreign:
        return weighty or stated or (after and at_home)
    return weighty and (after or (top.people == OWN and (hit.end - hit.start > 1 or _plainly(lexicon, name, top))))


def _plainly(lexicon: Lexicon, name: str, top: Candidate) -> bool:
    """Whether a name in small letters is a country's or state's own and no word besides ("ohio", "malaysia")."""
    return (top.kind is Kind.OWN and len(name) >= PLAIN_LEAST and name not in DIRECTIONS
            and lexicon.names.is_name(name, top))


def _with_part(lexicon: Lexicon, words: Words, hit: Hit, free: int) -> Hit:
    """"Northern Alberta": the part is told, and the deployment's own region for it wins. Words from `free` on belong to
    no other name."""
    at = hit.start - 1
    if at < free or words.folded[at] not in PARTS or hit.code or words.gaps[hit.start].strip():
        return hit
    part = words.folded[at]
    if at > free and words.folded[at - 1] in ("north", "south") and part in ("west", "western", "east", "eastern"):
        part, at = words.folded[at - 1] + part, at - 1
    return _of_part(lexicon, hit._replace(start=at, part=words.shown(at, hit.end)), part, hit.candidates)


def _of_part(lexicon: Lexicon, hit: Hit, part: str, candidates: Sequence[Candidate]) -> Hit:
    for one in candidates:
        name = lexicon.names.name(one.region) if hit.letters else hit.name
        own = lexicon.names.part(part, name) or lexicon.names.part(part, hit.name)
        if own is not None:
            return hit._replace(candidates=(Candidate(own, OWN),))
    return hit
