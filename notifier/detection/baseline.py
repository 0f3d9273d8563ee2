"""How many people complain usually? A level per series and an hour-of-week profile per service, both slow to learn.

What makes a baseline useless is learning the outage: an hour counts as at most 1.7 times what was expected, nothing is
learnt while a series is alarmed, and an hour in which no post at all was heard is a gap, not silence. What is known of
a series before anything was heard is one day's worth of `prior_per_minute`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PRIOR_MINUTES = 1440.0
"""How much hearing the prior is worth."""
PROFILE_PRIOR = 20.0
"""People a slot of the profile needs before it outweighs "as usual"."""
PROFILE_KEEPS = 0.75
"""What last week's share of a slot is worth this week."""
CAP = 1.7
"""An hour counts as at most this many times what was expected …"""
CAP_MORE = 3.0
"""… and this many people more, so that a quiet series can learn at all."""
PROFILE_RANGE = (0.2, 5.0)
HOUR = 3600
WEEK_HOURS = 168


@dataclass
class Heard:
    """How long was listened at all: minutes, fading by half in `half_life` seconds."""

    half_life: float
    minutes: float = 0.0

    @property
    def kept(self) -> float:
        """What an hour leaves of what was."""
        return float(0.5 ** (HOUR / self.half_life))

    def hour(self, heard: bool) -> None:
        """One hour has passed; a gap leaves everything as it was."""
        if heard:
            self.minutes = self.minutes * self.kept + 60.0


@dataclass
class Level:
    """People heard in one series, and minutes that were not learnt from, both fading like `Heard`."""

    people: float = 0.0
    skipped: float = 0.0

    def rate(self, heard: float, prior: float) -> float:
        """Usual people a minute, the hour of the week apart."""
        minutes = max(heard - self.skipped, 0.0)
        return (prior * PRIOR_MINUTES + self.people) / (PRIOR_MINUTES + minutes)

    def hour(self, people: float, *, expected: float, shape: float, kept: float, learn: bool) -> None:
        """One hour that was listened to has passed with so many people; `shape` is what the profile says of it."""
        self.people *= kept
        self.skipped *= kept
        if learn:
            self.people += min(people, CAP * expected + CAP_MORE) / shape
        else:
            self.skipped += 60.0


@dataclass
class Profile:
    """The hours of a week of one service, all its regions together: people heard, and people a flat week would have."""

    heard: list[float] = field(default_factory=lambda: [0.0] * WEEK_HOURS)
    flat: list[float] = field(default_factory=lambda: [0.0] * WEEK_HOURS)

    def slot(self, slot: int) -> float:
        """How busy a slot is against the usual."""
        found = (PROFILE_PRIOR + self.heard[slot]) / (PROFILE_PRIOR + self.flat[slot])
        return min(max(found, PROFILE_RANGE[0]), PROFILE_RANGE[1])

    def at(self, second: float) -> float:
        """How busy a moment is against the usual; between the middles of hours, in proportion."""
        hours = second / HOUR - 0.5
        whole = int(hours // 1)
        part = hours - whole
        return self.slot(slot_of(whole)) * (1 - part) + self.slot(slot_of(whole + 1)) * part

    def hour(self, hour: int, people: float, flat: float) -> None:
        """An hour has passed with so many people, where a flat week has `flat`."""
        slot = slot_of(hour)
        expected = flat * self.slot(slot)
        self.heard[slot] = self.heard[slot] * PROFILE_KEEPS + min(people, CAP * expected + CAP_MORE)
        self.flat[slot] = self.flat[slot] * PROFILE_KEEPS + flat


def slot_of(hour: int) -> int:
    """Hour of the week (UTC) of an hour since 1970; which day it begins with does not matter."""
    return hour % WEEK_HOURS
