"""E-mail over SMTP, judged by the stage at which it failed.

Until the final dot is sent a failure means that nothing was accepted; after it, silence means nobody knows (RFC 5321
4.5.3.2; RFC 1047 tells how doubles are born there). SMTP cannot be asked afterwards, so that is UNKNOWN and stays it,
unless the relay answers late, within its ten minutes. Every attempt carries the same Message-ID, by which some
receivers drop a second copy. Hand mail to a relay close by.
"""

from __future__ import annotations

import smtplib
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.clock import SystemClock
from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Message, Outcome, Reason
from notifier.model.limit import Limit
from notifier.model.people import AddressKind
from notifier.net.deadline import Deadline
from notifier.ports import CannotTell, Finding, Found, NotFound, still_held
from notifier.secret import Secret, SecretMissing

from .allowance import limits_of
from .mail.late import NOT_YET, LateAnswers
from .mail.mailbox import checked
from .mail.pool import Pool
from .mail.replies import broken, judge
from .mail.session import CLOSING, CannotOpen, Reply, Session, open_session
from .mail.settings import EmailSettings, is_address
from .mail.signing import CannotSign, DkimSettings, signed
from .mail.writing import Letter, letter
from .wire import CLAIM_PASSED, at_once, no_secret, rejected, retry, sent, unknown

__all__ = ["EmailChannel", "EmailSettings"]

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 30.0
"""RFC 5321 allows minutes; a relay that takes so long is down, and a retry costs nothing before the final dot. After
the dot the answer is waited for so long in the sender's place, and for the rest of the ten minutes beside it."""
CONNECTIONS_MOST = 8
"""Connections to one relay at a time: relays count them (Postfix: 50 from one address)."""
ATTEMPT_MOST = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One mail's way to the relay: `until` is when it is over (monotonic seconds), at which `deadline` cuts it; `age`
    is the message's."""

    key: str
    mail: Letter
    deadline: Deadline
    until: float
    now: datetime
    age: timedelta


class EmailChannel:
    """One relay. Nothing is read or connected before the first send or check. `rate`: messages a second;
    `attempt_most`: what one attempt takes at most, all stages together: the lease is never shorter."""

    keyed_for = timedelta(0)
    attempt_most = ATTEMPT_MOST
    reaches: AddressKind | None = AddressKind.EMAIL

    def __init__(
        self, settings: EmailSettings, *, timeout: tuple[float, float] | None = None, pool: Pool | None = None,
        late: LateAnswers | None = None,
    ) -> None:
        self.id, self.kind, self.mode = settings.id, settings.kind, settings.mode
        self.stands_in_for = settings.stands_in_for
        self.rate = settings.per_minute / 60
        self.at_once = at_once(self.rate, CONNECTIONS_MOST)
        relay = f"email/{settings.host}:{settings.port}/{settings.username or settings.sender}"
        self.limits = (Limit.flowing(f"channel/{self.id}", self.rate), *limits_of(relay, settings.limits))
        self.profile = ChannelProfile(self.id, self.kind, settings.mode, self.reaches, settings.languages)
        self._settings = settings
        self._timeout = timeout or (CONNECT_SECONDS, COMMAND_SECONDS)
        self._clock = SystemClock()
        self._pool = pool or Pool()
        self._late = late or LateAnswers()
        # A reload makes another channel and drops this one, which nobody closes.
        weakref.finalize(self, _close, self._pool, self._late)

    def send(self, message: Message, now: datetime) -> Outcome:
        """Hand it to the relay, over a connection that is open already where there is one.

        What such a connection breaks over before the final dot is certainly not accepted: relays close connections
        they have kept long enough. It is tried once more on a fresh one. After the dot nothing is ever repeated here.
        """
        if not is_address(message.address):
            return rejected(Reason.INVALID_ADDRESS, "not an address SMTP can carry without SMTPUTF8")
        self._late.forget(message.key)
        age = now - message.created_at
        try:
            mail = letter(message, self._settings, now)
        except SecretMissing as error:
            return no_secret(error)
        except CannotSign as error:
            return retry(Reason.NOT_PERMITTED, str(error), stops=True)
        until = self._clock.monotonic() + self.attempt_most.total_seconds()
        with Deadline(self.attempt_most.total_seconds()) as deadline:
            attempt = Attempt(message.key, mail, deadline, until, now, age)
            kept = self._pool.take()
            if kept is not None:
                outcome = self._hand_over(kept, attempt)
                if outcome is not None:
                    return outcome
            fresh = self._opened(attempt)
            if isinstance(fresh, Outcome):
                return fresh
            outcome = self._hand_over(fresh, attempt, fresh=True)
        assert outcome is not None
        return outcome

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """SMTP has no memory to ask; but a relay that was still silent after the final dot may have answered since."""
        return self._late.look(message.key) or CannotTell(
            "a mail relay cannot be asked what it accepted: look into its log for the Message-ID")

    def check(self) -> Sequence[Finding]:
        """Connect, encrypt and log in, and leave again; sign something, and look into the mailbox of bounces, where
        there are such."""
        subject, own = f"channel {self.id}", self._settings
        findings = [self._check_relay(subject)]
        if own.dkim is not None:
            findings.append(_check_key(f"{subject} DKIM", own.dkim, own.domain))
        if own.bounces is not None:
            findings.append(checked(f"{subject} bounces", own.bounces))
        return findings

    def _check_relay(self, subject: str) -> Finding:
        try:
            with Deadline(self.attempt_most.total_seconds()) as deadline:
                session = open_session(self._settings, self._timeout, deadline, revealed(self._settings.password))
                session.noop()
                session.quit()
        except SecretMissing as error:
            return Finding(subject, False, str(error))
        except CannotOpen as error:
            return Finding(subject, False, _why_closed(error))
        except (OSError, ValueError) as error:
            return Finding(subject, False, f"failed at sender: {type(error).__name__}")
        return Finding(subject, True, f"takes mail from {self._settings.sender}")

    def _opened(self, attempt: Attempt) -> Session | Outcome:
        """A fresh session, or what its failing means."""
        try:
            return open_session(self._settings, self._timeout, attempt.deadline, revealed(self._settings.password))
        except SecretMissing as error:
            return no_secret(error)
        except CannotOpen as error:
            cause = error.__cause__
            if isinstance(cause, smtplib.SMTPResponseException):
                return judge(error.stage, cause.smtp_code, cause.smtp_error, attempt.now, attempt.age)
            assert isinstance(cause, Exception)
            return broken(error.stage, cause)

    def _hand_over(self, session: Session, attempt: Attempt, *, fresh: bool = False) -> Outcome | None:
        """What became of it; None where a session that was not `fresh` broke before the final dot."""
        try:
            session.begin(attempt.deadline)
            reply = session.offer(attempt.mail)
            if reply is None:
                left = attempt.until - self._clock.monotonic()
                if left <= 0:  # stopped on the way for so long that the lease may be another's: then say no dot
                    raise TimeoutError
                if not still_held():
                    session.close()
                    return retry(Reason.LEASE_LOST, CLAIM_PASSED)
                reply = session.finish(min(self._timeout[1], left - 1))
        except (OSError, ValueError) as error:
            session.close()
            return None if not fresh and session.stage != "dot" else broken(session.stage, error)
        if reply is None:
            self._late.hold(attempt.key, attempt.mail.id, session)
            return unknown(Reason.LOST_ANSWER, NOT_YET)
        return self._judged(session, reply, attempt, fresh)

    def _judged(self, session: Session, reply: Reply, attempt: Attempt, fresh: bool) -> Outcome | None:
        if reply.accepted:
            self._pool.give(session)
            return sent(attempt.mail.id)
        if reply.code != CLOSING and 400 <= reply.code <= 599:
            self._pool.give(session)
        else:
            session.close()  # it is ending, or out of step with us: what it says next could be taken for another's word
            if not fresh and reply.stage != "dot":
                return None
        return judge(reply.stage, reply.code, reply.words, attempt.now, attempt.age)


def revealed(secret: Secret | None) -> str | None:
    """The secret, where one is asked for. Raises SecretMissing."""
    return None if secret is None else secret.reveal()


def _check_key(subject: str, settings: DkimSettings, domain: str) -> Finding:
    try:
        signed(b"From: a\r\n\r\n", domain, settings)
    except (SecretMissing, CannotSign) as error:
        return Finding(subject, False, str(error))
    return Finding(subject, True, f"signs as {domain} with {settings.selector}; DNS was not asked for its public half")


def _why_closed(error: CannotOpen) -> str:
    cause = error.__cause__
    if isinstance(cause, smtplib.SMTPResponseException):
        return f"answered {cause.smtp_code} at {error.stage}"
    return f"failed at {error.stage}: {type(cause).__name__}"


def _close(pool: Pool, late: LateAnswers) -> None:
    pool.close()
    late.close()
