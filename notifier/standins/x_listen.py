"""A stand-in for X's reading side on loopback: rules, filtered stream and recent search, as API 2 answers them.

Used by the demo and the tests with the real tweepy. What it answers is checked against X's own OpenAPI description.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..model.mention import Mention
from ..model.times import parse_rfc3339, rfc3339
from .listening import Airwaves, Loopback, StreamingRequests, waiting

EPOCH_MS = 1_288_834_974_657
_TERM = re.compile(r'"([^"]+)"|(-?[\w&#@:.\'’]+)')
_POST_ID = re.compile(r"[1-9][0-9]{14,18}")
_PROBLEM = "application/problem+json"


def matches(rule: str, mention: Mention) -> bool:
    """Whether a post fits a rule, for the part of X's language our listener writes: terms or from: joined by OR, lang:,
    -is:retweet. Other operators are taken as met."""
    words = [(quoted or bare) for quoted, bare in _TERM.findall(rule)]
    if "-is:retweet" in words and mention.is_repost:
        return False
    languages = {word.removeprefix("lang:") for word in words if word.startswith("lang:")}
    if languages and mention.lang is not None and mention.lang.split("-")[0] not in languages:
        return False
    authors = {word.removeprefix("from:") for word in words if word.startswith("from:")}
    if _author(mention) in authors:
        return True
    terms = [word.casefold() for word in words if word != "OR" and ":" not in word]
    return any(term in mention.text.casefold() for term in terms)


class XListening:
    """Serves X's reading side. `push` publishes a post; `air` drops, stalls, refuses and sends garbage."""

    def __init__(
        self, mentions: Iterable[Mention] = (), *, host: str = "127.0.0.1", port: int = 0, keep_alive: float = 20.0
    ) -> None:
        self.air = Airwaves(self.push, waiting(mentions))
        self.keep_alive = keep_alive
        self.rules: dict[str, dict[str, str]] = {}
        self.posts: list[tuple[int, Mention]] = []
        self.requests: list[tuple[str, str]] = []
        """Every request's method and path with its query, in order."""
        self._counter = 0
        self._server = Loopback(type("Requests", (_Requests,), {"x": self}), host, port)
        self.url = ""

    def start(self) -> XListening:
        """Begin to serve; `url` is then known."""
        self.url = self._server.start()
        return self

    def stop(self) -> None:
        """End, cutting every connection."""
        self.air.drop()
        self._server.stop()

    def __enter__(self) -> XListening:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def push(self, mention: Mention) -> str:
        """Publish a post: searchable at once, streamed to whoever has a rule it fits. Returns the id X gave it."""
        with self.air.lock:
            id = self._id_for(mention)
            self.posts.append((id, mention))
            matched = [rule for rule in self.rules.values() if matches(rule["value"], mention)]
            if matched:
                tagged = [{"id": rule["id"], "tag": rule.get("tag", "")} for rule in matched]
                line = {"data": post_of(id, mention), "includes": includes_of([mention]), "matching_rules": tagged}
                self.air.send(json.dumps(line).encode() + b"\r\n")
        return str(id)

    def _id_for(self, mention: Mention) -> int:
        if _POST_ID.fullmatch(mention.id):
            return int(mention.id)
        self._counter += 1
        millis = int(mention.created_at.timestamp() * 1000) - EPOCH_MS
        return (max(millis, 0) << 22) + self._counter

    # ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def search(self, asked: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """Recent search: newest first, in pages."""
        self.air.release()
        query, most = asked.get("query", ""), int(asked.get("max_results", "10"))
        if not query or len(query) > 512 or not 10 <= most <= 100:
            return 400, _invalid("query must have 1 to 512 characters, max_results 10 to 100")
        since, start = int(asked.get("since_id", "0")), asked.get("start_time")
        with self.air.lock:
            found = sorted((item for item in self.posts if matches(query, item[1])), key=lambda item: -item[0])
        found = [item for item in found if item[0] > since]
        if start is not None:
            found = [item for item in found if item[1].created_at >= parse_rfc3339(start)]
        skip = int(asked.get("next_token", "p0").removeprefix("p"))
        page = found[skip : skip + most]
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": str(page[0][0]), "oldest_id": str(page[-1][0])}
        if skip + most < len(found):
            meta["next_token"] = f"p{skip + most}"
        if not page:
            return 200, {"meta": meta}
        posts = [post_of(id, mention) for id, mention in page]
        return 200, {"data": posts, "includes": includes_of([mention for _, mention in page]), "meta": meta}

    def update_rules(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Add or delete rules."""
        with self.air.lock:
            if "delete" in body:
                for id in body["delete"].get("ids", []):
                    self.rules.pop(id, None)
                return 200, {"meta": {"sent": "2026-01-15T12:00:00.000Z", "summary": {"deleted": 1, "not_deleted": 0}}}
            added = []
            for rule in body.get("add", []):
                if len(rule["value"]) > 1024:
                    return 400, _invalid("a rule may have 1,024 characters")
                self._counter += 1
                added.append({"id": str(10**18 + self._counter), **rule})
                self.rules[added[-1]["id"]] = added[-1]
            meta = {"sent": "2026-01-15T12:00:00.000Z", "summary": {"created": len(added)}}
            return 201, {"data": added, "meta": meta}

    def list_rules(self) -> dict[str, Any]:
        """The rules there are."""
        with self.air.lock:
            found: dict[str, Any] = {"meta": {"result_count": len(self.rules)}}
            if self.rules:
                found["data"] = list(self.rules.values())
            return found


def _number(text: str) -> str:
    return str(int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big"))


def _author(mention: Mention) -> str:
    """The number of an account; one that is a number already stays."""
    name = mention.author or mention.id
    return name if name.isascii() and name.isdigit() else _number(name)


def post_of(id: int, mention: Mention) -> dict[str, Any]:
    """A mention as X writes a post."""
    post: dict[str, Any] = {
        "id": str(id), "text": mention.text, "created_at": rfc3339(mention.created_at).replace("Z", ".000Z")
        if mention.created_at.microsecond < 1000 else rfc3339(mention.created_at),
        "author_id": _author(mention), "edit_history_tweet_ids": [str(id)],
        "lang": mention.lang or "und",
    }
    references = []
    if mention.is_repost:
        references.append({"type": "retweeted", "id": str(id - 1)})
    if mention.reply_to:
        answered = mention.reply_to if _POST_ID.fullmatch(mention.reply_to) else _number(mention.reply_to)
        references.append({"type": "replied_to", "id": answered})
    if references:
        post["referenced_tweets"] = references
    if mention.place:
        post["geo"] = {"place_id": _number(mention.place)}
    return post


def includes_of(mentions: Iterable[Mention]) -> dict[str, Any]:
    """The people and places that posts refer to."""
    users: dict[str, dict[str, Any]] = {}
    places: dict[str, dict[str, Any]] = {}
    for mention in mentions:
        id = _author(mention)
        users[id] = {"id": id, "name": mention.author or "somebody", "username": f"u{id}"[:15]}
        if mention.author_location:
            users[id]["location"] = mention.author_location
        if mention.place:
            place = _number(mention.place)
            places[place] = {"id": place, "full_name": mention.place}
    return {"users": list(users.values()), **({"places": list(places.values())} if places else {})}


def _invalid(detail: str) -> dict[str, Any]:
    return {"title": "Invalid Request", "detail": detail, "type": "https://api.x.com/2/problems/invalid-request"}


def _refusal(status: int) -> dict[str, Any]:
    titles = {403: "Forbidden", 429: "Too Many Requests", 401: "Unauthorized"}
    title = titles.get(status, "Error")
    return {"title": title, "detail": title, "type": "about:blank", "status": status}


class _Requests(StreamingRequests):
    x: XListening

    def do_GET(self) -> None:  # noqa: N802 the base class asks for this name
        url = self._begin()
        if url is None:
            return
        if url.path == "/2/tweets/search/stream":
            self.stream(self.x.air, b"\r\n", self.x.keep_alive, "application/json; charset=utf-8")
        elif url.path == "/2/tweets/search/stream/rules":
            self._json(200, self.x.list_rules())
        elif url.path == "/2/tweets/search/recent":
            self._json(*self.x.search({name: values[0] for name, values in parse_qs(url.query).items()}))
        else:
            self._json(404, _refusal(404))

    def do_POST(self) -> None:  # noqa: N802 likewise
        url = self._begin()
        if url is not None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            self._json(*self.x.update_rules(body))

    def _begin(self) -> Any:
        self.x.requests.append((self.command, self.path))
        url = urlsplit(self.path)
        fault = self.x.air.fault_for(url.path)
        if fault is not None:
            self.close_connection = True
            body = json.dumps(_refusal(fault.status)).encode() if fault.body is None else fault.body
            self.reply(fault.status, body, _PROBLEM, fault.headers)
            return None
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            self.close_connection = True
            self._json(401, _refusal(401))
            return None
        return url

    def _json(self, status: int, body: Mapping[str, Any]) -> None:
        limits = {"x-rate-limit-limit": "450", "x-rate-limit-remaining": "449"}
        self.reply(status, json.dumps(body).encode(), "application/json; charset=utf-8", limits)
