"""What was signed verifies at the far side, and whatever is changed on the way does not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from notifier.channels.email import EmailChannel, EmailSettings
from notifier.channels.mail.signing import SIGNED
from notifier.model.delivery import Reason
from notifier.standins.smtp import Smtp
from tests.channels.answers import RETRY, SENT
from tests.channels.far_sides import CANARY, message, now

dkim = pytest.importorskip("dkim", reason="needs dkimpy, of the extra `test`")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A private key's file, and the public half as DNS has it."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a key")
    file = tmp_path_factory.mktemp("dkim") / "key.pem"
    make = ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(file)]
    subprocess.run(make, check=True, capture_output=True)
    file.chmod(0o600)
    shown = subprocess.run(["openssl", "pkey", "-in", str(file), "-pubout"], check=True, capture_output=True, text=True)
    return file, "".join(shown.stdout.splitlines()[1:-1])


def channel(port: int, key: dict[str, str]) -> EmailChannel:
    return EmailChannel(EmailSettings.model_validate({
        "id": "email", "kind": "email", "host": "127.0.0.1", "port": port, "security": "none",
        "sender": "status@example.com", "reply_to": "care@example.com", "dkim": {"selector": "mail.2026", "key": key},
    }), timeout=(10, 10))


def verifies(raw: str, public: str) -> bool:
    def lookup(name: bytes, timeout: float = 5) -> bytes:
        assert name == b"mail.2026._domainkey.example.com."
        return f"v=DKIM1; k=rsa; p={public}".encode()

    return bool(dkim.verify(raw.encode(), dnsfunc=lookup))


@pytest.fixture
def raw(keys: tuple[Path, str]) -> str:
    """A mail as it arrived."""
    ours = message("ann@example.org", body="Café\n.dot\n\n  blanks  \n\n", html="<p>Café</p>",
                   subject="Störung: Vermont", unsubscribe_url="https://e.com/u/" + "a" * 300)
    with Smtp() as far:
        assert channel(far.port, {"file": str(keys[0])}).send(ours, now()).kind is SENT
        return str(far.ledger[0]["request"]["raw"])


def test_the_far_side_can_verify_it(raw: str, keys: tuple[Path, str]) -> None:
    assert verifies(raw, keys[1])


def test_both_headers_of_unsubscribing_are_signed(raw: str) -> None:
    signature = raw.partition("\r\nContent")[0].partition(" bh=")[0].replace("\r\n", "").replace(" ", "")
    named = signature.partition(";h=")[2].partition(";")[0].split(":")
    assert {"from", "list-unsubscribe", "list-unsubscribe-post", "subject", "date", "message-id"} <= set(named)
    assert named == list(SIGNED)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw.replace("Caf", "Kaf"), id="the text"),
        pytest.param(lambda raw: raw.replace("https://e.com/u/a", "https://evil.example/u/a"), id="the link"),
        pytest.param(lambda raw: raw.replace("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", ""),
                     id="one click taken out"),
        pytest.param(lambda raw: "From: evil@example.net\r\n" + raw, id="another sender added"),
        pytest.param(lambda raw: raw.replace("To: ann@", "To: bob@"), id="the recipient"),
    ],
)
def test_whatever_is_changed_on_the_way_is_found_out(
    raw: str, keys: tuple[Path, str], change: Callable[[str], str]
) -> None:
    assert change(raw) != raw
    assert not verifies(change(raw), keys[1])


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param(f"{CANARY} is no key", Reason.NOT_PERMITTED, id="no key"),
        pytest.param(f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----", Reason.NOT_PERMITTED,
                     id="a damaged key"),
        pytest.param("", Reason.AUTHENTICATION, id="an empty place"),
    ],
)
def test_a_key_that_cannot_sign_stops_the_channel_and_is_not_told(
    key: str, reason: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T_DKIM", key)
    with Smtp() as far:
        unsigned = channel(far.port, {"env": "T_DKIM"})
        outcome = unsigned.send(message("ann@example.org"), now())
        assert (outcome.kind, outcome.reason, outcome.stops_channel) == (RETRY, reason, True)
        findings = unsigned.check()
        assert [finding.ok for finding in findings] == [True, False]
        assert CANARY not in f"{outcome} {findings}"
        assert far.ledger == [], "nothing leaves unsigned"


def test_doctor_tries_the_key(keys: tuple[Path, str]) -> None:
    with Smtp() as far:
        assert [finding.ok for finding in channel(far.port, {"file": str(keys[0])}).check()] == [True, True]


@pytest.mark.parametrize("selector", ["", "a b", "a\r\nb", "-a", "a" * 64, "a;b"])
def test_a_selector_is_a_name(selector: str) -> None:
    more: dict[str, Any] = {"dkim": {"selector": selector, "key": {"env": "T"}}}
    with pytest.raises(ValidationError):
        EmailSettings.model_validate({"id": "email", "kind": "email", "host": "h", "sender": "a@e.com", **more})
