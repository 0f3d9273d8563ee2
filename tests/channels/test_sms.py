"""SMS: each of Twilio's error codes has one meaning; a message never outlives its notice; numbers stay private."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from prometheus_client import REGISTRY
from pydantic import ValidationError

from notifier.channels.sms import SmsSettings, judge, payload
from notifier.channels.twilio_codes import CODES, LINES, CodeClass
from notifier.channels.twilio_list import PAGE, PAGES_MOST, next_page, read_pages
from notifier.channels.wire import HttpAnswer
from notifier.model.company import Company
from notifier.model.delivery import OutcomeKind, Reason
from notifier.ports import CannotTell, Found, NotFound
from notifier.standins.twilio import Twilio
from tests.channels.answers import GARBAGE, REJECTED, RETRY, SENT, UNKNOWN, answer
from tests.channels.far_sides import ACCOUNT, FIXED, message, now, sms_channel

C = CodeClass
TO = "+18025550123"
SERVICE = "MG" + "1b" * 16


@pytest.fixture
def far() -> Iterator[Twilio]:
    with Twilio() as standin:
        assert isinstance(standin, Twilio)
        yield standin


def settings(**more: Any) -> SmsSettings:
    given = {"id": "sms", "kind": "sms", "account_sid": ACCOUNT, "auth_token": {"env": "T_TWILIO"},
             "from_number": "+15005550006"} | more
    return SmsSettings.model_validate({name: value for name, value in given.items() if value is not None})


NOT = Reason.NOT_PERMITTED


@pytest.mark.parametrize(
    ("code", "klass", "kind", "reason", "stops"),
    [
        pytest.param(21211, C.RECIPIENT, REJECTED, Reason.INVALID_ADDRESS, False, id="not a number"),
        pytest.param(21265, C.RECIPIENT, REJECTED, Reason.INVALID_ADDRESS, False, id="a short code cannot be texted"),
        pytest.param(21614, C.RECIPIENT, REJECTED, Reason.INVALID_ADDRESS, False, id="not a mobile number"),
        pytest.param(21635, C.RECIPIENT, REJECTED, Reason.INVALID_ADDRESS, False, id="a landline, where none is tried"),
        pytest.param(30006, C.RECIPIENT, REJECTED, Reason.INVALID_ADDRESS, False, id="a landline"),
        pytest.param(21610, C.RECIPIENT, REJECTED, Reason.OPTED_OUT, False, id="sent STOP"),
        pytest.param(30004, C.RECIPIENT, REJECTED, Reason.RECIPIENT_GONE, False, id="blocked"),
        pytest.param(30005, C.RECIPIENT, REJECTED, Reason.RECIPIENT_GONE, False, id="unknown handset"),
        pytest.param(21408, C.RECIPIENT, REJECTED, NOT, False, id="a country that is not allowed"),
        pytest.param(21612, C.RECIPIENT, REJECTED, NOT, False, id="not from this sender to this network"),
        pytest.param(30018, C.RECIPIENT, REJECTED, NOT, False, id="a country that wants senders registered"),
        pytest.param(20003, C.STOP, RETRY, Reason.AUTHENTICATION, True, id="wrong token"),
        pytest.param(30002, C.STOP, RETRY, NOT, True, id="account suspended"),
        pytest.param(63038, C.STOP, RETRY, Reason.RATE_LIMITED, True, id="the account's messages of the day are used"),
        pytest.param(21606, C.STOP, RETRY, NOT, True, id="a sender that is not ours"),
        pytest.param(21703, C.STOP, RETRY, NOT, True, id="a service without a number"),
        pytest.param(30032, C.STOP, RETRY, NOT, True, id="unverified toll-free number"),
        pytest.param(30034, C.STOP, RETRY, NOT, True, id="unregistered 10DLC"),
        pytest.param(21609, C.STOP, RETRY, Reason.BAD_ANSWER, True, id="our callback address is none"),
        pytest.param(90007, C.STOP, RETRY, Reason.BAD_ANSWER, True, id="our validity period is none"),
        pytest.param(30007, C.STOP, REJECTED, Reason.FILTERED, True, id="filtered: stop and look, never again"),
        pytest.param(20429, C.WAIT, RETRY, Reason.RATE_LIMITED, False, id="too many requests"),
        pytest.param(21611, C.WAIT, RETRY, Reason.RATE_LIMITED, False, id="the sender's queue is full"),
        pytest.param(30001, C.WAIT, RETRY, Reason.RATE_LIMITED, False, id="queue overflow"),
        pytest.param(30003, C.WAIT, RETRY, Reason.UNREACHABLE, False, id="the handset is off"),
        pytest.param(30017, C.WAIT, RETRY, Reason.RATE_LIMITED, False, id="the carrier is congested"),
        pytest.param(30023, C.WAIT, RETRY, Reason.RATE_LIMITED, False, id="the carrier's messages of the day are used"),
        pytest.param(30036, C.WAIT, RETRY, Reason.TOO_LATE, False, id="it waited longer than it was to live"),
        pytest.param(30450, C.WAIT, RETRY, Reason.FILTERED, False, id="pumping: this number is blocked for a while"),
        pytest.param(30610, C.WAIT, RETRY, Reason.QUIET_HOURS, False, id="Twilio keeps the night"),
        pytest.param(30008, C.UNKNOWN, UNKNOWN, Reason.LOST_ANSWER, False, id="nobody knows"),
        pytest.param(21602, C.CONTENT, REJECTED, Reason.CONTENT_REFUSED, False, id="no words"),
        pytest.param(21618, C.CONTENT, REJECTED, Reason.CONTENT_REFUSED, False, id="words no carrier takes"),
        pytest.param(21617, C.CONTENT, REJECTED, Reason.TOO_LONG, False, id="over 1,600 characters"),
    ],
)
def test_each_code_has_one_meaning(
    code: int, klass: CodeClass, kind: OutcomeKind, reason: Reason, stops: bool
) -> None:
    outcome = judge(answer(429 if code == 20429 else 400, {"code": code, "message": "x"}), FIXED)
    assert CODES[code].klass is klass
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (kind, reason, stops)
    assert (outcome.retry_at is not None) == (klass is C.WAIT)
    assert str(code) in outcome.detail


def test_no_code_stands_in_two_lines() -> None:
    assert sum(len(codes) for codes, _ in LINES) == len(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_class_decides_what_follows(code: int) -> None:
    meaning = CODES[code]
    outcome = judge(answer(400, {"code": code}), FIXED)
    assert outcome.stops_channel == (meaning.klass is C.STOP)
    assert (outcome.kind is UNKNOWN) == (meaning.klass is C.UNKNOWN)
    assert (outcome.kind is REJECTED) == (meaning.klass in (C.RECIPIENT, C.CONTENT) or not meaning.again)
    assert not meaning.stops or meaning.klass is C.STOP
    assert (meaning.reason is Reason.OPTED_OUT) == (code == 21610)


@pytest.mark.parametrize(
    ("code", "headers", "wait"),
    [
        pytest.param(20429, {"retry-after": "7"}, timedelta(seconds=7), id="as long as Twilio says"),
        pytest.param(20429, {}, timedelta(seconds=60), id="a minute where it does not"),
        pytest.param(30450, {}, timedelta(minutes=30), id="as long as a number stays blocked"),
    ],
)
def test_what_passes_is_waited_for(code: int, headers: dict[str, str], wait: timedelta) -> None:
    assert judge(answer(429, {"code": code}, headers), FIXED).retry_at == FIXED + wait


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        pytest.param(201, {"sid": "SM1", "status": "queued"}, SENT, Reason.ACCEPTED, id="queued"),
        pytest.param(201, {}, UNKNOWN, Reason.BAD_ANSWER, id="made, but no id"),
        pytest.param(400, {"code": 99999}, REJECTED, Reason.CONTENT_REFUSED, id="a code nobody knows"),
        pytest.param(401, {}, RETRY, Reason.AUTHENTICATION, id="refused without a code"),
        pytest.param(403, {}, RETRY, Reason.FORBIDDEN, id="account may not"),
        pytest.param(404, {}, RETRY, Reason.BAD_ANSWER, id="no such API"),
        *[pytest.param(status, {"code": 20429}, UNKNOWN, Reason.SERVER_ERROR, id=f"server error {status}, any code")
          for status in (500, 502, 503, 504)],
    ],
)
def test_each_status_has_one_meaning(status: int, body: Any, kind: OutcomeKind, reason: Reason) -> None:
    outcome = judge(answer(status, body), FIXED)
    assert (outcome.kind, outcome.reason) == (kind, reason)


@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_is_never_a_success(body: bytes) -> None:
    assert judge(answer(201, body), FIXED).kind is UNKNOWN
    assert judge(answer(400, body), FIXED).kind is REJECTED
    assert isinstance(read_pages([answer(200, body)], message(TO), FIXED), CannotTell)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        pytest.param(timedelta(hours=1), 3600, id="the remaining life"),
        pytest.param(timedelta(hours=30), 36_000, id="at most ten hours"),
        pytest.param(timedelta(seconds=5, milliseconds=900), 5, id="never rounded up"),
        pytest.param(timedelta(seconds=-9), 1, id="at least a second"),
    ],
)
def test_the_providers_queue_gets_the_remaining_life(left: timedelta, expected: int) -> None:
    ours = message(TO, created_at=FIXED, expires_at=FIXED + left)
    assert payload(ours, settings(), FIXED)["validity_period"] == expected


def test_what_would_hardly_outlive_its_sending_is_not_sent(far: Twilio, secrets: None) -> None:
    at = now()
    outcome = sms_channel(far.url).send(message(TO, expires_at=at + timedelta(seconds=4)), at)
    assert (outcome.kind, outcome.reason) == (REJECTED, Reason.TOO_LATE)
    assert far.asked == []


def test_the_far_side_sees_sender_life_and_callback(far: Twilio, secrets: None) -> None:
    channel = sms_channel(far.url, from_number=None, messaging_service_sid=SERVICE,
                          status_callback_base="https://notify.example.com/")
    ours = message(TO)
    assert channel.send(ours, ours.created_at).kind is SENT
    assert far.ledger[0]["request"] == {
        "To": TO, "Body": ours.body, "MessagingServiceSid": SERVICE, "ValidityPeriod": "3600",
        "StatusCallback": f"https://notify.example.com/hooks/twilio/status/sms-main/{ours.delivery}",
    }


def test_what_is_left_to_the_company_is_the_companys() -> None:
    company = Company(name="Hill", public_url="https://notify.example.net/", sms_price=0.0083, currency="EUR")
    filled = settings().of_company(company)
    assert (filled.segment_price, filled.currency) == (0.0083, "EUR")
    callback = payload(message(TO), filled, FIXED)["status_callback"]
    assert callback.startswith("https://notify.example.net/hooks/twilio/status/sms/")
    own = settings(segment_price=0.01, currency="USD", status_callback_base="https://notify.example.net")
    assert own.of_company(company) == own
    assert "status_callback" not in payload(message(TO), settings().of_company(Company(name="Hill")), FIXED)


def test_what_is_accepted_is_counted_as_it_is_billed(far: Twilio, secrets: None) -> None:
    def counted() -> tuple[float, float]:
        parts = REGISTRY.get_sample_value("notifier_sms_segments_total", {"channel": "sms-main", "encoding": "UCS-2"})
        spent = REGISTRY.get_sample_value("notifier_spent_total", {"channel": "sms-main", "currency": "EUR"})
        return parts or 0.0, spent or 0.0

    channel = sms_channel(far.url, segment_price=0.25, currency="EUR")
    before = counted()
    assert channel.send(message(TO, body="é情" * 50), now()).kind is SENT
    far.fault("429")
    channel.send(message(TO, body="é情" * 50), now())
    assert (counted()[0] - before[0], counted()[1] - before[1]) == (2, 0.5)


def test_opted_out_and_invalid_numbers_are_told_apart(far: Twilio, secrets: None) -> None:
    far.opted_out.add(TO)
    far.invalid.add("+18025550199")
    channel = sms_channel(far.url)
    assert channel.send(message(TO), now()).reason is Reason.OPTED_OUT
    assert channel.send(message("+18025550199"), now()).reason is Reason.INVALID_ADDRESS


AT, BEFORE = "Thu, 15 Jan 2026 12:00:01 +0000", "Thu, 15 Jan 2026 11:00:00 +0000"


def row(sid: str = "SM1", body: Any = "ours", at: str = AT) -> dict[str, Any]:
    return {"sid": sid, "body": body, "date_created": at}


def page(*rows: Any, date: str | None = None) -> HttpAnswer:
    return answer(200, {"messages": list(rows)}, {} if date is None else {"date": date})


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        pytest.param([page()], NotFound(), id="nothing was sent to this number"),
        pytest.param([page(row())], Found("SM1"), id="ours, still queued and without a date of sending"),
        pytest.param([page(row(body="Sent from your Twilio trial account - ours"))], Found("SM1"), id="of a trial"),
        pytest.param([page(row(body="Update: ours"))], NotFound(), id="a longer text that ends like ours"),
        pytest.param([page(row(body="ours, and more"))], NotFound(), id="a longer text that begins like ours"),
        pytest.param([page(row(at=BEFORE))], NotFound(), id="the same words an hour before"),
        pytest.param([page({"sid": "SM1", "body": "ours"})], Found("SM1"), id="no date: rather ours than sent twice"),
        pytest.param([page(row("SM2"), row("SM1"))], Found("SM2", ("SM1",)), id="two alike: any of them may be ours"),
        pytest.param([page(row(body="other")), page(row())], Found("SM1"), id="on the second page"),
        pytest.param([page(row(body="other"))] * PAGES_MOST, NotFound(), id="read to the end"),
        pytest.param([page(row(body="other"))] * (PAGES_MOST + 1), CannotTell, id="more pages than we read"),
        pytest.param([page(row("SM2", "other", BEFORE)), answer(500)], NotFound(), id="older pages are not needed"),
        pytest.param([page(row("SM2", "other")), answer(500)], CannotTell, id="the second page cannot be read"),
        pytest.param([page(row()), answer(500)], CannotTell, id="nor may what it holds be left out"),
        pytest.param([page("x")], CannotTell, id="no list of messages"),
        pytest.param([page(row(body=""))], CannotTell, id="an account that keeps no texts proves nothing"),
        pytest.param([page(row(body=None), row("SM2"))], Found("SM2"), id="but what it shows is proof"),
        pytest.param([page(row(at=BEFORE), date=BEFORE)], Found("SM1"), id="our clock is an hour fast"),
        pytest.param([page(row(), date="Thu, 15 Jan 2026 14:00:00 GMT")], Found("SM1"), id="our clock is slow"),
        pytest.param([page(row(), date="yesterday")], Found("SM1"), id="a date that is none"),
    ],
)
def test_what_is_listed_is_judged(pages: list[HttpAnswer], expected: Any) -> None:
    found = read_pages(pages, message(TO, created_at=FIXED, body="ours"), FIXED + timedelta(seconds=30))
    assert isinstance(found, CannotTell) if expected is CannotTell else found == expected


def test_a_clock_set_back_after_planning_does_not_hide_the_message() -> None:
    """Planned while our clock was a day fast; looked for once it was right again."""
    ours = message(TO, created_at=FIXED + timedelta(days=1), body="ours")
    assert read_pages([page(row())], ours, FIXED + timedelta(minutes=1)) == Found("SM1")


LIST = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


@pytest.mark.parametrize("uri", [
    "https://evil.example/2010-04-01/x", "//evil.example", f"{LIST}/../x", "/other?Page=1", 7, ["x"], {"a": "b"},
    f"/2010-04-01/Accounts/AC{'1' * 32}/Messages.json?Page=1",
])
def test_a_list_that_goes_on_elsewhere_is_not_followed(uri: Any) -> None:
    with pytest.raises(requests.RequestException):
        next_page(answer(200, {"messages": [], "next_page_uri": uri}), ACCOUNT)


@pytest.mark.parametrize(("uri", "expected"), [(None, None), ("", None), (f"{LIST}?Page=1", f"{LIST}?Page=1")])
def test_the_list_is_followed_to_its_end(uri: Any, expected: str | None) -> None:
    assert next_page(answer(200, {"messages": [], "next_page_uri": uri}), ACCOUNT) == expected


def test_ours_is_found_beneath_hundreds_sent_since(far: Twilio, secrets: None) -> None:
    channel, at = sms_channel(far.url), now()
    ours = message(TO, created_at=at)
    assert channel.send(ours, at).kind is SENT
    for number in range(PAGE * 2):
        far.book.add({**far.ledger[0], "id": f"SM{number + 2:032x}", "body": f"other {number}"})
    assert channel.find(ours, at) == Found(far.ledger[0]["id"])
    assert [path for method, path in far.asked if method == "GET"] == [LIST] * 3
    assert channel.find(message(TO, body="never sent", created_at=at), at) == NotFound()


def test_the_vendors_library_is_kept_from_logging_numbers(
    far: Twilio, secrets: None, caplog: pytest.LogCaptureFixture
) -> None:
    channel = sms_channel(far.url)
    with caplog.at_level(logging.DEBUG, logger="twilio"):
        channel.send(message(TO), now())
        channel.find(message(TO), now())
    assert "8025550123" not in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"from_number": None}, id="no sender"),
        pytest.param({"messaging_service_sid": SERVICE}, id="two senders"),
        pytest.param({"base_url": "http://api.twilio.com"}, id="a token in the clear"),
        pytest.param({"account_sid": "SK1"}, id="no account"),
        pytest.param({"status_callback_base": "ftp://e.com"}, id="no address for callbacks"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)
