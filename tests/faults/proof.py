"""The proof of "once, to everyone, whatever breaks": every named step of the send path, on every channel, over both
stores, meets every fault, with every kind of lost answer; and what the providers' ledgers say of it.

The cases are enumerated, not drawn. `python -m tests.faults` runs them all and prints the table; tests run some.
"""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from notifier.failpoints import SEND_PATH
from tests.postgres_server import PostgresServer

from .child import MET
from .far import Daemon, Fate, world
from .kinds import KINDS
from .nursery import Ended, Nursery
from .test_kill import LAST, LATER, NOON, ONCE, RECONCILING, RECOVERING

ENGINES = ("sqlite", "postgres")
LOST = ("", "reset", "accept_then_drop", "500_after_accept")
"""What the far side does with one send: answers; does not take it and cuts; takes it and cuts; takes it and errs."""
FAULTS = {"kill": ENGINES, "stop": ENGINES, "locked": ENGINES, "full": ("sqlite",), "cut": ("postgres",),
          "forward": ENGINES, "back": ENGINES}
"""What happens at the step, and on which stores: kill -9; SIGSTOP until others have done everything, then SIGCONT;
another process holds the store; no page more on the disk; every connection breaks; the clock is put
two hours on, or half an hour back."""


@dataclass(frozen=True)
class Case:
    """One run: at `point`, `fault` happens; one send before or at it is met with `lost`."""

    engine: str
    kind: str
    point: str
    fault: str
    lost: str

    @property
    def hit(self) -> int:
        """Which passing of the step: the second delivery's, where each has one."""
        return 1 if self.point in ONCE or self.point in RECONCILING + RECOVERING else 2

    @property
    def holds_the_file(self) -> bool:
        """Whether who is stopped here holds SQLite's write lock: nobody else can do anything until it goes on."""
        return self.engine == "sqlite" and self.point.endswith(".before_commit")

    def __str__(self) -> str:
        answer = f", one answer {self.lost}" if self.lost else ""
        return f"{self.engine}, {self.kind}: {self.fault} at {self.point}{answer}"


def cases() -> Iterator[Case]:
    """All of them, in a fixed order. A step of the way back is met only where there is something to come back from: a
    lost answer. (What comes back from a crash is met by every case that ends one: RECOVERING, killed in test_kill.)
    A relay that answers 451 has said that it did not take a mail: what it kept all the same, nobody can know."""
    for engine, kind, point in product(ENGINES, sorted(KINDS), SEND_PATH):
        if point in RECOVERING:
            continue
        for (fault, engines), lost in product(FAULTS.items(), LOST):
            lied = kind == "email" and lost == "500_after_accept"
            if engine in engines and not lied and (lost or point not in RECONCILING):
                yield Case(engine, kind, point, fault, lost)


def some(every: int) -> list[Case]:
    """One case in so many, spread over all."""
    return [case for number, case in enumerate(cases()) if number % every == 0]


@dataclass
class Tally:
    """What the ledgers said, over many cases."""

    runs: int = 0
    met: Counter[str] = field(default_factory=Counter)
    """By fail point, cases in which it was passed and its fault began."""
    sent: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    settled: int = 0
    """Lost answers that were found out."""
    escalated: int = 0
    """Those a person was told of, because nobody can be asked."""
    wrong: list[str] = field(default_factory=list)

    @property
    def broken(self) -> list[str]:
        """Promises that were not kept."""
        return [*self.lost, *self.doubled, *self.wrong]


def run(case: Case, nursery: Nursery, server: PostgresServer, template: str, tally: Tally) -> None:
    """One case in a world of its own; what it came to goes into the tally."""
    tally.runs += 1
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        database = server.database(template) if case.engine == "postgres" else ""
        try:
            with world(nursery, Path(name), [case.kind], server.address(database) if database else "") as daemon:
                _lived(case, daemon, tally)
        except AssertionError as broken:
            tally.wrong.append(f"{case}: {str(broken)[-1500:]}")
        finally:
            if database:
                server.drop(database)


def _lived(case: Case, daemon: Daemon, tally: Tally) -> None:
    if case.lost:
        daemon.far.fault(case.lost)
    if case.fault in ("kill", "stop"):
        ended = daemon.run(NOON, case.point, case.hit, "SIGKILL" if case.fault == "kill" else "SIGSTOP")
        passed = ended.returncode == -signal.SIGKILL or bool(ended.stopped)
    else:
        ended = daemon.run(NOON, case.point, case.hit, "SIGUSR1", case.fault)
        assert ended.returncode == 0, ended.output[-300:]
        passed = MET in ended.output
    tally.met[case.point] += passed
    said = ""
    if ended.stopped and case.holds_the_file:
        said = _went_on(daemon, ended)
    fates, more = daemon.finish(LATER)
    if ended.stopped and not case.holds_the_file:
        said += more + _went_on(daemon, ended)
        fates, more = daemon.finish(LAST)
    said += more
    _judge(case, daemon, fates[case.kind], ended.output + said, tally)


def _went_on(daemon: Daemon, stopped: Ended) -> str:
    """The one that stood still goes on, when others have done all there was to do."""
    ended = daemon.go_on(stopped, NOON)
    assert ended.returncode == 0, ended.output[-300:]
    return ended.output


def _judge(case: Case, daemon: Daemon, fates: dict[str, Fate], said: str, tally: Tally) -> None:
    arrived = daemon.far.arrived()
    assert set(arrived) <= set(fates), f"words of unknown origin: {set(arrived) - set(fates)}"
    for text, (state, reason) in fates.items():
        times = arrived[text]
        unsettled = (state, reason) == ("failed", "unsettled")
        if times > 1:
            tally.doubled.append(f"{case}: {text!r} arrived {times} times")
        elif unsettled and not KINDS[case.kind].sure:
            assert "delivery.unsettled" in said, "nobody was told of what could not be settled"
            tally.escalated += 1
        elif (state, times) == ("sent", 1):
            tally.sent += 1
            tally.settled += reason == "adopted"
        else:
            tally.lost.append(f"{case}: {text!r} is {state}/{reason}, arrived {times} times")


def table(tally: Tally) -> str:
    """The whole in lines."""
    never = [point for point in SEND_PATH if not tally.met[point] and point not in RECOVERING]
    steps = len(SEND_PATH) - len(RECOVERING)
    lines = [f"{tally.runs} cases: {tally.sent} messages sent once, {len(tally.lost)} lost, {len(tally.doubled)} "
             "doubled",
             f"answers that were lost: {tally.settled} found out, {tally.escalated} told to a person (mail only)",
             f"faults met: {sum(tally.met.values())} of {tally.runs} cases; fail points passed: "
             f"{steps - len(never)} of {steps}{f'; never: {never}' if never else ''}"]
    return "\n".join([*lines, *_first("LOST", tally.lost), *_first("DOUBLED", tally.doubled),
                      *_first("WRONG", tally.wrong)])


def _first(word: str, found: Iterable[str]) -> list[str]:
    every = list(found)
    return [f"{word} {one}" for one in every[:20]] + [f"… and {len(every) - 20} more"] * (len(every) > 20)
