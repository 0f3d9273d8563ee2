"""Whether a post to one of our webhooks is from whom it claims, and not from long ago. All pure.

The scheme is Standard Webhooks (standardwebhooks.com), which many tools' own libraries speak: headers webhook-id,
webhook-timestamp and webhook-signature ("v1,<base64>", several separated by blanks), HMAC-SHA256 over
"id.timestamp.body".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

TOLERANCE = timedelta(minutes=5)
"""How far a post's timestamp may lie from our clock; the scheme's own recommendation."""
OFF_CLOCK = "webhook-timestamp is over five minutes from our clock"
_MOST_SIGNATURES = 10
_LONGEST_ID = 200


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a post's headers claim; nothing of it is proven before `fits`."""

    id: str
    timestamp: str
    signatures: str

    @property
    def signed_at(self) -> datetime:
        """The sender's clock when it signed."""
        return datetime.fromtimestamp(int(self.timestamp), UTC)


def envelope_of(headers: Mapping[str, str], now: datetime) -> Envelope | str:
    """The envelope of a post (header names in any case), or why it is refused whoever signed it."""
    named = {name.lower(): value for name, value in headers.items()}
    found = Envelope(*(named.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature")))
    if not found.id or not found.timestamp or not found.signatures:
        return "webhook-id, webhook-timestamp or webhook-signature is missing"
    if len(found.id) > _LONGEST_ID:
        return f"webhook-id is longer than {_LONGEST_ID} characters"
    if not (found.timestamp.isascii() and found.timestamp.isdigit() and len(found.timestamp) <= 12):
        return "webhook-timestamp is not seconds since 1970"
    if abs(int(found.timestamp) - now.timestamp()) > TOLERANCE.total_seconds():
        return OFF_CLOCK
    return found


def fits(envelope: Envelope, body: bytes, secret: str) -> bool:
    """Whether one of the signatures was made with `secret`; compared in constant time. An empty secret fits nothing."""
    if not secret:
        return False
    expected = _signature(envelope.id, envelope.timestamp, body, secret)
    found = False
    for one in envelope.signatures.split()[:_MOST_SIGNATURES]:
        version, _, value = one.partition(",")
        found |= version == "v1" and hmac.compare_digest(_decoded(value), expected)
    return found


def sign_push(body: bytes, *, id: str, secret: str, now: datetime) -> dict[str, str]:
    """The headers a sender adds to a post."""
    timestamp = str(int(now.timestamp()))
    signature = base64.b64encode(_signature(id, timestamp, body, secret)).decode()
    return {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}


def _signature(id: str, timestamp: str, body: bytes, secret: str) -> bytes:
    written = secret.encode("utf-8", "replace")
    key = (_decoded(secret.removeprefix("whsec_")) or written) if secret.startswith("whsec_") else written
    signed = f"{id}.{timestamp}.".encode("utf-8", "replace") + body
    return hmac.new(key, signed, hashlib.sha256).digest()


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return b""
