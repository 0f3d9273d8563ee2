"""SIGTERM at every step of the send path: the daemon ends in order, hands back what it had not begun, loses nothing."""

from __future__ import annotations

import pytest

from .far import Daemon
from .test_kill import LATER, NOON, ONCE, SENDING, check

BATCHED = ("email", "sms")
"""Fast enough to claim all three deliveries at once; e-mail moreover would show as unsettled what was left in doubt."""


@pytest.mark.parametrize("kind", BATCHED)
@pytest.mark.parametrize("point", SENDING)
def test_asked_to_end_while_sending(kind: str, point: str, daemon: Daemon) -> None:
    ended = daemon.run(NOON, point, 1 if point in ONCE else 2, "SIGTERM")
    (fates,) = daemon.told(ended).values()
    states = sorted(state for state, _ in fates.values())
    sent = 0 if point in ONCE else 2
    assert states == ["pending"] * (3 - sent) + ["sent"] * sent, "what was begun is ended, the rest is handed back"
    assert sorted(daemon.far.arrived()) == sorted(text for text, fate in fates.items() if fate[0] == "sent")
    check(daemon, LATER, in_doubt=0)
