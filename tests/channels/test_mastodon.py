"""Mastodon: each answer has one meaning; the key, the server's own limit and our own posts are used."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from notifier.app import Profiles, learn
from notifier.channels.mastodon import judge, payload
from notifier.channels.mastodon_instance import read_instance
from notifier.channels.mastodon_posts import is_ours, read_history, read_statuses, text_of
from notifier.channels.wire import key_of
from notifier.clock import SystemClock
from notifier.model.delivery import OutcomeKind, Reason
from notifier.model.times import rfc3339
from notifier.notices.fit import measure, shorten
from notifier.ports import CannotTell, Found, NotFound
from notifier.standins.mastodon import ACCOUNT, Mastodon, as_html
from tests.channels.answers import GARBAGE, REJECTED, RETRY, SENT, UNKNOWN, answer
from tests.channels.far_sides import FIXED, mastodon_channel, message, now
from tests.shared_data import shared

PATIENT = (5.0, 30.0)


@pytest.fixture
def far() -> Iterator[Mastodon]:
    with Mastodon() as standin:
        assert isinstance(standin, Mastodon)
        yield standin


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason", "stops"),
    [
        pytest.param(200, {"id": "1"}, SENT, Reason.ACCEPTED, False, id="made"),
        pytest.param(200, {}, UNKNOWN, Reason.BAD_ANSWER, False, id="made, but no id"),
        pytest.param(401, {"error": "The access token is invalid"}, RETRY, Reason.AUTHENTICATION, True, id="token"),
        pytest.param(403, {"error": "This action is outside the authorized scopes"}, RETRY, Reason.FORBIDDEN, True,
                     id="scope"),
        pytest.param(403, {"error": "Your login is currently disabled"}, RETRY, Reason.FORBIDDEN, True, id="suspended"),
        pytest.param(410, {}, RETRY, Reason.FORBIDDEN, True, id="the account is gone, which staff must see"),
        pytest.param(400, {}, REJECTED, Reason.CONTENT_REFUSED, False, id="bad request"),
        pytest.param(413, {}, REJECTED, Reason.TOO_LONG, False, id="too much for the proxy"),
        pytest.param(202, {}, UNKNOWN, Reason.BAD_ANSWER, False, id="accepted for later, which nobody documents"),
        pytest.param(200, {"id": "5", "scheduled_at": "2026-01-15T12:00:00Z"}, SENT, Reason.ACCEPTED, False,
                     id="with more than was asked for"),
        pytest.param(404, {}, RETRY, Reason.BAD_ANSWER, True, id="no Mastodon here"),
        pytest.param(422, {"error": "Validation failed: Text can't be blank"}, REJECTED, Reason.CONTENT_REFUSED, False,
                     id="not valid"),
        pytest.param(422, {"error": "Validation failed: Text character limit of 500 exceeded"}, REJECTED,
                     Reason.TOO_LONG, False, id="too long"),
        pytest.param(429, {}, RETRY, Reason.RATE_LIMITED, False, id="too many"),
        *[pytest.param(status, {}, UNKNOWN, Reason.SERVER_ERROR, False, id=f"server error {status}: it may be saved")
          for status in (500, 502, 503, 504)],
        pytest.param(301, {}, RETRY, Reason.BAD_ANSWER, True, id="moved"),
    ],
)
def test_each_answer_has_one_meaning(status: int, body: Any, kind: OutcomeKind, reason: Reason, stops: bool) -> None:
    outcome = judge(answer(status, body), FIXED)
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (kind, reason, stops)


@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_is_never_a_success(body: bytes) -> None:
    assert judge(answer(200, body), FIXED).kind is UNKNOWN
    assert read_instance(answer(200, body)) is None
    assert read_history(answer(200, body)) is None
    assert read_statuses(answer(200, body)) in (None, [])


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(rfc3339(FIXED + timedelta(seconds=90)), 90, id="said"),
        pytest.param("", 300, id="not said: a whole window"),
        pytest.param("2026-01-15T12:00:00", 300, id="without a zone"),
        pytest.param("9999-01-01T00:00:00Z", 86_400, id="the far future is cut to a day"),
    ],
)
def test_a_limit_is_waited_out(header: str, seconds: int) -> None:
    headers = {"x-ratelimit-reset": header} if header else {}
    assert judge(answer(429, {}, headers), FIXED).retry_at == FIXED + timedelta(seconds=seconds)


def test_a_proxy_before_the_server_is_obeyed_too() -> None:
    assert judge(answer(429, b"busy", {"retry-after": "40"}), FIXED).retry_at == FIXED + timedelta(seconds=40)


def test_the_key_and_the_language_are_sent(far: Mastodon, secrets: None) -> None:
    channel, ours = mastodon_channel(far.url, visibility="unlisted"), message(language="pt-BR")
    channel.send(ours, now())
    assert far.ledger[0]["key"] == key_of(ours)
    assert far.ledger[0]["request"] == payload(ours, "unlisted")
    assert far.ledger[0]["request"]["language"] == "pt"


def test_another_deployment_that_counts_alike_gets_its_own_post(far: Mastodon, secrets: None) -> None:
    """A server that knows the key answers with the post it has: the second notice would never appear."""
    one = message(body="test words")
    other = message(body="live words", created_at=one.created_at + timedelta(seconds=7))
    assert one.key == other.key
    for each in (one, other):
        assert mastodon_channel(far.url).send(each, now()).kind is SENT
    assert [entry["body"] for entry in far.ledger] == ["test words", "live words"]


def test_the_key_is_used_for_less_than_a_server_keeps_it_and_only_where_it_is_honoured(
    far: Mastodon, secrets: None
) -> None:
    channel = mastodon_channel(far.url)
    assert channel.keyed_for == timedelta(0), "nobody knows yet what server this is"
    channel.learn(now())
    assert channel.keyed_for == timedelta(minutes=55)
    with Mastodon(keyed=False) as relative:
        channel = mastodon_channel(relative.url)
        channel.send(message(), now())
        assert channel.keyed_for == timedelta(0)


@pytest.mark.parametrize(
    ("version", "keyed"),
    [
        pytest.param("4.4.0", True, id="Mastodon"),
        pytest.param("4.5.0-nightly.2026-01-01+glitch", True, id="a fork of it"),
        pytest.param("0.17.3 git-0a1b2c3", False, id="GoToSocial"),
        pytest.param("2.7.2 (compatible; Pleroma 2.6.0)", False, id="Pleroma"),
        pytest.param("4.2.1 (compatible; Iceshrimp 2025.1)", False, id="Iceshrimp"),
        pytest.param("", False, id="nothing"),
        pytest.param("forty-two", False, id="words"),
    ],
)
def test_who_honours_the_key(version: str, keyed: bool) -> None:
    told = read_instance(answer(200, {"version": version}))
    assert told is not None
    assert told.keyed is keyed


@pytest.mark.parametrize(
    ("statuses", "limit", "link"),
    [
        pytest.param({"max_characters": 11_000, "characters_reserved_per_url": 25}, 11_000, 25, id="both"),
        pytest.param({}, None, None, id="neither"),
        pytest.param({"max_characters": True, "characters_reserved_per_url": -1}, None, None, id="nonsense"),
        pytest.param({"max_characters": "500", "characters_reserved_per_url": 10**9}, None, None, id="more nonsense"),
        pytest.param([], None, None, id="another shape"),
    ],
)
def test_the_limits_a_server_tells(statuses: Any, limit: int | None, link: int | None) -> None:
    told = read_instance(answer(200, {"version": "4.4.0", "configuration": {"statuses": statuses}}))
    assert told is not None
    assert (told.limit, told.link) == (limit, link)


def test_the_servers_own_limit_is_obeyed(secrets: None) -> None:
    with Mastodon(max_characters=100) as far:
        channel = mastodon_channel(far.url, max_characters=500)
        assert channel.profile.limit == 500, "the server has not told yet"
        outcome = channel.send(message(body="word " * 30), now())
        assert (outcome.kind, outcome.reason) == (REJECTED, Reason.TOO_LONG)
        assert far.ledger == []
        assert channel.profile.limit == 100, "from now on composing goes by it"
        assert [finding.ok for finding in channel.check()] == [True, False, True], "500 is too much here"


def test_composing_goes_by_what_the_server_counts(secrets: None) -> None:
    """A link that counts 60 there makes a text too long that fits elsewhere."""
    with Mastodon(max_characters=100, link=60) as far:
        channel = mastodon_channel(far.url)
        assert (channel.profile.limit, channel.profile.link_length) == (None, None)
        channel.learn(now())
        profile = channel.profile
        assert (profile.limit, profile.link_length) == (100, 60)
        text = "a" * 50 + " https://e.com"
        assert measure("mastodon", text, limit=100).fits
        assert not measure("mastodon", text, limit=profile.limit, link=profile.link_length).fits
        assert channel.send(message(body=text), now()).reason is Reason.TOO_LONG
        assert channel.send(message(body="a" * 39 + " https://e.com"), now()).kind is SENT


def test_the_daemon_asks_at_its_start_and_composes_by_the_answer(secrets: None) -> None:
    with Mastodon(max_characters=120, link=30) as far:
        channels = {"mastodon-main": mastodon_channel(far.url, PATIENT)}
        profiles = Profiles(channels)
        assert profiles["mastodon-main"].limit is None
        learn(channels, SystemClock())
        for thread in threading.enumerate():
            if thread.name == "learn:mastodon-main":
                thread.join(30)
        profile = profiles["mastodon-main"]
        assert (profile.limit, profile.link_length) == (120, 30)
        text = f"I261122-1: {'words ' * 30}see https://status.example.com/vt"
        fitted = shorten("mastodon", text, ["https://status.example.com/vt"], profile.limit, profile.link_length)
        assert isinstance(fitted, str)
        assert channels["mastodon-main"].send(message(body=fitted), now()).kind is SENT


def test_learning_never_fails(secrets: None) -> None:
    channel = mastodon_channel("http://127.0.0.1:1")
    channel.learn(now())
    assert channel.profile.limit is None


def test_a_shorter_post_may_be_wanted_than_the_server_takes(far: Mastodon, secrets: None) -> None:
    channel = mastodon_channel(far.url, max_characters=200)
    channel.learn(now())
    assert channel.profile.limit == 200


def test_what_a_server_said_is_asked_anew_after_half_a_day(far: Mastodon, secrets: None) -> None:
    channel, at = mastodon_channel(far.url), now()
    channel.learn(at)
    far.max_characters = 300
    channel.learn(at + timedelta(hours=11))
    assert channel.profile.limit == 500
    far.fault("500", on="read")
    channel.learn(at + timedelta(hours=13))
    assert channel.profile.limit == 500, "what was said stands while nothing is said"
    channel.learn(at + timedelta(hours=13))
    assert channel.profile.limit == 300


def test_the_limit_is_asked_for_once(far: Mastodon, secrets: None) -> None:
    channel = mastodon_channel(far.url)
    for number in range(3):
        channel.send(message(key=f"k{number}", body=f"notice {number}"), now())
    assert sum(path == "/api/v2/instance" for _, path in far.asked) == 1


def test_a_server_that_hides_its_limit_is_posted_to_all_the_same(far: Mastodon, secrets: None) -> None:
    far.fault("500", on="read")
    assert mastodon_channel(far.url).send(message(), now()).kind is SENT


def test_a_server_that_ignores_keys_is_why_posts_are_read(secrets: None) -> None:
    with Mastodon(keyed=False) as far:
        channel, ours = mastodon_channel(far.url), message()
        channel.send(ours, now())
        assert getattr(channel.find(ours, now()), "provider_id", None) == far.ledger[0]["id"]


def test_our_post_is_found_after_somebody_edited_it(far: Mastodon, secrets: None) -> None:
    channel, ours = mastodon_channel(far.url), message()
    far.fault("accept_then_drop")
    channel.send(ours, now())
    far.edit(far.ledger[0]["id"], "other words")
    assert channel.find(ours, now()) == Found(far.ledger[0]["id"])
    assert channel.find(message(body="never sent", created_at=ours.created_at), now()) == NotFound()


def test_an_edited_post_whose_history_cannot_be_read_is_no_proof_of_absence(far: Mastodon, secrets: None) -> None:
    channel, ours = mastodon_channel(far.url), message()
    channel.send(ours, now())
    far.edit(far.ledger[0]["id"], "other words")
    real = far.answer
    far.answer = lambda asked: (  # type: ignore[method-assign]
        far.refusal(503) if asked.path.endswith("/history") else real(asked))
    assert isinstance(channel.find(ours, now()), CannotTell)


def test_one_post_never_answers_for_two_notices(far: Mastodon, secrets: None) -> None:
    """Two notices that say the same, planned within the minute in which clocks may differ."""
    channel, first = mastodon_channel(far.url), message()
    second = message(key="N2/main/1", created_at=first.created_at + timedelta(seconds=20))
    channel.send(first, now())
    assert channel.find(second, now()) == NotFound()
    far.fault("accept_then_drop")
    channel.send(second, now())
    assert channel.find(second, now()) == Found(far.ledger[1]["id"])
    assert channel.find(first, now()) == Found(far.ledger[0]["id"])


def test_doctor_finds_fault_with_a_token_that_may_not_read_posts(far: Mastodon, secrets: None) -> None:
    real = far.answer
    far.answer = lambda asked: (  # type: ignore[method-assign]
        far.refusal(403) if asked.path.endswith("/statuses") and asked.method == "GET" else real(asked))
    assert [finding.ok for finding in mastodon_channel(far.url).check()] == [True, True, False]


def test_it_is_found_behind_a_full_page(far: Mastodon, secrets: None) -> None:
    channel, ours = mastodon_channel(far.url), message(body="the first of many")
    channel.send(ours, now())
    for number in range(95):
        far.book.add({**far.ledger[0], "id": str(int(far.ledger[0]["id"]) + number + 1), "body": f"other {number}"})
    assert getattr(channel.find(ours, now()), "provider_id", None) == far.ledger[0]["id"]
    assert channel.find(message(body="never sent"), now()) == NotFound()


@given(st.lists(st.sampled_from(["a", "&", "<b>", "https://e.com/a?b=c&d=1", "@ann@e.com", "e\u0301",
                                  "\n", "\n\n", "é", "#tag", "\"q\""]),
                min_size=1, max_size=20).map(" ".join).filter(str.strip))
def test_what_the_server_makes_of_a_text_is_still_ours(text: str) -> None:
    assert is_ours(text, {"content": as_html(text)})


def test_a_mention_in_html_reads_as_text() -> None:
    html = ('<p>Hi <span class="h-card"><a href="https://e.com/@a">@<span>a</span></a></span><br>see <a href="https://'
            'e.com/long/path"><span class="invisible">https://</span><span class="ellipsis">e.com/lo</span><span '
            'class="invisible">ng/path</span></a></p><p>bye</p>')
    assert text_of(html).split() == ["Hi", "@a", "see", "https://e.com/long/path", "bye"]


# ── Mastodon's own description ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    with gzip.open(shared("data/api/mastodon_openapi.json.gz"), "rt", encoding="utf-8") as file:
        read: dict[str, Any] = json.load(file)
    return read


def _fits(description: dict[str, Any], schema: dict[str, Any], value: object) -> None:
    jsonschema.Draft202012Validator({**schema, "components": description["components"]}).validate(value)


def _partly_fits(description: dict[str, Any], entity: str, value: dict[str, Any]) -> None:
    """The stand-in leaves out what nobody here reads; what it says has the shape it should."""
    known = description["components"]["schemas"][entity]["properties"]
    assert set(value) <= set(known), set(value) - set(known)
    for name, said in value.items():
        if name not in ("account", "configuration"):
            _fits(description, known[name], said)


def test_what_is_asked_and_answered_fits_the_description(
    far: Mastodon, secrets: None, description: dict[str, Any]
) -> None:
    channel, ours, paths = mastodon_channel(far.url), message(), description["paths"]
    assert channel.send(ours, now()).kind is SENT
    create = paths["/api/v1/statuses"]["post"]
    _fits(description, create["requestBody"]["content"]["application/json"]["schema"], far.ledger[0]["request"])
    assert "Idempotency-Key" in [one["name"] for one in create["parameters"]]
    far.edit(far.ledger[0]["id"], "other words")
    far.queries.clear()
    assert channel.find(ours, now()) == Found(far.ledger[0]["id"])
    listing = "/api/v1/accounts/{id}/statuses"
    known = {one["name"] for one in paths[listing]["get"]["parameters"]}
    assert far.queries
    assert all(set(query) <= known for query in far.queries)

    def read(path: str) -> Any:
        return requests.get(far.url + path, headers={"Authorization": "Bearer t"}, timeout=5).json()

    _partly_fits(description, "Status", read(f"/api/v1/accounts/{ACCOUNT}/statuses")[0])
    for version in read(f"/api/v1/statuses/{far.ledger[0]['id']}/history"):
        _partly_fits(description, "StatusEdit", version)
    _partly_fits(description, "Instance", read("/api/v2/instance"))
    statuses = description["components"]["schemas"]["Instance"]["properties"]["configuration"]["properties"]["statuses"]
    _fits(description, {"type": "object", "properties": statuses["properties"]},
          read("/api/v2/instance")["configuration"]["statuses"])
