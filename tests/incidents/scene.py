"""A decider over the real store (in memory) with a clock moved by hand, and what staff and sources do to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from notifier.clock import VirtualClock
from notifier.incidents.decider import Decider
from notifier.incidents.turn import Event
from notifier.model.delivery import Delivery, Outcome, OutcomeKind, Reason
from notifier.model.incident import Incident, Move
from notifier.model.notice import Notice, Stage
from notifier.model.people import Subscriber
from notifier.model.policy import Policy
from notifier.model.signal import Freshness, Level, Signal
from notifier.model.staff import Verb
from notifier.ports import SourceState
from notifier.store import StoreSettings, open_store

from .builders import MIN, NOW, policy, speaker


class Scene:
    """One deployment in miniature."""

    def __init__(
        self, *policies: Policy, people: Iterable[Subscriber] = (), path: str = ":memory:", **more: Any
    ) -> None:
        self.clock = VirtualClock(NOW)
        self.store = open_store(more.pop("store", None) or StoreSettings(path=path))
        self.events: list[Event] = []
        self.decider = Decider(self.store, self.clock, more.pop("speaker", speaker()), policies or (policy(),),
                               hooks=lambda _, event: self.events.append(event), **more)
        with self.store.transaction() as tx:
            for person in people:
                tx.put_subscriber(person)

    # what the world does

    def hear(self, *signals: Signal) -> None:
        """Signals arrive now."""
        now = self.clock.now()
        with self.store.transaction() as tx:
            tx.put_signals(replace(s, observed_at=now, started_at=now) for s in signals)

    def over(self, *signals: Signal) -> None:
        """Their sources say they are over."""
        self.hear(*(replace(s, level=Level.OK) for s in signals))

    def source(self, id: str, freshness: Freshness) -> None:
        with self.store.transaction() as tx:
            tx.put_source_state(SourceState(id, freshness))

    def ask(self, verb: Verb, actor: str = "ann", **arguments: str) -> str:
        """A person asks, the decider answers; returns "yes: …" or "no: …"."""
        with self.store.transaction() as tx:
            id = tx.put_request(verb, actor, {k.replace("__", "."): v for k, v in arguments.items()}, self.clock.now())
        self.settle()
        with self.store.transaction() as tx:
            found = tx.request(id)
        assert found is not None
        assert found.accepted is not None
        return f"{'yes' if found.accepted else 'no'}: {found.answer}"

    def approve(self, notice: Notice, actor: str = "ann", digest: str | None = None) -> str:
        return self.ask(Verb.APPROVE, actor, notice=notice.id, digest=notice.digest if digest is None else digest)

    def kill(self, value: str) -> None:
        with self.store.transaction() as tx:
            tx.set_switch("kill", value, "ann", self.clock.now())

    # what the daemon does

    def settle(self) -> int:
        """Turn until nothing is left to do; returns the turns that did something. More than ten is a loop."""
        for turn in range(10):
            if not self.decider.run_once():
                return turn
        raise AssertionError("the decider never comes to rest")

    def after(self, minutes: float) -> int:
        """Let time pass, then settle."""
        self.clock.advance(minutes * MIN)
        return self.settle()

    def send(self) -> list[Delivery]:
        """All that may be sent now is accepted by its provider."""
        sent = []
        for channel in self.decider._plans.speaker.channels:
            for delivery, _ in self.store.claim(channel, 1000, 5 * MIN, self.clock.now()):
                if self.store.begin(delivery.id, delivery.token, self.clock.now()) is None:
                    outcome = Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id=delivery.id)
                    assert self.store.settle(delivery.id, delivery.token, outcome, self.clock.now())
                    sent.append(delivery)
        return sent

    # what is on record

    def incidents(self) -> tuple[Incident, ...]:
        with self.store.transaction() as tx:
            return tx.incidents()

    @property
    def incident(self) -> Incident:
        (only,) = self.incidents()
        return only

    def moves(self, id: str | None = None) -> tuple[Move, ...]:
        id = id or self.incident.id
        with self.store.transaction() as tx:
            return tx.moves(id)

    def notices(self, *stages: Stage) -> list[Notice]:
        with self.store.transaction() as tx:
            return [n for n in tx.notices() if not stages or n.stage in stages]

    def said(self) -> list[str]:
        """Every notice as "wording state"."""
        return [f"{n.wording} {n.state}" for n in self.notices()]

    def deliveries(self, **more: Any) -> tuple[Delivery, ...]:
        with self.store.transaction() as tx:
            return tx.deliveries(**more)
