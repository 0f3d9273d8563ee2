"""How far our clock is ahead of a far side's, so that our own post there does not seem older than its notice.

A post is looked for from the moment its notice was planned, by our clock, and was written at a moment of the far
side's. Where ours runs ahead by more than the minute that is always allowed for, the post would be passed over, and
written again. Every answer tells the far side's time (RFC 9110, Date).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from notifier.model.delivery import Message
from notifier.model.times import utc

from .wire import HttpAnswer

CLOCKS_DIFFER = timedelta(minutes=1)
"""How much earlier than our own record a post may always seem to have been written."""
AHEAD_MOST = timedelta(days=1)
"""Further off than this is no clock but a mistake."""


class FarClock:
    """A far side's clock, as its latest answer told. `ahead`: how far ours is ahead of it, zero where it is not."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def heard(self, answer: HttpAnswer, now: datetime) -> HttpAnswer:
        """Take the time from an answer that was asked for at `now`, and hand the answer on."""
        try:
            date = utc(parsedate_to_datetime(answer.headers.get("date", "")))
        except (ValueError, TypeError, IndexError, OverflowError):
            return answer
        self.ahead = min(max(now - date, timedelta()), AHEAD_MOST)
        return answer

    def earliest(self, message: Message, now: datetime) -> datetime:
        """When the far side may have written this message's post at the earliest, by its own clock. A message from the
        future was planned by a clock that has been put back since."""
        return min(message.created_at, now) - CLOCKS_DIFFER - self.ahead
