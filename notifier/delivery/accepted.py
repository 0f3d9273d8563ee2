"""How long it took until the first of an incident's messages was accepted by anybody: the figure customers feel."""

from __future__ import annotations

from datetime import datetime

from notifier import metrics
from notifier.ports import Store


class FirstAccepted:
    """Measures once for each incident, across channels, workers and restarts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: set[str] = set()

    def note(self, incident: str, now: datetime) -> None:
        """A message of this incident was accepted."""
        if incident in self._seen:
            return
        name = f"first_accepted:{incident}"
        with self._store.transaction() as tx:
            first = tx.checkpoint(name) is None
            if first:
                tx.put_checkpoint(name, b"", now)
            evidence = tx.evidence_of(incident) if first else ()
        self._seen.add(incident)
        if evidence:
            began = min(signal.observed_at for signal in evidence)
            metrics.FIRST_ACCEPTED_SECONDS.observe(max(0.0, (now - began).total_seconds()))
