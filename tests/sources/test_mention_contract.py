"""What every mention source promises, run on each against a real far side on loopback."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifier.clock import SystemClock
from notifier.model.mention import TEXT_LIMIT, Mention
from notifier.model.signal import Freshness
from notifier.sources.listener import Listener
from notifier.sources.posts.posts import LINE_LIMIT
from tests.detection.scene import detector

from .hearing import (
    GARBAGE,
    RIGS,
    Bluesky,
    ExportFile,
    Mastodon,
    Rig,
    XSearch,
    XStream,
    hostile,
    post,
    session,
    until,
)


@pytest.fixture(params=RIGS.values(), ids=RIGS.keys())
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made: Rig = request.param(tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_a_post_arrives_with_its_text_author_and_time(rig: Rig) -> None:
    first, second = post("1000"), post("2000", author="author-1000")
    other = post("3000", text='Outage\n\nhere <b> & "there" 🙂 日本', author="somebody else")
    with session(rig.source) as running:
        until(rig.connected, "a connection")
        for mention in (first, second, other):
            rig.push(mention)
        until(lambda: len(running.heard) >= 3, "three posts")
        heard = {mention.text.split()[-1]: mention for mention in running.heard}
        assert running.signs > 0
    one, two = heard["1000"], heard["2000"]
    assert one.network == rig.network
    assert one.text == first.text
    assert abs((one.created_at - first.created_at).total_seconds()) < 0.01
    assert one.lang == "en"
    assert one.author == two.author is not None
    assert one.author != heard["日本"].author
    assert heard["日本"].text.split() == other.text.split()
    assert one.id != two.id
    assert not one.is_repost


def test_a_repost_is_told_from_an_original(rig: Rig) -> None:
    if not rig.reposts:
        pytest.skip("this network's reposts are no posts")
    with session(rig.source) as running:
        until(rig.connected, "a connection")
        rig.push(post("1", is_repost=True))
        rig.push(post("2"))
        until(lambda: len({mention.id for mention in running.heard}) >= 2, "two posts")
        assert {mention.text[-1]: mention.is_repost for mention in running.heard} == {"1": True, "2": False}


def test_our_own_replies_are_heard_with_the_time_of_the_post_they_answer(rig: Rig) -> None:
    """Whatever they say and in whichever language; they never count as complaints, however they are worded."""
    asked = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=9)  # noqa: TID251 as in hearing.post
    replies = [post(f"r{n}", author=rig.own, text="Désolés, pas de réseau mobile à Rutland, VT", lang="fr",
                    reply_to=rig.id_of(asked), reply_to_at=asked) for n in range(3)]
    with session(rig.source) as running:
        until(rig.connected, "a connection")
        rig.push(post("1000"))
        for reply in replies:
            rig.push(reply)
        until(lambda: len({mention.id for mention in running.heard}) >= 4, "the customer's post and our replies")
    ours = {mention.id: mention for mention in running.heard if mention.author == rig.own}
    assert len(ours) == 3
    assert {mention.reply_to_at for mention in ours.values()} == {asked}
    now = SystemClock().now()
    heard, knowing_nobody = detector(own_accounts={"@us": [f"{rig.network}:{rig.own}"]}), detector()
    for mention in ours.values():
        heard.take(rig.source.id, mention, now)
        knowing_nobody.take(rig.source.id, mention, now)
    replied = [one for one in heard.own.lately(now - timedelta(hours=1)) if one.is_reply]
    assert {(one.account, one.answers) for one in replied} == {("@us", asked)}
    assert heard.counts.complaints == 0
    assert knowing_nobody.counts.complaints > 0, "a customer's post of these words would count"


def test_nothing_the_far_side_sends_raises_or_ends_the_connection(rig: Rig) -> None:
    payloads = [*GARBAGE, *(json.dumps(payload).encode() for payload in hostile(rig.good()))]
    assert len(payloads) > 100
    with session(rig.source) as running:
        until(rig.connected, "a connection")
        for payload in payloads:
            rig.raw(payload)
        rig.push(post("marker"))
        # a search answer that is not JSON ends the session in words: the listener comes back for the rest
        until(lambda: running.has("marker") or running.over, "the post after the garbage", 30)
    if isinstance(rig, XStream) and rig.source.settings.method == "search":
        _drain_search(rig)
    else:
        assert running.has("marker")
        assert running.why == "asked to stop"
    for mention in running.heard:
        assert mention.created_at <= SystemClock().now()
        assert len(mention.text) <= TEXT_LIMIT
        json.dumps(mention.to_record()).encode("utf-8")
        mention.text.encode("utf-8")


def _drain_search(rig: XStream) -> None:
    for _ in range(400):
        with session(rig.source) as running:
            until(lambda: running.has("marker") or running.over, "the post after the garbage", 30)
        if running.has("marker"):
            return
    raise AssertionError("the search never came back")


def test_it_stops_soon_when_asked_while_all_is_quiet(rig: Rig) -> None:
    with session(rig.source) as running:
        until(rig.connected, "a connection")
        _stops_within(running, 3)


def test_it_stops_soon_when_asked_while_the_far_side_says_nothing_at_all(rig: Rig) -> None:
    with session(rig.source) as running:
        until(rig.connected, "a connection")
        rig.stall()
        _stops_within(running, 3)


def _stops_within(running, seconds: float) -> None:
    begun = time.monotonic()
    running.stopping.set()
    running.thread.join(seconds)
    assert running.over, f"still listening after {time.monotonic() - begun:.1f} s"
    assert running.why == "asked to stop"


@pytest.mark.parametrize("kind", [XStream, Mastodon, Bluesky], ids=lambda kind: kind.__name__)
def test_a_far_side_that_is_not_there_is_told_in_words(kind, tmp_path: Path) -> None:
    rig = kind(tmp_path)
    rig.close()
    with session(rig.source) as running:
        until(lambda: running.over, "an end")
    assert running.why
    assert running.heard == []


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize("kind", [XStream, Mastodon, Bluesky], ids=lambda kind: kind.__name__)
def test_a_refusal_is_told_with_its_status(kind, status: int, tmp_path: Path) -> None:
    rig = kind(tmp_path)
    try:
        rig.far.air.refuse("", status, times=100)
        with session(rig.source) as running:
            until(lambda: running.over, "an end")
        assert running.why
        assert str(status) in running.why or kind is Bluesky
        assert running.heard == []
        assert running.signs == 0
    finally:
        rig.close()


def test_a_post_without_end_costs_itself_or_the_connection(rig: Rig) -> None:
    """What is over the limit is never kept whole: streams are cut, of a file's line only the beginning is read."""
    with session(rig.source) as running:
        until(rig.connected, "a connection")
        rig.raw(b"x" * 1_500_000)
        rig.push(post("marker"))
        until(lambda: running.over or running.has("marker"), "an end, or the next post")
        cut = running.over
    if isinstance(rig, ExportFile):
        assert not cut
        assert rig.source.refused[-1].why == f"longer than {LINE_LIMIT} bytes"
    elif not isinstance(rig, XSearch):
        assert cut
        assert running.why != "asked to stop"


def test_every_post_is_handed_on_exactly_once_across_lost_connections(rig: Rig) -> None:
    heard: list[tuple[str, Mention]] = []
    listener = Listener(
        {rig.source.id: rig.source}, lambda source, mention: heard.append((source, mention)), SystemClock()
    )

    def has(id: str) -> bool:
        return any(mention.text.endswith(id) for _, mention in list(heard))

    listener.start()
    try:
        expected = ["first"]
        until(rig.connected, "a connection")
        rig.push(post("first"))
        until(lambda: has("first"), "the first post")
        for round in range(2):
            rig.drop()
            until(lambda: not _still_there(rig), "the connection to be gone")
            if rig.replays:
                expected.append(f"unheard-{round}")
                rig.push(post(expected[-1]))
            until(rig.connected, "a new connection", 20)
            expected.append(f"again-{round}")
            rig.push(post(expected[-1]))
            until(lambda: all(has(id) for id in expected), f"all of {expected}", 20)
        (state,) = listener.states(SystemClock().now())
        assert state.freshness is Freshness.FRESH
        assert state.failures == 0
    finally:
        assert listener.stop()
    counts = Counter(mention.text.split()[-1] for _, mention in heard)
    assert counts == dict.fromkeys(expected, 1)
    assert {source for source, _ in heard} == {rig.source.id}


def _still_there(rig: Rig) -> bool:
    return type(rig).__name__ not in {"XSearch", "ExportFile", "ExportStdin"} and rig.connected()


def test_rigs_cover_every_kind() -> None:
    assert {rig.network for rig in RIGS.values()} == {"x", "mastodon", "bluesky", ExportFile.network}


def test_a_check_says_that_it_connects_and_takes_nothing(rig: Rig) -> None:
    found = rig.source.check()
    assert found.ok, found.text
    assert found.subject == rig.source.id


@pytest.mark.parametrize("kind", [XStream, Mastodon, Bluesky])
def test_a_check_of_a_far_side_that_is_not_there_says_so(kind: type[Rig], tmp_path: Path) -> None:
    made = kind(tmp_path)
    made.close()
    found = made.source.check()
    assert not found.ok
    assert found.text
