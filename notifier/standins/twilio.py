"""A stand-in for Twilio's message API: create, list, fetch the account, and a signed word on each message's fate."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import requests
from twilio.request_validator import RequestValidator

from ..model.times import parse_rfc3339, rfc3339, utc
from .ledger import Entry
from .speaking import Answer, Asked, StandIn

_VERSION = "/2010-04-01/Accounts/"
_ERRORS: Mapping[int, tuple[int, str]] = {
    401: (20003, "Authenticate"), 403: (20005, "Account not active"), 404: (20404, "Not found"),
    429: (20429, "Too Many Requests"), 500: (20500, "Internal Server Error"), 503: (20503, "Service unavailable"),
}


class Twilio(StandIn):
    """One account. `auth_token` None: any will do. `opted_out` holds numbers that sent STOP; `invalid` those that are
    none."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, ledger: Path | None = None,
        now: Callable[[], datetime] | None = None, auth_token: str | None = None,
    ) -> None:
        super().__init__(host=host, port=port, ledger=ledger, now=now)
        self.auth_token = auth_token
        self.opted_out: set[str] = set()
        self.invalid: set[str] = set()

    def start(self) -> Twilio:
        """Begin to serve."""
        super().start()
        return self

    def sends(self, asked: Asked) -> bool:
        """Creating a message does."""
        return asked.method == "POST" and asked.path.endswith("/Messages.json")

    def answer(self, asked: Asked) -> Answer:
        """As Twilio would."""
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
        """Report a message's fate to its StatusCallback, signed; returns the HTTP status of the answer. Raises
        KeyError for an unknown message or one without a callback."""
        entry = next(entry for entry in self.ledger if entry["id"] == sid)
        url = entry["request"]["StatusCallback"]
        form = {"MessageSid": sid, "MessageStatus": status, "To": entry["address"], "AccountSid": entry["account"]}
        form |= {"ErrorCode": error_code} if error_code else {}
        signature = RequestValidator(self.auth_token or "").compute_signature(url, form)
        answer = requests.post(url, data=form, headers={"X-Twilio-Signature": signature}, timeout=10)
        return answer.status_code

    def _account(self, authorization: str) -> str:
        try:
            plain = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        account, _, token = plain.partition(":")
        fits = bool(token) and self.auth_token in (None, token)
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
        return Answer(201, _message(entry))

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
            return refused(400, 21473, "ValidityPeriod is out of range")
        return None

    def _list(self, asked: Asked, account: str) -> Answer:
        query = asked.query
        rows = [entry for entry in reversed(self.ledger) if entry["account"] == account]
        rows = [entry for entry in rows if query.get("To") in (None, entry["address"])]
        if "DateSent>" in query:  # what is queued has no DateSent yet, and is left out
            rows = [entry for entry in rows if _sent_after(entry, query["DateSent>"])]
        size = int(query["PageSize"]) if query.get("PageSize", "").isdigit() else 50
        page = int(query["Page"]) if query.get("Page", "").isdigit() else 0
        shown = rows[page * size : (page + 1) * size]
        more = f"{asked.path}?PageSize={size}&Page={page + 1}" if len(rows) > (page + 1) * size else None
        messages = [_message(entry) for entry in shown]
        return Answer(200, {"messages": messages, "page": page, "page_size": size, "next_page_uri": more})


def refused(status: int, code: int, words: str) -> Answer:
    """An error as Twilio shapes it."""
    more = f"https://www.twilio.com/docs/errors/{code}"
    return Answer(status, {"code": code, "message": words, "more_info": more, "status": status})


def _sent_after(entry: Entry, since: str) -> bool:
    made = parse_rfc3339(entry["at"])
    try:
        return made >= parse_rfc3339(since)
    except ValueError:
        return made >= utc(parsedate_to_datetime(since)) - timedelta(days=1)


def _message(entry: Entry) -> dict[str, Any]:
    fields = entry["request"]
    made = format_datetime(parse_rfc3339(entry["at"]))
    return {
        "sid": entry["id"], "account_sid": entry["account"], "to": entry["address"], "from": fields.get("From"),
        "messaging_service_sid": fields.get("MessagingServiceSid"), "body": entry["body"], "status": "queued",
        "direction": "outbound-api", "num_segments": "1", "num_media": "0", "price": None, "price_unit": "USD",
        "error_code": None, "error_message": None, "date_created": made, "date_updated": made, "date_sent": None,
        "api_version": "2010-04-01", "uri": f"{_VERSION}{entry['account']}/Messages/{entry['id']}.json",
        "subresource_uris": {},
    }
