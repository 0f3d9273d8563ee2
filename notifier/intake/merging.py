"""The daemon's end of the nodes: fetches what they counted, merges it into the detector's memory, and tells whether
they are heard at all.

Two threads: one fetches and waits for the network, the detector's own takes what came and keeps its position in the
transaction that keeps the detector's memory. So a daemon that is killed, whenever, takes again exactly what its memory
does not hold, and nothing twice. JetStream is not told what was taken: it keeps counts for `keep`, whoever read them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import structlog

from .. import metrics
from ..detection.counted import Counts
from ..failpoints import failpoint
from ..model.signal import Freshness
from ..ports import Clock, SourceState
from .settings import NodeSettings
from .shares import UNREADABLE, Handed, Merge, handed_of
from .streams import DETECTOR, Streams, Unreachable

log = structlog.get_logger(__name__)

SOURCE = "nodes"
"""All nodes together, as a source; also the name of what is kept of them."""
MERGE_PATH = ("merge.fetched", "merge.taken", "merge.counted", "merge.before_commit", "merge.after_commit")
"""Every step between a node's counts and the detector's memory in the store after which the daemon may die."""
WAIT_SECONDS = 1.0
WAITING_MOST = 4_096
"""Messages fetched ahead of the detector."""
SILENT_SECONDS = 30.0
"""After so long without a message the reading is begun anew: a server that was restarted has forgotten it."""


class _Kept(msgspec.Struct, array_like=True):
    born: str
    heard: dict[int, int]
    merge: bytes


class Nodes:
    """Counts of all nodes; `connect` opens the streams. `run_once` and `close` belong to one thread, `counts`, `dump`
    and `load` to another."""

    name = SOURCE

    def __init__(self, settings: NodeSettings, clock: Clock, connect: Callable[[], Streams]) -> None:
        self.settings = settings
        self._clock = clock
        self._connect = connect
        self._streams: Streams | None = None
        self._merge = Merge()
        self._born = ""
        """Of the streams the merge is of: another's numbers mean nothing here."""
        self._fetching = ""
        self._fetched: int | None = 0
        """The last message fetched; None: whatever is stored from now on."""
        self._came_at = 0.0
        self._waiting: deque[tuple[str, int, Handed]] = deque()
        self._tried_at: datetime | None = None
        self._why = ""
        self._failures = 0
        self._heard: dict[int, int] = {}
        """By partition: second the newest post was stored at up to which it counted."""

    # ── fetching ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def run_once(self) -> bool:
        """Fetch what nodes handed on; True where there was anything. Where NATS does not answer it is tried again."""
        if len(self._waiting) >= WAITING_MOST:
            return False
        self._tried_at = self._clock.now()
        try:
            found = self._fetch()
        except Unreachable as error:
            self._lost(str(error))
            return False
        if self._failures:
            log.info("nodes.reached", failures=self._failures)
        self._why, self._failures = "", 0
        for position, data in found:
            self._fetched = position
            self._read(position, data)
        failpoint("merge.fetched")
        return bool(found)

    def _fetch(self) -> list[tuple[int, bytes]]:
        streams = self._streams or self._opened()
        found = streams.counts(self._fetched, WAIT_SECONDS)
        now = self._clock.monotonic()
        if found:
            self._came_at = now
        elif now - self._came_at > SILENT_SECONDS:
            self._came_at = now
            streams.forget(DETECTOR)
            if streams.born() != self._fetching:
                raise Unreachable("the streams were made anew")
        return found

    def _opened(self) -> Streams:
        streams = self._connect()
        try:
            streams.prepare()
            born = streams.born()
        except Unreachable:
            streams.close()
            raise
        if self._fetching not in ("", born):
            self._fetched = 0
        self._streams, self._fetching, self._came_at = streams, born, self._clock.monotonic()
        return streams

    def _lost(self, why: str) -> None:
        self.close()
        self._why = why[:500]
        self._failures += 1
        if self._failures == 1:
            log.error("nodes.unreachable", why=self._why)

    def _read(self, position: int, data: bytes) -> None:
        try:
            self._waiting.append((self._fetching, position, handed_of(data)))
        except UNREADABLE as error:
            metrics.NODES_COUNTS.labels("unreadable").inc()
            log.error("nodes.counts_unreadable", position=position, error=type(error).__name__)

    def close(self) -> None:
        """End the connection; the next turn opens another."""
        if self._streams is not None:
            self._streams.close()
            self._streams = None

    # ── merging ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def counts(self) -> Iterator[tuple[Counts, int]]:
        """What came since the last call and was not taken before, each with when its newest post was stored."""
        for _ in range(len(self._waiting)):
            born, position, handed = self._waiting.popleft()
            self._is_of(born)
            gaps = self._merge.gaps
            counts = self._merge.take(handed, position)
            failpoint("merge.taken")
            metrics.NODES_COUNTS.labels("taken" if counts is not None else "repeated").inc()
            metrics.NODES_GAPS.inc(self._merge.gaps - gaps)
            if counts is not None:
                self._heard[handed.partition] = max(handed.heard, self._heard.get(handed.partition, 0))
                yield counts, handed.heard

    def _is_of(self, born: str) -> None:
        """Streams that were made anew count their messages from one: what was taken of others says nothing of them."""
        if born == self._born:
            return
        if self._born:
            log.warning("nodes.streams_made_anew", before=self._born, now=born)
            metrics.NODES_GAPS.inc()
        self._born, self._merge = born, Merge()

    def dump(self) -> bytes:
        """How far counts were taken, as bytes: to be kept with the memory they went into."""
        return msgspec.msgpack.encode(_Kept(self._born, self._heard, self._merge.dump()))

    def load(self, kept: bytes) -> None:
        """Continue from `dump`, before the first turn. Where that cannot be read nobody knows what the memory holds:
        only counts that are handed on from now on are taken, since twice is worse than late."""
        try:
            found = msgspec.msgpack.decode(kept, type=_Kept)
            self._merge.load(found.merge)
        except UNREADABLE as error:
            log.error("nodes.position_unreadable", error=type(error).__name__)
            self._fetched = None
            return
        self._born = self._fetching = found.born
        self._fetched, self._heard = self._merge.position, dict(found.heard)

    # ── whether they are heard ───────────────────────────────────────────────────────────────────────────────────────

    def state(self, now: datetime) -> SourceState:
        """What the nodes' silence is worth at `now`: that of the partition that is furthest behind."""
        heard, partitions = dict(self._heard), range(self.settings.partitions)
        missing = [number for number in partitions if not heard.get(number)]
        at = None if missing else datetime.fromtimestamp(min(heard[number] for number in partitions), UTC)
        if at is not None and now - at <= self.settings.freshness:
            freshness, why = Freshness.FRESH, ""
        elif at is None and not heard:
            freshness = Freshness.FAILING if self._failures else Freshness.UNPROVEN
            why = self._why or "no node has handed on counts yet"
        else:
            freshness = Freshness.FAILING if self._failures else Freshness.STALE
            why = self._why or (f"nobody counts partition {missing[0]}" if missing
                                else f"no post was counted by a node for over {self.settings.freshness}")
        if at is not None:
            metrics.SOURCE_LAST_KNOWN.labels(SOURCE).set(at.timestamp())
        metrics.show_freshness(SOURCE, freshness.value)
        return SourceState(SOURCE, freshness, why, at, self._tried_at, self._failures)


def open_nodes(settings: NodeSettings, url: str, clock: Clock) -> Nodes:
    """The nodes of one deployment; the connection is made by the first turn."""
    def connect() -> Streams:
        from .jetstream import Jetstream  # an extra, which only such deployments need

        return Jetstream(url, settings)

    return Nodes(settings, clock, connect)
