"""What sends in `benchmarks.fanout`, each in a process of its own so that its CPU is its own: the sender over a durable
store, and the bare loop over the same client library.

    python -m benchmarks.fanout_sending ours|raw sms|mail PORT MESSAGES [STORE] [AT_ONCE]

Prints as JSON what it took from the first to the last message, imports and set-up left out, and the seconds after
every hundredth.
"""

from __future__ import annotations

import json
import os
import smtplib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from notifier.channels.email import EmailChannel, EmailSettings
from notifier.channels.sms import SmsChannel, SmsSettings
from notifier.channels.wire import Wire, mounted
from notifier.clock import SystemClock
from notifier.delivery.sender import Sender
from notifier.delivery.settings import DeliverySettings
from notifier.model.delivery import Delivery, Message, Outcome, OutcomeKind
from notifier.model.notice import Mode, Notice, NoticeState, Stage, Text, Wording
from notifier.ports import Store
from notifier.store import SqlStore, StoreSettings, open_store

ACCOUNT = "AC" + "0a" * 16
TOKEN = "BENCHMARK_TOKEN"
TEXT = "I261122-1: Mobile data is failing in Vermont. We are on it. https://status.example.com/vt"
SUBJECT = "Mobile data in Vermont"
KINDS = ("sms", "mail")


def channel(kind: str, port: int, per_minute: int = 60_000) -> Any:
    """The real channel, towards a stand-in."""
    os.environ[TOKEN] = "0b" * 16
    given = {"id": kind, "per_minute": per_minute}
    if kind == "sms":
        return SmsChannel(SmsSettings.model_validate({
            **given, "kind": "sms", "account_sid": ACCOUNT, "auth_token": {"env": TOKEN}, "from_number": "+18025550000",
            "base_url": f"http://127.0.0.1:{port}"}))
    return EmailChannel(EmailSettings.model_validate({
        **given, "kind": "email", "host": "127.0.0.1", "port": port, "security": "none",
        "sender": "status@example.org"}))


def opened(address: str) -> SqlStore:
    """The store in a file, or at an address."""
    where = {"url": address} if address.startswith("postgresql:") else {"path": address}
    return open_store(StoreSettings.model_validate(where))


def address(kind: str, number: int) -> str:
    return f"+1802{number:07}" if kind == "sms" else f"c{number}@example.com"


def queue(store: Store, kind: str, messages: int) -> None:
    """One notice with so many deliveries."""
    now = SystemClock().now()
    notice = Notice("I261122-1.1", "I261122-1", Stage.ACKNOWLEDGE, Wording.ACKNOWLEDGE, 1, Mode.TEST, ("US-VT",),
                    (Text(kind, "en", TEXT, SUBJECT),), now, now + timedelta(hours=6), NoticeState.RELEASED)
    first = Delivery("", notice.id, notice.incident, notice.stage, 1, kind, "", "en", Mode.TEST, now, now,
                     notice.valid_until)
    with store.transaction() as tx:
        tx.put_notice(notice)
        tx.add_deliveries(replace(first, id=f"d{n:07}", address=address(kind, n)) for n in range(messages))


class Counted:
    """A channel that notes when every hundredth message was accepted; how many at once may be fixed."""

    def __init__(self, inner: Any, at_once: int | None) -> None:
        self._inner = inner
        self.at_once = at_once or inner.at_once
        self.accepted = 0
        self.marks: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def send(self, message: Message, now: Any) -> Outcome:
        outcome: Outcome = self._inner.send(message, now)
        assert outcome.kind is OutcomeKind.SENT, outcome
        self.accepted += 1
        if self.accepted % 100 == 0:
            self.marks.append(time.perf_counter())
        return outcome


def ours(kind: str, port: int, messages: int, path: str, at_once: int) -> tuple[Callable[[], None], list[float]]:
    """The sender over what is queued in the store at `path`, a file or an address, until nothing is left there."""
    store = opened(path)
    counted = Counted(channel(kind, port), at_once or None)
    sender = Sender(counted, store, SystemClock(), DeliverySettings())

    def run() -> None:
        left = 1.0
        while left:
            while sender.run_once():
                pass
            with store.transaction() as tx:
                found = tx.gauges(SystemClock().now())
                left = found.get(f"outbox.{kind}.pending", 0) + found.get(f"outbox.{kind}.claimed", 0)
            time.sleep(0.01)

    return run, counted.marks


def raw(kind: str, port: int, messages: int) -> Callable[[], None]:
    """A loop over the same library, over one connection, that keeps nothing."""
    if kind == "sms":
        http = TwilioHttpClient(timeout=10)
        mounted(http.session, Wire(f"http://127.0.0.1:{port}"))
        client = Client(ACCOUNT, "0b" * 16, http_client=http)

        def texts() -> None:
            for number in range(messages):
                client.messages.create(
                    to=address(kind, number), from_="+18025550000", body=TEXT, validity_period=3600)

        return texts

    def mails() -> None:
        with smtplib.SMTP("127.0.0.1", port) as server:
            for mail in _mails(messages):
                server.send_message(mail)

    return mails


def _mails(messages: int) -> Iterator[EmailMessage]:
    for number in range(messages):
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "status@example.org", address("mail", number), SUBJECT
        mail.set_content(TEXT)
        yield mail


def main(who: str, kind: str, port: int, messages: int, path: str = "", at_once: int = 0) -> None:
    """Send, and tell what it took."""
    marks: list[float] = []
    if who == "ours":
        run, marks = ours(kind, port, messages, path, at_once)
    else:
        run = raw(kind, port, messages)
    began, cpu = time.perf_counter(), time.process_time()
    run()
    told = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    sys.stderr.flush()
    print(json.dumps({**told, "marks": [mark - began for mark in marks]}))


if __name__ == "__main__":
    who, kind, port, messages, *more = sys.argv[1:]
    main(who, kind, int(port), int(messages), *(more[:1] and (more[0], *map(int, more[1:]))))
