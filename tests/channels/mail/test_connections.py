"""Connections are kept and given up; whatever ends one, each mail stands once in the relay's ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from notifier.channels.email import EmailChannel
from notifier.channels.mail.late import NOT_YET, LateAnswers
from notifier.channels.mail.pool import Pool
from notifier.channels.mail.session import Session
from notifier.channels.mail.writing import Letter
from notifier.clock import VirtualClock
from notifier.model.delivery import OutcomeKind, Reason
from notifier.ports import CannotTell, Found, NotFound
from notifier.standins.smtp import Smtp
from tests.channels.answers import RETRY, SENT, UNKNOWN
from tests.channels.far_sides import FIXED, email_channel, message, now

from .scripts import MAIL, OPENING, scripted

TO = "ann@example.org"


def plain(port: int, timeout: tuple[float, float] = (10.0, 10.0), **parts: Any) -> EmailChannel:
    """A channel without a log-in, patient: a busy machine is no lost answer."""
    settings = email_channel(port, username=None, password=None)._settings
    return EmailChannel(settings, timeout=timeout, **parts)


def hasty(port: int, **parts: Any) -> EmailChannel:
    """One that soon takes silence for what it is here: no answer."""
    return plain(port, (10.0, 1.5), **parts)


def send(channel: EmailChannel, number: int, to: str = TO) -> Any:
    return channel.send(message(to, key=f"N1/main/{number}"), now())


def once(ledger: list[Any], wanted: int) -> bool:
    """Whether the ledger holds `wanted` mails and none twice."""
    ids = [entry["id"] for entry in ledger]
    return len(ids) == len(set(ids)) == wanted


def soon(told: Callable[[], bool]) -> bool:
    """Whether it comes true within five seconds."""
    never = threading.Event()
    for _ in range(500):
        if told():
            return True
        never.wait(0.01)
    return False


def test_many_mails_go_over_one_connection() -> None:
    with Smtp() as far:
        channel = plain(far.port)
        assert [send(channel, number).kind for number in range(20)] == [SENT] * 20
        assert (far.connections, once(far.ledger, 20)) == (1, True)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_relay_that_ends_each_connection_after_some_mails_costs_no_mail(most: int) -> None:
    with Smtp(mails_per_connection=most) as far:
        channel = plain(far.port)
        assert [send(channel, number).kind for number in range(7)] == [SENT] * 7
        assert once(far.ledger, 7)
        assert far.connections == -(-7 // most)


def test_connections_cut_between_two_mails_cost_no_mail() -> None:
    with Smtp() as far:
        channel = plain(far.port)
        for number in range(5):
            assert send(channel, number).kind is SENT
            far.cut_all()
        assert (far.connections, once(far.ledger, 5)) == (5, True)


def test_a_connection_is_given_up_after_some_mails() -> None:
    with Smtp() as far:
        channel = plain(far.port, pool=Pool(mails_most=2))
        assert [send(channel, number).kind for number in range(5)] == [SENT] * 5
        assert (far.connections, once(far.ledger, 5)) == (3, True)


def test_a_connection_without_work_is_closed() -> None:
    with Smtp() as far:
        channel = plain(far.port, pool=Pool(idle=0.05))
        assert send(channel, 1).kind is SENT
        assert soon(lambda: far.open == [])
        assert send(channel, 2).kind is SENT
        assert (far.connections, once(far.ledger, 2)) == (2, True)


def test_a_channel_that_is_dropped_closes_its_connections() -> None:
    with Smtp() as far:
        channel = plain(far.port)
        assert send(channel, 1).kind is SENT
        del channel
        assert soon(lambda: far.open == [])


def test_after_a_refused_recipient_the_connection_serves_the_next() -> None:
    with Smtp() as far:
        far.refused.add("gone@example.org")
        channel = plain(far.port)
        kinds = [send(channel, number, to).kind for number, to in enumerate([TO, "gone@example.org", TO])]
        assert kinds == [SENT, OutcomeKind.REJECTED, SENT]
        assert (far.connections, once(far.ledger, 2)) == (1, True)


def test_two_threads_have_a_connection_each() -> None:
    with Smtp() as far:
        far.holding = 2
        channel = plain(far.port)
        outcomes: list[Any] = []
        threads = [threading.Thread(target=lambda n=n: outcomes.append(send(channel, n))) for n in range(2)]
        for thread in threads:
            thread.start()
        assert soon(lambda: len(far.ledger) == 2), "neither waited for the other"
        far.release()
        for thread in threads:
            thread.join(5)
        assert [outcome.kind for outcome in outcomes] == [SENT, SENT]
        assert far.connections == 2


@pytest.fixture(params=["", "PIPELINING"])
def opening(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """How a relay begins: one that is asked one thing after the other, and one that takes commands at once."""
    return OPENING if not request.param else ("220 relay", f"250-relay\r\n250 {request.param}")


# ── where a kept connection ends decides whether the mail may be tried again ─────────────────────────────────────────


@pytest.mark.parametrize(
    ("ends", "connections"),
    [
        pytest.param((), 2, id="closed between two mails"),
        pytest.param(("421 4.3.2 closing",), 2, id="421 to MAIL"),
        pytest.param(("garbage",), 2, id="garbage to MAIL"),
        pytest.param(MAIL[:1], 2, id="closed at RCPT"),
        pytest.param((*MAIL[:1], "421 closing"), 2, id="421 to RCPT"),
        pytest.param(MAIL[:2], 2, id="closed at DATA"),
        pytest.param((*MAIL[:2], "421 closing"), 2, id="421 to DATA"),
    ],
)
def test_what_a_kept_connection_broke_over_before_the_dot_goes_over_a_fresh_one(
    opening: tuple[str, ...], ends: tuple[str, ...], connections: int
) -> None:
    with scripted((*opening, *MAIL, *ends), (*opening, *MAIL)) as far:
        channel = plain(far.port)
        assert send(channel, 1).kind is SENT
        assert send(channel, 2).kind is SENT
        assert far.connections == connections


def test_only_one_fresh_connection_is_tried(opening: tuple[str, ...]) -> None:
    with scripted((*opening, *MAIL), (*opening, *MAIL[:1]), (*opening, *MAIL)) as far:
        channel = plain(far.port)
        assert send(channel, 1).kind is SENT
        outcome = send(channel, 2)
        assert (outcome.kind, outcome.reason, far.connections) == (RETRY, Reason.UNREACHABLE, 2)


@pytest.mark.parametrize(
    ("ends", "kind"),
    [
        pytest.param(MAIL[:3], UNKNOWN, id="closed after the dot"),
        pytest.param((*MAIL[:3], "garbage"), UNKNOWN, id="garbage after the dot"),
        pytest.param((*MAIL[:3], "421 closing"), RETRY, id="421 after the dot: not taken, but never at once again"),
        pytest.param((*MAIL[:3], "451 4.3.0 later"), RETRY, id="451 after the dot"),
    ],
)
def test_after_the_dot_nothing_is_repeated(
    opening: tuple[str, ...], ends: tuple[str, ...], kind: OutcomeKind
) -> None:
    with scripted((*opening, *MAIL, *ends), (*opening, *MAIL)) as far:
        channel = plain(far.port)
        assert send(channel, 1).kind is SENT
        assert send(channel, 2).kind is kind
        assert far.connections == 1


@pytest.mark.parametrize(
    ("refusals", "connections"),
    [
        pytest.param(("550 5.1.1 gone", "554 5.5.1 no recipient"), 1, id="refused, and no text wanted"),
        pytest.param(("550 5.1.1 gone", "354 go on"), 2, id="refused, and yet it waits for a text"),
    ],
)
def test_a_refusal_among_commands_sent_at_once_is_the_recipients_and_the_next_mail_reads_its_own_replies(
    refusals: tuple[str, ...], connections: int
) -> None:
    opening = ("220 relay", "250-relay\r\n250 PIPELINING")
    goes_on = () if connections == 2 else ("250 reset", *MAIL)
    with scripted((*opening, "250 sender", *refusals, *goes_on), (*opening, *MAIL)) as far:
        channel = plain(far.port)
        gone = send(channel, 1, "gone@example.org")
        assert (gone.kind, gone.reason) == (OutcomeKind.REJECTED, Reason.RECIPIENT_GONE)
        assert send(channel, 2).kind is SENT
        assert far.connections == connections


@pytest.mark.parametrize("fault", ["accept_then_drop", "reset"])
def test_an_answer_lost_on_a_kept_connection_is_unknown_and_stands_at_most_once_in_the_ledger(fault: str) -> None:
    with Smtp() as far:
        channel = plain(far.port)
        assert send(channel, 1).kind is SENT
        far.fault(fault)
        outcome = send(channel, 2)
        assert (outcome.kind, outcome.reason) == (UNKNOWN, Reason.LOST_ANSWER)
        assert once(far.ledger, 2 if fault == "accept_then_drop" else 1)
        assert far.connections == 1


def test_a_relay_that_never_stops_answering_is_cut_off() -> None:
    endless = "\r\n".join(f"250-{number}" for number in range(2000))
    with scripted((*OPENING, endless)) as far:
        assert send(hasty(far.port), 1).kind is RETRY


@pytest.mark.parametrize(
    ("offered", "said"),
    [
        pytest.param("DELIVERBY", True, id="offered"),
        pytest.param("DELIVERBY 240", True, id="from four minutes on"),
        pytest.param("DELIVERBY 86400", False, id="from a day on"),
        pytest.param("DELIVERBY soon", True, id="nonsense"),
        pytest.param("SIZE", False, id="not offered"),
    ],
)
def test_a_relay_that_can_is_told_how_long_the_mail_is_worth_anything(offered: str, said: bool) -> None:
    with scripted(("220 relay", f"250-relay\r\n250 {offered}", *MAIL)) as far:
        at = now()
        ours = message(TO, created_at=at)
        assert plain(far.port).send(ours, at).kind is SENT
        assert far.lines[1].endswith(" BY=3600;R") is said
        assert far.lines[1].startswith("MAIL FROM:<status@example.com>")


def test_an_attempt_whose_time_is_over_says_no_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a SIGSTOP past the lease: what is not ended by a dot was certainly not taken."""
    clock = VirtualClock(FIXED)

    def stopped_for_a_while(session: Session, letter: Letter) -> None:
        assert offer(session, letter) is None
        clock.advance(timedelta(minutes=10))

    offer = Session.offer
    monkeypatch.setattr(Session, "offer", stopped_for_a_while)
    with Smtp() as far:
        channel = plain(far.port)
        monkeypatch.setattr(channel, "_clock", clock)
        outcome = send(channel, 1)
        assert (outcome.kind, outcome.reason) == (RETRY, Reason.UNREACHABLE)
        assert far.ledger == []


# ── the ten minutes after the dot ────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_that_comes_late_is_found_and_meanwhile_others_are_served() -> None:
    with Smtp() as far:
        far.holding = 1
        channel = hasty(far.port)
        slow = message(TO, key="N1/main/1")
        outcome = channel.send(slow, now())
        assert (outcome.kind, outcome.reason, outcome.detail) == (UNKNOWN, Reason.LOST_ANSWER, NOT_YET)
        assert channel.find(slow, now()) == CannotTell(NOT_YET)
        assert send(channel, 2).kind is SENT
        far.release()
        assert soon(lambda: isinstance(channel.find(slow, now()), Found))
        assert channel.find(slow, now()) == Found(far.ledger[0]["id"]), "and stays found, should the store have failed"
        assert once(far.ledger, 2)


def test_a_late_refusal_is_certain() -> None:
    with Smtp() as far:
        far.holding = 1
        far.fault("500_after_accept")
        channel = hasty(far.port)
        slow = message(TO)
        assert channel.send(slow, now()).kind is UNKNOWN
        far.release()
        assert soon(lambda: isinstance(channel.find(slow, now()), NotFound))


def test_a_connection_lost_while_waiting_tells_nothing() -> None:
    with Smtp() as far:
        far.holding = 1
        channel = hasty(far.port)
        slow = message(TO)
        assert channel.send(slow, now()).kind is UNKNOWN
        far.cut_all()
        assert soon(lambda: channel.find(slow, now()) != CannotTell(NOT_YET))
        found = channel.find(slow, now())
        assert isinstance(found, CannotTell)
        assert "without an answer" in found.why


def test_after_ten_minutes_it_is_given_up() -> None:
    with Smtp() as far:
        far.holding = 1
        channel = hasty(far.port, late=LateAnswers(seconds=0.0))
        slow = message(TO)
        assert channel.send(slow, now()).kind is UNKNOWN
        found = channel.find(slow, now())
        assert isinstance(found, CannotTell)
        assert "within 10 minutes" in found.why
        assert soon(lambda: far.open == [])


def test_what_was_said_to_an_earlier_attempt_is_no_word_on_a_later_one() -> None:
    with Smtp() as far:
        far.holding = 1
        far.fault("500_after_accept")
        channel = hasty(far.port)
        again = message(TO)
        assert channel.send(again, now()).kind is UNKNOWN
        far.release()
        assert soon(lambda: isinstance(channel.find(again, now()), NotFound))
        far.fault("accept_then_drop")
        assert channel.send(again, now()).kind is UNKNOWN
        assert isinstance(channel.find(again, now()), CannotTell)
