"""Mastodon: the event stream cut and put together, statuses understood, streams chosen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.secret import Secret
from notifier.sources.posts.mastodon import EventReader, MastodonSettings, lines_of
from notifier.sources.posts.mastodon_posts import mention_from
from notifier.sources.posts.posts import LINE_LIMIT, html_text

from .hearing import Mastodon, post, session, until

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def events(raw: bytes, cuts: list[int] | None = None) -> list[tuple[str, str]]:
    at = [0, *sorted(cut % (len(raw) + 1) for cut in cuts or []), len(raw)]
    chunks = [raw[a:b] for a, b in pairwise(at)]
    reader = EventReader()
    return [event for line in lines_of(iter(chunks)) if (event := reader.feed(line)) is not None]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"event: update\ndata: {}\n\n", [("update", "{}")], id="one event"),
        pytest.param(b"event:update\r\ndata:{}\r\n\r\n", [("update", "{}")], id="no blank, other breaks"),
        pytest.param(b":thump\n:thump\n\n", [], id="heartbeats carry nothing"),
        pytest.param(b"event: update\n:thump\ndata: 1\n\n", [("update", "1")], id="a heartbeat in the middle"),
        pytest.param(b"data: a\ndata: b\n\n", [("message", "a\nb")], id="data in two lines"),
        pytest.param(b"event: delete\n\ndata: 1\n\n", [("message", "1")], id="an event without data is none"),
        pytest.param(b"event: update\ndata: 1\n", [], id="not finished"),
        pytest.param(b"nonsense\nid: 7\nretry: 1\n\xff: \xff\ndata: 1\n\n", [("message", "1")], id="other fields"),
        pytest.param(b"data: " + b"x" * (LINE_LIMIT + 1) + b"\n\ndata: 1\n\n", [("message", "1")], id="too large"),
        pytest.param(
            b"data: xxx\n" * (LINE_LIMIT // 4 + 9) + b"\ndata: 1\n\n", [("message", "1")], id="too many lines"
        ),
    ],
)
def test_events_are_read(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert events(raw) == expected


@given(st.lists(st.integers(0, 500), max_size=30))
def test_where_the_network_cuts_the_stream_does_not_matter(cuts: list[int]) -> None:
    raw = b':thump\n\nevent: update\r\ndata: {"a": "\xc3\xa9"}\r\n\r\n:thump\nevent: delete\ndata: 1\n\n' * 3
    assert events(raw, cuts) == events(raw)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        pytest.param("<p>No signal</p><p>since 7</p>", "No signal\nsince 7", id="paragraphs"),
        pytest.param("one<br>two<br/>three", "one\ntwo\nthree", id="breaks"),
        pytest.param("a &amp; b &lt;c&gt; &#233;", "a & b <c> é", id="entities"),
        pytest.param('<a href="x"><span class="i">https://</span>vtel.example</a>', "https://vtel.example", id="link"),
        pytest.param("<script>alert(1)</script>down<style>p{}</style>", "down", id="scripts say nothing"),
        pytest.param("<p>#<span>VTel</span> outage", "#VTel outage", id="a tag, not closed"),
        pytest.param("<" * 5_000 + "x", None, id="only brackets"),
        pytest.param(7, None, id="not text"),
        pytest.param("<p> </p>", None, id="nothing to read"),
    ],
)
def test_html_becomes_what_a_reader_sees(html: Any, text: str | None) -> None:
    found = html_text(html)
    assert found == text if text is not None else found is None or "x" in found


@given(st.text(max_size=200) | st.text("<>/&;!-ap \"'=", max_size=200))
def test_no_html_raises(html: str) -> None:
    found = html_text(html)
    assert found is None or found.strip() == found != ""


def status(**more: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "uri": "https://a.example/s/1",
        "content": "<p>outage</p>",
        "visibility": "public",
        "created_at": "2026-01-15T11:59:00.000Z",
        "account": {"acct": "ann"},
        "language": "en",
        **more,
    }


def test_a_status_is_mapped() -> None:
    found = mention_from(
        status(
            url="https://a.example/@ann/1",
            in_reply_to_id="9",
            spoiler_text="power",
            account={
                "acct": "ann",
                "fields": [{"name": "Dog", "value": "x"}, {"name": "Location:", "value": "<b>Stowe</b>"}],
            },
        ),
        "a.example",
        NOW,
    )
    assert found is not None
    assert (found.id, found.author, found.author_location) == ("https://a.example/s/1", "ann@a.example", "Stowe")
    assert (found.text, found.reply_to, found.lang) == ("power\noutage", "9", "en")
    assert found.url == "https://a.example/@ann/1"
    assert found.created_at == NOW - timedelta(minutes=1)


def test_a_person_is_the_same_on_every_server() -> None:
    here = mention_from(status(account={"acct": "ann"}), "a.example", NOW)
    there = mention_from(status(account={"acct": "ann@a.example"}), "b.example", NOW)
    assert here is not None
    assert there is not None
    assert (here.author, here.id) == (there.author, there.id)


@pytest.mark.parametrize("visibility", ["private", "direct"])
def test_what_is_not_public_is_not_read(visibility: str) -> None:
    assert mention_from(status(visibility=visibility), "a.example", NOW) is None


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        pytest.param(
            {"stream": "hashtag", "hashtag": "VTelDown"}, "/api/v1/streaming/hashtag?tag=VTelDown", id="hashtag"
        ),
        pytest.param({"stream": "public"}, "/api/v1/streaming/public", id="public"),
        pytest.param({"stream": "local"}, "/api/v1/streaming/public/local", id="local"),
    ],
)
def test_the_stream_asked_for_is_the_one_followed(settings: dict[str, Any], path: str, tmp_path: Path) -> None:
    rig = Mastodon(tmp_path, **settings)
    try:
        with session(rig.source):
            until(rig.connected, "a connection")
        assert [asked for asked in rig.far.requests if "/streaming/" in asked] == [path]
    finally:
        rig.close()


def test_terms_and_languages_sift_what_a_busy_stream_brings(tmp_path: Path) -> None:
    rig = Mastodon(tmp_path, terms=("outage",), languages=("en",))
    try:
        with session(rig.source) as running:
            until(rig.connected, "a connection")
            rig.push(post("1", text="lovely weather"))
            rig.push(post("2", text="une outage", lang="fr"))
            rig.push(post("3", text="OUTAGES again", lang=None))
            until(lambda: running.has("OUTAGES"), "the wanted post")
        assert len(running.heard) == 1
    finally:
        rig.close()


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"stream": "hashtag"}, id="hashtag stream without a tag"),
        pytest.param({"stream": "public", "hashtag": "x"}, id="a tag for another stream"),
    ],
)
def test_a_tag_goes_with_the_hashtag_stream(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hashtag exactly where"):
        MastodonSettings(id="m", kind="mastodon", base_url="https://a.example", **more)


def test_a_token_that_is_not_there_is_named(tmp_path: Path) -> None:
    rig = Mastodon(tmp_path, token=Secret(env="NOTIFIER_TEST_NOT_SET"))
    try:
        with session(rig.source) as running:
            until(lambda: running.over, "an end")
        assert running.why == "environment variable NOTIFIER_TEST_NOT_SET is empty or not set"
    finally:
        rig.close()
