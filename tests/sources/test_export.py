"""Exports: lines read and refused, files followed through rotation and cuts, pushes that are signed or are not."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from notifier.model.mention import Mention
from notifier.sources.posts.export import ExportMentions, ExportSettings, RefusedLine, accept_push, sign_push
from notifier.sources.posts.export_lines import PUSH_LIMIT, LineCutter, read_line
from notifier.sources.posts.posts import LINE_LIMIT

from .hearing import Session, post, session, until

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
GOOD = b'{"id":"1","created_at":"2026-01-15T11:59:00Z","network":"x","text":"no signal"}'


def line(id: str) -> bytes:
    return json.dumps(post(id).to_record()).encode() + b"\n"


def heard(running: Session) -> list[str]:
    return [mention.text.split()[-1] for mention in running.heard]


def following(path: Path, **more: Any) -> ExportMentions:
    return ExportMentions(ExportSettings(id="e", kind="export", path=str(path), every="10ms", **more))


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param(b"no", "not a JSON object", id="not JSON"),
        pytest.param(b"[1]", "not a JSON object", id="a list"),
        pytest.param(b"[" * 99_999, "not a JSON object", id="nested without end"),
        pytest.param(b" " * (LINE_LIMIT + 1), f"longer than {LINE_LIMIT} bytes", id="too long"),
        pytest.param(b'{"created_at":"2026-01-15T11:59:00Z","text":"t"}', "mention without 'id'", id="no id"),
        pytest.param(b'{"created_at":"2026-01-15T11:59:00Z","id":"1"}', "mention without 'text'", id="no text"),
        pytest.param(
            b'{"created_at":"2026-01-15T11:59:00Z","id":"1","text":"t","author":[1]}',
            "mention's 'author' is list, expected text",
            id="a list of authors",
        ),
        pytest.param(
            b'{"created_at":"ann@example.org","id":"1","text":"t"}',
            "'created_at' is missing or not an RFC 3339 time with its zone",
            id="what it says is not repeated",
        ),
        pytest.param(
            b'{"created_at":"0001-01-01T00:00:00+23:59","id":"1","text":"t"}',
            "'created_at' is missing or not an RFC 3339 time with its zone",
            id="before all time",
        ),
    ],
)
def test_bad_lines_are_refused_with_the_reason(raw: bytes, why: str) -> None:
    assert read_line(raw, 7, NOW) == RefusedLine(7, why)
    assert str(RefusedLine(7, why)) == f"line 7: {why}"


def test_a_line_is_read_and_what_it_leaves_out_is_filled_in() -> None:
    found = read_line(b'{"id":1,"created_at":"2027-01-15T11:59:00Z","text":"t\\ud800","more":[]}', 1, NOW, "forum")
    assert found == Mention(id="1", created_at=NOW, network="forum", text="t?")
    assert read_line(GOOD, 1, NOW, "forum") == Mention(
        id="1", created_at=NOW - timedelta(minutes=1), network="x", text="no signal"
    )
    assert read_line(b"  \r", 1, NOW) is None


@given(st.binary(max_size=300))
def test_no_line_raises(raw: bytes) -> None:
    assert read_line(raw, 1, NOW) is None or isinstance(read_line(raw, 1, NOW), RefusedLine)


@given(st.lists(st.binary(max_size=20).filter(lambda raw: b"\n" not in raw), max_size=9), st.lists(st.integers(0, 99)))
def test_lines_are_cut_alike_however_they_come(lines: list[bytes], cuts: list[int]) -> None:
    whole = b"\n".join(lines) + b"\n"
    places = [0, *sorted(cut % (len(whole) + 1) for cut in cuts), len(whole)]
    cutter = LineCutter()
    found = [one for begin, end in pairwise(places) for one in cutter.feed(whole[begin:end])]
    assert found == list(enumerate(lines or [b""], 1))
    assert list(cutter.finish()) == []


def test_a_line_without_end_is_kept_only_to_its_limit() -> None:
    cutter = LineCutter()
    for _ in range(40):
        assert list(cutter.feed(b"x" * 65_536)) == []
    (found,) = cutter.feed(b"\n")
    assert len(found[1]) == LINE_LIMIT + 1


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_lines_are_heard_when_they_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    whole = line("half")
    path.write_bytes(line("first") + whole[:20])
    with session(following(path)) as running:
        until(lambda: heard(running) == ["first"], "the whole line")
        with path.open("ab") as file:
            file.write(whole[20:])
        until(lambda: heard(running) == ["first", "half"], "the rest of the other")
    assert running.signs == 2


def rotate(path: Path) -> None:
    path.rename(path.with_suffix(".1"))
    path.write_bytes(line("after"))


def cut_off(path: Path) -> None:
    path.write_bytes(b"")
    path.write_bytes(line("after"))


@pytest.mark.parametrize("change", [rotate, cut_off])
def test_a_file_is_followed_through_what_is_done_to_logs(change: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(line("before") + line("before-too"))
    with session(following(path)) as running:
        until(lambda: len(running.heard) == 2, "the lines of before")
        change(path)
        until(lambda: "after" in heard(running), "the line of after")
    assert heard(running) == ["before", "before-too", "after"]


def test_the_unfinished_last_line_of_a_rotated_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(line("before").rstrip(b"\n"))
    listening = following(path)
    assert listening._tail is not None
    with session(listening) as running:
        until(lambda: listening._tail._offset > 0, "the unfinished line to be read")
        assert running.heard == []
        rotate(path)
        until(lambda: "after" in heard(running), "the new file")
    assert heard(running) == ["before", "after"]


def test_bad_lines_are_counted_named_and_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(b"bad\n" + b"\n" + b'{"id":"secret@example.org"}\n' * 8 + b"x" * 2_000_000 + b"\n" + line("good"))
    listening = following(path)
    with capture_logs() as logs, session(listening) as running:
        until(lambda: heard(running) == ["good"], "the good line")
    assert [refused.line for refused in listening.refused] == [1, *range(3, 12)]
    assert listening.refused[-1].why == f"longer than {LINE_LIMIT} bytes"
    assert len([entry for entry in logs if entry["event"] == "export.bad_line"]) == 5
    assert "secret" not in str(logs)


def test_a_file_that_is_not_there_is_named_and_found_when_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    listening = following(path)
    with session(listening) as running:
        until(lambda: running.over, "an end")
    assert running.why == "posts.jsonl cannot be read: FileNotFoundError"
    path.write_bytes(line("late"))
    with session(listening) as again:
        until(lambda: heard(again) == ["late"], "the line")


def test_a_packed_file_is_unpacked_and_a_new_one_under_its_name_too(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl.gz"
    path.write_bytes(gzip.compress(line("a")) + gzip.compress(line("b")))
    with session(following(path)) as running:
        until(lambda: heard(running) == ["a", "b"], "both members")
        fresh = tmp_path / "fresh"
        fresh.write_bytes(gzip.compress(line("c")))
        fresh.rename(path)
        until(lambda: heard(running) == ["a", "b", "c"], "the new file")


def test_what_is_not_packed_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl.gz"
    path.write_bytes(b"plain")
    with session(following(path)) as running:
        until(lambda: running.over, "an end")
    assert running.why == "posts.jsonl.gz cannot be read: error"


def test_a_new_process_goes_on_where_the_old_one_stopped(tmp_path: Path) -> None:
    path, kept = tmp_path / "posts.jsonl", tmp_path / "offset"
    path.write_bytes(line("a") + line("b") + line("c")[:9])
    with session(following(path, offset_path=str(kept))) as running:
        until(lambda: heard(running) == ["a", "b"], "two lines")
        until(kept.exists, "the place to be written down")
    path.write_bytes(line("a") + line("b") + line("c"))  # same file, gone on
    with session(following(path, offset_path=str(kept))) as again:
        until(lambda: heard(again) == ["c"], "the third line")
    kept.write_text("nonsense")
    with session(following(path, offset_path=str(kept))) as anew:
        until(lambda: heard(anew) == ["a", "b", "c"], "all lines")


@pytest.mark.parametrize("more", [{}, {"path": "x", "stdin": True}], ids=["no way in", "two ways in"])
def test_there_is_one_way_in(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exactly one of path, stdin, push_secret"):
        ExportSettings(id="e", kind="export", **more)


# ── pushes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

SECRET = "whsec_" + base64.b64encode(b"a key of some length").decode()


def test_a_signed_push_is_read_line_by_line() -> None:
    body = GOOD + b"\nbad\n\n" + GOOD.replace(b'"1"', b'"2"')
    result = accept_push(body, sign_push(body, id="m1", secret=SECRET, now=NOW), secret=SECRET, now=NOW)
    assert result.problem == ""
    assert [mention.id for mention in result.accepted] == ["1", "2"]
    assert result.refused == (RefusedLine(2, "not a JSON object"),)


def test_the_signature_is_that_of_the_scheme() -> None:
    headers = sign_push(GOOD, id="m1", secret=SECRET, now=NOW)
    by_hand = hmac.new(b"a key of some length", b"m1.%d." % NOW.timestamp() + GOOD, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(by_hand).decode()
    many = {name.title(): value for name, value in headers.items()}
    many["Webhook-Signature"] = "v1,AAAA v2,xx nonsense " + headers["webhook-signature"]
    assert accept_push(GOOD, many, secret=SECRET, now=NOW).problem == ""


def tampered(**changes: str) -> dict[str, str]:
    headers = sign_push(GOOD, id="m1", secret=SECRET, now=NOW)
    return {**headers, **{f"webhook-{name}": value for name, value in changes.items()}}


@pytest.mark.parametrize(
    ("headers", "body", "now", "problem"),
    [
        pytest.param({}, GOOD, NOW, "is missing", id="not signed"),
        pytest.param(tampered(), GOOD + b" ", NOW, "does not fit", id="another body"),
        pytest.param(tampered(id="m2"), GOOD, NOW, "does not fit", id="another id"),
        pytest.param(tampered(timestamp="1768478401"), GOOD, NOW, "does not fit", id="another time"),
        pytest.param(tampered(signature="v1,"), GOOD, NOW, "does not fit", id="an empty signature"),
        pytest.param(tampered(signature="v1,é"), GOOD, NOW, "does not fit", id="not base64"),
        pytest.param(
            tampered(signature=tampered()["webhook-signature"].replace("v1", "v1a")),
            GOOD,
            NOW,
            "does not fit",
            id="another version",
        ),
        pytest.param(tampered(), GOOD, NOW + timedelta(seconds=301), "five minutes", id="replayed later"),
        pytest.param(tampered(), GOOD, NOW - timedelta(seconds=301), "five minutes", id="from the future"),
        pytest.param(tampered(timestamp="-1"), GOOD, NOW, "not seconds", id="a time below zero"),
        pytest.param(tampered(timestamp="٣"), GOOD, NOW, "not seconds", id="other digits"),
        pytest.param(tampered(timestamp="9" * 99), GOOD, NOW, "not seconds", id="an endless time"),
        pytest.param(tampered(), b" " * (PUSH_LIMIT + 1), NOW, "larger than", id="too large"),
    ],
)
def test_a_push_that_is_not_from_whom_it_claims_is_refused_whole(
    headers: dict[str, str], body: bytes, now: datetime, problem: str
) -> None:
    result = accept_push(body, headers, secret=SECRET, now=now)
    assert problem in result.problem
    assert result.accepted == ()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_***"])
def test_a_secret_that_is_none_opens_nothing(secret: str) -> None:
    forged = hmac.new(b"", b"m1.%d." % NOW.timestamp() + GOOD, hashlib.sha256).digest()
    headers = tampered(signature="v1," + base64.b64encode(forged).decode())
    assert accept_push(GOOD, headers, secret=secret, now=NOW).problem


@given(
    st.dictionaries(st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]), st.text()), st.binary()
)
def test_no_push_raises(headers: dict[str, str], body: bytes) -> None:
    assert accept_push(body, headers, secret=SECRET, now=NOW).problem
