"""What a probe tries, and the tries themselves: HTTP, TCP, DNS and ICMP through the address guard.

The thin shell of probes, shared by the daemon and the agents at other places: it decides nothing but whether one try
was right. What could not be tried at all is neither right nor wrong (`ok` None).
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import dns.exception
import dns.nameserver
import dns.resolver
from pydantic import Field, field_validator, model_validator

from notifier.model.settings import Duration, Settings
from notifier.net.fetch import Get, Request, Rules
from notifier.net.guard import checked_addresses, checked_socket
from notifier.ports import Failure

from ..settings import checked_url, host_of
from .ping import NotPermitted, ping

NOT_PUBLIC = "refused: the address is not public; set allow_private if it is meant"
NO_PING = ("ping is not permitted on this machine: net.ipv4.ping_group_range leaves our group out, and we lack "
           "CAP_NET_RAW")
_MOST_BYTES = 2_000_000


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
    ca_file: str | None = None
    """Certificates to trust instead of the public ones."""
    expires_within: Duration = timedelta(days=14)
    """A certificate that ends sooner than this is reported; 0s: never."""
    expiry_level: Literal["notice", "minor"] = "notice"
    """How bad that is: a notice is worth knowing and opens nothing."""

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


class IcmpCheck(Settings):
    """A host that must answer pings. Where this machine permits none, nothing is known of it."""

    host: str
    """Name or address."""
    packets: int = Field(default=3, ge=1, le=20)
    """Most pings sent in one try."""
    answers: int = Field(default=1, ge=1, le=20)
    """How many of them must be answered."""

    @model_validator(mode="after")
    def _possible(self) -> IcmpCheck:
        if self.answers > self.packets:
            raise ValueError("expected answers to be at most packets")
        return self


class Check(Settings):
    """One thing tried: exactly one of http, tcp, dns, icmp."""

    http: HttpCheck | None = None
    """A page that must answer."""
    tcp: TcpCheck | None = None
    """A port that must take connections."""
    dns: DnsCheck | None = None
    """A name that must resolve."""
    icmp: IcmpCheck | None = None
    """A host that must answer pings."""

    @model_validator(mode="after")
    def _one(self) -> Check:
        if sum(one is not None for one in (self.http, self.tcp, self.dns, self.icmp)) != 1:
            raise ValueError("expected exactly one of http, tcp, dns, icmp")
        return self

    @property
    def host(self) -> str:
        """What is talked to, for the per-host limit."""
        if self.http is not None:
            return host_of(self.http.url)
        if self.tcp is not None:
            return self.tcp.host
        if self.icmp is not None:
            return self.icmp.host
        return (self.dns.server or self.dns.name) if self.dns is not None else ""


class TrySettings(Settings):
    """What is tried, and how long: the same for the daemon and for an agent."""

    check: Check
    """What is tried."""
    control: Check | None = None
    """What must work for a failure to count: without it, a lost network of our own reads as an outage."""
    controls: tuple[Check, ...] = Field(default=(), max_length=10)
    """More of that kind: our network counts as lost only where every one of them fails."""
    slow: Duration | None = None
    """An answer slower than this counts as a failure."""
    timeout: Duration = timedelta(seconds=10)
    """Time for one try."""
    allow_private: bool = False
    """Whether what is tried may lie in a private network or on this machine."""

    @property
    def all_controls(self) -> tuple[Check, ...]:
        """Every control target."""
        return (*((self.control,) if self.control is not None else ()), *self.controls)


@dataclass(frozen=True, slots=True)
class Tried:
    """What one check gave; `seconds` it took. `ok` None: it could not be tried. `why` says in words what was wrong, ""
    when right. `expires_at`: when the certificate of the connection that was made ends; None without one."""

    ok: bool | None
    why: str
    seconds: float = 0.0
    expires_at: datetime | None = None


def look(settings: TrySettings, fetch: Get, now: datetime) -> tuple[Tried, Tried | None]:
    """Try the check; where it is wrong, the control targets until one answers. Gives both; the second is None where no
    control was asked. Never raises for anything the world does."""
    tried = try_check(settings.check, settings, fetch, now)
    if tried.ok and settings.slow is not None and tried.seconds > settings.slow.total_seconds():
        tried = replace(tried, ok=False, why=f"answered after {tried.seconds:.1f} s")
    control = None
    if tried.ok is False:
        for target in settings.all_controls:
            control = try_check(target, settings, fetch, now)
            if control.ok:
                break
    return tried, control


def try_check(check: Check, settings: TrySettings, fetch: Get, now: datetime) -> Tried:
    """One try of one check."""
    began = time.monotonic()
    if check.http is not None:
        tried = _try_http(check.http, settings, fetch, now)
    elif check.tcp is not None:
        tried = _told(_try_tcp(check.tcp, settings))
    elif check.dns is not None:
        tried = _told(_try_dns(check.dns, settings))
    else:
        assert check.icmp is not None
        tried = _try_icmp(check.icmp, settings)
    return replace(tried, seconds=round(time.monotonic() - began, 3))


def _told(why: str) -> Tried:
    """A try by what was wrong. What our own guard refused was not tried: that says nothing of the target."""
    return Tried(None if why == NOT_PUBLIC else not why, why)


def _try_http(check: HttpCheck, settings: TrySettings, fetch: Get, now: datetime) -> Tried:
    seconds = settings.timeout.total_seconds()
    rules = Rules(seconds, seconds, seconds, _MOST_BYTES, settings.allow_private, check.ca_file)
    ends: list[datetime] = []
    answer = fetch(Request(check.url, rules=rules, expiry=ends.append), {}, now)
    if isinstance(answer, Failure) and answer.reason == "refused":
        return Tried(None, NOT_PUBLIC if "not public" in answer.detail else f"refused: {answer.detail}")
    if isinstance(answer, Failure):
        status = answer.detail.removeprefix("HTTP ")
        wanted = status.isdigit() and int(status) in check.status
        why = "" if wanted else f"{answer.reason} {answer.detail}".strip()
    else:
        why = _page_fault(check, answer.status, answer.body)
    return Tried(not why, why, expires_at=ends[-1] if ends else None)


def _page_fault(check: HttpCheck, status: int, body: bytes) -> str:
    if check.status and status not in check.status:
        return f"HTTP {status}"
    text = body.decode("utf-8", "replace")
    if check.contains is not None and check.contains not in text:
        return "the page lacks the expected text"
    return "the page holds a text it must not" if check.lacks is not None and check.lacks in text else ""


def _try_tcp(check: TcpCheck, settings: TrySettings) -> str:
    seconds = settings.timeout.total_seconds()
    try:
        with contextlib.closing(
            checked_socket(check.host, check.port, seconds, allow_private=settings.allow_private)
        ):
            return ""
    except (OSError, ValueError) as error:
        return _words(f"port {check.port}", error)


def _words(what: str, error: OSError | ValueError) -> str:
    """What went wrong, in words. The guard's refusal is a PermissionError without a number; a name that cannot be
    encoded is a ValueError."""
    if isinstance(error, PermissionError) and error.errno is None:
        return NOT_PUBLIC
    return f"{what}: {getattr(error, 'strerror', None) or type(error).__name__}"


def _try_dns(check: DnsCheck, settings: TrySettings) -> str:
    try:
        resolver = dns.resolver.Resolver(configure=check.server is None)
        if check.server is not None:
            _, address = checked_addresses(check.server, check.port, allow_private=settings.allow_private)[0]
            resolver.nameservers = [dns.nameserver.Do53Nameserver(address, check.port)]
        found = resolver.resolve(check.name, check.type, lifetime=settings.timeout.total_seconds())
        answers = {record.to_text().strip('"').rstrip(".") for record in found}
    except PermissionError:
        return NOT_PUBLIC
    except (dns.exception.DNSException, OSError, ValueError) as error:
        return f"{check.type} of {check.name}: {type(error).__name__}"
    if check.answers and not answers & {wanted.rstrip(".") for wanted in check.answers}:
        return f"{check.type} of {check.name}: none of the expected answers"
    return ""


def _try_icmp(check: IcmpCheck, settings: TrySettings) -> Tried:
    try:
        answered = ping(check.host, packets=check.packets, wanted=check.answers, allow_private=settings.allow_private,
                        seconds=settings.timeout.total_seconds())
    except NotPermitted:
        return Tried(None, NO_PING)
    except (OSError, ValueError) as error:
        return _told(_words("ping", error))
    if answered >= check.answers:
        return Tried(True, "")
    return Tried(False, f"{answered or 'none'} of {check.packets} pings answered")
