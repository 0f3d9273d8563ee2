"""The daemon from a signal to the settled deliveries, in a process of its own, to be killed.

Hears of three troubles (once), then turns the decider, the senders, the reconciler and the housekeeper in virtual time
until nothing is open, and prints the deliveries as JSON. SIGTERM ends it as it ends the daemon: between two sends.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from notifier.clock import VirtualClock
from notifier.delivery.housekeeper import Housekeeper
from notifier.delivery.reconciler import Reconciler
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.incidents.decider import Decider
from notifier.model.delivery import DeliveryState
from notifier.model.notice import Stage
from notifier.model.people import Subscriber
from notifier.model.policy import NoticeRule, Release
from notifier.model.service import Service
from notifier.model.times import rfc3339
from notifier.ports import Channel, Store
from notifier.store import StoreSettings, open_store

from ..channels import far_sides
from ..incidents.builders import NOW, policy, speaker
from ..incidents.builders import signal as a_signal
from .kinds import ADDRESSES, KINDS, PATIENCE

SERVICES = ("mobile-data", "power", "sms")
"""One incident each."""
OPEN = {DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN}
TICK = timedelta(seconds=20)
RULES = {Stage.ACKNOWLEDGE: NoticeRule(release=Release.AUTO, valid_for=timedelta(hours=6))}


class SharedClock(VirtualClock):
    """Virtual time that the far sides live by too: they read it from a file."""

    def __init__(self, start: datetime, file: Path) -> None:
        super().__init__(start)
        self._file = file
        self.set(start)

    def set(self, to: datetime) -> None:
        """Move to a time, for both sides; never half-way written."""
        super().set(to)
        written = self._file.with_suffix(".new")
        written.write_text(rfc3339(self.now()), encoding="utf-8")
        written.replace(self._file)


def text_of(service: str) -> str:
    """The whole acknowledgement of a service's trouble, as every far side gets it."""
    return f"TEST: Acknowledge. Northeast: {service} in US-VT."


def hear(store: Store) -> None:
    """People who want to know, and an official word on each trouble; once, whatever happens afterwards."""
    with store.transaction() as tx:
        if tx.open_signals(NOW):
            return
        for kind, address in ADDRESSES.items():
            tx.put_subscriber(Subscriber(kind.value, kind, address, ("US-VT",), "en", "UTC", NOW, "test"))
        tx.put_signals(a_signal(service=service, fingerprint=service) for service in SERVICES)


def decider(store: Store, clock: VirtualClock, channels: dict[str, Channel]) -> Decider:
    """The real one, over what the tests of incidents build."""
    profiles = {id: getattr(channel, "profile") for id, channel in channels.items()}  # noqa: B009 not in the port
    words = replace(speaker(profiles), services={id: Service(id=id, name=id) for id in SERVICES})
    return Decider(store, clock, words, (policy(rules=RULES),))


def main(folder: str, urls: dict[str, str], minutes: int) -> None:
    """Live from `minutes` past noon over `folder`, with a channel to each of `urls` by kind."""
    os.environ.update(far_sides.SECRETS)
    far_sides.TIMEOUT = PATIENCE
    store = open_store(StoreSettings(path=str(Path(folder) / "notifier.db")))
    clock = SharedClock(NOW + timedelta(minutes=minutes), Path(folder) / "clock")
    made = [KINDS[kind].channel(url) for kind, url in urls.items()]
    channels: dict[str, Channel] = {channel.id: channel for channel in made}
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = DeliverySettings()
    hear(store)
    loops = (
        Housekeeper(store, clock).run_once,
        decider(store, clock, channels).run_once,
        *(Sender(channel, store, clock, settings, stop=stop.is_set).run_once for channel in made),
        Reconciler(channels, store, clock, settings).run_once,
    )
    for _ in range(500):
        for turn in loops:
            if not stop.is_set():
                turn()
        with store.transaction() as tx:
            rows = tx.deliveries()
            about = {row.incident: tx.incident(row.incident) for row in rows}
        if stop.is_set() or not any(row.state in OPEN for row in rows):
            break
        clock.advance(TICK)
    services = {id: incident.service for id, incident in about.items() if incident is not None}
    print(json.dumps([[row.channel, row.stage, services[row.incident], row.state, row.reason] for row in rows]))
    store.close()
