"""What the phrases of one post amount to: which claims stand, which are turned round, and of which services.

A claim ("no power", "internet is back") stands unless something in the same sentence turns it: a denial, a fear or a
wish, others it befell, a time long past, another thing of our name. A promotion, or news, makes no claim at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .phrases import Hit, What
from .verdict import Kind

NEAR = 8
"""Words between a symptom that names no service and a service's word that still belong together."""
BEFORE = 8
"""Words before a claim in which a wish, a fear or others turn it round."""
CLOSE = 3
"""Words before a claim in which a number means others ("1.5 million already without power")."""
AFTER = 4
"""Words after a claim in which a number of others makes news of it ("power outage leaves 5,000 homes")."""
_MANY = re.compile(r"\d{3,}|\d+(?:k|m|mm|mil)|millions?|thousands|hundreds|dozens|millones|miles|millionen|tausende|"
                   r"milliers|migliaia|milhoes|milhares|libo")
"""A number of others: that is news ("670,000 without power")."""
_TURNED = ((What.NEGATION, 1), (What.UNREAL, BEFORE - 1), (What.OTHERS, BEFORE - 1))
"""What turns a claim round, when it stands before it in the same clause, and how many words may stand between."""
KINDS = (Kind.COMPLAINT, Kind.RECOVERY, Kind.WORKAROUND)
"""What claims make of a post, by the number of `What`."""
_KINDS = (What.SYMPTOM, What.RECOVERY, What.WORKAROUND)
_WHATS = len(What)
_CLAUSE = (" . ", " , ")
_SENTENCE = (" . ",)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a post says of services. `turned`: the word that turns it round, "" where it stands. `at` is where it
    begins, `again` whether it is said to happen again."""

    kind: Kind
    services: tuple[str, ...]
    words: str
    at: int
    turned: str = ""
    again: bool = False


class Reading:
    """One post's text and phrases. Costs time in proportion to the text, however many phrases it holds."""

    def __init__(self, text: str, hits: Sequence[Hit], *, joins: frozenset[str], helps: bool,
                 still: Callable[[], bool]) -> None:
        """`joins`: words that stand between services that share a claim. `helps`: whether advice must say that it
        helps. `still`: tells whether the post says that its trouble lasts."""
        self.text = text
        self._joins, self._helps, self._still = joins, helps, still
        self._by: list[list[Hit]] = [[] for _ in range(_WHATS)]
        for hit in hits:
            self._by[hit[2].what].append(hit)
        masks = self._by[What.NAMESAKE]
        self._masks = [*self._by[What.DENIAL], *masks]
        self._named = [hit for hit in self._by[What.SERVICE] if not _within(hit, masks)]
        self._operators = [hit for hit in self._by[What.OPERATOR] if not _within(hit, masks)]

    def void(self) -> str:
        """The words of a promotion, of news or of a joke, which make the whole post nothing to us; "" where none."""
        found = self._by[What.PROMOTION] or self._by[What.NEWS] or self._by[What.IGNORE]
        return self.text[found[0][0]:found[0][1]] if found else ""

    def denied(self) -> tuple[str, ...]:
        """The words of denials and namesakes that take a claim away."""
        hits = [hit for what in _KINDS for hit in self._by[what]]
        return tuple(self.text[mask[0]:mask[1]] for mask in self._masks if any(_cuts(mask, hit) for hit in hits))

    def named(self) -> tuple[str, ...]:
        """The services the post speaks of: by their words, or failing that by our own name."""
        return tuple(dict.fromkeys(meaning.service for _, _, meaning in self._named or self._operators))

    def marks(self) -> list[str]:
        """What kinds of phrases the post holds, as a model sees them."""
        return [f"={what.name.lower()}" for what in What if self._by[what]]

    def claims(self) -> list[Claim]:
        """Every claim, in the order of the text. One phrase that means two services is one claim of both."""
        found: dict[tuple[int, int, What], list[str]] = {}
        for start, end, meaning in self._longest():
            found.setdefault((start, end, meaning.what), []).extend([meaning.service] if meaning.service else [])
        claims = []
        for (start, end, what), own in found.items():
            services = [*own, *self._joined(start, end)] if own else self._near(start, end)
            if services:
                turned = self._turned(start, end) if what is not What.WORKAROUND else self._unhelpful(start, end)
                claims.append(Claim(KINDS[what], tuple(dict.fromkeys(services)), self.text[start:end], start, turned,
                                    self._again(end)))
        return claims

    def sarcasm(self) -> Claim | None:
        """Praise that is none: thanks or love, a service's or our name, and a word of what is wrong."""
        wrong = self._by[What.GRIEVANCE] or self._by[What.LASTING]
        named = self._named or self._operators
        if not (self._by[What.SARCASM] and wrong and named):
            return None
        hits = (self._by[What.SARCASM][0], wrong[0])
        return Claim(Kind.COMPLAINT, tuple(dict.fromkeys(m.service for _, _, m in named)),
                     " … ".join(self.text[start:end] for start, end, _ in hits), hits[0][0])

    # ── which claims ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _longest(self) -> Iterator[Hit]:
        """Symptoms, recoveries and workarounds that are no part of a longer claim ("no internet" in "phone has no
        internet"), add to it ("been down since" to "internet has been down"), or are cut into by a denial or another
        thing of that name ("no data" in "no data to support")."""
        hits = [hit for what in _KINDS for hit in self._by[what]]
        if len(hits) + len(self._masks) > 1:
            hits = sorted([*hits, *self._masks], key=_longest_first)
        far = (0, 0)
        for hit in hits:
            start, end, meaning = hit
            if (end <= far[1] and (start, end) != far) or (start < far[1] and not meaning.service):
                continue
            if end > far[1]:
                far = (start, end)
            if meaning.what <= What.WORKAROUND and not any(_cuts(mask, hit) for mask in self._masks):
                yield hit

    # ── of which services ────────────────────────────────────────────────────────────────────────────────────────────

    def _near(self, start: int, end: int) -> list[str]:
        """Services named near a claim that names none; failing that, what our own name stands for."""
        near = [meaning.service for at, to, meaning in self._named
                if 0 <= self._between(to, start) < NEAR or 0 <= self._between(end, at) < NEAR]
        return near or [meaning.service for _, _, meaning in self._operators]

    def _joined(self, start: int, end: int) -> Iterator[str]:
        """Services listed beside the one a claim names: "no power, heat or internet", "internet and TV are down"."""
        for at, to, meaning in self._named:
            if at >= end and self._is_join(self.text[end:at]):
                end = to
                if not self._claimed(at, to):
                    yield meaning.service
        for at, to, meaning in reversed(self._named):
            if to <= start and self._is_join(self.text[to:start]):
                start = at
                if not self._claimed(at, to):
                    yield meaning.service

    def _is_join(self, between: str) -> bool:
        words = between.split()
        return 0 < len(words) <= 3 and words[-1 if words[-1] != "the" else 0] in self._joins and all(
            word in self._joins or word in (",", "the", "my", "our") for word in words)

    def _claimed(self, at: int, to: int) -> bool:
        return any(start <= at and to <= end for what in (*_KINDS, What.DENIAL) for start, end, _ in self._by[what])

    # ── what turns a claim ───────────────────────────────────────────────────────────────────────────────────────────

    def _turned(self, start: int, end: int) -> str:
        by = self._by
        if by[What.NEGATION] or by[What.UNREAL] or by[What.OTHERS]:
            begin, _ = self._around(start, _CLAUSE)
            for what, most in _TURNED:
                for at, to, _ in by[what]:
                    if begin <= at < start and self.text.count(" ", min(to, start), start) - 1 <= most and not (
                            what is What.OTHERS and any(to <= me < start for me, _, _ in by[What.MYSELF])):
                        return self.text[at:to]
        begin, stop = self._around(start, _SENTENCE)
        return self._many(begin, start, end, stop) or self._past(begin, stop) or self._namesake(start)

    def _many(self, begin: int, start: int, end: int, stop: int) -> str:
        for word in self.text[begin:start].split()[-CLOSE:]:
            if _MANY.fullmatch(word):
                return word
        if not any(end <= at and self._between(end, at) <= AFTER for at, _, _ in self._by[What.OTHERS]):
            return ""
        after = self.text[end:stop].split()[:AFTER]
        return next((word for word in after if _MANY.fullmatch(word)), "")

    def _unhelpful(self, start: int, end: int) -> str:
        """The whole advice, where nothing beside it says that it helps ("turn off the TV")."""
        needed, outside = self._helps, [hit for hit in self._by[What.HELPS] if hit[1] <= start or hit[0] >= end]
        return self.text[start:end] if needed and not outside else ""

    def _past(self, begin: int, stop: int) -> str:
        """Words of a time long past, unless it is said to last until now ("no internet since last week")."""
        found = [self.text[at:to] for at, to, _ in self._by[What.PAST] if begin <= at < stop]
        return found[0] if found and not self._by[What.LASTING] and not self._still() else ""

    def _namesake(self, start: int) -> str:
        """Another thing of our own name in the same clause: its trouble is not ours."""
        if not self._by[What.NAMESAKE]:
            return ""
        begin, stop = self._around(start, _CLAUSE)
        for at, to, _ in self._by[What.NAMESAKE]:
            if begin <= at < stop and any(at <= first and last <= to for first, last, _ in self._by[What.OPERATOR]):
                return self.text[at:to]
        return ""

    def _again(self, end: int) -> bool:
        return any(0 <= self._between(end, at) <= 2 for at, _, _ in self._by[What.LASTING])

    # ── places in the text ───────────────────────────────────────────────────────────────────────────────────────────

    def _around(self, at: int, marks: tuple[str, ...]) -> tuple[int, int]:
        """Where the clause or the sentence around a place begins and ends."""
        begin = max(self.text.rfind(mark, 0, at) for mark in marks) + 1
        ends = [found for mark in marks if (found := self.text.find(mark, at)) >= 0]
        return begin, min(ends, default=len(self.text))

    def _between(self, end: int, start: int) -> int:
        """Words between the end of one phrase and the start of the next; -1 where the second does not follow."""
        return self.text.count(" ", end, start) - 1 if start >= end else -2


def _longest_first(hit: Hit) -> tuple[int, int]:
    return hit[0], -hit[1]


def _cuts(mask: Hit, claim: Hit) -> bool:
    """Whether a denial overlaps a claim that does not hold all of it."""
    start, end, _ = claim
    return start < mask[1] and mask[0] < end and not (
        start <= mask[0] and mask[1] <= end and mask[1] - mask[0] < end - start)


def _within(hit: Hit, spans: Sequence[Hit]) -> bool:
    return any(start <= hit[0] and hit[1] <= end for start, end, _ in spans)


