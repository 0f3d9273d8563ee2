"""Channels that send nothing: they write what they would have sent into a book, and answer as an honest provider does.

Replay uses them in place of every configured channel, so that the outbox, its order and its gates run as in the
daemon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..model.channel import ChannelProfile
from ..model.delivery import Message, Outcome, OutcomeKind, Reason
from ..model.people import AddressKind
from ..ports import CannotTell, Finding, Found, NotFound


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as it would have left, and when."""

    at: datetime
    message: Message


@dataclass
class BookChannel:
    """A channel with the profile of a configured one; `book` holds what was accepted, in order."""

    profile: ChannelProfile
    book: list[Entry] = field(default_factory=list)
    rate: float = 1_000_000.0
    keyed_for: timedelta = timedelta(0)

    @property
    def id(self) -> str:
        """The configured channel's id."""
        return self.profile.id

    @property
    def kind(self) -> str:
        """The configured channel's kind."""
        return self.profile.kind

    @property
    def mode(self) -> str:
        """The configured channel's mode."""
        return self.profile.mode.value

    @property
    def reaches(self) -> AddressKind | None:
        """What the configured channel reaches."""
        return self.profile.reaches

    def send(self, message: Message, now: datetime) -> Outcome:
        """Write it down."""
        self.book.append(Entry(now, message))
        return Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id=f"book-{self.id}-{len(self.book)}")

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """Look it up in the book."""
        for number, entry in enumerate(self.book, start=1):
            if entry.message.delivery == message.delivery:
                return Found(f"book-{self.id}-{number}")
        return NotFound()

    def check(self) -> Sequence[Finding]:
        """A book has no credentials."""
        return (Finding(self.id, True, "writes into a book, sends nothing"),)
