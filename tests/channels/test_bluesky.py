"""Bluesky: each answer has one meaning; the record and its key never change; sessions are kept, renewed, reopened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.channels.bluesky import judge, payload, read_record, record, record_key
from notifier.channels.bluesky_session import read_session
from notifier.channels.session_file import SessionFile, seal, unseal
from notifier.model.delivery import OutcomeKind, Reason
from notifier.ports import CannotTell, Found, NotFound
from notifier.standins.bluesky import DID, Bluesky
from tests.channels.answers import GARBAGE, REJECTED, RETRY, SENT, UNKNOWN, answer
from tests.channels.far_sides import FIXED, SECRETS, bluesky_channel, message, now

TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
"""atproto.com/specs/tid"""


@pytest.fixture
def far() -> Iterator[Bluesky]:
    with Bluesky() as standin:
        assert isinstance(standin, Bluesky)
        yield standin


def logins(far: Bluesky) -> int:
    return sum(path.endswith("createSession") for _, path in far.asked)


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason", "stops"),
    [
        pytest.param(200, {"uri": "at://did:plc:a/app.bsky.feed.post/3k", "cid": "b"}, SENT, Reason.ACCEPTED, False,
                     id="put, or there already"),
        pytest.param(200, {"uri": "http://x"}, UNKNOWN, Reason.BAD_ANSWER, False, id="put, but no address"),
        pytest.param(400, {"error": "InvalidSwap"}, REJECTED, Reason.DUPLICATE, False, id="another record is there"),
        pytest.param(400, {"error": "InvalidRequest", "message": "text must not be longer than 300 graphemes"},
                     REJECTED, Reason.TOO_LONG, False, id="too long"),
        pytest.param(400, {"error": "InvalidRequest", "message": "x"}, REJECTED, Reason.CONTENT_REFUSED, False,
                     id="not valid"),
        pytest.param(400, {"error": "ExpiredToken"}, RETRY, Reason.AUTHENTICATION, True, id="session gone for good"),
        pytest.param(401, {"error": "AuthenticationRequired"}, RETRY, Reason.AUTHENTICATION, True, id="no session"),
        pytest.param(401, {"error": "AccountTakedown"}, RETRY, Reason.FORBIDDEN, True, id="account taken down"),
        pytest.param(403, {"error": "Forbidden"}, RETRY, Reason.FORBIDDEN, True, id="not allowed"),
        pytest.param(403, b"<html>blocked</html>", RETRY, Reason.FORBIDDEN, True, id="a filter before the server"),
        pytest.param(404, {}, RETRY, Reason.BAD_ANSWER, True, id="no such API here"),
        pytest.param(413, {"error": "PayloadTooLarge"}, REJECTED, Reason.TOO_LONG, False, id="too large"),
        pytest.param(201, {"error": "ExpiredToken"}, UNKNOWN, Reason.BAD_ANSWER, False, id="taken, and an error"),
        pytest.param(202, {}, UNKNOWN, Reason.BAD_ANSWER, False, id="accepted for later, which nobody documents"),
        pytest.param(302, {}, RETRY, Reason.BAD_ANSWER, True, id="redirected"),
        pytest.param(429, {"error": "RateLimitExceeded"}, RETRY, Reason.RATE_LIMITED, False, id="too many"),
        *[pytest.param(status, {}, RETRY, Reason.SERVER_ERROR, False, id=f"server error {status}: repeating is safe")
          for status in (500, 502, 503, 504)],
    ],
)
def test_each_answer_has_one_meaning(status: int, body: Any, kind: OutcomeKind, reason: Reason, stops: bool) -> None:
    outcome = judge(answer(status, body), FIXED)
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (kind, reason, stops)


@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_is_never_a_success(body: bytes) -> None:
    assert judge(answer(200, body), FIXED).kind is UNKNOWN
    assert read_session(answer(200, body)) is None
    assert isinstance(read_record(answer(200, body), message()), CannotTell)


@given(st.floats(min_value=0, max_value=1e9), st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_keys_are_tids_that_never_change_and_differ_between_messages(later: float, key: str, other: str) -> None:
    at = FIXED + timedelta(seconds=later)
    first = message(key=key, created_at=at)
    assert TID.fullmatch(record_key(first))
    assert record_key(first) == record_key(message(key=key, created_at=at, body="edited", language="de"))
    if other != key:
        assert record_key(first) != record_key(message(key=other, created_at=at))


def test_a_key_names_its_time() -> None:
    """Decoded by the specification: 53 bits of microseconds since 1970, then 10 bits."""
    letters = "234567abcdefghijklmnopqrstuvwxyz"
    number = 0
    for letter in record_key(message(created_at=FIXED)):
        number = number * 32 + letters.index(letter)
    assert (number >> 10) // 1000 == int(FIXED.timestamp() * 1000)


def test_many_keys_of_one_instant_differ() -> None:
    keys = {record_key(message(key=f"N1/bluesky/{number}", created_at=FIXED)) for number in range(300)}
    assert len(keys) == 300


def test_links_are_marked_by_bytes() -> None:
    text = "Café ☎ https://status.example.com/vt now"
    facet = record(message(body=text, created_at=FIXED))["facets"][0]
    cut = text.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]]
    assert cut.decode() == facet["features"][0]["uri"] == "https://status.example.com/vt"


def test_the_record_comes_from_the_message_alone() -> None:
    one = message(created_at=FIXED)
    assert payload(one, DID) == payload(one, DID)
    assert payload(one, DID)["swapRecord"] is None
    assert record(one)["createdAt"] == "2026-01-15T12:00:00Z"
    assert record(one)["langs"] == ["en"]


def test_a_session_is_kept(far: Bluesky, secrets: None) -> None:
    channel = bluesky_channel(far.url)
    for number in range(5):
        channel.send(message(key=f"k{number}", body=f"notice {number}"), now())
    channel.check()
    assert logins(far) == 1


@pytest.mark.parametrize(("refresh", "expected"), [(False, 1), (True, 2)])
def test_an_expired_session_is_renewed_or_opened_anew(
    far: Bluesky, secrets: None, refresh: bool, expected: int
) -> None:
    channel = bluesky_channel(far.url)
    channel.check()
    far.expire_sessions(refresh=refresh)
    assert channel.send(message(), now()).kind is SENT
    assert logins(far) == expected
    assert len(far.ledger) == 1


def test_a_session_outlives_the_process(far: Bluesky, secrets: None, tmp_path: Path) -> None:
    """A daemon that is restarted every minute would use up the day's 300 log-ins in five hours."""
    file = tmp_path / "session"
    for number in range(4):
        channel = bluesky_channel(far.url, session_file=str(file))
        assert channel.send(message(key=f"k{number}", body=f"notice {number}"), now()).kind is SENT
    assert logins(far) == 1
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["session"]


def test_a_kept_session_that_was_refreshed_elsewhere_is_taken_from_there(
    far: Bluesky, secrets: None, tmp_path: Path
) -> None:
    file = str(tmp_path / "session")
    ours, other = bluesky_channel(far.url, session_file=file), bluesky_channel(far.url, session_file=file)
    ours.check()
    other.check()
    far.expire_sessions()
    for number, channel in enumerate((ours, other)):
        assert channel.send(message(key=f"k{number}", body=f"notice {number}"), now()).kind is SENT
    assert logins(far) == 1
    assert sum(path.endswith("refreshSession") for _, path in far.asked) == 1


def test_a_kept_session_nobody_knows_any_more_is_replaced(far: Bluesky, secrets: None, tmp_path: Path) -> None:
    file = str(tmp_path / "session")
    bluesky_channel(far.url, session_file=file).check()
    far.expire_sessions(refresh=True)
    assert bluesky_channel(far.url, session_file=file).send(message(), now()).kind is SENT
    assert bluesky_channel(far.url, session_file=file).send(message(key="k2", body="two"), now()).kind is SENT
    assert logins(far) == 2


@pytest.mark.parametrize("spoilt", [b"", b"x", b"notifier-session-1\n", b"\xff" * 70_000], ids=["", "x", "cut", "long"])
def test_a_spoilt_session_file_is_as_if_it_were_not_there(
    far: Bluesky, secrets: None, tmp_path: Path, spoilt: bytes
) -> None:
    file = tmp_path / "session"
    file.write_bytes(spoilt)
    assert bluesky_channel(far.url, session_file=str(file)).send(message(), now()).kind is SENT
    assert logins(far) == 1


def test_a_place_that_cannot_be_written_costs_a_log_in_and_no_notice(far: Bluesky, secrets: None) -> None:
    channel = bluesky_channel(far.url, session_file="/proc/nowhere/session")
    assert channel.send(message(), now()).kind is SENT


def test_a_session_file_shows_nothing_and_opens_to_its_password_and_account_alone(
    far: Bluesky, secrets: None, tmp_path: Path
) -> None:
    file = tmp_path / "session"
    bluesky_channel(far.url, session_file=str(file)).check()
    sealed, password, account = file.read_bytes(), SECRETS["T_BLUESKY"], f"status.example.test@{far.url}"
    tokens = SessionFile(file, account).read(password)
    assert tokens["did"] == DID
    assert not [name for name in (*tokens.values(), password, "access") if name.encode() in sealed]
    assert SessionFile(file, account).read("another password") == {}
    assert SessionFile(file, "another account").read(password) == {}
    for place in range(0, len(sealed), 7):
        with pytest.raises(ValueError, match="seal"):
            unseal(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :], password, account)


@given(st.binary(max_size=300))
@settings(max_examples=15, deadline=None)
def test_what_is_sealed_comes_back(plain: bytes) -> None:
    sealed = seal(plain, "a", "b")
    assert unseal(sealed, "a", "b") == plain
    assert seal(plain, "a", "b") != sealed


def test_log_ins_that_are_rationed_are_waited_for(far: Bluesky, secrets: None) -> None:
    far.fault("429", on="read")
    at = now()
    outcome = bluesky_channel(far.url).send(message(), at)
    assert (outcome.kind, outcome.reason) == (RETRY, Reason.RATE_LIMITED)
    assert outcome.retry_at is not None
    assert outcome.retry_at > at


@pytest.mark.parametrize("fault", ["hang", "reset", "500"])
def test_a_log_in_that_fails_leaves_nothing_in_doubt(far: Bluesky, secrets: None, fault: str) -> None:
    far.fault(fault, on="read")
    assert bluesky_channel(far.url).send(message(), now()).kind is RETRY
    assert far.ledger == []


def test_another_record_under_our_key_is_not_overwritten(far: Bluesky, secrets: None) -> None:
    channel, ours = bluesky_channel(far.url), message()
    channel.send(message(created_at=ours.created_at, body="other words"), now())
    outcome = channel.send(ours, now())
    assert (outcome.kind, outcome.reason) == (REJECTED, Reason.DUPLICATE)
    assert [entry["body"] for entry in far.ledger] == ["other words"]


def test_our_record_in_another_spelling_is_adopted(far: Bluesky, secrets: None) -> None:
    """A server may keep the record with other bytes; what it says and when decides."""
    channel, ours = bluesky_channel(far.url), message()
    first = channel.send(ours, now())
    again = channel.send(message(created_at=ours.created_at, language="de"), now())
    assert (again.kind, again.reason, again.provider_id) == (SENT, Reason.ADOPTED, first.provider_id)
    assert len(far.ledger) == 1


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(400, {"error": "RecordNotFound"}, NotFound, id="not there"),
        pytest.param(400, {"error": "InvalidRequest"}, CannotTell, id="a question it does not understand"),
        pytest.param(404, {}, CannotTell, id="no such API"),
        pytest.param(404, {"error": "RecordNotFound"}, NotFound, id="not there, said with 404"),
        pytest.param(200, {"uri": "at://a", "value": {"text": "other"}}, CannotTell, id="another record"),
        pytest.param(200, {"uri": "at://a", "value": record(message(created_at=FIXED))}, Found, id="ours"),
    ],
)
def test_what_is_read_is_judged(status: int, body: Any, expected: type) -> None:
    assert isinstance(read_record(answer(status, body), message(created_at=FIXED)), expected)
