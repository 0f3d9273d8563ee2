"""Which names in a place field or a profile are meant as places: "Amy & Avi's HQ" and "stuck on a planet" hold none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..gazetteer import OWN
from .lexicon import BIG, HUGE, Hit
from .settling import Settler
from .spelling import Words, piece, stretches
from .wordsets import AROUND, PREPOSITIONS, SMALL_LETTERS

PROSE_MOST = 3
"""Words of a stretch besides a name and what may stand there ("downtown"), up to which a weighty name is meant."""


def meant(settler: Settler, words: Words, hits: Sequence[Hit]) -> list[Hit]:
    """The hits that are meant as places: those beside what they lie in, those in a stretch that holds nothing else, and
    weighty names among few other words. Airports count only where other places are near them, or nothing but airports
    is there."""
    beside = {hit for one, other in pairwise(hits) if settler.joins(words, one, other) for hit in (one, other)}
    named = {at for hit in hits for at in range(hit.start, hit.end)}
    other = [at not in named and word not in AROUND and not word.isdigit() for at, word in enumerate(words.folded)]
    kept: list[Hit] = []
    for start, end in stretches(words):
        inside = [hit for hit in hits if start <= hit.start < end]
        others = sum(other[start:end])
        stands = [hit for hit in inside
                  if hit in beside or hit.letters or _stands(words, hit, others, _near(words, hit, other))]
        kept.extend(_before_their_state(settler, words, stands, other))
    sure = [hit for hit in kept if not hit.airport]
    if not sure:
        return kept if len(kept) > 1 and not any(other) else []
    return kept if all(settler.fits(*two) for two in pairwise(kept)) else sure


def _near(words: Words, hit: Hit, other: Sequence[bool]) -> int:
    """Words between the commas around a hit that are no place."""
    return sum(other[piece(words, hit.start, hit.end)])


def _before_their_state(settler: Settler, words: Words, hits: list[Hit], other: Sequence[bool]) -> list[Hit]:
    """"Plymouth Meeting, PA": where a state ends the stretch, a city before it among other words is none."""
    if len(hits) < 2 or "," not in words.gaps[hits[-1].start] or not hits[-1].own:
        return hits
    return [hit for hit in hits if hit is hits[-1] or not _near(words, hit, other) or settler.fits(hit, hits[-1])]


def _stands(words: Words, hit: Hit, others: int, near: int) -> bool:
    """Whether a name stands as a place among words that are none: `others` in its stretch, `near` between the commas
    around it."""
    top, written = hit.candidates[0], words.written[hit.start]
    if len(hit.name) <= 3 and hit.name.isascii() and (top.people != OWN or not written.isupper()):
        return others == 0 and (hit.airport or (top.people == OWN and hit.name in SMALL_LETTERS))
    if others == 0 and (top.people >= BIG or written[0].isupper() or len(words) == hit.end - hit.start):
        return True
    if near == 0 and top.people >= BIG:
        return True
    after = hit.start > 0 and words.folded[hit.start - 1] in PREPOSITIONS
    if others > PROSE_MOST and not after:
        return False
    if written[0].isupper() or not hit.name.isascii():
        return top.people >= BIG
    return top.people >= HUGE and (others == 1 or after)
