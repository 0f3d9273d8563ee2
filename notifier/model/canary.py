"""A canary: the few people of a channel who are told first, so that what becomes of it decides about the rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .delivery import DeliveryState, Reason


class CanaryState(StrEnum):
    """Where the wave of one notice on one channel stands. DROPPED and ENDED are final."""

    HOLDS = "holds"
    """The first have been queued; the rest waits for what becomes of them."""
    WATCHED = "watched"
    """The rest is on its way, and is looked at while it goes out."""
    STOPPED = "stopped"
    """Too many of those tried met the same: a person lets the rest go on, or drops it."""
    DROPPED = "dropped"
    """A person said that the rest is not to be told."""
    ENDED = "ended"
    """Nobody of it waits any more: all were told, or the notice is over."""

    @property
    def is_open(self) -> bool:
        """Whether there is still something to decide."""
        return self not in (CanaryState.DROPPED, CanaryState.ENDED)


@dataclass(frozen=True, slots=True)
class Canary:
    """One wave. `people`: how many the notice reaches on the channel in all; `size`: how many go first. `due_at`: when
    the first may go out. `since`: only deliveries begun at or after it are looked at, so that a person who lets a
    stopped wave go on is not overruled by what they have seen; None: all. `changed_at`, `why` and `actor` tell of the
    newest state. `stopped_channel`: the value the channel's stop switch was given, to be taken back with the stop; ""
    where it was not touched."""

    notice: str
    channel: str
    incident: str
    state: CanaryState
    people: int
    size: int
    due_at: datetime
    changed_at: datetime
    why: str = ""
    actor: str = "canary"
    since: datetime | None = None
    stopped_channel: str = ""


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of one delivery so far. `began_at` None: nothing has been sent."""

    state: DeliveryState
    reason: Reason
    began_at: datetime | None
