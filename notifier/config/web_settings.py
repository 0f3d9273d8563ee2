"""Settings of the web part."""

from __future__ import annotations

from pydantic import Field

from ..model.settings import Settings
from ..secret import Secret


class WebSettings(Settings):
    """Where the web part listens, and which secrets prove who calls. A route without its secret refuses everyone."""

    host: str = "127.0.0.1"
    """Address to listen on; put a TLS proxy in front of anything but loopback."""
    port: int = Field(default=9273, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    threads: int = Field(default=8, ge=2, le=64)
    """Requests answered at the same time."""
    body_limit: int = Field(default=4 * 1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    """Largest request body, in bytes."""
    alerts_token: Secret | None = None
    """Bearer token Alertmanager sends (http_config.authorization.credentials)."""
    twilio_token: Secret | None = None
    """Twilio's auth token, with which it signs its webhooks."""
    twilio_token_secondary: Secret | None = None
    """The account's other auth token while the two are being changed: webhooks signed with either are taken."""
    bounces_token: Secret | None = None
    """Bearer token of whoever hands in bounces: POST the mail as it came to /hooks/bounces/<channel>."""
    unsubscribe_key: Secret | None = None
    """Key of the one-click unsubscribe links, at least 32 random characters; changing it voids links already sent."""
