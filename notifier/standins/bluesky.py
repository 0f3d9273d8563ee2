"""A stand-in for a personal data server of Bluesky: sessions that expire, records under keys, and swaps that fail."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ..model.times import rfc3339
from ..notices.fit import measure
from .ledger import Entry
from .speaking import Answer, Asked, StandIn

DID = "did:plc:examplestatus2222222222"
COLLECTION = "app.bsky.feed.post"
_TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
_ERRORS: Mapping[int, tuple[str, str]] = {
    401: ("AuthenticationRequired", "Invalid identifier or password"), 403: ("Forbidden", "Forbidden"),
    429: ("RateLimitExceeded", "Rate Limit Exceeded"), 500: ("InternalServerError", "Internal Server Error"),
}


class Bluesky(StandIn):
    """One server with one account. `password` None: any will do."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, ledger: Path | None = None,
        now: Callable[[], datetime] | None = None, password: str | None = None,
    ) -> None:
        super().__init__(host=host, port=port, ledger=ledger, now=now)
        self.password = password
        self.handle = "status.example.test"
        self._access: set[str] = set()
        self._refresh: set[str] = set()

    def start(self) -> Bluesky:
        """Begin to serve."""
        super().start()
        return self

    def expire_sessions(self, *, refresh: bool = False) -> None:
        """Forget all access tokens, and refresh tokens where asked."""
        with self.lock:
            self._access.clear()
            if refresh:
                self._refresh.clear()

    def sends(self, asked: Asked) -> bool:
        """Writing a record does."""
        return asked.path in ("/xrpc/com.atproto.repo.putRecord", "/xrpc/com.atproto.repo.createRecord")

    def answer(self, asked: Asked) -> Answer:
        """As a server would."""
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        name = asked.path.removeprefix("/xrpc/")
        if name == "com.atproto.server.createSession":
            return self._log_in(asked.fields())
        if name == "com.atproto.server.refreshSession":
            return self._session() if token in self._refresh else error(400, "ExpiredToken", "Token has been revoked")
        if name == "com.atproto.repo.getRecord":
            return self._get(asked.query)
        if token not in self._access:
            known = error(400, "ExpiredToken", "Token has expired")
            return known if token else error(401, "AuthMissing", "Authentication Required")
        if name == "com.atproto.server.getSession":
            return Answer(200, {"did": DID, "handle": self.handle, "active": True})
        if name == "com.atproto.repo.putRecord":
            return self._put(asked)
        return error(501, "MethodNotImplemented", "Method Not Implemented")

    def refusal(self, status: int) -> Answer:
        """As a server words it; 429 says when the limit is reset."""
        headers = {}
        if status == 429:
            headers = {"RateLimit-Limit": "5000", "RateLimit-Remaining": "0",
                       "RateLimit-Reset": str(int(self.now().timestamp()) + 300)}
        name, words = _ERRORS.get(status, ("Told", f"told to answer {status}"))
        return error(status, name, words, headers)

    def _log_in(self, fields: Mapping[str, Any]) -> Answer:
        if not fields.get("password") or self.password not in (None, fields.get("password")):
            return error(401, "AuthenticationRequired", "Invalid identifier or password")
        self.handle = str(fields.get("identifier"))
        return self._session()

    def _session(self) -> Answer:
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._access.add(access)
        self._refresh.add(refresh)
        return Answer(200, {"did": DID, "handle": self.handle, "accessJwt": access, "refreshJwt": refresh})

    def _put(self, asked: Asked) -> Answer:
        fields = asked.fields()
        record, rkey = fields.get("record"), str(fields.get("rkey"))
        wrong = _refused(record, rkey, fields)
        if wrong:
            return error(400, "InvalidRequest", wrong)
        assert isinstance(record, dict)
        uri, cid = f"at://{DID}/{COLLECTION}/{rkey}", cid_of(record)
        before = self._at(uri)
        if before is not None and before["cid"] == cid:
            return Answer(200, {"uri": uri, "cid": cid, "validationStatus": "valid"})
        if before is not None and "swapRecord" in fields and fields["swapRecord"] != before["cid"]:
            return error(400, "InvalidSwap", f"Record was at {before['cid']}")
        self.book.add({
            "provider": "bluesky", "id": uri, "cid": cid, "at": rfc3339(self.now()), "address": "", "key": rkey,
            "body": record["text"], "headers": asked.seen(), "request": fields,
        })
        commit = {"cid": cid, "rev": rkey}
        return Answer(200, {"uri": uri, "cid": cid, "commit": commit, "validationStatus": "valid"})

    def _get(self, query: Mapping[str, str]) -> Answer:
        uri = f"at://{query.get('repo')}/{query.get('collection')}/{query.get('rkey')}"
        entry = self._at(uri)
        if entry is None:
            return error(400, "RecordNotFound", f"Could not locate record: {uri}")
        return Answer(200, {"uri": uri, "cid": entry["cid"], "value": entry["request"]["record"]})

    def _at(self, uri: str) -> Entry | None:
        return next((entry for entry in reversed(self.ledger) if entry["id"] == uri), None)


def error(status: int, name: str, words: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An XRPC error."""
    return Answer(status, {"error": name, "message": words}, headers or {})


def cid_of(record: Mapping[str, Any]) -> str:
    """Something equal for equal records only, as a content identifier is."""
    plain = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"bafyrei{hashlib.sha256(plain.encode()).hexdigest()[:52]}"


def _refused(record: object, rkey: str, fields: Mapping[str, Any]) -> str:
    """What is wrong with a record by the lexicon; "" for nothing."""
    if not isinstance(record, dict) or not isinstance(record.get("text"), str) or "createdAt" not in record:
        return 'Invalid app.bsky.feed.post record: Record must have the property "text"'
    if fields.get("repo") != DID or fields.get("collection") != COLLECTION or not _TID.fullmatch(rkey):
        return "Invalid repo, collection or record key"
    if not measure("bluesky", record["text"] or " ").fits:
        return "Invalid app.bsky.feed.post record: Record/text must not be longer than 300 graphemes"
    size = len(record["text"].encode())
    for facet in record.get("facets", []):
        span = facet["index"]
        if not 0 <= span["byteStart"] < span["byteEnd"] <= size:
            return "Invalid app.bsky.feed.post record: facet out of range"
    return ""
