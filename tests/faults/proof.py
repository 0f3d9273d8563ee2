"""The proof of "once, to everyone, whatever breaks": every named step of the send path, on every channel, over both
stores, meets every fault, with every kind of lost answer; and what the providers' ledgers say of it.

The cases are enumerated, not drawn. `python -m tests.faults` runs them all and prints the table; tests run some.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

from notifier.failpoints import SEND_PATH

from .far import Daemon, Fate, world
from .kinds import KINDS
from .nursery import Nursery
from .test_kill import BATCHED, ONCE, RECONCILING, RECOVERING
from .troubled import CUTS, LIVES, Place, Step

ENGINES = ("sqlite", "postgres")
LOST = ("", "reset", "accept_then_drop", "500_after_accept")
"""What the far side does with one send: answers; does not take it and cuts; takes it and cuts; takes it and errs."""
FAULTS = {"kill": ENGINES, "stop": ENGINES, "locked": ENGINES, "full": ("sqlite",), "cut": ("postgres",),
          "forward": ENGINES, "back": ENGINES, "restored": ENGINES, "restarted": ("postgres",),
          "crashed": ("postgres",), "apart": ("postgres",), "unheard": ENGINES}
"""What happens at the step, and on which stores: kill -9; SIGSTOP until others have done everything, then SIGCONT (on
PostgreSQL it is the leader that stands still); another process holds the store; no page more on the disk; every
connection breaks; the clock is put two hours on, or half an hour back; a backup made there is put back later;
PostgreSQL is restarted, or dies; the leader is cut off from PostgreSQL, or a node from the providers, while another
does the work. How each goes: troubled.py."""


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
        """Which passing of the step: the second delivery's, where each has one. Where all begin together, that is the
        first handing over."""
        together = KINDS[self.kind].at_once > 1 and self.point.startswith("hand_over.")
        return 1 if together or self.point in ONCE or self.point in RECONCILING + RECOVERING else 2

    @property
    def within(self) -> bool:
        """Whether the step is passed within a transaction."""
        return self.point.endswith(".before_commit")

    @property
    def step(self) -> Step:
        """Where it happens. Who is stopped within a transaction holds SQLite's write lock."""
        return Step(self.point, self.hit, self.engine == "sqlite" and self.within)

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
            lied = kind.startswith("email") and lost == "500_after_accept"
            case = Case(engine, kind, point, fault, lost)
            if engine in engines and not lied and (lost or point not in RECONCILING) and not beyond(case):
                yield case


def beyond(case: Case) -> str:
    """Why a case cannot be met, or asks for what is not promised; "": it is a case."""
    step = case.point.split(".")[0]
    if step == "hand_over" and not case.kind.startswith(BATCHED):
        return "such a channel is given one delivery at a time, so that none is handed over"
    if step == "begin" and KINDS[case.kind].at_once > 1:
        return "several begin together, in the step that hands over"
    if case.point in RECONCILING and case.kind in ("bluesky", "webhook") and case.lost == "500_after_accept":
        return "an error after accepting is met by a repeat under the same key: nothing is left to reconcile"
    if case.fault == "locked" and case.within:
        return "our own transaction holds the store: nobody else can"
    return _beyond_a_mark(case) if case.fault == "restored" else ""


def _beyond_a_mark(case: Case) -> str:
    if case.point == "decide.before_commit":
        return "what was not decided at the backup is decided anew: no mark can know of it"
    if case.point == "settle.after_commit" and case.kind.startswith(BATCHED):
        return "that was the last: nothing is sent after the backup"
    last = KINDS[case.kind].standby is not None and case.point == "hand_over.before_commit"  # it begins the last
    if last or (KINDS[case.kind].at_once > 1 and case.point in SAME_MARK):
        return "all that is sent after the backup is sent within the ten seconds of the mark that is in it"
    return ""


SAME_MARK = ("mark.after_commit", "mark.after_kept", "hand_over.before_commit")


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
    by_fault: dict[str, Counter[str]] = field(default_factory=dict)
    """By fault and store: cases run, met, seconds."""
    unmet: list[str] = field(default_factory=list)

    @property
    def broken(self) -> list[str]:
        """Promises that were not kept."""
        return [*self.lost, *self.doubled, *self.wrong]


def run(case: Case, nursery: Nursery, place: Place, template: str, tally: Tally) -> None:
    """One case in a world of its own; what it came to goes into the tally."""
    tally.runs += 1
    counted = tally.by_fault.setdefault(f"{case.fault} ({case.engine})", Counter())
    counted["run"] += 1
    began = time.monotonic()
    server = place.server
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        database = server.database(template) if case.engine == "postgres" else ""
        store = server.address(database) if database else ""
        host = "0.0.0.0" if case.fault in CUTS else "127.0.0.1"
        try:
            with world(nursery, Path(name), [case.kind], store, host) as daemon:
                if _lived(case, daemon, replace(place, database=database), tally):
                    counted["met"] += 1
        except AssertionError as broken:
            tally.wrong.append(f"{case}: {str(broken)[-1500:]}")
        finally:
            if database:
                server.drop(database)
    counted["milliseconds"] += int(1000 * (time.monotonic() - began))


def _lived(case: Case, daemon: Daemon, place: Place, tally: Tally) -> bool:
    if case.lost:
        daemon.far.fault(case.lost)
    lived = LIVES[case.fault](case.step, daemon, place)
    tally.met[case.point] += lived.met
    if not lived.met:
        tally.unmet.append(str(case))
    _judge(case, daemon, lived.fates[case.kind], lived.said, tally)
    return lived.met


def _judge(case: Case, daemon: Daemon, fates: Mapping[str, Fate], said: str, tally: Tally) -> None:
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
    for name, of in sorted(tally.by_fault.items()):
        lines.append(f"  {name}: {of['run']} run, {of['met']} met, {of['milliseconds'] / 1000 / of['run']:.1f} s each")
    return "\n".join([*lines, *_first("LOST", tally.lost), *_first("DOUBLED", tally.doubled),
                      *_first("WRONG", tally.wrong)])


def _first(word: str, found: Iterable[str]) -> list[str]:
    every = list(found)
    return [f"{word} {one}" for one in every[:20]] + [f"… and {len(every) - 20} more"] * (len(every) > 20)
