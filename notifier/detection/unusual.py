"""How unusual a spike is, in words that staff can weigh at night: how many people within which time, how many are usual
there at this hour, and how often chance alone does as much. A score of 9.3 tells them nothing.
"""

from __future__ import annotations

from .series import Window
from .spikes.threshold import threshold

RARE = ((1 / 12, "once a year"), (1 / 6, "once in six months"), (1 / 3, "once in three months"), (1.0, "once a month"),
        (30 / 7, "once a week"))
"""Times in 30 days, rarest first, and their words. Rarer than once a year is not told apart: what the threshold is
calibrated on are four simulated months."""
APART = 1.25
"""From so many times the usual on, what was expected after the last minutes and the news is told beside it."""


def in_words(window: Window, where: str = "") -> str:
    """"23 within 5 minutes where 1.2 are usual at this hour"; `where` names the place if it goes without saying
    nowhere else ("in Vermont"). "" where no window is known."""
    if not window.minutes:
        return ""
    within = "a minute" if window.minutes == 1 else f"{window.minutes} minutes"
    usual = window.usual * window.minutes
    expected = f" ({amount(window.expected)} expected)" if window.expected >= APART * max(usual, 0.01) else ""
    place = f" {where}" if where else ""
    return f"{window.people} within {within}{place} where {amount(usual)} are usual at this hour{expected}"


def by_chance(score: float, series: int) -> str:
    """How often chance alone makes a spike of this score somewhere among `series` series: "at most once a month"."""
    for per_month, words in RARE:
        if score >= threshold(series, per_month):
            return f"at most {words}"
    return f"more than {RARE[-1][1]}"


def amount(number: float) -> str:
    """A number of people that need not be whole, with two digits that matter: "0.05", "1.2", "37"."""
    if number < 0.01:
        return "under 0.01"
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}" if number >= 1 else f"{number:.2f}"


def facts_of(window: Window, score: float, series: int, where: str = "") -> dict[str, str]:
    """The same as facts of a signal: people a minute that are usual, the window in minutes, its people and how many
    were expected in it, and the sentences. Empty where no window is known."""
    if not window.minutes:
        return {}
    return {"usual_per_minute": f"{window.usual:.4g}", "window_minutes": str(window.minutes),
            "window_people": str(window.people), "window_expected": f"{window.expected:.4g}",
            "unusual": in_words(window, where),
            "by_chance": f"{by_chance(score, series)} in all regions together"}
