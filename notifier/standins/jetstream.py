"""A stand-in for Bluesky's Jetstream on loopback: posts as events over a web socket, replayed from a cursor."""

from __future__ import annotations

import contextlib
import hashlib
import http
import json
import queue
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import WebSocketException
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from ..clock import SystemClock
from ..model.mention import Mention
from ..model.times import rfc3339
from .listening import GONE, Airwaves, waiting

POSTS = "app.bsky.feed.post"


def event_of(mention: Mention, at: datetime) -> dict[str, Any]:
    """A mention as Jetstream tells of a new post it saw at `at`."""
    digest = hashlib.sha256(mention.id.encode()).hexdigest()
    who = hashlib.sha256((mention.author or mention.id).encode()).hexdigest()[:24]
    record: dict[str, Any] = {"$type": POSTS, "text": mention.text, "createdAt": rfc3339(mention.created_at)}
    if mention.lang:
        record["langs"] = [mention.lang]
    if mention.reply_to:
        record["reply"] = {"parent": {"uri": mention.reply_to}, "root": {"uri": mention.reply_to}}
    did = mention.author if mention.author and mention.author.startswith("did:") else f"did:plc:{who}"
    return {
        "did": did, "time_us": int(at.timestamp() * 1_000_000), "kind": "commit",
        "commit": {
            "rev": digest[:13], "operation": "create", "collection": POSTS, "rkey": digest[:13], "record": record,
            "cid": f"bafyrei{digest[:50]}",
        },
    }


class Jetstream:
    """Serves the events. `push` publishes a post; `air` drops, stalls, refuses and sends garbage."""

    def __init__(
        self, mentions: Iterable[Mention] = (), *, host: str = "127.0.0.1", port: int = 0,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self.air = Airwaves(self.push, waiting(mentions))
        self.now = now or SystemClock().now
        self.requests: list[str] = []
        self._events: list[tuple[int, bytes]] = []
        self._host, self._port = host, port
        self._server: Server | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def start(self) -> Jetstream:
        """Begin to serve; `url` is then known."""
        self._server = serve(
            self._connection, self._host, self._port, process_request=self._request, close_timeout=1, ping_interval=None
        )
        self.url = f"ws://{self._host}:{self._server.socket.getsockname()[1]}/subscribe"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, cutting every connection."""
        self.air.drop()
        if self._server is not None:
            self._server.shutdown()
        if self._thread is not None:
            self._thread.join(5)

    def __enter__(self) -> Jetstream:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def push(self, mention: Mention) -> None:
        """Publish a post; whoever comes later with an older cursor gets it too."""
        with self.air.lock:
            event = event_of(mention, self.now())
            raw = json.dumps(event).encode()
            self._events.append((event["time_us"], raw))
            self.air.send(raw)

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request.path)
        fault = self.air.fault_for(urlsplit(request.path).path)
        if fault is None:
            return None
        return Response(fault.status, http.HTTPStatus(fault.status).phrase, Headers(fault.headers), b"")

    def _connection(self, connection: ServerConnection) -> None:
        asked = parse_qs(urlsplit(connection.request.path if connection.request else "").query)
        with self.air.lock:
            inbox = self.air.join()
            for at, raw in self._events:
                if "cursor" in asked and at >= int(asked["cursor"][0]):
                    inbox.put(raw)
        self.air.release()
        try:
            self._send_all(connection, inbox)
        except (WebSocketException, OSError):
            return
        finally:
            self.air.leave(inbox)

    def _send_all(self, connection: ServerConnection, inbox: queue.SimpleQueue[bytes | None]) -> None:
        while True:
            try:
                raw = inbox.get(timeout=0.2)
            except queue.Empty:
                if connection.state.name != "OPEN":
                    return
                continue
            if raw is GONE:
                with contextlib.suppress(OSError):
                    connection.socket.shutdown(2)
                return
            if not self.air.stalled.is_set():
                connection.send(raw, text=True)
