"""SIGTERM at every step of the send path: the daemon ends in order, hands back what it had not begun, loses nothing."""

from __future__ import annotations

import pytest

from .far import Daemon
from .test_kill import BATCHED, LATER, NOON, ONCE, SENDING, check

SENT_BY = {"mark": 1, "begin": 1, "channel": 2, "hand_over": 3, "settle": 3}
"""How many of three have begun, and so are sent, when it is asked to end at a step: the first begins, the second is
with its channel, the third begins as the second is settled, and the third is settled. Before, none."""


@pytest.mark.parametrize("kind", BATCHED)
@pytest.mark.parametrize("point", SENDING)
def test_asked_to_end_while_sending(kind: str, point: str, daemon: Daemon) -> None:
    ended = daemon.run(NOON, point, 1 if point in ONCE else 2, "SIGTERM")
    (fates,) = daemon.told(ended).values()
    states = sorted(state for state, _ in fates.values())
    sent = SENT_BY.get(point.split(".")[0], 0)
    assert states == ["pending"] * (3 - sent) + ["sent"] * sent, "what was begun is ended, the rest is handed back"
    assert sorted(daemon.far.arrived()) == sorted(text for text, fate in fates.items() if fate[0] == "sent")
    check(daemon, LATER, in_doubt=0)
