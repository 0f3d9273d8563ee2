"""A stand-in for Twilio's message API: create, list, fetch the account, and a signed word on each message's fate.

The list is as Twilio's is: newest first, in pages linked by a token; its filter by DateSent leaves out what is not
sent yet; and it may lag behind what was accepted.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from twilio.request_validator import RequestValidator

from ..model.times import parse_rfc3339, rfc3339, utc
from ..notices.sms import segments
from .ledger import Entry
from .speaking import Answer, Asked, StandIn
from .twilio_words import Words

_VERSION = "/2010-04-01/Accounts/"
WORD_SECONDS = 0.5
"""How long a word that is told by script waits for its answer; who does not answer has not heard it."""
UNSENT = ("accepted", "scheduled", "queued", "sending", "failed", "canceled")
"""Statuses of a message that has not left, or never will: it has no DateSent."""
_ERRORS: Mapping[int, tuple[int, str]] = {
    401: (20003, "Authenticate"), 403: (20005, "Account not active"), 404: (20404, "Not found"),
    429: (20429, "Too Many Requests"), 500: (20500, "Internal Server Error"), 503: (20503, "Service unavailable"),
}


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a message, and when."""

    status: str
    code: str
    at: datetime


class Twilio(StandIn):
    """One account. `auth_token` None: any will do, and callbacks are signed with the last one seen. `opted_out` holds
    numbers that sent STOP; `invalid` those that are none."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, ledger: Path | None = None,
        now: Callable[[], datetime] | None = None, auth_token: str | None = None,
    ) -> None:
        super().__init__(host=host, port=port, ledger=ledger, now=now)
        self.auth_token = auth_token
        self.opted_out: set[str] = set()
        self.invalid: set[str] = set()
        self.lag = timedelta()
        """How long a message that was accepted is missing from the list."""
        self._token = ""
        self._fates: dict[str, Fate] = {}
        self.words = Words(ledger)

    def start(self) -> Twilio:
        """Begin to serve."""
        super().start()
        return self

    def sends(self, asked: Asked) -> bool:
        """Creating a message does."""
        return asked.method == "POST" and asked.path.endswith("/Messages.json")

    def answer(self, asked: Asked) -> Answer:
        """As Twilio would. POST /_callback {"sid", "status", "code"} lets a message meet its fate: see `call_back`.
        POST /_words says which fates messages will meet, and POST /_words/due {"to"} reports those whose time has come:
        see `twilio_words`."""
        if asked.path == "/_callback":
            return self._callback(asked.fields())
        if asked.path == "/_words":
            self.words.rule(asked.fields())
            return Answer(200, {})
        if asked.path == "/_words/due":
            return self._tell(str(asked.fields().get("to", "")))
        account = self._account(asked.headers.get("authorization", ""))
        if not account:
            return self.refusal(401)
        if asked.path == f"{_VERSION}{account}.json":
            return Answer(200, {"sid": account, "status": "active", "type": "Full", "friendly_name": "Example"})
        if asked.path != f"{_VERSION}{account}/Messages.json":
            return self.refusal(404)
        return self._create(asked, account) if asked.method == "POST" else self._list(asked, account)

    def refusal(self, status: int) -> Answer:
        """As Twilio words it."""
        code, words = _ERRORS.get(status, (20000 + status, f"told to answer {status}"))
        return refused(status, code, words)

    def call_back(self, sid: str, status: str, error_code: str = "") -> int:
        """Let a message meet a fate and report it to its StatusCallback, signed; returns the HTTP status of the
        answer. Called twice, or with an earlier status, it is the doubled or late callback that Twilio warns of.
        Raises KeyError for an unknown message or one without a callback."""
        return self._post(sid, status, error_code, "", 10)

    def _post(self, sid: str, status: str, error_code: str, to: str, timeout: float) -> int:
        """Report a fate; `to` is where the public address really leads, "" where it is the address itself."""
        entry = {entry["id"]: entry for entry in self.ledger}[sid]
        url = entry["request"]["StatusCallback"]
        self._fates[sid] = Fate(status, error_code, self.now())
        form = {"MessageSid": sid, "MessageStatus": status, "To": entry["address"], "AccountSid": entry["account"]}
        form |= {"ErrorCode": error_code} if error_code else {}
        signature = RequestValidator(self.auth_token or self._token).compute_signature(url, form)
        where = to + urlsplit(url).path if to else url
        answer = requests.post(where, data=form, headers={"X-Twilio-Signature": signature}, timeout=timeout)
        return answer.status_code

    def _tell(self, to: str) -> Answer:
        """Report, in their order, the words whose time has come."""
        now = self.now()
        for word in self.words.due(now):
            answered = 0
            if word.told:
                with contextlib.suppress(requests.RequestException):
                    answered = self._post(word.sid, word.status, word.code, to, WORD_SECONDS)
            self.words.told(word, answered, after=len(self.ledger))
        return Answer(200, {"waiting": self.words.waiting})

    def _callback(self, wish: Mapping[str, Any]) -> Answer:
        try:
            heard = self.call_back(str(wish.get("sid")), str(wish.get("status")), str(wish.get("code") or ""))
        except KeyError:
            return Answer(404, {"error": "no such message, or it names no StatusCallback"})
        except requests.RequestException as error:
            return Answer(502, {"error": f"nobody heard it: {type(error).__name__}"})
        return Answer(200, {"answered": heard})

    def _account(self, authorization: str) -> str:
        try:
            plain = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        account, _, token = plain.partition(":")
        fits = bool(token) and self.auth_token in (None, token)
        self._token = token if fits else self._token
        return account if fits and re.fullmatch(r"AC[0-9a-fA-F]{32}", account) else ""

    def _create(self, asked: Asked, account: str) -> Answer:
        fields = asked.fields()
        wrong = self._wrong(fields)
        if wrong is not None:
            return wrong
        sid = f"SM{len(self.ledger) + 1:032x}"
        entry = {
            "provider": "twilio", "id": sid, "at": rfc3339(self.now()), "address": fields["To"], "key": "",
            "body": fields["Body"], "account": account, "headers": asked.seen(), "request": fields,
        }
        self.book.add(entry)
        self.words.made(sid, str(fields.get("StatusCallback", "")), self.now())
        return Answer(201, _message(entry, None))

    def _wrong(self, fields: Mapping[str, Any]) -> Answer | None:
        to, life = str(fields.get("To", "")), str(fields.get("ValidityPeriod", "36000"))
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to) or to in self.invalid:
            return refused(400, 21211, "Invalid 'To' Phone Number")
        if to in self.opted_out:
            return refused(400, 21610, "Attempt to send to unsubscribed recipient")
        if not fields.get("From") and not fields.get("MessagingServiceSid"):
            return refused(400, 21603, "A 'From' phone number is required")
        if not fields.get("Body"):
            return refused(400, 21602, "Message body is required")
        if len(str(fields["Body"])) > 1600:
            return refused(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if not life.isdigit() or not 1 <= int(life) <= 36_000:
            return refused(400, 21624, "Invalid validity period value")
        if not re.fullmatch(r"https?://[^/_\s]+(/\S*)?", str(fields.get("StatusCallback", "https://e.com"))):
            return refused(400, 21609, "Invalid 'StatusCallback'")
        return None

    def _list(self, asked: Asked, account: str) -> Answer:
        query = asked.query
        rows = self._rows(account, query)
        token, size = query.get("PageToken", ""), query.get("PageSize", "50")
        if not size.isdigit() or not 1 <= int(size) <= 1000:
            return refused(400, 20001, "Invalid page size")
        start = 0
        if token:
            after = [number for number, entry in enumerate(rows) if token == f"PA{entry['id']}"]
            if not after:
                return refused(400, 21481, "Invalid PageToken")
            start = after[0] + 1
        shown = rows[start : start + int(size)]
        messages = [_message(entry, self._fates.get(entry["id"])) for entry in shown]
        more = _next(asked, shown[-1]) if len(rows) > start + int(size) else None
        page = {"page": int(query.get("Page", "0") or 0), "page_size": int(size), "next_page_uri": more}
        return Answer(200, {"messages": messages, **page})

    def _rows(self, account: str, query: Mapping[str, str]) -> list[Entry]:
        """What the list holds, newest first."""
        until = self.now() - self.lag
        rows = [entry for entry in reversed(self.ledger) if entry["account"] == account]
        rows = [entry for entry in rows if query.get("To") in (None, entry["address"])]
        rows = [entry for entry in rows if not self.lag or parse_rfc3339(entry["at"]) <= until]
        if "DateSent>" in query:
            rows = [entry for entry in rows if _sent_after(self._fates.get(entry["id"]), query["DateSent>"])]
        return rows


def _next(asked: Asked, last: Entry) -> str:
    """The next page's address: the same question, and a token that stays right whatever is sent meanwhile."""
    page = str(int(asked.query.get("Page", "0") or 0) + 1)
    return f"{asked.path}?{urlencode({**asked.query, 'Page': page, 'PageToken': 'PA' + last['id']})}"


def refused(status: int, code: int, words: str) -> Answer:
    """An error as Twilio shapes it."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(status, {"code": code, "message": words, "more_info": more, "status": status})


def _sent_after(fate: Fate | None, since: str) -> bool:
    """Whether a message has a DateSent, and one that the filter lets through; what is queued has none."""
    if fate is None or fate.status in UNSENT:
        return False
    try:
        return fate.at >= parse_rfc3339(since)
    except ValueError:
        return fate.at >= utc(parsedate_to_datetime(since)) - timedelta(days=1)


def _message(entry: Entry, fate: Fate | None) -> dict[str, Any]:
    fields = entry["request"]
    made = format_datetime(parse_rfc3339(entry["at"]))
    service = fields.get("MessagingServiceSid")
    first = "accepted" if service else "queued"
    sent_at = None if fate is None or fate.status in UNSENT else format_datetime(fate.at)
    return {
        "sid": entry["id"], "account_sid": entry["account"], "to": entry["address"], "from": fields.get("From"),
        "messaging_service_sid": service, "body": entry["body"], "status": first if fate is None else fate.status,
        "direction": "outbound-api", "num_segments": "0" if service else str(segments(entry["body"])),
        "num_media": "0", "price": None, "price_unit": "USD",
        "error_code": int(fate.code) if fate is not None and fate.code else None, "error_message": None,
        "date_created": made, "date_updated": made, "date_sent": sent_at, "api_version": "2010-04-01",
        "uri": f"{_VERSION}{entry['account']}/Messages/{entry['id']}.json", "subresource_uris": {},
    }
