"""X: what is asked, what is understood, and what happens when the stream is not to be had. tweepy is the real one."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from notifier.clock import VirtualClock
from notifier.secret import Secret
from notifier.sources.posts import x as x_module
from notifier.sources.posts.x import XMentions, XSettings
from notifier.sources.posts.x_posts import RULE_LENGTH, mention_from, posted_at, rules
from notifier.standins.x_listen import XListening
from tests.shared_data import shared

from .hearing import TOKEN, XStream, post, session, until

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(TOKEN, "s3cret-token")
    with XListening(keep_alive=0.1) as standin:
        yield standin


def asked(**more: Any) -> XSettings:
    given: dict[str, Any] = {
        "id": "x",
        "kind": "x",
        "bearer_token": Secret(env=TOKEN),
        "terms": ("outage",),
        **more,
    }
    return XSettings(**given)


def source(far: XListening, clock: Any = None, **more: Any) -> XMentions:
    return XMentions(asked(base_url=far.url, **more), clock=clock)


def streams(far: XListening) -> int:
    return sum(urlsplit(path).path.endswith("/stream") for _, path in far.requests)


def searches(far: XListening) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(path).query) for _, path in far.requests if "/recent" in path]


# ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(asked(terms=("no signal", "outage")), ('("no signal" OR "outage") -is:retweet',), id="terms"),
        pytest.param(
            asked(languages=("en", "pt-BR")), ('("outage") (lang:en OR lang:pt) -is:retweet',), id="languages"
        ),
        pytest.param(asked(reposts=True), ('("outage")',), id="reposts wanted"),
        pytest.param(
            asked(terms=(), query="@vtel (down OR bad)"), ("(@vtel (down OR bad)) -is:retweet",), id="own query"
        ),
        pytest.param(
            asked(terms=('a" OR lang:xx "b',)), ('("a OR lang:xx b") -is:retweet',), id="no way out of quotes"
        ),
        pytest.param(
            asked(own_accounts=("42", "43"), languages=("en",), reposts=True),
            ('("outage") (lang:en)', "(from:42 OR from:43) -is:retweet"), id="our own accounts, whatever their language"
        ),
        pytest.param(asked(terms=(), own_accounts=("42",)), ("(from:42) -is:retweet",), id="our own accounts alone"),
        pytest.param(
            asked(terms=('"', "x" * 2000, "ok")), ('("ok") -is:retweet',), id="what cannot be asked is left out"
        ),
    ],
)
def test_rules_say_what_the_settings_say(settings: XSettings, expected: tuple[str, ...]) -> None:
    assert rules(settings, RULE_LENGTH) == expected


@given(st.lists(st.text("abc XYZ&#", min_size=1, max_size=60), min_size=1, max_size=60), st.integers(100, 1024))
def test_rules_never_grow_too_long_and_lose_no_term(terms: list[str], longest: int) -> None:
    found = rules(asked(terms=tuple(terms)), longest)
    assert all(len(rule) <= longest for rule in found)
    for term in terms:
        if plain := " ".join(term.split()):
            assert any(f'"{plain}"' in rule for rule in found)


@pytest.mark.parametrize("settings", [{"terms": ()}, {"query": "outage"}], ids=["neither", "both"])
def test_there_is_one_way_to_ask(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exactly one of terms, query"):
        asked(**settings)


def test_only_our_own_rules_are_touched(far: XListening) -> None:
    old = [
        {"value": '("gone") -is:retweet', "tag": "notifier:x"},
        {"value": '("outage") -is:retweet', "tag": "notifier:x"},
        {"value": "cats", "tag": "somebody else's"},
        {"value": "dogs"},
    ]
    _, answer = far.update_rules({"add": old})
    kept = answer["data"][1]["id"]
    with session(source(far, terms=("outage",), method="stream")):
        until(lambda: bool(far.air.connections), "a connection")
    assert sorted(rule["value"] for rule in far.rules.values()) == ['("outage") -is:retweet', "cats", "dogs"]
    assert kept in far.rules


def test_posts_that_only_match_other_peoples_rules_are_not_ours(far: XListening) -> None:
    far.update_rules({"add": [{"value": "cats", "tag": "somebody else's"}]})
    with session(source(far, method="stream")) as running:
        until(lambda: bool(far.air.connections), "a connection")
        far.push(post("1", text="my cats"))
        far.push(post("2", text="an outage"))
        until(lambda: running.has("an outage"), "our post")
    assert not running.has("cats")


# ── what is understood ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_post_is_mapped_with_its_author_place_and_references() -> None:
    includes = {
        "users": [{"id": "9", "location": "Stowe"}, {"id": "8", "location": "Oslo"}],
        "places": [{"id": "p", "full_name": "Stowe, VT", "country": "United States"}],
    }
    found = mention_from(
        {
            "id": "1",
            "text": "short…",
            "note_tweet": {"text": "the whole long text"},
            "author_id": "9",
            "lang": "en",
            "created_at": "2026-01-15T11:59:00.000Z",
            "geo": {"place_id": "p"},
            "referenced_tweets": [{"type": "replied_to", "id": "77"}],
        },
        includes,
        NOW,
    )
    assert found is not None
    assert (found.text, found.author, found.author_location) == ("the whole long text", "9", "Stowe")
    assert (found.place, found.reply_to, found.lang) == ("Stowe, VT, United States", "77", "en")
    assert found.created_at == NOW - timedelta(minutes=1)
    assert found.url == "https://x.com/i/web/status/1"


@pytest.mark.parametrize(
    ("field", "kind", "repost"),
    [
        pytest.param("referenced_tweets", "retweeted", True, id="a repost"),
        pytest.param("referenced_posts", "retweeted", True, id="a repost, by the field's newer name"),
        pytest.param("referenced_tweets", "quoted", False, id="a quote is its writer's own words"),
        pytest.param("referenced_tweets", "replied_to", False, id="an answer"),
    ],
)
def test_reposts_are_told_from_quotes(field: str, kind: str, repost: bool) -> None:
    found = mention_from({"id": "1", "text": "t", field: [{"type": kind, "id": "2"}]}, {}, NOW)
    assert found is not None
    assert found.is_repost is repost


def test_posts_without_words_have_no_language() -> None:
    found = mention_from({"id": "1", "text": "#x", "lang": "und"}, {}, NOW)
    assert found is not None
    assert found.lang is None


def test_an_id_says_when_its_post_was_made() -> None:
    assert posted_at("1212092628029698048") == datetime(2019, 12, 31, 19, 26, 16, 771000, tzinfo=UTC)
    assert posted_at("9" * 20) is posted_at("x") is posted_at(None) is None


# ── when the stream is not to be had ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [402, 403, 404, 429])
def test_a_refused_stream_is_replaced_by_search_at_once(far: XListening, status: int) -> None:
    far.air.refuse("/search/stream", status, times=100)
    with session(source(far, poll_every="20ms")) as running:
        until(lambda: bool(searches(far)), "a search")
        far.push(post("1"))
        until(lambda: running.has("outage 1"), "the post")
    assert streams(far) == 1
    assert running.why == "asked to stop"


def test_a_stream_that_keeps_failing_is_replaced_by_search(far: XListening) -> None:
    far.air.refuse("/search/stream", 503, times=100)
    listening = source(far, poll_every="20ms")
    whys = []
    for _ in range(2):
        with session(listening) as running:
            until(lambda: running.over, "an end")
        whys.append(running.why)
    assert whys == ["X refused the stream with status 503"] * 2
    with session(listening):
        until(lambda: bool(searches(far)), "a search")
    assert streams(far) == 3


def test_the_stream_is_tried_again_after_a_while(far: XListening, clock: VirtualClock) -> None:
    far.air.refuse("/search/stream", 403, times=1)
    with session(source(far, clock, retry_stream_after="30m")) as running:
        until(lambda: bool(far.air.connections), "a stream")
        far.push(post("1"))
        until(lambda: running.has("outage 1"), "the post")
    assert clock.now() >= datetime(2026, 1, 15, 12, 30, tzinfo=UTC)
    assert 25 <= len(searches(far)) <= 35
    assert streams(far) == 2


def test_where_search_is_not_wanted_it_is_not_used(far: XListening, clock: VirtualClock) -> None:
    far.air.refuse("/search/stream", 403, times=1)
    listening = source(far, clock, method="stream")
    with session(listening) as running:
        until(lambda: running.over, "an end")
    with session(listening):
        until(lambda: bool(far.air.connections), "a stream")
    assert clock.now() >= datetime(2026, 1, 15, 12, 30, tzinfo=UTC)
    assert searches(far) == []


def test_a_rate_limit_parks_the_search_until_it_ends(far: XListening, clock: VirtualClock) -> None:
    reset = clock.now() + timedelta(minutes=9)
    far.air.refuse("/recent", 429, headers={"x-rate-limit-reset": str(int(reset.timestamp()))})
    far.push(post("1", created_at=clock.now()))
    heard_at: list[datetime] = []
    listening = source(far, clock, method="search")
    listening.listen(lambda _: heard_at.append(clock.now()), lambda: None, lambda: bool(heard_at))
    assert reset <= heard_at[0] < reset + timedelta(seconds=2)
    assert len(searches(far)) == 2


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param("1768478460", 60, id="as it says"),
        pytest.param("1768478300", 1, id="already over"),
        pytest.param("999999999999", 3600, id="in 30,000 years"),
        pytest.param("9" * 400, 60, id="no number X could mean"),
        pytest.param("soon", 60, id="in words"),
        pytest.param("", 60, id="not said"),
    ],
)
def test_when_a_rate_limit_ends(header: str, seconds: int, clock: VirtualClock) -> None:
    wire = x_module.Wire("http://127.0.0.1:1", clock=clock)
    wire.headers = {"x-rate-limit-reset": header} if header else {}
    assert x_module._reset(wire, NOW) == NOW + timedelta(seconds=seconds)


def test_a_redirect_is_not_followed_and_the_token_is_told_to_nobody(far: XListening) -> None:
    far.air.refuse("/rules", 302, headers={"Location": f"{far.url}/elsewhere"})
    with capture_logs() as logs, session(source(far)) as running:
        until(lambda: running.over, "an end")
    assert not any("elsewhere" in path for _, path in far.requests)
    assert "s3cret" not in f"{running.why} {logs}"


def test_a_token_that_is_not_there_is_named(far: XListening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN)
    with session(source(far)) as running:
        until(lambda: running.over, "an end")
    assert running.why == f"environment variable {TOKEN} is empty or not set"
    assert far.requests == []


def test_search_reads_all_pages_and_hands_on_the_oldest_first(far: XListening) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=5)  # noqa: TID251 the far side searches by the real time
    for number in range(230):
        far.push(post(f"n{number}", created_at=begun + timedelta(seconds=number)))
    with session(source(far, method="search")) as running:
        until(lambda: len(running.heard) >= 230, "all posts")
    assert [mention.text.split()[-1] for mention in running.heard] == [f"n{number}" for number in range(230)]
    first, second, third = searches(far)
    assert "start_time" in first
    assert "next_token" not in first
    assert second["next_token"] != third["next_token"]


# ── X's own description ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(gzip.decompress(shared("data/api/x_openapi.json.gz").read_bytes()))
    return loaded


def fits(api: dict[str, Any], schema: str, value: Any) -> None:
    whole = {"$ref": f"#/components/schemas/{schema}", "components": api["components"]}
    jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(value)


def test_the_stand_in_answers_as_x_describes(api: dict[str, Any], far: XListening) -> None:
    sent: list[bytes] = []
    far.air.send = sent.append  # type: ignore[method-assign]
    _, added = far.update_rules({"add": [{"value": "outage", "tag": "notifier:x"}]})
    fits(api, "UpdateRulesResponse", added)
    fits(api, "GetRulesResponse", far.list_rules())
    far.push(post("1", place="Stowe, VT", author_location="Vermont", is_repost=True, reply_to="4"))
    far.push(post("2"))
    status, found = far.search({"query": "outage", "max_results": "10"})
    assert status == 200
    assert len(found["data"]) == 2
    fits(api, "SearchPostsRecentResponse", found)
    fits(api, "SearchPostsRecentResponse", far.search({"query": "nothing"})[1])
    fits(api, "Problem", far.search({"query": ""})[1])
    _, deleted = far.update_rules({"delete": {"ids": [added["data"][0]["id"]]}})
    fits(api, "UpdateRulesResponse", deleted)
    assert len(sent) == 2
    for line in sent:
        fits(api, "StreamPostsResponse", json.loads(line))
    with pytest.raises(jsonschema.ValidationError):
        fits(api, "StreamPostsResponse", {"data": {"id": 1}})


def test_we_ask_as_x_describes(api: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[Any] = []
    update = XListening.update_rules
    monkeypatch.setattr(XListening, "update_rules", lambda self, body: bodies.append(body) or update(self, body))
    rig = XStream(tmp_path, method="auto", poll_every="10ms")
    try:
        with session(rig.source):
            until(rig.connected, "a stream")
            rig.push(post("1"))
        rig.far.air.refuse("/search/stream", 403)
        with session(rig.source):
            until(lambda: len(searches(rig.far)) > 1, "a search")
    finally:
        rig.close()
    assert bodies
    for body in bodies:
        fits(api, "UpdateRulesRequest", body)
    stream = next(path for _, path in rig.far.requests if urlsplit(path).path.endswith("/search/stream"))
    check_query(api, "/2/tweets/search/stream", parse_qs(urlsplit(stream).query))
    for query in searches(rig.far):
        named = {name: values for name, values in query.items() if not name.endswith("fields") and name != "expansions"}
        check_query(api, "/2/tweets/search/recent", named)


def check_query(api: dict[str, Any], path: str, query: dict[str, list[str]]) -> None:
    described = {one["name"]: one["schema"] for one in api["paths"][path]["get"]["parameters"] if "name" in one}
    for name, (value,) in query.items():
        kind = described[name]["type"]
        read: Any = value.split(",") if kind == "array" else int(value) if kind == "integer" else value
        jsonschema.validate(read, described[name])
