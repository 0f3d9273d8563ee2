"""A stand-in for X's API v2 as one account uses it to post: create, read the own timeline and posts by their ids, say
who it is and what credit is left.

Its answers have the shapes of X's OpenAPI description (2.167); the refusals of a doubled text and of an empty purse are
those X gave in 2026. It swaps links for t.co ones and escapes &, < and >, shows posts late where it is told to, and
lets them be edited, because that is what makes finding one's own post hard.
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
from ..notices.urls import find_links
from .ledger import Entry
from .speaking import Answer, Asked, StandIn

USER = {"id": "1500000000000000001", "name": "Example Status", "username": "examplestatus"}
_FIRST_ID = 1_990_000_000_000_000_000
_FIRST_EDIT = 1_995_000_000_000_000_000
_APP = "Bearer the-app-itself"
_DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
_WORDS: Mapping[int, tuple[str, str]] = {
    402: ("CreditsDepleted", "Your enrolled account does not have any credits to fulfill this request."),
    403: ("Forbidden", "You are not permitted to perform this action."),
    429: ("Too Many Requests", "Too Many Requests"),
    503: ("Service Unavailable", "Service Unavailable"),
}


PRICE, PRICE_WITH_LINK = 0.015, 0.200
"""US dollars a post is billed (docs.x.com, August 2026)."""


class X(StandIn):
    """One account. A text that is among the last hundred posts is refused as X does.

    `credit`: US dollars left; None: the app is not asked to pay, and the balance is not told, as to some of X's
    customers. `label`: what the account is affiliated as. `shown_after`: how long a post is missing in the timeline.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, ledger: Path | None = None,
        now: Callable[[], datetime] | None = None, credit: float | None = 1_000_000.0, label: str | None = "Automated",
    ) -> None:
        super().__init__(host=host, port=port, ledger=ledger, now=now)
        self.credit = credit
        self.label = label
        self.shown_after = timedelta()
        self._edits: dict[str, list[tuple[str, str]]] = {}

    def edit(self, id: str, text: str) -> str:
        """Edit a post as its account may on the site: it is shown under a new id from then on, which is returned."""
        with self.lock:
            changed = self._edits.setdefault(id, [])
            changed.append((str(_FIRST_EDIT + sum(map(len, self._edits.values()))), text))
            return changed[-1][0]

    def start(self) -> X:
        """Begin to serve."""
        super().start()
        return self

    def sends(self, asked: Asked) -> bool:
        """Only creating a post does."""
        return (asked.method, asked.path) == ("POST", "/2/tweets")

    def answer(self, asked: Asked) -> Answer:
        """As X would."""
        given = asked.headers.get("authorization", "")
        if asked.path == "/oauth2/token":
            fit = given.startswith("Basic ") and asked.fields().get("grant_type") == "client_credentials"
            token = {"token_type": "bearer", "access_token": _APP.removeprefix("Bearer ")}
            return Answer(200, token) if fit else problem(403, "Forbidden", "Unable to verify your credentials")
        if given == _APP:
            return self._usage(asked.path)
        if not (given.startswith("OAuth ") and "oauth_signature=" in given and "oauth_token=" in given):
            return problem(401, "Unauthorized", "Unauthorized")
        if self.sends(asked):
            return self._create(asked)
        if asked.path == "/2/users/me":
            shown = {"affiliation": {"description": self.label}} if self.label else {}
            return Answer(200, {"data": USER | (shown if "affiliation" in asked.query.get("user.fields", "") else {})})
        if asked.path == "/2/tweets":
            return self._by_ids(asked.query)
        if asked.path == f"/2/users/{USER['id']}/tweets":
            return self._timeline(asked.query)
        return problem(404, "Not Found", "Not Found")

    def refusal(self, status: int) -> Answer:
        """As X words it; 429 comes with the times of its limits."""
        title, detail = _WORDS.get(status, (f"Status {status}", f"told to answer {status}"))
        headers = {}
        if status == 429:
            reset = int(self.now().timestamp()) + 600
            headers = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)}
        return problem(status, title, detail, headers)

    def _create(self, asked: Asked) -> Answer:
        text = asked.fields().get("text")
        if not isinstance(text, str) or not text.strip():
            return problem(400, "Invalid Request", "One or more parameters to your request was invalid.")
        if not measure("x", text).fits:
            return problem(403, "Forbidden", "Your Tweet text is too long.")
        if any(entry["body"] == text for entry in self.ledger[-100:]):
            return problem(403, "Forbidden", _DUPLICATE)
        if self.credit is not None:
            price = PRICE_WITH_LINK if find_links(text) else PRICE
            if self.credit <= 0:
                return self.refusal(402)
            self.credit -= price
        id = str(_FIRST_ID + len(self.ledger))
        self.book.add({
            "provider": "x", "id": id, "at": rfc3339(self.now()), "address": "", "key": "", "body": text,
            "headers": asked.seen(), "request": asked.fields(),
        })
        shown, _ = _as_shown(text, id)
        return Answer(201, {"data": {"id": id, "text": shown, "edit_history_tweet_ids": [id]}})

    def _timeline(self, query: Mapping[str, str]) -> Answer:
        most = query.get("max_results", "10")
        if not most.isdigit() or not 5 <= int(most) <= 100:
            return problem(400, "Invalid Request", "max_results must be between 5 and 100")
        since = parse_rfc3339(query["start_time"]) if "start_time" in query else None
        until = self.now() - self.shown_after
        posts = [e for e in reversed(self.ledger) if _is_since(e, since) and parse_rfc3339(e["at"]) <= until]
        token = query.get("pagination_token", "0")
        first = int(token) if token.isdigit() else 0
        fields = query.get("tweet.fields", "")
        page = [self._versions(entry, fields)[-1] for entry in posts[first : first + int(most)]]
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": page[0]["id"], "oldest_id": page[-1]["id"]}
        if first + int(most) < len(posts):
            meta["next_token"] = str(first + int(most))
        return Answer(200, {"data": page, "meta": meta} if page else {"meta": meta})


    def _by_ids(self, query: Mapping[str, str]) -> Answer:
        wanted, fields = query.get("ids", "").split(","), query.get("tweet.fields", "")
        every = {version["id"]: version for entry in self.ledger for version in self._versions(entry, fields)}
        return Answer(200, {"data": [every[id] for id in wanted if id in every]})

    def _versions(self, entry: Entry, fields: str) -> list[dict[str, Any]]:
        """A post in all its versions, the first first."""
        texts = [(entry["id"], entry["body"]), *self._edits.get(entry["id"], [])]
        history = [id for id, _ in texts]
        return [_post(id, text, entry["at"], fields) | {"edit_history_tweet_ids": history} for id, text in texts]

    def _usage(self, path: str) -> Answer:
        if path == "/2/usage/credits" and self.credit is not None:
            left = {"free_balance": 0, "prepaid_balance": self.credit, "total_balance": max(0.0, self.credit)}
            return Answer(200, {"data": left})
        if path == "/2/usage/tweets":
            return Answer(200, {"data": {"project_id": "1", "project_usage": "120", "project_cap": "3000000"}})
        return Answer(404, b"")


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Answer:
    """A refusal as X shapes it (RFC 7807)."""
    body = {"title": title, "detail": detail, "type": "about:blank", "status": status}
    return Answer(status, body, headers or {}, "application/problem+json")


def _is_since(entry: Entry, since: datetime | None) -> bool:
    return since is None or parse_rfc3339(entry["at"]) >= since


def _as_shown(text: str, id: str) -> tuple[str, list[dict[str, Any]]]:
    """The text as X shows it, and where its links are."""
    urls: list[dict[str, Any]] = []
    for number, link in enumerate(reversed(find_links(text))):
        short = f"https://t.co/{id[-6:]}{number:04d}"
        text = text[: link.start] + short + text[link.end :]
        whole = link.text if link.has_scheme else f"http://{link.text}"
        urls.append({"url": short, "expanded_url": whole, "display_url": re.sub(r"https?://", "", whole)})
    shown = html.escape(text, quote=False)
    for url in urls:
        url["start"] = shown.find(str(url["url"]))
        url["end"] = url["start"] + len(str(url["url"]))
    return shown, urls


def _post(id: str, text: str, at: str, fields: str) -> dict[str, Any]:
    shown, urls = _as_shown(text, id)
    post: dict[str, Any] = {"id": id, "text": shown}
    if "created_at" in fields:
        post["created_at"] = rfc3339(parse_rfc3339(at))
    if "entities" in fields and urls:
        post["entities"] = {"urls": urls}
    return post
