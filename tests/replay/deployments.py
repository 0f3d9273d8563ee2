"""Small deployments for real recordings: what each vendor calls things, placed in our services and regions."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from notifier.app import App, build
from notifier.clock import VirtualClock
from notifier.config import load
from notifier.config.tree import Config
from notifier.model.incident import Incident
from notifier.model.signal import Signal
from notifier.model.times import parse_rfc3339
from notifier.ports import Answer
from notifier.replay.engine import Approver, Player
from notifier.replay.recording import Event
from notifier.replay.run import book_channels
from notifier.store import open_store
from notifier.store.settings import StoreSettings

PROJECT = Path(__file__).resolve().parents[2]

NOTIFIER = """
company: {name: Test Company, languages: [en, es], mode: test, status_url: "https://status.example.net"}
"""
POLICIES = """
policies:
  - id: all
    suspect: [{official: 0}]
    confirm: [{official: 0}]
    notices:
      acknowledge: {release: auto, valid_for: 1h}
      update: {release: auto, valid_for: 1h}
      resolve: {release: auto, valid_for: 1h}
    clear_after: 1m
    hold_down: 1s
"""
CHANNELS = """
channels:
  - {id: hook, kind: webhook, mode: test, url: "https://hook.example.net/", secret: {env: NOT_NEEDED_IN_REPLAY}}
"""


def write(folder: Path, *, regions: str, services: str, sources: str) -> Path:
    """Write a deployment into `folder`: the parts given, and what all of these tests share."""
    for name, text in (("notifier", NOTIFIER), ("policies", POLICIES), ("channels", CHANNELS), ("regions", regions),
                       ("services", services), ("sources", sources)):
        (folder / f"{name}.yaml").write_text(dedent(text), encoding="utf-8")
    (folder / "templates").mkdir()
    shutil.copy(PROJECT / "config" / "templates" / "generic.yaml", folder / "templates")
    return folder


@dataclass(frozen=True)
class Played:
    """What came of a recording: our incidents with their evidence, oldest first."""

    incidents: tuple[tuple[Incident, tuple[Signal, ...]], ...]

    def of(self, fingerprint: str) -> list[Incident]:
        """Our incidents whose evidence holds the vendor's incident."""
        return [i for i, evidence in self.incidents if any(s.fingerprint == fingerprint for s in evidence)]


def play_polls(folder: Path, polls: Iterable[Mapping[str, Any]]) -> Played:
    """Play polls (as recordings keep them) through the daemon's own parts."""
    config: Config = load(folder)
    events = (_event(poll) for poll in polls)
    first = next(events)
    clock = VirtualClock(first.at)
    store = open_store(StoreSettings(path=":memory:"))
    try:
        app: App = build(config, store=store, clock=clock, channels=book_channels(config), listen=False)
        player = Player(app, clock, Approver.parse("never"))
        player.play(_chain(first, events))
        with store.transaction() as tx:
            return Played(tuple((incident, tx.evidence_of(incident.id)) for incident in tx.incidents()))
    finally:
        store.close()


def _chain(first: Event, rest: Iterable[Event]) -> Iterable[Event]:
    yield first
    yield from rest


def _event(poll: Mapping[str, Any]) -> Event:
    import json

    body = poll["body"]
    raw = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else json.dumps(body).encode()
    at = parse_rfc3339(poll["fetched_at"])
    return Event(at, (poll["source"], Answer(at, poll.get("status", 200), poll.get("headers", {}), raw)))
