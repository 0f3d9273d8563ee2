"""A stand-in for a Mastodon server as one account uses it to post, with its one-hour memory for keys, its own limits,
and posts that may be edited.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..model.times import parse_rfc3339, rfc3339
from ..notices.fit import measure
from .ledger import Entry
from .speaking import Answer, Asked, StandIn

ACCOUNT = "109000000000000001"
KEY_LIFE = timedelta(hours=1)
_FIRST_ID = 115_000_000_000_000_000
_WORDS: Mapping[int, str] = {
    401: "The access token is invalid", 403: "This action is outside the authorized scopes",
    422: "Validation failed: Text can't be blank", 429: "Too many requests",
    503: "There was a temporary problem serving your request, please try again",
}


VERSION, RELATIVE = "4.4.0", "0.17.3 git-0a1b2c3"
"""What a server calls itself: Mastodon, and a relative that ignores Idempotency-Key (GoToSocial)."""


class Mastodon(StandIn):
    """One server with one account. `keyed` False: a relative that ignores Idempotency-Key, as GoToSocial does.
    `link` is what every link counts as."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, ledger: Path | None = None,
        now: Callable[[], datetime] | None = None, keyed: bool = True, max_characters: int = 500,
        link: int = 23,
    ) -> None:
        super().__init__(host=host, port=port, ledger=ledger, now=now)
        self.keyed = keyed
        self.max_characters = max_characters
        self.link = link
        self.queries: list[Mapping[str, str]] = []
        """What own posts were asked for by, in order."""
        self._edits: dict[str, list[tuple[str, str]]] = {}

    def edit(self, id: str, text: str) -> None:
        """Edit a post as its account may on the site."""
        with self.lock:
            self._edits.setdefault(id, []).append((rfc3339(self.now()), text))

    def start(self) -> Mastodon:
        """Begin to serve."""
        super().start()
        return self

    def sends(self, asked: Asked) -> bool:
        """Only a new status does."""
        return (asked.method, asked.path) == ("POST", "/api/v1/statuses")

    def answer(self, asked: Asked) -> Answer:
        """As a server would."""
        if asked.path == "/api/v2/instance":
            statuses = {"max_characters": self.max_characters, "characters_reserved_per_url": self.link}
            version = VERSION if self.keyed else RELATIVE
            return Answer(200, {"domain": "mastodon.test", "version": version, "configuration": {"statuses": statuses}})
        if not asked.headers.get("authorization", "").startswith("Bearer "):
            return self.refusal(401)
        if self.sends(asked):
            return self._create(asked)
        if asked.path == "/api/v1/accounts/verify_credentials":
            return Answer(200, {"id": ACCOUNT, "username": "status", "acct": "status", "url": f"{self.url}/@status"})
        if asked.path == f"/api/v1/accounts/{ACCOUNT}/statuses":
            return self._own(asked.query)
        if asked.path.startswith("/api/v1/statuses/") and asked.path.endswith("/history"):
            return self._history(asked.path.split("/")[4])
        return Answer(404, {"error": "Record not found"})

    def refusal(self, status: int) -> Answer:
        """As a server words it; 429 says when its window ends."""
        headers = {}
        if status == 429:
            reset = rfc3339(self.now() + timedelta(minutes=5))
            headers = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
        return Answer(status, {"error": _WORDS.get(status, f"told to answer {status}")}, headers)

    def _create(self, asked: Asked) -> Answer:
        fields = asked.fields()
        text, key = fields.get("status"), asked.headers.get("idempotency-key", "")
        if not isinstance(text, str) or not text.strip():
            return self.refusal(422)
        if not measure("mastodon", text, limit=self.max_characters, link=self.link).fits:
            return Answer(422, {"error": f"Validation failed: Text character limit of {self.max_characters} exceeded"})
        known = self._known(key) if self.keyed and key else None
        if known is not None:
            return Answer(200, self._status(known))
        entry = {
            "provider": "mastodon", "id": str(_FIRST_ID + len(self.ledger)), "at": rfc3339(self.now()), "address": "",
            "key": key, "body": text, "headers": asked.seen(), "request": fields,
        }
        self.book.add(entry)
        return Answer(200, self._status(entry))

    def _known(self, key: str) -> Entry | None:
        since = self.now() - KEY_LIFE
        fresh = (e for e in self.ledger if e["key"] == key and parse_rfc3339(e["at"]) > since)
        return next(fresh, None)

    def _own(self, query: Mapping[str, str]) -> Answer:
        self.queries.append(query)
        most = int(query["limit"]) if query.get("limit", "").isdigit() else 20
        most_id, least_id = int(query.get("max_id", 1 << 62)), int(query.get("min_id", query.get("since_id", 0)))
        posts = [e for e in reversed(self.ledger) if least_id < int(e["id"]) < most_id]
        posts = posts[-min(most, 40) :] if "min_id" in query else posts  # those just after it, rather than the newest
        return Answer(200, [self._status(entry) for entry in posts[: min(most, 40)]])

    def _history(self, id: str) -> Answer:
        entry = next((entry for entry in self.ledger if entry["id"] == id), None)
        if entry is None:
            return Answer(404, {"error": "Record not found"})
        versions = [(entry["at"], entry["body"]), *self._edits.get(id, [])]
        return Answer(200, [{"content": as_html(text), "created_at": at, "spoiler_text": ""} for at, text in versions])

    def _status(self, entry: Entry) -> dict[str, Any]:
        edited, text = self._edits.get(entry["id"], [(None, entry["body"])])[-1]
        return {
            "id": entry["id"], "created_at": rfc3339(parse_rfc3339(entry["at"])), "content": as_html(text),
            "edited_at": edited,
            "visibility": entry["request"].get("visibility", "public"), "language": entry["request"].get("language"),
            "url": f"{self.url}/@status/{entry['id']}", "account": {"id": ACCOUNT, "acct": "status"},
        }


def as_html(text: str) -> str:
    """A text as Mastodon shows it: paragraphs, line breaks, and links cut up by spans."""
    paragraphs = re.split(r"\n\s*\n", re.sub(r"(?<![\w/])@(\w+)@[\w.-]*\w", r"@\1", text.strip()))
    return "".join(f"<p>{_links(html.escape(p, quote=False)).replace(chr(10), '<br />')}</p>" for p in paragraphs)


def _links(escaped: str) -> str:
    return re.sub(
        r"(https?://)(\S{1,30})(\S*)",
        r'<a href="\1\2\3" target="_blank" rel="nofollow noopener"><span class="invisible">\1</span>'
        r'<span class="ellipsis">\2</span><span class="invisible">\3</span></a>',
        escaped,
    )
