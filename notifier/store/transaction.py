"""The transaction every stage works in: one thin method for each word of the port, the work beside it by topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from notifier.model.canary import Canary
from notifier.model.delivery import Alike, Delivery, DeliveryState, Reason
from notifier.model.incident import Incident, Move
from notifier.model.notice import Approval, Notice, NoticeState
from notifier.model.people import AddressKind, Cohort, Member, Subscriber
from notifier.model.signal import Signal
from notifier.model.staff import StaffRequest, Verb
from notifier.model.track import TrackRecord
from notifier.model.workaround import Workaround
from notifier.ports import SourceState

from . import canaries, incidents, notices, outbox, people, signals, staff, track
from .database import Database
from .signals import put as put_signal


class SqlTransaction:
    """ports.Transaction over one open transaction of a database; worth nothing once its `with` has ended."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.added = False
        """Whether there is something new to send."""

    # signals and sources

    def put_signals(self, signals: Iterable[Signal]) -> None:
        for signal in signals:
            put_signal(self._db, signal)

    def open_signals(self, now: datetime) -> tuple[Signal, ...]:
        return signals.open_at(self._db, now)

    def ended_signals(self, since: datetime, now: datetime) -> tuple[Signal, ...]:
        return signals.ended(self._db, since, now)

    def source_state(self, source: str) -> SourceState | None:
        return signals.state(self._db, source)

    def source_states(self) -> tuple[SourceState, ...]:
        return signals.states(self._db)

    def silent_sources(self) -> frozenset[str]:
        return signals.silent(self._db)

    def put_source_state(self, state: SourceState) -> None:
        signals.put_state(self._db, state)

    def put_track_records(self, incident: str, records: Iterable[TrackRecord]) -> None:
        track.put(self._db, incident, records)

    def track_records(self, since: datetime) -> tuple[TrackRecord, ...]:
        return track.since(self._db, since)

    # incidents

    def incident(self, id: str) -> Incident | None:
        return incidents.get(self._db, id)

    def incidents(self, *, open_only: bool = False, since: datetime | None = None) -> tuple[Incident, ...]:
        return incidents.find(self._db, open_only=open_only, since=since)

    def put_incident(self, incident: Incident, move: Move | None) -> None:
        incidents.put(self._db, incident, move)

    def moves(self, incident: str) -> tuple[Move, ...]:
        return incidents.moves(self._db, incident)

    def next_incident_id(self, now: datetime) -> str:
        return incidents.next_id(self._db, now)

    def link_evidence(self, incident: str, signals: Iterable[Signal]) -> None:
        incidents.link(self._db, incident, signals)

    def evidence_of(self, incident: str) -> tuple[Signal, ...]:
        return incidents.evidence(self._db, incident)

    # notices

    def put_notice(self, notice: Notice) -> None:
        notices.put(self._db, notice)

    def notice(self, id: str) -> Notice | None:
        return notices.get(self._db, id)

    def notices(self, *, incident: str | None = None, state: NoticeState | None = None) -> tuple[Notice, ...]:
        return notices.find(self._db, incident=incident, state=state)

    def put_approval(self, approval: Approval) -> None:
        notices.put_approval(self._db, approval)

    def approvals(self, notice: str) -> tuple[Approval, ...]:
        return notices.approvals(self._db, notice)

    # outbox

    def add_deliveries(self, deliveries: Iterable[Delivery]) -> int:
        number = outbox.add(self._db, deliveries)
        self.added = self.added or number > 0
        return number

    def add_alike(self, deliveries: Iterable[Alike]) -> int:
        number = outbox.add_alike(self._db, deliveries)
        self.added = self.added or number > 0
        return number

    def deliveries(
        self,
        *,
        notice: str | None = None,
        incident: str | None = None,
        state: DeliveryState | None = None,
        limit: int | None = None,
    ) -> tuple[Delivery, ...]:
        return outbox.find(self._db, notice=notice, incident=incident, state=state, limit=limit)

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
        return outbox.cancel(
            self._db, incident=incident, notice=notice, reason=reason, now=now, stages=stages, channel=channel)

    def go_on_cancelling(self, now: datetime) -> bool:
        return outbox.go_on_cancelling(self._db, now)

    def told(self, incident: str) -> frozenset[tuple[str, str]]:
        return outbox.told(self._db, incident)

    def begun(self, incident: str) -> frozenset[tuple[str, str]]:
        return outbox.begun(self._db, incident)

    def told_after(self, incident: str, after: tuple[str, str], limit: int) -> tuple[tuple[str, str], ...]:
        return outbox.told_after(self._db, incident, after, limit)

    def told_among(
        self, incident: str, channels: Iterable[str], addresses: Iterable[str]
    ) -> frozenset[tuple[str, str]]:
        return outbox.told_among(self._db, incident, channels, addresses)

    # canaries

    def put_canary(self, canary: Canary) -> None:
        canaries.put(self._db, canary)

    def canary(self, notice: str, channel: str) -> Canary | None:
        return canaries.get(self._db, notice, channel)

    def canaries(self, *, incident: str | None = None) -> tuple[Canary, ...]:
        return canaries.find(self._db, incident)

    def waits_on(self, notice: str, channel: str) -> bool:
        return canaries.waits(self._db, notice, channel)

    # people

    def audience(self, regions: Iterable[str], service: str) -> tuple[Subscriber, ...]:
        return people.audience(self._db, regions, service)

    def some_of_audience(
        self, regions: Iterable[str], service: str, limit: int, kind: AddressKind | None = None
    ) -> tuple[Subscriber, ...]:
        return people.some(self._db, regions, service, limit, kind)

    def more_than(self, regions: Iterable[str], incident: str, most: int) -> bool:
        return people.more_than(self._db, regions, incident, most)

    def cohorts(self, numbers: Iterable[int], service: str) -> Mapping[Cohort, Sequence[Member]]:
        return people.cohorts(self._db, numbers, service)

    def subscribers_at(self, kind: AddressKind, addresses: Iterable[str]) -> tuple[Subscriber, ...]:
        return people.at_addresses(self._db, kind, addresses)

    def subscriber(self, id: str) -> Subscriber | None:
        return people.get(self._db, id)

    def subscribers(self, after: str = "", limit: int = 1000) -> tuple[Subscriber, ...]:
        return people.after(self._db, after, limit)

    def put_subscriber(self, subscriber: Subscriber) -> None:
        people.put(self._db, subscriber)

    def opt_out(self, kind: AddressKind, address: str, now: datetime, how: str) -> bool:
        return people.opt_out(self._db, kind, address, now, how)

    def opt_in(self, kind: AddressKind, address: str, now: datetime, how: str) -> bool:
        return people.opt_in(self._db, kind, address, now, how)

    def is_opted_out(self, kind: AddressKind, address: str) -> bool:
        return people.is_opted_out(self._db, kind, address)

    def erase(self, kind: AddressKind, address: str, now: datetime) -> bool:
        return people.erase(self._db, kind, address, now)

    # workarounds

    def put_workaround(self, workaround: Workaround) -> None:
        incidents.put_workaround(self._db, workaround)

    def workarounds(self, *, service: str | None = None, incident: str | None = None) -> tuple[Workaround, ...]:
        return incidents.workarounds(self._db, service=service, incident=incident)

    # staff and the small state of loops

    def put_request(self, verb: Verb, actor: str, arguments: Mapping[str, str], now: datetime) -> int:
        return staff.put_request(self._db, verb, actor, arguments, now)

    def waiting_requests(self) -> tuple[StaffRequest, ...]:
        return staff.waiting(self._db)

    def answer_request(self, id: int, accepted: bool, answer: str, now: datetime) -> None:
        staff.answer(self._db, id, accepted, answer, now)

    def request(self, id: int) -> StaffRequest | None:
        return staff.request(self._db, id)

    def set_switch(self, name: str, value: str, actor: str, now: datetime) -> None:
        staff.set_switch(self._db, name, value, actor, now)

    def switch(self, name: str) -> str | None:
        return staff.switch(self._db, name)

    def put_checkpoint(self, name: str, state: bytes, now: datetime) -> None:
        staff.put_checkpoint(self._db, name, state, now)

    def checkpoint(self, name: str) -> bytes | None:
        return staff.checkpoint(self._db, name)

    def gauges(self, now: datetime) -> Mapping[str, float]:
        return outbox.gauges(self._db, now)
