"""The two routes of a channel that has a standby, as its two senders share them.

Each route has a sender of its own, with its own rate, requests at a time and stop: a provider that hangs holds up its
own sender only. Both take from the one outbox of the channel, and ask here how much they may. What was seen is kept in
memory, by each node for itself, and begins anew with the daemon; stops are in the store, for all nodes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import structlog

from notifier import metrics
from notifier.model.delivery import Outcome, OutcomeKind
from notifier.ports import Clock

from . import route
from .route import ALL, Routing, Side, Sign, sign_of
from .settings import FailoverSettings

log = structlog.get_logger(__name__)


class Route(Protocol):
    """How one sender's account is chosen."""

    @property
    def channel(self) -> str:
        """The channel whose deliveries go this way."""
        ...

    @property
    def paired(self) -> bool:
        """Whether they may also go another."""
        ...

    def allowed(self) -> int:
        """How many more may begin by this route now."""
        ...

    def on_trial(self) -> bool:
        """Whether it gets a few only, to see whether it is well."""
        ...

    def began(self, delivery: str) -> None:
        """This delivery is about to be sent by it."""
        ...

    def answered(self, delivery: str, outcome: Outcome, seconds: float) -> None:
        """What came of that."""
        ...

    def stopped(self, why: str) -> None:
        """Its account may not be asked; "": it may."""
        ...

    def again(self, outcome: Outcome, now: datetime) -> Outcome:
        """An attempt's outcome as it is to be recorded."""
        ...


@dataclass(frozen=True, slots=True)
class OnlyRoute:
    """Of a channel without a standby: there is nothing to choose."""

    channel: str
    paired: bool = False

    def allowed(self) -> int:
        """All there are."""
        return ALL

    def on_trial(self) -> bool:
        """Never."""
        return False

    def began(self, delivery: str) -> None:
        """Nobody asks."""

    def answered(self, delivery: str, outcome: Outcome, seconds: float) -> None:
        """Nobody asks."""

    def stopped(self, why: str) -> None:
        """Its sender knows."""

    def again(self, outcome: Outcome, now: datetime) -> Outcome:
        """As it is."""
        return outcome


class Routes:
    """Both routes of one channel; safe to ask from many threads."""

    def __init__(self, primary: str, standby: str, clock: Clock, limits: FailoverSettings) -> None:
        self.ids: Mapping[Side, str] = {Side.PRIMARY: primary, Side.STANDBY: standby}
        self._clock = clock
        self._limits = limits
        self._routing = Routing()
        self._lock = threading.Lock()
        for id in self.ids.values():
            metrics.ROUTE_TAKEOVERS.labels(primary, id)  # from nought on: what begins at one has not increased
        self._show()

    def replace(self, limits: FailoverSettings) -> None:
        """Judge by new limits from now on."""
        self._limits = limits
        self._show()

    def forget(self) -> None:
        """Show nothing of them: they may be no pair any more."""
        for id in self.ids.values():
            metrics.clear(metrics.ROUTE_ACTIVE, self.ids[Side.PRIMARY], id)

    def of(self, id: str) -> Route:
        """The route of the channel `id`, one of the two."""
        return _OneOfTwo(self, next(side for side, other in self.ids.items() if other == id))

    def allowed(self, side: Side) -> int:
        """How many more may begin by this side now."""
        return route.allowed(self._move(lambda routing, now: routing), side)

    def began(self, side: Side, delivery: str) -> None:
        """One more did."""
        self._move(lambda routing, now: route.began(routing, side, delivery, now))

    def answered(self, side: Side, delivery: str, outcome: Outcome, seconds: float) -> None:
        """What came of it."""
        limits = self._limits
        sign = sign_of(outcome, seconds, limits)
        failed = outcome.kind is not OutcomeKind.SENT
        why = str(outcome.reason) if failed else f"an answer took {seconds:.0f} s"
        self._move(lambda routing, now: route.answered(routing, side, delivery, sign, why, limits, now))

    def stopped(self, side: Side, why: str) -> None:
        """Whether it may send at all, and why not."""
        self._move(lambda routing, now: route.stopped(routing, side, why))

    def ready_beside(self, side: Side) -> bool:
        """Whether the other side takes what this one did not bring."""
        routing = self._move(lambda routing, now: routing)
        return routing.active is not side and not routing.health[routing.active].stopped

    def status(self) -> Mapping[str, Any]:
        """For people: the active route and why; `trial` the share of a primary that is tried again (0: one message),
        None where none is."""
        routing = self._routing
        trial = route.TRIALS[routing.step - 1][0] if routing.step else None
        return {"active": self.ids[routing.active], "standby": self.ids[Side.STANDBY], "why": routing.why,
                "trial": trial}

    def _move(self, change: Callable[[Routing, float], Routing]) -> Routing:
        with self._lock:
            now, before = self._clock.monotonic(), self._routing
            self._routing = after = route.turned(change(before, now), self._limits, now)
            if after.active is not before.active or after.step != before.step:
                self._tell(before, after)
            return after

    def _tell(self, before: Routing, after: Routing) -> None:
        channel, active = self.ids[Side.PRIMARY], self.ids[after.active]
        if after.active is before.active:
            if after.step:
                log.info("route.trial", channel=channel, route=channel, share=route.TRIALS[after.step - 1][0])
            else:
                log.warning("route.trial_failed", channel=channel, route=channel, reason=after.why)
            return
        if after.back:
            log.info("route.drifted_back", channel=channel, route=active, reason=after.why)
        else:
            log.warning("route.taken_over", channel=channel, route=active, reason=after.why)
            metrics.ROUTE_TAKEOVERS.labels(channel, active).inc()
        self._show()

    def _show(self) -> None:
        for side, id in self.ids.items():
            metrics.ROUTE_ACTIVE.labels(self.ids[Side.PRIMARY], id).set(side is self._routing.active)


@dataclass(frozen=True, slots=True)
class _OneOfTwo:
    """One side, as its sender knows it."""

    routes: Routes
    side: Side
    paired: bool = True

    @property
    def channel(self) -> str:
        return self.routes.ids[Side.PRIMARY]

    def allowed(self) -> int:
        return self.routes.allowed(self.side)

    def on_trial(self) -> bool:
        return self.allowed() < ALL

    def began(self, delivery: str) -> None:
        self.routes.began(self.side, delivery)

    def answered(self, delivery: str, outcome: Outcome, seconds: float) -> None:
        self.routes.answered(self.side, delivery, outcome, seconds)

    def stopped(self, why: str) -> None:
        self.routes.stopped(self.side, why)

    def again(self, outcome: Outcome, now: datetime) -> Outcome:
        """What this route certainly did not take need not wait for it where the other is ready."""
        blamed = outcome.reason in route.OF_THE_ROUTE
        if outcome.kind is OutcomeKind.RETRY and blamed and self.routes.ready_beside(self.side):
            return replace(outcome, retry_at=now)
        return outcome


__all__ = ["OnlyRoute", "Route", "Routes", "Side", "Sign"]
