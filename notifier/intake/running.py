"""A node from its beginning to its end: what `notifier node` runs."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Mapping
from threading import Event

import structlog

from ..detection.settings import DetectionSettings
from ..ports import Clock
from ..runner import Loop
from .jetstream import Jetstream
from .node import Owning, Reading
from .reader import PostReader
from .settings import NodeSettings
from .shapes import Feed
from .streams import Unreachable

log = structlog.get_logger(__name__)


def run_node(url: str, settings: NodeSettings, reader: PostReader, detection: DetectionSettings,
             feeds: Mapping[str, Feed], clock: Clock, stop: Event) -> None:
    """Read posts and own partitions until `stop` is set. Raises Unreachable where NATS cannot be reached at the
    beginning; later it is waited for."""
    jetstream = Jetstream(url, settings)
    try:
        jetstream.prepare()
        reading = Reading(jetstream, reader, feeds)
        owning = Owning(jetstream, detection, clock, _name())
        loops = [Loop("node-reading", reading.run_once, clock, every=0.0),
                 Loop("node-owning", owning.run_once, clock, every=min(1.0, settings.lease.total_seconds() / 4))]
        for loop in loops:
            loop.start()
        log.info("node.started", partitions=settings.partitions, sources=sorted(feeds))
        stop.wait()
        for loop in loops:
            loop.stop()
        with contextlib.suppress(Unreachable):  # then others wait for the lease to run out
            owning.stop()
    finally:
        jetstream.close()
    log.info("node.stopped")


def _name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
