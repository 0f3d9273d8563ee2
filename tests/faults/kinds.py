"""The kinds of far side the crash tests run against: every channel we have, before its provider's stand-in.

A new channel joins as one entry of `KINDS`; the tests follow from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from notifier.model.people import AddressKind

from ..channels import far_sides

PATIENCE = (10.0, 10.0)
"""Seconds to connect and to be answered: a busy machine is no lost answer."""


@dataclass(frozen=True)
class Kind:
    """`standin`: arguments of `python -m notifier.standins`. `channel`: the real channel to a stand-in's URL.
    `sure`: what became of a message can be found out, by asking or by repeating it under its key."""

    standin: tuple[str, ...]
    channel: Callable[[str], Any]
    sure: bool = True


def _email(url: str) -> Any:
    return _one_at_a_time(far_sides.email_channel(urlsplit(url).port or 0, username=None, password=None))


def _sms(url: str) -> Any:
    return _one_at_a_time(far_sides.sms_channel(url, per_minute=600))


def _sms_heard(url: str) -> Any:
    return _one_at_a_time(far_sides.sms_channel(url, per_minute=600, status_callback_base=BASE))


def _one_at_a_time(channel: Any) -> Any:
    """So that a step means the same delivery every time."""
    channel.at_once = 1
    return channel


KINDS = {
    "x": Kind(("x",), far_sides.x_channel),
    "mastodon": Kind(("mastodon",), far_sides.mastodon_channel),
    "mastodon-without-keys": Kind(("mastodon", "--without-keys"), far_sides.mastodon_channel),
    "bluesky": Kind(("bluesky",), far_sides.bluesky_channel),
    "sms": Kind(("twilio",), _sms),
    "email": Kind(("smtp",), _email, sure=False),
    "webhook": Kind(("webhook",), far_sides.webhook_channel),
}
BASE = "https://notify.example.net"
"""Our public address, as the far sides know it."""
CALLING_BACK = {"sms-callbacks": Kind(("twilio",), _sms_heard)}
"""Kinds that tell later what became of a message; their cases are `callbacks.py`'s."""
EVERY = {**KINDS, **CALLING_BACK}
CHANNELS = ("x", "mastodon", "bluesky", "sms", "email", "webhook")
"""One of each: a whole deployment."""
ADDRESSES = {AddressKind.PHONE: "+18025550101", AddressKind.EMAIL: "ann@example.org"}
