"""The kinds of far side the crash tests run against: every channel we have, before its provider's stand-in.

A new channel joins as one entry of `KINDS`; the tests follow from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from notifier.delivery.routes import Routes
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings, FailoverSettings
from notifier.model.people import AddressKind
from notifier.ports import Clock, Store

from ..channels import far_sides

PATIENCE = (10.0, 10.0)
"""Seconds to connect and to be answered: a busy machine is no lost answer."""


@dataclass(frozen=True)
class Kind:
    """`standin`: arguments of `python -m notifier.standins`. `channel`: the real channel to a stand-in's URL.
    `sure`: what became of a message can be found out, by asking or by repeating it under its key. `at_once`: how many
    may be under way. `standby`: the channel that stands in for it; both accounts are kept in one ledger, whose sum is
    the oracle."""

    standin: tuple[str, ...]
    channel: Callable[[str], Any]
    sure: bool = True
    at_once: int = 1
    standby: Callable[[str], Any] | None = None

    def channels(self, url: str) -> list[Any]:
        """The channel, and its standby where it has one."""
        return [self.channel(url), *([self.standby(url)] if self.standby is not None else [])]


def _email(url: str, at_once: int = 1) -> Any:
    return _so_many(at_once, far_sides.email_channel(urlsplit(url).port or 0, username=None, password=None))


def _sms(url: str, at_once: int = 1) -> Any:
    return _so_many(at_once, far_sides.sms_channel(url, per_minute=600))


def _sms_heard(url: str) -> Any:
    return _so_many(1, far_sides.sms_channel(url, per_minute=600, status_callback_base=BASE))


def _sms_standby(url: str) -> Any:
    """A second account at the same provider, which keeps them apart."""
    return _so_many(1, far_sides.sms_channel(url, per_minute=600, id="sms-two", account_sid="AC" + "0b" * 16,
                                              stands_in_for="sms-main"))


def senders(made: list[Any], store: Store, clock: Clock, stop: Callable[[], bool]) -> list[Sender]:
    """Wired as the daemon wires them. Of a pair, one bad answer moves everything, so that every case meets both."""
    settings = DeliverySettings()
    if len(made) == 1:
        return [Sender(made[0], store, clock, settings, stop=stop)]
    pair = Routes(made[0].id, made[1].id, clock, FailoverSettings(in_a_row=1))
    return [Sender(one, store, clock, settings, stop=stop, route=pair.of(one.id)) for one in made]


def _so_many(at_once: int, channel: Any) -> Any:
    """One at a time, so that a step means the same delivery every time; or all at once."""
    channel.at_once = at_once
    return channel


KINDS = {
    "x": Kind(("x",), far_sides.x_channel),
    "mastodon": Kind(("mastodon",), far_sides.mastodon_channel),
    "mastodon-without-keys": Kind(("mastodon", "--without-keys"), far_sides.mastodon_channel),
    "bluesky": Kind(("bluesky",), far_sides.bluesky_channel),
    "sms": Kind(("twilio",), _sms),
    "sms-pair": Kind(("twilio",), _sms, standby=_sms_standby),
    "email": Kind(("smtp",), _email, sure=False),
    "sms-at-once": Kind(("twilio",), partial(_sms, at_once=4), at_once=4),
    "email-at-once": Kind(("smtp",), partial(_email, at_once=4), sure=False, at_once=4),
    "webhook": Kind(("webhook",), far_sides.webhook_channel),
}
ONE_BY_ONE = sorted(name for name, kind in KINDS.items() if kind.at_once == 1)
BASE = "https://notify.example.net"
"""Our public address, as the far sides know it."""
CALLING_BACK = {"sms-callbacks": Kind(("twilio",), _sms_heard)}
"""Kinds that tell later what became of a message; their cases are `callbacks.py`'s."""
EVERY = {**KINDS, **CALLING_BACK}
CHANNELS = ("x", "mastodon", "bluesky", "sms", "email", "webhook")
"""One of each: a whole deployment."""
ADDRESSES = {AddressKind.PHONE: "+18025550101", AddressKind.EMAIL: "ann@example.org"}
