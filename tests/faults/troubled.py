"""What each fault is, from outside: how a daemon lives through it, who else is there, and what comes after."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.postgres_server import PostgresServer

from .child import BACKUP, MET
from .cut import Cables
from .far import Daemon, Fate
from .nursery import Ended
from .test_kill import LAST, LATER, NOON

OTHER = "other"
"""The node that is there beside the one that is stopped or cut off."""
PATIENCE = 0.5
"""Seconds a node waits for a provider that it may be cut off from."""


@dataclass(frozen=True)
class Place:
    """Where a case happens. `database`: its name, where the store is PostgreSQL. `cables`: None where none can be."""

    server: PostgresServer
    database: str
    cables: Cables | None

    @property
    def pg_dump(self) -> str:
        """The program that copies a database."""
        return str(self.server.programs / "bin" / "pg_dump") if self.database else ""


@dataclass(frozen=True)
class Step:
    """At which passing of a fail point. `holds_the_store`: whoever is stopped there holds all of it (SQLite), so that
    nobody can do anything until it goes on."""

    point: str
    hit: int
    holds_the_store: bool


@dataclass(frozen=True)
class Lived:
    """Whether the fault began, the fates at the end by kind, and all that was said."""

    met: bool
    fates: Mapping[str, Mapping[str, Fate]]
    said: str


def killed(step: Step, daemon: Daemon, place: Place) -> Lived:
    """kill -9, and started again."""
    ended = daemon.run(NOON, step.point, step.hit)
    fates, said = daemon.finish(LATER)
    return Lived(ended.returncode == -signal.SIGKILL, fates, ended.output + said)


def stopped(step: Step, daemon: Daemon, place: Place) -> Lived:
    """SIGSTOP for longer than the lease, while another node leads and sends; then SIGCONT."""
    ended = daemon.run(NOON, step.point, step.hit, "SIGSTOP")
    said = _goes_on(daemon, ended) if ended.stopped and step.holds_the_store else ""
    fates, more = daemon.finish(LATER, node=OTHER if place.database else "")
    if ended.stopped and not step.holds_the_store:
        more += _goes_on(daemon, ended)
        fates, last = daemon.finish(LAST)
        more += last
    return Lived(bool(ended.stopped), fates, ended.output + said + more)


def inside(trouble: str) -> Callable[[Step, Daemon, Place], Lived]:
    """What a daemon can be made to do to itself, and then lives on; see child.Trouble."""
    def live(step: Step, daemon: Daemon, place: Place) -> Lived:
        ended = daemon.run(NOON, step.point, step.hit, "SIGUSR1", trouble)
        assert ended.returncode == 0, ended.output[-300:]
        fates, said = daemon.finish(LATER)
        return Lived(MET in ended.output, fates, ended.output + said)
    return live


def put_back(step: Step, daemon: Daemon, place: Place) -> Lived:
    """A backup made at the step is put back when the daemon was killed later on, or had done all."""
    ended = daemon.run(NOON, step.point, step.hit, "SIGUSR1", "restored", pg_dump=place.pg_dump)
    assert ended.returncode in (0, -signal.SIGKILL), ended.output[-300:]
    backup = daemon.folder / BACKUP
    if MET not in ended.output or not backup.exists():
        return Lived(False, daemon.finish(LATER)[0], ended.output)
    if place.database:
        place.server.put_back(place.database, backup)
    else:
        for file in Path(daemon.folder).glob("notifier.db*"):
            file.unlink()
        shutil.copy(backup, daemon.store)
    fates, said = daemon.finish(LATER)
    return Lived(True, fates, ended.output + said)


def restarted(step: Step, daemon: Daemon, place: Place) -> Lived:
    """PostgreSQL is ended (-m fast) and started again."""
    def restart() -> None:
        place.server.end()
        place.server.start()
    return _meanwhile(step, daemon, restart)


def crashed(step: Step, daemon: Daemon, place: Place) -> Lived:
    """kill -9 of a PostgreSQL process that serves: all others are ended too, and it recovers as after a crash."""
    return _meanwhile(step, daemon, place.server.kill_a_child)


def apart(step: Step, daemon: Daemon, place: Place) -> Lived:
    """The leader is cut off from PostgreSQL at the step; another leads and sends; the cable is mended."""
    assert place.cables is not None
    address = f"postgresql://postgres@{place.cables.here('store')}:{place.server.port}/{place.database}"
    return _cut_off("store", step, daemon, place.cables, address)


def unheard(step: Step, daemon: Daemon, place: Place) -> Lived:
    """The node is cut off from the providers alone."""
    assert place.cables is not None
    return _cut_off("far", step, daemon, place.cables, daemon.store)


def _cut_off(cable: str, step: Step, daemon: Daemon, cables: Cables, store: str) -> Lived:
    ended = daemon.run(NOON, step.point, step.hit, "SIGSTOP", store=store, net=cables.name, patience=PATIENCE,
                       in_time=True)
    if not ended.stopped:
        fates, said = daemon.finish(LATER)
        return Lived(False, fates, ended.output + said)
    cables.cut(cable)
    try:
        daemon.nursery.resume(ended.stopped)
        other = daemon.run(LATER, node=OTHER, in_time=True)
    finally:
        cables.mend()
    said = other.output + _goes_on(daemon, ended)
    assert other.returncode == 0, other.output[-600:]
    fates, more = daemon.finish(LAST)
    return Lived(True, fates, said + more)


def _meanwhile(step: Step, daemon: Daemon, act: Callable[[], object]) -> Lived:
    ended = daemon.run(NOON, step.point, step.hit, "SIGSTOP")
    said = ended.output
    if ended.stopped:
        act()
        said += _goes_on(daemon, ended)
    fates, more = daemon.finish(LATER)
    return Lived(bool(ended.stopped), fates, said + more)


def _goes_on(daemon: Daemon, stopped: Ended) -> str:
    """The one that stood still goes on to its end."""
    ended = daemon.go_on(stopped, NOON)
    assert ended.returncode == 0, ended.output[-300:]
    return ended.output


LIVES: Mapping[str, Callable[[Step, Daemon, Place], Lived]] = {
    "kill": killed, "stop": stopped, "locked": inside("locked"), "full": inside("full"), "cut": inside("cut"),
    "forward": inside("forward"), "back": inside("back"), "restored": put_back, "restarted": restarted,
    "crashed": crashed, "apart": apart, "unheard": unheard}
CUTS = ("apart", "unheard")
"""Those that need cables."""
