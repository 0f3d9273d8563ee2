"""Two nodes as real processes over one PostgreSQL, towards one provider: its ledger never sees more than its limit."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from notifier.clock import SystemClock
from notifier.model.limit import Limit
from notifier.standins.twilio import Twilio
from notifier.store import StoreSettings, open_store
from tests.channels.far_sides import SECRETS

from ..store.making import a_delivery, a_notice, queue
from .limited_node import MOST

ROOT = Path(__file__).parents[2]


def together(database: str, url: str, number: int = 2) -> None:
    """So many nodes that begin at the same moment; returns when all have ended by themselves."""
    nodes = [subprocess.Popen([sys.executable, "-m", "tests.delivery.limited_node", database, url], cwd=ROOT, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(number)]
    try:
        for node in nodes:
            assert node.stdout is not None
            while (line := node.stdout.readline()) != "ready\n":
                assert line, "it ended before it was ready"
        for node in nodes:
            assert node.stdin is not None
            node.stdin.write("go\n")
            node.stdin.flush()
        assert [node.wait(60) for node in nodes] == [0] * number
    finally:
        for node in nodes:
            node.kill()
            node.communicate()


@pytest.mark.parametrize("killed", [False, True], ids=["both live", "one was killed with tokens in hand"])
def test_the_ledger_of_two_processes_keeps_the_limit_of_their_account(database: str, killed: bool) -> None:
    """Ten at once for both together, and no more from two that start anew: a restart fills nothing. What a node had
    taken when it was killed is lost until it flows in again; nothing is sent twice for it."""
    began = SystemClock().now()
    limit = Limit.within("as configured", MOST, timedelta(hours=1))
    far = Twilio(auth_token=SECRETS["T_TWILIO"])
    far.start()
    store = open_store(StoreSettings(url=database, connections=2))
    notice = a_notice(created_at=began, valid_until=began + timedelta(hours=1))
    queue(store, notice, *(a_delivery(notice, address=f"+1802555{n:04}") for n in range(60)))
    lost = 0
    try:
        if killed:  # as a node does that ends between its claim and its first message
            shared = Limit.within("sms/AC" + "0a" * 16 + "/1h", MOST, timedelta(hours=1))
            taken = store.claim_within("sms", (shared,), lambda message: 1.0, 4, timedelta(minutes=2), began)
            lost = len(taken.deliveries)
        together(database, far.url)
        first = len(far.ledger)
        together(database, far.url)
    finally:
        far.stop()
        store.close()
    flowed = limit.rate * (SystemClock().now() - began).total_seconds()
    assert first >= 10 - lost, "both together may send what the limit leaves"
    assert len(far.ledger) <= 10 - lost + flowed
    assert len({entry["address"] for entry in far.ledger}) == len(far.ledger)
