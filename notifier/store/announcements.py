"""What other nodes say over PostgreSQL when they have put deliveries into the outbox (LISTEN and NOTIFY).

A hint, never the truth: whoever misses one finds the same rows when it next looks by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import psycopg
import structlog

from notifier.ports import StoreUnavailable

from .connections import Connection, dedicated
from .settings import StoreSettings

log = structlog.get_logger(__name__)

OUTBOX = "notifier_outbox"
"""PostgreSQL's channel of notifications; one database is one deployment, so it needs no name of its own."""
LOOK_SECONDS = 1.0
"""How soon the thread sees that it is to end."""
SILENT_LOOKS = 5
"""Looks without a word after which the connection is tried: one that was cut says nothing either."""
AGAIN_SECONDS = 5.0
"""Before a broken connection is made anew."""


class Announcements:
    """A connection of its own to PostgreSQL over which other nodes say that they put deliveries into the outbox."""

    def __init__(self, settings: StoreSettings, heard: Callable[[], None]) -> None:
        self._settings = settings
        self._heard = heard
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="store:announcements", daemon=True)

    def start(self) -> None:
        """Begin to listen, in a thread. May be called again."""
        if not self._thread.is_alive() and not self._ending.is_set():
            self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(3 * LOOK_SECONDS)

    def _listen(self) -> None:
        broken = False
        while not self._ending.is_set():
            try:
                connection = dedicated(self._settings)
                try:
                    connection.execute(f"LISTEN {OUTBOX}")
                    self._heard()  # whatever was said meanwhile
                    broken = False
                    self._follow(connection)
                finally:
                    with suppress(psycopg.Error):
                        connection.close()
            except (psycopg.Error, StoreUnavailable) as error:
                if not broken:
                    log.warning("store.announcements_lost", error=str(error), until="senders look twice a second")
                broken = True
                self._ending.wait(AGAIN_SECONDS)

    def _follow(self, connection: Connection) -> None:
        """Pass on what is said until asked to end. Raises psycopg.Error where the connection breaks."""
        silent = 0
        while not self._ending.is_set():
            said = list(connection.notifies(timeout=LOOK_SECONDS, stop_after=1))
            silent = 0 if said else silent + 1
            if said:
                self._heard()
            elif silent >= SILENT_LOOKS:
                connection.execute("SELECT 1")
                silent = 0
