"""One guarded GET: what may be reached, how long it may take, how much it may send.

A status page on its worst day answers slowly, hugely, from somewhere else or not at all. Each of those is an answer a
source can act on, never an exception and never a thread that hangs.
"""

from __future__ import annotations

import http.client
import ssl
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urljoin, urlsplit

import urllib3
import urllib3.exceptions
from urllib3.connection import HTTPConnection
from urllib3.util import Url, parse_url

from notifier import __version__
from notifier.model.times import utc
from notifier.ports import Answer, Failure

from .deadline import Deadline
from .guard import AddressRefused, Expiry, connection, ends_of

USER_AGENT = f"outage-notifier/{__version__} (+status polling)"
"""Sent with every request: api.weather.gov answers 403 without one."""
ETAG, MODIFIED = "http.etag", "http.last-modified"
"""Keys of a source's memory under which the validators of the last good answer are kept."""
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
_PIECE = 65536
_MOST_WAIT = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of one request, in seconds and bytes. `max_bytes` counts what is left after decompression.
    `ca_file` None: the certificates requests ships."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 20.0
    max_bytes: int = 5_000_000
    allow_private: bool = False
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What to get. `headers` may hold a credential: they are never logged and never follow a redirect elsewhere."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    expiry: Expiry | None = None
    """Told when the certificate of each TLS connection made for it ends, whatever is answered over it."""


class Get(Protocol):
    """How a source fetches: `get` here, or a test's own."""

    def __call__(self, request: Request, memory: Mapping[str, str], now: datetime) -> Answer | Failure: ...


class _TooLarge(Exception):
    """The decoded body passed the limit."""


class _BadEncoding(Exception):
    """The body is not in the encoding its headers name, or in one we did not ask for."""


def get(request: Request, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Fetch `request.url`; never raises for anything the far side or the network can do.

    An Answer has a 2xx status, or 304 with an empty body where `memory` held validators that still hold. Everything
    else is a Failure with one of the reasons of ports.Failure. `now` stamps the result and is not read otherwise.
    """
    problem = _unfit(request.url)
    if problem:
        return Failure(now, "refused", problem)
    with Deadline(request.rules.total) as deadline:  # no proxies: one would connect to addresses nobody checked
        try:
            found = _follow(request, memory, now, deadline)
        except _TooLarge:
            return Failure(now, "too_large", f"more than {request.rules.max_bytes} bytes")
        except _BadEncoding as error:
            return Failure(now, "bad_encoding", str(error))
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            return _failure(error, deadline, request.rules, now)
        # a connection cut by the deadline looks like one that ended: its headers or body may be half of what was sent
        return Failure(now, "timed_out", f"not done after {request.rules.total:g} s") if deadline.passed else found


def retry_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When Retry-After allows the next request: seconds or an HTTP date (RFC 9110 10.2.3); None without a usable one.
    At most six hours: a server's slip must not silence a source for days."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return now + min(timedelta(seconds=int(value[:9])), _MOST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
        return min(max(utc(moment), now), now + _MOST_WAIT)
    except (ValueError, OverflowError):
        return None


def judge(status: int, headers: Mapping[str, str], now: datetime) -> Failure | None:
    """What an HTTP status means for a poll: None where the answer is worth reading (2xx, 304)."""
    if 200 <= status < 300 or status == 304:
        return None
    if status == 429 or (status == 503 and "retry-after" in headers):
        return Failure(now, "rate_limited", f"HTTP {status}", retry_at(headers, now))
    if status in _REDIRECTS:
        return Failure(now, "redirected", f"HTTP {status}")
    return Failure(now, "http_status", f"HTTP {status}")


def validators(answer: Answer) -> dict[str, str]:
    """What to keep of a good answer so that the next request can be conditional; lengths are capped."""
    kept = {ETAG: answer.headers.get("etag", ""), MODIFIED: answer.headers.get("last-modified", "")}
    return {key: value for key, value in kept.items() if value and len(value) <= 300}


def unconditional(memory: Mapping[str, str]) -> dict[str, str]:
    """`memory` without validators: the next request asks for the whole answer."""
    return {key: value for key, value in memory.items() if key not in (ETAG, MODIFIED)}


def _unfit(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 raises where it is not a number
    except ValueError:
        return "not a URL"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "only http and https are fetched"
    return "a URL must not carry a user name" if parts.username or parts.password else ""


def _headers(request: Request, memory: Mapping[str, str]) -> dict[str, str]:
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate", **request.headers}
    if ETAG in memory:
        headers["If-None-Match"] = memory[ETAG]
    if MODIFIED in memory:
        headers["If-Modified-Since"] = memory[MODIFIED]
    return headers


def _follow(request: Request, memory: Mapping[str, str], now: datetime, deadline: Deadline) -> Answer | Failure:
    url, rules = request.url, request.rules
    for _ in range(_MOST_REDIRECTS + 1):
        with closing(_opened(parse_url(url), rules, deadline)) as opened:
            response = _asked(opened, request, _headers(request, memory), parse_url(url).request_uri)
            headers = {name.lower(): value for name, value in response.headers.items()}
            status = response.status
            if status not in _REDIRECTS:
                failure = judge(status, headers, now)
                if failure is not None:
                    return failure
                body = b"" if status == 304 else _body(response, headers, rules.max_bytes)
                return Answer(now, status, headers, body)
        target = urljoin(url, headers.get("location", ""))
        if not _same_host(url, target):
            return Failure(now, "redirected", f"HTTP {status} to another host")
        url = target
    return Failure(now, "redirected", f"more than {_MOST_REDIRECTS} redirects")


def _opened(url: Url, rules: Rules, deadline: Deadline) -> HTTPConnection:
    return connection(
        url.scheme or "http",
        (url.host or "").strip("[]"),
        url.port,
        timeout=rules.connect,
        deadline=deadline,
        allow_private=rules.allow_private,
        ca_file=rules.ca_file,
    )


def _asked(
    opened: HTTPConnection, request: Request, headers: Mapping[str, str], target: str
) -> urllib3.BaseHTTPResponse:
    """One exchange. The connection is used once: polls of one host are a minute apart, and few hosts wait so long."""
    opened.connect()
    if request.expiry is not None and (ends := ends_of(opened.sock)) is not None:
        request.expiry(ends)
    if opened.sock is not None:
        opened.sock.settimeout(request.rules.read)
    opened.request("GET", target, headers=headers, preload_content=False, decode_content=False)
    return opened.getresponse()


def _same_host(here: str, there: str) -> bool:
    """Same host and same or better scheme; the port may change only with a step up to https."""
    if _unfit(there):
        return False
    old, new = urlsplit(here), urlsplit(there)
    if old.hostname != new.hostname:
        return False
    if old.scheme == new.scheme:
        return old.port == new.port
    return new.scheme == "https" and new.port in (None, 443)


def _body(response: urllib3.BaseHTTPResponse, headers: Mapping[str, str], most: int) -> bytes:
    """The decoded body, read piece by piece and given up at `most` bytes, compressed or not."""
    encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise _BadEncoding(f"content encoding {encoding[:40]!r} was not asked for")
    unpack = None if encoding == "identity" else zlib.decompressobj(47 if "gzip" in encoding else zlib.MAX_WBITS)
    found = bytearray()
    while piece := response.read(_PIECE, decode_content=False):
        if unpack is None:
            found += piece
        else:
            unpack = _unpack(unpack, piece, found, most, raw=encoding == "deflate")
        if len(found) > most:
            raise _TooLarge
    if unpack is not None and not unpack.eof:
        raise _BadEncoding("the compressed body was cut off")
    return bytes(found)


def _unpack(unpack: zlib._Decompress, piece: bytes, found: bytearray, most: int, *, raw: bool) -> zlib._Decompress:
    """Decompress `piece` into `found`, at most one byte past `most`. Some servers send deflate without its zlib
    wrapper: tried once, at the start, as browsers do."""
    try:
        found += unpack.decompress(piece, most + 1 - len(found))
    except zlib.error as error:
        if not raw or found:
            raise _BadEncoding("the body is not in the encoding its headers name") from error
        unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        return _unpack(unpack, piece, found, most, raw=False)
    return unpack


def _failure(error: Exception, deadline: Deadline, rules: Rules, now: datetime) -> Failure:
    """Name what went wrong. Only the kind of error is told: messages of libraries quote URLs."""
    if deadline.passed:
        return Failure(now, "timed_out", f"not done after {rules.total:g} s")
    cause: object = error
    for _ in range(6):
        if isinstance(cause, AddressRefused):
            why = "the host leads to an address that is not public; set allow_private if it is meant"
            return Failure(now, "refused", why)
        if isinstance(cause, urllib3.exceptions.NewConnectionError):  # urllib3 counts it among the time-outs
            return Failure(now, "unreachable", type(cause.__cause__ or cause).__name__)
        if isinstance(cause, urllib3.exceptions.TimeoutError | TimeoutError):
            return Failure(now, "timed_out", f"no answer within {rules.connect:g} s + {rules.read:g} s")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Failure(now, "unreachable", "the certificate is not trusted, or not for this host")
        told = (getattr(cause, "reason", None), *getattr(cause, "args", ()))
        inner = next((one for one in told if isinstance(one, Exception)), None)
        if inner is None:
            break
        cause = inner
    return Failure(now, "unreachable", type(cause).__name__)
