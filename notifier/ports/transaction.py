"""What a stage may read and write in one transaction of the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ..model.canary import Canary
from ..model.delivery import Alike, Delivery, DeliveryState, Message, Reason
from ..model.incident import Incident, Move
from ..model.limit import Wait
from ..model.notice import Approval, Notice, NoticeState
from ..model.people import AddressKind, Cohort, Member, Subscriber
from ..model.signal import Freshness, Signal
from ..model.staff import StaffRequest, Verb
from ..model.track import TrackRecord
from ..model.workaround import Workaround


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
