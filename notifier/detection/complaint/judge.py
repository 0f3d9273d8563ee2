"""The verdicts on a post: a first reading that staff can follow by eye.

Phrases from YAML are read in every language at once. What news and promotions say is not a complaint even where it is
about an outage: "200,000 without power" is one voice about many, and counting it as a customer would count the
newspaper.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...model.mention import Mention
from ...model.service import Service
from ..settings import Vocabulary
from ..words import plain
from .phrases import Phrases
from .reading import Claim, Reading
from .verdict import Kind, Verdict

_WEIGHT = (Kind.WORKAROUND, Kind.COMPLAINT, Kind.RECOVERY)
"""Weightiest first: what helps is rare and precious; a failure outweighs what else works again."""


class Judge:
    """The vocabulary, made ready. Reading a post takes time in proportion to its length."""

    def __init__(self, vocabulary: Vocabulary, services: Mapping[str, Service]) -> None:
        self._phrases = Phrases(vocabulary, services)
        self._helps = bool(vocabulary.helps)
        self._joins = frozenset(word for one in vocabulary.joins for word in plain(one).split())

    def triggers(self) -> frozenset[str]:
        """Folded words without which no post has a verdict: where `Judge.verdicts` finds any, at least one of these
        occurs somewhere in `words.folded(mention.text)`, be it inside a longer word. For filters that look at raw
        posts; that they occur says nothing yet."""
        return self._phrases.triggers()

    def judge(self, mention: Mention) -> Verdict:
        """The weightiest verdict on one post; of the kind NONE, with the words that decided against, where there is
        none."""
        verdicts, against = self._verdicts(mention.text)
        return verdicts[0] if verdicts else Verdict(Kind.NONE, (), against)

    def verdicts(self, mention: Mention) -> tuple[Verdict, ...]:
        """Every verdict on one post, weightiest first, each service in one of them: "power is back but the internet is
        down" is a complaint of one and a recovery of the other. Empty where the post is nothing to us."""
        return self._verdicts(mention.text)[0]

    def _verdicts(self, text: str) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
        spelt = self._phrases.text(text)
        hits = self._phrases.find(spelt)
        if not hits:
            return (), ()
        reading = Reading(spelt, hits, joins=self._joins, helps=self._helps, still=lambda: self._phrases.still(text))
        void = reading.void()
        if void:
            return (), (void,)
        claims = reading.claims()
        standing = [claim for claim in claims if not claim.turned]
        if not standing and (sarcastic := reading.sarcasm()) is not None:
            standing = [sarcastic]
        against = tuple(dict.fromkeys(claim.turned for claim in claims if claim.turned))
        return tuple(_by_service(standing)), against


def _by_service(claims: list[Claim]) -> Iterable[Verdict]:
    """One verdict a kind; each service in that of its own last word. What helps outweighs the trouble it is for, and
    "back" outweighs the trouble that is over, unless that has come again."""
    meant: dict[str, Claim] = {}
    for claim in claims:
        for service in claim.services:
            before = meant.get(service)
            if before is None or _outweighs(claim, before):
                meant[service] = claim
    for kind in _WEIGHT:
        services = sorted(service for service, claim in meant.items() if claim.kind is kind)
        if services:
            words = dict.fromkeys(claim.words for claim in claims
                                  if claim.kind is kind and not set(services).isdisjoint(claim.services))
            yield Verdict(kind, tuple(services), tuple(words))


def _outweighs(claim: Claim, before: Claim) -> bool:
    order = (Kind.COMPLAINT, Kind.RECOVERY, Kind.WORKAROUND)
    if before.kind is Kind.RECOVERY and claim.kind is Kind.COMPLAINT:
        return claim.again and claim.at > before.at
    return order.index(claim.kind) > order.index(before.kind)
