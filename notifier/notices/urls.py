"""Finding links in a text, because every network counts or marks them its own way.

One finder serves all: X counts any link it recognises as 23, Mastodon those with a scheme, Bluesky links nothing that
is not marked by byte range, and values from outside must not bring links of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pycountry
import regex

_HOST_CHAR = r"[^\s\p{P}\p{C}\p{Z}$<>|=+^`~]"
_LABEL = rf"(?:{_HOST_CHAR}(?:(?:{_HOST_CHAR}|[-_])*{_HOST_CHAR})?)"
_ASCII_LABEL = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)"
_PATH = r"[\p{Latin}\p{Cyrillic}\p{M}0-9!*';:=+,.$%&|?/_~@()\[\]#-]*"  # other scripts end a link on X
_TAIL = rf"(?::\d{{1,5}})?(?:[/?#]{_PATH})?"
_LINK: Any = regex.compile(
    rf"(?<![A-Za-z0-9@＠$#＃])(?<scheme>https?://)(?:[^\s/@<>\"]+@)?"
    rf"(?<host>(?:{_LABEL}\.)+{_LABEL}|\[[0-9a-f:.]+\]){_TAIL}"
    rf"|(?<![A-Za-z0-9@＠$#＃_./:+-])(?<bare>(?:{_ASCII_LABEL}\.)+[a-z]{{2,}})(?![A-Za-z0-9_@-]){_TAIL}",
    regex.IGNORECASE | regex.V1,
)
_TRAILING = ".,:;!?'\"’”»…*"
_WORDS = """
com net org edu gov mil int info biz name pro aero coop museum mobi jobs travel tel cat asia app dev page online
site store shop tech cloud blog news media live life world today energy network systems services support help
status link click email host space website xyz top club vip work solutions group global agency digital company
center city wiki health care social video chat games fun uk eu su ac
"""
_COMMON_TLDS = frozenset(_WORDS.split())
"""Country codes apart: those are looked up."""
MAX_URL = 4096
"""Longer is no link to X (twitter-text, MAX_URL_LENGTH)."""
_MAX_LABEL = 63
"""Longest DNS label in its ASCII form (RFC 1035, 2.3.4)."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a text: characters `start` to `end` (exclusive). `has_scheme`: it began with http:// or https://.
    `certain`: its top-level domain is one we know; else networks may disagree whether it is a link."""

    start: int
    end: int
    text: str
    host: str
    has_scheme: bool
    certain: bool


def find_links(text: str) -> tuple[Link, ...]:
    """All links in `text`, in order, not overlapping. Names without a scheme count where their top-level domain is
    known to us."""
    return tuple(link for link in _candidates(text) if link.has_scheme or link.certain)


def without_foreign_links(text: str, own_hosts: frozenset[str] = frozenset()) -> str:
    """`text` without the links whose host is not one of `own_hosts` or below it. What might be a name under a domain
    we do not know ("outside.Crews") gets blanks after its dots, which is enough for no network to make it a link."""
    kept: list[str] = []
    at = 0
    for link in _candidates(text):
        if any(link.host == own or link.host.endswith("." + own) for own in own_hosts):
            continue
        kept.append(text[at : link.start])
        if not (link.has_scheme or link.certain):
            kept.append(link.text.replace(".", ". "))
        at = link.end
    kept.append(text[at:])
    return "".join(kept)


def _candidates(text: str) -> tuple[Link, ...]:
    return tuple(link for match in _LINK.finditer(text) if (link := _link(match)) is not None)


def _link(match: Any) -> Link | None:
    host = (match["host"] or match["bare"]).lower()
    has_scheme = match["scheme"] is not None
    start = match.start()
    found = _untrailed(match.group())
    if len(found) > MAX_URL or not _valid_host(host):
        return None
    tld = host.rsplit(".", 1)[-1]
    certain = tld in _COMMON_TLDS or _is_country(tld)
    return Link(start, start + len(found), found, host, has_scheme, certain)


def _untrailed(url: str) -> str:
    """Without the punctuation that ends the sentence rather than the link, and unbalanced closing brackets."""
    while url:
        last = url[-1]
        if last in _TRAILING or (last in ")]}" and url.count(last) > url.count({")": "(", "]": "[", "}": "{"}[last])):
            url = url[:-1]
        else:
            break
    return url


def _valid_host(host: str) -> bool:
    if host.startswith("["):
        return True
    labels = host.split(".")
    if all(label.isdigit() for label in labels):
        return len(labels) == 4 and all(len(label) <= 3 and int(label) <= 255 for label in labels)
    return all(_ascii_length(label) <= _MAX_LABEL for label in labels) and "_" not in labels[-1] + labels[-2]


def _ascii_length(label: str) -> int:
    if label.isascii() or len(label) > _MAX_LABEL:
        return len(label)
    return len(b"xn--" + label.encode("punycode"))


def _is_country(tld: str) -> bool:
    return len(tld) == 2 and pycountry.countries.get(alpha_2=tld.upper()) is not None
