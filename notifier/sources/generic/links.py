"""What a page links to: the feeds it announces."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from ..shapes import Unreadable, text_of_bytes
from .markup import Markup

_FEEDS = ("application/rss+xml", "application/atom+xml", "application/feed+json")
_MOST = 5


def feeds_in(body: bytes, url: str) -> tuple[str, ...]:
    """Addresses of the feeds a page at `url` announces in its head, in its order, at most five; empty where it is no
    page."""
    try:
        page = Markup(text_of_bytes(body))
    except Unreadable:
        return ()
    found = []
    for link in page.all("link[rel~=alternate][href]"):
        if str(link.get("type", "")).lower() in _FEEDS:
            try:
                address = urljoin(url, str(link["href"]).strip())
                fit = urlsplit(address).scheme in ("http", "https")
            except ValueError:
                continue
            found += [address] if fit else []
    return tuple(dict.fromkeys(found))[:_MOST]
