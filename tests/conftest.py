"""Fixtures every room's tests share."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from notifier.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands at 2026-01-15 12:00 UTC and moves only when told."""
    return VirtualClock(datetime(2026, 1, 15, 12, 0, tzinfo=UTC))
