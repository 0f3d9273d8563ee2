"""What holds for every subscriber who did not say otherwise."""

from __future__ import annotations

from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from notifier.model.people import QuietHours
from notifier.model.settings import Settings


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (
        OSError,
        ValueError,
    ) as error:  # ZoneInfoNotFoundError is a KeyError with an OSError's habits on some systems
        raise ValueError("expected an IANA time zone such as America/New_York") from error
    except KeyError as error:
        raise ValueError("expected an IANA time zone such as America/New_York") from error
    return name


class QuietHoursSettings(Settings):
    """Local times between which people are left in peace; a `start` after `end` spans midnight."""

    start: time
    """Local time from which nothing is sent, such as "21:00"."""
    end: time
    """Local time from which it is sent again, such as "08:00"."""

    def hours(self) -> QuietHours:
        """The same as the model has it."""
        return QuietHours(self.start, self.end)


class PeopleSettings(Settings):
    """Defaults for subscribers, and limits on imports."""

    language: str = "en"
    """Language of a subscriber whose row names none."""
    timezone: Annotated[str, AfterValidator(_zone)] | None = None
    """IANA zone of a subscriber whose row names none; None: the zone of the row's first region."""
    quiet_hours: QuietHoursSettings | None = None
    """Quiet hours of a subscriber whose row names none; None: none."""
    phone_region: str | None = Field(default=None, pattern="^[A-Z]{2}$")
    """ISO 3166 country whose national way of writing telephone numbers is understood; None: only +… is."""
    import_rows: int = Field(default=1_000_000, ge=1)
    """Rows one import may have."""
    import_bytes: int = Field(default=200_000_000, ge=1)
    """Bytes one import may have."""
