"""Short ways to say a signal, an incident, a notice: everything unnamed is ordinary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from notifier.model.channel import ChannelProfile
from notifier.model.company import Company
from notifier.model.incident import Incident, IncidentState
from notifier.model.notice import Mode, Notice, NoticeState, Reach, Stage, Template, Text, Wording, Words
from notifier.model.people import AddressKind, Subscriber
from notifier.model.policy import NoticeRule, Policy, Release
from notifier.model.region import Region, RegionTree
from notifier.model.service import Service
from notifier.model.signal import Evidence, Level, Signal, SignalClass
from notifier.model.workaround import Workaround
from notifier.notices.compose import STAGE_OF, Speaker

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
MIN = timedelta(minutes=1)
PARENTS = {
    "US": None, "US-VT": "US", "VT-CHITTENDEN": "US-VT", "VT-WASHINGTON": "US-VT", "US-NH": "US", "NH-GRAFTON": "US-NH",
    "CA": None,
}
TREE = RegionTree({id: Region(id=id, name=id, kind="place", parent=parent) for id, parent in PARENTS.items()})
OFFICIAL, MEASURED, CROWD, STAFF = (
    SignalClass.OFFICIAL, SignalClass.MEASUREMENT, SignalClass.CROWD, SignalClass.STAFF)


def at(minutes: float) -> datetime:
    """The moment that many minutes after noon."""
    return NOW + minutes * MIN


def signal(
    region: str = "US-VT", klass: SignalClass = OFFICIAL, *, source: str | None = None, fingerprint: str = "a",
    service: str = "mobile-data", level: Level = Level.MAJOR, minute: float = 0, score: float = 1.0, **more: Any,
) -> Signal:
    return Signal(source=source or f"{klass.value}-feed", klass=klass, service=service, region=region, level=level,
                  observed_at=at(minute), started_at=at(minute), fingerprint=fingerprint, score=score, **more)


def crowd(region: str = "US-VT", score: float = 0.8, **more: Any) -> Signal:
    return signal(region, CROWD, score=score, **more)


def evidence(*signals: Signal, over: Iterable[Signal] = (), blind: Iterable[str] = ()) -> Evidence:
    regions = TREE.outermost(s.region for s in signals if s.level.is_trouble)
    return Evidence("mobile-data", regions, signals, tuple(replace(s, level=Level.OK) for s in over), tuple(blind))


def policy(release: Release = Release.AUTO, *, rules: dict[Stage, NoticeRule] | None = None, **more: Any) -> Policy:
    """Crowd 0.5 suspects, official word or crowd 0.5 with a measurement confirms; everything goes out by `release`."""
    given: dict[str, Any] = {
        "id": "p",
        "suspect": ({CROWD: 0.5}, {OFFICIAL: 1.0}, {MEASURED: 0.9}),
        "confirm": ({OFFICIAL: 1.0}, {CROWD: 0.5, MEASURED: 0.5}),
        "notices": {stage: NoticeRule(release=release) for stage in Stage} | (rules or {}),
        "clear_after": timedelta(minutes=10),
        "hold_down": timedelta(minutes=30),
    }
    return Policy(**(given | more))


def incident(
    state: IncidentState = IncidentState.CONFIRMED, regions: tuple[str, ...] = ("US-VT",), **more: Any
) -> Incident:
    given: dict[str, Any] = {
        "id": "I260115-1", "service": "mobile-data", "regions": regions, "state": state, "level": Level.MAJOR,
        "started_at": NOW, "opened_at": NOW, "policy": "p", "template": "t",
    }
    if state is not IncidentState.SUSPECTED:
        given["confirmed_at"] = NOW
    if state in (IncidentState.ACKNOWLEDGED, IncidentState.WORKAROUND_KNOWN):
        given["acknowledged_at"] = NOW
    if state is IncidentState.WORKAROUND_KNOWN:
        given["workaround_at"] = NOW
    if state is IncidentState.RESOLVED:
        given["resolved_at"] = NOW
    return Incident(**(given | more))


def notice(
    wording: Wording = Wording.ACKNOWLEDGE, state: NoticeState = NoticeState.RELEASED, *, minute: float = 0,
    sequence: int = 1, regions: tuple[str, ...] = ("US-VT",), **more: Any,
) -> Notice:
    released = at(minute) if state is NoticeState.RELEASED else None
    given: dict[str, Any] = {
        "id": f"I260115-1.{sequence}", "incident": "I260115-1", "stage": STAGE_OF[wording], "wording": wording,
        "sequence": sequence, "mode": Mode.TEST, "regions": regions, "texts": (Text("x", "en", "words"),),
        "created_at": at(minute), "valid_until": at(minute + 60), "state": state, "reach": Reach.EVERYONE,
        "released_at": released,
    }
    return Notice(**(given | more))


def workaround(**more: Any) -> Workaround:
    given: dict[str, Any] = {"id": "edge", "service": "mobile-data", "texts": {"en": "Switch off 3G."},
                             "origin": "catalogue", "verified_by": "ann", "verified_at": NOW}
    return Workaround(**(given | more))


# ── For the loop ─────────────────────────────────────────────────────────────────────────────────────────────────────

CHANNELS = {
    "x": ChannelProfile("x", "x", Mode.TEST),
    "sms": ChannelProfile("sms", "sms", Mode.TEST, AddressKind.PHONE),
}


def speaker(channels: dict[str, ChannelProfile] | None = None, wordings: Iterable[Wording] = Wording) -> Speaker:
    words = {
        Wording.WORKAROUND: "{company}: {service} in {regions} is down. {workaround} Ref {reference}",
        Wording.MAINTENANCE: "{company}: work on {service} in {regions}, {maintenance_start} to {maintenance_end}.",
    }
    plain = "{company}: {service} in {regions}. {note} Ref {reference}"
    template = Template(id="t", wordings={
        w: {"en": Words(text=f"{w.replace('_', ' ')}. {words.get(w, plain)}")} for w in wordings})
    services = {id: Service(id=id, name=id) for id in ("mobile-data", "power")}
    return Speaker(company=Company(name="Northeast"), services=services, regions=TREE, templates={"t": template},
                   channels=CHANNELS if channels is None else channels)


def subscriber(number: int, *regions: str) -> Subscriber:
    return Subscriber(id=f"s{number}", kind=AddressKind.PHONE, address=f"+1802555{number:04}",
                      regions=regions or ("US-VT",), language="en", timezone="UTC", consent_at=NOW, consent_by="test")
