"""Returns what dead workers held and ends what has run out, so that nothing waits for ever."""

from __future__ import annotations

import structlog

from notifier.ports import Clock, Store

log = structlog.get_logger(__name__)


class Housekeeper:
    """Keeps the outbox in order; safe beside running senders, and in several processes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def run_once(self) -> bool:
        """One round. True if anything was out of order."""
        now = self._clock.now()
        returned = self._store.expired_leases(now)
        expired = self._store.expire(now)
        if returned:
            log.warning("outbox.leases_passed", number=returned)
        if expired:
            log.info("outbox.expired", number=expired)
        return bool(returned or expired)
