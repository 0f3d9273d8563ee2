"""Our own accounts' statuses on Mastodon, asked for beside the stream.

Mastodon puts no reply to another account into its public streams (only a hashtag's stream has it, where it bears the
tag), so what our account answers is read from the account itself: GET /api/v1/accounts/lookup once, then GET
/api/v1/accounts/ID/statuses from the newest known on. A failure is told in the log and tried again; it neither ends the
stream nor makes the source blind: our customers are still heard.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
import urllib3

from ...model.mention import Mention
from ...ports import Clock
from ...secret import Secret, SecretMissing
from .mastodon_posts import mention_from
from .posts import part, parts, words
from .wire import Wire, never_redirected

log = structlog.get_logger(__name__)

PAGE = 40
"""Statuses an answer holds at most (Mastodon's API)."""
PAGES = 5
"""Answers read of one account at one look."""
FIRST_LOOK = timedelta(minutes=30)
"""How far back the first look reaches."""
PATIENCE = (3.05, 5.0)
"""Seconds to connect and to wait: the stream is not read meanwhile."""


_NUMBER = re.compile(r"[0-9]{1,20}")


class _Refused(Exception):
    """The server did not give what was asked; the text says why."""


@dataclass
class _Account:
    """One account: its name as configured, its id on the server asked, its newest status known, and what failed."""

    name: str
    id: str | None = None
    newest: str | None = None
    failed: str = ""


class OwnStatuses:
    """Asks for the statuses of our accounts, every so often at most."""

    def __init__(self, accounts: Iterable[str], base_url: str, *, source: str, every: timedelta, clock: Clock,
                 token: Secret | None = None) -> None:
        self._accounts = [_Account(name) for name in accounts]
        self._base = base_url
        self._source = source
        self._every = every.total_seconds()
        self._clock = clock
        self._token = token
        self._due = 0.0

    def look(self, take: Callable[[Mention], None]) -> None:
        """Hand on what our accounts wrote since the last look, oldest first; nothing while it is not due. Never raises
        for what a server can send."""
        if not self._accounts or self._clock.monotonic() < self._due:
            return
        self._due = self._clock.monotonic() + self._every
        for account in self._accounts:
            why = self._try(partial(self._read, account, take))
            if why and not account.failed:
                log.warning("mastodon.own_account_unheard", source=self._source, account=account.name, why=why)
            account.failed = why
            if why:
                account.id = None  # it may have moved

    def missing(self) -> str:
        """Why one of the accounts cannot be read, in words; "" where all can."""
        for account in self._accounts:
            why = self._try(partial(self._find, account))
            if why:
                return f"{account.name} cannot be read: {why}"
        return ""

    def _try(self, ask: Callable[[requests.Session], object]) -> str:
        """Ask, and say why it failed; "" where it did not."""
        wire = Wire(self._base, clock=self._clock)
        with requests.Session() as session:
            session.mount("https://", wire)
            session.mount("http://", wire)
            never_redirected(session)
            try:
                if self._token is not None:
                    session.headers["Authorization"] = f"Bearer {self._token.reveal()}"
                ask(session)
            except (_Refused, SecretMissing) as refused:
                return str(refused)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                return f"not reached: {type(error).__name__}"
        return ""

    def _get(self, session: requests.Session, path: str, asked: Mapping[str, str]) -> Any:
        base = urlsplit(self._base)
        answer = session.get(f"{base.scheme}://{base.netloc}{path}", params=asked, timeout=PATIENCE)
        if answer.status_code != 200:
            raise _Refused(f"the server answered with status {answer.status_code}")
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError):
            raise _Refused("the server answered with something that is not JSON") from None

    def _find(self, account: _Account, session: requests.Session) -> str:
        """The account's id on this server."""
        if account.id is None:
            name, _, host = account.name.partition("@")
            local = host.casefold() == (urlsplit(self._base).hostname or "").casefold()
            found = self._get(session, "/api/v1/accounts/lookup", {"acct": name if local else account.name})
            account.id = words(part(found).get("id"))
            if account.id is None or not account.id.isalnum():
                account.id = None
                raise _Refused("the server names no id for it")
        return account.id

    def _read(self, account: _Account, take: Callable[[Mention], None], session: requests.Session) -> None:
        id = self._find(account, session)
        for _ in range(PAGES):
            asked = {"limit": str(PAGE), "exclude_reblogs": "true"}
            if account.newest is not None:
                asked["min_id"] = account.newest
            first = account.newest is None
            page = parts(self._get(session, f"/api/v1/accounts/{id}/statuses", asked), PAGE)
            numbered = [(int(known), status) for status in page
                        if (known := words(status.get("id"))) is not None and _NUMBER.fullmatch(known)]
            for number, status in sorted(numbered, key=lambda one: one[0]):
                account.newest = str(max(number, int(account.newest or 0)))
                self._hand_on(status, account, take, first=first)
            if first or len(page) < PAGE:
                return

    def _hand_on(self, status: Mapping[str, Any], account: _Account, take: Callable[[Mention], None], *,
                 first: bool) -> None:
        """The author is the account as configured, whatever the server calls it: a post of ours must not be taken for a
        customer's. A thread that goes on with our own post answers nobody."""
        now = self._clock.now()
        mention = mention_from(status, urlsplit(self._base).hostname or "", now)
        if mention is None or (first and mention.created_at < now - FIRST_LOOK):
            return
        mention = replace(mention, author=account.name)
        if words(status.get("in_reply_to_account_id")) == account.id:
            mention = replace(mention, reply_to=None, reply_to_at=None)
        take(mention)
