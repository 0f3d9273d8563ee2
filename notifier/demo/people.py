"""The made-up people of the demo: customers who asked to be told, and the engineer on duty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ..model.notice import Notice, NoticeState, Stage
from ..model.staff import Verb
from ..ports import Transaction
from .vermont import ZONE

NAME = "Dana (NOC, demo)"
LOOKS_AT = datetime(2012, 9, 18, 7, 52, tzinfo=ZONE)
"""When the engineer on duty has looked at the radio network and confirms the outage."""
APPROVES_AT = datetime(2012, 9, 18, 8, 5, tzinfo=ZONE)
"""When she has tried the workaround herself and approves it."""

SUBSCRIBERS = """\
address,regions,services,language,timezone,consent_at,consent_by
+18025550101,US-VT,,en,America/New_York,2012-01-05T10:00:00-05:00,shop Burlington
+18025550102,US-VT,,en,America/New_York,2012-02-11T12:30:00-05:00,web form
+18025550103,US-VT,mobile-data,es,America/New_York,2012-03-02T09:00:00-05:00,web form
+18025550104,US-VT,,en,America/New_York,2012-03-09T17:45:00-05:00,shop Rutland
+18025550105,US-VT,power,en,America/New_York,2012-04-01T08:00:00-04:00,web form
ann@example.com,US-VT,,en,America/New_York,2012-01-20T10:00:00-05:00,web form
ben@example.com,US-VT,,en,America/New_York,2012-02-01T10:00:00-05:00,web form
cleo@example.com,US-VT,mobile-data,es,America/New_York,2012-05-06T11:00:00-04:00,web form
+15185550106,US-NY,,en,America/New_York,2012-01-08T10:00:00-05:00,shop Albany
dora@example.com,US-NH,,en,America/New_York,2012-06-03T10:00:00-04:00,web form
"""
"""Eight in Vermont, of whom one asked for power only; two elsewhere, who must hear nothing."""

OPTED_OUT = "+18025550104"
"""This one texted STOP in the summer."""


@dataclass
class Engineer:
    """The engineer on duty: looks, confirms, tries the workaround, approves. Everything goes through the requests that
    `notifier incidents` and `notifier workaround` put."""

    said: list[tuple[datetime, str]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def due(self, tx: Transaction, now: datetime) -> Iterable[datetime | None]:
        """The two moments of the morning, and every notice that waits after them."""
        return (LOOKS_AT, APPROVES_AT)

    def act(self, tx: Transaction, now: datetime) -> bool:
        """Confirm what is suspected; approve what waits."""
        acted = False
        for incident in tx.incidents(open_only=True):
            if now >= LOOKS_AT and incident.confirmed_at is None and incident.id not in self.asked:
                self.asked.add(incident.id)
                self._ask(tx, now, Verb.CONFIRM, f"confirms {incident.id}: the data core in Vermont does not answer",
                          {"incident": incident.id, "note": "the data core does not answer"})
                acted = True
        for notice in tx.notices(state=NoticeState.WAITING):
            if self._would_approve(notice, now) and notice.digest not in self.asked:
                self.asked.add(notice.digest)
                self._ask(tx, now, Verb.APPROVE, f"approves {notice.id}: {notice.stage}",
                          {"notice": notice.id, "digest": notice.digest})
                acted = True
        return acted

    def _would_approve(self, notice: Notice, now: datetime) -> bool:
        if notice.stage is Stage.WORKAROUND:
            return now >= APPROVES_AT
        return now >= LOOKS_AT

    def _ask(self, tx: Transaction, now: datetime, verb: Verb, words: str, arguments: dict[str, str]) -> None:
        tx.put_request(verb, NAME, arguments, now)
        self.said.append((now, words))
