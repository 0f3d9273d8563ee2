"""The numbers of the spike detector, each with the measurement that chose it.

Measured on four simulated worlds of 200 regions (`../shared/checks/simbench.py`, seeds 1 to 4, which were looked at;
what the figures are worth elsewhere is in docs/DETECTION.md). "Mean delay" is over outages of 3 to 100 times the
usual, a missed one counting an hour, at one false incident a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field

from ...model.settings import Settings

LONGEST = 120
"""Minutes a window may have: a field keeps every minute of its longest one for every series."""
MOST_PER_MINUTE = 10_000.0
"""People a minute that may be called usual before anything was heard; from infinitely many nothing is a spike."""


def _some(lengths: tuple[int, ...]) -> tuple[int, ...]:
    if not 1 <= len(lengths) <= LONGEST:
        raise ValueError(f"expected 1 to {LONGEST} windows")
    return lengths


Lengths = Annotated[tuple[Annotated[int, Field(ge=1, le=LONGEST)], ...], AfterValidator(_some),
                    Field(json_schema_extra={"minItems": 1, "maxItems": LONGEST})]
"""Minutes of windows."""


class SpikeSettings(Settings):
    """What may be changed of the detector without reading its code."""

    windows: Lengths = (1, 2, 3, 5, 8, 13, 21, 34)
    """Minutes of the windows. Adding 55 changed the mean delay by less than one in a hundred."""
    prior_per_minute: float = Field(default=0.01, gt=0, le=MOST_PER_MINUTE)
    """People a minute in a series of which nothing is known; worth five minutes of hearing."""
    listen_first_minutes: float = Field(default=10.0, ge=0, le=1440)
    """What was so from the first minute on may always be so: a window may begin after so many minutes."""
    level_half_life_hours: float = Field(default=96.0, ge=1, allow_inf_nan=False)
    """How fast the level follows. 60: -1 % in mean delay, and a slow outage is learnt sooner: not taken."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the code needs; changed only with a measurement."""

    wander_half_life: float = 25.0
    """Minutes in which a series comes half the way back to its usual. 15: +4 % mean delay, 40: +11 %."""
    wander: float = 0.06
    """Variance of the factor by which a series wanders, before its own is learnt. 0.04: the same at one false incident
    a month, +2 % at three."""
    wander_weight: float = 3000.0
    """Squared people that the prior of `wander` is worth: with 400 quiet series learnt noise."""
    wander_least: float = 0.02
    scatter: float = 0.03
    """Relative variance of one minute beyond chance, before a series' own is learnt (real series of posts: 0.06 to 1,
    most of it correlated over an hour, which is `wander`'s)."""
    scatter_weight: float = 200.0
    leak: float = 0.08
    """People that copies hide: of 100 known copies so many more were taken for people."""
    leak_spread: float = 0.05
    """How far that share varies. 0.12, the spread of single cascades, costs 7 % of mean delay: an outage has copies
    too."""
    answer_spread: float = 0.3
    """How much regions differ in their answer to news, before a region's own is learnt."""
    news_error: float = 0.12
    """Relative error of what news adds. 0.08: the same for 200 regions, three times the false alarms for 20."""
    common_minutes: int = 3
    """Minutes over which the common factor is taken. 2: +11 %, 5: +8 %."""
    common_prior: float = 20.0
    """People a part needs before its ratio outweighs 1."""
    common_least: float = 0.9
    """The factor may say that all is quieter than usual (holidays). 0.8: +1 %, and with few parts chance says so."""
    common_doubt: float = 0.5
    """How much of the factor's own error by chance is believed. 0 and 1: as good for 200 regions; 0 raises twice the
    false alarms with five parts, 1 costs 5 % of mean delay there."""
    least_people: float = 4.0
    week_keeps: float = 0.75
    """What last week's share of an hour is worth this week."""
    hour_prior: float = 40.0
    """People an hour of a series needs before it outweighs the hour of its parent. 20: the same mean delay, forecasts
    off by a little more."""
    hour_like_others: float = 2.0
    """Weeks that the same hour of other days is worth. 0: +0.5 % mean delay for 200 regions, +5 % for 20."""
    least_ratio: float = 1.5
    """What is less than so many times the usual is no outage however sure it is …"""
    least_ratio_of_sums: float = 1.8
    """… and of a sum of regions, which is sure of little things: when a holiday ends all rates step up by 1.4."""
    frozen: float = 4.0
    """From this score on a series learns next to nothing."""


NUMBERS = Numbers()
