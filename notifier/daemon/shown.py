"""What the daemon says of itself that only the store knows: channels that stopped or wait, and gauges."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog

from notifier import metrics
from notifier.app import App
from notifier.delivery.order import read_stop
from notifier.model.delivery import DeliveryState
from notifier.model.times import rfc3339
from notifier.ports import StoreUnavailable

log = structlog.get_logger(__name__)

CLOCKS_DIFFER = timedelta(seconds=5)
"""Less than any lease or wait is shortened by without harm."""


def stopped_channels(app: App) -> Mapping[str, str]:
    """Channels that stopped over a fault of the account or of ours, with the reason."""
    found = {}
    with app.store.reading() as tx:
        for channel, sender in app.senders.items():
            stop = read_stop(tx.switch(sender.switch))
            if stop is not None and stop.holds(app.clock.now()):
                until = f" until {rfc3339(stop.until)}" if stop.until else ", until somebody resumes it"
                found[channel] = f"{stop.why}{until}"
    return found


def limited_channels(app: App) -> Mapping[str, Mapping[str, str]]:
    """Channels whose next message waits for a limit, for which, and until when."""
    waits = {id: sender.tokens.wait for id, sender in app.senders.items()}
    return {id: {"limit": wait.limit, "until": rfc3339(wait.until)}
            for id, wait in waits.items() if wait is not None and wait.until > app.clock.now()}


def tell_clock(app: App) -> bool:
    """Say where this node's clock differs from the database's. Nodes judge by their own clocks when a claim of another
    has run out, and when an absence proves something: one that is minutes ahead takes up what is under way."""
    ahead = app.store.ahead(app.clock.now())
    if ahead is not None:
        metrics.CLOCK_AHEAD.set(ahead.total_seconds())
        if abs(ahead) > CLOCKS_DIFFER:
            log.error("clock.differs", ahead=ahead.total_seconds(), most=CLOCKS_DIFFER.total_seconds())
    return False


def set_gauges(app: App) -> None:
    """Set the gauges that mirror the store: when somebody looks, not all day long."""
    app.intake.status()
    try:
        with app.store.reading() as tx:
            metrics.KILL_SWITCH.set(1 if tx.switch("kill") == "on" else 0)
            gauges = tx.gauges(app.clock.now())
    except StoreUnavailable:
        metrics.STORE_ERRORS.inc()
        return
    for channel in app.channels:
        for state in (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN):
            metrics.OUTBOX.labels(channel, state.value).set(gauges.get(f"outbox.{channel}.{state.value}", 0))
        metrics.OUTBOX_OLDEST.labels(channel).set(gauges.get(f"outbox_oldest.{channel}", 0))
