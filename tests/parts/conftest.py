"""A daemon and a receiver for every test against a real part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from notifier.standins.webhook import Webhook

from .daemon import Daemon
from .deployment import SECRETS, Deployment


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Webhook]:
    """Who gets the notices; it checks the signature."""
    with Webhook(ledger=tmp_path / "ledger.jsonl", secret=SECRETS["webhook-secret"]) as webhook:
        yield webhook


@pytest.fixture
def run(tmp_path: Path, receiver: Webhook) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons over deployments in the test's folder, and leaves none behind."""
    started: list[Daemon] = []

    def start(**settings: Any) -> Daemon:
        daemon = Daemon(Deployment(tmp_path, f"{receiver.url}/notices", **settings).write())
        started.append(daemon)
        return daemon.start()

    yield start
    for daemon in started:
        daemon.close()
