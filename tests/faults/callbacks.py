"""The proof's cases of callbacks: what Twilio says later of its messages, in order, late, doubled, backwards, slowly or
not at all, while the daemon that hears it is killed, stopped, locked out of its store or put to another time.

`python -m tests.faults.callbacks` runs them; the oracle is the far side's ledger of messages and its book of words. A
message may be followed by another only after word that it failed; and where a final word was acknowledged, our own
record says the same in the end.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import click
import requests

from notifier.delivery.settings import DeliverySettings
from notifier.failpoints import CALLBACK_PATH, SEND_PATH
from notifier.model.times import rfc3339
from notifier.standins.ledger import Entry, read_ledger
from notifier.standins.twilio_words import words_beside
from notifier.store import StoreSettings, open_store
from tests.postgres_server import PostgresServer, postgres_server

from ..incidents.builders import NOW
from .child import MET, TICK
from .far import Daemon, Fate, world
from .nursery import Ended, Nursery
from .proof import ENGINES
from .proof import FAULTS as ALL
from .test_kill import LAST, LATER, NOON, ONCE, RECONCILING, RECOVERING

KIND = "sms-callbacks"
DEAD = "http://127.0.0.1:9"
"""Where nobody listens, as while the daemon is down."""
FOLLOWED = len(DeliverySettings().second_waits)
SENT, DELIVERED = [10, "sent", "", True], [40, "delivered", "", True]
OFF = [40, "undelivered", "30003", True]
ARRIVES = [SENT, DELIVERED]
SCRIPTS: Mapping[str, Mapping[str, Any]] = {
    "in order": {"words": [ARRIVES]},
    "late": {"words": [[[600, "sent", "", True], [700, "delivered", "", True]]]},
    "backwards": {"words": [[[10, "delivered", "", True], [40, "sent", "", True], [60, "queued", "", True]]]},
    "off": {"words": [[SENT, OFF], ARRIVES]},
    "off, doubled": {"words": [[SENT, OFF, OFF, [170, *OFF[1:]], [400, *OFF[1:]], [420, *SENT[1:]]], ARRIVES]},
    "off, backwards": {"words": [[[10, *OFF[1:]], [40, *SENT[1:]]], ARRIVES]},
    "off, yet arrives": {"words": [[OFF, [80, "delivered", "", True]], ARRIVES]},
    "off, yet arrives late": {"words": [[OFF, [300, "delivered", "", True]], [[500, "sent", "", True]]]},
    "off for good": {"words": [[SENT, OFF]]},
    "off, never told": {"words": [[SENT, [40, "undelivered", "30003", False]]]},
    "off, throttled": {"words": [[SENT, OFF], ARRIVES], "at_once": 1},
    "nobody knows": {"words": [[SENT, [40, "undelivered", "30008", True]]]},
}
"""What is said of the first, second … message of a delivery: seconds after its creation, status, code, whether told."""
FAULTS = {fault: ALL[fault] for fault in ("kill", "stop", "locked", "full", "cut", "forward", "back")}
"""Of one daemon; what needs two, a server to restart or a backup is the proof's without words."""
LOST = ("", "accept_then_drop")
FINAL = {"delivered": "delivered", "undelivered": "failed"}


@dataclass(frozen=True)
class Case:
    """One run: at `point`, `fault` happens, while the far side follows `script`; one answer is met with `lost`."""

    engine: str
    point: str
    fault: str
    script: str
    lost: str

    @property
    def hit(self) -> int:
        """Which passing of the step: of a word, the first that is final."""
        if self.point in CALLBACK_PATH:
            return 2 if self.script == "off, throttled" else 4
        return 1 if self.point in ONCE or self.point in RECONCILING else 2

    @property
    def holds_the_file(self) -> bool:
        """Whether who is stopped here holds SQLite's write lock."""
        return self.engine == "sqlite" and self.point.endswith(".before_commit")

    def __str__(self) -> str:
        answer = f", one answer {self.lost}" if self.lost else ""
        return f"{self.engine}, words {self.script}: {self.fault} at {self.point}{answer}"


def cases() -> Iterator[Case]:
    """All of them, in a fixed order. At the steps of a word only what ends or stops the whole process can happen at
    that very moment: the other faults begin in the loops, and words come while they last."""
    for engine, point, script in product(ENGINES, (*CALLBACK_PATH, *SEND_PATH), SCRIPTS):
        if point in RECOVERING or (point in CALLBACK_PATH and script == "off, never told"):
            continue
        for (fault, engines), lost in product(FAULTS.items(), LOST):
            met = fault in ("kill", "stop") or point not in CALLBACK_PATH
            if engine in engines and met and (lost or point not in RECONCILING):
                yield Case(engine, point, fault, script, lost)


def some(every: int) -> list[Case]:
    """One case in so many, spread over all."""
    return [case for number, case in enumerate(cases()) if number % every == 0]


@dataclass
class Tally:
    """What ledger and book said, over many cases."""

    runs: int = 0
    met: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    followed: int = 0
    """Messages after one that had failed."""
    words: Counter[str] = field(default_factory=Counter)
    """By what became of them: acknowledged, refused (the store could not keep it), unheard, lost on the way."""
    agreed: int = 0
    """Deliveries whose end is the far side's acknowledged final word."""
    broken: list[str] = field(default_factory=list)


def run(case: Case, nursery: Nursery, server: PostgresServer, template: str, tally: Tally) -> None:
    """One case in a world of its own; what it came to goes into the tally."""
    tally.runs += 1
    with tempfile.TemporaryDirectory(prefix="words-") as name:
        database = server.database(template) if case.engine == "postgres" else ""
        try:
            with world(nursery, Path(name), [KIND], server.address(database) if database else "") as daemon:
                fates = _lived(case, daemon, tally)
                judge(case, fates, read_ledger(daemon.far.ledger), read_ledger(words_beside(daemon.far.ledger)), tally)
        except AssertionError as wrong:
            tally.broken.append(f"{case}: {str(wrong)[-1500:]}")
        finally:
            if database:
                server.drop(database)


def _lived(case: Case, daemon: Daemon, tally: Tally) -> dict[str, Fate]:
    requests.post(f"{daemon.far.url}/_words", json=SCRIPTS[case.script], timeout=10).raise_for_status()
    if case.lost:
        daemon.far.fault(case.lost)
    ends = {"kill": "SIGKILL", "stop": "SIGSTOP"}
    ended = daemon.run(NOON, case.point, case.hit, ends.get(case.fault, "SIGUSR1"),
                       "" if case.fault in ends else case.fault)
    passed = ended.returncode == -signal.SIGKILL or bool(ended.stopped) or MET in ended.output
    assert passed or ended.returncode == 0, ended.output[-800:]
    tally.met[case.point] += passed
    if case.fault in ends and passed:
        _unheard(daemon)
    if ended.stopped and case.holds_the_file:
        _went_on(daemon, ended)
    fates, _ = daemon.finish(LATER)
    if ended.stopped and not case.holds_the_file:
        _went_on(daemon, ended)
        fates, _ = daemon.finish(LAST)
    return fates[KIND]


def _unheard(daemon: Daemon) -> None:
    """Time passes while the daemon is down, and what the far side says then nobody hears: it does not say it again."""
    (daemon.folder / "clock").write_text(rfc3339(NOW + 2 * TICK), encoding="utf-8")
    requests.post(f"{daemon.far.url}/_words/due", json={"to": DEAD}, timeout=30).raise_for_status()


def _went_on(daemon: Daemon, stopped: Ended) -> None:
    ended = daemon.go_on(stopped, NOON)
    assert ended.returncode == 0, ended.output[-800:]


# ── what the far side says of it ─────────────────────────────────────────────────────────────────────────────────────


def judge(
    case: Case, fates: Mapping[str, Fate], ledger: Sequence[Entry], book: Sequence[Entry], tally: Tally
) -> None:
    """Compare our records with the ledger of messages and the book of words."""
    tally.messages += len(ledger)
    tally.words.update(_heard(word) for word in book)
    for text, fate in fates.items():
        made = [(number, entry["id"]) for number, entry in enumerate(ledger) if entry["body"] == text]
        words = [[word for word in book if word["sid"] == sid] for _, sid in made]
        tally.followed += max(0, len(made) - 1)
        problem = _problem(made, words, fate)
        if problem:
            tally.broken.append(f"{case}: {text!r} is {'/'.join(fate)}: {problem}; words {words}")
        tally.agreed += bool(words and _final(words))


def _heard(word: Entry) -> str:
    if not word["told"]:
        return "lost on the way"
    return {200: "acknowledged", 0: "unheard"}.get(word["answered"], "refused")


def _final(words: Sequence[Sequence[Entry]]) -> str:
    """What was last acknowledged as final: that any message arrived, else what became of the newest; "" for nothing."""
    heard = [[word for word in one if word["answered"] == 200 and word["status"] in FINAL] for one in words]
    if any(word["status"] == "delivered" for one in heard for word in one):
        return "delivered"
    return FINAL[heard[-1][0]["status"]] if heard[-1] else ""


def _problem(made: Sequence[tuple[int, str]], words: Sequence[Sequence[Entry]], fate: Fate) -> str:
    """What is wrong with one delivery; "" for nothing."""
    if not made:
        return "lost: no message was made"
    for (_, _), (following, _), said in zip(made, made[1:], words, strict=False):
        before = [word for word in said if word["after"] <= following and word["told"]]
        if not any(word["status"] == "undelivered" and word["code"] == "30003" for word in before):
            return "doubled: a message was followed by another though nobody had said that it failed"
        if any(word["status"] == "delivered" and word["answered"] == 200 for word in before):
            return "doubled: a message was followed by another after word that it had arrived"
    if len(made) > 1 + FOLLOWED:
        return f"{len(made)} messages"
    final, state = _final(words), fate[0]
    if state == "delivered" and any(word["status"] == "delivered" and word["told"] for one in words for word in one):
        return ""  # acknowledged, or kept by who was stopped before it could answer
    if final:
        given_up = any(word["code"] == "30003" for word in words[-1])
        if final == "failed" and given_up and len(made) <= FOLLOWED:
            return "lost: the word that it failed was acknowledged, and no message follows"
        return "" if state == final else f"the far side's final word was {final}"
    unheard = {FINAL[word["status"]] for word in words[-1] if word["status"] in FINAL and word["told"]}
    return "" if state in {"sent", *unheard} else "nobody had said so"


def table(tally: Tally) -> str:
    """The whole in lines."""
    points = [point for point in (*CALLBACK_PATH, *SEND_PATH) if point not in RECOVERING]
    never = [point for point in points if not tally.met[point]]
    words = ", ".join(f"{number} {how}" for how, number in sorted(tally.words.items()))
    shown = [f"BROKEN {one}" for one in tally.broken[:20]]
    return "\n".join([
        f"{tally.runs} cases of callbacks: {tally.messages} messages, {tally.followed} of them after one that had "
        f"failed; {len(tally.broken)} promises broken",
        f"words: {words}; {tally.agreed} deliveries ended as the acknowledged final word says",
        f"faults met: {sum(tally.met.values())} of {tally.runs} cases; fail points passed: "
        f"{len(points) - len(never)} of {len(points)}{f'; never: {never}' if never else ''}", *shown])


@click.command()
@click.option("--every", default=1, help="One case in so many.")
@click.option("--part", default="0/1", help="The first of two halves: 0/2; for a machine with several cores.")
def main(every: int, part: str) -> None:
    """Run the cases and print what ledger and book say. Exit code 1 where a promise was broken."""
    mine, parts = map(int, part.split("/"))
    began, tally, nursery = time.monotonic(), Tally(), Nursery()
    with postgres_server() as server:
        template = server.database()
        open_store(StoreSettings(url=server.address(template))).close()
        for number, case in enumerate(some(every)[mine::parts]):
            before = len(tally.broken)
            run(case, nursery, server, template, tally)
            for one in tally.broken[before:]:
                click.echo(one, err=True)
            if number % 50 == 49:
                seconds = time.monotonic() - began
                click.echo(f"{number + 1} cases, {seconds:.0f} s, {len(tally.broken)} broken", err=True)
    nursery.close()
    click.echo(table(tally))
    click.echo(f"{time.monotonic() - began:.0f} s")
    sys.exit(1 if tally.broken else 0)


if __name__ == "__main__":
    main()
