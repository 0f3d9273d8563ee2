"""The daemon's send path in a process of its own, to be killed: `python -m tests.faults.child STORE KIND URL MINUTES`.

Decides three deliveries (once: ids are deterministic), then turns housekeeper, sender and reconciler in virtual time
that begins MINUTES after noon, until nothing is open. Prints the deliveries as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta

from notifier.clock import VirtualClock
from notifier.delivery.housekeeper import Housekeeper
from notifier.delivery.reconciler import Reconciler
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.failpoints import failpoint
from notifier.model.delivery import DeliveryState
from notifier.model.notice import Text
from notifier.ports import Store
from notifier.store import StoreSettings, open_store

from ..store.making import HOUR, NOW, a_delivery, a_notice
from .kinds import KINDS, Kind

OPEN = {DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN}
TICK = timedelta(seconds=20)


def decide(store: Store, kind: Kind, channel: str) -> None:
    """The notices and their deliveries, in one transaction, once."""
    with store.transaction() as tx:
        if tx.notice("n1") is not None:
            return
        for number in range(1, kind.notices + 1):
            text = Text(channel, "en", f"n{number} mobile data is down in Vermont")
            notice = a_notice(f"n{number}", sequence=number, valid_until=NOW + 6 * HOUR, texts=(text,))
            tx.put_notice(notice)
            tx.add_deliveries(a_delivery(notice, channel, address) for address in kind.addresses)
        failpoint("decide.before_commit")
    failpoint("decide.after_commit")


def main(path: str, kind: str, url: str, minutes: str) -> None:
    store = open_store(StoreSettings(path=path))
    clock = VirtualClock(NOW + timedelta(minutes=float(minutes)))
    channel, settings = KINDS[kind].channel(url), DeliverySettings()
    decide(store, KINDS[kind], channel.id)
    sender = Sender(channel, store, clock, settings)
    reconciler = Reconciler({channel.id: channel}, store, clock, settings)
    housekeeper = Housekeeper(store, clock)
    for _ in range(500):
        housekeeper.run_once()
        sender.run_once()
        reconciler.run_once()
        with store.transaction() as tx:
            rows = tx.deliveries()
        if not any(row.state in OPEN for row in rows):
            break
        clock.advance(TICK)
    print(json.dumps([[f"{row.notice} {row.address}", row.state, row.reason] for row in rows]))
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:5])
