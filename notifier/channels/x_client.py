"""tweepy's client, made to ask where we say, in the time we give, and to hand back the answer as it came."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
import tweepy

from notifier.secret import Secret

from .wire import Wire, mounted


class _Addressed(requests.Session):
    """Asks `base`, whatever host tweepy names, before the request is signed: OAuth 1.0a signs the host too (RFC 5849
    3.4.1.2), so a request readdressed later is refused with 401."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As Session.request; tweepy's URLs hold a path only, their parameters come apart."""
        return super().request(method, self._base + urlsplit(str(url)).path, *args, **kwargs)


def make_client(base: str, consumer: tuple[Secret, Secret], access: tuple[Secret, Secret], wire: Wire) -> tweepy.Client:
    """A client of the account whose keys and their secrets these are. Raises SecretMissing."""
    client = tweepy.Client(
        consumer_key=consumer[0].reveal(), consumer_secret=consumer[1].reveal(),
        access_token=access[0].reveal(), access_token_secret=access[1].reveal(),
        return_type=requests.Response, wait_on_rate_limit=False,
    )
    client.session = mounted(_Addressed(base), wire)
    return client
