"""X's query language and its posts, without X: what to ask for, and what an answer's post says. All pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from ...model.mention import Mention
from ...model.post_ids import posted_at as dated
from .posts import body, moment, part, parts, words

RULE_LENGTH = 1024
QUERY_LENGTH = 512
"""Longest rule of the filtered stream and longest query of recent search; docs.x.com, August 2026."""
EPOCH_MS = 1_288_834_974_657
"""Moment zero of X's post ids, whose upper bits are milliseconds since then."""
_NUMBER = re.compile(r"[0-9]{1,19}")
_NO_LANGUAGE = frozenset({"und", "zxx", "qme", "qam", "qct", "qht", "qst"})
"""What X writes for posts without words: media, hashtags, links only."""


class Asked(Protocol):
    """What the settings ask X for."""

    @property
    def terms(self) -> tuple[str, ...]: ...
    @property
    def query(self) -> str | None: ...
    @property
    def languages(self) -> tuple[str, ...]: ...
    @property
    def reposts(self) -> bool: ...
    @property
    def own_accounts(self) -> tuple[str, ...]: ...


def rules(asked: Asked, longest: int) -> tuple[str, ...]:
    """The queries that ask for what the settings want, each at most `longest` characters; terms are spread over as
    many as needed. A term that fits nowhere is left out. Our own accounts are asked for by themselves: whatever they
    say, in every language."""
    own = _spread([f"from:{account}" for account in asked.own_accounts], " -is:retweet", longest)
    return (*_customers(asked, longest), *own)


def _customers(asked: Asked, longest: int) -> tuple[str, ...]:
    tail = ""
    if asked.languages:
        tail += " (" + " OR ".join(f"lang:{lang.split('-')[0].lower()}" for lang in asked.languages) + ")"
    if not asked.reposts:
        tail += " -is:retweet"
    if asked.query:
        return (f"({asked.query.strip()}){tail}",)
    return _spread([_quoted(term) for term in asked.terms], tail, longest)


def _spread(terms: Iterable[str], tail: str, longest: int) -> tuple[str, ...]:
    """Terms joined by OR, each group with the tail."""
    found: list[str] = []
    group: list[str] = []
    for term in terms:
        if len(f"({' OR '.join([*group, term])}){tail}") > longest and group:
            found.append(f"({' OR '.join(group)}){tail}")
            group = []
        if term and len(f"({term}){tail}") <= longest:
            group.append(term)
    if group:
        found.append(f"({' OR '.join(group)}){tail}")
    return tuple(found)


def _quoted(term: str) -> str:
    """A term as X's query language takes it: quoted, so that nothing in it is an operator."""
    plain = " ".join(term.replace('"', " ").replace("\\", " ").split())
    return f'"{plain}"' if plain else ""


def mention_from(post: Mapping[str, Any], includes: Mapping[str, Any], now: datetime) -> Mention | None:
    """A post of X's as a mention; None when it lacks an id or text. Pure; never raises for what X can send.

    Reads the names of API 2 and those its newest description uses (posts for tweets). A quote is the quoter's own
    words, hence no repost.
    """
    id = words(post.get("id"))
    text = body(part(post.get("note_tweet") or post.get("note_post")).get("text")) or body(post.get("text"))
    if id is None or text is None:
        return None
    author = words(post.get("author_id"))
    user = _by_id(includes.get("users"), author)
    place = _by_id(includes.get("places"), words(part(post.get("geo")).get("place_id")))
    lang = words(post.get("lang"))
    references = {
        words(one.get("type")): words(one.get("id"))
        for one in parts(post.get("referenced_tweets") or post.get("referenced_posts"), 20)
    }
    return Mention(
        id=id,
        created_at=moment(post.get("created_at"), now),
        network="x",
        text=text,
        author=author,
        author_location=words(user.get("location")),
        place=_place_name(place),
        lang=None if lang in _NO_LANGUAGE else lang,
        is_repost="retweeted" in references,
        reply_to=references.get("replied_to"),
        reply_to_at=dated("x", references.get("replied_to"), now),
        url=f"https://x.com/i/web/status/{id}" if _NUMBER.fullmatch(id) else None,
    )


def _by_id(items: Any, id: str | None) -> Mapping[str, Any]:
    if id is None:
        return {}
    return next((item for item in parts(items) if words(item.get("id")) == id), {})


def _place_name(place: Mapping[str, Any]) -> str | None:
    name, country = words(place.get("full_name")), words(place.get("country"))
    if name and country and country.casefold() not in name.casefold():
        return f"{name}, {country}"
    return name or country


def posted_at(id: str | None) -> datetime | None:
    """When a post was made, by its id; None for what is no such id."""
    if id is None or not _NUMBER.fullmatch(id):
        return None
    return datetime.fromtimestamp(((int(id) >> 22) + EPOCH_MS) / 1000, UTC)
