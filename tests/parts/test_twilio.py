"""SMS against Prism, which checks each request against Twilio's own description of its API."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator

import pytest
import requests

from notifier.channels.sms import SmsChannel
from notifier.model.delivery import OutcomeKind, Reason
from tests.channels.far_sides import ACCOUNT, message, now, sms_channel, unused_port
from tests.shared_data import shared

from .running import node_part, running

pytestmark = [pytest.mark.parts, pytest.mark.timeout(180)]


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=5).status_code > 0
    return False


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    prism = node_part("@stoplight/prism-cli") / "dist" / "index.js"
    folder, port = tmp_path_factory.mktemp("prism"), unused_port()
    description = folder / "twilio.yaml"
    description.write_bytes(gzip.decompress(shared("data/api/twilio_api_v2010.yaml.gz").read_bytes()))
    command = ["node", str(prism), "mock", str(description), "--errors", "--host", "127.0.0.1", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with running(command, folder / "log", lambda: _answers(url)):
        yield url


def channel(url: str, **more: object) -> SmsChannel:
    return SmsChannel(sms_channel(url, **more)._settings, timeout=(5, 30))


def test_what_we_ask_fits_the_description(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_TWILIO", "token")
    ours = channel(server, from_number=None, messaging_service_sid="MG" + "1b" * 16,
                   status_callback_base="https://notify.example.com")
    outcome = ours.send(message("+18025550123"), now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.SENT, Reason.ACCEPTED), outcome.detail
    assert str(outcome.provider_id).startswith(("SM", "MM"))


def test_the_description_refuses_what_is_wrong(server: str) -> None:
    """That the check above can fail: a creation without To is refused."""
    url = f"{server}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    answer = requests.post(url, data={"Body": "a"}, auth=(ACCOUNT, "token"), timeout=30)
    assert answer.status_code == 422
