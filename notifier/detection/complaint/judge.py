"""The verdicts on a post: what the words say, corrected by a model where there is one.

Phrases from YAML are read in every language at once. What news and promotions say is not a complaint even where it is
about an outage: "200,000 without power" is one voice about many, and counting it as a customer would count the
newspaper.

The model is asked where a service or our own name is spoken of. It adds a complaint that the words miss from its
`threshold` on, and takes back one of the words below its `veto`; what is a recovery or a workaround to the words stays
that. Measured on CrisisLex T26, one event left out at a time, among the 481 posts that name a service: words alone
find 16 of 66 with 23 false, the model alone (at 0.3) 18 with 14 false, either of them 31 with 31 false. So the model
may add, and its veto is kept low, where it costs the words little.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from ...model.mention import Mention
from ...model.service import Service
from ..settings import Vocabulary
from ..words import plain
from .model import EXPLAIN, CannotUse, Model, read
from .phrases import NAMING, TELLING, Phrases
from .reading import Claim, Reading
from .verdict import Kind, Verdict

log = structlog.get_logger(__name__)

_WEIGHT = (Kind.WORKAROUND, Kind.COMPLAINT, Kind.RECOVERY)
"""Weightiest first: what helps is rare and precious; a failure outweighs what else works again."""
_ORDER = (Kind.COMPLAINT, Kind.RECOVERY, Kind.WORKAROUND)
"""What a service's word is when it has several: the later one here."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the words say of one post. `against`: the words that turned its claims; `named`: the services it speaks of,
    by their words or by our own name; `features`: what a model looks at, empty where it is not asked."""

    verdicts: tuple[Verdict, ...] = ()
    against: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    features: frozenset[str] = frozenset()

    @property
    def asks(self) -> bool:
        """Whether a model is asked: something is said of a service, or at least one is named."""
        return bool(self.named or self.verdicts)

    @property
    def complains(self) -> bool:
        """Whether the words find a complaint."""
        return any(one.kind is Kind.COMPLAINT for one in self.verdicts)


_NOTHING = Read()


class Judge:
    """The vocabulary, made ready. Reading a post takes time in proportion to its length."""

    def __init__(self, vocabulary: Vocabulary, services: Mapping[str, Service], *, learning: bool = False) -> None:
        """Opens the vocabulary's model; one that cannot be used is logged, and words alone decide. `learning`: leave
        the model alone, and read what a model would be fitted to."""
        self.hash = _hash(vocabulary, services)
        self._model = None if learning else _opened(vocabulary, self.hash)
        self._threshold = vocabulary.model_threshold
        self._learning = learning
        telling = TELLING | NAMING if self._model else TELLING
        self._phrases = Phrases(vocabulary, services, None if learning else telling)
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
        found = self.read(mention.text)
        verdicts = self._corrected(found)
        return verdicts[0] if verdicts else Verdict(Kind.NONE, (), found.against)

    def verdicts(self, mention: Mention) -> tuple[Verdict, ...]:
        """Every verdict on one post, weightiest first, each service in one of them: "power is back but the internet is
        down" is a complaint of one and a recovery of the other. Empty where the post is nothing to us."""
        return self._corrected(self.read(mention.text))

    def against(self, text: str) -> tuple[str, ...]:
        """The words that decided against something a text seems to say, whatever else it says."""
        return self.read(text).against

    def explain(self, mention: Mention) -> tuple[tuple[str, float], ...]:
        """The words that weigh with the model, with their weights in log odds ("down" +0.9), heaviest first; those with
        "=" are what the vocabulary said. Empty where no model is asked."""
        found = self.read(mention.text)
        return self._model.explain(found.features) if self._model and found.features else ()

    def read(self, text: str) -> Read:
        """What the words alone say of a text."""
        spelt = self._phrases.text(text)
        hits = self._phrases.find(spelt)
        if not hits and not self._learning:
            return _NOTHING
        reading = Reading(spelt, hits, joins=self._joins, helps=self._helps, still=lambda: self._phrases.still(text))
        void = reading.void()
        claims = [] if void else reading.claims()
        standing = [claim for claim in claims if not claim.turned]
        if not standing and not void and (sarcastic := reading.sarcasm()) is not None:
            standing = [sarcastic]
        verdicts = tuple(_by_service(standing)) if standing else ()
        against = (void,) if void else tuple(dict.fromkeys(
            (*(claim.turned for claim in claims if claim.turned), *reading.denied())))
        if not self._learning and self._model is None:
            return Read(verdicts, against)
        named = reading.named()
        if not (named or verdicts or self._learning):
            return Read(verdicts, against)
        said = (f"=says {one.kind}" for one in verdicts)
        return Read(verdicts, against, named, frozenset((*spelt.split(), *reading.marks(), *said)))

    def _corrected(self, found: Read) -> tuple[Verdict, ...]:
        model = self._model
        if model is None or not found.features:
            return found.verdicts
        sure = model.probability(found.features)
        if found.complains:
            kept = tuple(one for one in found.verdicts if one.kind is not Kind.COMPLAINT)
            return found.verdicts if sure >= model.veto else kept
        taken = {service for one in found.verdicts for service in one.services}
        services = tuple(sorted(set(found.named) - taken))
        if sure < (model.threshold if self._threshold is None else self._threshold) or not services:
            return found.verdicts
        words = tuple(word for word, weight in model.explain(found.features) if weight > 0 and word[0] != "=")
        added = Verdict(Kind.COMPLAINT, services, words[:EXPLAIN])
        return tuple(sorted((*found.verdicts, added), key=lambda one: _WEIGHT.index(one.kind)))


def _opened(vocabulary: Vocabulary, current: str) -> Model | None:
    if vocabulary.model is None:
        return None
    try:
        model = read(Path(vocabulary.model))
    except CannotUse as error:
        log.error("complaint.model_refused", path=vocabulary.model, why=f"{error}; words alone decide")
        return None
    if model.vocabulary != current:
        log.warning("complaint.model_of_other_words", path=vocabulary.model,
                    why="the vocabulary changed since it was fitted; fit it again with `notifier train`")
    return model


def _hash(vocabulary: Vocabulary, services: Mapping[str, Service]) -> str:
    """Of all that decides what a model sees in a post."""
    words = vocabulary.model_dump_json(exclude={"model", "model_threshold", "nowhere", "not_places"})
    names = [(one.id, one.name, sorted(one.names.values()), one.words) for one in services.values()]
    return hashlib.sha256(f"{words}\n{sorted(names)}".encode("utf-8", "replace")).hexdigest()[:16]


def _by_service(claims: list[Claim]) -> Iterable[Verdict]:
    """One verdict a kind; each service in that of its own last word. What helps outweighs the trouble it is for, and
    "back" outweighs the trouble that is over, unless that has come again."""
    if len(claims) == 1:
        claim = claims[0]
        yield Verdict(claim.kind, tuple(sorted(claim.services)), (claim.words,))
        return
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
    if before.kind is Kind.RECOVERY and claim.kind is Kind.COMPLAINT:
        return claim.again and claim.at > before.at
    return _ORDER.index(claim.kind) > _ORDER.index(before.kind)
