"""HTTP for streams that stay open: where requests go, how long they may take, how much may come, how to end them.

tweepy has no time-outs, no size limits, no way to say which host to talk to and no way to leave a quiet stream;
requests has no limit on a line. All of it is put right in one adapter, mounted on the session, without patching either.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from ...ports import Clock
from .posts import LINE_LIMIT

CONNECT_SECONDS = 3.05
READ_SECONDS = 10.0
ANSWER_LIMIT = 8 * 1_048_576
"""Bytes of one whole answer, unpacked: a page of a hundred posts is under half of one per cent of it."""
ANSWER_SECONDS = 30.0


class AnswerTooLarge(requests.RequestException):
    """The far side sent more than any honest answer holds, or sent it too slowly; the connection is closed."""


class _Capped:
    """A response's body that stops at the limits. Everything else is the wrapped body's."""

    def __init__(self, raw: Any, *, streaming: bool, clock: Clock) -> None:
        self._raw = raw
        self._streaming = streaming
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:
        """Pass chunks on. Raises AnswerTooLarge when a stream's line or an answer's whole grows too long."""
        size = 0
        begun = self._clock.monotonic()
        for chunk in self._raw.stream(amt, decode_content=decode_content):
            size += len(chunk)
            limit = LINE_LIMIT if self._streaming else ANSWER_LIMIT
            broken = chunk.rfind(b"\n") if self._streaming else -1
            if size > limit + (len(chunk) if broken >= 0 else 0):
                raise AnswerTooLarge("the answer is larger than any honest one")
            if broken >= 0:
                size = len(chunk) - broken - 1
            if not self._streaming and self._clock.monotonic() - begun > ANSWER_SECONDS:
                raise AnswerTooLarge("the answer took too long to arrive")
            yield chunk


class Wire(HTTPAdapter):
    """Carries one service's requests to `base`, with time-outs and caps. Remembers the last answer's status and
    headers, which tweepy keeps to itself. `interrupt()` ends an open stream from another thread."""

    def __init__(self, base: str, *, clock: Clock) -> None:
        self.base = base.rstrip("/")
        self.clock = clock
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.open: Any = None
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **kw: Any) -> requests.Response:
        """Send to `base` instead of the URL's own host."""
        if kw.get("timeout") is None:
            kw["timeout"] = (CONNECT_SECONDS, READ_SECONDS)
        url = urlsplit(str(request.url))
        request.url = self.base + url.path + ("?" + url.query if url.query else "")
        kw["proxies"] = get_environ_proxies(request.url)
        streaming = bool(kw.get("stream"))
        response = super().send(request, *args, **kw)
        self.status = response.status_code
        self.headers = response.headers
        response.raw = _Capped(response.raw, streaming=streaming, clock=self.clock)
        if streaming:
            self.open = response.raw
        return response

    def interrupt(self) -> None:
        """End the open stream, if there is one: its reader sees the end of the data."""
        if self.open is not None:
            with contextlib.suppress(ValueError, RuntimeError, OSError):
                self.open.shutdown()


def never_redirected(session: requests.Session) -> None:
    """Make redirects an error: a stream that is sent elsewhere is not ours, and the token must not travel."""
    session.max_redirects = 0


@contextlib.contextmanager
def ended_by(stop: Callable[[], bool], act: Callable[[], None], clock: Clock) -> Iterator[None]:
    """While the block runs, watch `stop()` and call `act()` until the block ends once it is true."""
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            if stop():
                act()
            done.wait(0.2)

    watcher = threading.Thread(target=watch, name="stop-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
