"""Twilio's stand-in reports a message's fate as Twilio does: to the message's own address, and signed."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

from notifier.model.delivery import OutcomeKind
from notifier.standins.twilio import Twilio
from tests.channels.far_sides import SECRETS, message, now, sms_channel


def test_its_callback_is_signed(secrets: None) -> None:
    heard: list[tuple[str, str, dict[str, str]]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            heard.append((self.path, self.headers["X-Twilio-Signature"], form))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Hook) as hook, Twilio(auth_token=SECRETS["T_TWILIO"]) as far:
        assert isinstance(far, Twilio)
        thread = threading.Thread(target=hook.handle_request)
        thread.start()
        base = f"http://127.0.0.1:{hook.server_port}"
        ours = message("+18025550123")
        outcome = sms_channel(far.url, status_callback_base=base).send(ours, now())
        assert outcome.kind is OutcomeKind.SENT
        assert far.call_back(str(outcome.provider_id), "undelivered", "30003") == 204
        thread.join(5)
    path, signature, form = heard[0]
    assert path == f"/hooks/twilio/status/sms-main/{ours.delivery}"
    assert (form["MessageStatus"], form["ErrorCode"]) == ("undelivered", "30003")
    assert RequestValidator(SECRETS["T_TWILIO"]).validate(base + path, form, signature)
