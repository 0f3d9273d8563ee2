"""The daemon from a signal to the settled deliveries, in a process of its own, to be killed.

Hears of three troubles (once), then turns the decider, the senders, the reconciler and the housekeeper in virtual time
until nothing is open, and prints the deliveries as JSON. SIGTERM ends it as it ends the daemon: between two sends.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from psycopg.errors import LockNotAvailable

from notifier.clock import VirtualClock
from notifier.delivery.housekeeper import Housekeeper
from notifier.delivery.reconciler import Reconciler
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.incidents.decider import Decider
from notifier.model.delivery import Delivery, DeliveryState
from notifier.model.notice import Stage
from notifier.model.people import Subscriber
from notifier.model.policy import NoticeRule, Release
from notifier.model.service import Service
from notifier.model.times import parse_rfc3339, rfc3339
from notifier.ports import Channel, Store, StoreUnavailable
from notifier.store import SqlStore, StoreSettings, open_store

from ..channels import far_sides
from ..incidents.builders import NOW, policy, speaker
from ..incidents.builders import signal as a_signal
from .hearing import Hearing
from .kinds import ADDRESSES, EVERY, PATIENCE

SERVICES = ("mobile-data", "power", "sms")
"""One incident each."""
OPEN = {DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN}
TICK = timedelta(seconds=20)
RULES = {Stage.ACKNOWLEDGE: NoticeRule(release=Release.AUTO, valid_for=timedelta(hours=6))}


class SharedClock(VirtualClock):
    """Virtual time that the far sides live by too, and other daemons: a file holds it, so that one that was stopped
    finds at once how late it has become."""

    def __init__(self, start: datetime, file: Path) -> None:
        super().__init__(start)
        self._file = file
        self._write(start)

    def now(self) -> datetime:
        """The time, whoever set it."""
        return parse_rfc3339(self._file.read_text(encoding="utf-8"))

    def set(self, to: datetime) -> None:
        """Move on to a time, for all."""
        self._write(max(to, self.now()))

    def jump(self, by: timedelta) -> None:
        """The machine's clock is put to another time, be it an earlier one."""
        self._write(self.now() + by)

    def _write(self, to: datetime) -> None:
        """Never half-way."""
        written = self._file.with_suffix(".new")
        written.write_text(rfc3339(to), encoding="utf-8")
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


MET = "the trouble began"
"""Printed once it has: where it could not, nothing was proven."""


class Trouble:
    """What a fail point does to this process instead of ending it, and how that is over."""

    def __init__(self, kind: str, place: str, store: SqlStore, clock: SharedClock) -> None:
        assert kind in TROUBLES, kind
        self.place, self.store, self.clock = place, store, clock
        self.begin = getattr(self, f"_{kind}")
        self.over: Callable[[], None] = lambda: None
        self.turns = 0

    def __call__(self, *_: object) -> None:
        """The signal handler."""
        self.turns = 1
        with contextlib.suppress(sqlite3.OperationalError, LockNotAvailable):  # within our own transaction no other is
            self.begin()
            print(MET, flush=True)

    def turned(self) -> None:
        """After each turn of all loops: two of them is how long it lasts."""
        if self.turns:
            self.turns += 1
        if self.turns == 3:
            self.over()
            self.over = lambda: None

    def _full(self) -> None:
        """The disk is full: SQLite may not take another page."""
        connection = self.store._db._connection  # type: ignore[attr-defined] # its own limit is the truest full disk
        connection.execute("PRAGMA max_page_count = 1")  # as many as there are
        self.over = lambda: connection.execute("PRAGMA max_page_count = 1000000")

    def _locked(self) -> None:
        """Another process writes, for longer than anybody waits."""
        if "://" in self.place:
            other = psycopg.connect(self.place)
            self.over = other.close
            other.execute("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE NOWAIT")
            return
        writer = sqlite3.connect(self.place, timeout=0, isolation_level=None, check_same_thread=False)
        self.over = writer.close
        writer.execute("BEGIN IMMEDIATE")

    def _cut(self) -> None:
        """Every connection to PostgreSQL breaks, as when it is restarted."""
        with psycopg.connect(self.place, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                          "AND pid <> pg_backend_pid()")

    def _forward(self) -> None:
        self.clock.jump(timedelta(hours=2))

    def _back(self) -> None:
        self.clock.jump(-timedelta(minutes=30))


TROUBLES = ("full", "locked", "cut", "forward", "back")


def opened(folder: str, place: str) -> SqlStore:
    """The store; it waits for nobody, so that a lock is met and not sat out."""
    waits = timedelta(seconds=0.2)
    if "://" in place:
        return open_store(StoreSettings(url=place, connections=2, busy_timeout=waits * 5, node_silent=waits * 2))
    return open_store(StoreSettings(path=place or str(Path(folder) / "notifier.db"), busy_timeout=waits))


def main(folder: str, urls: dict[str, str], minutes: int, place: str = "", trouble: str = "") -> None:
    """Live from `minutes` past noon over `folder`, with a channel to each of `urls` by kind."""
    os.environ.update(far_sides.SECRETS)
    far_sides.TIMEOUT = PATIENCE
    store = opened(folder, place)
    clock = SharedClock(NOW + timedelta(minutes=minutes), Path(folder) / "clock")
    made = [EVERY[kind].channel(url) for kind, url in urls.items()]
    channels: dict[str, Channel] = {channel.id: channel for channel in made}
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    made_trouble = Trouble(trouble or "forward", place, store, clock)
    signal.signal(signal.SIGUSR1, made_trouble)
    settings = DeliverySettings()
    hear(store)
    hearing = Hearing(urls, store, clock)
    loops = (
        Housekeeper(store, clock).run_once,
        decider(store, clock, channels).run_once,
        *(Sender(channel, store, clock, settings, stop=stop.is_set).run_once for channel in made),
        Reconciler(channels, store, clock, settings).run_once,
        hearing.turn,
    )
    for _ in range(500):
        for turn in loops:
            if not stop.is_set():
                with contextlib.suppress(StoreUnavailable):  # as the runner does: the next turn tries again
                    turn()
        made_trouble.turned()
        rows: tuple[Delivery, ...] = ()
        with contextlib.suppress(StoreUnavailable), store.reading() as tx:
            rows = tx.deliveries()
            about = {row.incident: tx.incident(row.incident) for row in rows}
        if stop.is_set() or (rows and not hearing.waiting and not any(row.state in OPEN for row in rows)):
            break
        clock.advance(TICK)
    services = {id: incident.service for id, incident in about.items() if incident is not None}
    print(json.dumps([[row.channel, row.stage, services[row.incident], row.state, row.reason] for row in rows]))
    hearing.close()
    store.close()
