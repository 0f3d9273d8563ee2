"""The daemon from a signal to the settled deliveries, in a process of its own, to be killed.

Hears of three troubles (once), then turns the decider, the senders, the reconciler and the housekeeper in virtual time
until nothing is open, and prints the deliveries as JSON. SIGTERM ends it as it ends the daemon: between two sends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg.errors import LockNotAvailable

from notifier import failpoints
from notifier.clock import VirtualClock
from notifier.delivery.housekeeper import Housekeeper
from notifier.delivery.reconciler import Reconciler
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
from ..parts.waiting import until
from .hearing import Hearing
from .kinds import ADDRESSES, EVERY, PATIENCE, senders

SERVICES = ("mobile-data", "power", "sms")
"""One incident each."""
OPEN = {DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN}
TICK = timedelta(seconds=20)
RULES = {Stage.ACKNOWLEDGE: NoticeRule(release=Release.AUTO, valid_for=timedelta(hours=6))}


@contextlib.contextmanager
def locked(file: Path | None, how: int) -> Iterator[None]:
    """Within a lock among processes and threads, where there is one."""
    if file is None:
        yield
        return
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


class SharedClock(VirtualClock):
    """Virtual time that the far sides live by too, and other daemons: a file holds it, so that one that was stopped
    finds at once how late it has become."""

    def __init__(self, start: datetime, file: Path, under_way: Path | None = None) -> None:
        super().__init__(start)
        self._file, self._under_way = file, under_way
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
        """Never half-way, and while nothing is under way that must be over by then."""
        written = self._file.with_suffix(f".{os.getpid()}")
        written.write_text(rfc3339(to), encoding="utf-8")
        with locked(self._under_way, fcntl.LOCK_EX):
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
BACKUP = "backup"
"""Name of the file a copy of the database is put into."""
OLD = timedelta(seconds=11)
"""How old a backup is at least when something is sent after it; see store.mark.EVERY."""


@dataclass(frozen=True)
class Life:
    """How a daemon lives beside its store and its channels. `node`: another has a mark of its own. `patience`: seconds
    it waits for an answer. `in_time`: no virtual time passes while a request is under way, of whomever: in truth it
    lasts less than any lease. `pg_dump`: the program that copies a PostgreSQL database."""

    node: str = ""
    in_time: bool = False
    patience: float = PATIENCE[0]
    pg_dump: str = ""


class Trouble:
    """What a fail point does to this process instead of ending it, and how that is over."""

    def __init__(self, kind: str, place: str, store: SqlStore, clock: SharedClock, dump: Callable[[], object]) -> None:
        assert kind in TROUBLES, kind
        self.place, self.store, self.clock, self.dump = place, store, clock, dump
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
        connection = self.store._engine._connection  # type: ignore[attr-defined] # its own limit is the truest full disk
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

    def _restored(self) -> None:
        """A backup is made, and what follows it is ended by kill -9, between two answers where there are two."""
        self.dump()
        self.clock.jump(OLD)
        failpoints._armed, failpoints._countdown, failpoints._signal = "channel.after_answer", 2, signal.SIGKILL

    def _forward(self) -> None:
        self.clock.jump(timedelta(hours=2))

    def _back(self) -> None:
        self.clock.jump(-timedelta(minutes=30))


TROUBLES = ("full", "locked", "cut", "restored", "forward", "back")


def dumped(place: str, to: Path, pg_dump: str) -> None:
    """A copy of the whole database as it is committed."""
    if "://" in place:
        subprocess.run([pg_dump, "--no-owner", "-f", to, place], check=True)
        return
    with closing(sqlite3.connect(place)) as live, closing(sqlite3.connect(to)) as copy:
        live.backup(copy)


def opened(folder: str, place: str, node: str = "") -> SqlStore:
    """The store; it waits for nobody, so that a lock is met and not sat out."""
    waits = timedelta(seconds=0.2)
    mark = str(Path(folder) / f"mark{node}")
    if "://" in place:
        return open_store(
            StoreSettings(url=place, connections=2, busy_timeout=waits * 5, node_silent=waits * 2, mark=mark))
    return open_store(StoreSettings(path=place or str(Path(folder) / "notifier.db"), busy_timeout=waits, mark=mark))


class Leading:
    """Decides while this node leads, as the daemon does; one that led no more begins anew from the store."""

    def __init__(self, store: SqlStore, made: Callable[[Store], Decider]) -> None:
        self._store, self._made = store, made
        self._decider: Decider | None = None

    def run_once(self) -> bool:
        """Take or keep the lead, and decide where it is ours."""
        if not self._leads():
            self._decider = None
            return False
        self._decider = self._decider or self._made(self._store.leading())
        return self._decider.run_once()

    def wait(self) -> None:
        """Until this node leads, or there is something to be sent: the lead of one that is gone is soon free."""
        until(lambda: self._leads() or self._decided(), "somebody leads", within=20, every=0.02)

    def _decided(self) -> bool:
        with self._store.reading() as tx:
            return bool(tx.deliveries(limit=1))

    def _leads(self) -> bool:
        try:
            return self._store.leads()
        except StoreUnavailable:
            self._decider = None
            return False


def in_time(call: Callable[..., Any], under_way: Path | None) -> Callable[..., Any]:
    """A request that time waits for."""
    def called(*given: Any) -> Any:
        with locked(under_way, fcntl.LOCK_SH):
            return call(*given)
    return called


def main(
    folder: str, urls: dict[str, str], minutes: int, place: str = "", trouble: str = "",
    more: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Live from `minutes` past noon over `folder`, with a channel to each of `urls` by kind; `more`: of `Life`."""
    life = Life(**more)
    os.environ.update(far_sides.SECRETS)
    far_sides.TIMEOUT = (life.patience, life.patience)
    store = opened(folder, place, life.node)
    under_way = Path(folder) / "under-way" if life.in_time else None
    clock = SharedClock(NOW + timedelta(minutes=minutes), Path(folder) / "clock", under_way)
    with suppress(StoreUnavailable):  # as the daemon: whoever was stopped may hold the file
        store.look_back(clock.now())
    made = {kind: EVERY[kind].channels(url) for kind, url in urls.items()}
    channels: dict[str, Channel] = {one.id: one for some in made.values() for one in some}
    for channel in channels.values():
        channel.send, channel.find = (in_time(call, under_way) for call in (channel.send, channel.find))
    spoken = {id: channel for id, channel in channels.items() if id.endswith("-main")}
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    made_trouble = Trouble(trouble or "forward", place, store, clock,
                           lambda: dumped(place, Path(folder) / BACKUP, life.pg_dump))
    signal.signal(signal.SIGUSR1, made_trouble)
    settings = DeliverySettings()
    hear(store)
    leading = Leading(store, lambda only: decider(only, clock, spoken))
    leading.wait()
    hearing = Hearing(urls, store, clock)
    loops = (
        Housekeeper(store, clock).run_once,
        leading.run_once,
        *(sender.run_once for kind, some in made.items()
          for sender in senders(some, store, clock, stop.is_set)),
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
