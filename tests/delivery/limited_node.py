"""One node of a deployment, in a process of its own: the sender of one SMS channel over a shared PostgreSQL, until it
has found nothing to send for a second.

    python -m tests.delivery.limited_node DATABASE URL
"""

from __future__ import annotations

import os
import sys
import time

from notifier.clock import SystemClock
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.store import StoreSettings, open_store
from tests.channels.far_sides import SECRETS, sms_channel

MOST, HOUR = 30, "1h"
"""Segments the account may send in an hour: ten at once, and one more in three minutes."""


def main(database: str, url: str) -> None:
    """Send while anything may leave."""
    os.environ.update(SECRETS)
    store, clock = open_store(StoreSettings(url=database, connections=2)), SystemClock()
    channel = sms_channel(url, id="sms", per_minute=6000, limits=[{"most": MOST, "within": HOUR}])
    sender = Sender(channel, store, clock, DeliverySettings(batch=4))
    print("ready", flush=True)
    sys.stdin.readline()
    idle = clock.monotonic()
    while clock.monotonic() - idle < 1:
        if sender.run_once():
            idle = clock.monotonic()
        else:
            time.sleep(0.02)
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
