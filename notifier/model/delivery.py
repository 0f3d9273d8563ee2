"""Deliveries: one notice to one address on one channel, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .limit import Told
from .notice import Mode, Stage


class DeliveryState(StrEnum):
    """Where a delivery stands. FAILED, DELIVERED, CANCELLED, EXPIRED and SUPPRESSED are final; SENT is final unless a
    provider's callback moves it to DELIVERED or FAILED, or to PENDING for a second attempt; UNKNOWN is reconciled,
    never blindly repeated."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"


_D = DeliveryState
DELIVERY_MOVES: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    # to UNKNOWN: the database was put back from a backup, and the message may have been sent since;
    # to SENT or DELIVERED: of a message before this one, whose answer had been lost or which had been given up
    _D.PENDING: frozenset(
        {_D.CLAIMED, _D.UNKNOWN, _D.CANCELLED, _D.EXPIRED, _D.SUPPRESSED, _D.SENT, _D.DELIVERED}
    ),
    _D.CLAIMED: frozenset(
        {_D.PENDING, _D.SENT, _D.DELIVERED, _D.FAILED, _D.UNKNOWN, _D.CANCELLED, _D.EXPIRED, _D.SUPPRESSED}
    ),
    _D.SENT: frozenset({_D.DELIVERED, _D.FAILED, _D.PENDING}),
    _D.UNKNOWN: frozenset({_D.PENDING, _D.SENT, _D.DELIVERED, _D.FAILED, _D.CANCELLED, _D.EXPIRED}),
    _D.DELIVERED: frozenset(),
    _D.FAILED: frozenset(),
    _D.CANCELLED: frozenset(),
    _D.EXPIRED: frozenset(),
    _D.SUPPRESSED: frozenset(),
}


class Reason(StrEnum):
    """Why an outcome or a final state is what it is: a closed list, and the label of the metrics."""

    NONE = "none"
    ACCEPTED = "accepted"
    ADOPTED = "adopted"
    """Found on the far side when an answer had been lost."""
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    UNREACHABLE = "unreachable"
    """Certainly not sent: no connection was made."""
    LOST_ANSWER = "lost_answer"
    """Sent or not, nobody told us."""
    CRASHED = "crashed"
    """Our process ended between the start of sending and its record."""
    RESTORED = "restored"
    """The database was put back from a backup: it may have been sent since."""
    DUPLICATE = "duplicate"
    INVALID_ADDRESS = "invalid_address"
    RECIPIENT_GONE = "recipient_gone"
    MAILBOX_FULL = "mailbox_full"
    """The recipient is there and cannot take it: the address stays good."""
    OPTED_OUT = "opted_out"
    CONTENT_REFUSED = "content_refused"
    TOO_LONG = "too_long"
    FILTERED = "filtered"
    AUTHENTICATION = "authentication"
    FORBIDDEN = "forbidden"
    OUT_OF_CREDIT = "out_of_credit"
    NOT_PERMITTED = "not_permitted"
    """Geography, sender registration or account state forbids it."""
    BAD_ANSWER = "bad_answer"
    KILL_SWITCH = "kill_switch"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    NOT_TOLD_BEFORE = "not_told_before"
    QUIET_HOURS = "quiet_hours"
    MODE_MISMATCH = "mode_mismatch"
    TOO_LATE = "too_late"
    GAVE_UP = "gave_up"
    UNSETTLED = "unsettled"
    """Unknown for so long that a person has to look."""
    ERASED = "erased"
    CHANNEL_REMOVED = "channel_removed"
    CHANNEL_FAILS = "channel_fails"
    """The channel rides on the service that fails: nobody would get it in time."""
    LEASE_LOST = "lease_lost"
    """The claim ran out, or was taken over, before sending began: nothing was sent by this holder."""


class OutcomeKind(StrEnum):
    """What a provider answered, in the only four ways a sender can act on."""

    SENT = "SENT"
    RETRY = "RETRY"
    """Not accepted, or `in_doubt`; may be sent again."""
    REJECTED = "REJECTED"
    """Never to be repeated for this delivery."""
    UNKNOWN = "UNKNOWN"
    """May have been accepted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A provider's answer to one attempt.

    `retry_at`: not before then (RETRY only). `stops_channel`: the fault is ours or the account's, so that the channel
    must stop and raise the alarm rather than burn the rest of the queue. `in_doubt`: it may have been accepted, and may
    be sent again all the same, since the far side knows it by its key (RETRY only). `told`: what the provider told of
    its limits for the account or sender, whatever became of this message. `detail` holds no secret and no address.
    """

    kind: OutcomeKind
    reason: Reason
    provider_id: str | None = None
    retry_at: datetime | None = None
    stops_channel: bool = False
    in_doubt: bool = False
    detail: str = ""
    told: Told | None = None

    @property
    def counts(self) -> bool:
        """Whether it says anything of this message. An account that is barred, a limit that is reached or a network
        that is down says nothing: however long that lasts, the message waits for as long as its notice lives."""
        blameless = self.stops_channel or self.reason in (Reason.UNREACHABLE, Reason.RATE_LIMITED)
        return not (self.kind is OutcomeKind.RETRY and blameless)


@dataclass(frozen=True, slots=True)
class Message:
    """All a channel may know of a delivery. `key` is the same on every attempt and differs between deliveries;
    `created_at` is frozen at planning, so that a repeated record is byte-identical."""

    delivery: str
    key: str
    channel: str
    address: str
    language: str
    body: str
    created_at: datetime
    expires_at: datetime
    mode: Mode
    incident: str
    stage: Stage
    subject: str | None = None
    html: str | None = None
    unsubscribe_url: str | None = None
    sensitive: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of the outbox. `address` is "" on public channels, which have one audience. `token` fences: only the
    holder of the newest token may settle. `began_at` is set, durably, before the first byte leaves: a claimed row with
    it and without an outcome may have been sent."""

    id: str
    notice: str
    incident: str
    stage: Stage
    sequence: int
    channel: str
    address: str
    language: str
    mode: Mode
    created_at: datetime
    not_before: datetime
    expires_at: datetime
    subscriber: str | None = None
    state: DeliveryState = DeliveryState.PENDING
    reason: Reason = Reason.NONE
    attempts: int = 0
    """Those that say something of this message: see Outcome.counts."""
    priority: int = 100
    """Lower goes first: public accounts, then people."""
    token: int = 0
    leased_until: datetime | None = None
    began_at: datetime | None = None
    settled_at: datetime | None = None
    provider_id: str | None = None
    detail: str = ""
    route: str | None = None
    """The channel whose account the newest attempt asked: `channel` itself, or the one that stands in for it. Written
    with `began_at`; None before the first attempt."""
    doubt_since: datetime | None = None
    """First attempt that may have been accepted, where that was never ruled out; None: there is no doubt."""


Own = tuple[str, str, str, int]
"""What a delivery has of its own among those alike: id, address, subscriber, priority."""
Alike = tuple[Delivery, Sequence[Own]]
"""Deliveries that are like one but in what each has of its own: a million of them need not be made one by one."""
