"""The stores every contract test runs on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notifier.ports import Store
from notifier.store import StoreSettings, open_store

KINDS = ("postgres", "sqlite-file", "sqlite-memory")
"""A new kind of store joins here and in `settings_of`, and nowhere else in the tests."""


@pytest.fixture(params=KINDS)
def settings_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], StoreSettings]:
    """Settings of one store of each kind, fresh."""
    if request.param == "postgres":
        address = request.getfixturevalue("database")
        return lambda: StoreSettings(url=address, connections=4)
    path = ":memory:" if request.param == "sqlite-memory" else str(tmp_path / "notifier.db")
    return lambda: StoreSettings(path=path)


@pytest.fixture
def store(settings_of: Callable[[], StoreSettings]) -> Iterator[Store]:
    opened = open_store(settings_of())
    yield opened
    opened.close()
