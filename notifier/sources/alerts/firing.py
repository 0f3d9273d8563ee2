"""Alerts with labels, as Prometheus and those who speak its language fire them: what a set of them says.

Pure. `alertmanager`, `prometheus` and `grafana` turn their formats into `FiringAlert`s; what those mean is decided here
once:

- an alert is known by its fingerprint, and one run of it by when it began, so that a late copy of an earlier run (two
  peers of a cluster both deliver) is told from news;
- what is silenced, inhibited, pending or in a state nobody knows yet opens nothing, and what it had opened stays open;
- an alert that fires always proves the chain; a list that lost it is not believed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Literal

from pydantic import Field, field_validator

from notifier.model.settings import Duration
from notifier.model.signal import Level, Signal, SignalClass
from notifier.model.times import rfc3339
from notifier.net.fetch import Get
from notifier.ports import Answer, Failure, Reading

from ..page import Context
from ..placing import Place, Texts, Unplaced, place
from ..settings import HttpSettings, checked_url, request_of
from ..shapes import Unreadable, any_moment, kind_of, labels_of, one_line, record
from ..telling import Report, tell

_RUNS = "runs"
_PROVEN = "always_firing_seen"
_RUNS_KEPT = 500

LevelName = Literal["notice", "minor", "major", "critical"]
_SEVERITIES: Mapping[str, LevelName] = {
    "critical": "critical",
    "page": "critical",
    "major": "major",
    "error": "major",
    "high": "major",
    "warning": "minor",
    "minor": "minor",
    "info": "notice",
    "none": "notice",
}


class FiringSettings(HttpSettings):
    """What sources of alerts with labels share."""

    url: str = ""
    """Address of its list of alerts; empty: it only pushes, to /hooks/alerts/ and the id."""
    every: Duration = timedelta(seconds=30)
    """Time between polls."""
    freshness: Duration = timedelta(hours=6)
    """How long its silence means that nothing changed. Where it only pushes: longer than it takes to repeat itself, or
    send an alert that always fires (see always_firing)."""
    service_label: str = "service"
    """Label whose value is one of our service ids."""
    services: Mapping[str, str] = Field(default_factory=dict)
    """Our service by the label's value, where it is not our id; where given, a value it lacks is placed nowhere."""
    region_label: str = "region"
    """Label whose value is the id, code or name of one of our regions."""
    severity_label: str = "severity"
    """Label that says how bad."""
    severities: Mapping[str, LevelName] = Field(default_factory=lambda: dict(_SEVERITIES))
    """What its values mean; in lower case."""
    severity: LevelName = "minor"
    """How bad an alert without a known severity is."""
    always_firing: tuple[str, ...] = ("Watchdog", "DeadMansSwitch")
    """Names of alerts that fire to prove the chain works; they prove it and say nothing else. Once one was listed, a
    list without any is not believed: after a restart the list is empty for a while, whatever is on fire."""
    quiet_after: Duration = timedelta(hours=12)
    """A pushed alert goes quiet by itself when it was not repeated for so long (both Alertmanager and Grafana repeat
    every 4 h by default)."""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value) if value else value


class State(IntEnum):
    """What an alert is doing. HELD: silenced, inhibited, pending, no longer watched, or a word nobody knows yet."""

    FIRING = 0
    HELD = 1
    OVER = 2


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """One alert. `began` is when this run of it began; `facts` as of a Signal."""

    fingerprint: str
    labels: Mapping[str, str]
    began: datetime
    state: State
    why: str
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its alertname; "" where it has none."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class _Run:
    """What is remembered of an alert: when its newest run began, and whether it ended."""

    began: datetime
    over: bool


def ask_or_wait(
    settings: FiringSettings, fetch: Get, memory: Mapping[str, str], now: datetime
) -> Answer | Failure:
    """Get the list; a Failure not_listening where it only pushes."""
    if not settings.url:
        return Failure(now, "not_listening", "it pushes to our webhook; there is no url to poll")
    return fetch(request_of(settings), memory, now)


# ── Taking one apart ─────────────────────────────────────────────────────────────────────────────────────────────────


def labels_in(given: Mapping[str, Any]) -> dict[str, str]:
    """An alert's labels: all of them text, at least one. Raises Unreadable otherwise: half a set of labels would place
    the alert somewhere else."""
    labels = record(given.get("labels"), "an alert's labels")
    for name, value in labels.items():
        if not isinstance(value, str):
            raise Unreadable(f"label {one_line(name, 40)} of an alert is {kind_of(value)}")
    if not labels:
        raise Unreadable("an alert has no labels")
    return labels_of(labels)


def fingerprint_of(labels: Mapping[str, str]) -> str:
    """For senders that name none: Alertmanager's own is a hash of the labels too."""
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]


def told_of(labels: Mapping[str, str], notes: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """(one sentence, facts) of an alert, from its labels and annotations."""
    name = labels.get("alertname", "an alert without a name")
    said = notes.get("summary") or notes.get("description") or ""
    return one_line(f"{name}: {said}" if said else name), {
        "title": one_line(name),
        "update": one_line(said, 500),
        "workaround": one_line(notes.get("workaround", ""), 500),
        "runbook_url": notes.get("runbook_url", "")[:500],
    }


# ── What a set of them says ──────────────────────────────────────────────────────────────────────────────────────────


def read_firing(
    alerts: Sequence[FiringAlert], context: Context[Any], *, whole: bool, sure: bool = True, why: str = ""
) -> Reading:
    """What alerts say. `whole`: they are a list of all there are, so what is missing is over; `sure` False: part of
    that list may be missing, so that it ends something only where an alert that always fires vouches for it. `why` is
    what staff should know besides."""
    settings: FiringSettings = context.settings
    proven = whole and any(alert.name in settings.always_firing for alert in alerts)
    if whole and not proven and _PROVEN in context.memory and settings.always_firing:
        missing = "the alert that always fires is missing: it has just started, or hears nothing"
        return Reading(known=False, why=missing, memory=context.memory)
    runs = _runs_of(context.memory)
    kept = {} if whole else dict(runs)
    signals: list[Signal] = []
    unplaced: dict[str, None] = {}
    present: list[str] = []
    gone: list[str] = []
    for alert in _newest(alerts):
        if alert.name in settings.always_firing or (not whole and _is_late(alert, runs)):
            continue
        fingerprint = f"alert:{alert.fingerprint}"
        if alert.state is State.HELD:
            present.append(fingerprint)
            continue
        kept[alert.fingerprint] = _Run(alert.began, alert.state is State.OVER)
        level = Level.OK if alert.state is State.OVER else _level(alert, settings)
        found = _place(alert, context)
        if isinstance(found, Unplaced):
            unplaced |= {found.words: None} if level.is_trouble else {}
            (gone if level is Level.OK else present).append(fingerprint)
            continue
        lasts = None if whole or level is Level.OK else context.now + settings.quiet_after
        report = Report(fingerprint, level, alert.began, alert.why, lasts, alert.facts)
        signals += tell(settings.id, SignalClass.MEASUREMENT, report, found, context.now)
    mark = {_PROVEN: "yes"} if proven or _PROVEN in context.memory else {}
    return Reading(True, tuple(signals), complete=whole and (sure or proven), why=why, unplaced=tuple(unplaced),
                   present=tuple(present), gone=tuple(gone), affirmed=proven, memory={**_written(kept), **mark})


def _level(alert: FiringAlert, settings: FiringSettings) -> Level:
    named = alert.labels.get(settings.severity_label, "").lower()
    return Level[settings.severities.get(named, settings.severity).upper()]


def _place(alert: FiringAlert, context: Context[Any]) -> tuple[Place, ...] | Unplaced:
    """By rules first where one holds; else by the labels that name our own ids; else by defaults."""
    settings: FiringSettings = context.settings
    texts = Texts(title=alert.name, location=alert.labels.get(settings.region_label, ""), labels=alert.labels)
    named = alert.labels.get(settings.service_label, "")
    placing = settings.placing
    if named:
        service = settings.services.get(named) if settings.services else named
        placing = placing.model_copy(update={"service": service})
    return place(texts, placing, context.finder)


def _newest(alerts: Iterable[FiringAlert]) -> list[FiringAlert]:
    """One alert for each fingerprint: the newest run; of one run told several ways, its end, then that it is held."""
    best: dict[str, FiringAlert] = {}
    for alert in alerts:
        held = best.get(alert.fingerprint)
        if held is None or (alert.began, alert.state) > (held.began, held.state):
            best[alert.fingerprint] = alert
    return list(best.values())


def _is_late(alert: FiringAlert, runs: Mapping[str, _Run]) -> bool:
    """Whether this is an old copy: of an earlier run, or still firing for a run already known to have ended."""
    before = runs.get(alert.fingerprint)
    if before is None:
        return False
    again = before.over and alert.state is not State.OVER
    return alert.began < before.began or (alert.began == before.began and again)


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _runs_of(memory: Mapping[str, str]) -> dict[str, _Run]:
    try:
        found = json.loads(memory.get(_RUNS, "{}"))
    except (ValueError, RecursionError):
        return {}
    runs: dict[str, _Run] = {}
    for key, value in found.items() if isinstance(found, dict) else ():
        if isinstance(value, list) and len(value) >= 2 and (began := any_moment(value[0])) is not None:
            runs[key] = _Run(began, value[1] is True)
    return runs


def _written(runs: Mapping[str, _Run]) -> dict[str, str]:
    newest = sorted(runs.items(), key=lambda one: one[1].began, reverse=True)[:_RUNS_KEPT]
    return {_RUNS: json.dumps({key: [rfc3339(run.began), run.over] for key, run in newest})} if newest else {}
