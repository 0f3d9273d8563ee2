"""How patiently deliveries are made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from notifier.model.settings import Duration, Settings


class LostAnswer(StrEnum):
    """What to do when an answer was lost, and the far side was read and does not have the message."""

    RESEND = "resend"
    """Send it again: better twice, should the far side have hidden it from us, than never."""
    HOLD = "hold"
    """End it as failed: better never than twice."""


class FailoverSettings(Settings):
    """When a channel's standby takes over, and how its own account comes back. Applies to every channel that has a
    standby."""

    in_a_row: int = Field(default=3, ge=1, le=50)
    """Attempts that fail one after the other before the standby takes over."""
    share: float = Field(default=0.5, gt=0, le=1)
    """Share of failed attempts at which it does."""
    least: int = Field(default=10, ge=1, le=50)
    """Attempts the share is taken of at least; at most the newest 50."""
    window: Duration = timedelta(minutes=2)
    """How long an attempt counts in the share; of those in a row every one does."""
    slow_after: Duration = timedelta(seconds=8)
    """An answer that takes longer counts as failed, and so does a request that has had none for so long."""
    quiet_first: Duration = timedelta(minutes=2)
    """How long an account is left alone after it failed, before one message tries it; doubles with each relapse."""
    quiet_most: Duration = timedelta(minutes=30)
    """Longest such time; an account that was well for so long has no relapse but a first failure."""
    dwell: Duration = timedelta(seconds=30)
    """Where both accounts fail: how long each is tried before the other is again."""


class DeliverySettings(Settings):
    """Sending, trying again, and settling what nobody answered. Applies to every channel."""

    lease: Duration = timedelta(minutes=2)
    """How long a worker may hold what it claimed. Never taken for less than half a minute and the longest attempt of
    the channel, so that no attempt outlives it."""
    batch: int = Field(default=20, ge=1, le=1000)
    """Deliveries claimed at once."""
    rate: float = Field(default=10.0, gt=0)
    """Messages a second on a channel that names no rate of its own."""
    attempts: int = Field(default=20, ge=1, le=50)
    """Attempts before a delivery is given up: with the waits below, those of somewhat over an hour. Attempts that say
    nothing of the message do not count: no connection, a limit that is reached, an account that is barred."""
    retry_first: Duration = timedelta(seconds=5)
    """Wait before the second attempt; doubles with each further one."""
    retry_most: Duration = timedelta(minutes=5)
    """Longest wait between two attempts, unless the provider asks for longer."""
    unknown_after: Duration = timedelta(seconds=30)
    """How long after a lost answer the far side is first read; longer than any request can still be under way."""
    unknown_again: Duration = timedelta(minutes=1)
    """Wait before the far side is read again when it could not tell."""
    unsettled_after: Duration = timedelta(minutes=30)
    """How long a delivery may stay unknown before a person has to look."""
    lost: Mapping[str, LostAnswer] = Field(default_factory=dict)
    """By kind of channel: resend or hold what the far side does not have; resend where not named."""
    second_waits: tuple[Duration, ...] = Field(
        default=(timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=10)), max_length=10)
    """Waits before the first, second … further message where a carrier took an SMS and gave it up for what may pass
    (the handset was off, a queue was full); [] for none. Each is paid for like any other."""
    second_in_doubt: LostAnswer = LostAnswer.HOLD
    """The same where it says only that nobody knows (Twilio 30008). Held by default: the message may have arrived, and
    twice is what we promise not to do; its person still gets the all-clear."""
    stop_first: Duration = timedelta(minutes=1)
    """How long a channel stops after a fault of the account or of ours; doubles while the fault lasts."""
    stop_most: Duration = timedelta(minutes=30)
    """Longest such stop."""
    failover: FailoverSettings = Field(default_factory=FailoverSettings)
    """When a channel's standby takes over."""
