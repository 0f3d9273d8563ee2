"""kill -9 at every named step from the decision to the settled delivery, on every channel.

The oracle is the stand-ins' ledgers, in processes the killed one cannot touch: nothing lost, nothing doubled. Only a
mail relay can neither be asked nor told a key; there a delivery may end unsettled, aloud, but never doubled.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from notifier.failpoints import SEND_PATH

from .far import Daemon, Fate, world
from .kinds import CHANNELS, KINDS, ONE_BY_ONE
from .nursery import Nursery

NOON, LATER, LAST = 0, 10, 20
ONCE = {f"{step}.{when}_commit" for step in ("decide", "claim", "begin", "settle") for when in ("before", "after")}
"""Steps taken once for a whole batch, or for its first or last delivery; every other is killed at its second: one
settled, one in limbo, one still waiting."""
RECONCILING = [point for point in SEND_PATH if point.startswith("reconcile.")]
RECOVERING = [point for point in SEND_PATH if point.startswith("expired_leases.")]
SENDING = [point for point in SEND_PATH if point not in RECONCILING + RECOVERING]
BATCHED = ("email", "sms")
"""Fast enough to claim all three deliveries at once: one is settled as the next begins."""
IN_DOUBT = {"begin.after_commit", "channel.before_request", "channel.after_answer", "hand_over.before_commit",
            "hand_over.after_commit", "settle.before_commit"}
"""Between these the daemon alone cannot know whether a message left."""


def check(daemon: Daemon, minutes: int, in_doubt: int) -> None:
    """Far sides and our records tell the same story. `in_doubt`: deliveries nobody can know of where nobody can be
    asked."""
    fates, said = daemon.finish(minutes)
    for kind, found in fates.items():
        arrived = daemon.fars[kind].arrived()
        assert set(arrived) <= set(found), f"{kind} got words of unknown origin"
        assert max(arrived.values(), default=0) <= 1, f"doubled on {kind}: {arrived}"
        unsettled = [text for text, fate in found.items() if fate == ("failed", "unsettled")]
        assert len(unsettled) == (0 if KINDS[kind].sure else in_doubt), found
        assert said.count("delivery.unsettled") >= len(unsettled), "a person must hear of it"
        for text in set(found) - set(unsettled):
            _sent_once(kind, text, found[text], arrived[text])


def _sent_once(kind: str, text: str, fate: Fate, arrived: int) -> None:
    assert (fate[0], arrived) == ("sent", 1), f"{kind}: {text!r} is {'/'.join(fate)}, arrived {arrived}"


@pytest.mark.parametrize(("kind", "point"), [
    (kind, point) for kind in ONE_BY_ONE for point in SENDING
    if kind in BATCHED or not point.startswith("hand_over.")])
def test_killed_while_sending(kind: str, point: str, daemon: Daemon) -> None:
    daemon.killed(NOON, point, 1 if point in ONCE else 2)
    check(daemon, LATER, in_doubt=point in IN_DOUBT)


@pytest.mark.parametrize("kind", ONE_BY_ONE)
@pytest.mark.parametrize("lost", ["reset", "accept_then_drop"])
@pytest.mark.parametrize("point", RECONCILING)
def test_killed_while_reconciling(kind: str, lost: str, point: str, daemon: Daemon) -> None:
    """One answer is lost, before or after the far side took the message; the process dies while it finds out."""
    daemon.far.fault(lost)
    daemon.killed(NOON, point)
    assert sum(daemon.far.arrived().values()) == (3 if lost == "accept_then_drop" else 2), "the fault was met"
    check(daemon, LATER, in_doubt=1)


@pytest.mark.parametrize("kind", ONE_BY_ONE)
@pytest.mark.parametrize("before", ["channel.before_request", "channel.after_answer"])
@pytest.mark.parametrize("point", RECOVERING)
def test_killed_while_recovering(kind: str, before: str, point: str, daemon: Daemon) -> None:
    """A second crash, just as the first one's delivery in limbo is taken up, before or after it arrived."""
    daemon.killed(NOON, before, 2)
    daemon.killed(LATER, point)
    check(daemon, LAST, in_doubt=1)


@pytest.mark.parametrize("kind", ONE_BY_ONE)
def test_killed_again_and_again(kind: str, daemon: Daemon) -> None:
    """Every step in turn kills the same daemon over the same store, as a machine that keeps losing power."""
    for number, point in enumerate(SENDING):
        daemon.run(number * 5, point)
    fates, _ = daemon.finish(200)
    for text, fate in fates[kind].items():
        if KINDS[kind].sure:
            _sent_once(kind, text, fate, daemon.far.arrived()[text])
        assert daemon.far.arrived()[text] <= 1


@pytest.mark.parametrize("point", ["decide.before_commit", "decide.after_commit", "channel.after_answer"])
def test_killed_with_all_channels(point: str, nursery: Nursery, tmp_path: Path) -> None:
    """A signal is heard, the decider decides, the process dies: each channel carries each acknowledgement once."""
    with world(nursery, tmp_path, CHANNELS) as daemon:
        daemon.killed(NOON, point)
        if point.startswith("decide."):
            assert not any(far.arrived() for far in daemon.fars.values())
        check(daemon, LATER, in_doubt=0)
