"""Bounces read from a real IMAP server, Dovecot 2.3 in a tree of its own; its maildir shows what was marked."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from notifier.channels.mail.bounces import Bounces
from notifier.channels.mail.dsn import MOST_BYTES
from notifier.channels.mail.mailbox import checked, opened
from notifier.channels.mail.returns import return_path
from notifier.channels.mail.settings import EmailSettings, MailboxSettings
from notifier.channels.mail.writing import message_id
from notifier.clock import VirtualClock
from notifier.model.delivery import DeliveryState, Reason
from notifier.ports import Store
from tests.channels.far_sides import CANARY, unused_port
from tests.channels.mail.reports import recipient, report
from tests.store.making import NOW

from .running import certificate, program
from .waiting import until

pytestmark = [pytest.mark.parts, pytest.mark.timeout(120)]

PASSWORD = f"{CANARY} with a blank and a \" quote"
CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
mail_location = maildir:{folder}/mail
first_valid_uid = 1
service imap-login {{
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail
}}
"""


BASE, KEY = "bounces@example.net", "k"


@dataclass
class Word:
    """A store that takes words down."""

    words: list[tuple[str, DeliveryState, Reason]] = field(default_factory=list)

    def callback(self, id: str, state: DeliveryState, reason: Reason, now: Any, delivery: str | None = None,
                 route: str | None = None) -> bool:
        self.words.append((id, state, reason))
        return True


@dataclass(frozen=True)
class Server:
    """A running Dovecot with one mailbox, which the test fills."""

    folder: Path
    ports: dict[str, int]
    owner: tuple[int, int]

    def put(self, name: str, raw: bytes) -> None:
        """A mail arrives."""
        path = self.folder / "mail" / "new" / name
        path.write_bytes(raw)
        os.chown(path, *self.owner)

    def seen(self) -> set[str]:
        """The mails marked as read, as a maildir says it in their names."""
        cur = self.folder / "mail" / "cur"
        return {path.name.split(":")[0].split(",")[0] for path in cur.glob("*:2,*S*")}

    def settings(self, security: str, **more: Any) -> EmailSettings:
        """Those of a channel that reads it."""
        return EmailSettings.model_validate({
            "id": "email", "kind": "email", "host": "127.0.0.1", "security": "none", "sender": "status@example.com",
            "bounces_to": BASE, "bounce_key": {"env": "T_BOUNCE_KEY"},
            "bounces": {"host": "127.0.0.1", "port": self.ports[security], "security": security, "username": "bounces",
                        "password": {"env": "T_IMAP"}, "ca_file": str(self.folder / "cert.pem"), **more},
        })


@pytest.fixture(scope="module")
def serving() -> Iterator[Server]:
    dovecot = program("dovecot")
    if os.geteuid() != 0:
        pytest.skip("Dovecot starts as root only")
    version = subprocess.run([dovecot, "--version"], capture_output=True, text=True, timeout=30).stdout
    if not version.startswith("2.3"):
        pytest.skip("its configuration is written for Dovecot 2.3")
    with tempfile.TemporaryDirectory(prefix="dovecot-") as name:
        folder, ports = Path(name), {"tls": unused_port(), "starttls": unused_port()}
        folder.chmod(0o755)
        certificate(folder)
        owner = (65534, 65534)  # nobody
        (folder / "users").write_text(f"bounces:{{PLAIN}}{PASSWORD}::::::\n")
        configuration = folder / "dovecot.conf"
        configuration.write_text(CONFIGURATION.format(folder=folder, uid=owner[0], gid=owner[1], **ports))
        log = (folder / "out").open("wb")
        process = subprocess.Popen([dovecot, "-F", "-c", str(configuration)], stdout=log, stderr=log)
        try:
            until(lambda: (folder / "run" / "master.pid").exists() or process.poll() is not None, "Dovecot is up")
            assert process.poll() is None, (folder / "out").read_text()
            yield Server(folder, ports, owner)
        finally:
            process.terminate()
            process.wait(20)
            log.close()


@pytest.fixture
def server(serving: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """With an empty mailbox."""
    monkeypatch.setenv("T_IMAP", PASSWORD)
    monkeypatch.setenv("T_BOUNCE_KEY", KEY)
    shutil.rmtree(serving.folder / "mail", ignore_errors=True)
    for path in ("mail", "mail/new", "mail/cur", "mail/tmp"):
        (serving.folder / path).mkdir()
        os.chown(serving.folder / path, *serving.owner)
    return serving


def box(settings: EmailSettings) -> MailboxSettings:
    assert settings.bounces is not None
    return settings.bounces


def reader(settings: EmailSettings, store: Word) -> Bounces:
    kept: Any = store
    ready: Store = kept
    return Bounces(settings, box(settings), ready, VirtualClock(NOW))


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_bounces_are_read_once_and_marked(server: Server, security: str) -> None:
    ours = [str(uuid.UUID(int=number)) for number in range(3)]
    ids = [message_id(delivery, "example.com") for delivery in ours]
    for number, delivery in enumerate(ours):
        server.put(f"1{number}.a", report(recipient("failed", "5.2.2"), to=return_path(BASE, delivery, KEY)))
    server.put("13.a", b"Subject: hello\r\n\r\nwho are you?")
    store = Word()
    bounces = reader(server.settings(security), store)
    bounces.run_once()
    assert sorted(store.words) == sorted((id, DeliveryState.FAILED, Reason.MAILBOX_FULL) for id in ids)
    assert server.seen() == {"10.a", "11.a", "12.a", "13.a"}
    bounces.run_once()
    assert len(store.words) == 3


def test_of_a_long_mail_only_the_beginning_is_fetched(server: Server) -> None:
    server.put("1.a", b"Subject: hello\r\n\r\n" + b"x" * 70 + b"\r\n" * 1_000_000)
    with opened(box(server.settings("tls"))) as mailbox:
        (id,) = mailbox.unread(5)
        assert len(mailbox.read(id, MOST_BYTES)) == MOST_BYTES
    assert server.seen() == set(), "fetching is not reading"


def test_a_mail_that_vanished_is_nothing(server: Server) -> None:
    server.put("1.a", report())
    with opened(box(server.settings("tls"))) as mailbox:
        assert mailbox.read("999", MOST_BYTES) == b""


def test_doctor_opens_the_folder(server: Server) -> None:
    server.put("1.a", report())
    assert checked("bounces", box(server.settings("tls"))).ok
    assert not checked("bounces", box(server.settings("tls", folder="Elsewhere"))).ok
    assert not checked("bounces", box(server.settings("tls", username="ann"))).ok
    assert server.seen() == set()


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_nobody_vouches_for_ends_it(server: Server, security: str) -> None:
    server.put("1.a", report())
    store = Word()
    reader(server.settings(security, ca_file=None), store).run_once()
    assert (store.words, server.seen()) == ([], set())
