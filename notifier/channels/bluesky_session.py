"""A session with a personal data server: opened, kept, renewed and opened anew, shared with other processes by a file.

A server allows 30 log-ins in five minutes and 300 a day, and whoever used them up is silent until the next: so a
session is refreshed as long as it can be, and kept over restarts where a file for it is configured
(com.atproto.server.createSession and refreshSession).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from notifier.secret import Secret

from .session_file import SessionFile
from .wire import HttpAnswer, Wire, mounted

STALE = ("ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired")


class NoSession(Exception):
    """The server gave no session: what it answered is in `answer`."""

    def __init__(self, answer: HttpAnswer) -> None:
        super().__init__(f"no session: HTTP {answer.status}")
        self.answer = answer


class Session:
    """The session of `handle` at `base`. Safe to use from several threads."""

    def __init__(self, base: str, handle: str, password: Secret, wire: Wire, file: Path | None = None) -> None:
        self._base, self._handle, self._password = base, handle, password
        self._wire = wire
        self._http = mounted(requests.Session(), wire)
        self._lock = threading.RLock()
        self._tokens: Mapping[str, str] = {}
        self._kept = SessionFile(file, f"{handle}@{base}") if file else None

    def open(self) -> Mapping[str, str]:
        """The session's tokens: those we hold, those another process or our last start kept, or new ones. Raises
        NoSession, SecretMissing or requests.RequestException."""
        with self._lock:
            if not self._tokens:
                password = self._password.reveal()
                self._tokens = self._from_file(password) or self._logged_in(password)
            return self._tokens

    def _from_file(self, password: str) -> Mapping[str, str]:
        kept = self._kept.read(password) if self._kept else {}
        return kept if {"did", "access", "refresh"} <= kept.keys() else {}

    def _logged_in(self, password: str) -> Mapping[str, str]:
        login = {"identifier": self._handle, "password": password}
        answer = self.ask("POST", "com.atproto.server.createSession", json=login)
        tokens = read_session(answer)
        if tokens is None:
            raise NoSession(answer)
        return self._keep(tokens, password)

    def _keep(self, tokens: Mapping[str, str], password: str) -> Mapping[str, str]:
        if self._kept:
            self._kept.write(tokens, password)
        return tokens

    def _renewed(self, stale: Mapping[str, str]) -> Mapping[str, str]:
        """The session as another process renewed it, refreshed, or a new one where it cannot be; another thread's work
        is not done twice."""
        with self._lock:
            if self._tokens is stale:
                password = self._password.reveal()
                kept = self._from_file(password)
                self._tokens = kept if kept and kept["access"] != stale["access"] else self._refreshed(stale, password)
            return self._open_anew() if not self._tokens else self._tokens

    def _refreshed(self, stale: Mapping[str, str], password: str) -> Mapping[str, str]:
        bearer = {"Authorization": f"Bearer {stale['refresh']}"}
        tokens = read_session(self.ask("POST", "com.atproto.server.refreshSession", headers=bearer))
        return self._keep(tokens, password) if tokens else {}

    def _open_anew(self) -> Mapping[str, str]:
        """A new log-in, whatever is kept: what was kept could not be refreshed."""
        self._tokens = self._logged_in(self._password.reveal())
        return self._tokens

    def authorised(self, method: str, name: str, **arguments: Any) -> HttpAnswer:
        """Ask with the session; again with a renewed one where the server no longer knows it, which is tried twice:
        what another process kept may be old too."""
        tokens = self.open()
        for _ in range(2):
            answer = self.ask(method, name, headers={"Authorization": f"Bearer {tokens['access']}"}, **arguments)
            if answer.status not in (400, 401) or answer.fields().get("error") not in STALE:
                return answer
            tokens = self._renewed(tokens)
        return self.ask(method, name, headers={"Authorization": f"Bearer {tokens['access']}"}, **arguments)

    def ask(self, method: str, name: str, **arguments: Any) -> HttpAnswer:
        url = f"{self._base}/xrpc/{name}"
        return self._wire.ask(lambda: self._http.request(method, url, allow_redirects=False, **arguments))


# ── pure ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_session(answer: HttpAnswer) -> Mapping[str, str] | None:
    """did, access and refresh token; None where the answer is no session."""
    read = answer.fields() if answer.status == 200 else {}
    tokens = {own: read.get(name) for own, name in (("did", "did"), ("access", "accessJwt"), ("refresh", "refreshJwt"))}
    if not all(isinstance(value, str) and value.isascii() and value.isprintable() for value in tokens.values()):
        return None
    return {name: str(value) for name, value in tokens.items()}
