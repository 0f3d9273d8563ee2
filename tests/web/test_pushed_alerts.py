"""What Alertmanager and Grafana push comes through the web part into the store, by the daemon's own poller."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from notifier.clock import VirtualClock
from notifier.model.signal import Level
from notifier.sources.poller import Poller
from notifier.sources.settings import PollingSettings
from notifier.web.server import make_web
from tests.sources.support import NOW, tree
from tests.sources.vendors import Vendor, vendors

from .conftest import Site
from .test_hooks import ALERTS

PUSHING = [one for one in vendors() if one.name in ("alertmanager", "grafana")]


@pytest.fixture(params=PUSHING, ids=lambda one: one.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    found = request.param
    assert isinstance(found, Vendor)
    return found


def site_of(site: Site, vendor: Vendor, clock: VirtualClock) -> FlaskClient:
    """A web part whose pushes are read by this vendor's source and kept in the site's store."""
    source = vendor.make(tree())
    poller = Poller({source.id: source}, site.store, clock, PollingSettings())
    needs = replace(site.needs, clock=clock, pushable=lambda: poller.pushable, push_poll=poller.accept)
    return make_web(needs).test_client()


def post(client: FlaskClient, body: bytes) -> int:
    return client.post("/hooks/alerts/vendor", data=body, headers=ALERTS).status_code


def open_in(site: Site, clock: VirtualClock) -> list[tuple[str, Level]]:
    with site.store.transaction() as tx:
        return [(signal.region, signal.level) for signal in tx.open_signals(clock.now())]


def test_a_pushed_alert_opens_and_its_end_closes(site: Site, vendor: Vendor) -> None:
    clock = VirtualClock(NOW)
    client = site_of(site, vendor, clock)
    assert post(client, vendor.bodies["open"]) == 200
    assert open_in(site, clock) == [("US-VT", Level.MAJOR)]
    assert post(client, vendor.bodies["open"]) == 200, "the other peer delivers the same"
    assert post(client, vendor.bodies["empty"]) == 200
    assert open_in(site, clock) == [("US-VT", Level.MAJOR)], "a message about another alert ends nothing"
    clock.advance(timedelta(minutes=40))
    assert post(client, vendor.bodies["resolve"]) == 200
    assert open_in(site, clock) == []
    assert post(client, vendor.bodies["open"]) == 200, "a late copy by the other peer"
    assert open_in(site, clock) == []


def test_what_was_cut_short_on_the_way_changes_nothing(site: Site, vendor: Vendor) -> None:
    clock = VirtualClock(NOW)
    client = site_of(site, vendor, clock)
    post(client, vendor.bodies["open"])
    assert post(client, vendor.bodies["resolve"][:-20]) == 200
    assert open_in(site, clock) == [("US-VT", Level.MAJOR)]
    with site.store.transaction() as tx:
        state = tx.source_state("vendor")
    assert state is not None
    assert "not whole JSON" in state.why


def test_what_is_polled_only_takes_no_pushes(site: Site) -> None:
    (prometheus,) = [one for one in vendors() if one.name == "prometheus"]
    client = site_of(site, prometheus, VirtualClock(NOW))
    assert post(client, prometheus.bodies["open"]) == 404
