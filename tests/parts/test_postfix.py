"""E-mail against a real Postfix in a tree of its own: accepted is delivered, once, as it was written."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from notifier.channels.email import EmailChannel
from notifier.model.delivery import OutcomeKind, Reason
from tests.channels.far_sides import email_channel, message, now, unused_port

from .running import program

pytestmark = [pytest.mark.parts, pytest.mark.timeout(180)]

TO = "ann@example.org"
MASTER = """\
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Relay:
    """A running Postfix: its port, the certificate to trust, and where mail for `TO` arrives."""

    port: int
    certificate: Path
    inbox: Path

    def mails(self, wanted: int) -> list[Any]:
        """What arrived, once `wanted` mails are there or ten seconds have passed."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            files = [path for path in self.inbox.glob("new/*") if path.is_file()]
            if len(files) >= wanted:
                break
            time.sleep(0.05)
        return [email.message_from_bytes(path.read_bytes(), policy=default) for path in files]


def _certificate(folder: Path) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True, timeout=60,
    )
    return key, certificate


def _configure(folder: Path, port: int) -> Path:
    key, certificate = _certificate(folder)
    conf, queue, data, mail = (folder / name for name in ("conf", "queue", "data", "mail"))
    for path in (conf, queue, data, mail):
        path.mkdir()
    for path in (data, mail):
        shutil.chown(path, "postfix")
    settings = {
        "compatibility_level": "3.6", "queue_directory": queue, "data_directory": data, "mail_owner": "postfix",
        "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "myhostname": "relay.example.test",
        "mydestination": "", "maillog_file": folder / "log", "maillog_file_prefixes": folder,
        "virtual_mailbox_domains": "example.org", "virtual_mailbox_base": mail,
        "virtual_mailbox_maps": f"inline:{{{{{TO}=ann/}}}}", "virtual_uid_maps": f"static:{mail.stat().st_uid}",
        "virtual_gid_maps": f"static:{mail.stat().st_gid or 65534}", "virtual_minimum_uid": "1", "alias_maps": "",
        "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": certificate, "smtpd_tls_key_file": key,
        "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
        "smtpd_recipient_restrictions": "reject_unauth_destination", "smtputf8_enable": "no",
    }
    (conf / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    (conf / "master.cf").write_text(MASTER.format(port=f"127.0.0.1:{port}"))
    return conf


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    postfix = program("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix starts as root only")
    with tempfile.TemporaryDirectory(prefix="postfix-") as name:  # pytest closes its own folders to Postfix's users
        folder, port = Path(name), unused_port()
        folder.chmod(0o711)
        conf = _configure(folder, port)
        started = subprocess.run([postfix, "-c", str(conf), "start"], capture_output=True, text=True, timeout=60)
        assert started.returncode == 0, started.stderr + (folder / "log").read_text()
        try:
            yield Relay(port, folder / "cert.pem", folder / "mail" / "ann")
        finally:
            subprocess.run([postfix, "-c", str(conf), "stop"], capture_output=True, timeout=60)


def channel(relay: Relay, **more: Any) -> EmailChannel:
    settings = email_channel(relay.port, username=None, password=None, **more)._settings
    return EmailChannel(settings, timeout=(5, 15))


def test_what_it_accepts_arrives_once_as_it_was_written(relay: Relay) -> None:
    ours = message(TO, key="postfix/1", body="Café ☎\n.\n.dot\nFrom here", subject="Störung: Vermont",
                   html="<p>Café</p>", unsubscribe_url="https://status.example.com/u/abc")
    outcome = channel(relay, security="starttls", ca_file=str(relay.certificate)).send(ours, now())
    assert outcome.kind is OutcomeKind.SENT, outcome.detail
    arrived = [mail for mail in relay.mails(1) if mail["Message-ID"] == outcome.provider_id]
    assert len(arrived) == 1
    mail = arrived[0]
    assert mail["Subject"] == "Störung: Vermont"
    assert mail.get_body(("plain",)).get_content().splitlines() == ["Café ☎", ".", ".dot", "From here"]
    assert mail["List-Unsubscribe"] == "<https://status.example.com/u/abc>"
    assert "with ESMTPS" in str(mail["Received"])


def test_nobody_there(relay: Relay) -> None:
    outcome = channel(relay).send(message("nobody@example.org"), now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.REJECTED, Reason.RECIPIENT_GONE), outcome.detail


def test_a_relay_that_does_not_take_mail_for_others(relay: Relay) -> None:
    outcome = channel(relay).send(message("ann@elsewhere.example"), now())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.REJECTED, Reason.FORBIDDEN), outcome.detail


def test_a_certificate_nobody_vouches_for_stops_the_channel(relay: Relay) -> None:
    outcome = channel(relay, security="starttls").send(message(TO, key="postfix/2"), now())
    assert (outcome.kind, outcome.reason, outcome.stops_channel) == (OutcomeKind.RETRY, Reason.NOT_PERMITTED, True)


def test_check_finds_it_well(relay: Relay) -> None:
    assert [finding.ok for finding in channel(relay).check()] == [True]
