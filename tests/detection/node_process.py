"""A node, or the daemon's detector over what nodes counted, in a process of its own, forked from one that has read the
example's words already: that takes seconds, and a test of deaths needs many."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from datetime import timedelta
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from notifier import failpoints
from notifier.clock import SystemClock
from notifier.detection import detector as detection
from notifier.detection.detector_loop import DetectorLoop, bring_back
from notifier.detection.report import Hearing
from notifier.intake.merging import SOURCE, open_nodes
from notifier.intake.reader import PostReader
from notifier.intake.running import run_node
from notifier.intake.settings import NodeSettings
from notifier.intake.shapes import Feed, Shape
from notifier.runner import Loop
from notifier.store import StoreSettings, open_store

from .scene import fresh, regions, services, settings, vocabulary

FEEDS = {"export": Feed(Shape.EXPORT), "x": Feed(Shape.X, tag="notifier:x")}


@cache
def reader() -> PostReader:
    """A reader of the example deployment."""
    return PostReader(Hearing(settings(), vocabulary(), regions(), services()))


def _node(url: str, chosen: dict[str, Any], failpoint: str | None) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    failpoints._armed = failpoint
    run_node(url, NodeSettings.model_validate(chosen), reader(), settings(), FEEDS, SystemClock(), stop)


def _detector(url: str, chosen: dict[str, Any], folder: str, failpoint: str | None) -> None:
    """Fetches, merges, looks and keeps a checkpoint again and again, as the daemon does each minute."""
    clock, stop = SystemClock(), threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    failpoints._armed = failpoint
    detection.CHECKPOINT_EVERY = timedelta(milliseconds=100)
    store, heard = open_store(StoreSettings(path=str(Path(folder) / "notifier.db"))), fresh()
    nodes = open_nodes(NodeSettings.model_validate(chosen), url, clock)
    with store.transaction() as tx:
        bring_back(heard, tx)
        counted = tx.checkpoint(SOURCE)
    if counted is not None:
        nodes.load(counted)
    loops = [Loop("nodes", nodes.run_once, clock, every=0.05),
             Loop("detector", DetectorLoop(heard, store, clock, settings(), nodes).run_once, clock, every=0.05)]
    for loop in loops:
        loop.start()
    stop.wait()
    for loop in loops:
        loop.stop()
    nodes.close()
    store.close()


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.detection.node_ready"])
    return context


class NodeProcess:
    """A running node, or the daemon's detector with its store in `folder`; `failpoint` ends it with SIGKILL where it is
    first reached."""

    def __init__(self, url: str, chosen: dict[str, Any], *, failpoint: str | None = None,
                 folder: Path | None = None) -> None:
        work, more = (_node, ()) if folder is None else (_detector, (str(folder),))
        self.process: ForkServerProcess = _context().Process(
            target=work, args=(url, chosen, *more, failpoint), daemon=True)
        self.process.start()

    def killed(self) -> bool:
        """Whether it was ended by SIGKILL; an end of any other kind fails the test."""
        code = self.process.exitcode
        assert code in (None, -signal.SIGKILL), f"the node ended with {code}"
        return code is not None

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.join()

    def stop(self) -> None:
        """As an administrator would."""
        self.process.terminate()
        self.process.join(30)
        assert self.process.exitcode == 0
