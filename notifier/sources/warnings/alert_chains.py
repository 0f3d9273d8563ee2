"""Messages of public alerts that speak of one trouble: an alert, its updates, its cancellation.

Pure. A message names those it replaces (references), not the one it all began with; messages come late, twice, out of
order or not at all. A chain is known by the identifier it began with, as far as we know; what is remembered of it is
when its newest message was sent and whether that ended it, so that an older message changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from notifier.model.times import rfc3339

from ..shapes import any_moment

_ROOTS = "roots"
_HEADS = "heads"
_CHAINS_KEPT = 200
_MESSAGES_KEPT = 500

Reference = tuple[str, datetime | None]
"""(identifier, when it was sent) of a message that another one updates or cancels."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest message of a chain: when it was sent, and whether it ended the trouble."""

    sent: datetime
    over: bool


@dataclass(slots=True)
class Chains:
    """What is remembered of chains; `join` and `lead` change it."""

    roots: dict[str, str] = field(default_factory=dict)
    """Identifier of a message -> the chain's root."""
    heads: dict[str, Head] = field(default_factory=dict)
    """Root -> its newest message."""

    def knows(self, identifier: str, references: tuple[Reference, ...]) -> bool:
        """Whether a message belongs to a chain that was heard of."""
        return identifier in self.roots or any(one in self.roots for one, _ in references)

    def root_of(self, identifier: str) -> str:
        """The root of the chain a message belongs to; itself where it was never heard of."""
        return self.roots.get(identifier, identifier)

    def join(self, identifier: str, sent: datetime, references: tuple[Reference, ...]) -> tuple[str, tuple[str, ...]]:
        """(root, superseded): the chain a message belongs to, and the roots of those it makes one with it."""
        named = (identifier, *(one for one, _ in references))
        known = list(dict.fromkeys(self.roots[one] for one in named if one in self.roots))
        dated = sorted((at or sent, one) for one, at in references)
        root = known[0] if known else (dated[0][1] if dated else identifier)
        superseded = tuple(known[1:])
        if superseded:
            self.roots |= {one: root for one, of in self.roots.items() if of in superseded}
        self.roots |= dict.fromkeys(named, root)
        for one in superseded:
            old, head = self.heads.pop(one, None), self.heads.get(root)
            if old is not None and (head is None or old.sent > head.sent):
                self.heads[root] = old
        return root, superseded

    def is_late(self, root: str, sent: datetime, *, original: bool) -> bool:
        """Whether a message is older than what is known: sent before the newest, or the original of what was ended in
        the same second. Other messages of one second are parts of one statement."""
        head = self.heads.get(root)
        if head is None:
            return False
        return sent < head.sent or (sent == head.sent and head.over and original)

    def is_open(self, root: str) -> bool:
        """Whether the newest message of a chain did not end it."""
        head = self.heads.get(root)
        return head is not None and not head.over

    def written(self) -> dict[str, str]:
        """As memory: open chains first, then the newest that ended."""
        ranked = sorted(self.heads.items(), key=lambda one: (not one[1].over, one[1].sent), reverse=True)
        heads = dict(ranked[:_CHAINS_KEPT])
        roots = [(one, root) for one, root in self.roots.items() if root in heads][-_MESSAGES_KEPT:]
        if not heads:
            return {}
        return {_ROOTS: json.dumps(dict(roots)),
                _HEADS: json.dumps({root: [rfc3339(head.sent), head.over] for root, head in heads.items()})}


def chains_of(memory: Mapping[str, str]) -> Chains:
    """What memory holds; damaged parts are left out."""
    heads: dict[str, Head] = {}
    for root, value in _object(memory, _HEADS).items():
        if isinstance(value, list) and len(value) == 2 and (sent := any_moment(value[0])) is not None:
            heads[root] = Head(sent, value[1] is True)
    roots = {one: root for one, root in _object(memory, _ROOTS).items() if isinstance(root, str)}
    return Chains(roots, heads)


def _object(memory: Mapping[str, str], key: str) -> Mapping[str, Any]:
    try:
        found = json.loads(memory.get(key, "{}"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
