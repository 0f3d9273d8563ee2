"""The stores every contract test runs on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.ports import Store
from notifier.store import StoreSettings, open_store

FACTORIES = {
    "sqlite-file": lambda folder: open_store(StoreSettings(path=str(folder / "notifier.db"))),
    "sqlite-memory": lambda folder: open_store(StoreSettings(path=":memory:")),
}
"""A new kind of store joins here, and nowhere else in the tests."""


@pytest.fixture(params=sorted(FACTORIES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = FACTORIES[request.param](tmp_path)
    yield opened
    opened.close()
