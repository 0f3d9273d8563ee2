"""Whether this node gets through to a channel's far side at all.

Where it does not, what waits is left alone, and one message tries the way now and then: a queue of thousands that
knocks every five seconds helps nobody. Kept in memory, by each node for itself, since another node's way may be open.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from notifier.model.delivery import Outcome, OutcomeKind, Reason

from .order import doubled

log = structlog.get_logger(__name__)

IN_A_ROW = 5
"""Messages that made no connection, one after another, after which it is taken for closed."""
PAUSE_FIRST = timedelta(seconds=5)
PAUSE_MOST = timedelta(minutes=1)
"""Between two tries: soon enough that an acknowledgement leaves within a minute of the network's return."""


class Reach:
    """The way from here to one channel's far side. Used by its sender's thread only."""

    def __init__(self, channel: str) -> None:
        self._channel = channel
        self._missed = 0
        self._until: datetime | None = None

    @property
    def closed(self) -> bool:
        """Whether nobody was reached lately: one message at a time is enough to find out."""
        return self._missed >= IN_A_ROW

    def waits(self, now: datetime) -> bool:
        """Whether it is too soon for the next try. A clock that went back does not prolong it."""
        return self._until is not None and self._until - PAUSE_MOST <= now < self._until

    def heard(self, outcome: Outcome, now: datetime) -> bool:
        """Take in what an attempt came to; False: nothing more is to be tried now."""
        if outcome.kind is not OutcomeKind.RETRY or outcome.reason is not Reason.UNREACHABLE:
            if self.closed:
                log.info("channel.reached_again", channel=self._channel)
            self._missed, self._until = 0, None
            return True
        self._missed += 1
        if self.closed:
            wait = doubled(PAUSE_FIRST, PAUSE_MOST, self._missed - IN_A_ROW)
            self._until = now + wait
            log.warning("channel.unreachable", channel=self._channel, tried=self._missed, seconds=wait.total_seconds())
        return not self.closed
