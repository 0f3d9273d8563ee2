"""A node in a process of its own, forked from one that has read the example's words already: that takes seconds, and a
test of deaths needs many."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from notifier import failpoints
from notifier.clock import SystemClock
from notifier.detection.report import Hearing
from notifier.intake.reader import PostReader
from notifier.intake.running import run_node
from notifier.intake.settings import NodeSettings
from notifier.intake.shapes import Feed, Shape

from .scene import regions, services, settings, vocabulary

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


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.detection.node_ready"])
    return context


class NodeProcess:
    """A running node; `failpoint` ends it with SIGKILL where it is first reached."""

    def __init__(self, url: str, chosen: dict[str, Any], *, failpoint: str | None = None) -> None:
        self.process: ForkServerProcess = _context().Process(target=_node, args=(url, chosen, failpoint), daemon=True)
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
