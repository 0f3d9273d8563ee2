"""What the stand-ins for listening share: who is connected, what they are sent, and what is made to go wrong."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from ..model.mention import Mention

GONE: Final = None
"""Put into a connection's queue: cut it off without a farewell."""


@dataclass
class Fault:
    """An answer given instead of the right one, to requests for a path that ends so, this many times more."""

    path: str
    status: int
    headers: Mapping[str, str]
    times: int
    body: bytes | None = None


@dataclass
class Airwaves:
    """The connections of one stand-in. Mentions given at construction go out as soon as somebody asks."""

    publish: Callable[[Mention], object]
    backlog: list[Mention] = field(default_factory=list)
    connections: set[queue.SimpleQueue[bytes | None]] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    """While set, connections stay open and nothing is sent, heartbeats included."""
    connects: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def join(self) -> queue.SimpleQueue[bytes | None]:
        """A new connection's queue."""
        with self.lock:
            inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
            self.connections.add(inbox)
            self.connects += 1
            return inbox

    def leave(self, inbox: queue.SimpleQueue[bytes | None]) -> None:
        """The connection is over."""
        with self.lock:
            self.connections.discard(inbox)

    def send(self, raw: bytes) -> None:
        """Send these bytes to everybody connected."""
        with self.lock:
            for inbox in self.connections:
                inbox.put(raw)

    def drop(self) -> None:
        """Cut every connection."""
        with self.lock:
            for inbox in self.connections:
                inbox.put(GONE)

    def release(self) -> None:
        """Publish what was given at construction, once."""
        with self.lock:
            waiting, self.backlog = self.backlog, []
        for mention in waiting:
            self.publish(mention)

    def refuse(
        self, path: str, status: int, *, times: int = 1, headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> None:
        """Answer so, this many times, to requests for a path that ends in `path`."""
        with self.lock:
            self.faults.append(Fault(path, status, headers or {}, times, body))

    def fault_for(self, path: str) -> Fault | None:
        """The fault this request meets, counted down."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and path.endswith(fault.path):
                    fault.times -= 1
                    return fault
        return None


class StreamingRequests(BaseHTTPRequestHandler):
    """Answers of bounded size, and answers that never end."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the client's side is what is looked at."""

    def reply(self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        """One whole answer."""
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, air: Airwaves, heartbeat: bytes, every: float, content_type: str) -> None:
        """Send whatever comes, and a heartbeat whenever nothing came for `every` seconds, until somebody leaves."""
        inbox = air.join()
        self.close_connection = True
        try:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            air.release()
            self._chunk(heartbeat)
            while True:
                raw = _next(inbox, every, heartbeat)
                if raw is GONE:
                    return
                if not air.stalled.is_set():
                    self._chunk(raw)
        except OSError:
            return
        finally:
            air.leave(inbox)

    def _chunk(self, raw: bytes) -> None:
        if raw:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
            self.wfile.flush()


def _next(inbox: queue.SimpleQueue[bytes | None], every: float, heartbeat: bytes) -> bytes | None:
    try:
        return inbox.get(timeout=every)
    except queue.Empty:
        return heartbeat


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves in the middle is what stand-ins are for."""


@dataclass
class Loopback:
    """An HTTP server in a thread."""

    handler: type[BaseHTTPRequestHandler]
    host: str = "127.0.0.1"
    port: int = 0
    server: ThreadingHTTPServer | None = None
    thread: threading.Thread | None = None

    def start(self) -> str:
        """Begin to serve; returns the base URL."""
        self.server = _Server((self.host, self.port), self.handler)
        self.port = int(self.server.server_address[1])
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return f"http://{self.host}:{self.port}"

    def stop(self) -> None:
        """End. Harmless when called again."""
        with contextlib.suppress(OSError):
            if self.server is not None:
                self.server.shutdown()
                self.server.server_close()
        if self.thread is not None:
            self.thread.join(5)


def waiting(mentions: Iterable[Mention]) -> list[Mention]:
    """Mentions in the order they were written."""
    return sorted(mentions, key=lambda mention: (mention.created_at, mention.id))
