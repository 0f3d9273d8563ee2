"""What channels are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ..model.delivery import Message, Outcome
from ..model.people import AddressKind


@dataclass(frozen=True, slots=True)
class Found:
    """The far side has it. `also`: others there that look just the same, any of which may be it. `account`: the channel
    whose account has it, where that is not the one that was asked."""

    provider_id: str
    also: tuple[str, ...] = ()
    account: str | None = None


@dataclass(frozen=True, slots=True)
class NotFound:
    """The far side was read as far back as needed and does not have it."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The far side could not be read, or cannot be asked; `why` is for staff."""

    why: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`."""

    subject: str
    ok: bool
    text: str


class Channel(Protocol):
    """Somewhere notices go."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def mode(self) -> str:
        """ "test" or "live": what the credentials are for."""
        ...

    @property
    def reaches(self) -> AddressKind | None:
        """The kind of address it sends to; None: a public account or a webhook."""
        ...

    @property
    def keyed_for(self) -> timedelta:
        """How long after the first attempt repeating the same message is harmless; zero where it never is."""
        ...

    def send(self, message: Message, now: datetime) -> Outcome:
        """One attempt. Never raises for anything the far side can do; UNKNOWN wherever it may have been accepted. A
        channel that says how many may be under way (`at_once`) is called from so many threads."""
        ...

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """Read the far side for a message whose answer was lost."""
        ...

    def check(self) -> Sequence[Finding]:
        """Try credentials and connection without sending anything."""
        ...
