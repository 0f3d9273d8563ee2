"""A deployment to type commands at: the small base configuration and a real store file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from notifier.cli.main import main
from notifier.clock import SystemClock
from notifier.model.incident import Incident, IncidentState, Move
from notifier.model.notice import Mode, Notice, NoticeState, Stage, Text, Wording
from notifier.model.signal import Level, Signal, SignalClass
from notifier.ports import Store
from notifier.store import open_store
from notifier.store.settings import StoreSettings
from tests.config.support import laid_over


@dataclass
class Desk:
    """Where a member of staff sits."""

    directory: Path
    store_path: Path

    def type(self, *words: str, stdin: str | None = None, **environment: str) -> Result:
        """Run `notifier WORDS`."""
        return CliRunner().invoke(main, list(words), input=stdin, env={
            "NOTIFIER_CONFIG": str(self.directory), "NOTIFIER_STORE": str(self.store_path), "NOTIFIER_ACTOR": "ann",
            "COLUMNS": "200", **environment})

    def json(self, *words: str, **environment: str) -> Any:
        """What `notifier WORDS --json` prints."""
        done = self.type(*words, "--json", **environment)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        return json.loads(done.stdout)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """The store, as the daemon would open it."""
        store = open_store(StoreSettings(path=str(self.store_path)))
        try:
            yield store
        finally:
            store.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A deployment whose daemon has run and stopped."""
    found = Desk(laid_over(tmp_path / "config"), tmp_path / "notifier.db")
    with found.store():
        pass
    return found


@pytest.fixture
def busy(desk: Desk) -> Desk:
    """One suspected incident whose acknowledgement waits for a person."""
    now = SystemClock().now()
    signal = Signal("vendor", SignalClass.OFFICIAL, "mobile-data", "north-shore", Level.MAJOR, now, now, "f1",
                    why="the vendor says so")
    incident = Incident("I1", "mobile-data", ("north-shore",), IncidentState.SUSPECTED, Level.MAJOR, now, now,
                        "default", "generic", "the vendor says so")
    notice = Notice("I1-1", "I1", Stage.ACKNOWLEDGE, Wording.ACKNOWLEDGE_SUSPECTED, 1, Mode.TEST, ("north-shore",),
                    (Text("sms", "en", "TEST: Customers in North Shore report trouble. Ref I1"),), now,
                    now + timedelta(hours=1), NoticeState.WAITING, reason="reports reached us", audience=12)
    with desk.store() as store, store.transaction() as tx:
        tx.put_signals([signal])
        tx.put_incident(incident, Move("I1", now, None, IncidentState.SUSPECTED, "the vendor says so"))
        tx.link_evidence("I1", [signal])
        tx.put_notice(notice)
    return desk
