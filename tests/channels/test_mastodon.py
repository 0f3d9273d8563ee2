"""Mastodon: each answer has one meaning; the key, the server's own limit and our own posts are used."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.channels.mastodon import is_ours, judge, payload, read_limit, read_statuses, text_of
from notifier.model.delivery import OutcomeKind, Reason
from notifier.model.times import rfc3339
from notifier.ports import NotFound
from notifier.standins.mastodon import Mastodon, as_html
from tests.channels.answers import GARBAGE, REJECTED, RETRY, SENT, UNKNOWN, answer
from tests.channels.far_sides import FIXED, mastodon_channel, message, now


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
    assert read_limit(answer(200, body)) is None
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


def test_the_key_and_the_language_are_sent(far: Mastodon, secrets: None) -> None:
    channel = mastodon_channel(far.url, visibility="unlisted")
    channel.send(message(language="pt-BR"), now())
    assert far.ledger[0]["key"] == "N1/main/1"
    assert far.ledger[0]["request"] == payload(message(language="pt-BR"), "unlisted")
    assert far.ledger[0]["request"]["language"] == "pt"


def test_the_key_is_used_for_less_than_the_server_keeps_it() -> None:
    assert mastodon_channel("https://mastodon.example").keyed_for == timedelta(minutes=55)


def test_the_servers_own_limit_is_obeyed(secrets: None) -> None:
    with Mastodon(max_characters=100) as far:
        channel = mastodon_channel(far.url)
        assert channel.profile.limit == 500, "composing goes by the configuration"
        outcome = channel.send(message(body="word " * 30), now())
        assert (outcome.kind, outcome.reason) == (REJECTED, Reason.TOO_LONG)
        assert far.ledger == []
        assert [finding.ok for finding in channel.check()] == [True, False], "doctor says that 500 is too much here"


def test_a_configured_longer_limit_is_told_to_composing() -> None:
    assert mastodon_channel("https://mastodon.example", max_characters=11_000).profile.limit == 11_000


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


def test_it_is_found_behind_a_full_page(far: Mastodon, secrets: None) -> None:
    channel, ours = mastodon_channel(far.url), message(body="the first of many")
    channel.send(ours, now())
    for number in range(95):
        far.book.add({**far.ledger[0], "id": str(int(far.ledger[0]["id"]) + number + 1), "body": f"other {number}"})
    assert getattr(channel.find(ours, now()), "provider_id", None) == far.ledger[0]["id"]
    assert channel.find(message(body="never sent"), now()) == NotFound()


@given(st.lists(st.sampled_from(["a", "&", "<b>", "https://e.com/a?b=c&d=1", "\n", "\n\n", "é", "#tag", "\"q\""]),
                min_size=1, max_size=20).map(" ".join).filter(str.strip))
def test_what_the_server_makes_of_a_text_is_still_ours(text: str) -> None:
    assert is_ours(text, {"content": as_html(text)})


def test_a_mention_in_html_reads_as_text() -> None:
    html = ('<p>Hi <span class="h-card"><a href="https://e.com/@a">@<span>a</span></a></span><br>see <a href="https://'
            'e.com/long/path"><span class="invisible">https://</span><span class="ellipsis">e.com/lo</span><span '
            'class="invisible">ng/path</span></a></p><p>bye</p>')
    assert text_of(html).split() == ["Hi", "@a", "see", "https://e.com/long/path", "bye"]
