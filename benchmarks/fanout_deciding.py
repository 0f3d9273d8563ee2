"""A large audience in `benchmarks.fanout`: what a decision for it costs, and how soon the first of it are told.

    python -m benchmarks.fanout_deciding FILE fill SUBSCRIBERS
    python -m benchmarks.fanout_deciding FILE decide MASTODON_PORT TWILIO_PORT [whole]

The decider, the senders of a public account and of SMS turn as in the daemon, in threads over one SQLite file. Prints
as JSON: seconds from the notice's release to the first answer on each channel; with `whole`, then without the senders,
also until everybody is in the outbox, how long another process that wants to write waited, and the memory used at most.
There is no canary: with one, what is planned would wait for what becomes of the first.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import time as wall
from datetime import timedelta
from typing import Any

from notifier.channels.mastodon import MastodonChannel, MastodonSettings
from notifier.clock import SystemClock
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.incidents.canary import OFF
from notifier.incidents.decider import Decider
from notifier.incidents.places import read_places
from notifier.model.channel import ChannelProfile
from notifier.model.company import Company
from notifier.model.delivery import DeliveryState
from notifier.model.notice import Mode, Stage, Template, Wording, Words
from notifier.model.people import AddressKind, QuietHours, Subscriber
from notifier.model.policy import NoticeRule, Policy, Release
from notifier.model.region import Region, RegionTree
from notifier.model.service import Service
from notifier.model.signal import Level, Signal, SignalClass
from notifier.notices.compose import Speaker
from notifier.runner import Loop
from notifier.store import SqlStore, StoreSettings, open_store
from notifier.store.codec import columns

from .fanout_sending import channel

COUNTIES = tuple(f"VT-{number:02}" for number in range(1, 15))
CLOCK = SystemClock()


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
    store = open_store(StoreSettings(path=path))
    assert isinstance(store, SqlStore)
    everybody = sorted(people(number), key=lambda person: person.id)
    with store._engine.step("transaction") as db:
        db.run_many("people.put", (
            {**columns(p), "address_hash": db.keyed_hash(p.kind, p.address)} for p in everybody))
        db.run_many("people.add_region", ({"region": p.regions[0], "subscriber": p.id} for p in everybody))
    store.close()


def speaker(channels: dict[str, Any]) -> Speaker:
    """A company with one service in one state."""
    regions = [Region("US-VT", "Vermont", "state"), *(Region(id, id, "county", "US-VT") for id in COUNTIES)]
    words = {"en": Words(text="{company}: {service} in {regions} is down. Ref {reference}")}
    profiles = {id: one.profile for id, one in channels.items()}
    profiles["email"] = ChannelProfile("email", "email", Mode.TEST, AddressKind.EMAIL)
    return Speaker(
        Company(name="Green Mountain", timezone="America/New_York", languages=("en",)),
        {"mobile-data": Service(id="mobile-data", name="mobile data")},
        RegionTree({region.id: region for region in regions}),
        {"t": Template(id="t", wordings=dict.fromkeys(Wording, words))}, profiles)


def policy() -> Policy:
    """An official word is enough, and nobody has to approve."""
    return Policy.model_validate({
        "id": "p", "suspect": ({SignalClass.OFFICIAL: 1.0},), "confirm": ({SignalClass.OFFICIAL: 1.0},),
        "notices": {stage: NoticeRule(release=Release.AUTO, valid_for=timedelta(hours=6)) for stage in Stage}})


def decide(path: str, mastodon: int, twilio: int, whole: bool) -> dict[str, float]:
    """One incident, from the signal to its first answers, or until everybody stands in the outbox."""
    store = open_store(StoreSettings(path=path))
    public = MastodonChannel(MastodonSettings.model_validate({
        "id": "mastodon", "kind": "mastodon", "base_url": f"http://127.0.0.1:{mastodon}",
        "access_token": {"env": "BENCHMARK_TOKEN"}}))
    channels: dict[str, Any] = {"mastodon": public, "sms": channel("sms", twilio, 6000)}
    decider = Decider(store, CLOCK, speaker(channels), [policy()], canary=OFF)
    senders = [Sender(one, store, CLOCK, DeliverySettings()) for one in channels.values()]
    loops = [Loop("decider", decider.run_once, CLOCK, every=1.0),
             *(Loop(sender.switch, sender.run_once, CLOCK, every=0.5) for sender in senders)]
    for loop in loops:
        loop.start()
    time.sleep(0.2)
    now, began = CLOCK.now(), time.perf_counter()
    with store.transaction() as tx:
        tx.put_signals([Signal("feed", SignalClass.OFFICIAL, "mobile-data", "US-VT", Level.MAJOR, now, now, "f")])
    told = _first(store, channels)
    for loop in loops[1:] if whole else ():
        loop.stop()  # what follows is the price of planning, not of sending beside it
    if whole:
        told |= _whole(store, path, began)
    for loop in loops:
        loop.stopping.set()
    for loop in loops:
        loop.stop()
    store.close()
    return told | {"rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _first(store: SqlStore, channels: dict[str, Any]) -> dict[str, float]:
    """Seconds from the release to the first answer on each channel."""
    found: dict[str, float] = {}
    until = time.monotonic() + 120
    while len(found) < len(channels) and time.monotonic() < until:
        time.sleep(0.05)
        with store.reading() as tx:
            notice = next(iter(tx.notices()), None)
            if notice is None or notice.released_at is None:
                continue
            sent = [] if notice is None else tx.deliveries(notice=notice.id, state=DeliveryState.SENT, limit=20)
        for row in sent:
            if row.settled_at is not None:
                found.setdefault(row.channel, (row.settled_at - notice.released_at).total_seconds())
    return {f"first_{id}": seconds for id, seconds in found.items()}


def _whole(store: SqlStore, path: str, began: float) -> dict[str, float]:
    """Seconds from the signal until everybody is in the outbox, and the longest another writer waited meanwhile."""
    other, waits, ended = open_store(StoreSettings(path=path)), [0.0], threading.Event()

    def want_to_write() -> None:
        while not ended.wait(0.1):
            asked = time.perf_counter()
            with other.transaction() as tx:
                tx.put_checkpoint("benchmark", b"", CLOCK.now())
            waits.append(time.perf_counter() - asked)

    thread = threading.Thread(target=want_to_write)
    thread.start()
    while True:
        time.sleep(0.2)
        with store.reading() as tx:
            if not read_places(tx):
                break
    seconds = time.perf_counter() - began
    ended.set()
    thread.join()
    other.close()
    waits.sort()
    with store.reading() as tx:
        (notice,) = tx.notices()
    return {"everybody": seconds, "audience": notice.audience, "wait_p99": waits[int(len(waits) * 0.99)],
            "wait_most": waits[-1], "cpu": time.process_time()}


if __name__ == "__main__":
    path, verb, *more = sys.argv[1:]
    if verb == "fill":
        fill(path, int(more[0]))
    else:
        print(json.dumps(decide(path, int(more[0]), int(more[1]), more[2:] == ["whole"])))
