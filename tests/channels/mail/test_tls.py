"""Neither mail nor password leaves before the relay has proved who it is; there is no falling back."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest

from notifier.channels.email import EmailChannel
from notifier.model.delivery import Reason
from notifier.standins.smtp import Smtp
from tests.channels.answers import RETRY, SENT
from tests.channels.far_sides import SECRETS, email_channel, message, now
from tests.net.certificate import self_signed

from .scripts import scripted

TO = "ann@example.org"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    return self_signed(tmp_path)


def channel(port: int, **more: Any) -> EmailChannel:
    """With a log-in, and patient enough for a handshake on a busy machine."""
    return EmailChannel(email_channel(port, **more)._settings, timeout=(5, 5))


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("host", "trusted", "good"),
    [
        pytest.param("localhost", True, True, id="the right name by a trusted certificate"),
        pytest.param("localhost", False, False, id="a certificate nobody trusts"),
        pytest.param("127.0.0.1", True, False, id="a certificate for another name"),
    ],
)
def test_the_relay_proves_who_it_is(
    certificate: tuple[Path, ssl.SSLContext], secrets: None, security: str, host: str, trusted: bool, good: bool
) -> None:
    file, context = certificate
    with Smtp(username="relay", password=SECRETS["T_SMTP"], tls=context, implicit=security == "tls") as far:
        ours = channel(far.port, host=host, security=security, ca_file=str(file) if trusted else None)
        outcome = ours.send(message(TO), now())
        assert len(far.ledger) == good
        if good:
            assert outcome.kind is SENT
            assert ours.send(message(TO, key="N1/main/2"), now()).kind is SENT, "and over the same connection again"
            assert (far.connections, len(far.ledger)) == (1, 2)
        else:
            assert (outcome.kind, outcome.reason, outcome.stops_channel) == (RETRY, Reason.NOT_PERMITTED, True)
        assert [finding.ok for finding in ours.check()] == [good]


def test_a_kept_connection_that_was_cut_is_opened_as_safely_again(
    certificate: tuple[Path, ssl.SSLContext], secrets: None
) -> None:
    file, context = certificate
    with Smtp(username="relay", password=SECRETS["T_SMTP"], tls=context) as far:
        ours = channel(far.port, host="localhost", security="starttls", ca_file=str(file))
        for number in range(3):
            assert ours.send(message(TO, key=f"N1/main/{number}"), now()).kind is SENT
            far.cut_all()
        assert (far.connections, len(far.ledger)) == (3, 3)


@pytest.mark.parametrize(
    ("script", "reason", "stops"),
    [
        pytest.param(("220 relay", "250 AUTH PLAIN"), Reason.NOT_PERMITTED, True, id="not offered"),
        pytest.param(("220 relay", "250-relay\r\n250 STARTTLS", "454 4.7.0 TLS not available"), Reason.SERVER_ERROR,
                     False, id="out of order"),
        pytest.param(("220 relay", "250-relay\r\n250 STARTTLS", "502 what?"), Reason.NOT_PERMITTED, True,
                     id="offered and refused"),
        pytest.param(("220 relay", "250-relay\r\n250 STARTTLS", "220 go on\r\n250-relay\r\n250 AUTH PLAIN"),
                     Reason.UNREACHABLE, False, id="promised, then the clear goes on"),
    ],
)
def test_without_encryption_nothing_more_is_said(
    secrets: None, script: tuple[str, ...], reason: Reason, stops: bool
) -> None:
    with scripted(script) as far:
        outcome = channel(far.port, security="starttls").send(message(TO), now())
        assert (outcome.kind, outcome.reason, outcome.stops_channel) == (RETRY, reason, stops), outcome.detail
        assert set(far.heard) <= {"EHLO", "STARTTLS"}


def test_a_relay_that_takes_no_log_in_gets_no_mail(secrets: None) -> None:
    """Whoever stands between may leave AUTH out; the mail would then be his."""
    with scripted(("220 relay", "250 hello", "250 sender")) as far:
        outcome = channel(far.port).send(message(TO), now())
        assert (outcome.kind, outcome.reason, outcome.stops_channel) == (RETRY, Reason.NOT_PERMITTED, True)
        assert set(far.heard) <= {"EHLO", ""}, "then it hung up"
