"""DKIM signatures (RFC 6376), where no relay on the way makes them.

A relay of one's own signs more cheaply: dkimpy is Python throughout, and RSA in Python is slow. It needs the extra
`dkim`.
"""

from __future__ import annotations

from pydantic import Field

from notifier.model.settings import Settings
from notifier.secret import Secret

SIGNED = (
    "from", "from", "to", "subject", "date", "message-id", "reply-to", "auto-submitted", "content-language",
    "list-unsubscribe", "list-unsubscribe-post", "mime-version", "content-type", "content-transfer-encoding",
)
"""Both headers of one-click unsubscribing must be signed (RFC 8058 4). From stands twice, and headers a mail lacks are
named too, so that nobody adds another on the way."""


class DkimSettings(Settings):
    """Signing mail with a key whose public half stands in DNS at <selector>._domainkey.<domain>."""

    selector: str = Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$")
    """Name of the key."""
    key: Secret
    """The private key: RSA of 2048 bits or more, PEM."""


class CannotSign(Exception):
    """The mail cannot be signed as the settings ask: the text says why, without the key."""


def signed(text: bytes, domain: str, settings: DkimSettings) -> bytes:
    """`text`, whose lines end in CRLF, under a signature of `domain`. The signature holds the time it was made, and
    alone differs between attempts. Raises SecretMissing and CannotSign."""
    try:
        import dkim
    except ImportError as error:
        raise CannotSign("dkimpy is not installed: pip install 'outage-notifier[dkim]'") from error
    try:
        signature: bytes = dkim.sign(
            text, settings.selector.encode(), domain.encode(), settings.key.reveal().encode(),
            canonicalize=(b"relaxed", b"relaxed"), include_headers=[name.encode() for name in SIGNED])
    except (dkim.DKIMException, ValueError, TypeError, LookupError, OSError) as error:
        # What dkimpy says of a key it cannot read may quote it.
        raise CannotSign(f"the key of selector {settings.selector} cannot sign: {type(error).__name__}") from None
    return signature + text
