"""SMS through Twilio: one message to one number, with the notice's remaining life as the provider's own expiry.

Creating a message takes no idempotency key, so a lost answer is looked for in Twilio's list before anything is sent
again (Twilio REST API 2010-04-01; error codes: twilio.com/docs/api/errors).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Literal
from urllib.parse import quote

import requests
from pydantic import Field, model_validator
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from notifier import metrics
from notifier.model.channel import ChannelProfile
from notifier.model.company import Company
from notifier.model.delivery import Message, Outcome, OutcomeKind, Reason
from notifier.model.limit import Limit
from notifier.model.notice import Mode
from notifier.model.people import AddressKind
from notifier.model.settings import Duration, Settings, Slug
from notifier.notices.sms import encoding, segments
from notifier.ports import CannotTell, Finding, Found, NotFound
from notifier.secret import Secret, SecretMissing

from .allowance import Allowance, limits_of
from .twilio_codes import CODES, CodeClass, Meaning
from .twilio_list import PAGE, next_page, read_pages
from .wire import (
    AT_ONCE_MOST,
    TIMEOUT,
    BaseUrl,
    HttpAnswer,
    Wire,
    at_once,
    failed,
    finding_of,
    judge_status,
    mounted,
    no_secret,
    rejected,
    retry,
    retry_after,
    sent,
    throttled,
    unknown,
)

LIFE_LEAST = timedelta(seconds=5)
LIFE_MOST = timedelta(hours=10)
"""ValidityPeriod's range: 1 to 36,000 seconds, of which Twilio advises more than 5."""
API = "https://api.twilio.com"
_SILENT = logging.Logger("twilio is kept from logging numbers", logging.CRITICAL)


class SmsSettings(Settings):
    """Sending SMS through one Twilio account."""

    id: Slug
    kind: Literal["sms"]
    stands_in_for: Slug | None = None
    """The SMS channel whose messages this account carries while that one's fails; it then sends nothing of its own."""
    mode: Mode = Mode.TEST
    """What the account is for: test notices or live ones."""
    languages: tuple[str, ...] = ()
    """Languages sent; empty: all the company's."""
    per_minute: float = Field(default=60.0, gt=0, le=60_000)
    """Most segments a minute from this sender, all channels that use it together: 60 for one US long code, more for
    pools and short codes."""
    limits: tuple[Allowance, ...] = ()
    """Segments the account may send in a time, counted together for all its channels, such as T-Mobile's cap of a brand
    on 10DLC: 2,000 to 200,000 a day by its vetting."""
    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    """The account's SID."""
    auth_token: Secret
    """The account's auth token."""
    from_number: str | None = Field(default=None, min_length=3, max_length=20)
    """Sender: a number in E.164, a short code or a registered name. Either this or messaging_service_sid."""
    messaging_service_sid: str | None = Field(default=None, pattern=r"^MG[0-9a-fA-F]{32}$")
    """Messaging Service that picks the sender."""
    callback_token: Secret | None = None
    """Auth token this account's webhooks are signed with; web.twilio_token where not given. Two accounts need one
    each."""
    callback_token_secondary: Secret | None = None
    """The account's other auth token while the two are being changed."""
    status_callback_base: BaseUrl | None = None
    """Public address of this daemon's web part; Twilio reports each message's fate there. company.public_url where
    not given."""
    segment_price: float | None = Field(default=None, ge=0)
    """Price of one segment of this route, for notifier_spent_total; company.sms_price where not given."""
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    """Currency of segment_price; company.currency where not given."""
    absent_after: Duration = timedelta(minutes=5)
    """How long a message whose answer was lost may be missing from Twilio's list before it counts as never sent: the
    list lags, and a callback usually tells sooner."""
    base_url: BaseUrl = "https://api.twilio.com"
    """Where Twilio's API is: another for a region, or for stand-ins."""

    @model_validator(mode="after")
    def _one_sender(self) -> SmsSettings:
        if (self.from_number is None) == (self.messaging_service_sid is None):
            raise ValueError("expected exactly one of from_number, messaging_service_sid")
        return self

    def of_company(self, company: Company) -> SmsSettings:
        """These settings, with what they leave to the company."""
        given = {"status_callback_base": company.public_url, "segment_price": company.sms_price,
                 "currency": company.currency}
        return self.model_copy(update={name: of for name, of in given.items() if getattr(self, name) is None})


def callback_tokens(channels: Mapping[str, Settings]) -> Mapping[str, Sequence[Secret]]:
    """Of all configured channels, by id, the auth tokens of those SMS accounts that have some of their own."""
    found = {id: [token for token in (one.callback_token, one.callback_token_secondary) if token is not None]
             for id, one in channels.items() if isinstance(one, SmsSettings)}
    return {id: tokens for id, tokens in found.items() if tokens}


class SmsChannel:
    """One Twilio account. Nothing is read or connected before the first send, find or check. `rate`: segments a
    second. `absent_after`: from when on not being listed proves that a message was not sent."""

    keyed_for = timedelta(0)
    reaches: AddressKind | None = AddressKind.PHONE

    def __init__(self, settings: SmsSettings, *, timeout: tuple[float, float] | None = None) -> None:
        self.id, self.kind, self.mode = settings.id, settings.kind, settings.mode
        self.stands_in_for = settings.stands_in_for
        self.rate, self.absent_after = settings.per_minute / 60, settings.absent_after
        self.at_once = at_once(self.rate, AT_ONCE_MOST)
        account = f"sms/{settings.account_sid}"
        self.limits = (
            Limit.flowing(f"{account}/{settings.from_number or settings.messaging_service_sid}", self.rate),
            *limits_of(account, settings.limits))
        self.profile = ChannelProfile(self.id, self.kind, settings.mode, self.reaches, settings.languages)
        self._settings = settings
        self._wire = Wire(settings.base_url, timeout) if timeout else Wire(settings.base_url)
        self._lock = threading.Lock()
        self._client_made: Client | None = None

    def weigh(self, message: Message) -> float:
        """Segments: what senders and brands are limited by."""
        return float(_parts(message.body)[0])

    def send(self, message: Message, now: datetime) -> Outcome:
        """Create the message, unless it would hardly outlive its own sending."""
        if message.expires_at - now < LIFE_LEAST:
            return rejected(Reason.TOO_LATE, "less than five seconds of its life are left")
        try:
            client, fields = self._client(), payload(message, self._settings, now)
            answer = self._wire.ask(lambda: client.messages.create(**fields), TwilioException)
        except SecretMissing as error:
            return no_secret(error)
        except requests.RequestException as error:
            return failed(error)
        outcome = judge(answer, now)
        if outcome.reason is Reason.AUTHENTICATION:
            self._forget()
        if outcome.kind is OutcomeKind.SENT:
            self._count(message.body)
        return outcome

    def _count(self, body: str) -> None:
        """Count what an accepted message is billed as. Of a Messaging Service Twilio says no number at first."""
        parts, coding = _parts(body)
        metrics.SMS_SEGMENTS.labels(self.id, coding).inc(parts)
        if self._settings.segment_price:
            metrics.SPENT.labels(self.id, self._settings.currency or "USD").inc(parts * self._settings.segment_price)

    def find(self, message: Message, now: datetime) -> Found | NotFound | CannotTell:
        """Look through what was sent to this number since a minute before the message was made."""
        try:
            return read_pages(self._pages(message.address), message, now)
        except SecretMissing as error:
            return CannotTell(str(error))
        except requests.RequestException as error:
            return CannotTell(f"Twilio cannot be read: {type(error).__name__}")

    def _pages(self, address: str) -> Iterator[HttpAnswer]:
        """The list of messages to a number, newest first, page after page as Twilio links them."""
        messages = self._client().messages
        first = self._wire.ask(partial(messages.page, to=address, page_size=PAGE), TwilioException)
        yield first
        following = next_page(first, self._settings.account_sid)
        while following is not None:
            answer = self._wire.ask(partial(messages.get_page, API + following), TwilioException)
            yield answer
            following = next_page(answer, self._settings.account_sid)

    def check(self) -> Sequence[Finding]:
        """Fetch the account."""
        return (finding_of(f"channel {self.id}", self._fetch, _standing),)

    def _fetch(self) -> HttpAnswer:
        client = self._client()
        return self._wire.ask(lambda: client.api.accounts(self._settings.account_sid).fetch(), TwilioException)

    def _forget(self) -> None:
        """Read the token anew next time: it may have been renewed since."""
        with self._lock:
            self._client_made = None

    def _client(self) -> Client:
        with self._lock:
            if self._client_made is None:
                token = self._settings.auth_token.reveal()
                http = TwilioHttpClient(timeout=TIMEOUT[1], logger=_SILENT)
                mounted(http.session, self._wire)
                self._client_made = Client(self._settings.account_sid, token, http_client=http)
            return self._client_made


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def payload(message: Message, settings: SmsSettings, now: datetime) -> dict[str, Any]:
    """What is asked of Twilio. The provider's queue gets the notice's remaining life, so that no text arrives after
    the notice has passed."""
    life = min(max(message.expires_at - now, timedelta(seconds=1)), LIFE_MOST)
    fields: dict[str, Any] = {
        "to": message.address, "body": message.body, "validity_period": int(life.total_seconds()),
    }
    if settings.messaging_service_sid is not None:
        fields["messaging_service_sid"] = settings.messaging_service_sid
    else:
        fields["from_"] = settings.from_number
    if settings.status_callback_base is not None:
        path = f"/hooks/twilio/status/{settings.id}/{quote(message.delivery, safe='')}"
        fields["status_callback"] = settings.status_callback_base.rstrip("/") + path
    return fields


@lru_cache(maxsize=64)
def _parts(body: str) -> tuple[int, str]:
    """Segments and encoding, counted once for the thousands who are told the same."""
    return segments(body), encoding(body)


def judge(answer: HttpAnswer, now: datetime) -> Outcome:
    """What Twilio's answer to a creation means: by its error code where that is known, else by the status."""
    read = answer.fields()
    if answer.status in (200, 201):
        sid = read.get("sid")
        return sent(sid) if isinstance(sid, str) and sid else judge_status(replace(answer, status=299), now)
    code = read.get("code")
    if answer.status < 500 and isinstance(code, int) and code in CODES:
        return _meant(CODES[code], retry_after(answer.headers, now), f"HTTP {answer.status}, Twilio {code}", now)
    if answer.status == 403:
        return retry(Reason.FORBIDDEN, "HTTP 403: the account may not do this", stops=True)
    outcome = judge_status(answer, now)
    return replace(outcome, detail=f"{outcome.detail}, Twilio {code}") if isinstance(code, int) else outcome


def _meant(meaning: Meaning, retry_at: datetime | None, detail: str, now: datetime) -> Outcome:
    """What a code means for a message that was not created."""
    if meaning.klass is CodeClass.UNKNOWN:
        return unknown(meaning.reason, detail)
    if meaning.klass is CodeClass.WAIT:
        at = retry_at or now + meaning.wait
        return throttled(detail, at) if meaning.reason is Reason.RATE_LIMITED else retry(meaning.reason, detail, at=at)
    if meaning.klass is CodeClass.STOP and meaning.again:
        return retry(meaning.reason, detail, stops=True, at=retry_at)
    return rejected(meaning.reason, detail, stops=meaning.klass is CodeClass.STOP)


def _standing(answer: HttpAnswer) -> str | None:
    status = answer.fields().get("status")
    return "the account is active" if status == "active" else None
