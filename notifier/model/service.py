"""Services: what fails, and what customers call it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from .settings import Duration, Settings, Slug


class Service(Settings):
    """Something customers use that can fail, such as mobile data or power."""

    id: Slug
    """Name used in keys, metrics and files."""
    name: str
    """Name in notices, in the default language."""
    names: Mapping[str, str] = Field(default_factory=dict)
    """Name by language code."""
    words: tuple[str, ...] = ()
    """What customers call it in posts; matched as whole words, without regard to case."""
    carries: tuple[str, ...] = ()
    """Ids of channels that ride on this service and fail with it (sms on mobile voice, say)."""
    carried_after: Duration | None = None
    """How long what goes out on those channels waits while the service fails, so that others lead (10m, say); null:
    nothing goes out there before it is over. The all-clear and corrections never wait."""

    def name_in(self, language: str) -> str:
        """The service's name in `language`, or its plain name."""
        return self.names.get(language) or self.names.get(language.split("-")[0]) or self.name
