"""What the stand-ins that are sent to share: an HTTP server, a ledger, and faults to order."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..clock import SystemClock
from .faults import ACCEPT_THEN_DROP, ERROR_AFTER_ACCEPT, HANG, RESET, Faults
from .ledger import Entry, Ledger

MOST_BYTES = 1_000_000
HANG_SECONDS = 60.0
_PRIVATE = ("authorization", "cookie")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `headers` have lower-case names; `query` keeps the last of doubled names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def fields(self) -> dict[str, Any]:
        """The body as a JSON object or a form; {} where it is neither."""
        if self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))
        try:
            read = json.loads(self.body)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    def seen(self) -> dict[str, str]:
        """The headers as the ledger keeps them: without credentials."""
        return {name: value for name, value in self.headers.items() if name not in _PRIVATE}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: `body` is made JSON unless it is bytes."""

    status: int
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def raw(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class StandIn:
    """A provider on loopback. A provider's class says what is a send (`sends`), answers requests (`answer`) and words
    its refusals (`refusal`); this one serves, breaks to order and keeps the book."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ledger: Path | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.slow = 0.0
        """Seconds each answer takes to come, as from a far side that is not in the same room."""
        self.faults = Faults()
        self.book = Ledger(ledger)
        self.now = now or SystemClock().now
        self.lock = threading.RLock()
        self.asked: list[tuple[str, str]] = []
        """Method and path of every request, in order."""
        self._host, self.port = host, port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    @property
    def ledger(self) -> list[Entry]:
        """Everything that was accepted, in order."""
        return self.book.entries

    @property
    def url(self) -> str:
        """Where it serves, once started."""
        return f"http://{self._host}:{self.port}"

    def fault(self, mode: str, times: int = 1, on: str = "send") -> None:
        """Meet the next requests with a fault: see `Faults.set`."""
        self.faults.set(mode, times, on)

    def start(self) -> StandIn:
        """Begin to serve; `port` and `url` are then known."""
        self._server = _Server((self._host, self.port), type("Requests", (_Requests,), {"standin": self}))
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End. Harmless when called again."""
        self._ending.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.cut_all()
            self._server = None
        if self._thread is not None:
            self._thread.join(5)

    def __enter__(self) -> StandIn:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ── what a provider's class says ──

    def sends(self, asked: Asked) -> bool:
        """Whether this request would send something."""
        return asked.method == "POST"

    def answer(self, asked: Asked) -> Answer:
        """Answer rightly; called with `lock` held."""
        return Answer(404, {"error": "not found"})

    def refusal(self, status: int) -> Answer:
        """A refusal with this status in the provider's own words."""
        return Answer(status, {"error": f"told to answer {status}"})

    # ── serving ──

    def meet(self, asked: Asked) -> Answer | None:
        """Answer a request, rightly or as told to; None: cut the connection."""
        self.asked.append((asked.method, asked.path))
        if asked.path == "/_faults":
            return self._order(asked)
        if asked.path == "/_ledger":
            return Answer(200, self.ledger)
        mode = self.faults.take("send" if self.sends(asked) else "read")
        if mode == HANG:
            self._ending.wait(HANG_SECONDS)
            return None
        if mode == RESET:
            return None
        if mode.isdigit():
            refused = self.refusal(int(mode))
            away = {"Location": asked.path} if mode.startswith("3") else {}  # who follows comes back here
            return replace(refused, headers={**refused.headers, **away})
        with self.lock:
            answer = self.answer(asked)
        if self.slow:
            self._ending.wait(self.slow)
        if mode == ACCEPT_THEN_DROP:
            return None
        return self.refusal(500) if mode == ERROR_AFTER_ACCEPT else answer

    def _order(self, asked: Asked) -> Answer:
        try:
            self.faults.set_from(asked.fields())
        except ValueError as error:
            return Answer(400, {"error": str(error)})
        return Answer(200, {"ok": True})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def close_request(self, request: Any) -> None:
        self._open.discard(request)
        super().close_request(request)

    def cut_all(self) -> None:
        """End connections that are kept open: what has stopped must not go on answering."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves in the middle is what stand-ins are for."""


class _Requests(BaseHTTPRequestHandler):
    standin: StandIn
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # headers and body are two writes, and the second must not wait for an ACK

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the client's side is what is looked at."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date of an answer, by the time the stand-in lives by."""
        return formatdate(self.standin.now().timestamp() if timestamp is None else timestamp, usegmt=True)

    def do_GET(self) -> None:
        self._meet()

    def do_POST(self) -> None:
        self._meet()

    def do_PUT(self) -> None:
        self._meet()

    def do_HEAD(self) -> None:
        self._meet()

    def do_DELETE(self) -> None:
        self._meet()

    def _meet(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            self._say(Answer(413, {"error": "too large"}))
            self.close_connection = True
            return
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        asked = Asked(self.command, url.path, query, headers, self.rfile.read(int(length)))
        answer = self.standin.meet(asked)
        if answer is None:
            self._cut()
        else:
            self._say(answer)

    def _say(self, answer: Answer) -> None:
        raw = answer.raw()
        self.send_response(answer.status)
        told = {"Content-Type": answer.content_type, "Content-Length": str(len(raw)), **answer.headers}
        for name, value in told.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _cut(self) -> None:
        """End the connection with a reset, as a crashed far side does."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
