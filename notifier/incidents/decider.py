"""The decider's loop: staff's requests first, then the evidence, then planned work, then what waits.

Each request is a transaction of its own; all decisions of a turn are one. Deliveries, or the place from which they
follow, enter the store in the same transaction as the decision that wants them, so that neither exists without the
other. A turn that finds nothing new writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from .. import metrics
from ..failpoints import failpoint
from ..model.incident import IncidentState
from ..model.notice import NoticeState
from ..model.people import AudienceSizes
from ..model.policy import MaintenanceWindow, Policy
from ..model.signal import SignalClass
from ..model.track import Standing, Verdict
from ..model.workaround import Workaround
from ..notices.compose import Speaker
from ..ports import Clock, Store, Transaction
from .alarm import next_moment
from .assess import assess
from .canary import OFF, CanarySettings
from .fanout import Fanout
from .maintenance import announce
from .requests import take
from .track import standings
from .turn import RECORDED, Event, Plans, SizesOf, Turn, Uncounted
from .waiting import due
from .wave import Waves

log = structlog.get_logger(__name__)

Hook = Callable[[str, Event], None]
Counted = Mapping[SizesOf, AudienceSizes]
REPORTED_LIMIT = 1000
"""Different remarks about what could not be done that are remembered, so that each is logged once."""


class Decider:
    """Decides, over a store and a clock. `hooks` is told every event once it is committed: replay and demo look on."""

    def __init__(
        self, store: Store, clock: Clock, speaker: Speaker, policies: Sequence[Policy],
        maintenance: Sequence[MaintenanceWindow] = (), catalogue: Sequence[Workaround] = (), hooks: Hook | None = None,
        canary: CanarySettings = OFF,
    ) -> None:
        self.store = store
        self.clock = clock
        self.hooks = hooks
        self._reported: set[str] = set()
        self._weights: Mapping[str, float] | None = None
        self._plans = Plans(speaker, tuple(policies), tuple(maintenance), tuple(catalogue), canary)
        self._fanout = Fanout(store, clock)
        self._waves = Waves(store, clock)

    def replace(
        self, speaker: Speaker, policies: Sequence[Policy], maintenance: Sequence[MaintenanceWindow] = (),
        catalogue: Sequence[Workaround] = (), canary: CanarySettings = OFF,
    ) -> None:
        """Put a new configuration in force from the next turn on. Notices already made keep their words."""
        self._plans = Plans(speaker, tuple(policies), tuple(maintenance), tuple(catalogue), canary)

    def run_once(self) -> bool:
        """One turn; True if anything was written."""
        plans = self._plans
        answered = False
        while self._counting(self._answer_next, plans):
            answered = True
        decided = self._counting(self._decide, plans)
        looked = self._waves.run_once(plans)
        return self._fanout.run_once(plans) or looked or decided or answered

    def _counting(self, step: Callable[[Plans, Counted], bool], plans: Plans) -> bool:
        """One step; where it has to know how many would hear something, nothing of it is kept, and it is taken again
        when they have been counted beside whoever writes."""
        counted: dict[SizesOf, AudienceSizes] = {}
        while True:
            try:
                return step(plans, counted)
            except Uncounted as asked:
                counted[asked.of] = self.store.audience_sizes(*asked.of)

    def next_due(self) -> datetime | None:
        """When it has to be turned again although nothing new is heard; None: no such moment. For virtual time; the
        daemon turns it every second."""
        with self.store.transaction() as tx:
            return next_moment(Turn(tx, self.clock.now(), self._plans))

    def _answer_next(self, plans: Plans, counted: Counted) -> bool:
        with self.store.transaction() as tx:
            request = next(iter(tx.waiting_requests()), None)
            if request is None:
                return False
            turn = Turn(tx, self.clock.now(), plans, counted=counted)
            answer = take(turn, request)
            tx.answer_request(request.id, answer.accepted, answer.text, turn.now)
            failpoint("decide.before_commit")
        failpoint("decide.after_commit")
        log.info("request.answered", request=request.id, verb=request.verb, accepted=answer.accepted)
        self._publish(turn)
        return True

    def _decide(self, plans: Plans, counted: Counted) -> bool:
        with self.store.transaction() as tx:
            turn = Turn(tx, self.clock.now(), plans, weights=self._weigh(tx), counted=counted)
            sights = assess(turn)
            announce(turn)
            due(turn, sights)
            _gauge(turn)
            if turn.changed:
                failpoint("decide.before_commit")
        if turn.changed:
            failpoint("decide.after_commit")
        self._publish(turn)
        return turn.changed

    def _weigh(self, tx: Transaction) -> Mapping[str, float]:
        """How much each source's word counts. Read once, and again once an incident has ended."""
        if self._weights is None:
            found = standings(tx.track_records(self.clock.now() - RECORDED))
            self._weights = {source: one.weight for source, one in found.items()}
            for one in found.values():
                _show(one)
        return self._weights

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _publish(self, turn: Turn) -> None:
        """Log, count and show what is now committed."""
        if turn.ended:
            self._weights = None
        for event in turn.events:
            if event.text and not self._first_time(event.text):
                continue
            _log(event)
            _count(event)
            if self.hooks is not None:
                self.hooks(event.name, event)

    def _first_time(self, text: str) -> bool:
        if text in self._reported:
            return False
        if len(self._reported) >= REPORTED_LIMIT:
            self._reported.clear()
        self._reported.add(text)
        return True


def _show(standing: Standing) -> None:
    """Show what a source's record amounts to."""
    metrics.SOURCE_WEIGHT.labels(standing.source).set(standing.weight)
    for gauge, length in ((metrics.SOURCE_LAG, standing.lag), (metrics.SOURCE_LEAD, standing.lead)):
        if length is not None:
            gauge.labels(standing.source).set(length.total_seconds())
    for verdict in Verdict:
        metrics.SOURCE_INCIDENTS.labels(standing.source, verdict.value).set(standing.counts.get(verdict, 0))


def _gauge(turn: Turn) -> None:
    """Show how many incidents, signals and waiting notices there are now."""
    states = Counter(i.state for i in turn.tx.incidents(open_only=True))
    for state in IncidentState:
        if state.is_open:
            metrics.INCIDENTS.labels(state.value).set(states[state])
    for klass in SignalClass:
        metrics.EVIDENCE_OPEN.labels(klass.value).set(turn.heard[klass])
    metrics.NOTICES_WAITING.set(len(turn.tx.notices(state=NoticeState.WAITING)))


def _log(event: Event) -> None:
    """Log an event; what people wrote and who they are stays in the store."""
    if event.move is not None:
        reason = event.move.reason if event.move.actor == "policy" else "on a person's word"
        log.info(event.name, incident=event.move.incident, before=event.move.before, after=event.move.after,
                 reason=reason)
    elif event.notice is not None:
        log.info(event.name, notice=event.notice.id, stage=event.notice.stage, audience=event.notice.audience)
    elif event.text:
        log.warning(event.name, reason=event.text)


def _count(event: Event) -> None:
    if event.move is not None and event.move.before is not event.move.after:
        metrics.DECISIONS.labels(event.move.after.value).inc()
    if event.notice is not None:
        metrics.NOTICES.labels(event.notice.stage.value, event.notice.state.value).inc()
    if event.seconds is not None:
        metrics.ACKNOWLEDGE_SECONDS.observe(event.seconds)
