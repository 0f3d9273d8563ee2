"""Clusters of the same advice with who says that it helps and who that it does not: candidates for staff.

Pure and bounded: every time is an argument, in seconds since 1970; persons are numbers that do not tell names. Ranking
asks what share of those who tried a thing it helped, at worst: the lower end of Wilson's interval (E. B. Wilson,
"Probable inference, the law of succession, and statistical inference", JASA 22, 1927, 209-212) at 95 %. Two of two give
0.34, nine of ten 0.60, forty of fifty 0.67.
"""

from __future__ import annotations

import json
import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..words import split
from .advice import Advice, told
from .scams import why_not
from .wording import cleaned, sentence_with

KEEP = 6 * 3600
"""Seconds after which what somebody said is forgotten."""
CLUSTERS_MOST = 200
PEOPLE_MOST = 500
"""People kept of one cluster; whom more than 500 say needs no further counting."""
WORDINGS_MOST = 20
POSTS_MOST = 2_000
"""Posts whose advice is remembered for those who answer "tried that"."""
SAMPLES = 3
LEAST = 2
"""People without whom advice is one person's fancy."""
_Z = 1.96


class Said(NamedTuple):
    """One post as the miner hears it. `post` and `answers` are numbers of posts, 0 where there is none."""

    at: int
    person: int
    service: str
    region: str
    text: str
    post: int = 0
    answers: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """Advice worth a person's look. `wording` is cleaned and in customers' words; `samples` are cleaned posts."""

    advice: Advice
    wording: str
    people: int
    failed: int
    first: int
    last: int
    regions: tuple[str, ...]
    samples: tuple[str, ...]

    @property
    def worth(self) -> float:
        """Lower end of Wilson's interval for the share of those whom it helped."""
        return wilson(self.people, self.people + self.failed)


class Word(NamedTuple):
    """What one person said last: when, where, and whether it helped."""

    at: int
    region: str
    helps: bool


@dataclass(slots=True)
class Cluster:
    """One piece of advice for one service."""

    people: OrderedDict[int, Word] = field(default_factory=OrderedDict)
    wordings: list[tuple[int, int, str, str]] = field(default_factory=list)
    """(when, person, sentence, post) of those who say that it helps."""


class Miner:
    """Everything customers advise, for KEEP seconds."""

    def __init__(self) -> None:
        self.clusters: OrderedDict[tuple[str, Advice], Cluster] = OrderedDict()
        self.posts: OrderedDict[int, tuple[int, str, Advice]] = OrderedDict()

    def hear(self, said: Said) -> bool:
        """Take in one post. False where it gives no advice, says nothing of any, or must not be offered."""
        found = told(said.text)
        if found is None or why_not(said.text):
            return False
        advice = found.advice
        if advice is None:
            known = self.posts.get(said.answers)
            if known is None:
                return False
            advice = known[2]
            said = said._replace(service=known[1])
        cluster = self._cluster((said.service, advice), create=found.helps)
        if cluster is None:
            return False
        cluster.people[said.person] = Word(said.at, said.region, found.helps)
        cluster.people.move_to_end(said.person)
        if len(cluster.people) > PEOPLE_MOST:
            cluster.people.popitem(last=False)
        if found.helps:
            self._word(cluster, said, advice)
        return True

    def _cluster(self, key: tuple[str, Advice], *, create: bool) -> Cluster | None:
        cluster = self.clusters.get(key)
        if cluster is None and create:
            cluster = self.clusters[key] = Cluster()
            if len(self.clusters) > CLUSTERS_MOST:
                del self.clusters[min(self.clusters, key=lambda one: (len(self.clusters[one].people), one != key))]
        return self.clusters.get(key)

    def _word(self, cluster: Cluster, said: Said, advice: Advice) -> None:
        if all(person != said.person for _, person, _, _ in cluster.wordings):
            post = cleaned(said.text)[:200]
            cluster.wordings = [*cluster.wordings, (said.at, said.person, sentence_with(said.text, advice), post)]
            cluster.wordings = cluster.wordings[-WORDINGS_MOST:]
        if said.post:
            self.posts[said.post] = (said.at, said.service, advice)
            if len(self.posts) > POSTS_MOST:
                self.posts.popitem(last=False)

    def offers(self, service: str, within: Callable[[str], bool], most: int = 3) -> tuple[Offer, ...]:
        """The best advice for a service, of people in regions `within` holds for, and of those whose region nobody
        knows (""); best first, at most `most`."""
        found = [_offer(advice, cluster, within) for (of, advice), cluster in self.clusters.items() if of == service]
        worth = [one for one in found if one is not None and one.people >= LEAST and one.people > one.failed]
        return tuple(sorted(worth, key=lambda one: (-one.worth, -one.people, one.advice))[:most])

    def forget(self, now: int) -> None:
        """Drop what was said more than KEEP seconds ago."""
        for key, cluster in list(self.clusters.items()):
            for person in [who for who, word in cluster.people.items() if word.at < now - KEEP]:
                del cluster.people[person]
            cluster.wordings = [one for one in cluster.wordings if one[0] >= now - KEEP]
            if not cluster.people:
                del self.clusters[key]
        while self.posts and next(iter(self.posts.values()))[0] < now - KEEP:
            self.posts.popitem(last=False)

    def dump(self) -> dict[str, Any]:
        """Plain numbers and strings, without names of authors."""
        return {"clusters": [[service, *advice, [[who, *word] for who, word in cluster.people.items()],
                              [list(one) for one in cluster.wordings]]
                             for (service, advice), cluster in self.clusters.items()],
                "posts": [[post, at, service, *advice] for post, (at, service, advice) in self.posts.items()]}

    def load(self, kept: Any) -> None:
        """Continue from a dump. Raises ValueError, TypeError or KeyError for what no dump holds."""
        self.clusters.clear()
        self.posts.clear()
        for service, action, thing, people, wordings in kept["clusters"]:
            self.clusters[str(service), Advice(str(action), str(thing))] = Cluster(
                OrderedDict((int(who), Word(int(at), str(region), bool(helps))) for who, at, region, helps in people),
                [(int(at), int(who), str(sentence), str(post)) for at, who, sentence, post in wordings])
        for post, at, service, action, thing in kept["posts"]:
            self.posts[int(post)] = (int(at), str(service), Advice(str(action), str(thing)))


def _offer(advice: Advice, cluster: Cluster, within: Callable[[str], bool]) -> Offer | None:
    heard = {who: word for who, word in cluster.people.items() if not word.region or within(word.region)}
    helped = [word for word in heard.values() if word.helps]
    said = [one for one in cluster.wordings if one[1] in heard and heard[one[1]].helps]
    if not helped or not said:
        return None
    regions = Counter(word.region for word in helped if word.region)
    return Offer(advice, _most_used([sentence for _, _, sentence, _ in said]), len(helped), len(heard) - len(helped),
                 min(word.at for word in helped), max(word.at for word in helped),
                 tuple(sorted(regions, key=lambda one: (-regions[one], one))[:10]),
                 tuple(dict.fromkeys(post for _, _, _, post in said))[:SAMPLES])


def _most_used(sentences: list[str]) -> str:
    """The sentence whose words most others use too; the first heard of equals."""
    used: Counter[str] = Counter()
    for sentence in sentences:
        used.update({word.folded for word in split(sentence)})

    def common(sentence: str) -> float:
        words = {word.folded for word in split(sentence)}
        return sum(used[word] for word in words) / max(len(words), 1)

    return max(sentences, key=common)


def wilson(hits: int, of: int) -> float:
    """Lower end of Wilson's 95 % interval for a share; 0 of nothing."""
    if not of:
        return 0.0
    share = hits / of
    centre = share + _Z * _Z / (2 * of)
    half = _Z * math.sqrt(share * (1 - share) / of + _Z * _Z / (4 * of * of))
    return max(0.0, (centre - half) / (1 + _Z * _Z / of))


def facts_of(offers: Iterable[Offer]) -> dict[str, str]:
    """Offers as facts of a signal: "workaround" holds the best one's words, "workaround_2" the next one's, and with
    "_said" after it what is known of it, as JSON (see `Offer`; times are seconds since 1970)."""
    found: dict[str, str] = {}
    for number, offer in enumerate(offers, start=1):
        name = "workaround" if number == 1 else f"workaround_{number}"
        found[name] = offer.wording
        found[f"{name}_said"] = json.dumps(
            {"advice": " ".join(offer.advice), "people": offer.people, "failed": offer.failed, "first": offer.first,
             "last": offer.last, "regions": offer.regions, "samples": offer.samples}, ensure_ascii=False)
    return found
