"""Prometheus Alertmanager: its webhook (version 4), pushed to us, and its list of alerts (`/api/v2/alerts`), polled.

Two peers of a cluster may both deliver, late and out of order. An alert is known by its fingerprint; what is remembered
of each run (startsAt) tells a late copy of an earlier run from news.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field, field_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Duration
from notifier.model.signal import Level, Signal, SignalClass
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading
from notifier.secret import SecretMissing

from .placing import Place, Texts, Unplaced, finder_of, place
from .settings import HttpSettings, checked_url, host_of, request_of
from .shapes import Unreadable, any_moment, json_of, labels_of, moment, one_line, optional, record, records, unread
from .telling import Report, tell

_RUNS = "runs"
_PROVEN = "always_firing_seen"
_RUNS_KEPT = 300

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


class AlertmanagerSettings(HttpSettings):
    """An Alertmanager, polled at url, or pushing to our webhook, or both."""

    kind: Literal["alertmanager"] = "alertmanager"
    url: str = ""
    """Address of its list, such as http://alertmanager:9093/api/v2/alerts; empty: it only pushes."""
    every: Duration = timedelta(seconds=30)
    """Time between polls."""
    freshness: Duration = timedelta(hours=6)
    """How long its silence means that nothing changed. Where it only pushes: longer than its repeat_interval, or send
    an alert that always fires (see always_firing)."""
    service_label: str = "service"
    """Label whose value is one of our service ids."""
    region_label: str = "region"
    """Label whose value is the id, code or name of one of our regions."""
    severity_label: str = "severity"
    """Label that says how bad."""
    severities: Mapping[str, LevelName] = Field(default_factory=lambda: dict(_SEVERITIES))
    """What its values mean; in lower case."""
    severity: LevelName = "minor"
    """How bad an alert without a known severity is."""
    always_firing: tuple[str, ...] = ("Watchdog", "DeadMansSwitch")
    """Names of alerts that fire to prove the chain works; they prove it and say nothing else. Once one was seen, a list
    without any is not believed: after a restart Alertmanager's list is empty for a while, whatever is on fire."""
    quiet_after: Duration = timedelta(hours=12)
    """A pushed alert goes quiet by itself when it was not repeated for so long (repeat_interval is 4 h by default)."""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value) if value else value


@dataclass(frozen=True, slots=True)
class _Run:
    """What is remembered of an alert: when its newest run began, whether it ended, and its level."""

    began: datetime
    over: bool
    level: int


@dataclass(frozen=True, slots=True)
class _Alert:
    fingerprint: str
    labels: Mapping[str, str]
    began: datetime
    over: bool
    hidden: bool
    why: str
    facts: Mapping[str, str]


class AlertmanagerSource:
    """One Alertmanager (or one cluster of them)."""

    def __init__(self, settings: AlertmanagerSettings, *, regions: RegionTree, fetch: Get = get) -> None:
        self.settings = settings
        self.id, self.kind = settings.id, settings.kind
        self.every, self.freshness, self.host = settings.every, settings.freshness, host_of(settings.url)
        self.pushed = not settings.url
        """Nothing to poll: bodies come through Poller.accept."""
        self.takes_pushes = True
        self._get = fetch
        self._finder = finder_of(regions)
        self._regions = regions

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        """Get the list of alerts; a Failure not_listening where there is only the webhook."""
        if self.pushed:
            return Failure(now, "not_listening", "it pushes to our webhook; there is no url to poll")
        try:
            return self._get(request_of(self.settings), memory, now)
        except SecretMissing as error:
            return Failure(now, "internal", str(error))

    def read(self, answer: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        """What an answer or a pushed body says. The list is complete; a webhook speaks only of its own group. Silenced
        and inhibited alerts open nothing, and what they had opened stays open: silence is no repair."""
        if (early := unread(answer, memory)) is not None:
            return early
        try:
            value = json_of(answer.body)
            whole = isinstance(value, list)
            alerts = [_alert(one, now) for one in (records(value, "the list") if whole else _pushed(value))]
        except Unreadable as error:
            return Reading(known=False, why=str(error), memory=memory)
        proven = any(alert.labels.get("alertname") in self.settings.always_firing for alert in alerts)
        if whole and not proven and _PROVEN in memory:
            why = "the alert that always fires is missing: Alertmanager has just started, or hears nothing"
            return Reading(known=False, why=why, memory=memory)
        reading = self._read(alerts, whole, _runs_of(memory), now)
        mark = {_PROVEN: "yes"} if proven or _PROVEN in memory else {}
        return replace(reading, memory={**reading.memory, **mark})

    def _read(self, alerts: Sequence[_Alert], whole: bool, runs: dict[str, _Run], now: datetime) -> Reading:
        kept = {} if whole else dict(runs)
        signals: list[Signal] = []
        unplaced: dict[str, None] = {}
        present: list[str] = []
        for alert in _newest(alerts):
            if alert.labels.get("alertname") in self.settings.always_firing or (not whole and _is_late(alert, runs)):
                continue
            before = runs.get(alert.fingerprint)
            known = before is not None and not before.over
            if alert.hidden and not known:
                continue
            level = Level.OK if alert.over else self._level(alert)
            kept[alert.fingerprint] = _Run(alert.began, alert.over, level)
            found = self._place(alert)
            if isinstance(found, Unplaced):
                unplaced |= {found.words: None} if level.is_trouble else {}
                present += [] if level is Level.OK else [f"alert:{alert.fingerprint}"]
                continue
            lasts = None if whole or alert.over else now + self.settings.quiet_after
            report = Report(f"alert:{alert.fingerprint}", level, alert.began, alert.why, lasts, alert.facts)
            signals += tell(self.id, SignalClass.MEASUREMENT, report, found, now)
        return Reading(True, tuple(signals), complete=whole, unplaced=tuple(unplaced), present=tuple(present),
                       memory=_kept(kept))

    def _level(self, alert: _Alert) -> Level:
        named = alert.labels.get(self.settings.severity_label, "").lower()
        return Level[self.settings.severities.get(named, self.settings.severity).upper()]

    def _place(self, alert: _Alert) -> tuple[Place, ...] | Unplaced:
        """By rules first where one holds; else the labels that name our own ids; else defaults."""
        texts = Texts(title=alert.labels.get("alertname", ""), labels=alert.labels)
        service = alert.labels.get(self.settings.service_label)
        named = alert.labels.get(self.settings.region_label, "")
        region = self._finder.by_code(named) or next(iter(self._finder.find(named)), None) if named else None
        placing = self.settings.placing
        update: dict[str, Any] = {}
        if service:
            update["service"] = service
        if region:
            update["regions"], update["find_regions"] = (region,), False
        elif named:
            update["regions"] = ()  # it names a place we do not know: the default would be a guess
        return place(texts, placing.model_copy(update=update), self._finder)


def _pushed(value: Any) -> Sequence[Mapping[str, Any]]:
    body = record(value, "the answer")
    if body.get("version") != "4":
        raise Unreadable(f"webhook version {one_line(str(body.get('version')), 20)!r}, expected '4'")
    return records(body.get("alerts"), "alerts")


def _alert(given: Mapping[str, Any], now: datetime) -> _Alert:
    labels = labels_of(record(given.get("labels"), "an alert's labels"))
    notes = labels_of(given.get("annotations"))
    status = given.get("status")
    state = optional(status, "state") if isinstance(status, dict) else ""
    ends = any_moment(given.get("endsAt"))
    if isinstance(status, dict):
        over = ends is not None and ends <= now
    elif status in ("firing", "resolved"):
        over = status == "resolved"
    else:
        raise Unreadable("an alert is neither firing nor resolved")
    name = labels.get("alertname", "an alert without a name")
    said = notes.get("summary") or notes.get("description") or ""
    return _Alert(
        fingerprint=optional(given, "fingerprint", 64) or _fingerprint(labels),
        labels=labels,
        began=moment(given.get("startsAt"), now) or now,
        over=over,
        hidden=state in ("suppressed", "unprocessed"),
        why=one_line(f"{name}: {said}" if said else name),
        facts={
            "title": one_line(name),
            "update": one_line(said, 500),
            "url": optional(given, "generatorURL"),
            "workaround": one_line(notes.get("workaround", ""), 500),
            "runbook_url": notes.get("runbook_url", "")[:500],
        },
    )


def _fingerprint(labels: Mapping[str, str]) -> str:
    """For senders that leave it out: Alertmanager's own is a hash of the labels too."""
    if not labels:
        raise Unreadable("an alert has neither fingerprint nor labels")
    return hashlib.sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]


def _newest(alerts: Sequence[_Alert]) -> list[_Alert]:
    """One alert for each fingerprint: the newest run; of one run told both ways, its end."""
    best: dict[str, _Alert] = {}
    for alert in alerts:
        held = best.get(alert.fingerprint)
        if held is None or (alert.began, alert.over) > (held.began, held.over):
            best[alert.fingerprint] = alert
    return list(best.values())


def _is_late(alert: _Alert, runs: Mapping[str, _Run]) -> bool:
    """Whether this is an old copy: of an earlier run, or still firing for a run already known to have ended."""
    before = runs.get(alert.fingerprint)
    if before is None:
        return False
    return alert.began < before.began or (alert.began == before.began and before.over and not alert.over)


def _runs_of(memory: Mapping[str, str]) -> dict[str, _Run]:
    try:
        found = json.loads(memory.get(_RUNS, "{}"))
    except ValueError:
        return {}
    runs: dict[str, _Run] = {}
    for key, value in found.items() if isinstance(found, dict) else ():
        if isinstance(value, list) and len(value) == 3 and (began := any_moment(value[0])) is not None:
            runs[key] = _Run(began, value[1] is True, value[2] if isinstance(value[2], int) else 0)
    return runs


def _kept(runs: Mapping[str, _Run]) -> dict[str, str]:
    newest = sorted(runs.items(), key=lambda one: one[1].began, reverse=True)[:_RUNS_KEPT]
    if not newest:
        return {}
    return {_RUNS: json.dumps({key: [rfc3339(run.began), run.over, run.level] for key, run in newest})}
