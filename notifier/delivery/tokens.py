"""One channel's share of its limits: what a turn of its sender may claim, what it spends, and what providers say of it.

Limits are kept in the store, where all nodes and channels that share them meet; here is only what one turn took and
has not yet sent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from notifier import metrics
from notifier.model.delivery import Delivery, Message, Outcome
from notifier.model.limit import Limit, Told, Wait, length
from notifier.ports import Channel, Store, StoreUnavailable

log = structlog.get_logger(__name__)

LOOK_AGAIN = timedelta(seconds=1)
"""However long a limit is said to keep a channel back, it is looked as often as this whether that is still so: what
cannot wait may have come, which finds more room than what can, or another node has given something back."""
THROTTLED = timedelta(seconds=8)
"""An account that may not be asked for longer than this is taken for closed, where another stands in for it."""
WORTH = timedelta(seconds=1)
"""What flows in again by itself within so long is not worth a transaction to give back."""


def limits_of(channel: Channel, rate: float) -> tuple[Limit, ...]:
    """The channel's limits, its sender's own first; where it names none, `rate` messages a second."""
    named: tuple[Limit, ...] = getattr(channel, "limits", ())
    return named or (Limit.flowing(f"channel/{channel.id}", getattr(channel, "rate", None) or rate),)


class Tokens:
    """The limits of one sender. Used by its loop's thread only."""

    def __init__(self, channel: Channel, store: Store, rate: float, queue: str | None = None) -> None:
        """`rate`: messages a second of a channel that names no limit. `queue`: the channel whose deliveries it sends,
        if not its own."""
        self._channel = channel.id
        self._queue = queue or channel.id
        self._store = store
        self.limits = limits_of(channel, rate)
        self._weigh: Callable[[Message], float] = getattr(channel, "weigh", lambda message: 1.0)
        self._reserved = self._spent = 0.0
        self._reserved_at: datetime | None = None
        self._told = Told()
        self.wait: Wait | None = None
        """What the channel waits for, as far as was found out."""
        self._look_at: datetime | None = None

    @property
    def _provider(self) -> Limit:
        """The limit a provider's word is about: that of the account with the shortest window, else the sender's."""
        return self.limits[1] if len(self.limits) > 1 else self.limits[0]

    def claim(self, most: int, lease: timedelta, now: datetime) -> tuple[tuple[Delivery, Message], ...]:
        """Take what is due and may leave now, at most `most`. Raises StoreUnavailable."""
        self._tell(now)
        if self._look_at is not None and self._look_at - LOOK_AGAIN <= now < self._look_at:
            return ()
        found = self._store.claim_within(self._queue, self.limits, self._weigh, most, lease, now)
        self._reserved = sum(self._weigh(message) for _, message in found.deliveries)
        self._spent, self._reserved_at = 0.0, now
        self._show(found.wait, now)
        return found.deliveries

    def spend(self, message: Message) -> None:
        """Count what is being sent: what is not by the end of the turn is given back."""
        self._spent += self._weigh(message)

    def heard(self, outcome: Outcome, now: datetime) -> bool:
        """Take in what the provider says of its limits. False: it takes nothing more for now."""
        if outcome.told is None:
            return True
        before, told = self._told, outcome.told
        left = [some for some in (before.remaining, told.remaining) if some is not None]
        ends = [some for some in (before.until, told.until) if some is not None]
        self._told = Told(min(left, default=None), max(ends, default=None))
        return told.until is None or told.until <= now

    def throttled(self, now: datetime) -> bool:
        """Whether the provider said that it takes nothing for so long that the account is as good as closed. Our own
        pace is no such word."""
        by_store = self.wait.until if self.wait is not None and self.wait.told else None
        return any(until is not None and until - now > THROTTLED for until in (self._told.until, by_store))

    def end_turn(self, now: datetime) -> None:
        """Give back what was not sent and pass on what the provider said. Where the store cannot be used, what was
        said is kept for the next turn, and what was not sent is lost, which is the safe way."""
        unspent, at = self._reserved - self._spent, self._reserved_at
        self._reserved = self._spent = 0.0
        try:
            if at and unspent > 0 and any(length(limit, unspent) >= now - at + WORTH for limit in self.limits):
                self._store.give_back(self.limits, unspent, at, now)
                self._look_at = None
            self._tell(now)
        except StoreUnavailable as error:
            log.warning("limit.not_kept", channel=self._channel, error=str(error))

    def _tell(self, now: datetime) -> None:
        told = self._told
        if told == Told():
            return
        self._store.tighten(self._provider, told, now)
        self._told = Told()
        if told.until is not None and told.until > now:
            log.warning("limit.told", channel=self._channel, limit=self._provider.name, until=told.until.isoformat())
            self._show(Wait(self._provider.name, told.until, told=True), now)

    def _show(self, wait: Wait | None, now: datetime) -> None:
        if self.wait is not None and (wait is None or wait.limit != self.wait.limit):
            metrics.LIMIT_WAIT.labels(self._channel, self.wait.limit).set(0)
        self.wait = wait
        self._look_at = None if wait is None else min(wait.until, now + LOOK_AGAIN)
        if wait is not None:
            metrics.LIMIT_WAIT.labels(self._channel, wait.limit).set((wait.until - now).total_seconds())
