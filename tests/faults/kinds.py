"""The kinds of far side the crash tests run against: ours, of three temperaments, and the providers' stand-ins.

A new channel joins as one entry of `KINDS`; the tests follow from it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from notifier.channels.bluesky import BlueskyChannel, BlueskySettings
from notifier.channels.mastodon import MastodonChannel, MastodonSettings
from notifier.channels.sms import SmsChannel, SmsSettings
from notifier.channels.x import XChannel, XSettings
from notifier.ports import Channel
from notifier.secret import Secret
from notifier.standins.bluesky import Bluesky
from notifier.standins.mastodon import Mastodon
from notifier.standins.twilio import Twilio
from notifier.standins.x import X

from .plain_channel import PlainChannel
from .provider import Provider

PHONES = ("+18025550101", "+18025550102", "+18025550103")
PUBLIC = ("",)


@dataclass(frozen=True)
class Kind:
    """`readable`: it can be asked what it has. `addresses`: whom it is sent to,
    one notice each or, where there is only one public account, three notices. `standin`: a far side not yet started;
    `name_of` finds in a ledger entry which delivery it is ("n1" and its address)."""

    channel: Callable[[str], Channel]
    readable: bool
    addresses: tuple[str, ...]
    standin: Callable[[Path], Any]
    name_of: Callable[[dict[str, Any]], str] = lambda entry: f"{entry['body'].split()[0]} {entry['address']}"

    @property
    def notices(self) -> int:
        """How many notices make three deliveries."""
        return 3 // len(self.addresses)

    @property
    def deliveries(self) -> frozenset[str]:
        """Names of all deliveries."""
        return frozenset(f"n{n} {a}" for n in range(1, self.notices + 1) for a in self.addresses)


def _secret() -> Secret:
    os.environ.setdefault("STANDIN_SECRET", "of no worth")
    return Secret(env="STANDIN_SECRET")


def _x(url: str) -> Channel:
    secret = _secret()
    return XChannel(
        XSettings(
            id="x",
            kind="x",
            per_minute=60,
            consumer_key=secret,
            consumer_secret=secret,
            access_token=secret,
            access_token_secret=secret,
            base_url=url,
        )
    )


def _mastodon(url: str) -> Channel:
    return MastodonChannel(MastodonSettings(id="mastodon", kind="mastodon", base_url=url, access_token=_secret()))


def _bluesky(url: str) -> Channel:
    handle = "status.example.test"
    return BlueskyChannel(
        BlueskySettings(id="bluesky", kind="bluesky", handle=handle, app_password=_secret(), base_url=url)
    )


def _sms(url: str) -> Channel:
    account = "AC" + "0" * 32
    return SmsChannel(
        SmsSettings(
            id="sms", kind="sms", account_sid=account, auth_token=_secret(), from_number="+18025550199", base_url=url
        )
    )


def _public(channel: Callable[[str], Channel], standin: Callable[[Path], Any]) -> Kind:
    return Kind(channel, readable=True, addresses=PUBLIC, standin=standin)


def _plain(keyed_for: timedelta, *, readable: bool) -> Kind:
    return Kind(
        lambda url: PlainChannel(url, keyed_for, readable),
        readable=readable,
        addresses=PHONES,
        standin=lambda ledger: Provider(ledger, keyed=bool(keyed_for)),
    )


KINDS = {
    "keyed": _plain(timedelta(hours=1), readable=True),
    "readable": _plain(timedelta(), readable=True),
    "unreadable": _plain(timedelta(), readable=False),
    "x": _public(_x, lambda ledger: X(ledger=ledger)),
    "mastodon": _public(_mastodon, lambda ledger: Mastodon(ledger=ledger)),
    "mastodon-without-keys": _public(_mastodon, lambda ledger: Mastodon(ledger=ledger, keyed=False)),
    "bluesky": _public(_bluesky, lambda ledger: Bluesky(ledger=ledger)),
    "sms": Kind(_sms, readable=True, addresses=PHONES, standin=lambda ledger: Twilio(ledger=ledger)),
}
