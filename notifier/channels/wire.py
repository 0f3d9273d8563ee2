"""What channels over HTTP share: time-outs everywhere, where requests go, bounded answers, and what a failure means.

The vendors' libraries leave time-outs and base addresses out, and some fail on answers they do not expect; so the
answer is taken from the wire itself, and each channel judges it by its own table.
"""

from __future__ import annotations

import json
import math
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

import requests
from pydantic import AfterValidator
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from notifier.clock import SystemClock
from notifier.model.delivery import Message, Outcome, OutcomeKind, Reason
from notifier.model.limit import Told
from notifier.model.times import utc
from notifier.ports import Finding, still_held
from notifier.secret import SecretMissing

TIMEOUT = (3.05, 10.0)
"""Seconds to connect and to wait for an answer: the twelve seconds together stay below a lease."""
AT_ONCE_MOST = 16
"""Requests of one channel under way: more threads only wait for each other, as the libraries keep a processor busy."""
MOST_BYTES = 1_000_000
RETRY_LEAST = timedelta(seconds=60)
"""How long to wait where a far side says "too much" but not until when."""
RETRY_MOST = timedelta(hours=24)
_UNSENT = (
    NewConnectionError,
    ConnectTimeoutError,
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    ssl.SSLCertVerificationError,
)


def at_once(rate: float, most: int) -> int:
    """How many messages are to be under way for `rate` a second where an answer takes half a second; one for the slow,
    whose crash then leaves one in doubt."""
    return min(max(math.ceil(rate / 2), 1), most)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine by name or number."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _safe_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url.rstrip("/")
    if parts.scheme == "http" and is_loopback(parts.hostname or ""):
        return url.rstrip("/")
    raise ValueError("expected https://…, or http:// to this machine: credentials never cross a network in the clear")


BaseUrl = Annotated[str, AfterValidator(_safe_url)]
"""Where an API is: https, or plain http on loopback."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body read as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def fields(self) -> Mapping[str, Any]:
        """The body as a JSON object; empty where it is none."""
        read = self.json()
        return read if isinstance(read, dict) else {}


CLAIM_PASSED = "stopped for longer than its claim lasts"


class ClaimPassed(requests.RequestException):
    """The request was not made: whoever sends holds the delivery no more."""


class Wire(HTTPAdapter):
    """Carries requests with a time-out to `base` (where given, instead of the host they name), reads a bounded answer
    and remembers it for the thread that asked."""

    def __init__(self, base: str | None = None, timeout: tuple[float, float] = TIMEOUT) -> None:
        self._base = base
        self._timeout = timeout
        self._here = threading.local()
        super().__init__(pool_maxsize=AT_ONCE_MOST)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As HTTPAdapter.init_poolmanager. What the far side's machine has not confirmed within the time-out is
        dropped: the system would otherwise go on repeating it for minutes after we were told that there is no answer,
        and where a network was cut it could arrive when the far side had already been read in vain."""
        milliseconds = max(int(self._timeout[1] * 1000), 1)
        options = [*HTTPConnection.default_socket_options, (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)]
        super().init_poolmanager(*args, socket_options=options, **kwargs)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """As HTTPAdapter.send; raises requests.RequestException for a body over a megabyte or too slow in coming, and
        where whoever sends holds the delivery no more (ports.last_look)."""
        kwargs["timeout"] = self._timeout
        if self._base is not None:
            url = urlsplit(str(request.url))
            request.url = self._base + url.path + (f"?{url.query}" if url.query else "")
        kwargs["stream"] = True
        if not still_held():
            raise ClaimPassed
        self._here.began = True
        response = super().send(request, *args, **kwargs)
        body = _read(response, self._timeout[1])
        response._content = body  # the documented property has no setter; requests itself assigns it so
        self._here.answer = HttpAnswer(
            response.status_code, {name.lower(): value for name, value in response.headers.items()}, body
        )
        return response

    def ask(self, call: Callable[[], object], quirk: type[Exception] = ValueError) -> HttpAnswer:
        """The raw answer that `call` got, whatever its library made of it (`quirk`: what it may raise of its own).

        Raises requests.RequestException where there was none. What goes wrong once the request is on its way says
        nothing of whether it arrived: libraries have one error for a header they cannot send and one they cannot read.
        """
        self._here.answer, self._here.began = None, False
        try:
            call()
        except (requests.RequestException, ValueError, TypeError, AttributeError, LookupError, quirk) as error:
            if self._here.answer is None:
                refused = not isinstance(error, requests.RequestException) or isinstance(
                    error, requests.exceptions.InvalidHeader)
                if not self._here.began and refused:
                    raise requests.exceptions.InvalidURL("the request could not be made") from None
                if isinstance(error, requests.RequestException):
                    raise
                raise requests.exceptions.ContentDecodingError("the answer could not be read") from None
        answer: HttpAnswer | None = self._here.answer
        if answer is None:
            raise requests.exceptions.InvalidURL("the request was not made")
        return answer


def _read(response: requests.Response, seconds: float) -> bytes:
    """The body, within `seconds` as a whole: a time-out of its own for each byte would let a far side hold us all day.
    Raises requests.RequestException."""
    clock = SystemClock()
    until, body = clock.monotonic() + seconds, b""
    try:
        while part := response.raw.read1(16_384, decode_content=True):
            body += part
            if len(body) > MOST_BYTES:
                raise requests.exceptions.ContentDecodingError("the answer is over a megabyte")
            if clock.monotonic() > until:
                raise requests.exceptions.ReadTimeout("the answer is too slow in coming")
    except (HTTPError, OSError) as error:
        response.close()
        if isinstance(error, requests.RequestException):
            raise
        raise requests.exceptions.ChunkedEncodingError("the answer broke off") from error
    return body


def mounted(session: requests.Session, wire: Wire) -> requests.Session:
    """`session` speaking through `wire` only: no proxies, .netrc or redirects may carry credentials elsewhere."""
    session.trust_env = False
    session.max_redirects = 0
    session.mount("https://", wire)
    session.mount("http://", wire)
    return session


# ── what it means ────────────────────────────────────────────────────────────────────────────────────────────────────


def was_unsent(error: BaseException) -> bool:
    """Whether a failed request certainly never reached the far side: no connection was made."""
    return caused_by(error, *_UNSENT)


def caused_by(error: BaseException, *kinds: type[BaseException]) -> bool:
    """Whether one of `kinds` is behind `error`, however many libraries have wrapped it."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop()
        if isinstance(current, kinds):
            return True
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            waiting += [getattr(current, "reason", None), current.__cause__, current.__context__, *current.args]
    return False


def failed(error: requests.RequestException) -> Outcome:
    """What a request without an answer means: RETRY where no connection was made, else UNKNOWN. The detail names the
    kind of error only, because its text may hold an address."""
    if caused_by(error, ClaimPassed):
        return retry(Reason.LEASE_LOST, CLAIM_PASSED)
    if was_unsent(error):
        return Outcome(OutcomeKind.RETRY, Reason.UNREACHABLE, detail=f"no connection: {type(error).__name__}")
    return Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER, detail=f"no answer: {type(error).__name__}")


def no_secret(error: SecretMissing) -> Outcome:
    """A secret cannot be read: nothing was sent, and nothing will be until it can."""
    return Outcome(OutcomeKind.RETRY, Reason.AUTHENTICATION, stops_channel=True, detail=str(error))


def retry(
    reason: Reason, detail: str, *, stops: bool = False, at: datetime | None = None, in_doubt: bool = False
) -> Outcome:
    """May be sent again: it was certainly not accepted, or is `in_doubt` and harmless to repeat."""
    return Outcome(OutcomeKind.RETRY, reason, retry_at=at, stops_channel=stops, in_doubt=in_doubt, detail=detail)


def throttled(detail: str, at: datetime) -> Outcome:
    """Not accepted, like whatever else the account or sender sends before `at`: all who share its limit wait."""
    return Outcome(OutcomeKind.RETRY, Reason.RATE_LIMITED, retry_at=at, detail=detail, told=Told(until=at))


def rejected(reason: Reason, detail: str, *, stops: bool = False) -> Outcome:
    """Never to be repeated."""
    return Outcome(OutcomeKind.REJECTED, reason, stops_channel=stops, detail=detail)


def unknown(reason: Reason, detail: str) -> Outcome:
    """May have been accepted."""
    return Outcome(OutcomeKind.UNKNOWN, reason, detail=detail)


def sent(provider_id: str) -> Outcome:
    """Accepted under the far side's own id."""
    return Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id=provider_id[:200])


def key_of(message: Message) -> str:
    """What a far side knows a message by: the same on every attempt. The moment of planning is in it because two
    deployments, or one that was set up anew, count their incidents alike, and a far side would take the second one's
    notice for a repeat of the first."""
    return f"{message.key}-{int(utc(message.created_at).timestamp() * 1_000_000):x}"


def judge_status(answer: HttpAnswer, now: datetime, *, keyed: bool = False) -> Outcome:
    """What a status means by HTTP's own rules (RFC 9110), where the provider has no other word for it. `keyed`: a
    repeat is harmless, so an error of the server's is a RETRY in doubt rather than UNKNOWN."""
    status = answer.status
    detail = f"HTTP {status}"
    if status == 429:
        return throttled(detail, retry_after(answer.headers, now) or now + RETRY_LEAST)
    if status >= 500 or status == 408:
        at = retry_after(answer.headers, now)
        error = Reason.SERVER_ERROR
        return retry(error, detail, at=at, in_doubt=True) if keyed else unknown(error, detail)
    if status in _MEANING:
        kind, reason, stops = _MEANING[status]
        return Outcome(kind, reason, stops_channel=stops, detail=detail)
    if 300 <= status < 400:
        return retry(Reason.BAD_ANSWER, f"{detail}: redirected, which no API of this kind does", stops=True)
    if 400 <= status < 500:
        return rejected(Reason.BAD_ANSWER, detail)
    return unknown(Reason.BAD_ANSWER, f"{detail} without the id of what was made")


_MEANING: Mapping[int, tuple[OutcomeKind, Reason, bool]] = {
    400: (OutcomeKind.REJECTED, Reason.CONTENT_REFUSED, False),
    401: (OutcomeKind.RETRY, Reason.AUTHENTICATION, True),
    402: (OutcomeKind.RETRY, Reason.OUT_OF_CREDIT, True),
    403: (OutcomeKind.REJECTED, Reason.FORBIDDEN, True),
    404: (OutcomeKind.RETRY, Reason.BAD_ANSWER, True),
    405: (OutcomeKind.RETRY, Reason.BAD_ANSWER, True),
    413: (OutcomeKind.REJECTED, Reason.TOO_LONG, False),
    422: (OutcomeKind.REJECTED, Reason.CONTENT_REFUSED, False),
}


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """The time Retry-After names, in seconds or as a date, kept within a day of `now`; None where it names none."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return now + min(timedelta(seconds=int(value[:9])), RETRY_MOST)
    try:
        return bounded(utc(parsedate_to_datetime(value)), now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def reset_at(headers: Mapping[str, str], name: str, now: datetime) -> datetime | None:
    """A header of Unix seconds (x-rate-limit-reset) as a time within a day of `now`; None where there is none."""
    value = headers.get(name, "").strip()
    if not (value.isascii() and value.isdigit() and len(value) <= 11):
        return None
    return bounded(now + timedelta(seconds=int(value) - now.timestamp()), now)


def bounded(moment: datetime, now: datetime) -> datetime:
    """`moment`, but neither before `now` nor more than a day after it."""
    return min(max(moment, now), now + RETRY_MOST)


# ── check ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def finding_of(subject: str, ask: Callable[[], HttpAnswer], said: Callable[[HttpAnswer], str | None]) -> Finding:
    """One line of `doctor` from one harmless request; `said` makes the good sentence, None where it is not good."""
    try:
        answer = ask()
    except SecretMissing as error:
        return Finding(subject, False, str(error))
    except requests.RequestException as error:
        return Finding(subject, False, f"cannot be reached: {type(error).__name__}")
    good = said(answer) if answer.status == 200 else None
    return Finding(subject, good is not None, good or f"answered HTTP {answer.status}, which is not what it should say")
