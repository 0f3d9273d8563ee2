"""The daemon: turns the loops, owns the signals and the watchdog, reloads, and ends cleanly.

The main thread does nothing else, so that a signal or a heartbeat never waits for a slow provider.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

from notifier import __version__, metrics, systemd
from notifier.app import App, apply, build, learn, make_bounces, make_hearing
from notifier.channels.sms import callback_tokens
from notifier.config.reload import Reloader
from notifier.config.tree import Config
from notifier.detection.detector_loop import bring_back
from notifier.intake.merging import SOURCE as NODES
from notifier.model.times import rfc3339
from notifier.ports import Clock, Store, StoreUnavailable
from notifier.runner import Loop, stuck
from notifier.web.needs import WebNeeds
from notifier.web.server import WebServer

from .ageing import Ageing
from .pushed import Pushed
from .shown import limited_channels, set_gauges, stopped_channels, tell_clock

log = structlog.get_logger(__name__)

STUCK_AFTER = 120.0
"""Seconds without a turn after which a loop counts as hung; longer than a sender's turn, whose last
attempt begins within half a minute and takes one at most."""
STOPS_WITHIN = 30.0
"""Seconds that all loops made anew at a reload have to end, together: longer than that nobody is to be silent."""
SOON = 2.0
"""Seconds after which leading and sending are tried again at the latest, where the store was away: a takeover within
ten seconds is promised of when it is back."""
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
        """Senders, reconcilers and readers of bounces: what is made anew with the channels."""
        self._ageing = Ageing(self.app, self.leading)
        self._pushed = Pushed(self.app, lambda: self.stands_by)
        store.on_outbox(self._wake)
        self.web = WebServer(self._web_needs())
        metrics.BUILD_INFO.labels(__version__).set(1)

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Turn the loops of every node, and those of the one that leads where this one does."""
        app = self.app
        self._look_back()
        self._turn(
            Loop("strays", app.reconciler.end_strays, self.clock, every=60.0),
            Loop("clock", partial(tell_clock, app), self.clock, every=30.0),
            Loop("housekeeper", app.housekeeper.run_once, self.clock, every=5.0),
            Loop("reload", self._reload, self.clock, every=2.0))
        self._start_senders()
        self._lead()
        self._turn(Loop("leadership", self._lead, self.clock, every=1.0, backoff_most=SOON))
        self.web.start()
        log.info("daemon.started", revision=app.config.revision, mode=str(app.config.company.mode), port=self.web.port,
                 leads=self.leads)

    def _look_back(self) -> None:
        with suppress(StoreUnavailable):  # sending looks again before it begins anything
            self.store.look_back(self.clock.now())

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
            Loop("freshness", self._ageing.run_once, self.clock, every=5.0),
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
        self._look_back()
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
            id: Loop(f"sender:{id}", sender.run_once, self.clock, every=0.5, backoff_most=SOON)
            for id, sender in self.app.senders.items()}
        for id in self.app.channels:
            name = f"reconciler:{id}"
            self.sender_loops[name] = Loop(name, partial(self.app.reconciler.look, id), self.clock, every=5.0)
        for id, back in make_bounces(self.app).items():
            self.sender_loops[f"bounces:{id}"] = Loop(f"bounces:{id}", back.run_once, self.clock, every=back.every)
        for loop in self.sender_loops.values():
            loop.start()
        learn(self.app.channels, self.clock)

    def _wake(self) -> None:
        """There is something to send."""
        for id, loop in list(self.sender_loops.items()):
            if id in self.app.senders:
                loop.wanted.set()

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
            loop.stopping.set()  # all at once: of those that hang none is to keep the next from ending
        ends = self.clock.monotonic() + STOPS_WITHIN
        for loop in old:
            loop.stop(timeout=max(ends - self.clock.monotonic(), 0.0))
        self.app.stopping.clear()
        try:
            apply(self.app, config)
        finally:
            self._start_senders()
        log.info("config.applied", revision=config.revision)

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
            "hung": self.hung(), "web_port": self.web.port, "stopped_channels": stopped_channels(self.app),
            "limited_channels": limited_channels(self.app),
            "routes": {channel: routes.status() for channel, routes in self.app.routes.items()},
            "loops": {loop.name: loop.failures for loop in self._turning()}, "intake": dict(self.app.intake.status()),
        }

    def _headline(self) -> str:
        rejected = self.reloader.status.mistakes
        note = f"; rejected edit with {len(rejected)} mistakes" if rejected else ""
        return f"{self.app.config.company.mode} mode, configuration {self.app.config.revision}{note}"

    # ── web ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _web_needs(self) -> WebNeeds:
        app, pushed = self.app, self._pushed
        return WebNeeds(
            settings=lambda: app.config.web, store=self.store, clock=self.clock, stuck=self.hung, unready=self.unready,
            pushable=lambda: app.poller.pushable, push_poll=pushed.poll, mention_sources=pushed.mention_sources,
            push_mentions=pushed.mentions, push_results=pushed.results, take_bounce=pushed.bounce,
            before_scrape=lambda: set_gauges(app), delivery=lambda: app.config.delivery,
            callback_tokens=lambda: callback_tokens(app.config.channels),
            public_url=lambda: app.config.company.public_url, company=lambda: app.config.company.name)
