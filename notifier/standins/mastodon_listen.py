"""A stand-in for a Mastodon server's streaming side on loopback: hashtag, public and local streams with heartbeats."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from ..model.mention import Mention
from ..model.times import rfc3339
from .listening import Airwaves, Loopback, StreamingRequests, waiting


def status_of(mention: Mention) -> dict[str, Any]:
    """A mention as Mastodon writes a status; texts become HTML paragraphs."""
    content = "".join(
        f"<p>{html.escape(part).replace(chr(10), '<br />')}</p>" for part in mention.text.split("\n\n") if part
    )
    fields = [{"name": "Location", "value": html.escape(mention.author_location)}] if mention.author_location else []
    author = mention.author or "somebody"
    status: dict[str, Any] = {
        "id": mention.id, "uri": mention.id, "url": mention.url, "created_at": rfc3339(mention.created_at),
        "visibility": "public", "language": mention.lang, "content": content, "spoiler_text": "",
        "in_reply_to_id": mention.reply_to, "reblog": None,
        "account": {"id": author, "acct": author, "bot": False, "fields": fields},
    }
    if mention.is_repost:
        status |= {"reblog": {"id": f"{mention.id}-0", "content": content, "language": mention.lang}, "content": ""}
    return status


def event_of(mention: Mention) -> bytes:
    """The server-sent event that tells of a post."""
    return f"event: update\ndata: {json.dumps(status_of(mention))}\n\n".encode()


class MastodonListening:
    """Serves the streams. `push` publishes a post; `air` drops, stalls, refuses and sends garbage."""

    def __init__(
        self, mentions: Iterable[Mention] = (), *, host: str = "127.0.0.1", port: int = 0, heartbeat: float = 15.0
    ) -> None:
        self.air = Airwaves(self.push, waiting(mentions))
        self.heartbeat = heartbeat
        self.token: str | None = None
        """Where set, only requests with this bearer token are served."""
        self.requests: list[str] = []
        self._server = Loopback(type("Requests", (_Requests,), {"mastodon": self}), host, port)
        self.url = ""

    def start(self) -> MastodonListening:
        """Begin to serve; `url` is then known."""
        self.url = self._server.start()
        return self

    def stop(self) -> None:
        """End, cutting every connection."""
        self.air.drop()
        self._server.stop()

    def __enter__(self) -> MastodonListening:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def push(self, mention: Mention) -> None:
        """Publish a post to whoever is connected; Mastodon replays nothing to whoever is not."""
        self.air.send(event_of(mention))


class _Requests(StreamingRequests):
    mastodon: MastodonListening

    def do_GET(self) -> None:  # noqa: N802 the base class asks for this name
        self.mastodon.requests.append(self.path)
        path = urlsplit(self.path).path
        fault = self.mastodon.air.fault_for(path)
        given = self.headers.get("Authorization", "")
        if fault is not None:
            self._refuse(fault.status)
        elif self.mastodon.token is not None and given != f"Bearer {self.mastodon.token}":
            self._refuse(401)
        elif path.removeprefix("/api/v1/streaming/") in {"hashtag", "public", "public/local"}:
            self.stream(self.mastodon.air, b":thump\n", self.mastodon.heartbeat, "text/event-stream")
        else:
            self._refuse(404)

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self.reply(status, b'{"error": "refused"}', "application/json")
