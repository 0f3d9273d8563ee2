"""What a source makes of a recording, through the real poller and the real store: which troubles were ever open."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from notifier.clock import VirtualClock
from notifier.ports import Answer, Source
from notifier.sources.poller import Poller
from notifier.sources.settings import PollingSettings

from .recordings import Record
from .support import memory_store


class Seen:
    """Plays records through the poller and notes which fingerprints were ever open, and which are open at the end."""

    def __init__(self, source: Source, records: Iterable[Record]) -> None:
        self.opened: set[str] = set()
        self.open_at_end: set[str] = set()
        self.polls = 0
        self.not_known = 0
        self.unplaced = 0
        store = memory_store()
        clock: VirtualClock | None = None
        poller: Poller | None = None
        for one in records:
            at = datetime.fromisoformat(one["fetched_at"])
            if clock is None or poller is None:
                clock = VirtualClock(at)
                poller = Poller({source.id: source}, store, clock, PollingSettings())
            clock.set(at)
            answer = Answer(at, one["status"], one["headers"], json.dumps(one["body"]).encode())
            poller.accept(source.id, answer)
            self.polls += 1
            with store.transaction() as tx:
                state = tx.source_state(source.id)
                self.open_at_end = {s.fingerprint for s in tx.open_signals(at) if s.level.is_trouble}
            assert state is not None
            self.not_known += bool(state.why)
            self.opened |= self.open_at_end
        store.close()
