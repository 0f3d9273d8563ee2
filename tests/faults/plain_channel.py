"""The channel to the plain provider: three temperaments of far side in one class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import requests

from notifier.model.delivery import Message, Outcome, OutcomeKind, Reason
from notifier.model.people import AddressKind
from notifier.ports import CannotTell, Finding, Found, NotFound


@dataclass
class PlainChannel:
    """`keyed_for`: how long it knows a key; `readable`: whether it can be asked."""

    url: str
    keyed_for: timedelta
    readable: bool
    id: str = "sms"
    kind: str = "plain"
    mode: str = "test"
    reaches: AddressKind | None = AddressKind.PHONE
    rate: float = 1000.0

    def send(self, message: Message, now: datetime) -> Outcome:
        entry = {"key": message.key, "address": message.address, "body": message.body}
        try:
            requests.post(f"{self.url}/send", json=entry, timeout=10).raise_for_status()
        except requests.RequestException:
            return Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER)
        return Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id=message.key)

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        if not self.readable:
            return CannotTell("this provider cannot be asked")
        answer = requests.get(f"{self.url}/find/{message.key.replace('/', '_')}", timeout=10)
        return Found(message.key) if answer.status_code == 200 else NotFound()

    def check(self) -> Sequence[Finding]:
        return ()
