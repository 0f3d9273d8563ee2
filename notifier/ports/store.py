"""The one place where anything is kept, and how it says that it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from ..model.canary import Fate
from ..model.delivery import Delivery, DeliveryState, Message, Outcome, Reason
from ..model.limit import Limit, Told
from ..model.people import AudienceSizes
from .speaking import CannotTell, Found, NotFound
from .transaction import Claimed, Transaction


class Store(Protocol):
    """The one place where anything is kept. Methods outside `transaction` are transactions of their own, made for the
    sender: each is one durable step of the send path."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin; commit on leaving, roll back on an exception. Raises StoreUnavailable when it cannot be kept."""
        ...

    def reading(self) -> AbstractContextManager[Transaction]:
        """The same for who only reads: what it sees is of one moment, and nobody waits for it nor it for anybody,
        where the database can do that. Nothing may be written in it."""
        ...

    def audience_sizes(self, regions: Iterable[str], service: str, incident: str) -> AudienceSizes:
        """How many `Transaction.audience` would hold, and whom the incident told; counted beside whoever writes, so
        that a large audience keeps nobody waiting."""
        ...

    def audience_numbers(self, regions: Iterable[str], service: str, after: str = "") -> Sequence[int]:
        """Numbers of the subscribers `Transaction.audience` would hold, in the order of addresses, from the first
        behind the address `after`; read beside whoever writes. Who comes or goes meanwhile may or may not be among
        them, and a number may be another's by then: look each up again in the transaction that uses it. Memory: eight
        bytes for each."""
        ...

    def look_back(self, now: datetime) -> None:
        """Look whether the database is older than what was sent from here: then it was put back from a backup, and
        what it holds as undelivered from before becomes UNKNOWN (restored), for it may have been sent since. `begin`
        and `hand_over` do so by themselves every some seconds; this is for the start and the end."""
        ...

    def fates(self, notice: str, channel: str, *, sampled: bool) -> tuple[Fate, ...]:
        """What has become so far of the deliveries of a notice on a channel, in the order their sending began, and
        beside them those that have not begun; `sampled`: of one in 32, whichever by the hash their id is. Read beside
        whoever writes. For at most some hundred thousand."""
        ...

    def claim(self, channel: str, limit: int, lease: timedelta, now: datetime) -> tuple[tuple[Delivery, Message], ...]:
        """Take due pending deliveries of a channel, in order of priority then age, with a new fencing token each.
        Nothing while the kill switch is on. A delivery waits while an earlier notice of the same incident to the same
        (channel, address) is pending, claimed or unknown; not for a second attempt that is pending: it is overtaken."""
        ...

    def claim_within(
        self,
        channel: str,
        limits: Sequence[Limit],
        weigh: Callable[[Message], float],
        most: int,
        lease: timedelta,
        now: datetime,
    ) -> Claimed:
        """`claim`, as many as all `limits` allow and `most`, and take what they weigh from the limits: all in one
        transaction, so that a crash loses either both or neither, and where nothing is due nothing is written. What is
        due first goes first. `weigh` is pure. Cost: the limits' rows, however much was sent."""
        ...

    def give_back(self, limits: Sequence[Limit], unspent: float, reserved_at: datetime, now: datetime) -> None:
        """Put back into the limits what `claim_within` took at `reserved_at` and nobody sent, as far as it still
        counts (model.limit.give_back)."""
        ...

    def tighten(self, limit: Limit, told: Told, now: datetime) -> None:
        """Have all who share a limit go by what the provider told, where that allows less; else nothing is written."""
        ...

    def begin(self, delivery: str, token: int, now: datetime, route: str | None = None) -> Reason | None:
        """The last gate before the first byte: checks token, lease, expiry, kill switch, opt-out, the notice's state
        and that a resolve goes only to someone told, and records that sending began and which channel's account is
        asked: `route`, None its own. One that an earlier attempt by another route may have brought is refused. None:
        go; else why not, and the delivery has been put where that reason says."""
        ...

    def settle(self, delivery: str, token: int, outcome: Outcome, now: datetime) -> bool:
        """Record an outcome. False when the token is no longer the newest: then nothing was changed, except that
        SENT by a late holder still settles a delivery that has become UNKNOWN or waits to be sent again (then True),
        and marks one that has ended as doubtful, so that the all-clear is owed to it."""
        ...

    def hand_over(
        self, settled: Sequence[tuple[str, int, Outcome]], begun: Sequence[tuple[str, int]], now: datetime,
        route: str | None = None,
    ) -> tuple[tuple[bool, ...], tuple[Reason | None, ...]]:
        """`settle` each of (delivery, token, outcome), then `begin` each of (delivery, token) by `route`, in one
        transaction: what waits for a disk is the transaction. Returns what each would have returned, in their order."""
        ...

    def expired_leases(self, now: datetime) -> int:
        """Return claims whose lease has passed: to PENDING where sending had not begun, else to UNKNOWN (crashed)."""
        ...

    def unknowns(
        self, limit: int, lease: timedelta, now: datetime, *, asked: str | None = None, overdue: timedelta = timedelta()
    ) -> tuple[tuple[Delivery, Message], ...]:
        """Take UNKNOWN deliveries due for reconciling, oldest first; nobody else is given them for `lease`. `asked`:
        only those that the account of this channel was asked to send; `overdue`: only those due for so long."""
        ...

    def unheld(
        self, delivery: str, provider_ids: Sequence[str], account: str | None = None
    ) -> tuple[str, ...] | None:
        """Those of the far side's numbers that no other delivery of the same channel and account has, in their order.
        `account`: the channel whose account they are of; None: that which the delivery was asked of.
        None while another delivery to the same address has begun and is not answered: any may be that one's."""
        ...

    def reconcile(
        self,
        delivery: str,
        token: int,
        result: Found | NotFound | CannotTell,
        now: datetime,
        *,
        again_at: datetime | None,
        resend: bool,
    ) -> bool:
        """What was found out of an unknown delivery that was taken with `token`. False, and nothing was changed, where
        it is unknown no more or has become so anew: what was read then says nothing of the newest attempt.

        Found: SENT (adopted). NotFound and `resend`: PENDING again; NotFound without it: FAILED. CannotTell: look
        again at `again_at`; None: escalate, FAILED (unsettled). CannotTell and `resend`: PENDING again with its doubt
        kept, for channels whose key makes repeating harmless."""
        ...

    def callback(
        self, provider_id: str, state: DeliveryState, reason: Reason, now: datetime, delivery: str | None = None,
        route: str | None = None, *, again: Sequence[datetime] = (),
    ) -> DeliveryState | None:
        """A provider's later word. Moves only as DELIVERY_MOVES allows; late or doubled ones change nothing.
        Where another delivery of the same channel already has that number, the word is about that one. `route`: the
        channel whose provider speaks; that an attempt by one route failed says nothing of a later one by the other.
        FAILED for LOST_ANSWER leaves a doubt: the message may have arrived, and its person is owed the all-clear; so
        does DELIVERED for what has ended otherwise.

        `again`: when the first, second … further message may leave after one that FAILED; the delivery then goes back
        to PENDING, unless its notice has too little life left, a cancel came or a later notice goes to the same person.
        Of a message before the newest only DELIVERED counts: it spares the next, or is true all the same.
        Returns the state it moved the delivery to; None where nothing moved."""
        ...

    def expire(self, now: datetime) -> int:
        """End pending deliveries whose time has passed."""
        ...

    def leads(self) -> bool:
        """Take, or keep, the right to listen and decide for the deployment; True while this node has it. To be asked
        every second or two: a node that says nothing is taken for dead. True where no other node could be there."""
        ...

    def leading(self) -> Store:
        """This store for what only who leads may do: its transactions raise StoreUnavailable, and keep nothing, once
        this node has lost that right, even before it knows."""
        ...

    def ahead(self, now: datetime) -> timedelta | None:
        """How far `now` is ahead of the clock of the database all nodes share; None where it is this machine's."""
        ...

    def on_outbox(self, ring: Callable[[], None]) -> None:
        """Have `ring` called, from whatever thread, once any node has added deliveries; it must not wait. A hint: some
        are called in vain, and one may be lost."""
        ...

    def close(self) -> None: ...


class StoreUnavailable(Exception):
    """The store could not keep what it was given (disk full, locked, gone): nothing was changed; stop sending until it
    can."""


class StaleWrite(Exception):
    """Somebody else changed the row in between: read it again and decide anew."""
