"""Twilio's stand-in reports a message's fate as Twilio does: to the message's own address, and signed."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from twilio.request_validator import RequestValidator

from notifier.model.delivery import OutcomeKind
from notifier.standins.twilio import Twilio
from tests.channels.far_sides import ACCOUNT, SECRETS, message, now, sms_channel, unused_port


def test_a_fate_can_be_ordered_from_another_process(secrets: None) -> None:
    """Crash tests run the stand-in as a process of its own."""
    with Twilio(auth_token=SECRETS["T_TWILIO"]) as far:
        assert isinstance(far, Twilio)
        nobody = f"http://127.0.0.1:{unused_port()}"
        sid = sms_channel(far.url, status_callback_base=nobody).send(message("+18025550123"), now()).provider_id
        mute = sms_channel(far.url).send(message("+18025550123"), now()).provider_id
        answers = [requests.post(f"{far.url}/_callback", json={"sid": id, "status": "delivered"}, timeout=5)
                   for id in (sid, mute, "SM0")]
        assert [answer.status_code for answer in answers] == [502, 404, 404]


@pytest.mark.parametrize("token", [SECRETS["T_TWILIO"], None], ids=["its own token", "whichever it was called with"])
def test_its_callback_is_signed(secrets: None, token: str | None) -> None:
    heard: list[tuple[str, str, dict[str, str]]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            heard.append((self.path, self.headers["X-Twilio-Signature"], form))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Hook) as hook, Twilio(auth_token=token) as far:
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


def listed(far: Twilio, **query: str) -> dict[str, Any]:
    url = f"{far.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    answer = requests.get(url, params=query, auth=(ACCOUNT, SECRETS["T_TWILIO"]), timeout=5)
    read: dict[str, Any] = answer.json()
    return read


def test_its_list_is_read_as_twilios(secrets: None) -> None:
    """Newest first, page by page by a token that stays right while more is sent; the filter by DateSent leaves out
    what is not sent yet."""
    with Twilio(auth_token=SECRETS["T_TWILIO"]) as far:
        assert isinstance(far, Twilio)
        channel = sms_channel(far.url, messaging_service_sid="MG" + "1b" * 16, from_number=None)
        for number in range(5):
            channel.send(message("+18025550123", body=f"text {number}"), now())
        channel.send(message("+18025550199", body="to another"), now())
        first = listed(far, To="+18025550123", PageSize="2")
        channel.send(message("+18025550123", body="text 5"), now())
        second = requests.get(far.url + first["next_page_uri"], auth=(ACCOUNT, SECRETS["T_TWILIO"]), timeout=5).json()
        assert [row["body"] for row in first["messages"] + second["messages"]] == [f"text {n}" for n in (4, 3, 2, 1)]
        assert {(row["status"], row["date_sent"], row["num_segments"]) for row in first["messages"]} == {
            ("accepted", None, "0")}
        assert listed(far, **{"To": "+18025550123", "DateSent>": "2020-01-01"})["messages"] == []
        assert listed(far, PageToken="PAnothing")["code"] == 21481
