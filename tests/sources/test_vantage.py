"""Posts of probe agents: what is taken, and what is refused whole, with which status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier import metrics
from notifier.ports import Answer
from notifier.sources.probes.inbox import Inbox
from notifier.sources.probes.probe import ProbeSettings, ProbeSource
from notifier.sources.probes.vantage import (
    POST_LIMIT,
    POST_MOST,
    Post,
    Refused,
    TakenIds,
    read_post,
    sign_post,
    write_post,
)
from notifier.sources.signing import sign_push

from .support import NOW, answer, tree

SECRETS = {"btv": "the key of Burlington", "nyc": "the key of New York"}
RESULT: dict[str, Any] = {"at": "2026-01-15T11:59:58Z", "ok": False, "why": "HTTP 500", "seconds": 0.2,
                          "control": {"ok": True, "why": "", "seconds": 0.1}}


def body(*results: Any, place: str = "btv") -> bytes:
    return write_post(place, results or (RESULT,))


def posted(sent: bytes, *, key: str = "btv", id: str = "p1", at: datetime = NOW, now: datetime = NOW,
           **headers: str) -> Post | Refused:
    """What becomes of a post signed at `at` with a place's key, with headers changed after signing."""
    signed = {**sign_post(sent, id=id, secret=SECRETS[key], now=at), **headers}
    return read_post(sent, signed, SECRETS, now)


def results_of(post: Post | Refused) -> list[dict[str, Any]]:
    assert isinstance(post, Post), post
    found: list[dict[str, Any]] = json.loads(post.body)["places"][post.place]
    return found


# ── taken ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_post_becomes_an_answer_the_source_reads() -> None:
    post = posted(body())
    assert isinstance(post, Post)
    assert (post.place, post.id, post.results) == ("btv", "p1", 1)
    assert results_of(post) == [{"at": "2026-01-15T11:59:58Z", "seen": "2026-01-15T11:59:58Z", "ok": False,
                                 "why": "HTTP 500", "control": {"ok": True, "why": ""}}]
    agents = [{"place": place, "secret": {"env": "X"}} for place in SECRETS]
    probe = ProbeSource(ProbeSettings(id="p", check={"tcp": {"host": "x", "port": 1}}, agents=agents), regions=tree())
    reading = probe.read(answer(post.body), {}, NOW)
    assert '"btv"' in reading.memory["streak"]


@pytest.mark.parametrize("wrong", [timedelta(minutes=4), timedelta(minutes=-4), timedelta(0)])
def test_a_wrong_clock_there_does_not_make_a_result_old_or_new_here(wrong: timedelta) -> None:
    """What counts is how long before its signature it was tried, both by the same clock."""
    tried = NOW + wrong - timedelta(seconds=70)
    sent = body({**RESULT, "at": tried.isoformat()})
    (one,) = results_of(posted(sent, at=NOW + wrong))
    assert (one["at"], datetime.fromisoformat(one["seen"])) == ("2026-01-15T11:58:50Z", tried)


def test_results_kept_while_the_daemon_was_away_come_in_order_and_the_oldest_not_at_all() -> None:
    ats = [NOW - timedelta(minutes=5), NOW - timedelta(minutes=9), NOW - timedelta(hours=25)]
    post = posted(body(*({**RESULT, "at": at.isoformat()} for at in ats)))
    assert [one["at"] for one in results_of(post)] == ["2026-01-15T11:51:00Z", "2026-01-15T11:55:00Z"]


def test_what_is_kept_is_cut_short() -> None:
    (one,) = results_of(posted(body({**RESULT, "why": "x" * 9000, "more": "y" * 9000})))
    assert len(one["why"]) == 200
    assert "more" not in one


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def result(**changes: Any) -> bytes:
    return body({name: value for name, value in {**RESULT, **changes}.items() if value != "GONE"})


@pytest.mark.parametrize(
    ("post", "result", "status", "why"),
    [
        pytest.param(read_post(body(), {}, SECRETS, NOW), "unsigned", 401, "is missing", id="not signed"),
        pytest.param(read_post(body() + b" ", sign_post(body(), id="p", secret=SECRETS["btv"], now=NOW), SECRETS, NOW),
                     "unsigned", 401, "fits no place", id="another body"),
        pytest.param(read_post(body(), sign_push(body(), id="p", secret="guess", now=NOW), SECRETS, NOW), "unsigned",
                     401, "fits no place", id="another key"),
        pytest.param(posted(body(), **{"webhook-id": "p2"}), "unsigned", 401, "fits no place", id="another id"),
        pytest.param(posted(body(), id="x" * 201), "unsigned", 401, "longer than 200", id="an endless id"),
        pytest.param(posted(body(), **{"webhook-timestamp": "soon"}), "unsigned", 401, "not seconds", id="no time"),
        pytest.param(posted(body(), now=NOW + timedelta(seconds=301)), "late", 401, "five minutes", id="old"),
        pytest.param(posted(body(), at=NOW + timedelta(days=400)), "late", 401, "five minutes", id="clock far ahead"),
        pytest.param(posted(body(), key="nyc"), "wrong_place", 403, "another place's key", id="a neighbour's name"),
        pytest.param(posted(body(place="mars")), "wrong_place", 403, "another place's key", id="a place unknown"),
        pytest.param(posted(b"x" * (POST_LIMIT + 1)), "too_large", 413, "larger than", id="huge"),
        pytest.param(posted(b"\x80"), "malformed", 400, "not utf-8", id="not text"),
        pytest.param(posted(b"[]"), "malformed", 400, "expected an object", id="a list"),
        pytest.param(posted(b"[" * 100_000), "malformed", 400, "JSON", id="nested without end"),
        pytest.param(posted(b'{"results": []}'), "malformed", 400, "no place", id="no place"),
        pytest.param(posted(b'{"place": ["btv"]}'), "malformed", 400, "is a list", id="a list of places"),
        pytest.param(posted(b'{"place": "btv"}'), "malformed", 400, "results is missing", id="no results"),
        pytest.param(posted(b'{"place": "btv", "results": []}'), "malformed", 400, "0 results", id="none"),
        pytest.param(posted(body(*[RESULT] * (POST_MOST + 1))), "malformed", 400, "201 results", id="too many"),
        pytest.param(posted(body("x")), "malformed", 400, "expected an object", id="text for a result"),
        pytest.param(posted(result(at="GONE")), "malformed", 400, "no time", id="a result without a time"),
        pytest.param(posted(result(at=1768478398)), "malformed", 400, "no time", id="a number for a time"),
        pytest.param(posted(result(at="2026-01-15T11:59:58")), "malformed", 400, "no time", id="no zone"),
        pytest.param(posted(result(at="2026-01-15T12:00:06Z")), "malformed", 400, "after its own signature",
                     id="tried after it was signed"),
        pytest.param(posted(result(ok="GONE")), "malformed", 400, "ok or not", id="neither right nor wrong"),
        pytest.param(posted(result(ok=0)), "malformed", 400, "ok or not", id="a number for a truth"),
        pytest.param(posted(result(control=[])), "malformed", 400, "expected an object", id="a list for a control"),
        pytest.param(posted(result(expires_at=5)), "malformed", 400, "a number", id="a number for an end"),
        pytest.param(posted(body(RESULT, {**RESULT, "ok": "no"})), "malformed", 400, "ok or not", id="half bad"),
    ],
)
def test_hostile_posts_are_refused_whole(post: Post | Refused, result: str, status: int, why: str) -> None:
    assert isinstance(post, Refused)
    assert (post.result, post.status) == (result, status)
    assert why in post.why


@given(st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature", "x"]), st.text()),
       st.binary())
def test_no_stranger_is_taken_and_none_raises(headers: dict[str, str], sent: bytes) -> None:
    assert isinstance(read_post(sent, headers, SECRETS, NOW), Refused)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9), lambda inner:
                    st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["place", "results", "at", "ok", "why", "control", "expires_at"]), inner))


@given(JSON)
def test_nothing_that_is_signed_raises_either(value: Any) -> None:
    """A place whose key was stolen may send anything, and only what is in order gets through."""
    sent = json.dumps({"place": "btv", "results": [value]}).encode()
    post = posted(sent)
    if isinstance(post, Post):
        assert value["ok"] in (True, False, None)


# ── the inbox ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Desk:
    """An inbox before one source, and what it hands on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
        for place, secret in SECRETS.items():
            monkeypatch.setenv(place.upper(), secret)
        agents = [{"place": place, "secret": {"env": place.upper()}} for place in SECRETS]
        self.settings = ProbeSettings(id="probe", check={"tcp": {"host": "x", "port": 1}}, agents=agents, **fields)
        self.inbox, self.handed = Inbox(), list[Answer]()
        self.broken = False

    def accept(self, source: str, given: Answer) -> None:
        if self.broken:
            raise ConnectionError
        self.handed.append(given)

    def post(self, sent: bytes, headers: Mapping[str, str], now: datetime = NOW) -> tuple[int, Mapping[str, object]]:
        return self.inbox.take("probe", self.settings, sent, headers, now, self.accept)


def counted(result: str) -> float:
    found = metrics.REGISTRY.get_sample_value("notifier_probe_posts_total", {"source": "probe", "result": result})
    return found or 0.0


def test_a_post_is_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, before = Desk(monkeypatch), counted("replayed")
    headers = sign_post(body(), id="p1", secret=SECRETS["btv"], now=NOW)
    assert desk.post(body(), headers) == (200, {"accepted": 1})
    assert desk.post(body(), headers) == (409, {"error": "this post was taken before"})
    later = NOW + timedelta(minutes=4)
    again = sign_post(body(), id="p1", secret=SECRETS["btv"], now=later)
    assert desk.post(body(), again, later)[0] == 409, "signed anew it is still the same post"
    assert desk.post(body(), sign_post(body(), id="p2", secret=SECRETS["btv"], now=later), later)[0] == 200
    assert len(desk.handed) == 2
    assert counted("replayed") == before + 2


def test_what_could_not_be_kept_may_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    headers = sign_post(body(), id="p1", secret=SECRETS["btv"], now=NOW)
    desk.broken = True
    with pytest.raises(ConnectionError):
        desk.post(body(), headers)
    desk.broken = False
    assert desk.post(body(), headers)[0] == 200


def test_two_places_may_use_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    for place in SECRETS:
        sent = body(place=place)
        assert desk.post(sent, sign_post(sent, id="p1", secret=SECRETS[place], now=NOW))[0] == 200


def test_ids_are_forgotten_once_their_signature_is_too_old_and_never_too_many() -> None:
    taken = TakenIds()
    for number in range(60_000):
        assert taken.take("probe", Post("btv", f"p{number}", b"", 1), NOW) is None
    assert len(taken._held) == 50_000
    assert taken.take("probe", Post("btv", "p59999", b"", 1), NOW + timedelta(minutes=10)) is not None
    assert taken.take("probe", Post("btv", "p59999", b"", 1), NOW + timedelta(minutes=11)) is None
    assert len(taken._held) == 1


@pytest.mark.parametrize("change", [{"enabled": False}, {"agents": ()}, None], ids=["off", "no agents", "no probe"])
def test_a_source_that_takes_no_results_is_not_found(monkeypatch: pytest.MonkeyPatch, change: Any) -> None:
    desk = Desk(monkeypatch)
    settings = desk.settings.model_copy(update=change) if change is not None else None
    headers = sign_post(body(), id="p1", secret=SECRETS["btv"], now=NOW)
    status, said = desk.inbox.take("probe", settings, body(), headers, NOW, desk.accept)
    assert (status, desk.handed) == (404, [])
    assert "give it agents" in str(said["error"])


def test_a_secret_that_cannot_be_read_is_our_fault_and_stops_no_other_place(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(monkeypatch)
    monkeypatch.delenv("BTV")
    theirs = body(place="nyc")
    assert desk.post(theirs, sign_post(theirs, id="p", secret=SECRETS["nyc"], now=NOW))[0] == 200
    assert desk.post(body(), sign_post(body(), id="p", secret=SECRETS["btv"], now=NOW))[0] == 503, "it may come again"
