"""Notices: one revision of what the company says, and the templates it is made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .settings import Settings, Slug
from .times import rfc3339


class Stage(StrEnum):
    """Which part of the story a notice tells."""

    ACKNOWLEDGE = "acknowledge"
    WORKAROUND = "workaround"
    UPDATE = "update"
    RESOLVE = "resolve"
    CORRECT = "correct"
    MAINTENANCE = "maintenance"


CAN_WAIT = frozenset({Stage.UPDATE, Stage.WORKAROUND, Stage.MAINTENANCE})
"""What follows an incident up or tells of planned work: of several incidents, the begin and the end of each are told
before it."""


class Wording(StrEnum):
    """The texts a template holds: one for each stage, and the variants a stage has.

    `acknowledge_suspected` is the safe fallback: it says only that reports reached us and from where.
    """

    ACKNOWLEDGE = "acknowledge"
    ACKNOWLEDGE_SUSPECTED = "acknowledge_suspected"
    WORKAROUND = "workaround"
    UPDATE = "update"
    RESOLVE = "resolve"
    CORRECT = "correct"
    MAINTENANCE = "maintenance"
    MAINTENANCE_END = "maintenance_end"


class Mode(StrEnum):
    """Whether a notice may reach the public. Part of the notice and of each channel's credentials; both must agree."""

    TEST = "test"
    LIVE = "live"


class Words(Settings):
    """One wording in one language. `text` serves every channel that has no text of its own."""

    text: str
    x: str | None = None
    mastodon: str | None = None
    bluesky: str | None = None
    sms: str | None = None
    email: str | None = None
    webhook: str | None = None
    subject: str | None = None
    """Subject of the e-mail; the first sentence of the text where absent."""
    html: str | None = None
    """HTML body of the e-mail; made from the text where absent."""

    def for_channel(self, kind: str) -> str:
        """The text for a channel of this kind, falling back to `text`."""
        own = getattr(self, kind, None)
        return own if isinstance(own, str) else self.text


class Template(Settings):
    """What is said about one kind of incident: wording by wording, language by language."""

    id: Slug
    services: tuple[str, ...] = ()
    """Services this template speaks of; empty: any service no other template names."""
    wordings: Mapping[Wording, Mapping[str, Words]]
    """Texts by wording, then by language code."""


@dataclass(frozen=True, slots=True)
class Text:
    """The exact words for one channel in one language. `channel` is the channel's id."""

    channel: str
    language: str
    body: str
    subject: str | None = None
    html: str | None = None


class NoticeState(StrEnum):
    """Where a notice stands on its way out."""

    WAITING = "waiting"
    """For a person to approve it, or for its deadline."""
    RELEASED = "released"
    """Its deliveries stand in the outbox."""
    REFUSED = "refused"
    """A person said no."""
    SUPERSEDED = "superseded"
    """A later notice says it better; it never left, or what had not left was cancelled."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Reach(StrEnum):
    """How far a notice may go."""

    PUBLIC = "public"
    """Public accounts and webhooks only."""
    EVERYONE = "everyone"
    """Public accounts and subscribers."""
    SUBSCRIBERS = "subscribers"
    """Subscribers only: the public accounts speak by a notice of their own, because the audience is over the cap."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One revision of what we say about one incident.

    `sequence` counts the incident's notices from 1. `release_by` is when a WAITING notice goes out by itself if
    nobody answers (None: never by itself). `audience` is the number of subscribers it would reach when composed.
    `reason` says why it was made, in a sentence staff read.
    """

    id: str
    incident: str
    stage: Stage
    wording: Wording
    sequence: int
    mode: Mode
    regions: tuple[str, ...]
    texts: tuple[Text, ...]
    created_at: datetime
    valid_until: datetime
    state: NoticeState
    reach: Reach = Reach.EVERYONE
    release_by: datetime | None = None
    approvals_needed: int = 0
    audience: int = 0
    next_update_by: datetime | None = None
    released_at: datetime | None = None
    reason: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What an approval is bound to: a hash over texts, regions, reach and audience (hex, 64 characters)."""
        bound = {
            "incident": self.incident,
            "stage": self.stage,
            "mode": self.mode,
            "regions": self.regions,
            "reach": self.reach,
            "audience": self.audience,
            "valid_until": rfc3339(self.valid_until),
            "texts": [[t.channel, t.language, t.body, t.subject, t.html] for t in self.texts],
        }
        plain = json.dumps(bound, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes, bound to the digest of what they saw."""

    notice: str
    actor: str
    digest: str
    at: datetime
