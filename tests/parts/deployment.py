"""A small valid deployment written into a folder: own YAML, secrets in files, everything on loopback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SECRETS = {
    "alerts-token": "alerts-token-of-the-tests",
    "webhook-secret": "whsec_dGhpcyBpcyBub3QgYSBzZWNyZXQgYXQgYWxsIQ==",
    "unsubscribe-key": "unsubscribe-key-of-the-tests-xxxxxxxx",
}
STATES = {"US-VT": "Vermont", "US-NH": "New Hampshire", "US-ME": "Maine", "US-MA": "Massachusetts",
          "US-RI": "Rhode Island", "US-CT": "Connecticut", "US-NY": "New York", "US-NJ": "New Jersey"}

NOTIFIER = """\
company: {{name: Test Mobile, timezone: America/New_York, languages: [en, es], mode: test,
          status_url: "https://status.example.net", public_url: "https://notify.example.net"}}
web: {{port: {port}, alerts_token: {alerts_token}, unsubscribe_key: {unsubscribe_key}}}
polling: {{spread: 1s, jitter: 100ms}}
delivery: {{retry_first: 1s, lease: 5s, unknown_after: 2s}}
"""
SERVICES = """\
services:
  - {id: mobile-data, name: mobile data, words: [mobile data, data, 3G, 4G, LTE]}
  - {id: broadband, name: broadband internet, words: [internet, wifi, broadband]}
"""
SOURCES = """\
sources:
  - {{id: alerts, kind: alertmanager, {poll} freshness: 6h, placing: {{regions: [US]}}}}
mentions:
  - {{id: export, kind: export, path: {posts}, every: 500ms, freshness: 15m}}
"""
CHANNELS = """\
channels:
  - {{id: hook, kind: webhook, mode: test, languages: [en], url: "{url}", secret: {secret}, per_minute: {per_minute}}}
"""
POLICIES = """\
policies:
  - id: by-hand
    services: [broadband]
    suspect: [{{official: 0}}, {{measurement: 0.5}}, {{crowd: 0.4}}, {{staff: 0}}]
    confirm: [{{staff: 0}}, {{official: 0}}, {{measurement: 0.5}}]
    notices:
      acknowledge: {{release: approve, valid_for: 45m}}
      resolve: {{release: auto, valid_for: 6h}}
      correct: {{release: auto, valid_for: 6h}}
    clear_after: {clear_after}
    hold_down: 1s
  - id: default
    suspect: [{{official: 0}}, {{measurement: 0.5}}, {{crowd: 0.4}}, {{staff: 0}}]
    confirm: [{{staff: 0}}, {{official: 0}}, {{measurement: 0.5}}]
    notices:
      acknowledge: {{release: auto, valid_for: 45m}}
      workaround: {{release: approve, valid_for: 4h}}
      update: {{release: auto, valid_for: 1h}}
      resolve: {{release: auto, valid_for: 6h}}
      correct: {{release: auto, valid_for: 6h}}
    clear_after: {clear_after}
    hold_down: 1s
"""
VOCABULARY = """\
vocabulary:
  symptoms:
    en: ["no {service}", "{service} is down", "{service} not working", "lost {service}"]
  recovery:
    en: ["{service} is back"]
detection: {tick: 1s, listen_first: 0s}
"""


@dataclass
class Deployment:
    """What is written. `credentials`: secrets are named as systemd credentials in place of files.

    `port` 0 takes a free one; `poll_url`: Alertmanager's list is polled as well.
    """

    folder: Path
    hook_url: str
    port: int = 0
    poll_url: str = ""
    per_minute: float = 600
    clear_after: str = "2s"
    credentials: bool = False
    posts_path: Path | None = None
    store_url: str = ""
    """PostgreSQL's, in place of a file."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """More lines at the end of a file, by its name."""

    @property
    def config(self) -> Path:
        """The directory of YAML."""
        return self.folder / "config"

    @property
    def store(self) -> Path | str:
        """The store's file, or its address."""
        return self.store_url or self.folder / "notifier.db"

    @property
    def posts(self) -> Path:
        """The export file that is followed."""
        return self.posts_path or self.folder / "posts.jsonl"

    def write(self) -> Deployment:
        """Write everything; the export file is created empty."""
        (self.config / "templates").mkdir(parents=True, exist_ok=True)
        secrets = self.config / "secrets"
        secrets.mkdir(mode=0o700, exist_ok=True)
        for name, value in SECRETS.items():
            (secrets / name).write_text(value + "\n")
            (secrets / name).chmod(0o600)
        for name, text in {**self._files(), "regions.yaml": _regions()}.items():
            (self.config / name).write_text(text + self.extra.get(name, ""))
        shutil.copy(PROJECT / "config" / "templates" / "generic.yaml", self.config / "templates" / "generic.yaml")
        if not self.posts.exists():
            self.posts.write_text("")
        return self

    def _files(self) -> dict[str, str]:
        poll = f'url: "{self.poll_url}", allow_private: true, every: 2s,' if self.poll_url else ""
        return {
            "notifier.yaml": NOTIFIER.format(port=self.port, alerts_token=self._secret("alerts-token"),
                                             unsubscribe_key=self._secret("unsubscribe-key")),
            "services.yaml": SERVICES,
            "sources.yaml": SOURCES.format(poll=poll, posts=json.dumps(str(self.posts))),
            "channels.yaml": CHANNELS.format(url=self.hook_url, secret=self._secret("webhook-secret"),
                                             per_minute=self.per_minute),
            "policies.yaml": POLICIES.format(clear_after=self.clear_after),
            "vocabulary.yaml": VOCABULARY,
        }

    def _secret(self, name: str) -> str:
        if self.credentials:
            return f"{{credential: {name}}}"
        return f"{{file: {json.dumps(str(self.config / 'secrets' / name))}}}"


def _regions() -> str:
    rows = ["regions:", "  - {id: US, name: the United States, kind: country, timezone: America/New_York}"]
    rows += [f"  - {{id: {id}, name: {name}, kind: state, parent: US, customers: 300000}}"
             for id, name in STATES.items()]
    return "\n".join(rows) + "\n"
