"""The web part of a daemon to be killed: it hears what Twilio's stand-in says of its messages, over real HTTP.

After each turn of all loops the far side is asked to tell whatever is due, so that each word comes at a known moment.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping

import requests

from notifier.config.web_settings import WebSettings
from notifier.ports import Clock, Store
from notifier.secret import Secret
from notifier.web.needs import WebNeeds
from notifier.web.server import WebServer

from .kinds import BASE

SECONDS = 30
"""For all words that are due together."""


class Hearing:
    """Hears for the far sides that call back; deaf where there are none."""

    def __init__(self, urls: Mapping[str, str], store: Store, clock: Clock) -> None:
        self._urls = [url for kind, url in urls.items() if kind == "sms-callbacks"]
        self._web = _web(store, clock) if self._urls else None
        self.waiting = 0
        """Words that are still to be said."""

    def turn(self) -> None:
        """Let the far sides tell what is due."""
        if self._web is None:
            return
        self.waiting = 0
        for url in self._urls:
            with contextlib.suppress(requests.RequestException):
                here = f"http://127.0.0.1:{self._web.port}"
                answer = requests.post(f"{url}/_words/due", json={"to": here}, timeout=SECONDS)
                self.waiting += answer.json()["waiting"]

    def close(self) -> None:
        """Hear no more."""
        if self._web is not None:
            self._web.stop()


def _web(store: Store, clock: Clock) -> WebServer:
    os.environ["T_WEB"] = os.environ["T_TWILIO"]
    settings = WebSettings(port=0, twilio_token=Secret(env="T_WEB"))
    web = WebServer(WebNeeds(
        settings=lambda: settings, store=store, clock=clock, stuck=tuple, unready=tuple, pushable=frozenset,
        push_poll=lambda source, answer: None, mention_sources=frozenset,
        push_mentions=lambda source, body, headers: (0, (), ""), push_results=lambda source, body, headers: (404, {}),
        before_scrape=lambda: None, public_url=lambda: BASE, company=lambda: "Northeast"))
    web.start()
    return web
