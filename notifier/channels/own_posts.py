"""Whose a post on our own account is: a post that answers for one notice must never be taken for another's.

Networks that take no key are asked for a text, and two notices may say the same. What this process has learnt of its
posts is kept here; after a restart the moments of planning and posting alone part them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

KEPT = 10_000
"""Posts remembered, the newest: more than an account may write in a day."""


class OwnPosts:
    """Which message each of our posts belongs to. Safe to use from several threads."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, post: str, key: str) -> bool:
        """Keep that `post` belongs to the message with `key`, unless it belongs to another. True the first time."""
        with self._lock:
            if post in self._keys:
                return False
            self._keys[post] = key
            while len(self._keys) > KEPT:
                self._keys.popitem(last=False)
            return True

    def is_anothers(self, post: str, key: str) -> bool:
        """Whether `post` is known to belong to another message than the one with `key`."""
        with self._lock:
            return self._keys.get(post, key) != key
