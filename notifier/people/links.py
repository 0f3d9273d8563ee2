"""Links that prove who they were made for, so that one click unsubscribes without a login (RFC 8058)."""

from __future__ import annotations

import base64
import hashlib
import hmac

_LABEL = b"notifier unsubscribe 1\x00"
_MAC_BYTES = 16
_MAX_TOKEN = 200
PATH = "/u/"
"""Where the web part answers."""


def unsubscribe_token(key: str, subscriber: str) -> str:
    """A token for the subscriber with this id: the id and 128 bits of HMAC-SHA256, URL-safe. It never runs out: mail
    is read months later, and unsubscribing must still work."""
    return _text(subscriber.encode() + _mac(key, subscriber.encode()))


def verify(key: str, token: str) -> str | None:
    """The subscriber's id a token was made for; None where it was not made with `key`."""
    if not token.isascii() or len(token) > _MAX_TOKEN:
        return None
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        subscriber, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        found = subscriber.decode()
    except ValueError:
        return None
    if not subscriber or not hmac.compare_digest(mac, _mac(key, subscriber)) or _text(raw) != token:
        return None
    return found


def unsubscribe_url(key: str, base: str, subscriber: str) -> str:
    """The link to put into a message; `base` is the web part's public address, with or without a last slash."""
    return base.rstrip("/") + PATH + unsubscribe_token(key, subscriber)


def _mac(key: str, subscriber: bytes) -> bytes:
    return hmac.new(key.encode(), _LABEL + subscriber, hashlib.sha256).digest()[:_MAC_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
