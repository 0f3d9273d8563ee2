"""`notifier replay`: a configuration, a recording, and what the daemon would have done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..app import build, make_channels
from ..clock import VirtualClock
from ..config.tree import Config
from ..model.people import Subscriber
from ..ports import Channel
from ..store import open_store
from ..store.settings import StoreSettings
from .channels import BookChannel
from .engine import Approver, Player
from .recording import read_recording
from .report import report


def book_channels(config: Config) -> dict[str, Channel]:
    """Every configured channel, as one that sends nothing."""
    return {id: BookChannel(getattr(channel, "profile")) for id, channel in make_channels(config).items()}  # noqa: B009


def replay(config: Config, recording: Path, *, approver: Approver, subscribers: tuple[Subscriber, ...] = (),
           progress: Callable[[datetime], None] = lambda at: None,
           problem: Callable[[str], None] = lambda line: None) -> dict[str, Any]:
    """Play a recording through this configuration and return the report. Sends nothing, keeps nothing.

    `problem` is told of each line of the recording that could not be read; it was skipped.
    """
    events = read_recording(recording, problem)
    first = next(events, None)
    clock = VirtualClock(first.at if first is not None else datetime(1970, 1, 1, tzinfo=UTC))
    store = open_store(StoreSettings(path=":memory:"))
    try:
        app = build(config, store=store, clock=clock, channels=book_channels(config), listen=False)
        with store.transaction() as tx:
            for subscriber in subscribers:
                tx.put_subscriber(subscriber)
        player = Player(app, clock, approver, progress, problem)
        if first is not None:
            player.play(_chain(first, events))
        return report(player)
    finally:
        store.close()


def _chain(first: Any, rest: Any) -> Any:
    yield first
    yield from rest
