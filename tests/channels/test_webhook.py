"""Webhook: each status has one meaning; signed as Standard Webhooks' own example; told apart by its id."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from notifier.channels.outward import OutwardWire
from notifier.channels.webhook import BadSecret, judge, payload, read_secret, signed, webhook_id
from notifier.channels.wire import mounted
from notifier.model.delivery import OutcomeKind, Reason
from notifier.standins.webhook import Webhook
from tests.channels.answers import REJECTED, RETRY, SENT, UNKNOWN, answer
from tests.channels.far_sides import FIXED, WEBHOOK_SECRET, message, now, webhook_channel
from tests.net.certificate import self_signed

NEXT_SECRET = "whsec_" + base64.b64encode(b"the secret that follows it").decode()


@pytest.mark.parametrize(
    ("status", "kind", "reason", "stops"),
    [
        *[pytest.param(status, SENT, Reason.ACCEPTED, False, id=f"taken with {status}") for status in (200, 202, 204)],
        *[pytest.param(status, RETRY, Reason.BAD_ANSWER, True, id=f"{status}: the configuration must say where to")
          for status in (301, 302, 303, 307, 308)],
        *[pytest.param(status, REJECTED, Reason.BAD_ANSWER, False, id=f"{status}: read and refused")
          for status in (400, 409, 413, 415, 422)],
        *[pytest.param(status, RETRY, Reason.AUTHENTICATION, True, id=f"{status}: its secret is not ours yet")
          for status in (401, 403, 407)],
        *[pytest.param(status, RETRY, Reason.BAD_ANSWER, True, id=f"{status}: nobody serves this address now")
          for status in (404, 405)],
        pytest.param(410, REJECTED, Reason.RECIPIENT_GONE, True, id="wants no more"),
        pytest.param(402, RETRY, Reason.OUT_OF_CREDIT, True, id="its own provider wants money"),
        pytest.param(425, RETRY, Reason.SERVER_ERROR, False, id="too early"),
        pytest.param(408, RETRY, Reason.SERVER_ERROR, False, id="took too long"),
        pytest.param(429, RETRY, Reason.RATE_LIMITED, False, id="too many"),
        *[pytest.param(status, RETRY, Reason.SERVER_ERROR, False, id=f"server error {status}") for status in
          (500, 502, 503, 504)],
    ],
)
def test_each_status_has_one_meaning(status: int, kind: OutcomeKind, reason: Reason, stops: bool) -> None:
    outcome = judge(answer(status), message(), FIXED)
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (kind, reason, stops)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        pytest.param("120", 120, id="seconds"),
        pytest.param("Thu, 15 Jan 2026 12:10:00 GMT", 600, id="a date"),
        pytest.param("Thu, 15 Jan 2026 11:00:00 GMT", 0, id="a date that has passed"),
        pytest.param("9" * 30, 86_400, id="for ever is cut to a day"),
        pytest.param("-5", 60, id="less than nothing"),
        pytest.param("soon", 60, id="words"),
    ],
)
def test_retry_after_is_obeyed_within_reason(said: str, seconds: int) -> None:
    outcome = judge(answer(429, None, {"retry-after": said}), message(), FIXED)
    assert outcome.retry_at == FIXED + timedelta(seconds=seconds)


def test_the_signature_is_the_one_of_the_specifications_example() -> None:
    """The example of the specification and its libraries' tests."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', [secret], at)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_what_is_posted() -> None:
    one = message(created_at=FIXED, body="Café", language="fr")
    assert payload(one) == payload(one)
    assert json.loads(payload(one)) == {
        "type": "notice.acknowledge", "timestamp": "2026-01-15T12:00:00Z",
        "data": {
            "incident": "I261122-1", "stage": "acknowledge", "mode": "test", "language": "fr", "text": "Café",
            "subject": None, "valid_until": "2026-01-15T13:00:00Z",
        },
    }


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", "whsec_not base64 at all!!", "x" * 5, "whsec_é"])
def test_a_secret_that_is_none_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(BadSecret) as refused:
        read_secret(secret)
    assert not secret.removeprefix("whsec_") or secret not in str(refused.value)


def test_the_receiver_refuses_what_was_changed_on_the_way(secrets: None) -> None:
    with Webhook(secret=WEBHOOK_SECRET) as far:
        one = message()
        headers = signed(one.key, payload(one), [read_secret(WEBHOOK_SECRET)], now())
        assert requests.post(far.url, data=payload(one) + b" ", headers=headers, timeout=5).status_code == 401
        old = signed(one.key, payload(one), [read_secret(WEBHOOK_SECRET)], now() - timedelta(hours=1))
        assert requests.post(far.url, data=payload(one), headers=old, timeout=5).status_code == 401
        assert far.ledger == []


def test_a_later_attempt_is_signed_anew_under_the_same_id(secrets: None) -> None:
    with Webhook(secret=WEBHOOK_SECRET) as far:
        channel, one = webhook_channel(far.url), message()
        far.fault("500_after_accept")
        assert channel.send(one, now()).kind is RETRY
        assert channel.send(one, now() + timedelta(seconds=30)).kind is SENT
        assert [entry["key"] for entry in far.ledger] == [webhook_id(one)]


def test_another_deployment_that_counts_alike_is_not_dropped_as_a_replay(secrets: None) -> None:
    """A test deployment beside the live one, or one set up anew, gives its notices the same keys."""
    with Webhook(secret=WEBHOOK_SECRET) as far:
        one = message(created_at=FIXED, body="test words")
        other = message(created_at=FIXED + timedelta(seconds=7), body="live words")
        assert one.key == other.key
        for each in (one, other, one):
            assert webhook_channel(far.url).send(each, now()).kind is SENT
        assert [entry["body"] for entry in far.ledger] == ["test words", "live words"]


def test_an_id_holds_no_full_stop_which_parts_what_is_signed() -> None:
    assert "." not in webhook_id(message(key="a.b", created_at=FIXED))


@pytest.mark.parametrize("theirs", ["T_WEBHOOK", "T_NEXT"])
def test_either_secret_opens_it_while_a_receiver_changes_over(
    secrets: None, monkeypatch: pytest.MonkeyPatch, theirs: str
) -> None:
    monkeypatch.setenv("T_NEXT", NEXT_SECRET)
    with Webhook(secret=os.environ[theirs]) as far:
        channel = webhook_channel(far.url, also_sign_with=[{"env": "T_NEXT"}])
        assert channel.send(message(), now()).kind is SENT
        assert len(far.ledger[0]["headers"]["webhook-signature"].split()) == 2


def test_a_further_secret_that_is_gone_is_told_and_silences_nobody(secrets: None) -> None:
    with Webhook(secret=WEBHOOK_SECRET) as far:
        channel = webhook_channel(far.url, also_sign_with=[{"env": "T_GONE"}])
        assert channel.send(message(), now()).kind is SENT
        assert [(finding.ok, "T_GONE" in finding.text) for finding in channel.check()] == [(True, False), (False, True)]


def test_a_receiver_whose_secret_is_late_gets_the_notice_once_it_has_it(secrets: None) -> None:
    with Webhook(secret=NEXT_SECRET) as far:
        channel, one = webhook_channel(far.url), message()
        refused = channel.send(one, now())
        assert (refused.kind, refused.stops_channel) == (RETRY, True)
        far.secret = WEBHOOK_SECRET
        assert channel.send(one, now()).kind is SENT
        assert len(far.ledger) == 1


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("10.1.2.3", id="a private network"),
        pytest.param("169.254.169.254", id="a cloud's own data"),
        pytest.param("127.0.0.1", id="this machine under another's name"),
        pytest.param("::ffff:192.168.0.1", id="wrapped in IPv6"),
        pytest.param("fd00::1", id="a private network in IPv6"),
    ],
)
def test_a_name_that_leads_inside_is_not_connected_to(
    secrets: None, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    monkeypatch.setattr("notifier.net.guard.addresses_of", lambda host, port: [(family, address)])
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("connected"))
    channel = webhook_channel("https://receiver.example.com")
    outcome = channel.send(message(), now())
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (RETRY, Reason.UNREACHABLE, True)
    assert "allow_private" in outcome.detail
    assert [(finding.ok, "allow_private" in finding.text) for finding in channel.check()] == [(False, True)]


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(socket.gaierror("no such name"), id="no such name"),
        pytest.param(TimeoutError("a slow resolver"), id="a slow resolver"),
        pytest.param(OSError("refused"), id="refused"),
    ],
)
def test_a_name_that_leads_nowhere_got_nothing(
    secrets: None, monkeypatch: pytest.MonkeyPatch, trouble: OSError
) -> None:
    def fails(host: str, port: int) -> list[tuple[int, str]]:
        raise trouble

    monkeypatch.setattr("notifier.net.guard.addresses_of", fails)
    outcome = webhook_channel("https://receiver.example.com").send(message(), now())
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (RETRY, Reason.UNREACHABLE, False)


@pytest.mark.parametrize("inward", [True, False])
def test_an_address_inside_is_posted_to_where_that_is_meant(
    secrets: None, monkeypatch: pytest.MonkeyPatch, inward: bool
) -> None:
    """What listens says nothing, so the handshake fails; the connection that was made waits to be taken."""
    with socket.create_server(("127.0.0.1", 0)) as far:
        there = far.getsockname()
        monkeypatch.setattr("notifier.net.guard.addresses_of", lambda host, port: [(socket.AF_INET, "127.0.0.1")])
        found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", there)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        webhook_channel(f"https://receiver.example.com:{there[1]}", allow_private=inward).send(message(), now())
        far.settimeout(0.2)
        try:
            far.accept()[0].close()
            reached = True
        except TimeoutError:
            reached = False
    assert reached is inward


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("trusted", [True, False])
def test_a_checked_connection_is_a_verified_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    monkeypatch.setattr("notifier.net.guard.is_public", lambda address: True)
    certificate, context = self_signed(tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Taking) as far:
        far.socket = context.wrap_socket(far.socket, server_side=True)
        threading.Thread(target=far.serve_forever, args=(0.05,), daemon=True).start()
        wire = OutwardWire(None, (5.0, 5.0))
        session = mounted(requests.Session(), wire)
        if trusted:
            session.verify = str(certificate)
        url = f"https://localhost:{far.server_address[1]}/notices"
        try:
            status = wire.ask(lambda: session.post(url, data=b"{}", allow_redirects=False)).status
        except requests.exceptions.SSLError:
            status = 0
        far.shutdown()
    assert status == (204 if trusted else 0)


def test_an_answer_that_only_drips_does_not_hold_us(secrets: None) -> None:
    """One byte within each time-out, for two minutes if it were let."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as far:

        def drip() -> None:
            taken, _ = far.accept()
            with taken:
                taken.recv(65_536)
                taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(1200):
                    if over.wait(0.1):
                        return
                    taken.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        began = time.monotonic()
        outcome = webhook_channel(f"http://127.0.0.1:{far.getsockname()[1]}").send(message(), now())
        took = time.monotonic() - began
        over.set()
        thread.join(5)
    assert (outcome.kind, outcome.reason) == (UNKNOWN, Reason.LOST_ANSWER)
    assert took < 10
