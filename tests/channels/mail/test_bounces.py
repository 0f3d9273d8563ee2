"""Bounces settle their delivery once, and a mail counts as read only after the store has what it said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from notifier import metrics
from notifier.channels.email import EmailChannel, EmailSettings
from notifier.channels.mail import mailbox
from notifier.channels.mail.bounces import MAILS_MOST, Bounces, taken
from notifier.channels.mail.returns import return_path
from notifier.channels.mail.writing import message_id
from notifier.clock import VirtualClock
from notifier.model.delivery import Delivery, DeliveryState, Outcome, OutcomeKind, Reason
from notifier.ports import Store, StoreUnavailable
from notifier.standins.imap import Imap
from notifier.standins.smtp import Smtp
from notifier.store import StoreSettings, open_store
from tests.channels.far_sides import CANARY, message, now
from tests.net.certificate import self_signed
from tests.store.making import NOW, a_delivery, a_notice, queue, the

from .reports import recipient, report

S = DeliveryState
KEY = f"{CANARY}-{'k' * 32}"
PASSWORD = f"{CANARY}-mailbox"
ID = "0d9e2f2e-7a53-5b1c-9d5e-0c1b2a3d4e5f"
MESSAGE_ID = message_id(ID, "example.com")
MARKED = return_path("bounces@example.net", ID, KEY)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T_BOUNCE_KEY", KEY)
    monkeypatch.setenv("T_IMAP", PASSWORD)


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store(StoreSettings(path=":memory:"))
    yield opened
    opened.close()


def settings(port: int = 1, *, marked: bool = True, **box: Any) -> EmailSettings:
    return EmailSettings.model_validate({
        "id": "email", "kind": "email", "host": "127.0.0.1", "security": "none", "sender": "status@example.com",
        "bounces_to": "bounces@example.net", "bounce_key": {"env": "T_BOUNCE_KEY"} if marked else None,
        "bounces": {"host": "127.0.0.1", "port": port, "security": "none", "username": "bounces",
                    "password": {"env": "T_IMAP"}, **box},
    })


def begun(store: Store) -> Delivery:
    """The delivery, on its way."""
    notice = a_notice()
    queue(store, notice, a_delivery(notice, channel="email", address="ann@example.org", id=ID))
    ((delivery, _),) = store.claim("email", 1, timedelta(minutes=2), NOW)
    assert store.begin(delivery.id, delivery.token, NOW) is None
    return delivery


def accepted(store: Store) -> None:
    delivery = begun(store)
    store.settle(ID, delivery.token, Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id=MESSAGE_ID), NOW)


def lost(store: Store) -> None:
    delivery = begun(store)
    store.settle(ID, delivery.token, Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER), NOW)


def fate(store: Store) -> tuple[DeliveryState, Reason]:
    row = the(store, ID)
    return row.state, row.reason


def reader(store: Store, port: int, **more: Any) -> Bounces:
    whole = settings(port, **more)
    assert whole.bounces is not None
    return Bounces(whole, whole.bounces, store, VirtualClock(NOW))


def test_a_bounce_in_the_mailbox_fails_its_delivery_once_and_is_marked(store: Store) -> None:
    accepted(store)
    with Imap("bounces", PASSWORD) as far:
        kept = far.put(report(to=MARKED))
        bounces = reader(store, far.port)
        assert bounces.run_once() is False
        assert fate(store) == (S.FAILED, Reason.RECIPIENT_GONE)
        assert (far.unread(), kept.read) == ([], 1)
        bounces.run_once()
        assert kept.read == 1, "what was read is not read again"


@pytest.mark.parametrize(
    ("raw", "before", "after"),
    [
        pytest.param(report(recipient("delayed", "4.4.1"), to=MARKED), accepted, (S.SENT, Reason.ACCEPTED),
                     id="a delay changes nothing"),
        pytest.param(report(recipient("delivered", "2.0.0"), to=MARKED), accepted, (S.DELIVERED, Reason.ACCEPTED),
                     id="it arrived"),
        pytest.param(report(to=MARKED), lost, (S.FAILED, Reason.RECIPIENT_GONE),
                     id="a bounce settles what nobody answered"),
        pytest.param(report(recipient("delayed", "4.4.1"), to=MARKED), lost, (S.SENT, Reason.ADOPTED),
                     id="a delay proves that the relay has what nobody answered"),
        pytest.param(report(recipient("failed", "5.2.2"), to=MARKED), accepted, (S.FAILED, Reason.MAILBOX_FULL),
                     id="a full mailbox"),
        pytest.param(report(to="bounces@example.net", id=MESSAGE_ID), accepted, (S.SENT, Reason.ACCEPTED),
                     id="a Message-ID anybody may quote is no proof where there is a key"),
        pytest.param(report(to=MARKED.replace("+", "+a")), accepted, (S.SENT, Reason.ACCEPTED), id="a made-up mark"),
        pytest.param(b"Subject: hello\n\nwhere is my bill?", accepted, (S.SENT, Reason.ACCEPTED), id="somebody writes"),
    ],
)
def test_what_a_mail_changes(store: Store, raw: bytes, before: Any, after: tuple[DeliveryState, Reason]) -> None:
    before(store)
    with Imap("bounces", PASSWORD) as far:
        far.put(raw)
        reader(store, far.port).run_once()
        assert (fate(store), far.unread()) == (after, [])


@pytest.mark.parametrize("keyed", [True, False], ids=["with a key", "without one, as a relay may hand them in"])
def test_a_forged_bounce_is_counted_and_logged_and_changes_nothing(
        store: Store, keyed: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The Message-ID is no secret: whoever knows the notice and the address can work it out."""
    accepted(store)
    own = settings().model_copy(update={"bounce_key": settings().bounce_key if keyed else None})
    before = metrics.CALLBACKS.labels("smtp", "unmarked")._value.get()
    for forged in (report(id=MESSAGE_ID), report(to="bounces@example.net", id=MESSAGE_ID),
                   report(to=return_path("bounces@example.net", ID, "another key"), id=MESSAGE_ID)):
        assert taken(own, forged, store, VirtualClock(NOW)) == "unmarked"
    assert fate(store) == (S.SENT, Reason.ACCEPTED)
    assert metrics.CALLBACKS.labels("smtp", "unmarked")._value.get() == before + 3
    said = capsys.readouterr().out
    assert said.count("bounce.unmarked") == 3
    assert "example.org" not in said


def test_a_mailbox_of_bounces_needs_the_key_of_their_marks() -> None:
    with pytest.raises(ValidationError, match="expected bounce_key beside bounces"):
        settings(marked=False)


def test_a_bounce_after_the_good_word_changes_nothing(store: Store) -> None:
    accepted(store)
    with Imap("bounces", PASSWORD) as far:
        far.put(report(recipient("delivered", "2.0.0"), to=MARKED))
        far.put(report(to=MARKED))
        reader(store, far.port).run_once()
        assert (fate(store), far.unread()) == ((S.DELIVERED, Reason.ACCEPTED), [])


def test_what_the_store_cannot_keep_stays_unread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted(store)

    def full(*_: Any, **__: Any) -> bool:
        raise StoreUnavailable("disk full")

    with Imap("bounces", PASSWORD) as far:
        far.put(report(to=MARKED))
        bounces = reader(store, far.port)
        with monkeypatch.context() as patched:
            patched.setattr(store, "callback", full)
            with pytest.raises(StoreUnavailable):
                bounces.run_once()
        assert (fate(store), far.unread()) == ((S.SENT, Reason.ACCEPTED), [1])
        bounces.run_once()
        assert (fate(store), far.unread()) == ((S.FAILED, Reason.RECIPIENT_GONE), [])


def test_a_mailbox_lost_before_the_mark_is_read_again_and_changes_nothing_more(store: Store) -> None:
    accepted(store)
    with Imap("bounces", PASSWORD) as far:
        kept = far.put(report(to=MARKED))
        far.fail_on = "STORE"
        bounces = reader(store, far.port)
        assert bounces.run_once() is False
        assert (fate(store), far.unread()) == ((S.FAILED, Reason.RECIPIENT_GONE), [1])
        far.fail_on = ""
        bounces.run_once()
        assert (fate(store), far.unread(), kept.read) == ((S.FAILED, Reason.RECIPIENT_GONE), [], 2)


@pytest.mark.parametrize("command", ["CAPABILITY", "LOGIN", "SELECT", "SEARCH", "FETCH"])
def test_a_mailbox_that_fails_is_waited_out(store: Store, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    accepted(store)
    with Imap("bounces", PASSWORD) as far:
        far.put(report(to=MARKED))
        far.fail_on = command
        bounces = reader(store, far.port)
        assert bounces.run_once() is False
        assert bounces.run_once() is False
        assert (fate(store), far.unread()) == ((S.SENT, Reason.ACCEPTED), [1])
        said = capsys.readouterr().out
        assert said.count("bounces.unreadable") == 1, "said once, not every minute"
        assert CANARY not in said
        far.fail_on = ""
        bounces.run_once()
    assert fate(store) == (S.FAILED, Reason.RECIPIENT_GONE)


def test_a_key_that_cannot_be_read_leaves_mails_unread(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted(store)
    with Imap("bounces", PASSWORD) as far:
        far.put(report(to=MARKED))
        monkeypatch.delenv("T_BOUNCE_KEY")
        reader(store, far.port).run_once()
        assert (fate(store), far.unread()) == ((S.SENT, Reason.ACCEPTED), [1])


def test_a_full_mailbox_is_read_in_turns(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "WINDOW", 7)
    with Imap("bounces", PASSWORD) as far:
        for _ in range(MAILS_MOST + 3):
            far.put(b"Subject: hello\n\n")
        bounces = reader(store, far.port)
        assert bounces.run_once() is True
        assert len(far.unread()) == 3
        assert bounces.run_once() is False
        assert far.unread() == []


# ── nothing is said to a server that does not prove who it is ────────────────────────────────────────────────────────


@pytest.mark.parametrize("security", ["tls", "starttls"])
@pytest.mark.parametrize(
    ("host", "trusted", "read"),
    [
        pytest.param("localhost", True, True, id="the right name by a trusted certificate"),
        pytest.param("localhost", False, False, id="a certificate nobody trusts"),
        pytest.param("127.0.0.1", True, False, id="a certificate for another name"),
    ],
)
def test_the_mailbox_proves_who_it_is(
    store: Store, tmp_path: Path, security: str, host: str, trusted: bool, read: bool
) -> None:
    accepted(store)
    certificate, context = self_signed(tmp_path)
    with Imap("bounces", PASSWORD, tls=context, starttls=security == "starttls") as far:
        far.put(report(to=MARKED))
        ca = {"ca_file": str(certificate)} if trusted else {}
        reader(store, far.port, security=security, host=host, **ca).run_once()
        assert (far.unread() == []) is read
        assert ("LOGIN" in far.commands) is read


def test_a_mailbox_without_starttls_gets_no_password(store: Store) -> None:
    with Imap("bounces", PASSWORD) as far:
        reader(store, far.port, security="starttls").run_once()
        assert "LOGIN" not in far.commands


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"host": "mail.example.com", "security": "none"}, id="in the clear to another machine"),
        pytest.param({"username": "a b"}, id="a blank in the name"),
        pytest.param({"username": 'a"b'}, id="a quote in the name"),
        pytest.param({"folder": "IN\r\nBOX"}, id="a command in the folder"),
        pytest.param({"every": "1s"}, id="every second"),
        pytest.param({"every": "2m"}, id="so seldom that the watchdog takes it for a hang"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)


@pytest.mark.parametrize("bounces_to", [None, "a" * 22 + "@example.net", "a+b@example.net"])
def test_a_key_needs_a_mailbox_that_can_carry_marks(bounces_to: str | None) -> None:
    with pytest.raises(ValidationError, match="bounces_to"):
        EmailSettings.model_validate({**settings().model_dump(), "bounces_to": bounces_to})


def test_doctor_looks_into_the_mailbox_and_changes_nothing(store: Store) -> None:
    with Smtp() as relay, Imap("bounces", PASSWORD) as far:
        far.put(report(to=MARKED))
        own = settings(far.port).model_copy(update={"port": relay.port})
        assert [finding.ok for finding in EmailChannel(own, timeout=(10, 10)).check()] == [True, True]
        assert far.unread() == [1]
        far.fail_on = "LOGIN"
        findings = EmailChannel(own, timeout=(10, 10)).check()
        assert [finding.ok for finding in findings] == [True, False]
        assert CANARY not in str(findings)


# ── both ends together ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_envelope_carries_the_mark_and_its_bounce_finds_home(store: Store) -> None:
    accepted(store)
    with Smtp() as far:
        own = settings().model_copy(update={"port": far.port})
        outcome = EmailChannel(own, timeout=(10, 10)).send(message("ann@example.org", key=ID), now())
        assert outcome.kind is OutcomeKind.SENT
        entry = far.ledger[0]
    assert entry["request"]["mail_from"] == MARKED
    assert entry["id"] == MESSAGE_ID
    assert "bounces" not in str(entry["headers"]), "only the envelope tells"
    assert taken(own, report(to=entry["request"]["mail_from"]), store, VirtualClock(NOW)) == "changed"
    assert fate(store) == (S.FAILED, Reason.RECIPIENT_GONE)
