"""A large audience in `benchmarks.fanout`: what a decision for it costs, and how soon the first of it are told.

    python -m benchmarks.fanout_deciding FILE fill SUBSCRIBERS
    python -m benchmarks.fanout_deciding STORE decide MASTODON_PORT TWILIO_PORT [whole [DECISIONS]]
    python -m benchmarks.fanout_deciding STORE floor DECIDED

STORE is a file or the address of a PostgreSQL database. The decider, the senders of a public account and of SMS turn as
in the daemon, in threads over one store. Prints as JSON: seconds from the signal and from the notice's release to the
first message each channel accepted; with `whole`, then without the senders, also until everybody is in the outbox, how
long another process that wants to write waited, what cancelling them all takes, and the memory used at most; with
DECISIONS, then for so many decisions one after the other, each while the people of one county are being queued.
`floor`: what it takes to put the rows of another store, which has DECIDED, into this one and do nothing else.
There is no canary: with one, what is planned would wait for what becomes of the first.
"""

from __future__ import annotations

import contextlib
import json
import random
import resource
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from datetime import time as wall
from typing import Any

import psycopg

from notifier.channels.mastodon import MastodonChannel, MastodonSettings
from notifier.clock import SystemClock
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.incidents.canary import OFF
from notifier.incidents.decider import Decider
from notifier.incidents.fanout import PIECE
from notifier.incidents.places import drop_places, read_places
from notifier.model.channel import ChannelProfile
from notifier.model.company import Company
from notifier.model.delivery import Message, Outcome, OutcomeKind, Reason
from notifier.model.notice import Mode, Stage, Template, Wording, Words
from notifier.model.people import AddressKind, QuietHours, Subscriber
from notifier.model.policy import NoticeRule, Policy, Release
from notifier.model.region import Region, RegionTree
from notifier.model.service import Service
from notifier.model.signal import Level, Signal, SignalClass
from notifier.notices.compose import Speaker
from notifier.runner import Loop
from notifier.store import SqlStore
from notifier.store.codec import columns

from .fanout_sending import channel, opened
from .fanout_standins import cpu_of

COUNTIES = tuple(f"VT-{number:02}" for number in range(1, 15))
CLOCK = SystemClock()
SERVICES = 500
"""As many decisions can be taken, each for a service of its own."""


def people(number: int) -> Iterator[Subscriber]:
    """Three in four with a telephone, one in ten with quiet hours, in the counties of one state."""
    dice, now = random.Random(1), CLOCK.now()
    for n in range(number):
        kind = AddressKind.PHONE if n % 4 else AddressKind.EMAIL
        address = f"+1802{n:07}" if n % 4 else f"customer{n:07}@example.com"
        quiet = QuietHours(wall(22), wall(6)) if n % 10 == 0 else None
        yield Subscriber(str(uuid.UUID(int=dice.getrandbits(128))), kind, address, (dice.choice(COUNTIES),), "en",
                         "America/New_York", now - timedelta(days=dice.randrange(1500)), "CSV import", (), quiet)


def fill(path: str, number: int) -> None:
    """A store with so many subscribers; the import itself is not what is measured."""
    store = opened(path)
    everybody = sorted(people(number), key=lambda person: person.id)
    with store._engine.step("transaction") as db:
        db.run_many("people.put", (
            {**columns(p), "address_hash": db.keyed_hash(p.kind, p.address)} for p in everybody))
        db.run_many("people.add_region", ({"region": p.regions[0], "subscriber": p.id} for p in everybody))
    store.close()


def speaker(channels: dict[str, Any]) -> Speaker:
    """A company in one state, with a service for each decision."""
    regions = [Region("US-VT", "Vermont", "state"), *(Region(id, id, "county", "US-VT") for id in COUNTIES)]
    words = {"en": Words(text="{company}: {service} in {regions} is down. Ref {reference}")}
    profiles = {id: one.profile for id, one in channels.items()}
    profiles["email"] = ChannelProfile("email", "email", Mode.TEST, AddressKind.EMAIL)
    return Speaker(
        Company(name="Green Mountain", timezone="America/New_York", languages=("en",)),
        {id: Service(id=id, name=id) for id in ("mobile-data", *(f"again-{n}" for n in range(SERVICES)))},
        RegionTree({region.id: region for region in regions}),
        {"t": Template(id="t", wordings=dict.fromkeys(Wording, words))}, profiles)


def policy() -> Policy:
    """An official word is enough, and nobody has to approve."""
    return Policy.model_validate({
        "id": "p", "suspect": ({SignalClass.OFFICIAL: 1.0},), "confirm": ({SignalClass.OFFICIAL: 1.0},),
        "notices": {stage: NoticeRule(release=Release.AUTO, valid_for=timedelta(hours=6)) for stage in Stage}})


class Answered:
    """A channel that notes when the far side first accepted a message of each incident."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.first: dict[str, datetime] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send(self, message: Message, now: datetime) -> Outcome:
        outcome: Outcome = self._inner.send(message, now)
        if outcome.kind is OutcomeKind.SENT:
            self.first.setdefault(message.incident, CLOCK.now())
        return outcome


def cpu(address: str) -> tuple[float, float]:
    """Seconds of processor time so far: ours, and that of the server's processes."""
    if not address.startswith("postgresql:"):
        return time.process_time(), 0.0
    with psycopg.connect(address, autocommit=True) as connection:
        rows = connection.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
    return time.process_time(), sum(cpu_of(pid) for (pid,) in rows)


@contextlib.contextmanager
def turning(*loops: Loop) -> Iterator[None]:
    """While loops turn."""
    for loop in loops:
        loop.start()
    try:
        yield
    finally:
        for loop in loops:
            loop.stopping.set()
        for loop in loops:
            loop.stop()


def decide(address: str, mastodon: int, twilio: int, whole: bool, decisions: int) -> dict[str, Any]:
    """Incidents, from the signal to their first answers; the first `whole`, until everybody stands in the outbox."""
    store = opened(address)
    assert store.leads()
    public = MastodonChannel(MastodonSettings.model_validate({
        "id": "mastodon", "kind": "mastodon", "base_url": f"http://127.0.0.1:{mastodon}", "per_minute": 60,
        "access_token": {"env": "BENCHMARK_TOKEN"}}))
    channels = {"mastodon": Answered(public), "sms": Answered(channel("sms", twilio, 6000))}
    decider = Decider(store.leading(), CLOCK, speaker(channels), [policy()], canary=OFF)
    senders = [Sender(one, store, CLOCK, DeliverySettings()) for one in channels.values()]

    loops: list[Loop] = []
    store.on_outbox(lambda: [loop.wanted.set() for loop in loops])  # as in the daemon

    def sending() -> list[Loop]:
        loops[:] = [Loop(sender.switch, sender.run_once, CLOCK, every=0.5) for sender in senders]
        return loops

    leading = Loop("leader", lambda: not store.leads(), CLOCK, every=1.0)  # one that found something turns at once
    with turning(Loop("decider", decider.run_once, CLOCK, every=1.0), leading):
        time.sleep(0.2)
        with turning(*sending()):
            began, before = time.perf_counter(), cpu(address)
            told: dict[str, Any] = _first(store, channels, "mobile-data", "US-VT")
        if whole:  # what follows is the price of planning, not of sending beside it
            told |= _whole(store, address, began, before) | _cancelled(store, address)
        if decisions:
            with turning(*sending()):
                told["again"] = [_again(store, address, channels, number) for number in range(decisions)]
    store.close()
    return told | {"rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _first(store: SqlStore, channels: dict[str, Answered], service: str, region: str) -> dict[str, Any]:
    """An outage begins: seconds until each channel accepted the first message, from the signal and from the release."""
    now = CLOCK.now()
    known = {id for one in channels.values() for id in one.first}
    with store.transaction() as tx:
        tx.put_signals([Signal("feed", SignalClass.OFFICIAL, service, region, Level.MAJOR, now, now, service)])
    found: dict[str, datetime] = {}
    until = time.monotonic() + 120
    while len(found) < len(channels) and time.monotonic() < until:
        time.sleep(0.01)
        found = {id: at for id, one in channels.items() for key, at in list(one.first.items()) if key not in known}
    with store.reading() as tx:
        notice = max(tx.notices(), key=lambda one: one.created_at)
    assert notice.released_at is not None
    return {"incident": notice.incident,
            **{f"first_{id}": (at - notice.released_at).total_seconds() for id, at in found.items()},
            **{f"heard_{id}": (at - now).total_seconds() for id, at in found.items()}}


@contextlib.contextmanager
def wanting_to_write(address: str) -> Iterator[list[float]]:
    """Another that wants to write now and then, as a command does; how long it waited each time."""
    other, waits, ended = opened(address), [0.0], threading.Event()

    def want() -> None:
        while not ended.wait(0.1):
            asked = time.perf_counter()
            with other.transaction() as tx:
                tx.put_checkpoint("benchmark", b"", CLOCK.now())
            waits.append(time.perf_counter() - asked)

    thread = threading.Thread(target=want)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()
        other.close()
        waits.sort()


def _whole(store: SqlStore, address: str, began: float, before: tuple[float, float]) -> dict[str, float]:
    """Seconds from the signal until everybody is in the outbox, and how long another writer waited meanwhile."""
    with wanting_to_write(address) as waits:
        while True:
            time.sleep(0.2)
            with store.reading() as tx:
                if not read_places(tx):
                    break
        seconds = time.perf_counter() - began
        ours, server = (then - first for then, first in zip(cpu(address), before, strict=True))
    with store.reading() as tx:
        (notice,) = tx.notices()
    return {"everybody": seconds, "audience": notice.audience, "wait_p99": waits[int(len(waits) * 0.99)],
            "wait_most": waits[-1], "cpu": ours, "server_cpu": server}


def _stop(store: SqlStore, incident: str) -> float:
    """Cancel an incident's deliveries as its end does; seconds until that is committed."""
    began = time.perf_counter()
    with store.transaction() as tx:
        drop_places(tx, [incident], Stage, CLOCK.now())
        tx.cancel_deliveries(incident=incident, reason=Reason.SUPERSEDED, now=CLOCK.now())
    return time.perf_counter() - began


def _cancelling(address: str) -> bool:
    """Whether something that was cancelled has not been ended yet."""
    question = "SELECT count(*) FROM cancelling"
    if address.startswith("postgresql:"):
        with psycopg.connect(address, autocommit=True) as connection:
            return connection.execute(question).fetchone() != (0,)
    with contextlib.closing(sqlite3.connect(address)) as file:
        return bool(file.execute(question).fetchone() != (0,))


def _cancelled(store: SqlStore, address: str) -> dict[str, float]:
    """Everybody is cancelled: seconds until nothing more can begin, until all rows have ended, and how long another
    writer waited meanwhile."""
    with store.reading() as tx:
        (notice,) = tx.notices()
    began = time.perf_counter()
    with wanting_to_write(address) as waits:
        committed = _stop(store, notice.incident)
        while _cancelling(address):
            time.sleep(0.2)
    return {"cancel_committed": committed, "cancel_ended": time.perf_counter() - began,
            "cancel_wait_most": waits[-1]}


def _again(store: SqlStore, address: str, channels: dict[str, Answered], number: int) -> dict[str, Any]:
    """One more decision, for a county; then what it queued is cancelled."""
    told = _first(store, channels, f"again-{number % SERVICES}", COUNTIES[number % len(COUNTIES)])
    _stop(store, told["incident"])
    while _cancelling(address):
        time.sleep(0.05)
    return told


def floor(address: str, decided: str) -> dict[str, float]:
    """Seconds for the rows alone, in as large pieces, with the same indices and as durable."""
    store = opened(address)
    if address.startswith("postgresql:"):
        connection: Any = psycopg.connect(address, autocommit=True)
        connection.execute("CREATE UNLOGGED TABLE aside AS SELECT * FROM deliveries")
        connection.execute("ALTER TABLE aside ADD PRIMARY KEY (number)")
        connection.execute("TRUNCATE deliveries CASCADE")
        source = "aside"
    else:
        connection = store._engine._live()  # type: ignore[attr-defined]
        connection.execute("ATTACH ? AS decided", (decided,))
        connection.execute("INSERT INTO notices SELECT * FROM decided.notices")
        source = "decided.deliveries"
    names = [column[0] for column in connection.execute(f"SELECT * FROM {source} LIMIT 1").description]
    as_planned = {"state": "'pending'", "reason": "'none'", "settled_at": "NULL"}
    values = ", ".join(as_planned.get(name, name) for name in names)
    (most,) = connection.execute(f"SELECT max(number) FROM {source}").fetchone()
    began, before = time.perf_counter(), cpu(address)
    for after in range(0, most, PIECE):
        connection.execute("BEGIN")
        connection.execute(f"INSERT INTO deliveries SELECT {values} FROM {source} WHERE number > {after} "
                           f"AND number <= {after + PIECE} ORDER BY number ON CONFLICT DO NOTHING")
        connection.execute("COMMIT")
    seconds, ended = time.perf_counter() - began, cpu(address)
    connection.close()
    return {"seconds": seconds, "cpu": sum(ended) - sum(before)}


if __name__ == "__main__":
    address, verb, *more = sys.argv[1:]
    if verb == "fill":
        fill(address, int(more[0]))
    elif verb == "floor":
        print(json.dumps(floor(address, more[0])))
    else:
        ports, decisions = (int(more[0]), int(more[1])), int((more[3:] or ["0"])[0])
        print(json.dumps(decide(address, *ports, more[2:3] == ["whole"], decisions)))
