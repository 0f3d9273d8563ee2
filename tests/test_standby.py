"""A channel with a standby in a whole deployment: the standby sends, and is nowhere spoken of as a channel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from notifier.app import App, apply, build
from notifier.clock import VirtualClock
from notifier.config import load
from notifier.config.tree import Config
from notifier.daemon import Daemon
from notifier.delivery.route import ALL, Side
from notifier.model.delivery import Outcome, OutcomeKind, Reason
from notifier.replay.run import book_channels
from notifier.store import StoreSettings, open_store

from .config.support import laid_over
from .store.making import NOW

STANDBY = """
  - id: sms-two
    kind: sms
    mode: test
    stands_in_for: sms
    account_sid: AC11111111111111111111111111111111
    auth_token: {env: OTHER_TOKEN}
    callback_token: {env: OTHER_TOKEN}
    from_number: "+18025550101"
"""


def config(folder: Path, more: str = "", after: str = "") -> Config:
    """The base with the standby; `more` stands in notifier.yaml behind the line `after`, or at its end."""
    directory = laid_over(folder)
    for name, text, at in (("channels.yaml", STANDBY, ""), ("notifier.yaml", more, after)):
        file = directory / name
        head, line, rest = file.read_text(encoding="utf-8").partition(at) if at else (file.read_text("utf-8"), "", "")
        file.write_text(head + line + text + rest, encoding="utf-8")
    return load(directory)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    store = open_store(StoreSettings(path=":memory:"))
    yield build(config(tmp_path / "config"), store=store, clock=VirtualClock(NOW), listen=False)
    store.close()


def test_both_accounts_send_and_one_channel_speaks(app: App) -> None:
    assert set(app.senders) == set(app.channels) == {"sms", "sms-two"}
    assert set(app.decider._plans.speaker.channels) == {"sms"}
    assert dict(app.routes["sms"].ids) == {Side.PRIMARY: "sms", Side.STANDBY: "sms-two"}
    assert [app.senders[id]._route.allowed() for id in ("sms", "sms-two")] == [ALL, 0]


def test_a_reload_keeps_what_is_known_of_both(app: App, tmp_path: Path) -> None:
    failed = Outcome(OutcomeKind.RETRY, Reason.AUTHENTICATION, stops_channel=True)
    app.senders["sms"]._route.began("d1")
    app.senders["sms"]._route.answered("d1", failed, 0.1)
    apply(app, config(tmp_path / "edited", "\n# edited\n"), listen=False)
    app.senders["sms"]._route.stopped("authentication")
    apply(app, config(tmp_path / "again", "\n# edited again\n"), listen=False)
    assert app.routes["sms"].status()["active"] == "sms-two"
    assert [app.senders[id]._route.allowed() for id in ("sms", "sms-two")] == [0, ALL]


def test_a_pair_that_is_none_any_more_is_shown_no_longer(app: App, tmp_path: Path) -> None:
    def shown(route: str) -> float | None:
        return REGISTRY.get_sample_value("notifier_route_active", {"channel": "sms", "route": route})

    apply(app, config(tmp_path / "same"), listen=False)
    assert (shown("sms"), shown("sms-two")) == (1, 0)
    apply(app, load(laid_over(tmp_path / "alone")), listen=False)
    assert (shown("sms"), shown("sms-two"), app.routes, set(app.senders)) == (None, None, {}, {"sms"})


def test_limits_follow_a_reload(app: App, tmp_path: Path) -> None:
    apply(app, config(tmp_path / "edited", "  failover: {in_a_row: 1}\n", after="delivery:\n"), listen=False)
    app.senders["sms"]._route.began("d1")
    app.senders["sms"]._route.answered("d1", Outcome(OutcomeKind.RETRY, Reason.SERVER_ERROR), 0.1)
    assert app.routes["sms"].status()["active"] == "sms-two"


def test_replay_writes_one_message_for_each_person(tmp_path: Path) -> None:
    read = config(tmp_path / "config")
    store = open_store(StoreSettings(path=":memory:"))
    replayed = build(read, store=store, clock=VirtualClock(NOW), channels=book_channels(read), listen=False)
    assert set(replayed.decider._plans.speaker.channels) == {"sms"}
    store.close()


def test_status_tells_the_route_of_each_channel_that_has_two(tmp_path: Path) -> None:
    read = config(tmp_path / "config", "\nweb: {port: 0}\n")
    store = open_store(StoreSettings(path=":memory:"))
    daemon = Daemon(tmp_path / "config", read, store=store, clock=VirtualClock(NOW))
    assert daemon.status()["routes"] == {"sms": {"active": "sms", "standby": "sms-two", "why": "", "trial": None}}
    daemon.web.start()
    daemon.web.stop()
    store.close()
