"""Two nodes of one deployment as real processes over a real PostgreSQL: one listens and decides, both send; whoever
dies or is stopped is replaced, and nothing is told twice."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notifier.daemon import LEADERSHIP_LOST
from notifier.standins.webhook import Webhook

from .parts.daemon import Daemon, alert, told
from .parts.deployment import SECRETS, Deployment
from .parts.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TAKEOVER_SECONDS = 10.0


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Webhook]:
    with Webhook(ledger=tmp_path / "ledger.jsonl", secret=SECRETS["webhook-secret"]) as webhook:
        yield webhook


@pytest.fixture
def two(tmp_path: Path, receiver: Webhook, database: str) -> Iterator[tuple[Daemon, Daemon]]:
    """The first leads, the second stands by."""
    written = Deployment(tmp_path, f"{receiver.url}/notices", store_url=database).write()
    first, second = Daemon(written, "first"), Daemon(written, "second")
    try:
        first.start()
        second.start()
        yield first, second
    finally:
        for one in (first, second):
            one.close()


def leads(node: Daemon) -> bool:
    return node.metric("notifier_leads") == 1


def stages(receiver: Webhook) -> Counter[str]:
    return Counter(one["type"] for one in told(receiver))


def within_takeover(node: Daemon) -> None:
    """From now on `node` leads within what is promised."""
    began = time.monotonic()
    until(lambda: leads(node), "the other node leads", within=60)
    assert time.monotonic() - began <= TAKEOVER_SECONDS


def test_one_node_leads_and_the_other_takes_over_when_it_is_killed(
        two: tuple[Daemon, Daemon], receiver: Webhook) -> None:
    first, second = two
    assert (leads(first), leads(second)) == (True, False)
    assert second.alert(alert("CellsDown")) == 503, "a push is heard by who leads, or tried again"
    assert first.alert(alert("CellsDown")) == 200
    until(lambda: stages(receiver)["notice.acknowledge"], "it is acknowledged", within=30)
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    within_takeover(second)
    assert second.alert(alert("CellsDown", resolved=True)) == 200
    # where it died between the receiver's taking the first and its record, the end waits for that claim to run out
    until(lambda: stages(receiver)["notice.resolve"], "the all-clear is told", within=150)
    first.start()
    assert (leads(first), leads(second)) == (False, True), "who comes back stands by"
    assert stages(receiver) == {"notice.acknowledge": 1, "notice.resolve": 1}
    assert first.end() == second.end() == 0


def test_a_leader_that_is_stopped_is_replaced_and_cannot_commit_when_it_goes_on(
        two: tuple[Daemon, Daemon], receiver: Webhook) -> None:
    """SIGSTOP, as a machine that hangs: its connection lives, and says nothing."""
    first, second = two
    first.send(signal.SIGSTOP)
    within_takeover(second)
    assert second.alert(alert("CellsDown")) == 200
    until(lambda: stages(receiver)["notice.acknowledge"], "it is acknowledged", within=30)
    first.send(signal.SIGCONT)
    assert first.process is not None
    assert first.process.wait(60) == LEADERSHIP_LOST, "what it knows is of before: it ends, to be started anew"
    assert not [one for one in first.events() if one.get("event") == "incident.moved"]
    first.start()
    assert not leads(first)
    assert stages(receiver) == {"notice.acknowledge": 1}


def test_both_nodes_send(tmp_path: Path, receiver: Webhook, two: tuple[Daemon, Daemon]) -> None:
    """The leader is stopped between deciding and sending: the other sends what it decided."""
    first, second = two
    second.command("channel-switch", "hook", "stop")
    assert first.alert(alert("CellsDown")) == 200
    until(lambda: _waiting(first), "it waits for its channel", within=30)
    first.send(signal.SIGSTOP)
    second.command("channel-switch", "hook", "resume")
    until(lambda: stages(receiver)["notice.acknowledge"], "the other node sends it", within=30)
    first.send(signal.SIGCONT)
    assert stages(receiver) == {"notice.acknowledge": 1}


def _waiting(node: Daemon) -> Any:
    return node.metric("notifier_outbox_deliveries", channel="hook", state="pending")
