"""Each enhanced status code of the registry has one class; whatever a relay says, the outcome is one of four."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.channels.mail.replies import LATER, OURS, THEIRS, WAIT_MOST, Stage, enhanced, judge
from notifier.channels.wire import RETRY_LEAST
from notifier.model.delivery import OutcomeKind, Reason
from tests.channels.answers import REJECTED, RETRY, UNKNOWN
from tests.channels.far_sides import FIXED

STAGES: tuple[str, ...] = get_args(Stage)
REGISTRY = {f"{subject}.{detail}" for subject, most in enumerate((0, 10, 4, 6, 7, 6, 10, 30)) if subject
            for detail in range(most + 1)}
"""Subjects and details of IANA's registry of enhanced status codes, as RFC 3463, 4954, 5248, 6710, 7372 and others
entered them."""
SUCCESS = {"1.5", "1.9", "3.6"}
"""These say that something was done."""
BY_STAGE = {"3.0", "4.0", "7.0", "7.1"}
"""Too general to mean anything without the stage."""


def test_each_code_of_the_registry_is_in_exactly_one_class() -> None:
    assert OURS.keys().isdisjoint(THEIRS)
    assert OURS.keys() | THEIRS.keys() | BY_STAGE | SUCCESS >= REGISTRY
    assert not (OURS.keys() | THEIRS.keys()) & (BY_STAGE | SUCCESS)


@pytest.mark.parametrize("about", sorted(OURS))
def test_what_is_our_fault_stops_the_channel_at_every_stage(about: str) -> None:
    for stage in STAGES:
        outcome = judge(stage, 550, f"5.{about} no", FIXED)
        assert (outcome.kind, outcome.stops_channel) == (RETRY, True), stage


@pytest.mark.parametrize("about", sorted(THEIRS))
def test_what_is_the_recipients_or_the_mails_fault_lets_the_next_go_on(about: str) -> None:
    for stage in ("recipient", "data", "dot"):
        outcome = judge(stage, 550, f"5.{about} no", FIXED)
        assert (outcome.kind, outcome.reason, outcome.stops_channel) == (REJECTED, THEIRS[about], False), stage


def test_a_refusal_before_the_recipient_was_named_stops_the_channel() -> None:
    for stage in ("connect", "greet", "login", "reset", "sender"):
        for about in ("", *(f"5.{code} " for code in sorted(THEIRS | OURS))):
            outcome = judge(stage, 554, f"{about}no", FIXED)
            assert (outcome.kind, outcome.stops_channel) == (RETRY, True), (stage, about)


@pytest.mark.parametrize(
    ("stage", "reply", "kind", "reason", "stops"),
    [
        pytest.param("recipient", "550 5.1.1 no such user", REJECTED, Reason.RECIPIENT_GONE, False, id="nobody there"),
        pytest.param("recipient", "550 5.2.1 disabled", REJECTED, Reason.RECIPIENT_GONE, False, id="switched off"),
        pytest.param("recipient", "552 5.2.2 over quota", REJECTED, Reason.MAILBOX_FULL, False, id="full"),
        pytest.param("recipient", "552 over quota", REJECTED, Reason.MAILBOX_FULL, False, id="full, without a code"),
        pytest.param("recipient", "452 4.2.2 over quota", RETRY, Reason.MAILBOX_FULL, False, id="full for now"),
        pytest.param("recipient", "556 5.1.10 takes no mail", REJECTED, Reason.INVALID_ADDRESS, False, id="null MX"),
        pytest.param("recipient", "501 bad address", REJECTED, Reason.INVALID_ADDRESS, False, id="bad address"),
        pytest.param("recipient", "503 need MAIL", RETRY, Reason.BAD_ANSWER, True, id="out of step"),
        pytest.param("recipient", "454 Throttling failure", RETRY, Reason.RATE_LIMITED, False, id="SES: too quick"),
        pytest.param("dot", "454 Throttling failure", RETRY, Reason.RATE_LIMITED, False, id="SES: over the quota"),
        pytest.param("recipient", "450 4.2.1 too quickly", RETRY, Reason.RATE_LIMITED, False, id="Gmail: this inbox"),
        pytest.param("recipient", "452 4.5.3 too many", RETRY, Reason.RATE_LIMITED, False, id="too many recipients"),
        pytest.param("dot", "421 4.7.32 not aligned", RETRY, Reason.RATE_LIMITED, False, id="Gmail: held back, DMARC"),
        pytest.param("dot", "421 4.7.28 rate", RETRY, Reason.RATE_LIMITED, False, id="Gmail: held back, rate"),
        pytest.param("dot", "550 5.7.26 unauthenticated", RETRY, Reason.NOT_PERMITTED, True, id="Gmail: DMARC"),
        pytest.param("dot", "550 5.7.515 access denied", RETRY, Reason.NOT_PERMITTED, True, id="Microsoft: DMARC"),
        pytest.param("dot", "550 5.7.1 spam", REJECTED, Reason.FILTERED, False, id="taken for spam"),
        pytest.param("dot", "554 5.6.0 bad content", REJECTED, Reason.CONTENT_REFUSED, False, id="content refused"),
        pytest.param("recipient", "530 5.7.0 STARTTLS first", RETRY, Reason.AUTHENTICATION, True, id="wants TLS"),
        pytest.param("login", "432 4.7.12 change it", RETRY, Reason.AUTHENTICATION, True, id="password must change"),
        pytest.param("connect", "421 4.3.2 closing", RETRY, Reason.SERVER_ERROR, False, id="it is being restarted"),
    ],
)
def test_what_real_relays_say(stage: str, reply: str, kind: OutcomeKind, reason: Reason, stops: bool) -> None:
    code, _, words = reply.partition(" ")
    outcome = judge(stage, int(code), words.encode(), FIXED)
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (kind, reason, stops)


@given(st.sampled_from(STAGES), st.integers(-1, 999), st.binary(max_size=40))
def test_only_after_the_dot_may_it_be_unknown(stage: str, code: int, words: bytes) -> None:
    outcome = judge(stage, code, words, FIXED)
    assert outcome.kind in (RETRY, REJECTED, UNKNOWN)
    assert outcome.kind is not UNKNOWN or stage == "dot"
    if stage == "dot":
        assert (outcome.kind is UNKNOWN) == (not 400 <= code <= 599), "an explicit no is certain, anything else is not"


@given(st.sampled_from(STAGES), st.integers(400, 499).filter(lambda code: code != 432), st.timedeltas())
def test_what_passes_is_waited_out_for_as_long_again(stage: str, code: int, age: timedelta) -> None:
    outcome = judge(stage, code, b"later", FIXED, age)
    assert outcome.kind is RETRY
    assert outcome.retry_at is not None
    assert RETRY_LEAST <= outcome.retry_at - FIXED <= WAIT_MOST
    if RETRY_LEAST <= age <= WAIT_MOST:
        assert outcome.retry_at - FIXED == age


def test_eight_attempts_outlast_greylisting() -> None:
    """Each wait is as long as all before it together, so a quarter of an hour is nothing."""
    at = timedelta()
    for _ in range(7):
        outcome = judge("recipient", 450, b"4.2.0 greylisted", FIXED + at, at)
        assert outcome.retry_at is not None
        at = outcome.retry_at - FIXED
    assert at > timedelta(minutes=30)


@pytest.mark.parametrize(
    ("words", "about"),
    [("5.1.1 no", "1.1"), (b"4.7.32 later", "7.32"), ("no", ""), ("5.1.1x", ""), ("5.1", ""), ("", ""), (b"\xff", ""),
     ("6.1.1 no", ""), ("5.1.1\n5.1.2 no", "1.1"), ("5.1111.1 no", "")],
)
def test_reading_the_code(words: bytes | str, about: str) -> None:
    assert enhanced(words) == about


def test_no_transient_code_is_listed_that_a_rule_covers() -> None:
    assert all(not about.startswith("7.") for about in LATER)
