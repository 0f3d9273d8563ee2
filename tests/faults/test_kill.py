"""kill -9 at every named step of the send path, against every temperament of far side.

The oracle is the provider's ledger, which the killed process cannot touch: nothing lost, nothing doubled; where the
far side can neither take a key nor be read, a delivery may end unsettled, in front of a person, but never doubled.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from notifier.failpoints import SEND_PATH

from .kinds import KINDS
from .nursery import Ended, Nursery

NOON, LATER = "0", "10"
ONCE = {"decide.before_commit", "decide.after_commit", "claim.after_commit"}
"""Steps taken once for the whole batch; every other is killed at its second delivery: one settled, one in limbo, one
still waiting."""
RECONCILING = [point for point in SEND_PATH if point.startswith("reconcile.")]
SENDING = [point for point in SEND_PATH if point not in RECONCILING]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    started = Nursery()
    yield started
    started.close()


@dataclass
class Daemon:
    """One store file and one far side; each run is a process over both."""

    nursery: Nursery
    folder: Path
    kind: str
    far: Any

    def run(self, minutes: str, point: str = "", hit: int = 1) -> Ended:
        """Run from `minutes` past noon until all is settled, or until the fail point kills it."""
        arguments = [str(self.folder / "notifier.db"), self.kind, self.far.url, minutes]
        return self.nursery.run(self.folder / "output", arguments, point, hit)

    def arrived(self) -> Counter[str]:
        """How often each delivery stands in the far side's ledger."""
        return Counter(KINDS[self.kind].name_of(entry) for entry in self.far.ledger)

    def killed(self, minutes: str, point: str, hit: int = 1) -> None:
        """Run into a fail point that must be on this path."""
        ended = self.run(minutes, point, hit)
        assert ended.returncode == -signal.SIGKILL, ended.output

    def finish(self, minutes: str) -> dict[str, tuple[str, str]]:
        """Restart without a fail point; returns (state, reason) by delivery once nothing is open."""
        ended = self.run(minutes)
        assert ended.returncode == 0, ended.output
        found = json.loads(ended.output.splitlines()[-1])
        rows = {row[0]: (row[1], row[2]) for row in found}
        assert set(rows) == KINDS[self.kind].deliveries
        assert not {state for state, _ in rows.values()} & {"pending", "claimed", "unknown"}
        return rows


@pytest.fixture
def daemon(nursery: Nursery, kind: str, tmp_path: Path) -> Iterator[Daemon]:
    far = KINDS[kind].standin(tmp_path / "ledger.jsonl")
    far.start()
    yield Daemon(nursery, tmp_path, kind, far)
    far.stop()


def check(daemon: Daemon, rows: dict[str, tuple[str, str]]) -> None:
    """Far side and our records tell the same story."""
    kind, count = KINDS[daemon.kind], daemon.arrived()
    assert max(count.values(), default=0) <= 1, f"doubled: {count}"
    for name, (state, reason) in rows.items():
        if kind.readable:
            assert (state, count[name]) == ("sent", 1), f"{name} is {state}/{reason}, arrived {count[name]}"
        else:
            assert (state, reason) == ("failed", "unsettled") or (state, count[name]) == ("sent", 1)
    if not kind.readable:
        assert sum(reason == "unsettled" for _, reason in rows.values()) <= 1, "more in doubt than was under way"


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("point", SENDING)
def test_killed_while_sending(kind: str, point: str, daemon: Daemon) -> None:
    daemon.killed(NOON, point, 1 if point in ONCE else 2)
    check(daemon, daemon.finish(LATER))


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("lost", ["reset", "accept_then_drop"])
@pytest.mark.parametrize("point", RECONCILING)
def test_killed_while_reconciling(kind: str, lost: str, point: str, daemon: Daemon) -> None:
    """One answer is lost, before or after the far side took the message; the process dies while it finds out."""
    daemon.far.fault(lost)
    daemon.killed(NOON, point)
    check(daemon, daemon.finish(LATER))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_killed_again_and_again(kind: str, daemon: Daemon) -> None:
    """Every step in turn kills the same daemon over the same store, as a machine that keeps losing power."""
    for number, point in enumerate(SENDING):
        daemon.run(str(number * 5), point)
    rows = daemon.finish("200")
    count = daemon.arrived()
    assert max(count.values(), default=0) <= 1
    if KINDS[kind].readable:
        assert {state for state, _ in rows.values()} == {"sent"}
        assert set(count) == KINDS[kind].deliveries
