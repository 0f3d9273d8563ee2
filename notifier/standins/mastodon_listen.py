"""A stand-in for a Mastodon server's reading side on loopback: hashtag, public and local streams with heartbeats, and
the statuses of one account, by its name. As Mastodon does, replies to others are kept out of the streams."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
        "in_reply_to_id": mention.reply_to, "in_reply_to_account_id": None, "reblog": None,
        "account": {"id": author, "acct": author, "bot": False, "fields": fields},
    }
    if mention.is_repost:
        status |= {"reblog": {"id": f"{mention.id}-0", "content": content, "language": mention.lang}, "content": ""}
    return status


def _id_of(name: str) -> str:
    """The number a server gives an account."""
    return str(int.from_bytes(name.encode()[:8], "big"))


def _account_id(mention: Mention) -> str:
    return _id_of(mention.author or "somebody")


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
        self.accounts: set[str | None] = set()
        """Accounts that are known before they published anything."""
        self.statuses: list[tuple[int, Mention]] = []
        """Everything published, with the id this server gave it."""
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
        with self.air.lock:
            millis = int(mention.created_at.timestamp() * 1000)
            self.statuses.append(((millis << 16) + len(self.statuses) % 2**16, mention))
        if mention.reply_to is None:
            self.air.send(event_of(mention))

    def statuses_of(self, account: str, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        """What one account published, newest first, as /api/v1/accounts/:id/statuses answers: with `min_id` the oldest
        of what is newer, else the newest."""
        most, after = min(int(asked.get("limit", "20")), 40), int(asked.get("min_id", "0"))
        with self.air.lock:
            own = sorted((id, one) for id, one in self.statuses if _account_id(one) == account and id > after)
        if asked.get("exclude_reblogs") == "true":
            own = [(id, one) for id, one in own if not one.is_repost]
        page = own[:most] if after else own[-most:]
        return [{**status_of(one), "id": str(id)} for id, one in reversed(page)]


class _Requests(StreamingRequests):
    mastodon: MastodonListening

    def do_GET(self) -> None:  # noqa: N802 the base class asks for this name
        self.mastodon.requests.append(self.path)
        path = urlsplit(self.path).path
        fault = self.mastodon.air.fault_for(path)
        given = self.headers.get("Authorization", "")
        if fault is not None:
            self._refuse(fault.status, fault.body)
        elif self.mastodon.token is not None and given != f"Bearer {self.mastodon.token}":
            self._refuse(401)
        elif path == "/api/v1/accounts/lookup":
            self._account(parse_qs(urlsplit(self.path).query).get("acct", [""])[0])
        elif path.startswith("/api/v1/accounts/") and path.endswith("/statuses"):
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            self._json(self.mastodon.statuses_of(path.split("/")[4], asked))
        elif path.removeprefix("/api/v1/streaming/") in {"hashtag", "public", "public/local"}:
            self.stream(self.mastodon.air, b":thump\n", self.mastodon.heartbeat, "text/event-stream")
        else:
            self._refuse(404)

    def _account(self, name: str) -> None:
        if name not in self.mastodon.accounts | {one.author for _, one in self.mastodon.statuses}:
            self._refuse(404)
        else:
            self._json({"id": _id_of(name), "acct": name})

    def _json(self, answer: Any) -> None:
        self.reply(200, json.dumps(answer).encode(), "application/json")

    def _refuse(self, status: int, body: bytes | None = None) -> None:
        self.close_connection = True
        self.reply(status, b'{"error": "refused"}' if body is None else body, "application/json")
