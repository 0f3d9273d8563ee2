"""Decisions about outcomes, lost answers and stops."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.order import Stop, doubled, judged, read_stop, repeatable, verdict
from notifier.delivery.settings import DeliverySettings, LostAnswer
from notifier.model.delivery import Outcome, OutcomeKind, Reason
from notifier.ports import CannotTell, Found, NotFound

from ..store.making import HOUR, MINUTE, NOW, a_delivery, a_notice

SETTINGS = DeliverySettings()
RETRY = Outcome(OutcomeKind.RETRY, Reason.RATE_LIMITED)
ERROR = Outcome(OutcomeKind.RETRY, Reason.SERVER_ERROR)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("outcome", "attempts", "kind", "reason", "wait"),
    [
        pytest.param(RETRY, 1, "RETRY", "rate_limited", 5 * SECOND, id="first retry waits the first time"),
        pytest.param(RETRY, 3, "RETRY", "rate_limited", 20 * SECOND, id="the third waits four times as long"),
        pytest.param(ERROR, 20, "REJECTED", "gave_up", None, id="after the last attempt it is given up"),
        pytest.param(RETRY, 20, "RETRY", "rate_limited", 5 * MINUTE, id="a limit is not the message's fault"),
        pytest.param(replace(RETRY, reason=Reason.UNREACHABLE), 20, "RETRY", "unreachable", 5 * MINUTE,
                     id="nor is a network that is down"),
        pytest.param(replace(ERROR, stops_channel=True), 20, "RETRY", "server_error", 5 * MINUTE,
                     id="nor an account that is barred"),
        pytest.param(
            Outcome(OutcomeKind.RETRY, Reason.UNREACHABLE), 20, "RETRY", "unreachable", 5 * MINUTE,
            id="who cannot be reached at all was not tried"
        ),
        pytest.param(
            replace(RETRY, retry_at=NOW + HOUR), 1, "RETRY", "rate_limited", HOUR, id="the provider's time is kept"
        ),
        pytest.param(
            replace(RETRY, retry_at=NOW - HOUR), 1, "RETRY", "rate_limited", SECOND, id="a time in the past is not now"
        ),
        pytest.param(
            Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER), 8, "UNKNOWN", "lost_answer", 30 * SECOND, id="looked for"
        ),
        pytest.param(Outcome(OutcomeKind.SENT, Reason.ACCEPTED), 8, "SENT", "accepted", None, id="sent is sent"),
    ],
)
def test_judged(outcome: Outcome, attempts: int, kind: str, reason: str, wait: timedelta | None) -> None:
    found = judged(outcome, attempts, NOW, SETTINGS)
    assert (found.kind, found.reason) == (kind, reason)
    assert found.retry_at == (None if wait is None else NOW + wait)


@given(st.integers(0, 10_000))
def test_waits_never_shrink_and_never_pass_the_most(times: int) -> None:
    one, next_one = (doubled(SECOND, MINUTE, n) for n in (times, times + 1))
    assert SECOND <= one <= next_one <= MINUTE


@pytest.mark.parametrize(
    ("doubt", "keyed_for", "harmless"),
    [
        pytest.param(None, timedelta(), True, id="no doubt: nothing to repeat"),
        pytest.param(NOW, timedelta(), False, id="doubt, and no key"),
        pytest.param(NOW - 58 * MINUTE, HOUR, True, id="the key is still known"),
        pytest.param(NOW - 59 * MINUTE, HOUR, False, id="it would be forgotten while the request is under way"),
        pytest.param(NOW - 2 * HOUR, HOUR, False, id="it is forgotten"),
    ],
)
def test_repeatable(doubt: object, keyed_for: timedelta, harmless: bool) -> None:
    assert repeatable(doubt, keyed_for, NOW, MINUTE) is harmless  # type: ignore[arg-type]


UNKNOWN = replace(a_delivery(a_notice()), attempts=1, doubt_since=NOW)


AGAIN = LostAnswer.RESEND
HOLD = LostAnswer.HOLD


@pytest.mark.parametrize(
    ("result", "rule", "harmless", "at", "again", "resend"),
    [
        pytest.param(Found("1"), AGAIN, True, MINUTE, None, False, id="found: nothing more"),
        pytest.param(NotFound(), AGAIN, False, MINUTE, None, True, id="not there: again"),
        pytest.param(NotFound(), HOLD, False, MINUTE, None, False, id="not there, but hold"),
        pytest.param(NotFound(), HOLD, True, MINUTE, None, True, id="not there, hold, but a key makes it harmless"),
        pytest.param(NotFound(), AGAIN, True, HOUR, None, False, id="its time has passed"),
        pytest.param(CannotTell("?"), AGAIN, False, MINUTE, 2 * MINUTE, False, id="look again, never resend"),
        pytest.param(CannotTell("?"), AGAIN, True, MINUTE, None, True, id="nobody can tell, but it is harmless"),
        pytest.param(CannotTell("?"), AGAIN, False, HOUR, None, False, id="a person has to look"),
    ],
)
def test_verdict(
    result: Found | NotFound | CannotTell,
    rule: LostAnswer,
    harmless: bool,
    at: timedelta,
    again: timedelta | None,
    resend: bool,
) -> None:
    found = verdict(UNKNOWN, result, NOW + at, SETTINGS, rule=rule, harmless=harmless)
    assert found.resend is resend
    assert found.again_at == (None if again is None else NOW + again)
    assert found.why
    tired = verdict(replace(UNKNOWN, attempts=20), result, NOW + at, SETTINGS, rule=rule, harmless=harmless)
    assert not tired.resend, "it was tried often enough"


@pytest.mark.parametrize(
    ("switch", "stop"),
    [
        pytest.param(None, None, id="never set"),
        pytest.param("off", None, id="cleared"),
        pytest.param("until 2026-01-15T12:01:00Z authentication", Stop(NOW + MINUTE, "authentication"), id="ours"),
        pytest.param("on", Stop(None, ""), id="a person's"),
        pytest.param("on bill unpaid", Stop(None, "bill unpaid"), id="a person's, with why"),
        pytest.param("until tea time", Stop(None, "until tea time"), id="not a time: stopped rather than not"),
    ],
)
def test_read_stop(switch: str | None, stop: Stop | None) -> None:
    assert read_stop(switch) == stop
    if stop is not None:
        assert stop.holds(NOW)
        assert stop.until is None or not stop.holds(stop.until)
        assert read_stop(stop.to_switch()) is not None
