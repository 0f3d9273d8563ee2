"""E-mail against a real Postfix in a tree of its own: accepted is delivered, once, as it was written, and what cannot
be delivered comes back."""

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
from notifier.channels.mail.bounces import subject_of
from notifier.channels.mail.dsn import read_bounce
from notifier.model.delivery import DeliveryState, OutcomeKind, Reason
from notifier.standins.smtp import Smtp
from tests.channels.far_sides import email_channel, message, now, unused_port

from .running import certificate, program
from .waiting import until

pytestmark = [pytest.mark.parts, pytest.mark.timeout(180)]

TO = "ann@example.org"
BOUNCES = "bounces@example.org"
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
smtp unix - - n - - smtp
relay unix - - n - - smtp
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass(frozen=True)
class Relay:
    """A running Postfix: its port, the certificate to trust, where mail for `TO` and for `BOUNCES` arrives, and the
    server it hands mail for next.example on to."""

    port: int
    certificate: Path
    inbox: Path
    returned: Path
    onward: Smtp

    def mails(self, wanted: int) -> list[Any]:
        """What arrived, once `wanted` mails are there or ten seconds have passed."""
        return [email.message_from_bytes(raw, policy=default) for raw in arrived(self.inbox, wanted)]


def arrived(folder: Path, wanted: int) -> list[bytes]:
    """The mails in a maildir, once `wanted` are there or ten seconds have passed."""
    end = time.monotonic() + 10
    while True:
        files = [path for path in folder.glob("new/*") if path.is_file()]
        if len(files) >= wanted or time.monotonic() > end:
            return [path.read_bytes() for path in files]
        time.sleep(0.05)


def _configure(folder: Path, port: int, onward: int) -> Path:
    key, public = certificate(folder)
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
        "virtual_mailbox_maps": f"inline:{{{{{TO}=ann/}},{{{BOUNCES}=bounces/}}}}", "recipient_delimiter": "+",
        "relay_domains": "next.example", "transport_maps": f"inline:{{{{next.example=relay:[127.0.0.1]:{onward}}}}}",
        "virtual_uid_maps": f"static:{mail.stat().st_uid}",
        "virtual_gid_maps": f"static:{mail.stat().st_gid or 65534}", "virtual_minimum_uid": "1", "alias_maps": "",
        "smtpd_tls_security_level": "may", "smtpd_tls_cert_file": public, "smtpd_tls_key_file": key,
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
        with Smtp() as onward:
            conf = _configure(folder, port, onward.port)
            started = subprocess.run([postfix, "-c", str(conf), "start"], capture_output=True, text=True, timeout=60)
            assert started.returncode == 0, started.stderr + (folder / "log").read_text()
            try:
                mail = folder / "mail"
                yield Relay(port, folder / "cert.pem", mail / "ann", mail / "bounces", onward)
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

    def found() -> list[Any]:
        return [mail for mail in relay.mails(1) if mail["Message-ID"] == outcome.provider_id]

    until(found, "the mail in the mailbox")
    (mail,) = found()
    assert mail["Subject"] == "Störung: Vermont"
    assert mail.get_body(("plain",)).get_content().splitlines() == ["Café ☎", ".", ".dot", "From here"]
    assert mail["List-Unsubscribe"] == "<https://status.example.com/u/abc>"
    assert "with ESMTPS" in str(mail["Received"])


def test_many_mails_over_one_connection_arrive_once_each(relay: Relay) -> None:
    ours = channel(relay, security="starttls", ca_file=str(relay.certificate))
    ids = [ours.send(message(TO, key=f"many/{number}"), now()).provider_id for number in range(30)]

    def found() -> list[str]:
        return [mail["Message-ID"] for mail in relay.mails(30) if mail["Message-ID"] in ids]

    until(lambda: len(found()) >= 30, "30 mails in the mailbox")
    assert sorted(found()) == sorted(map(str, ids))


def test_what_it_cannot_deliver_comes_back_to_its_delivery(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """It took the mail, the next server refuses the recipient, and its report is for the return path we gave."""
    monkeypatch.setenv("T_BOUNCE_KEY", "k" * 32)
    relay.onward.refused.add("gone@next.example")
    ours = channel(relay, bounces_to=BOUNCES, bounce_key={"env": "T_BOUNCE_KEY"})
    lost = message("gone@next.example", key="0d9e2f2e-7a53-5b1c-9d5e-0c1b2a3d4e5f")
    outcome = ours.send(lost, now())
    assert outcome.kind is OutcomeKind.SENT, "it does not know yet"
    (report,) = arrived(relay.returned, 1)
    bounce = read_bounce(report)
    assert bounce is not None
    assert (bounce.state, bounce.reason) == (DeliveryState.FAILED, Reason.RECIPIENT_GONE)
    assert bounce.message_id == outcome.provider_id
    assert subject_of(ours._settings, bounce) == lost.delivery


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
