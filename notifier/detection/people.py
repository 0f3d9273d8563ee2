"""Counts people, not posts: one angry customer is one, a copied text is one, a repost is none.

A spike of posts is most often one post passed on. Each post is counted as a person who says something of their own, as
a copy of what another said, or not at all, and the answer says why. Followers, likes and reach are nowhere: a popular
voice is one voice. Nothing here reads a clock; every time is an argument, in seconds since 1970. Memory is bounded: who
was heard longest ago is forgotten first.

`voice_of` holds no state and may run anywhere. `Copies` (by copy key) and `People` (by person) are two states that may
live on two machines: a text's copies meet by `Voice.text.keys[0]`, a person's posts by `Voice.person`.

What is counted, what cannot be known, and how it was measured: docs/CROWD.md.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from ..model.mention import Mention
from .copies import NOTHING_OF_ITS_OWN, Copies, Text, own_part, read_post, word_list
from .words import fold, plain, split

WHATS_MOST = 6
"""Services, and recoveries of services, one author counts for within `once`: a power cut takes broadband, television
and telephone with it; who names more is a robot that lists what is down."""
NEW_FREE = 4
"""New accounts that count whatever their share: below the five people without whom nothing is ever a spike, so that new
accounts alone start none."""
NEW_SHARE = 0.5
"""From then on they count while they are no more than this share of all people counted lately."""
LATELY_HALF = 600.0
"""Seconds in which what was counted "lately" halves."""
NEW_ACCOUNT = 7 * 86_400
"""Seconds for which an account is new."""
_SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
_SNOWFLAKE_FIRST = 699_000_000_000_000_000
"""X gives its accounts numbers that hold their time, as its posts' do (milliseconds since the epoch above, shifted by
22 bits), since 16 February 2016, the first seen being 699570924048162816; earlier ones are below 5·10⁹."""
_BARE = NOTHING_OF_ITS_OWN.union(word_list(
    "same here me also as well still again anyone else us we i my our the a is at it's its and so very "
    "yo también tambien igual aquí aqui moi aussi ici pareil ich auch hier bei mir"))
"""Words that with a symptom say no more than the symptom."""


class Counted(StrEnum):
    """What a post counts as."""

    PERSON = "person"
    COPY = "copy"
    NOTHING = "nothing"


class Why(StrEnum):
    """The reason, in words."""

    SPEAKS = "speaks for the first time, in words of their own"
    REPEATS = "was counted already"
    PASSES_ON = "passes on what another said"
    COPIES = "has the words of another post"
    JOINS_IN = "says nothing of its own, to a post others answer alike or from a new account like others"
    NEW_ACCOUNT = "is a new account, as most that speak lately are"
    MANY_SERVICES = "says of too many services that they fail"


class Tally(NamedTuple):
    """What one post counts as, and why."""

    counted: Counted
    why: Why


_REPEATS = Tally(Counted.NOTHING, Why.REPEATS)
_SPEAKS = Tally(Counted.PERSON, Why.SPEAKS)


class Voice(NamedTuple):
    """What of a post matters for counting; numbers that do not tell names. `text` None: too short to be a copy. `like`:
    what makes it one with others although it is short, 0 for nothing: the post answered where no more is said than the
    symptom, else a new account's words."""

    person: int
    text: Text | None
    like: int = 0
    passed_on: bool = False
    new_account: bool = False


def voice_of(mention: Mention, symptom: Iterable[str] = ()) -> Voice:
    """What of a post matters for counting; `symptom`: the phrases that made it a complaint (Verdict.words). Linear in
    the post's length; never raises."""
    words, text = read_post(mention.text)
    new = is_new_account(mention)
    like = 0
    if text is None and mention.reply_to and not _says_more(words, symptom):
        like = number(f"{mention.network}\n{mention.reply_to}")
    elif text is None and new:
        like = number(" ".join(words))
    return Voice(person_of(mention), text, like, is_repost(mention, symptom), new)


def is_repost(mention: Mention, symptom: Iterable[str] = ()) -> bool:
    """Whether somebody passes on what another said and does not say it themselves: the network's mark, or RT by hand
    with no words of their own but "so true!". With `symptom`, one of its phrases must be in words of their own."""
    if mention.is_repost:
        return True
    own, by_hand = own_part(mention.text)
    if not by_hand:
        return False
    said = {word.folded for word in split(own)}.union(plain(own).split())
    phrases = [phrase.split() for phrase in symptom]
    return not (any(said.issuperset(phrase) for phrase in phrases) if phrases else _says_more(said, ()))


def person_of(mention: Mention) -> int:
    """The person who posted, as a number that does not tell the name; the post itself where the author is missing. The
    same name on two networks is two people: nothing says that they are one."""
    name = f"a\n{mention.author}" if mention.author else f"p\n{mention.id}"
    return number(f"{mention.network}\n{name}")


def is_new_account(mention: Mention) -> bool:
    """Whether the account was made within NEW_ACCOUNT before the post; False where its number does not tell. Only X's
    does: Bluesky's are hashes, Mastodon's are names, and names like "user4711" are what exports call everybody."""
    author = mention.author
    if mention.network != "x" or not author or len(author) > 19 or not (author.isascii() and author.isdigit()):
        return False
    made = int(author)
    if made < _SNOWFLAKE_FIRST:
        return False
    return 0 <= mention.created_at.timestamp() - ((made >> 22) + _SNOWFLAKE_EPOCH_MS) / 1000 < NEW_ACCOUNT


def number(text: str) -> int:
    """56 bits that stand for a text, the same on every machine."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=7).digest())


@lru_cache(maxsize=4096)
def _of(what: str) -> int:
    return number(what)


def _says_more(words: Iterable[str], symptom: Iterable[str]) -> bool:
    said = {word for phrase in symptom for spelt in (phrase, phrase.replace(" is ", "s ")) for word in spelt.split()}
    return any(word not in _BARE and fold(word) not in said for word in words)


class Remembered:
    """Things with a number each, at most `most`; the least lately used go first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.seen: OrderedDict[int, int] = OrderedDict()

    def put(self, key: int, value: int) -> None:
        """Remember, as the last used."""
        self.seen[key] = value
        self.seen.move_to_end(key)
        if len(self.seen) > self.most:
            self.seen.popitem(last=False)

    def load(self, kept: Iterable[Iterable[Any]]) -> None:
        """Take in pairs of a dump. Raises ValueError or TypeError for what no dump holds."""
        merging = bool(self.seen)
        for key, value in kept:
            self.seen[int(key)] = max(int(value), self.seen.get(int(key), 0))
        if merging or len(self.seen) > self.most:
            self.seen = OrderedDict(sorted(self.seen.items(), key=lambda item: item[1])[-self.most:])


class Lately:
    """How many were counted lately, by a number; each count halves every LATELY_HALF seconds. At most `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.counts: OrderedDict[int, tuple[float, int]] = OrderedDict()

    def of(self, key: int, at: int) -> float:
        """How many, as seen at `at`."""
        count, last = self.counts.get(key, (0.0, at))
        return float(count * 0.5 ** (max(at - last, 0) / LATELY_HALF))

    def add(self, key: int, at: int) -> None:
        """Count one more."""
        known = self.counts.get(key)
        if known is None:
            self.counts[key] = (1.0, at)
            if len(self.counts) > self.most:
                self.counts.popitem(last=False)
            return
        count, last = known
        self.counts[key] = (count * 0.5 ** ((at - last) / LATELY_HALF) + 1, at) if at > last else (count + 1, last)
        self.counts.move_to_end(key)

    def load(self, kept: Iterable[Iterable[Any]]) -> None:
        """Take in a dump. Raises ValueError or TypeError for what no dump holds."""
        merging = bool(self.counts)
        for key, count, last in kept:
            if not 0 <= float(count) < 1e12:
                raise ValueError(f"{count} where a count belongs")
            known = self.counts.get(int(key), (0.0, 0))
            self.counts[int(key)] = max(known, (float(count), int(last)), key=lambda one: one[1])
        if merging or len(self.counts) > self.most:
            self.counts = OrderedDict(sorted(self.counts.items(), key=lambda item: item[1][1])[-self.most:])


class People:
    """Who was counted, for what. A person counts once within `once` seconds for a service, wherever; as a copy once,
    too. At most `most` entries: one for a person and service, one for a person.

    An entry is twice the second it was made, plus one where the person has spoken for themselves.
    """

    def __init__(self, *, once: int, most: int) -> None:
        self.once = once
        self.authors = Remembered(most)
        self.services = Remembered(most)
        """By person: a second times 8, and how many services were counted since."""
        self.lately = Lately(most)

    def count(self, voice: Voice, what: str, at: int, copied: Why | None) -> Tally:
        """What a post counts as for `what` (a service, or a service's recovery). `copied`: why it is no statement of
        its author's own, as `Crowd.copied` tells."""
        about = _of(what)
        key = voice.person ^ about
        known = self.authors.seen.get(key)
        fresh = known is None or abs(at - (known >> 1)) >= self.once
        if known is not None and not fresh and (known & 1 or copied is not None):
            return _REPEATS
        if copied is None and voice.new_account:
            copied = self._too_many_new(about, at)
        if copied is not None:
            if not fresh:
                return _REPEATS
            self.authors.put(key, at << 1)
            return Tally(Counted.COPY, copied)
        if not self._another_service(voice.person, at):
            return Tally(Counted.NOTHING, Why.MANY_SERVICES)
        self.authors.put(key, at << 1 | 1)
        self.lately.add(about, at)
        if voice.new_account:
            self.lately.add(1 ^ about, at)
        return _SPEAKS

    def _too_many_new(self, about: int, at: int) -> Why | None:
        new = self.lately.of(1 ^ about, at)
        return Why.NEW_ACCOUNT if new >= NEW_FREE and new > NEW_SHARE * self.lately.of(about, at) else None

    def _another_service(self, person: int, at: int) -> bool:
        known = self.services.seen.get(person, 0)
        since, services = (known >> 3, known & 7) if abs(at - (known >> 3)) < self.once else (at, 0)
        if services >= WHATS_MOST:
            return False
        self.services.put(person, since << 3 | services + 1)
        return True

    def forget(self, now: int) -> None:
        """Let go of what can no longer matter."""
        for seen, bits in ((self.authors.seen, 1), (self.services.seen, 3)):
            while seen and next(iter(seen.values())) >> bits < now - self.once:
                seen.popitem(last=False)
        while self.lately.counts and next(iter(self.lately.counts.values()))[1] < now - 20 * LATELY_HALF:
            self.lately.counts.popitem(last=False)


class Crowd:
    """Copies and people on one machine. `once` and `copies` are seconds; `most` bounds each memory."""

    def __init__(self, *, once: int, copies: int, most: int) -> None:
        self.copies = Copies(within=copies, most=most)
        self.alike = Copies(within=copies, most=most)
        """By `Voice.like`: who was first."""
        self.people = People(once=once, most=most)

    def count(self, voice: Voice, what: str, at: int) -> Tally:
        """What a post counts as for `what` (a service, or a service's recovery), and why."""
        return self.people.count(voice, what, at, self.copied(voice, at))

    def copied(self, voice: Voice, at: int) -> Why | None:
        """Why a post is no statement of its author's own; None where it is one. Its text is remembered."""
        if voice.passed_on:
            if voice.text is not None:
                self.copies.renew(voice.text, at)
            return Why.PASSES_ON
        if voice.text is not None:
            return Why.COPIES if self.copies.holder(voice.text, voice.person, at) != voice.person else None
        if voice.like and self.alike.holder(Text("", False, (voice.like,)), voice.person, at) != voice.person:
            return Why.JOINS_IN
        return None

    def forget(self, now: int) -> None:
        """Let go of what can no longer matter."""
        self.copies.forget(now - self.copies.within)
        self.people.forget(now)
        self.alike.forget(now - self.alike.within)

    def dump(self) -> dict[str, Any]:
        """Plain numbers and hashed words: no name and no text."""
        return {"texts": self.copies.dump(), "alike": self.alike.dump(),
                "authors": list(self.people.authors.seen.items()),
                "services": list(self.people.services.seen.items()),
                "lately": [[key, *count] for key, count in self.people.lately.counts.items()]}

    def load(self, kept: Any) -> None:
        """Take in a dump, this machine's or another's: what both know stays as the later heard it. Raises ValueError,
        TypeError or KeyError for what no dump holds."""
        self.copies.load(kept["texts"])
        self.alike.load(kept["alike"])
        self.people.authors.load(kept["authors"])
        self.people.services.load(kept["services"])
        self.people.lately.load(kept["lately"])
