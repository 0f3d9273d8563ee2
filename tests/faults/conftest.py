"""One parent of all processes for each room's run, and a world for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .far import Daemon, world
from .nursery import Nursery


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Warm once: importing takes seconds."""
    started = Nursery()
    yield started
    started.close()


@pytest.fixture
def daemon(nursery: Nursery, kind: str, tmp_path: Path) -> Iterator[Daemon]:
    """A daemon with one channel, of the kind the test names."""
    with world(nursery, tmp_path, [kind]) as made:
        yield made
