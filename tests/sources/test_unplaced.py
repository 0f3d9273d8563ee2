"""A trouble that can no longer be placed is not over."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from notifier.clock import VirtualClock
from notifier.ports import Source
from notifier.sources.pages import statuspage
from notifier.sources.pages.statuspage import StatuspageSettings
from notifier.sources.poller import Poller
from notifier.sources.settings import Placing, PollingSettings
from notifier.store import open_store
from notifier.store.settings import StoreSettings

from .examples import SUMMARY
from .support import answer, tree

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("after", [
    pytest.param(Placing(service="data"), id="no region is known for it any more"),
    pytest.param(Placing(regions=("US-VT",)), id="no service is known for it any more"),
])
def test_an_edit_of_the_placing_does_not_end_what_is_open(after: Placing) -> None:
    def source(placing: Placing) -> dict[str, Source]:
        settings = StatuspageSettings(id="page", url="https://status.example", placing=placing)
        return {"page": statuspage.make(settings, regions=tree())}

    store = open_store(StoreSettings(path=":memory:"))
    poller = Poller(source(Placing(service="data", regions=("US-VT",))), store, VirtualClock(NOW), PollingSettings())
    body = answer(json.dumps(SUMMARY).encode())
    poller.accept("page", body)
    with store.transaction() as tx:
        before = tx.open_signals(NOW)
    assert before
    poller.replace(source(after))
    poller.accept("page", body)
    with store.transaction() as tx:
        assert [s.fingerprint for s in tx.open_signals(NOW)] == [s.fingerprint for s in before]
    store.close()


def test_what_could_not_be_placed_is_shown_to_staff_until_it_can_be() -> None:
    store = open_store(StoreSettings(path=":memory:"))

    def poll(placing: Placing) -> str:
        settings = StatuspageSettings(id="page", url="https://status.example", placing=placing)
        source = statuspage.make(settings, regions=tree())
        Poller({"page": source}, store, VirtualClock(NOW), PollingSettings()).accept("page", answer(
            json.dumps(SUMMARY).encode()))
        with store.transaction() as tx:
            state = tx.source_state("page")
        assert state is not None
        return state.why

    assert "could not be placed: no service" in poll(Placing(regions=("US-VT",)))
    assert poll(Placing(service="data", regions=("US-VT",))) == ""
    store.close()
