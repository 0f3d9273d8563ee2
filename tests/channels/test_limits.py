"""What channels say of their limits: whose they share, what a message takes, and what a provider's answer tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from notifier.channels import mastodon, sms, x_answers
from notifier.channels.allowance import Allowance, with_remaining
from notifier.model.limit import LATE, Level, Limit, Told, grant
from notifier.model.settings import spelt_duration
from tests.channels.answers import answer
from tests.channels.far_sides import (
    CANARY,
    SIDES,
    bluesky_channel,
    email_channel,
    mastodon_channel,
    message,
    now,
    sms_channel,
    x_channel,
)

from ..store.making import MINUTE, NOW

URL = "https://far.example"
MADE: dict[str, Callable[..., Any]] = {
    "x": lambda **more: x_channel(URL, **more), "mastodon": lambda **more: mastodon_channel(URL, **more),
    "bluesky": lambda **more: bluesky_channel(URL, **more), "sms": lambda **more: sms_channel(URL, **more),
    "email": lambda **more: email_channel(25, **more),
}
DAY = [{"most": 1000, "within": "1d"}]


def names(channel: Any) -> list[str]:
    return [limit.name for limit in channel.limits]


@pytest.mark.parametrize("kind", sorted(MADE))
def test_channels_of_one_account_share_its_limits_and_no_name_tells_a_secret(kind: str) -> None:
    one, other = MADE[kind](limits=DAY), MADE[kind](id="other", limits=DAY)
    assert names(one)[1:] == names(other)[1:]
    assert len(names(one)) == 2
    assert names(one)[1].endswith("/1d")
    assert not any(CANARY in name for name in names(one))


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        pytest.param("x", {"access_token": {"env": "T_OTHER"}}, id="another access token"),
        pytest.param("mastodon", {"access_token": {"env": "T_OTHER"}}, id="another token"),
        pytest.param("bluesky", {"handle": "other.example.test"}, id="another handle"),
        pytest.param("sms", {"account_sid": "AC" + "0b" * 16}, id="another Twilio account"),
        pytest.param("email", {"username": "other"}, id="another log-in"),
    ],
)
def test_another_account_shares_nothing(kind: str, more: dict[str, Any]) -> None:
    assert not set(names(MADE[kind](limits=DAY))) & set(names(MADE[kind](id="other", limits=DAY, **more)))


def test_two_channels_with_one_number_share_what_it_may_send() -> None:
    """A sender is a number or a Messaging Service, whatever channel names it."""
    one, same = sms_channel(URL), sms_channel(URL, id="other")
    pool = sms_channel(URL, from_number=None, messaging_service_sid="MG" + "0a" * 16)
    assert names(one) == names(same)
    assert names(one) != names(pool)


@pytest.mark.parametrize(
    ("kind", "most", "window", "each"),
    [
        pytest.param("x", 100, 15 * MINUTE, 1, id="X: 100 posts in 15 minutes"),
        pytest.param("x", 300, 180 * MINUTE, 1, id="X: 300 posts in 3 hours"),
        pytest.param("mastodon", 300, 5 * MINUTE, 1, id="Mastodon: 300 requests in 5 minutes"),
        pytest.param("bluesky", 5000, 60 * MINUTE, 2, id="Bluesky: 5,000 points an hour, 2 for a put"),
        pytest.param("bluesky", 35_000, 24 * 60 * MINUTE, 2, id="Bluesky: 35,000 points a day"),
    ],
)
def test_the_contract_is_kept_by_whoever_sends_as_fast_as_it_may(
    kind: str, most: int, window: timedelta, each: int
) -> None:
    """The busiest window there can be, by all limits of the channel but its own pace."""
    limits = MADE[kind]().limits[1:]
    levels, at, passed = tuple(Level() for _ in limits), NOW, 0
    while at < NOW + window + LATE:  # what was granted so long before may arrive within the window
        granted = grant(limits, levels, [1.0] * 1000, at)
        levels, passed = granted.levels, passed + granted.number
        assert granted.wait is not None
        at = granted.wait.until + (window + LATE) / 500
    assert most * 0.2 < passed * each <= most


def test_a_text_weighs_its_segments() -> None:
    channel = sms_channel(URL)
    text = message("+18025550123")
    assert channel.weigh(replace(text, body="short")) == 1.0
    assert channel.weigh(replace(text, body="x" * 161)) == 2.0
    assert channel.weigh(replace(text, body="ž" * 71)) == 2.0


@pytest.mark.parametrize("kind", ["x", "mastodon", "bluesky", "sms", "webhook"])
def test_too_much_is_told_of_the_account_and_not_only_of_the_message(kind: str, secrets: None) -> None:
    side = SIDES[kind]
    far = side.make()
    far.start()
    try:
        far.faults.set("429")
        outcome = side.channel(far).send(message(side.address), now())
    finally:
        far.stop()
    assert outcome.told is not None
    assert outcome.told.until == outcome.retry_at
    assert outcome.retry_at > now()


def test_a_relay_that_slows_one_mail_holds_up_no_other(secrets: None) -> None:
    """A 4.7.0 may be about the receiving domain: the message waits, the channel does not."""
    side = SIDES["email"]
    far = side.make()
    far.start()
    try:
        far.faults.set("429")
        outcome = side.channel(far).send(message(side.address), now())
    finally:
        far.stop()
    assert (outcome.reason, outcome.told) == ("rate_limited", None)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        pytest.param("17", Told(17.0), id="a number"),
        pytest.param("0", Told(0.0), id="nothing left"),
        pytest.param("", None, id="no number"),
        pytest.param("-3", None, id="less than nothing"),
        pytest.param("1e3", None, id="not a plain number"),
        pytest.param("٣", None, id="digits of another script"),
        pytest.param("9" * 40, None, id="beyond all limits"),
    ],
)
def test_what_a_header_says_is_left(value: str, told: Told | None) -> None:
    sent = x_answers.judge(answer(201, {"data": {"id": "1"}}), NOW)
    assert with_remaining(sent, {"x-rate-limit-remaining": value}, "x-rate-limit-remaining").told == told


def test_a_refusal_keeps_its_time_beside_what_is_left() -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-01-15T12:03:00Z"}
    refused = with_remaining(mastodon.judge(answer(429, {}, headers), NOW), headers, "x-ratelimit-remaining")
    assert refused.told == Told(0.0, NOW + 3 * MINUTE)


def test_an_account_that_is_throttled_is_told_by_code_too() -> None:
    assert sms.judge(answer(429, {"code": 20429}), NOW).told == Told(until=NOW + MINUTE)
    assert sms.judge(answer(400, {"code": 21211}), NOW).told is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"most": 1, "within": "1h"}, "greater than or equal to 10", id="too few to divide"),
        pytest.param({"most": 100, "within": "1h", "burst": 100}, "burst", id="nothing would flow in"),
        pytest.param({"most": 100, "within": "1h", "burst": 1}, "greater than or equal to 2", id="less than one post"),
        pytest.param({"most": 100, "within": "90d"}, "31d", id="longer than any provider's"),
        pytest.param({"most": 100, "within": "1ms"}, "1s", id="no time at all"),
    ],
)
def test_allowances_that_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Allowance.model_validate(given)


def test_a_limit_may_be_left_out_or_be_another_tiers() -> None:
    assert names(x_channel(URL, limits=[])) == ["channel/x-main"]
    (own, tier) = x_channel(URL, limits=[{"most": 1000, "within": "15m", "burst": 900}]).limits
    assert (own, tier.name, tier.burst) == (Limit.flowing("channel/x-main", 0.1), "x/T_ACCESS/15m", 900)


@pytest.mark.parametrize(("seconds", "text"), [(90, "90s"), (900, "15m"), (10_800, "3h"), (86_400, "1d")])
def test_times_in_names(seconds: int, text: str) -> None:
    assert spelt_duration(timedelta(seconds=seconds)) == text
