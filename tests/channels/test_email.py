"""E-mail: each reply at each stage has one meaning; a mail never changes and nothing gets into it."""

from __future__ import annotations

import email
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from notifier.channels.email import EmailSettings
from notifier.channels.mail.replies import judge
from notifier.channels.mail.settings import is_address
from notifier.channels.mail.writing import compose, letter, message_id, stuffed
from notifier.model.delivery import OutcomeKind, Reason
from notifier.standins.smtp import Smtp
from tests.channels.answers import REJECTED, RETRY, SENT, UNKNOWN
from tests.channels.far_sides import FIXED, email_channel, message, now

TO = "ann@example.org"


def settings(**more: Any) -> EmailSettings:
    return EmailSettings.model_validate({
        "id": "email", "kind": "email", "host": "127.0.0.1", "security": "none", "sender": "status@example.com",
        "sender_name": "Example Status", **more,
    })


def read(raw: bytes) -> Any:
    """A mail as its reader sees it."""
    return email.message_from_bytes(raw, policy=default)


@pytest.mark.parametrize(
    ("stage", "code", "words", "kind", "reason", "stops"),
    [
        pytest.param("connect", 421, "busy", RETRY, Reason.SERVER_ERROR, False, id="busy at the door"),
        pytest.param("connect", 554, "5.7.1 listed", RETRY, Reason.NOT_PERMITTED, True, id="turned away at the door"),
        pytest.param("login", 535, "5.7.8 bad", RETRY, Reason.AUTHENTICATION, True, id="wrong password"),
        pytest.param("login", 454, "4.7.0 later", RETRY, Reason.SERVER_ERROR, False, id="log-in out of order"),
        pytest.param("sender", 530, "5.7.0 log in", RETRY, Reason.AUTHENTICATION, True, id="wants a log-in"),
        pytest.param("sender", 550, "5.7.1 no", RETRY, Reason.NOT_PERMITTED, True, id="our sender is refused"),
        pytest.param("recipient", 550, "5.1.1 no such user", REJECTED, Reason.RECIPIENT_GONE, False, id="nobody there"),
        pytest.param("recipient", 550, "no such user", REJECTED, Reason.RECIPIENT_GONE, False, id="without a number"),
        pytest.param("recipient", 553, "5.1.3 bad", REJECTED, Reason.INVALID_ADDRESS, False, id="no address"),
        pytest.param("recipient", 550, "5.7.1 not permitted", REJECTED, Reason.FORBIDDEN, False, id="not permitted"),
        pytest.param("recipient", 451, "4.7.0 too many", RETRY, Reason.RATE_LIMITED, False, id="too many"),
        pytest.param("recipient", 450, "4.2.0 greylisted", RETRY, Reason.SERVER_ERROR, False, id="greylisted"),
        pytest.param("recipient", 452, "4.2.2 full", RETRY, Reason.MAILBOX_FULL, False, id="mailbox full"),
        pytest.param("data", 554, "no", REJECTED, Reason.CONTENT_REFUSED, False, id="no data wanted"),
        pytest.param("dot", 451, "4.3.0 error", RETRY, Reason.SERVER_ERROR, False, id="refused for now after the dot"),
        pytest.param("dot", 552, "5.3.4 big", REJECTED, Reason.TOO_LONG, False, id="too big"),
        pytest.param("dot", 550, "5.7.1 spam", REJECTED, Reason.FILTERED, False, id="taken for spam"),
        pytest.param("dot", 554, "no", REJECTED, Reason.CONTENT_REFUSED, False, id="refused after the dot"),
        pytest.param("dot", -1, "", UNKNOWN, Reason.BAD_ANSWER, False, id="no number at all after the dot"),
        pytest.param("dot", 354, "", UNKNOWN, Reason.BAD_ANSWER, False, id="a number out of place after the dot"),
        pytest.param("data", 250, "", RETRY, Reason.BAD_ANSWER, True, id="a number out of place before it"),
    ],
)
def test_each_reply_has_one_meaning(
    stage: str, code: int, words: str, kind: OutcomeKind, reason: Reason, stops: bool
) -> None:
    outcome = judge(stage, code, words.encode(), FIXED)
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (kind, reason, stops)


def test_the_relays_words_are_not_repeated() -> None:
    assert TO not in judge("recipient", 550, f"5.1.1 <{TO}> unknown".encode(), FIXED).detail


def test_a_mail_is_the_same_on_every_attempt() -> None:
    one = message(TO, created_at=FIXED, html="<p>Hi</p>", unsubscribe_url="https://e.com/u/abc")
    assert compose(one, settings()) == compose(one, settings())
    other = message(TO, created_at=FIXED, key="N1/main/2")
    assert message_id(one.key, "example.com") != message_id(other.key, "example.com")


def test_what_a_mail_carries() -> None:
    one = message(TO, created_at=FIXED, subject="Mobile data: Vermont", html="<p>Café</p>", body="Café 🙂\n.dot",
                  unsubscribe_url="https://e.com/u/abc")
    raw = compose(one, settings(reply_to="care@example.com"))
    mail = read(raw)
    assert mail["From"] == "Example Status <status@example.com>"
    assert (mail["To"], mail["Subject"], mail["Reply-To"]) == (TO, "Mobile data: Vermont", "care@example.com")
    assert mail["Date"].datetime == FIXED
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<https://e.com/u/abc>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.get_body(("plain",)).get_content().splitlines() == ["Café 🙂", ".dot"]
    assert mail.get_body(("html",)).get_content().strip() == "<p>Café</p>"
    assert b"=0D" not in raw


def test_two_people_get_the_same_text_under_their_own_headers() -> None:
    ann = message(TO, created_at=FIXED, key="1", html="<p>.Hi</p>", unsubscribe_url="https://e.com/u/ann")
    bob = message("bob@example.org", created_at=FIXED, key="2", html="<p>.Hi</p>", unsubscribe_url="https://e.com/u/bob")
    first, second = (letter(one, settings(), FIXED) for one in (ann, bob))
    assert (first.id, first.recipient) != (second.id, second.recipient)
    assert b"bob" not in first.text
    assert b"ann" not in second.text
    own = {b"To", b"Message-ID", b"List-Unsubscribe"}
    assert {line.partition(b":")[0] for line in set(first.text.split(b"\r\n")) ^ set(second.text.split(b"\r\n"))} == own
    assert first.text == stuffed(compose(ann, settings()))


def test_a_mail_to_no_address_is_not_written() -> None:
    with pytest.raises(ValueError, match="address"):
        compose(message("ann@example.org\r\nBcc: all@example.com"), settings())


@pytest.mark.parametrize("length", [20, 58, 80, 200, 800])
def test_the_link_to_unsubscribe_stays_as_it_is_however_long(length: int) -> None:
    link = "https://e.com/u/" + "aB3_-" * (length // 5)
    raw = compose(message(TO, unsubscribe_url=link), settings())
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in raw


def test_a_link_no_header_line_can_hold_is_left_out() -> None:
    mail = read(compose(message(TO, unsubscribe_url="https://e.com/u/" + "a" * 990), settings()))
    assert mail["List-Unsubscribe"] is None
    assert mail["List-Unsubscribe-Post"] is None


def test_without_a_link_there_is_no_header_for_it() -> None:
    mail = read(compose(message(TO), settings()))
    assert mail["List-Unsubscribe"] is None
    assert mail["List-Unsubscribe-Post"] is None
    assert mail.get_content_type() == "text/plain"


_HOSTILE = st.text(alphabet=st.sampled_from("a:\r\n\t \0\u2028\u0085>é\udc80"), max_size=40)


@given(_HOSTILE, _HOSTILE, _HOSTILE, _HOSTILE)
def test_no_value_brings_headers_of_its_own(subject: str, body: str, language: str, link: str) -> None:
    evil = f"{subject}\r\nBcc: all@example.com\r\n\r\nhello"
    one = message(TO, subject=evil, body=f"{body}\r\nBcc: all@example.com", language=f"{language}\nBcc: a@example.com",
                  unsubscribe_url=f"https://e.com/{link}>\r\nBcc: a@example.com")
    mail = read(compose(one, settings(sender_name="A\r\nBcc: b@example.com")))
    assert mail["Bcc"] is None
    assert set(mail.keys()) <= {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language",
                                "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}


@pytest.mark.parametrize(
    "address",
    ["", "ann", "ann@", "@e.org", "a b@e.org", "ann@e.org\r\nRCPT TO:<b@e.org>", "ann@e.org>", "a@b@c", '"a b"@e.org',
     "änn@e.org", "ann@é.org", "ann@-e.org", "a@" + "b" * 300, ".a@e.org", "ann@e.org\n"],
)
def test_what_is_no_address_never_reaches_the_relay(address: str, secrets: None) -> None:
    assert not is_address(address)
    with Smtp() as far:
        outcome = email_channel(far.port, username=None, password=None).send(message(address), now())
        assert (outcome.kind, outcome.reason) == (REJECTED, Reason.INVALID_ADDRESS)
        assert far.ledger == []


@given(st.binary(max_size=200))
def test_a_text_can_never_end_the_mail_early(text: bytes) -> None:
    sent = stuffed(text)
    assert b"\r\n.\r\n" not in b"\r\n" + sent
    assert sent.endswith(b"\r\n")
    lines = sent.removesuffix(b"\r\n").split(b"\r\n")
    assert all(b"\n" not in line and b"\r" not in line for line in lines)


def test_a_recipient_who_is_gone_is_the_recipients_trouble_alone(secrets: None) -> None:
    with Smtp() as far:
        far.refused.add(TO)
        channel = email_channel(far.port, username=None, password=None)
        gone = channel.send(message(TO), now())
        assert (gone.kind, gone.reason, gone.stops_channel) == (REJECTED, Reason.RECIPIENT_GONE, False)
        assert channel.send(message("bob@example.org"), now()).kind is SENT


def test_the_envelope_sender_takes_the_bounces(secrets: None) -> None:
    with Smtp() as far:
        email_channel(far.port, username=None, password=None, bounces_to="bounces@example.com").send(message(TO), now())
        assert far.ledger[0]["request"]["mail_from"] == "bounces@example.com"


# ── a relay that stops in the middle ─────────────────────────────────────────────────────────────────────────────────


@contextmanager
def relay(*replies: str) -> Iterator[int]:
    """A relay that gives these replies, one for each command (the first is the greeting; DATA's text is one command),
    then closes the connection. Yields its port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=_talk, args=(listening, replies), daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        thread.join(5)


def _talk(listening: socket.socket, replies: tuple[str, ...]) -> None:
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as heard:
        in_text = False
        for number, reply in enumerate(replies):
            if number:
                line = heard.readline()
                while in_text and line not in (b".\r\n", b""):
                    line = heard.readline()
            connection.sendall(f"{reply}\r\n".encode())
            in_text = reply.startswith("354")


OK = ("220 relay", "250 hello", "250 sender", "250 recipient", "354 go on", "250 kept", "221 bye")


@pytest.mark.parametrize(
    ("replies", "kind", "reason"),
    [
        pytest.param(OK[:0], RETRY, Reason.UNREACHABLE, id="closed before the greeting"),
        pytest.param(OK[:1], RETRY, Reason.UNREACHABLE, id="closed after the greeting"),
        pytest.param(OK[:2], RETRY, Reason.UNREACHABLE, id="closed at MAIL"),
        pytest.param(OK[:3], RETRY, Reason.UNREACHABLE, id="closed at RCPT"),
        pytest.param(OK[:4], RETRY, Reason.UNREACHABLE, id="closed at DATA"),
        pytest.param(OK[:6], SENT, Reason.ACCEPTED, id="closed after it was kept"),
        pytest.param(OK, SENT, Reason.ACCEPTED, id="well"),
        pytest.param(("554 5.7.1 go away",), RETRY, Reason.NOT_PERMITTED, id="turned away"),
        pytest.param((*OK[:5], "garbage"), UNKNOWN, Reason.BAD_ANSWER, id="garbage after the dot"),
        pytest.param((*OK[:4], "garbage"), RETRY, Reason.BAD_ANSWER, id="garbage before the text"),
    ],
)
def test_where_it_stopped_decides(replies: tuple[str, ...], kind: OutcomeKind, reason: Reason) -> None:
    with relay(*replies) as port:
        outcome = email_channel(port, username=None, password=None).send(message(TO), now())
    assert (outcome.kind, outcome.reason) == (kind, reason), outcome.detail


def test_silence_after_the_dot_is_unknown() -> None:
    with relay(*OK[:5], "") as port:  # an empty line is no reply; then the connection ends
        outcome = email_channel(port, username=None, password=None).send(message(TO), now())
    assert outcome.kind is UNKNOWN


def test_a_connection_lost_within_the_text_delivered_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the last byte of the text did not leave, neither did the dot that follows it."""
    plain = smtplib.SMTP.send

    def send(server: smtplib.SMTP, text: Any) -> None:
        if b"Message-ID" in (text.encode() if isinstance(text, str) else text):
            raise ConnectionResetError
        plain(server, text)

    monkeypatch.setattr(smtplib.SMTP, "send", send)
    with relay(*OK[:5]) as port:
        outcome = email_channel(port, username=None, password=None).send(message(TO), now())
    assert (outcome.kind, outcome.reason) == (RETRY, Reason.UNREACHABLE)


def test_encryption_that_is_not_offered_stops_the_channel() -> None:
    with relay(*OK[:2]) as port:
        channel = email_channel(port, username=None, password=None, security="starttls")
        outcome = channel.send(message(TO), now())
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (RETRY, Reason.NOT_PERMITTED, True)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"host": "mail.example.com"}, id="in the clear to another machine"),
        pytest.param({"username": "a"}, id="a name without a password"),
        pytest.param({"sender": "status"}, id="no address"),
        pytest.param({"sender": "a@e.com>\r\nRCPT TO:<b@e.com"}, id="commands in the sender"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)
