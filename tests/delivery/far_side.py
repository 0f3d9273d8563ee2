"""A channel with a far side that keeps its own ledger: the oracle of every test here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from notifier.model.delivery import Message, Outcome, OutcomeKind, Reason
from notifier.model.limit import Limit
from notifier.model.people import AddressKind
from notifier.ports import CannotTell, Finding, Found, NotFound

SENT = Outcome(OutcomeKind.SENT, Reason.ACCEPTED)
LOST = Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER)
RETRY = Outcome(OutcomeKind.RETRY, Reason.SERVER_ERROR)
REJECTED = Outcome(OutcomeKind.REJECTED, Reason.INVALID_ADDRESS)
BROKEN = Outcome(OutcomeKind.RETRY, Reason.AUTHENTICATION, stops_channel=True)


@dataclass
class FarSide:
    """A provider. `plan` holds (accept it?, answer) for the next attempts; then it accepts and says so.

    With `keyed_for`, a repeated key within that time is answered like the first and not entered again.
    """

    id: str = "sms"
    kind: str = "sms"
    mode: str = "test"
    reaches: AddressKind | None = AddressKind.PHONE
    keyed_for: timedelta = timedelta()
    rate: float = 1000.0
    limits: tuple[Limit, ...] = ()
    weigh: Callable[[Message], float] = lambda message: 1.0
    at_once: int = 1
    attempt_most: timedelta = timedelta(minutes=1)
    readable: bool = True
    ignores_keys: bool = False
    plan: list[tuple[bool, Outcome]] = field(default_factory=list)
    poison: frozenset[str] = frozenset()
    """Addresses it answers as if the account were at fault."""
    ledger: list[Message] = field(default_factory=list)
    keys: dict[str, datetime] = field(default_factory=dict)
    calls: int = 0
    reads: int = 0
    meanwhile: Callable[[], None] = lambda: None

    def send(self, message: Message, now: datetime) -> Outcome:
        self.calls += 1
        self.meanwhile()
        if message.address in self.poison:
            return BROKEN
        accept, outcome = self.plan.pop(0) if self.plan else (True, SENT)
        known = message.key in self.keys and now < self.keys[message.key] + self.keyed_for
        if accept and (self.ignores_keys or not known):
            self.ledger.append(message)
            self.keys[message.key] = now
        return outcome

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        self.reads += 1
        if not self.readable:
            return CannotTell("it cannot be read")
        if any(entry.key == message.key for entry in self.ledger):
            return Found(f"found {message.key}")
        return NotFound()

    def check(self) -> Sequence[Finding]:
        return ()
