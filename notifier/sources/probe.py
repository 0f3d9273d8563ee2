"""Our own measurements: does the service answer over HTTP, TCP or DNS.

One failed try is weather; several in a row are a signal. And when our own network is what failed, every probe fails at
once: a control target that ought always to answer tells the two apart.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import dns.exception
import dns.nameserver
import dns.resolver
from pydantic import Field, field_validator, model_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Duration, Settings
from notifier.model.signal import Level, SignalClass
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, Request, Rules, get
from notifier.net.guard import checked_socket
from notifier.ports import Answer, Failure, Reading

from .placing import Texts, Unplaced, finder_of, place
from .settings import PolledSettings, checked_url, host_of
from .shapes import Unreadable, any_moment, json_of, one_line, optional, record, unread
from .telling import Report, tell

_STREAK = "streak"


class HttpCheck(Settings):
    """A page that must answer."""

    url: str
    """Address, http or https."""
    status: tuple[int, ...] = ()
    """Status codes that are right; empty: any 2xx. Others than 2xx cannot have their body checked."""
    contains: str | None = None
    """Text the body must contain."""
    lacks: str | None = None
    """Text the body must not contain."""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value)


class TcpCheck(Settings):
    """A port that must take connections."""

    host: str
    """Name or address."""
    port: int = Field(ge=1, le=65535)
    """Port number."""


class DnsCheck(Settings):
    """A name that must resolve."""

    name: str
    """Name to ask for."""
    type: Literal["A", "AAAA", "CNAME", "MX", "NS", "TXT", "SRV"] = "A"
    """Record type."""
    server: str | None = None
    """Address of the server to ask; empty: the system's."""
    port: int = Field(default=53, ge=1, le=65535)
    """Its port."""
    answers: tuple[str, ...] = ()
    """Answers of which at least one must come back; empty: any."""


class Check(Settings):
    """One thing tried: exactly one of http, tcp, dns."""

    http: HttpCheck | None = None
    """A page that must answer."""
    tcp: TcpCheck | None = None
    """A port that must take connections."""
    dns: DnsCheck | None = None
    """A name that must resolve."""

    @model_validator(mode="after")
    def _one(self) -> Check:
        if sum(one is not None for one in (self.http, self.tcp, self.dns)) != 1:
            raise ValueError("expected exactly one of http, tcp, dns")
        return self

    @property
    def host(self) -> str:
        """What is talked to, for the per-host limit."""
        if self.http is not None:
            return host_of(self.http.url)
        if self.tcp is not None:
            return self.tcp.host
        return (self.dns.server or self.dns.name) if self.dns is not None else ""


class ProbeSettings(PolledSettings):
    """A probe of ours."""

    kind: Literal["probe"] = "probe"
    check: Check
    """What is tried."""
    control: Check | None = None
    """What must work for a failure to count: without it, our own network is not to blame for nothing."""
    failures: int = Field(default=3, ge=1, le=100)
    """Failures in a row that make a signal."""
    successes: int = Field(default=2, ge=1, le=100)
    """Successes in a row that end it."""
    level: Literal["notice", "minor", "major", "critical"] = "major"
    """How bad its failure is."""
    slow: Duration | None = None
    """An answer slower than this counts as a failure."""
    timeout: Duration = timedelta(seconds=10)
    """Time for one try."""
    allow_private: bool = False
    """Whether what is tried may lie in a private network or on this machine."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one check gave; `seconds` it took. `why` says in words what was wrong, "" when right."""

    ok: bool
    why: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Streak:
    """What is remembered: results in a row, whether it is down, and since when."""

    failures: int = 0
    successes: int = 0
    down: bool = False
    since: datetime | None = None


class ProbeSource:
    """One probe."""

    def __init__(self, settings: ProbeSettings, *, regions: RegionTree, fetch: Get = get) -> None:
        self.settings = settings
        self.id, self.kind = settings.id, settings.kind
        self.every, self.freshness, self.host = settings.every, settings.freshness, settings.check.host
        self._get = fetch
        self._finder = finder_of(regions)

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        """Try it, and the control target where it fails. Always an Answer: {"ok", "why", "seconds", "control"}, where
        control is null (not asked) or {"ok", "why", "seconds"}."""
        tried = self._try(self.settings.check, now)
        if tried.ok and self.settings.slow is not None and tried.seconds > self.settings.slow.total_seconds():
            tried = replace(tried, ok=False, why=f"answered after {tried.seconds:.1f} s")
        control = None
        if not tried.ok and self.settings.control is not None:
            control = asdict(self._try(self.settings.control, now))
        body = json.dumps({**asdict(tried), "control": control})
        return Answer(now, 200, {"content-type": "application/json"}, body.encode())

    def read(self, answer: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        """What the results in a row amount to. Where the control target failed too, nothing is known."""
        if (early := unread(answer, memory)) is not None:
            return early
        try:
            body = record(json_of(answer.body), "the probe's result")
            if not isinstance(body.get("ok"), bool):
                raise Unreadable("the probe's result does not say ok or not")
        except Unreadable as error:
            return Reading(known=False, why=str(error), memory=memory)
        control = body.get("control")
        if body["ok"] is False and isinstance(control, dict) and control.get("ok") is not True:
            why = f"our own network is not in order: control target {optional(control, 'why') or 'failed'}"
            return Reading(known=False, why=why, memory=memory)
        streak = step(_streak_of(memory), body["ok"], self.settings, now)
        return self._told(streak, optional(body, "why"), now)

    def _told(self, streak: Streak, why: str, now: datetime) -> Reading:
        memory = {_STREAK: _written(streak)}
        if not streak.down:
            return Reading(True, complete=True, memory=memory)
        found = place(Texts(title=self.id, component=self.settings.check.host), self.settings.placing, self._finder)
        if isinstance(found, Unplaced):
            return Reading(True, complete=True, unplaced=(found.words,), memory=memory)
        level = Level[self.settings.level.upper()]
        said = why or "answers again, not yet for long enough"
        report = Report("probe", level, streak.since or now, one_line(f"{self.id}: {said}"), facts={"update": said})
        signals = tell(self.id, SignalClass.MEASUREMENT, report, found, now)
        return Reading(True, tuple(signals), complete=True, memory=memory)

    def _try(self, check: Check, now: datetime) -> Tried:
        began = time.monotonic()
        if check.http is not None:
            why = self._try_http(check.http, now)
        elif check.tcp is not None:
            why = self._try_tcp(check.tcp)
        else:
            assert check.dns is not None
            why = self._try_dns(check.dns)
        return Tried(not why, why, round(time.monotonic() - began, 3))

    def _try_http(self, check: HttpCheck, now: datetime) -> str:
        seconds = self.settings.timeout.total_seconds()
        rules = Rules(seconds, seconds, seconds, 2_000_000, self.settings.allow_private)
        answer = self._get(Request(check.url, rules=rules), {}, now)
        if isinstance(answer, Failure):
            wanted = answer.detail.removeprefix("HTTP ")
            return (
                "" if wanted.isdigit() and int(wanted) in check.status else f"{answer.reason} {answer.detail}".strip()
            )
        if check.status and answer.status not in check.status:
            return f"HTTP {answer.status}"
        text = answer.body.decode("utf-8", "replace")
        if check.contains is not None and check.contains not in text:
            return "the page lacks the expected text"
        return "the page holds a text it must not" if check.lacks is not None and check.lacks in text else ""

    def _try_tcp(self, check: TcpCheck) -> str:
        seconds = self.settings.timeout.total_seconds()
        try:
            with contextlib.closing(
                checked_socket(check.host, check.port, seconds, allow_private=self.settings.allow_private)
            ):
                return ""
        except PermissionError:
            return "refused: the address is not public; set allow_private if it is meant"
        except OSError as error:
            return f"port {check.port}: {error.strerror or type(error).__name__}"

    def _try_dns(self, check: DnsCheck) -> str:
        try:
            resolver = dns.resolver.Resolver(configure=check.server is None)
            if check.server is not None:
                resolver.nameservers = [dns.nameserver.Do53Nameserver(check.server, check.port)]
            found = resolver.resolve(check.name, check.type, lifetime=self.settings.timeout.total_seconds())
            answers = {record.to_text().strip('"').rstrip(".") for record in found}
        except (dns.exception.DNSException, OSError, ValueError) as error:
            return f"{check.type} of {check.name}: {type(error).__name__}"
        if check.answers and not answers & {wanted.rstrip(".") for wanted in check.answers}:
            return f"{check.type} of {check.name}: none of the expected answers"
        return ""


def step(streak: Streak, ok: bool, settings: ProbeSettings, now: datetime) -> Streak:
    """The streak after one more result. It goes down with the last of `failures` in a row, since the first of them;
    up with the last of `successes`."""
    if ok:
        up = streak.successes + 1
        if not streak.down or up >= settings.successes:
            return Streak(successes=min(up, settings.successes))
        return replace(streak, failures=0, successes=up)
    failed = min(streak.failures + 1, settings.failures)
    since = streak.since if streak.down or streak.failures else now
    return Streak(failed, 0, streak.down or failed >= settings.failures, since)


def _streak_of(memory: Mapping[str, str]) -> Streak:
    try:
        kept = json.loads(memory.get(_STREAK, "{}"))
        return Streak(
            int(kept.get("failures", 0)),
            int(kept.get("successes", 0)),
            kept.get("down") is True,
            any_moment(kept.get("since")),
        )
    except (ValueError, TypeError, AttributeError):
        return Streak()


def _written(streak: Streak) -> str:
    since = rfc3339(streak.since) if streak.since is not None else None
    return json.dumps({**asdict(streak), "since": since})
