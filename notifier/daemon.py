"""The daemon: turns the loops, owns the signals and the watchdog, reloads, and ends cleanly.

The main thread does nothing else, so that a signal or a heartbeat never waits for a slow provider.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

from . import __version__, metrics, systemd
from .app import App, apply, build, learn, make_bounces, make_hearing
from .channels.mail.bounces import taken
from .channels.mail.settings import EmailSettings
from .config.reload import Reloader
from .config.tree import Config
from .delivery.order import read_stop
from .detection.detector_loop import bring_back
from .intake.merging import SOURCE as NODES
from .model.delivery import DeliveryState
from .model.signal import Freshness
from .model.times import rfc3339
from .ports import Answer, Clock, SourceState, Store, StoreUnavailable
from .runner import Loop, stuck
from .sources.posts.export import accept_push
from .sources.probes.inbox import Inbox
from .web.needs import WebNeeds
from .web.server import WebServer

log = structlog.get_logger(__name__)

STUCK_AFTER = 120.0
"""Seconds without a turn after which a loop counts as hung; longer than a sender's turn, whose last
attempt begins within half a minute and takes one at most."""
LEADERSHIP_LOST = 75
"""Exit code of a node that led and may no more (EX_TEMPFAIL): it is to be started again."""
STATUS = "status"
"""Name of the checkpoint `notifier status` reads."""


class Daemon:
    """One running deployment."""

    def __init__(self, directory: Path, config: Config, *, store: Store, clock: Clock) -> None:
        self.clock = clock
        self.store = store
        self.leading = store.leading()
        """The store for what only the node that leads may do."""
        self.leads = False
        self.stands_by = False
        """Whether another node leads."""
        self.exit_code = 0
        self.app: App = build(config, store=store, clock=clock)
        self.reloader = Reloader(directory, clock, self._reloaded, first=config)
        self.stop_requested = threading.Event()
        self.loops: list[Loop] = []
        self.sender_loops: dict[str, Loop] = {}
        """Senders and readers of bounces: what is made anew with the channels."""
        self._heard: frozenset[str] | None = None
        """The sources that were read when it was last looked for those nobody reads any more."""
        self._inbox = Inbox()
        self.web = WebServer(self._web_needs())
        metrics.BUILD_INFO.labels(__version__).set(1)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Turn the loops of every node, and those of the one that leads where this one does."""
        app = self.app
        self._turn(
            Loop("reconciler", app.reconciler.run_once, self.clock, every=5.0),
            Loop("housekeeper", app.housekeeper.run_once, self.clock, every=5.0),
            Loop("reload", self._reload, self.clock, every=2.0))
        self._start_senders()
        self._lead()
        self._turn(Loop("leadership", self._lead, self.clock, every=1.0))
        self.web.start()
        log.info("daemon.started", revision=app.config.revision, mode=str(app.config.company.mode), port=self.web.port,
                 leads=self.leads)

    def _turn(self, *loops: Loop) -> None:
        for loop in loops:
            self.loops.append(loop)
            loop.start()

    def _lead(self) -> bool:
        """Listen and decide where this node may. One that may no more ends, and is started anew: what it has in memory
        is not what whoever leads now goes on from."""
        try:
            leads = self.store.leads()
        except StoreUnavailable as error:
            if not self.leads:
                raise
            log.error("leadership.unknown", error=str(error))
            leads = False
        metrics.LEADS.set(leads)
        self.stands_by = not leads
        if leads and not self.leads:
            self._begin_to_lead()
        elif self.leads and not leads:
            log.error("leadership.lost", ends_with=LEADERSHIP_LOST)
            self.exit_code = LEADERSHIP_LOST
            self.stop_requested.set()
        return False

    def _begin_to_lead(self) -> None:
        """Bring back what was learnt, then listen and decide."""
        app = self.app
        with self.leading.transaction() as tx:
            bring_back(app.detector, tx)
            counted = tx.checkpoint(NODES)
        self.leads = True
        log.info("leadership.taken")
        self._turn(
            Loop("detector", app.detecting.run_once, self.clock, every=app.config.detection.tick.total_seconds()),
            Loop("freshness", self._freshness, self.clock, every=5.0),
            Loop("old-queue", app.old_queue.run_once, self.clock, every=10.0),
            Loop("decider", app.decider.run_once, self.clock, every=1.0),
            Loop("status", self._write_status, self.clock, every=5.0))
        app.intake.start(app.config.intake, make_hearing(app.config), counted)
        app.poller.start()
        app.listener.start()

    def stop(self) -> None:
        """Stop hearing, then deciding, then speaking; what is in the outbox stays there for the next start."""
        self.app.stopping.set()
        self.web.stop()
        self.app.listener.stop()
        self.app.poller.stop()
        self.app.intake.stop()
        for loop in [*self.loops, *self.sender_loops.values()]:
            loop.stopping.set()
        for loop in [*self.loops, *self.sender_loops.values()]:
            if not loop.stop():
                log.warning("loop.slow_to_stop", loop=loop.name)
        try:
            last = json.dumps({**self.status(), "running": False}).encode()
            if not self.stands_by:
                learnt = self.app.detecting.kept()
                with self.leading.transaction() as tx:
                    for name, kept in learnt.items():
                        tx.put_checkpoint(name, kept, self.clock.now())
                    tx.put_checkpoint(STATUS, last, self.clock.now())
        except StoreUnavailable as error:
            log.error("daemon.checkpoint_lost", error=str(error))
        self.store.close()
        log.info("daemon.stopped")

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; SIGHUP reloads. Returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        self.start()
        systemd.notify(READY=1, STATUS=self._headline(), MAINPID=os.getpid())
        interval = min(systemd.watchdog_interval() or 5.0, 5.0)
        while not self.stop_requested.wait(interval):
            self._beat()
        systemd.notify(STOPPING=1)
        self.stop()
        return self.exit_code

    def _beat(self) -> None:
        """Feed the watchdog only while every loop turns: a hung loop is a silent daemon."""
        hung = self.hung()
        if hung:
            log.error("daemon.hung", loops=hung)
            systemd.notify(STATUS=f"hung: {', '.join(hung)}")
            return
        systemd.notify(WATCHDOG=1, STATUS=self._headline())

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.stop_requested.set()

    def _on_reload(self, number: int, frame: FrameType | None) -> None:
        self.reloader.request()

    # ── loops of its own ─────────────────────────────────────────────────────────────────────────────────────────────

    def _start_senders(self) -> None:
        self.sender_loops = {
            id: Loop(f"sender:{id}", sender.run_once, self.clock, every=0.5) for id, sender in self.app.senders.items()}
        for id, back in make_bounces(self.app).items():
            self.sender_loops[f"bounces:{id}"] = Loop(f"bounces:{id}", back.run_once, self.clock, every=back.every)
        for loop in self.sender_loops.values():
            loop.start()
        learn(self.app.channels, self.clock)

    def _reload(self) -> bool:
        if not self.reloader.requested:
            return self.reloader.run_once()
        systemd.reloading()
        try:
            return self.reloader.run_once()
        finally:  # whatever went wrong, the reload is over: systemd would wait for its end for ever
            systemd.notify(READY=1, STATUS=self._headline())

    def _reloaded(self, config: Config) -> None:
        """A good configuration was read: senders are stopped and made anew, everything else is swapped in place."""
        old = list(self.sender_loops.values())
        self.app.stopping.set()
        for loop in old:
            loop.stop(timeout=30.0)
        self.app.stopping.clear()
        try:
            apply(self.app, config)
        finally:
            self._start_senders()
        log.info("config.applied", revision=config.revision)

    def _freshness(self) -> bool:
        """Age what is silent: sources beyond their budget, listeners, the crowd, and what nobody reads any more."""
        self.app.poller.run_once()
        now = self.clock.now()
        listeners = (*self.app.listener.states(now), *self.app.intake.states(now))
        heard = (*listeners, *crowd_state(listeners))
        known = self.app.poller.ids | {state.source for state in heard}
        with self.leading.transaction() as tx:
            gone = unheard(tx.source_states(), known) if known != self._heard else ()
            for state in (*gone, *heard):
                tx.put_source_state(state)
        self._heard = known
        return False

    def _write_status(self) -> bool:
        said = json.dumps(self.status()).encode()  # reads the store itself, and transactions do not nest
        with self.leading.transaction() as tx:
            tx.put_checkpoint(STATUS, said, self.clock.now())
        return False

    # ── what it says of itself ───────────────────────────────────────────────────────────────────────────────────────

    def hung(self) -> list[str]:
        """Names of loops that stopped turning."""
        return stuck(self._turning(), self.clock.monotonic(), STUCK_AFTER)

    def _turning(self) -> list[Loop]:
        return [*self.loops, *self.sender_loops.values(), *self.app.intake.loops]

    def unready(self) -> list[str]:
        """What is missing before the daemon can do its work, in words."""
        missing = [f"loop {name} hangs" for name in self.hung()]
        try:
            with self.store.transaction() as tx:
                tx.switch("kill")
        except StoreUnavailable as error:
            missing.append(f"the store cannot be written: {error}")
        return missing

    def status(self) -> Mapping[str, Any]:
        """What `notifier status` prints, as plain data."""
        state = self.reloader.status
        return {
            "running": True, "leads": self.leads, "pid": os.getpid(), "version": __version__,
            "at": rfc3339(self.clock.now()),
            "mode": str(self.app.config.company.mode), "revision": self.app.config.revision,
            "good_since": rfc3339(state.good_since),
            "rejected": [asdict(mistake) for mistake in state.mistakes],
            "hung": self.hung(), "web_port": self.web.port, "stopped_channels": self._stopped_channels(),
            "loops": {loop.name: loop.failures for loop in self._turning()}, "intake": dict(self.app.intake.status()),
        }

    def _stopped_channels(self) -> Mapping[str, str]:
        """Channels that stopped over a fault of the account or of ours, with the reason."""
        found = {}
        with self.store.reading() as tx:
            for channel, sender in self.app.senders.items():
                stop = read_stop(tx.switch(sender.switch))
                if stop is not None and stop.holds(self.clock.now()):
                    until = f" until {rfc3339(stop.until)}" if stop.until else ", until somebody resumes it"
                    found[channel] = f"{stop.why}{until}"
        return found

    def _headline(self) -> str:
        rejected = self.reloader.status.mistakes
        note = f"; rejected edit with {len(rejected)} mistakes" if rejected else ""
        return f"{self.app.config.company.mode} mode, configuration {self.app.config.revision}{note}"

    # ── web ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _web_needs(self) -> WebNeeds:
        return WebNeeds(
            settings=lambda: self.app.config.web, store=self.store, clock=self.clock, stuck=self.hung,
            unready=self.unready,
            pushable=lambda: self.app.poller.pushable,
            push_poll=self._push_poll,
            mention_sources=lambda: frozenset(
                id for id, settings in self.app.config.mentions.items() if getattr(settings, "push_secret", None)),
            push_mentions=self._push_mentions, push_results=self._push_results, before_scrape=self._before_scrape,
            take_bounce=self._take_bounce, delivery=lambda: self.app.config.delivery,
            public_url=lambda: self.app.config.company.public_url, company=lambda: self.app.config.company.name)

    def _check_leads(self) -> None:
        """What is pushed to a node that only sends would be heard by nobody: the far side is to try again."""
        if self.stands_by:
            raise StoreUnavailable("another node leads this deployment: push to that one")

    def _push_poll(self, source: str, answer: Answer) -> None:
        self._check_leads()
        self.app.poller.accept(source, answer)

    def _push_mentions(self, source: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, tuple[str, ...], str]:
        secret = getattr(self.app.config.mentions.get(source), "push_secret", None)
        if secret is None:
            return 0, (), "this source takes no pushed posts: give it a push_secret"
        network = getattr(self.app.config.mentions[source], "network", None)
        self._check_leads()
        result = accept_push(body, headers, secret=secret.reveal(), now=self.clock.now(), network=network)
        for mention in result.accepted:
            self.app.listener.hear(source, mention)
        return len(result.accepted), tuple(map(str, result.refused)), result.problem

    def _push_results(self, source: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, object]]:
        settings = self.app.config.sources.get(source)
        return self._inbox.take(source, settings, body, headers, self.clock.now(), self._push_poll)

    def _take_bounce(self, channel: str, mail: bytes) -> str | None:
        settings = self.app.config.channels.get(channel)
        return taken(settings, mail, self.store, self.clock) if isinstance(settings, EmailSettings) else None

    def _before_scrape(self) -> None:
        """Gauges that mirror the store are set when somebody looks, not all day long."""
        self.app.intake.status()
        try:
            with self.store.reading() as tx:
                metrics.KILL_SWITCH.set(1 if tx.switch("kill") == "on" else 0)
                gauges = tx.gauges(self.clock.now())
        except StoreUnavailable:
            metrics.STORE_ERRORS.inc()
            return
        for channel in self.app.channels:
            for state in (DeliveryState.PENDING, DeliveryState.CLAIMED, DeliveryState.UNKNOWN):
                metrics.OUTBOX.labels(channel, state.value).set(gauges.get(f"outbox.{channel}.{state.value}", 0))
            metrics.OUTBOX_OLDEST.labels(channel).set(gauges.get(f"outbox_oldest.{channel}", 0))


def unheard(states: Sequence[SourceState], known: Collection[str]) -> tuple[SourceState, ...]:
    """The states of sources nobody reads any more, as stale: what one of them said last must not go on counting as
    trouble because it was switched off."""
    why = "no longer in the configuration"
    return tuple(replace(state, freshness=Freshness.STALE, why=why, memory={}) for state in states
                 if state.source not in known and state.freshness is Freshness.FRESH)


def crowd_state(states: Sequence[SourceState]) -> tuple[SourceState, ...]:
    """What the crowd's silence is worth: as little as that of the worst listener that was ever heard. None where
    nobody listens.

    Where customers complain on one network and its connection dies, the other networks' quiet must not close their
    outage. (What is still heard keeps counting as trouble: see `incidents.decide.sight`.)
    """
    known = [state for state in states if state.freshness is not Freshness.UNPROVEN]
    if not known:
        return ()
    worst = max(known, key=lambda state: (_WORTH.index(state.freshness), state.source))
    why = "" if worst.freshness is Freshness.FRESH else f"{worst.source} is {worst.freshness}: {worst.why}"
    return (replace(worst, source="crowd", why=why, memory={}),)


_WORTH = (Freshness.FRESH, Freshness.SUSPECT, Freshness.STALE, Freshness.FAILING, Freshness.UNPROVEN)
