"""Results from other places: what an agent posts, and whether it is taken.

A post is signed with the place's own secret (`signing`). Whatever is wrong with it – signature, age, an id that was
taken before, another place's name, its size, a field of the wrong type, a clock ahead of its own signature – it is
refused whole, with a reason and an HTTP status, and changes nothing.

    POST /hooks/probes/SOURCE
    {"place": "btv", "results": [{"at": "2026-01-15T12:00:00Z", "ok": false, "why": "HTTP 500", "seconds": 0.2,
                                  "control": {"ok": true, "why": "", "seconds": 0.1}}, …]}
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from notifier.model.times import rfc3339

from ..shapes import Unreadable, any_moment, json_of, record, records, required
from ..signing import OFF_CLOCK, TOLERANCE, Envelope, envelope_of, fits, sign_push
from .results import result_of

POST_LIMIT = 262_144
"""Bytes of one post."""
POST_MOST = 200
"""Results in one post."""
OLDEST = timedelta(days=1)
"""Results older than this say nothing any more, and are left out."""
_SLACK = timedelta(seconds=5)
"""How far a result may lie after its own signature: whole seconds are signed."""
_IDS_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Post:
    """A post that was taken. `body` is what the source reads: the times by our clock, nothing secret."""

    place: str
    id: str
    body: bytes
    results: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A post that was not taken. `result` is one of: too_large, unsigned, late, wrong_place, malformed, replayed."""

    result: str
    status: int
    why: str


def write_post(place: str, results: Sequence[Mapping[str, Any]]) -> bytes:
    """The body an agent posts."""
    return json.dumps({"place": place, "results": list(results)}).encode()


def sign_post(body: bytes, *, id: str, secret: str, now: datetime) -> dict[str, str]:
    """Its headers. A post that is tried again keeps its id and is signed anew."""
    return {"content-type": "application/json", **sign_push(body, id=id, secret=secret, now=now)}


def read_post(body: bytes, headers: Mapping[str, str], secrets: Mapping[str, str], now: datetime) -> Post | Refused:
    """Check a post against the secrets of the places that may send it. Pure; never raises for anything sent."""
    if len(body) > POST_LIMIT:
        return Refused("too_large", 413, f"larger than {POST_LIMIT} bytes")
    envelope = envelope_of(headers, now)
    if isinstance(envelope, str):
        return Refused("late" if envelope == OFF_CLOCK else "unsigned", 401, envelope)
    signers = {place for place, secret in secrets.items() if fits(envelope, body, secret)}
    if not signers:
        return Refused("unsigned", 401, "the signature fits no place of this source")
    try:
        said = record(json_of(body), "the post")
        place = required(said, "place", "the post")
        if place not in signers:
            return Refused("wrong_place", 403, "it was signed with another place's key")
        results = _results(said, envelope, now)
    except Unreadable as error:
        return Refused("malformed", 400, str(error))
    taken = json.dumps({"places": {place: results}}).encode()
    return Post(place, envelope.id, taken, len(results))


def _results(said: Mapping[str, Any], envelope: Envelope, now: datetime) -> list[dict[str, Any]]:
    """The results by our clock, oldest first: each was tried as long before `now` as it was before the signature."""
    given = records(said.get("results"), "results")
    if not 1 <= len(given) <= POST_MOST:
        raise Unreadable(f"{len(given)} results, expected 1 to {POST_MOST}")
    found = []
    for one in given:
        seen = any_moment(one.get("at"))
        if seen is None:
            raise Unreadable("a result has no time (at) in RFC 3339 with its zone")
        if seen > envelope.signed_at + _SLACK:
            raise Unreadable("a result lies after its own signature")
        age = max(envelope.signed_at - seen, timedelta())
        result_of(one, now)
        if age <= OLDEST:
            found.append((seen, _kept(one) | {"at": rfc3339(now - age), "seen": rfc3339(seen)}))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


def _kept(one: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are read, each cut short."""
    control = one.get("control")
    part = {"ok": control.get("ok"), "why": str(control.get("why") or "")[:200]} if isinstance(control, dict) else None
    kept = {"ok": one["ok"], "why": str(one.get("why") or "")[:200], "control": part}
    return kept | ({"expires_at": one["expires_at"][:40]} if one.get("expires_at") else {})


class TakenIds:
    """The ids of posts that were taken, for as long as their signature would still be young enough: the same post a
    second time is a replay. Safe from several threads; bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    def take(self, source: str, post: Post, now: datetime) -> Refused | None:
        """Hold a post's id; a refusal where it is held already."""
        key = (source, post.place, post.id)
        with self._lock:
            while self._held and (len(self._held) >= _IDS_KEPT or self._oldest < now - 2 * TOLERANCE):
                self._held.popitem(last=False)
            if key in self._held:
                return Refused("replayed", 409, "this post was taken before")
            self._held[key] = now
        return None

    def forget(self, source: str, post: Post) -> None:
        """Give an id back: what was sent could not be kept, and may come again."""
        with self._lock:
            self._held.pop((source, post.place, post.id), None)

    @property
    def _oldest(self) -> datetime:
        return next(iter(self._held.values()))
