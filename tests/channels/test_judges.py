"""The laws of every table of answers: whatever is said, one outcome, and UNKNOWN exactly where it may be there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.channels import bluesky, mastodon, webhook, x_answers
from notifier.channels.wire import HttpAnswer
from notifier.model.delivery import Outcome, OutcomeKind, Reason
from tests.channels.far_sides import FIXED, message

Judge = Callable[[HttpAnswer, datetime], Outcome]
JUDGES: dict[str, Judge] = {
    "x": x_answers.judge, "mastodon": mastodon.judge, "bluesky": bluesky.judge,
    "webhook": lambda answer, now: webhook.judge(answer, message(created_at=FIXED), now),
}
HARMLESS = ("bluesky", "webhook")
"""Kinds whose repeat is a no-op, so that an error of the server's is tried again rather than looked into."""

WORDS = st.sampled_from([
    "", "id", "1", "Forbidden", "You are not allowed to create a Tweet with duplicate content.", "CreditsDepleted",
    "InvalidSwap", "ExpiredToken", "RateLimitExceeded", "at://did:plc:a/app.bsky.feed.post/3k", "suspended", "187",
])
NAMES = st.sampled_from(
    ["id", "uri", "error", "message", "title", "type", "detail", "reason", "errors", "data", "code"]
)
BODIES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-rate-limit-reset", "x-ratelimit-reset", "ratelimit-reset",
                     "x-app-limit-24hour-remaining", "x-app-limit-24hour-reset"]),
    st.sampled_from(["", "0", "5", "-1", "soon", "9" * 40, "1768478500", "2026-01-15T12:01:00Z", "²"]), max_size=3)
STATUSES = st.integers(100, 599) | st.sampled_from([200, 201, 400, 401, 402, 403, 410, 422, 429, 500, 503])


@pytest.mark.parametrize("kind", sorted(JUDGES))
@given(status=STATUSES, body=BODIES, headers=HEADERS)
def test_every_answer_has_one_outcome_by_law(kind: str, status: int, body: Any, headers: dict[str, str]) -> None:
    outcome = JUDGES[kind](HttpAnswer(status, headers, json.dumps(body).encode()), FIXED)
    if outcome.kind is OutcomeKind.SENT:
        assert 200 <= status < 300
        assert outcome.provider_id
        assert outcome.reason is Reason.ACCEPTED
    if 200 <= status < 300:
        assert outcome.kind in (OutcomeKind.SENT, OutcomeKind.UNKNOWN), "what was accepted is never sent again"
    if status >= 500 and kind not in HARMLESS:
        assert outcome.kind is OutcomeKind.UNKNOWN, "it may have been accepted before the error"
    if status >= 500 and outcome.kind is OutcomeKind.RETRY:
        assert outcome.in_doubt or outcome.stops_channel, "repeating is harmless, but it may have been accepted"
    if outcome.in_doubt:
        assert outcome.kind is OutcomeKind.RETRY
        assert kind in HARMLESS
    if 400 <= status < 500 and status != 408:
        assert outcome.kind in (OutcomeKind.RETRY, OutcomeKind.REJECTED), "a refusal leaves nothing in doubt"
        assert not outcome.in_doubt
    if status in (401, 402, 429):
        assert outcome.kind is OutcomeKind.RETRY, "keys, credit and patience can be mended: no notice is lost to them"
    if outcome.retry_at is not None:
        assert outcome.kind is OutcomeKind.RETRY
        assert FIXED <= outcome.retry_at <= FIXED + timedelta(days=1)
    assert len(outcome.detail) < 200
