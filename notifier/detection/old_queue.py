"""Our own accounts answer last night's posts while an outage goes on and nothing has been said: the story this product
must never repeat. From public replies alone; pure but for its bounded memory, every time is an argument.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from ..model.mention import Mention
from ..model.post_ids import posted_at

LATELY = timedelta(minutes=30)
"""Replies older than this say nothing of what is answered now."""
GRACE = timedelta(minutes=10)
"""So long after an outage began nobody is blamed for the queue before it."""
LEAST = 3
"""Dated replies without which nothing is concluded …"""
SHARE = 0.75
"""… and the share of them that answers what was posted before the outage."""
REPLIES_MOST = 500
HEARD_MOST = 20_000
"""Posts remembered by when they were written, of networks whose ids do not tell."""


@dataclass(frozen=True, slots=True)
class OwnPost:
    """One post of our own. `answers` is when the answered post was written (None: it answers none, or nobody knows);
    `speaks_of` are the services it says something is wrong with."""

    at: datetime
    account: str
    answers: datetime | None = None
    is_reply: bool = False
    speaks_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spike:
    """An outage under way. `where` and `what` are names for people, `timezone` the region's."""

    service: str
    regions: tuple[str, ...]
    began: datetime
    what: str
    where: str
    timezone: str = "UTC"
    acknowledged: bool = False
    incident: str = ""


@dataclass(frozen=True, slots=True)
class OldQueue:
    """Our accounts answer posts that are `older` than the outage (median), and nothing has been said of it."""

    spike: Spike
    account: str
    older: timedelta
    why: str


def old_queue(own: Sequence[OwnPost], spike: Spike, now: datetime) -> OldQueue | None:
    """Whether our accounts work through an old queue while this outage goes on unacknowledged; the reason in words.
    None also where too few replies can be dated."""
    if spike.acknowledged or now - spike.began < GRACE:
        return None
    if any(spike.service in one.speaks_of and one.at >= spike.began for one in own):
        return None
    replies = [one for one in own if one.answers is not None and max(now - LATELY, spike.began) <= one.at <= now]
    before = [one for one in replies if one.answers is not None and one.answers < spike.began]
    if len(replies) < LEAST or len(before) < SHARE * len(replies):
        return None
    typical = datetime.fromtimestamp(median(one.answers.timestamp() for one in before if one.answers), now.tzinfo)
    account = max(before, key=lambda one: one.at).account
    zone = ZoneInfo(spike.timezone)
    why = (f"{account} is answering posts from {_clock(typical, now, zone)}; {spike.what} has been failing in "
           f"{spike.where} since {_clock(spike.began, now, zone)} and nothing has been said")
    return OldQueue(spike, account, spike.began - typical, why)


def _clock(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    here, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (today - here.date()).days
    day = "" if days == 0 else " yesterday" if days == 1 else f" on {here:%-d %B}"
    return f"{here:%H:%M}{day}"


class OwnAccounts:
    """Our accounts and what they posted lately. `accounts`: by name for people ("@GMMobile"), each "network:author" as
    listeners give it: "x:2244994945" (X's number), "bluesky:did:plc:…", "mastodon:care@social.example"."""

    def __init__(self, accounts: Mapping[str, Iterable[str]]) -> None:
        self._names = {account.casefold(): name for name, listed in accounts.items() for account in listed}
        self.posts: deque[OwnPost] = deque(maxlen=REPLIES_MOST)
        self._heard: OrderedDict[tuple[str, str], datetime] = OrderedDict()
        self._own_ids: deque[tuple[str, str]] = deque(maxlen=REPLIES_MOST)
        """Network and id of what we posted lately: who goes on with that answers nobody."""

    def name_of(self, mention: Mention) -> str | None:
        """The name of our account that posted this; None for anybody else."""
        return self._names.get(f"{mention.network}:{mention.author}".casefold()) if mention.author else None

    def hear(self, mention: Mention, now: datetime, speaks_of: tuple[str, ...] = ()) -> bool:
        """Take in a post. True where it is our own, which is never a customer's complaint."""
        if not self._names:
            return False
        name = self.name_of(mention)
        if name is None:
            if posted_at(mention.network, mention.id, now) is None:
                self._heard[mention.network, mention.id] = mention.created_at
                if len(self._heard) > HEARD_MOST:
                    self._heard.popitem(last=False)
            return False
        is_reply = bool(mention.reply_to) and not self._is_own(mention.network, mention.reply_to or "")
        self._own_ids.append((mention.network, mention.id))
        answers = self._answered(mention, now) if is_reply else None
        self.posts.append(OwnPost(min(mention.created_at, now), name, answers, is_reply, speaks_of))
        return True

    def continue_from(self, before: OwnAccounts) -> None:
        """Take over what was heard under another configuration, as far as the accounts are still ours."""
        ours = set(self._names.values())
        self.posts.extend(one for one in before.posts if one.account in ours)
        self._heard.update(before._heard)
        self._own_ids.extend(before._own_ids)

    def _is_own(self, network: str, id: str) -> bool:
        """Whether a post is ours: one we heard, or one whose id names us (at://DID/…)."""
        author = id.removeprefix("at://").partition("/")[0] if network == "bluesky" else ""
        return (network, id) in tuple(self._own_ids) or f"{network}:{author}".casefold() in self._names

    def _answered(self, mention: Mention, now: datetime) -> datetime | None:
        """When the post was written that this one answers: as its listener says, as we heard it, or by its id."""
        told = mention.reply_to_at
        if told is not None and told <= mention.created_at:
            return told
        answered = mention.reply_to or ""
        return self._heard.get((mention.network, answered)) or posted_at(mention.network, answered, now)

    def lately(self, since: datetime) -> tuple[OwnPost, ...]:
        """What our accounts posted from then on, as far as it is kept."""
        kept = tuple(self.posts)  # at once: listeners add to it from their threads
        return tuple(one for one in kept if one.at >= since)
