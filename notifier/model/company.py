"""Who speaks: the company, its languages, and the few facts every notice may carry."""

from __future__ import annotations

from pydantic import Field

from .notice import Mode
from .settings import Settings


class Company(Settings):
    """The company on whose behalf the daemon speaks."""

    name: str
    """As it appears in notices."""
    timezone: str = "UTC"
    """IANA zone for times in notices that span several zones, and for staff."""
    languages: tuple[str, ...] = ("en",)
    """Languages every wording must exist in; the first is spoken where a subscriber's is not known."""
    mode: Mode = Mode.TEST
    """test or live; a channel whose credentials say otherwise is never used."""
    status_url: str | None = None
    """Public page where customers can read on."""
    public_url: str | None = None
    """Base of our own web part as seen from outside (https), for unsubscribe links and callbacks."""
    sms_price: float = Field(default=0.0, ge=0)
    """Price of one SMS segment, for previews and notifier_spent_total."""
    currency: str = "USD"
