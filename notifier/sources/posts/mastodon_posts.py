"""What a Mastodon status says, without Mastodon: pure, for the stream and for our own account's statuses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...model.mention import Mention
from ...model.post_ids import posted_at
from .posts import html_text, moment, part, parts, words

_PLACE_FIELDS = frozenset({"location", "city", "based in", "lives in", "where"})


def mention_from(status: Mapping[str, Any], host: str, now: datetime) -> Mention | None:
    """A status as a mention; None for what has no id or text, or is not public. Pure; never raises.

    The id is the status' URI, which is the same on every server: a post that two servers bring counts once.
    """
    if words(status.get("visibility")) in {"private", "direct"}:
        return None
    reblog = part(status.get("reblog"))
    text = html_text(status.get("content")) or html_text(reblog.get("content"))
    warning = words(status.get("spoiler_text"))
    id = words(status.get("uri")) or words(status.get("id"))
    if id is None or text is None:
        return None
    account = part(status.get("account"))
    acct = words(account.get("acct"))
    return Mention(
        id=id,
        created_at=moment(status.get("created_at"), now),
        network="mastodon",
        text=f"{warning}\n{text}" if warning else text,
        author=acct if acct is None or "@" in acct else f"{acct}@{host}",
        author_location=_location(account),
        lang=words(status.get("language")) or words(reblog.get("language")),
        is_repost=bool(reblog),
        reply_to=words(status.get("in_reply_to_id")),
        reply_to_at=posted_at("mastodon", words(status.get("in_reply_to_id")), now),
        url=words(status.get("url"), 2000),
    )


def _location(account: Mapping[str, Any]) -> str | None:
    """What an account says of its place: Mastodon has no field for it, so people write one of their own."""
    for field in parts(account.get("fields"), 10):
        name = words(field.get("name"))
        if name is not None and name.casefold().strip(" :") in _PLACE_FIELDS:
            found = html_text(field.get("value"))
            return None if found is None else found[:500]
    return None
