"""Fixtures every room's tests share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import hypothesis
import pytest
import structlog

from notifier.clock import VirtualClock
from notifier.store import StoreSettings, open_store

from .postgres_server import PostgresServer, postgres_server

# Machines are shared: how long an example took says nothing of the law it tries.
hypothesis.settings.register_profile(
    "shared", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("shared")


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: PostgresServer) -> str:
    """A database that is migrated, to make others from."""
    name = postgres.database()
    open_store(StoreSettings(url=postgres.address(name))).close()
    return name


@pytest.fixture
def database(postgres: PostgresServer, template: str) -> Iterator[str]:
    """The address of a database nobody else uses."""
    name = postgres.database(template)
    yield postgres.address(name)
    postgres.drop(name)
