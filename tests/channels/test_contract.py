"""What every channel promises, on every kind, with the far side's ledger as the oracle."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.model.delivery import OutcomeKind, Reason
from notifier.model.people import AddressKind
from notifier.ports import CannotTell, Channel, Found, NotFound, last_look
from tests.channels.far_sides import CANARY, SECRETS, SIDES, Side, message, now, unused_port

ALL = sorted(SIDES)
KEYED = [kind for kind in ALL if kind in ("bluesky", "mastodon", "webhook")]
READABLE = [kind for kind in ALL if SIDES[kind].readable]


@pytest.fixture
def side(kind: str) -> Side:
    return SIDES[kind]


@pytest.fixture
def far(side: Side) -> Iterator[Any]:
    standin = side.make()
    standin.start()
    yield standin
    standin.stop()


@pytest.fixture
def channel(side: Side, far: Any, secrets: None) -> Channel:
    made: Channel = side.channel(far)
    return made


@pytest.mark.parametrize("kind", ALL)
def test_sent_once_stands_once_in_the_ledger(side: Side, far: Any, channel: Channel) -> None:
    sent = message(side.address)
    outcome = channel.send(sent, now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.SENT, Reason.ACCEPTED)
    assert outcome.provider_id
    assert [(entry["body"], entry["address"]) for entry in far.ledger] == [(sent.body, side.address)]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("asked_well", [0, 1], ids=["at its first request", "later"])
def test_whose_claim_has_passed_when_the_bytes_would_leave_sends_nothing(
    side: Side, far: Any, channel: Channel, asked_well: int
) -> None:
    """Stopped on the way, and taken up by another: at once, or after a request before the one that sends."""
    left = [True] * asked_well
    with last_look(lambda: bool(left and left.pop())):
        outcome = channel.send(message(side.address), now())
    if outcome.kind is OutcomeKind.SENT:  # its first request was the one that sends
        assert (asked_well, len(far.ledger)) == (1, 1)
    else:
        assert (outcome.kind, outcome.reason) == (OutcomeKind.RETRY, Reason.LEASE_LOST)
        assert far.ledger == []


@pytest.mark.parametrize("kind", KEYED)
def test_repeating_a_keyed_message_is_harmless(side: Side, far: Any, channel: Channel) -> None:
    sent = message(side.address)
    ids = {channel.send(sent, now()).provider_id for _ in range(3)}
    assert channel.keyed_for > timedelta(0)
    assert len(ids) == 1
    assert len(far.ledger) == 1


@pytest.mark.parametrize("kind", ALL)
def test_two_messages_planned_in_one_instant_are_two(side: Side, far: Any, channel: Channel) -> None:
    first = message(side.address)
    second = replace(first, key="N1/main/2", body=first.body.replace("help", "hilfe"), language="de")
    outcomes = [channel.send(first, now()), channel.send(second, now())]
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.SENT] * 2
    assert len(far.ledger) == 2


@pytest.mark.parametrize("kind", ALL)
def test_an_answer_lost_after_acceptance_is_unknown_and_can_be_looked_for(
    side: Side, far: Any, channel: Channel
) -> None:
    lost = message(side.address)
    channel.check()
    far.fault("accept_then_drop")
    outcome = channel.send(lost, now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.UNKNOWN, Reason.LOST_ANSWER)
    assert len(far.ledger) == 1
    found = channel.find(lost, now())
    if side.readable:
        assert found == Found(far.ledger[0]["id"])
    else:
        assert isinstance(found, CannotTell)
    assert len(far.ledger) == 1, "looking must send nothing"


@pytest.mark.parametrize("kind", READABLE)
@pytest.mark.parametrize("fault", ["hang", "reset"])
def test_what_was_lost_before_acceptance_is_not_found(
    side: Side, fault: str, far: Any, channel: Channel
) -> None:
    lost = message(side.address)
    channel.check()
    far.fault(fault)
    outcome = channel.send(lost, now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.UNKNOWN, Reason.LOST_ANSWER)
    assert channel.find(lost, now()) == NotFound()
    assert far.ledger == []


@pytest.mark.parametrize("kind", READABLE)
@pytest.mark.parametrize("fault", ["500", "403", "429", "reset", "hang"])
def test_a_far_side_that_cannot_be_read_is_no_proof_of_absence(
    side: Side, fault: str, far: Any, channel: Channel
) -> None:
    sent = message(side.address)
    assert channel.send(sent, now()).kind is OutcomeKind.SENT
    far.fault(fault, times=20, on="read")
    assert isinstance(channel.find(sent, now()), CannotTell)


@pytest.mark.parametrize("kind", READABLE)
def test_another_message_is_not_taken_for_ours(side: Side, far: Any, channel: Channel) -> None:
    sent = message(side.address)
    assert channel.send(sent, now()).kind is OutcomeKind.SENT
    other = replace(sent, key="N1/main/9", body=sent.body.replace("15:30", "16:30"))
    assert channel.find(other, now()) == NotFound()


@pytest.mark.parametrize("kind", READABLE)
def test_what_a_clock_that_was_put_back_had_planned_is_found(side: Side, far: Any, channel: Channel) -> None:
    """Our clock was half an hour ahead when the notice was planned, and right again when it was sent."""
    sent = message(side.address, created_at=now() + timedelta(minutes=30))
    assert channel.send(sent, now()).kind is OutcomeKind.SENT
    assert isinstance(channel.find(sent, now()), Found)


@pytest.mark.parametrize("kind", ["x", "mastodon", "sms"])
def test_the_same_words_of_an_hour_ago_are_not_taken_for_ours(side: Side, far: Any, channel: Channel) -> None:
    far.now = lambda: now() - timedelta(hours=1)
    assert channel.send(message(side.address), now()).kind is OutcomeKind.SENT
    far.now = now
    assert channel.find(message(side.address, key="N2/main/1"), now()) == NotFound()


@pytest.mark.parametrize("kind", ["x", "mastodon"])
@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(hours=5)])
def test_a_clock_of_ours_that_is_ahead_hides_no_post(
    side: Side, ahead: timedelta, far: Any, channel: Channel
) -> None:
    """By our clock the post was written before its notice was planned; the far side's answers tell its own."""
    lost = message(side.address, created_at=now() + ahead)
    far.fault("accept_then_drop")
    assert channel.send(lost, now() + ahead).kind is OutcomeKind.UNKNOWN
    assert channel.find(lost, now() + ahead) == Found(far.ledger[0]["id"])
    assert channel.find(replace(lost, body="never sent"), now() + ahead) == NotFound()


@pytest.mark.parametrize("kind", ALL)
def test_a_far_side_that_is_not_there_got_nothing(side: Side, secrets: None) -> None:
    port = unused_port()
    channel = side.channel(SimpleNamespace(url=f"http://127.0.0.1:{port}", port=port))
    outcome = channel.send(message(side.address), now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.RETRY, Reason.UNREACHABLE)
    assert not outcome.stops_channel
    assert isinstance(channel.find(message(side.address), now()), CannotTell)
    assert [finding.ok for finding in channel.check()] == [False] * len(channel.check())


@pytest.mark.parametrize("kind", ALL)
def test_a_far_side_that_stays_silent_may_have_it(side: Side, far: Any, channel: Channel) -> None:
    far.fault("hang")
    outcome = channel.send(message(side.address), now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.UNKNOWN, Reason.LOST_ANSWER)


@pytest.mark.parametrize("kind", ALL)
def test_too_much_is_waited_out(side: Side, far: Any, channel: Channel) -> None:
    far.fault("429")
    at = now()
    outcome = channel.send(message(side.address), at)
    assert (outcome.kind, outcome.reason) == (OutcomeKind.RETRY, Reason.RATE_LIMITED)
    assert outcome.retry_at is not None
    assert at < outcome.retry_at <= at + timedelta(days=1)
    assert far.ledger == []


@pytest.mark.parametrize("kind", ["x", "sms", "mastodon"])
@pytest.mark.parametrize("fault", ["500", "503", "500_after_accept"])
def test_an_error_of_the_servers_is_unknown_where_a_repeat_would_be_a_double(
    side: Side, fault: str, far: Any, channel: Channel
) -> None:
    far.fault(fault)
    outcome = channel.send(message(side.address), now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.UNKNOWN, Reason.SERVER_ERROR)


@pytest.mark.parametrize("kind", ["bluesky", "webhook"])
@pytest.mark.parametrize("fault", ["500", "503", "500_after_accept"])
def test_an_error_of_the_servers_is_repeated_where_that_is_harmless(
    side: Side, fault: str, far: Any, channel: Channel
) -> None:
    sent = message(side.address)
    far.fault(fault)
    outcome = channel.send(sent, now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.RETRY, Reason.SERVER_ERROR)
    assert channel.send(sent, now()).kind is OutcomeKind.SENT
    assert len(far.ledger) == 1


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("fault", ["301", "302", "403", "404", "500", "reset", "hang", "accept_then_drop"])
def test_no_secret_and_no_address_is_told(
    side: Side, fault: str, far: Any, channel: Channel, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.INFO):
        far.fault(fault)
        outcome = channel.send(message(side.address), now())
        told = [outcome, channel.find(message(side.address), now()), channel.check(), channel, outcome.detail]
    ours = [record.getMessage() for record in caplog.records if record.name != "mail.log"]  # aiosmtpd is the far side
    said = "".join([repr(told), *ours, *capsys.readouterr()])
    assert CANARY not in said
    assert not side.address or side.address not in said


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind != "email"])
@pytest.mark.parametrize("fault", ["302", "307"])
def test_a_redirect_is_never_followed(side: Side, fault: str, far: Any, channel: Channel) -> None:
    """It leads back to the same place, so whoever follows one sends."""
    channel.check()
    before = len(far.asked)
    far.fault(fault)
    outcome = channel.send(message(side.address), now())
    assert outcome.reason is Reason.BAD_ANSWER
    assert far.ledger == []
    assert [method for method, path in far.asked[before:]].count("GET") <= 1, "Mastodon asks for its limit"


@pytest.mark.parametrize("kind", ALL)
def test_check_sends_nothing(side: Side, far: Any, channel: Channel) -> None:
    findings = channel.check()
    assert findings
    assert all(finding.ok for finding in findings), findings
    assert far.ledger == []


@pytest.mark.parametrize("kind", ALL)
def test_making_one_needs_neither_secrets_nor_a_network(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("T_MASTODON", "T_BLUESKY", "T_TWILIO", "T_SMTP", "T_WEBHOOK", "T_ACCESS"):
        monkeypatch.delenv(name, raising=False)
    channel = side.channel(SimpleNamespace(url="http://127.0.0.1:1", port=1))
    assert (channel.profile.id, channel.profile.kind) == (channel.id, channel.kind) == (f"{side.kind}-main", side.kind)
    assert channel.profile.mode == channel.mode == "test", "live must be asked for by name"
    assert channel.profile.reaches == channel.reaches
    assert channel.reaches == {"sms": AddressKind.PHONE, "email": AddressKind.EMAIL}.get(side.kind)
    assert channel.rate > 0


@pytest.mark.parametrize("kind", ALL)
def test_a_missing_secret_stops_the_channel_before_anything_is_sent(side: Side, far: Any) -> None:
    channel = side.channel(far)
    outcome = channel.send(message(side.address), now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.RETRY, Reason.AUTHENTICATION)
    assert outcome.stops_channel
    assert "T_" in outcome.detail, "staff must be told which place is empty"
    assert far.ledger == []
    assert not all(finding.ok for finding in channel.check())


@pytest.mark.parametrize("kind", [kind for kind in ALL if kind not in ("x", "mastodon")])
def test_a_wrong_secret_stops_the_channel(
    side: Side, far: Any, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("T_BLUESKY", "T_TWILIO", "T_SMTP"):
        monkeypatch.setenv(name, "wrong")
    monkeypatch.setenv("T_WEBHOOK", "whsec_" + "QUJD" * 10)
    outcome = channel.send(message(side.address), now())
    assert outcome.reason is Reason.AUTHENTICATION
    assert outcome.stops_channel
    assert far.ledger == []


@pytest.mark.parametrize("kind", ["mastodon", "sms", "x"])
def test_a_renewed_secret_is_read_once_the_old_one_was_refused(
    side: Side, far: Any, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.check()
    for name in SECRETS:
        monkeypatch.delenv(name)
    far.fault("401")
    channel.send(message(side.address), now())
    outcome = channel.send(message(side.address), now())
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (OutcomeKind.RETRY, Reason.AUTHENTICATION, True)
    assert "not set" in outcome.detail
