"""Public alerts (CAP), whatever they were written in: which concern us, how bad, where, until when.

Pure. `cap` and `nws` turn XML and GeoJSON into `Alert`s; what an alert means is decided here once:

- only real, public messages count: an exercise, a test, a draft, a private message or an acknowledgement never does;
- a word nobody knows yet for status, type or scope opens nothing, and what is open stays open;
- a message speaks for its whole chain, in whatever order the messages come (`alert_chains`); messages of one chain sent
  in the same second are one statement, as where a warning is cancelled for one county and goes on in another;
- an alert may say different things of different areas, each in an info of its own: for one place the worst counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pydantic import model_validator

from notifier.model.settings import Duration, Settings
from notifier.model.signal import Level, Signal, SignalClass
from notifier.ports import Reading

from ..placing import Place, says
from ..settings import HttpSettings
from ..shapes import one_line
from ..telling import Report, tell
from .alert_chains import Chains, Head, Reference, chains_of
from .alert_places import AlertPlacer, Area

SEVERITIES: Mapping[str, Level] = {
    "Extreme": Level.CRITICAL,
    "Severe": Level.MAJOR,
    "Moderate": Level.MINOR,
    "Minor": Level.MINOR,
    "Unknown": Level.MINOR,
}
"""CAP 1.2 severity. A service that is out is at least minor trouble, whatever the weather office calls it."""
STATUSES = frozenset({"Actual", "Exercise", "System", "Test", "Draft"})
KINDS = frozenset({"Alert", "Update", "Cancel", "Ack", "Error"})
SCOPES = frozenset({"Public", "Restricted", "Private"})


class EventRule(Settings):
    """Which alerts speak of which service: every pattern given must hold, the first rule that does decides."""

    event: str | None = None
    """Pattern for the event's name, such as "Power Outage" or "Ice Storm*"."""
    category: str | None = None
    """CAP category: Infra, Met, Safety …"""
    code: str | None = None
    """Event code, such as SAME's TOE (911 outage)."""
    service: str | None = None
    """Our service; empty: the default of placing."""
    level: Literal["notice", "minor", "major", "critical"] | None = None
    """How bad; empty: by the alert's severity. A storm warning is no outage: give it notice."""

    @model_validator(mode="after")
    def _says_something(self) -> EventRule:
        if not (self.event or self.category or self.code):
            raise ValueError("expected at least one of event, category, code")
        return self


class AlertSettings(HttpSettings):
    """What sources of public alerts share."""

    events: tuple[EventRule, ...] = ()
    """Which alerts speak of which service. Alerts of category Infra that no rule names speak of the default service."""
    lasts: Duration = timedelta(hours=24)
    """How long after it was sent an alert that names no end goes quiet by itself, where what vanishes is not over."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One info of a message (a message without any has one that is empty). `references` are (identifier, sent) of the
    messages it updates or cancels."""

    identifier: str
    sent: datetime
    status: str
    kind: str
    scope: str = "Public"
    references: tuple[Reference, ...] = ()
    event: str = ""
    categories: tuple[str, ...] = ()
    event_codes: tuple[str, ...] = ()
    urgency: str = "Unknown"
    severity: str = "Unknown"
    certainty: str = "Unknown"
    responses: tuple[str, ...] = ()
    begins: datetime | None = None
    expires: datetime | None = None
    headline: str = ""
    description: str = ""
    instruction: str = ""
    url: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    areas: tuple[Area, ...] = ()


def read_alerts(
    alerts: Sequence[Alert],
    *,
    settings: AlertSettings,
    placer: AlertPlacer,
    memory: Mapping[str, str],
    complete: bool,
    now: datetime,
) -> Reading:
    """What a set of alerts says; `complete`: they are all that are in force."""
    chains = chains_of(memory)
    statements, present, gone = _newest(alerts, chains, settings)
    signals: list[Signal] = []
    unplaced: dict[str, None] = {}
    for root, statement in statements.items():
        told = _tell(root, statement, settings=settings, placer=placer, complete=complete, now=now)
        open_before = chains.is_open(root)
        chains.heads[root] = Head(statement[0].sent, told.over or not (told.signals or told.held or open_before))
        signals += told.signals
        unplaced |= dict.fromkeys(told.lost)
        if told.over and not told.signals and not told.elsewhere:
            gone.append(root)
        elif told.held or (told.unruled and open_before and not told.over):
            present.append(root)
    return Reading(True, tuple(signals), complete, unplaced=tuple(unplaced), present=tuple(map(_fingerprint, present)),
                   gone=tuple(map(_fingerprint, gone)), memory=chains.written())


# ── Which messages count ─────────────────────────────────────────────────────────────────────────────────────────────


def _newest(
    alerts: Sequence[Alert], chains: Chains, settings: AlertSettings
) -> tuple[dict[str, list[Alert]], list[str], list[str]]:
    """(newest statement by root, roots that stay as they are, roots that are now part of another)."""
    statements: dict[str, list[Alert]] = {}
    present: list[str] = []
    gone: list[str] = []
    for message in _messages(alerts):
        first = message[0]
        if first.status not in STATUSES or first.kind not in KINDS or first.scope not in SCOPES:
            present += [chains.root_of(one) for one in (first.identifier, *(ref for ref, _ in first.references))]
            continue
        if not _counts(first) or not _concerns_us(message, chains, settings):
            continue
        root, superseded = chains.join(first.identifier, first.sent, first.references)
        for one in superseded:
            statements.setdefault(root, []).extend(statements.pop(one, []))
        gone += superseded
        held = statements.get(root, [])
        if chains.is_late(root, first.sent, original=first.kind == "Alert"):
            present += [root] if chains.is_open(root) else []
            statements[root] = [one for one in held if one.sent >= chains.heads[root].sent]
        else:
            same = [one for one in held if one.sent == first.sent]
            statements[root] = [*same, *message]
    return {root: found for root, found in statements.items() if found}, present, gone


def _messages(alerts: Sequence[Alert]) -> list[list[Alert]]:
    """The infos of each message together, oldest message first."""
    found: dict[tuple[datetime, str], list[Alert]] = {}
    for alert in alerts:
        found.setdefault((alert.sent, alert.identifier), []).append(alert)
    return [found[key] for key in sorted(found)]


def _counts(alert: Alert) -> bool:
    return alert.status == "Actual" and alert.scope == "Public" and alert.kind in ("Alert", "Update", "Cancel")


def _concerns_us(message: Sequence[Alert], chains: Chains, settings: AlertSettings) -> bool:
    """Whether a rule names it, or it is of a chain we heard of, or it cancels without saying what."""
    first = message[0]
    return (chains.knows(first.identifier, first.references) or any(_rule(one, settings) for one in message)
            or (first.kind == "Cancel" and not first.event))


# ── What they say ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Told:
    """What a statement comes to. `over`: all of it ended; `elsewhere`: it has a place, outside our tree; `held`: there
    is trouble that has no place here; `unruled`: no rule speaks of it any more."""

    signals: tuple[Signal, ...]
    lost: tuple[str, ...]
    over: bool
    elsewhere: bool
    held: bool
    unruled: bool


def _tell(
    root: str, statement: Sequence[Alert], *, settings: AlertSettings, placer: AlertPlacer, complete: bool,
    now: datetime,
) -> _Told:
    worst: dict[Place, tuple[Level, Alert]] = {}
    lost: dict[str, None] = {}
    levels: list[Level] = []
    elsewhere = False
    for alert in statement:
        rule = _rule(alert, settings)
        level = level_of(alert, rule, now)
        if level is None or (rule is None and level is not Level.OK):
            continue
        found = placer.place(alert.areas, event=alert.event, title=alert.headline or alert.event,
                             labels=alert.parameters, service=rule.service if rule else None)
        levels.append(level)
        elsewhere = elsewhere or not (found.places or found.lost)
        lost |= dict.fromkeys(found.lost) if level.is_trouble else {}
        for place in found.places:
            if place not in worst or level > worst[place][0]:
                worst[place] = (level, alert)
    signals = [one for place, (level, alert) in worst.items()
               for one in tell(settings.id, SignalClass.OFFICIAL, _report(root, alert, level, settings, complete),
                               [place], now)]
    unruled = not any(_rule(alert, settings) for alert in statement)
    return _Told(tuple(signals), tuple(lost), bool(levels) and max(levels) is Level.OK, elsewhere, bool(lost), unruled)


def level_of(alert: Alert, rule: EventRule | None, now: datetime) -> Level | None:
    """How bad; OK where it is over; None where it has run out, which its signal's own end already told.

    What has not happened yet (urgency Future, certainty Possible or Unlikely, onset ahead) is worth knowing only.
    """
    if alert.kind == "Cancel" or alert.urgency == "Past" or "AllClear" in alert.responses:
        return Level.OK
    if alert.expires is not None and alert.expires <= now:
        return None
    if rule is not None and rule.level is not None:
        return Level[rule.level.upper()]
    ahead = alert.begins is not None and alert.begins > now
    if ahead or alert.urgency == "Future" or alert.certainty in ("Possible", "Unlikely"):
        return Level.NOTICE
    return SEVERITIES.get(alert.severity, Level.MINOR)


def _rule(alert: Alert, settings: AlertSettings) -> EventRule | None:
    for rule in settings.events:
        fits = (
            (rule.event is None or says(rule.event, alert.event))
            and (rule.category is None or rule.category in alert.categories)
            and (rule.code is None or rule.code in alert.event_codes)
        )
        if fits:
            return rule
    return EventRule(category="Infra") if "Infra" in alert.categories else None


def _fingerprint(root: str) -> str:
    return f"alert:{root}"


def _report(root: str, alert: Alert, level: Level, settings: AlertSettings, complete: bool) -> Report:
    unending = None if complete else alert.sent + settings.lasts
    return Report(
        fingerprint=_fingerprint(root),
        level=level,
        started_at=alert.begins or alert.sent,
        why=one_line(alert.headline or alert.event or alert.identifier),
        lasts_until=None if level is Level.OK else alert.expires or unending,
        facts={
            "title": one_line(alert.event),
            "update": one_line(alert.description, 500),
            "workaround": one_line(alert.instruction, 500),
            "url": alert.url[:500],
        },
    )
