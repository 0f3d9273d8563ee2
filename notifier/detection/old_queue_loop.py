"""Asks every turn whether our accounts answer an old queue while an open outage is unacknowledged, and says so: in the
store for `notifier status` and `incidents show`, in the log once, and as a metric."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

import structlog

from .. import metrics
from ..model.incident import Incident
from ..model.region import RegionTree
from ..model.service import Service
from ..ports import Clock, Store
from .old_queue import OldQueue, OwnAccounts, Spike, old_queue

log = structlog.get_logger(__name__)

KEPT = "old_queue"
"""Name of the checkpoint that holds the present findings."""


class OldQueueLoop:
    """Looks at open incidents and at what our own accounts posted."""

    def __init__(self, own: OwnAccounts, store: Store, clock: Clock, regions: RegionTree,
                 services: Mapping[str, Service]) -> None:
        self._store = store
        self._clock = clock
        self._shown: set[tuple[str, str]] = set()
        self._told: set[str] = set()
        self._kept: bytes | None = None
        self.replace(own, regions, services)

    def replace(self, own: OwnAccounts, regions: RegionTree, services: Mapping[str, Service]) -> None:
        """Use another configuration from the next turn on."""
        self._own = own
        self._regions = regions
        self._services = services

    def run_once(self) -> bool:
        """One look. True where anything changed."""
        now = self._clock.now()
        with self._store.transaction() as tx:
            looked = [self._look(incident, now) for incident in tx.incidents(open_only=True)]
            found = tuple(one for one in looked if one is not None)
            kept = json.dumps([{"incident": one.spike.incident, "why": one.why} for one in found]).encode()
            before = self._kept or tx.checkpoint(KEPT) or b"[]"
            if kept != before:
                tx.put_checkpoint(KEPT, kept, now)
        self._kept = kept
        self._show(found)
        return kept != before

    def _look(self, incident: Incident, now: datetime) -> OldQueue | None:
        spike = spike_of(incident, self._regions, self._services)
        return old_queue(self._own.lately(spike.began), spike, now)

    def _show(self, found: tuple[OldQueue, ...]) -> None:
        shown = {(one.spike.service, region): one.older.total_seconds() / 60
                 for one in found for region in one.spike.regions}
        for service, region in self._shown - shown.keys():
            metrics.clear(metrics.OLD_QUEUE, service, region)
        for (service, region), minutes in shown.items():
            metrics.OLD_QUEUE.labels(service, region).set(minutes)
        self._shown = set(shown)
        for one in found:
            if one.spike.incident not in self._told:
                log.warning("own_account.old_queue", incident=one.spike.incident, service=one.spike.service,
                            why=one.why)
        self._told = {one.spike.incident for one in found}


def spike_of(incident: Incident, regions: RegionTree, services: Mapping[str, Service]) -> Spike:
    """An incident as `old_queue` reads it; names that are not configured any more stand as their ids."""
    known = [regions[region] for region in incident.regions if region in regions]
    service = services.get(incident.service)
    return Spike(
        incident.service, incident.regions, incident.started_at, service.name if service else incident.service,
        ", ".join(region.name for region in known) or ", ".join(incident.regions),
        known[0].timezone or "UTC" if known else "UTC", incident.acknowledged_at is not None, incident.id)
