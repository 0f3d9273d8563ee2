"""The way back of mail: bounces become the provider's later word on a delivery.

They come from a mailbox, or are handed in by a relay through the web part. A mail is marked as read only once the store
has what it said; after a crash it is read again, and the store takes no word twice.
"""

from __future__ import annotations

import structlog

from notifier import metrics
from notifier.ports import Clock, Store

from .dsn import MOST_BYTES, Bounce, read_bounce
from .mailbox import MailboxFailed, opened
from .returns import delivery_in
from .settings import EmailSettings, MailboxSettings
from .writing import message_id

log = structlog.get_logger(__name__)

MAILS_MOST = 100
"""Mails read in one turn."""


class Bounces:
    """Reads one channel's mailbox. Raises StoreUnavailable from `run_once` where the store cannot keep a word: the mail
    stays unread."""

    def __init__(self, settings: EmailSettings, mailbox: MailboxSettings, store: Store, clock: Clock) -> None:
        self._settings = settings
        self._mailbox = mailbox
        self._store = store
        self._clock = clock
        self._failing = False
        self.every = mailbox.every.total_seconds()

    def run_once(self) -> bool:
        """Read what is unread, at most a hundred. True if there was more."""
        try:
            with opened(self._mailbox) as box:
                ids = box.unread(MAILS_MOST)
                for id in ids:
                    taken(self._settings, box.read(id, MOST_BYTES), self._store, self._clock)
                    box.mark(id)
        except MailboxFailed as error:
            self._failed(str(error))
            return False
        self._failing = False
        metrics.BOUNCES_READ.labels(self._settings.id).set(self._clock.now().timestamp())
        return len(ids) == MAILS_MOST

    def _failed(self, why: str) -> None:
        if not self._failing:
            log.error("bounces.unreadable", channel=self._settings.id, why=why)
        self._failing = True


def taken(settings: EmailSettings, raw: bytes, store: Store, clock: Clock) -> str:
    """Give the store what a mail says, where it is a bounce of ours. Returns what became of it: "changed",
    "unchanged" (known already), "unmarked" (no mark of ours, or a made-up one) or "no_bounce". Raises StoreUnavailable,
    and SecretMissing."""
    bounce = read_bounce(raw)
    result = "no_bounce" if bounce is None else _settled(settings, bounce, store, clock)
    metrics.CALLBACKS.labels("smtp", result).inc()
    if result == "changed" and bounce is not None:
        log.info("delivery.bounced", channel=settings.id, state=bounce.state, reason=bounce.reason)
    if result == "unmarked":
        log.warning("bounce.unmarked", channel=settings.id, keyed=settings.bounce_key is not None)
    return result


def _settled(settings: EmailSettings, bounce: Bounce, store: Store, clock: Clock) -> str:
    delivery = subject_of(settings, bounce)
    if delivery is None:
        return "unmarked"
    id = message_id(delivery, settings.domain)
    changed = store.callback(id, bounce.state, bounce.reason, clock.now(), delivery=delivery, route=settings.id)
    return "changed" if changed else "unchanged"


def subject_of(settings: EmailSettings, bounce: Bounce) -> str | None:
    """The delivery that a bounce is about, by the mark it was sent to; None without one. The Message-ID a bounce quotes
    proves nothing: whoever knows the notice and the address can work it out, and end a delivery that arrived. Raises
    SecretMissing."""
    if settings.bounce_key is None:
        return None
    return delivery_in(bounce.sent_to, settings.bounces_to or "", settings.bounce_key.reveal())
