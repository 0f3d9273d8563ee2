"""The demo's stage: the example deployment, with stand-ins on this machine in place of every provider."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..app import App, build
from ..clock import VirtualClock
from ..config import load
from ..people.csv import read_subscribers
from ..standins.__main__ import make
from ..store import open_store
from .people import OPTED_OUT, SUBSCRIBERS
from .vermont import BEGINS

SECRETS = ("x-consumer-key", "x-consumer-secret", "x-access-token", "x-access-token-secret", "mastodon-token",
           "bluesky-app-password", "twilio-auth-token", "smtp-password", "webhook-secret", "unsubscribe-key")

SIGNING_KEY = "whsec_" + "c3RhbmQtaW4tc2VjcmV0LW9mLXRoZS1kZW1vLTAwMDA="
"""What the demo's webhook is signed with; it protects nothing."""

CHANNELS = """\
# Written by the demo: the six channels, each at a stand-in on this machine. They count as live so that the texts are
# those customers would read; nothing here can reach anybody.
channels:
  - {{id: x, kind: x, mode: live, languages: [en], per_minute: 60, base_url: "{x}", consumer_key: {{credential: x-consumer-key}},
     consumer_secret: {{credential: x-consumer-secret}}, access_token: {{credential: x-access-token}},
     access_token_secret: {{credential: x-access-token-secret}}}}
  - {{id: mastodon, kind: mastodon, mode: live, languages: [en], per_minute: 60, base_url: "{mastodon}", access_token: {{credential: mastodon-token}}}}
  - {{id: bluesky, kind: bluesky, mode: live, languages: [en], per_minute: 60, base_url: "{bluesky}", handle: {handle}, app_password: {{credential: bluesky-app-password}}}}
  - {{id: sms, kind: sms, mode: live, per_minute: 6000, base_url: "{twilio}", account_sid: {account_sid}, auth_token: {{credential: twilio-auth-token}}, from_number: "+18025550000"}}
  - {{id: email, kind: email, mode: live, per_minute: 6000, host: 127.0.0.1, port: {smtp}, security: none, sender: status@example.net, sender_name: Green Mountain Mobile}}
  - {{id: webhook, kind: webhook, mode: live, languages: [en], per_minute: 6000, url: "{webhook}/", secret: {{credential: webhook-secret}}}}
"""  # noqa: E501


@dataclass
class Stage:
    """The running deployment, its clock, and the far side's books by channel."""

    app: App
    clock: VirtualClock
    standins: Mapping[str, Any]
    folder: Path

    def ledger(self, channel: str) -> list[dict[str, Any]]:
        """What the provider of a channel took, in order."""
        found: list[dict[str, Any]] = self.standins[channel].ledger
        return found


@contextmanager
def set_up(folder: Path, base: Path) -> Iterator[Stage]:
    """Start the stand-ins, write the configuration into `folder` (from the example `base`), wire the daemon's parts."""
    clock = VirtualClock(BEGINS)
    with ExitStack() as stack:
        standins = {}
        for channel, name in (("x", "x"), ("mastodon", "mastodon"), ("bluesky", "bluesky"), ("sms", "twilio"),
                              ("email", "smtp"), ("webhook", "webhook")):
            standins[channel] = make(name, ledger=folder / f"ledger-{channel}.jsonl", now=clock.now)
            standins[channel].start()
            stack.callback(standins[channel].stop)
        config = load(_write(folder, base, standins))
        store = open_store(config.store)
        stack.callback(store.close)
        app = build(config, store=store, clock=clock, listen=False)
        people, refused = read_subscribers(SUBSCRIBERS.encode(), regions=config.regions, services=config.services,
                                           settings=config.people, now=clock.now(), actor="demo")
        assert not refused, refused
        with store.transaction() as tx:
            for person in people:
                tx.put_subscriber(person)
                if person.address == OPTED_OUT:
                    tx.opt_out(person.kind, person.address, clock.now(), "STOP by SMS")
        yield Stage(app, clock, standins, folder)


def _write(folder: Path, base: Path, standins: Mapping[str, Any]) -> Path:
    directory = folder / "config"
    shutil.copytree(base, directory)
    ports = {"x": standins["x"].url, "mastodon": standins["mastodon"].url, "bluesky": standins["bluesky"].url,
             "twilio": standins["sms"].url, "smtp": standins["email"].port, "webhook": standins["webhook"].url}
    (directory / "channels.yaml").write_text(
        CHANNELS.format(**ports, handle="status.example.net", account_sid="AC" + "0" * 32), encoding="utf-8")
    settings = (directory / "notifier.yaml").read_text(encoding="utf-8")
    settings = settings.replace("mode: test ", "mode: live ", 1)
    settings = settings.replace("path: notifier.db ", f"path: {folder / 'notifier.db'} ", 1)
    (directory / "notifier.yaml").write_text(settings, encoding="utf-8")
    (directory / "maintenance.yaml").unlink(missing_ok=True)
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700)
    for name in SECRETS:
        path = secrets / name
        value = SIGNING_KEY if name == "webhook-secret" else f"stand-in-{name}-{'0' * 24}"
        path.write_text(value + "\n", encoding="utf-8")
        path.chmod(0o600)
    os.environ["CREDENTIALS_DIRECTORY"] = str(secrets)
    return directory
