"""Fixtures every room's tests share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from notifier.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    """A clock that stands at 2026-01-15 12:00 UTC and moves only when told."""
    return VirtualClock(datetime(2026, 1, 15, 12, 0, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Commands set up logging for their process; here that process goes on to other tests."""
    before = list(logging.getLogger().handlers)
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = before


@pytest.fixture(autouse=True)
def _quiet_recordings(request: pytest.FixtureRequest) -> Iterator[None]:
    """Years of real recordings log every move of every incident: what they print is their table."""
    if request.node.get_closest_marker("recordings") is None:
        yield
        return
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)
