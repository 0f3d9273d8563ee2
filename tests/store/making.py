"""Small whole things to put into a store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from notifier.model.delivery import Delivery
from notifier.model.incident import Incident, IncidentState
from notifier.model.notice import Mode, Notice, NoticeState, Stage, Text, Wording
from notifier.model.people import AddressKind, Subscriber
from notifier.model.signal import Level, Signal, SignalClass
from notifier.ports import Store

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LEASE = timedelta(minutes=2)


def a_signal(**changes: Any) -> Signal:
    whole = Signal(
        "github", SignalClass.OFFICIAL, "api", "US-VT", Level.MAJOR, NOW, NOW - MINUTE, "f1", why="it says so"
    )
    return replace(whole, **changes)


def an_incident(id: str = "I260115-1", **changes: Any) -> Incident:
    whole = Incident(
        id, "mobile", ("US-VT",), IncidentState.SUSPECTED, Level.MAJOR, NOW - MINUTE, NOW, "default", "mobile", "why"
    )
    return replace(whole, **changes)


def a_notice(id: str = "n1", **changes: Any) -> Notice:
    texts = tuple(Text(channel, "en", f"{id} on {channel}") for channel in ("x", "sms", "email"))
    whole = Notice(
        id,
        "I260115-1",
        Stage.ACKNOWLEDGE,
        Wording.ACKNOWLEDGE,
        1,
        Mode.TEST,
        ("US-VT",),
        texts,
        NOW,
        NOW + HOUR,
        NoticeState.RELEASED,
    )
    return replace(whole, **changes)


def a_delivery(notice: Notice, channel: str = "sms", address: str = "+18025550100", **changes: Any) -> Delivery:
    whole = Delivery(
        f"{notice.id}/{channel}/{address}",
        notice.id,
        notice.incident,
        notice.stage,
        notice.sequence,
        channel,
        address,
        "en",
        notice.mode,
        notice.created_at,
        notice.created_at,
        notice.valid_until,
    )
    return replace(whole, **changes)


def a_subscriber(id: str = "s1", address: str = "+18025550100", **changes: Any) -> Subscriber:
    kind = AddressKind.EMAIL if "@" in address else AddressKind.PHONE
    whole = Subscriber(id, kind, address, ("US-VT",), "en", "America/New_York", NOW, "CSV import by ann")
    return replace(whole, **changes)


def queue(store: Store, notice: Notice, *deliveries: Delivery) -> None:
    with store.transaction() as tx:
        tx.put_notice(notice)
        tx.add_deliveries(deliveries or (a_delivery(notice),))


def the(store: Store, id: str) -> Delivery:
    with store.transaction() as tx:
        return next(delivery for delivery in tx.deliveries() if delivery.id == id)
