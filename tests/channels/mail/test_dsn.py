"""A report says what it plainly says; anything else says nothing, and nothing raises."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.channels.mail.dsn import MOST_BYTES, Bounce, combined, read_bounce, reason_of
from notifier.channels.mail.replies import OURS, THEIRS
from notifier.model.delivery import DeliveryState, Reason

from .reports import ID, recipient, report

S = DeliveryState


def test_a_mail_that_came_back() -> None:
    assert read_bounce(report()) == Bounce(S.FAILED, Reason.RECIPIENT_GONE, ID, "bounces@example.net")


@pytest.mark.parametrize("quoted", ["message/rfc822", "text/rfc822-headers"])
def test_the_mail_is_known_by_what_is_quoted_of_it(quoted: str) -> None:
    bounce = read_bounce(report(quoted=quoted))
    assert bounce is not None
    assert bounce.message_id == ID


@pytest.mark.parametrize("raw", [report(quoted=""), report(id=None), report(id="nonsense"), report(id="<a b@c>")])
def test_a_report_that_quotes_nothing_useful_still_has_where_it_was_sent(raw: bytes) -> None:
    bounce = read_bounce(raw)
    assert bounce is not None
    assert (bounce.message_id, bounce.sent_to) == (None, "bounces@example.net")


def test_every_header_that_says_where_it_was_sent_is_kept() -> None:
    bounce = read_bounce(report(to="undisclosed:;", headers=["Delivered-To: a@example.net", "X-Original-To: b@e.net"]))
    assert bounce is not None
    assert bounce.sent_to.split("\n") == ["a@example.net", "b@e.net", "undisclosed:;"]


@pytest.mark.parametrize(
    ("status", "diagnostic", "reason"),
    [
        pytest.param("5.1.1", "", Reason.RECIPIENT_GONE, id="nobody there"),
        pytest.param("5.1.1 (bad mailbox)", "", Reason.RECIPIENT_GONE, id="with a comment"),
        pytest.param("5.2.2", "", Reason.MAILBOX_FULL, id="full"),
        pytest.param("4.2.2", "", Reason.MAILBOX_FULL, id="full until the relay gave up"),
        pytest.param("5.4.4", "", Reason.INVALID_ADDRESS, id="no such domain"),
        pytest.param("4.4.1", "", Reason.UNREACHABLE, id="never answered"),
        pytest.param("4.4.7", "", Reason.TOO_LATE, id="too long in the relay's queue"),
        pytest.param("4.1.1", "", Reason.UNREACHABLE, id="a transient fault is no proof that nobody is there"),
        pytest.param("4.4.4", "", Reason.UNREACHABLE, id="nor that the domain is not"),
        pytest.param("5.7.1", "", Reason.FILTERED, id="policy"),
        pytest.param("5.7.26", "", Reason.NOT_PERMITTED, id="our own domain is not authenticated"),
        pytest.param("5.0.0", "smtp; 550 5.1.1 <ann@example.org> unknown", Reason.RECIPIENT_GONE,
                     id="a general status, and the far side's own word"),
        pytest.param("5.0.0", "smtp; 550 no such user", Reason.BAD_ANSWER, id="a general status and no code"),
        pytest.param("5.0.0", "x-unix; 5.1.1", Reason.BAD_ANSWER, id="a code of another tongue"),
        pytest.param("5.9.9", "", Reason.BAD_ANSWER, id="a code nobody registered"),
        pytest.param("2.0.0", "", None, id="failed, and yet a success"),
        pytest.param("", "", None, id="no status"),
        pytest.param("none", "", None, id="no code"),
    ],
)
def test_why_it_failed(status: str, diagnostic: str, reason: Reason | None) -> None:
    assert reason_of({"status": status, "diagnostic-code": diagnostic}) == reason
    bounce = read_bounce(report(recipient("failed", status, f"Diagnostic-Code: {diagnostic}")))
    assert (bounce.reason if bounce is not None else None) == reason


@pytest.mark.parametrize("about", sorted(OURS.keys() | THEIRS.keys()))
def test_every_code_of_the_tables_has_a_reason_in_a_report(about: str) -> None:
    assert reason_of({"status": f"5.{about}"}) is (THEIRS.get(about) or OURS.get(about))


@pytest.mark.parametrize(
    ("actions", "state"),
    [
        pytest.param(["failed"], S.FAILED, id="failed"),
        pytest.param(["FAILED (to mailbox)"], S.FAILED, id="as some write it"),
        pytest.param(["failed", "failed"], S.FAILED, id="failed for all behind an alias"),
        pytest.param(["failed", "delivered"], S.DELIVERED, id="reached one of those behind an alias"),
        pytest.param(["failed", "relayed"], S.SENT, id="went on to one of them"),
        pytest.param(["delayed"], S.SENT, id="delayed: the relay has it"),
        pytest.param(["relayed"], S.SENT, id="relayed"),
        pytest.param(["expanded"], S.SENT, id="handed to a list"),
        pytest.param(["delivered"], S.DELIVERED, id="delivered"),
        pytest.param(["vanished"], None, id="a word nobody knows"),
        pytest.param([""], None, id="no word"),
        pytest.param([], None, id="nobody"),
    ],
)
def test_what_became_of_it(actions: list[str], state: DeliveryState | None) -> None:
    said = combined({"action": action, "status": "5.1.1"} for action in actions)
    assert (said[0] if said is not None else None) == state


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"From: ann@example.org\nSubject: Out of office\n\nBack on Monday.", id="an automatic answer"),
        pytest.param(report(kind="disposition-notification"), id="somebody read it"),
        pytest.param(report(kind="feedback-report"), id="somebody complained"),
        pytest.param(report(about="text/plain"), id="nothing a machine can read"),
        pytest.param(report().replace(b"multipart/report", b"multipart/mixed"), id="a report somebody forwards"),
        pytest.param(report().replace(b"\nAction: failed", b""), id="without an action"),
        pytest.param(b"Subject: Fwd\nContent-Type: message/rfc822\n\n" + report(), id="a report within a mail"),
        pytest.param(report().replace(b'boundary="xyz"', b"x=y"), id="no parts"),
    ],
)
def test_what_is_no_report_says_nothing(raw: bytes) -> None:
    assert read_bounce(raw) is None


@settings(max_examples=300)
@given(st.data())
def test_nothing_raises_and_nothing_hostile_is_believed(data: st.DataObject) -> None:
    """A good report with pieces cut out, doubled and put elsewhere."""
    raw = report(recipient(), recipient("delayed", "4.4.1"))
    for _ in range(data.draw(st.integers(1, 4))):
        at, to = sorted((data.draw(st.integers(0, len(raw))), data.draw(st.integers(0, len(raw)))))
        doubled, others = raw[at:to] * 2, st.binary(max_size=30)
        instead = data.draw(st.one_of(others, st.sampled_from([doubled, b"\n\n", b"--xyz\n", b""])))
        raw = raw[:at] + instead + raw[to:]
    bounce = read_bounce(raw)
    assert bounce is None or bounce.state in (S.FAILED, S.DELIVERED, S.SENT)


@given(st.binary(max_size=2000))
def test_no_bytes_raise(raw: bytes) -> None:
    assert read_bounce(raw) is None or raw


def nested(depth: int) -> bytes:
    return b"".join(b'Content-Type: multipart/report; report-type=delivery-status; boundary="%d"\n\n--%d\n' % (i, i)
                    for i in range(depth))


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(nested(5000), id="parts in parts"),
        pytest.param(b"Content-Type: message/rfc822\n\n" * 9000, id="mails in mails"),
        pytest.param(report(*[recipient()] * 3000), id="thousands of recipients"),
        pytest.param(report(headers=["X: " + "a" * 200_000]), id="a header without end"),
        pytest.param(report(headers=["To: " + "a@b," * 50_000]), id="thousands of addresses"),
        pytest.param(b"A: b\n" * 50_000 + report(), id="thousands of headers"),
        pytest.param(report() + b"x\n" * 10_000_000, id="twenty megabytes"),
        pytest.param(report(id="<" + "a@" * 100_000), id="a Message-ID without end"),
        pytest.param(report(recipient("failed", "5." + "1" * 100_000)), id="a status without end"),
        pytest.param(report().replace(b"report-type=delivery-status", b"report-type*0*=''" + b"%41" * 50_000),
                     id="a parameter without end"),
    ],
)
def test_no_mail_takes_long(raw: bytes) -> None:
    began = time.process_time()
    read_bounce(raw)
    assert time.process_time() - began < 2


def test_only_the_beginning_of_a_mail_is_read() -> None:
    late = report().replace(b"Sorry.", b"Sorry. " * MOST_BYTES)
    assert read_bounce(late) is None


def test_fields_are_read_whatever_their_case() -> None:
    shouted: Mapping[str, str] = {"action": "failed", "status": "5.1.1"}
    assert combined([shouted]) == (S.FAILED, Reason.RECIPIENT_GONE)
    raw = report().replace(b"Action:", b"ACTION:").replace(b"Status:", b"sTaTuS:")
    bounce = read_bounce(raw)
    assert bounce is not None
    assert bounce.state is S.FAILED
