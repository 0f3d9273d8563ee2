"""All the stages ask of the world, in the model's words.

A stage takes these as arguments and nothing else from outside; tests hand it fakes, the composition root hands it the
real ones. Each protocol has one contract suite, run on every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

from .model.canary import Canary, Fate
from .model.delivery import Alike, Delivery, DeliveryState, Message, Outcome, Reason
from .model.incident import Incident, Move
from .model.limit import Limit, Told, Wait
from .model.mention import Mention
from .model.notice import Approval, Notice, NoticeState
from .model.people import AddressKind, AudienceSizes, Cohort, Member, Subscriber
from .model.signal import Freshness, Signal
from .model.staff import StaffRequest, Verb
from .model.track import TrackRecord
from .model.workaround import Workaround


class Clock(Protocol):
    """Time. The only places that read the machine's clock are `clock.py` and the libraries we call."""

    def now(self) -> datetime:
        """The time, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        ...

    def wait(self, seconds: float, stop: Callable[[], bool], ring: Event | None = None) -> None:
        """Return after `seconds`, or sooner once `stop()` is true or `ring` is set."""
        ...


# ── Hearing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a source: as in a recording's poll. `headers` have lower-case names."""

    fetched_at: datetime
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """That nothing usable came back, and why; `reason` is one of: unreachable, timed_out, too_large, refused,
    http_status, redirected, bad_encoding, rate_limited, not_listening, internal."""

    fetched_at: datetime
    reason: str
    detail: str = ""
    retry_at: datetime | None = None
    """Not before then, where the far side said so (Retry-After); not part of a recording."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer says.

    `known` False: the answer says nothing (stale, empty where it should not be, truncated, HTML …): `why` says what is
    missing, and `signals` is empty; of a known answer `why` is what staff should know of it (one of several peers did
    not answer). `complete` True: every open trouble of this source is in `signals`, so whatever
    of it was open and is not listed is over; False: silence about a fingerprint means nothing.
    `unplaced` are things the source reported that no region or service could be found for, in words for people.
    `present` are fingerprints still open at the source though no place for them is known here: an edit of the placing
    must not read as their end. `gone` are fingerprints the source has taken back: they end wherever they were told.
    `affirmed` True: that the rest is well was said (components listed as operational, an alert that always fires), not
    merely left out; a list that is only empty is not believed while its neighbours report trouble. `memory` is handed
    back at the next reading (small, text only). `noted` True: `memory` is kept although nothing is known, as where
    single places have told and too few of them are heard; a reading that is known is kept anyway.

    For people who set a source up: `listed` are the things and places the answer names, in trouble or not, as
    (component, group, location); `not_understood` is what it holds that this source cannot make sense of (a word no
    table has, a field that is nowhere), in words. Nothing is decided by them.
    """

    known: bool
    signals: tuple[Signal, ...] = ()
    complete: bool = False
    why: str = ""
    unplaced: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    affirmed: bool = False
    listed: tuple[tuple[str, str, str], ...] = ()
    not_understood: tuple[str, ...] = ()
    memory: Mapping[str, str] = field(default_factory=dict)
    noted: bool = False


class Source(Protocol):
    """Something polled. `fetch` talks to the world and decides nothing; `read` decides and talks to nobody."""

    @property
    def id(self) -> str: ...

    @property
    def every(self) -> timedelta: ...

    @property
    def freshness(self) -> timedelta:
        """How old its last good reading may get before its silence means nothing."""
        ...

    @property
    def host(self) -> str:
        """What the per-host limit counts by."""
        ...

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure: ...

    def read(self, answer: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        """Pure; never raises for anything the far side can send."""
        ...


class MentionSource(Protocol):
    """Something listened to. `listen` runs in a thread of its own, hands each post to `take`, returns when the
    connection ended (the runner starts it again, with back-off) or `stop()` is true, at most some seconds later."""

    @property
    def id(self) -> str: ...

    @property
    def freshness(self) -> timedelta: ...

    def check(self) -> Finding:
        """Try credentials and connection once; takes nothing and moves nothing. For `doctor`."""
        ...

    def listen(self, take: Callable[[Mention], None], alive: Callable[[], None], stop: Callable[[], bool]) -> str:
        """Listen; call `alive` whenever the connection proves itself. Returns why it ended, in words."""
        ...


# ── Speaking ─────────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Keeping ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of one source between polls and restarts."""

    source: str
    freshness: Freshness = Freshness.UNPROVEN
    why: str = ""
    last_known_at: datetime | None = None
    last_try_at: datetime | None = None
    failures: int = 0
    memory: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Deliveries taken to be sent, and what the next one waits for where a limit keeps it back."""

    deliveries: tuple[tuple[Delivery, Message], ...] = ()
    wait: Wait | None = None


class Transaction(Protocol):
    """What can be done within one transaction: either all of it is kept or none."""

    # signals and sources
    def put_signals(self, signals: Iterable[Signal]) -> None:
        """Insert or replace by `Signal.key`; a level OK keeps the row as over. `observed_at` and `started_at` of the
        first telling are kept while the same trouble lasts."""
        ...

    def open_signals(self, now: datetime) -> tuple[Signal, ...]:
        """Signals that are not OK and whose `lasts_until` is None or after `now`, ordered by key."""
        ...

    def ended_signals(self, since: datetime, now: datetime) -> tuple[Signal, ...]:
        """Signals that went OK or ran out between `since` and `now`: level OK, `observed_at` when they ended."""
        ...

    def source_state(self, source: str) -> SourceState | None: ...
    def source_states(self) -> tuple[SourceState, ...]: ...
    def silent_sources(self) -> frozenset[str]:
        """Ids of the sources that are stale, suspect or failing: their silence means nothing."""
        ...

    def put_source_state(self, state: SourceState) -> None: ...

    def put_track_records(self, incident: str, records: Iterable[TrackRecord]) -> None:
        """Keep what the sources were worth in an incident that has ended, in place of what was kept of it before."""
        ...

    def track_records(self, since: datetime) -> tuple[TrackRecord, ...]:
        """Records of incidents that ended at or after `since`, by source, oldest first."""
        ...

    # incidents
    def incident(self, id: str) -> Incident | None: ...
    def incidents(self, *, open_only: bool = False, since: datetime | None = None) -> tuple[Incident, ...]:
        """Ordered by `opened_at`, then id."""
        ...

    def put_incident(self, incident: Incident, move: Move | None) -> None:
        """Insert, or update where the stored version is `incident.version - 1`; raises StaleWrite otherwise.
        A move whose `before` equals its `after` is kept too: confirmation of what is already acknowledged, widening,
        holding."""
        ...

    def moves(self, incident: str) -> tuple[Move, ...]: ...
    def next_incident_id(self, now: datetime) -> str:
        """ "I" + yymmdd + "-" + number of the day, never handed out twice."""
        ...

    def link_evidence(self, incident: str, signals: Iterable[Signal]) -> None:
        """Keep these signals as the incident's evidence for good (by key; the strongest score and first times stay)."""
        ...

    def evidence_of(self, incident: str) -> tuple[Signal, ...]: ...

    # notices
    def put_notice(self, notice: Notice) -> None:
        """Insert or replace by id. A maintenance notice's `incident` is "M-" + the window's id: no incident has it."""
        ...

    def notice(self, id: str) -> Notice | None: ...
    def notices(self, *, incident: str | None = None, state: NoticeState | None = None) -> tuple[Notice, ...]:
        """Ordered by incident, then sequence."""
        ...

    def put_approval(self, approval: Approval) -> None: ...
    def approvals(self, notice: str) -> tuple[Approval, ...]: ...

    # outbox
    def add_deliveries(self, deliveries: Iterable[Delivery]) -> int:
        """Insert those whose (notice, channel, address) is not there yet; returns how many were new."""
        ...

    def add_alike(self, deliveries: Iterable[Alike]) -> int:
        """`add_deliveries` for many."""
        ...

    def deliveries(
        self,
        *,
        notice: str | None = None,
        incident: str | None = None,
        state: DeliveryState | None = None,
        limit: int | None = None,
    ) -> tuple[Delivery, ...]: ...
    def cancel_deliveries(
        self,
        *,
        incident: str | None = None,
        notice: str | None = None,
        reason: Reason,
        now: datetime,
        stages: Iterable[str] | None = None,
        channel: str | None = None,
    ) -> int:
        """Cancel what is pending or claimed-but-not-begun; what has begun cannot be called back, but no other attempt
        follows it, not even where it was sent and is given up later. `channel`: only there. Of a notice with very many
        deliveries some are ended now and the others by `go_on_cancelling`; none of them begins once this has
        committed, whatever becomes of it. Returns how many were ended."""
        ...

    def go_on_cancelling(self, now: datetime) -> bool:
        """End some more of what was cancelled; False where all of it has ended."""
        ...

    def told(self, incident: str) -> frozenset[tuple[str, str]]:
        """(channel, address) of every delivery of this incident, and of those merged into it, that is sent, delivered
        or unknown: whom the all-clear and a correction are owed to."""
        ...

    def begun(self, incident: str) -> frozenset[tuple[str, str]]:
        """(channel, address) of every delivery of this incident that is being sent this moment."""
        ...

    def told_after(self, incident: str, after: tuple[str, str], limit: int) -> tuple[tuple[str, str], ...]:
        """The next `limit` of those this incident itself told (none merged into it), in the order of channel and
        address; ("", "") begins."""
        ...

    def told_among(
        self, incident: str, channels: Iterable[str], addresses: Iterable[str]
    ) -> frozenset[tuple[str, str]]:
        """Those of `told` on one of these channels at one of these addresses."""
        ...

    # canaries
    def put_canary(self, canary: Canary) -> None:
        """Insert or replace by (notice, channel)."""
        ...

    def canary(self, notice: str, channel: str) -> Canary | None: ...
    def canaries(self, *, incident: str | None = None) -> tuple[Canary, ...]:
        """Those of an incident, or all that are open, by notice and channel."""
        ...

    def waits_on(self, notice: str, channel: str) -> bool:
        """Whether a delivery of this notice is pending on this channel."""
        ...

    # people
    def some_of_audience(
        self, regions: Iterable[str], service: str, limit: int, kind: AddressKind | None = None
    ) -> tuple[Subscriber, ...]:
        """At most `limit` of `audience`, whoever is found at once, by address; none says nothing of the rest. `kind`:
        only people with such an address, and then none says that there are none. Ids are hashes of addresses, so whom
        it finds of a region has nothing to do with their network or provider."""
        ...

    def more_than(self, regions: Iterable[str], incident: str, most: int) -> bool:
        """Whether more than `most` may hear something: subscribers of `regions`, or deliveries of this incident and
        those merged into it. Cheap however many there are; may say True where consent, services or outcomes leave
        fewer, never False where there are more."""
        ...

    def cohorts(self, numbers: Iterable[int], service: str) -> Mapping[Cohort, Sequence[Member]]:
        """Those of `Store.audience_numbers` that are still there, have not opted out and want this service."""
        ...

    def subscribers_at(self, kind: AddressKind, addresses: Iterable[str]) -> tuple[Subscriber, ...]:
        """Subscribers at these addresses, in any spelling, that have not opted out, by id."""
        ...

    def audience(self, regions: Iterable[str], service: str) -> tuple[Subscriber, ...]:
        """Subscribers not opted out whose regions are in `regions` (already expanded by the caller to all regions it
        covers and all above) and whose services are empty or hold `service`; ordered by id."""
        ...

    def subscriber(self, id: str) -> Subscriber | None: ...
    def subscribers(self, after: str = "", limit: int = 1000) -> tuple[Subscriber, ...]: ...
    def put_subscriber(self, subscriber: Subscriber) -> None:
        """Insert or replace by id. Where the address is there under another id, spelled alike or otherwise, that id and
        spelling stay: a person is one subscriber."""
        ...

    def opt_out(self, kind: AddressKind, address: str, now: datetime, how: str) -> bool:
        """Record the opt-out by keyed hash and on the subscriber; pending deliveries are suppressed. True if known."""
        ...

    def opt_in(self, kind: AddressKind, address: str, now: datetime, how: str) -> bool: ...
    def is_opted_out(self, kind: AddressKind, address: str) -> bool: ...
    def erase(self, kind: AddressKind, address: str, now: datetime) -> bool:
        """Remove the person's data everywhere, deliveries included; the hashed opt-out stays."""
        ...

    # workarounds
    def put_workaround(self, workaround: Workaround) -> None: ...
    def workarounds(self, *, service: str | None = None, incident: str | None = None) -> tuple[Workaround, ...]: ...

    # staff
    def put_request(self, verb: Verb, actor: str, arguments: Mapping[str, str], now: datetime) -> int: ...
    def waiting_requests(self) -> tuple[StaffRequest, ...]: ...
    def answer_request(self, id: int, accepted: bool, answer: str, now: datetime) -> None: ...
    def request(self, id: int) -> StaffRequest | None: ...
    def set_switch(self, name: str, value: str, actor: str, now: datetime) -> None:
        """Set a named switch. "kill" = "on" stops every new send, from the moment this commits."""
        ...

    def switch(self, name: str) -> str | None: ...

    # small state of loops
    def put_checkpoint(self, name: str, state: bytes, now: datetime) -> None: ...
    def checkpoint(self, name: str) -> bytes | None: ...
    def gauges(self, now: datetime) -> Mapping[str, float]:
        """Cheap counts for metrics: see docs/ARCHITECTURE.md for the names."""
        ...


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
