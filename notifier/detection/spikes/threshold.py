"""How unlikely must it be? One threshold for all series, from the false alarms a month that are put up with.

Calibrated on eight simulated worlds of 200 regions and 30 days (scores of states and regions together; four of them
chose nothing else): 6 episodes outside every outage from 7.6 on, 14 from 7.0, 36 from 6.5, alike at all rates from 0.01
to 200 people a minute. So the logarithm to base 5 carries the threshold over to other numbers of series and budgets.
"""

from __future__ import annotations

from math import log

CALIBRATED = 7.6
"""Threshold for one false alarm a month …"""
CALIBRATED_SERIES = 211
"""… over so many series."""
STEP = 5.0
"""False alarms at a threshold against those at one that is higher by 1."""
LEAST = 5.0


def threshold(series: int, per_month: float) -> float:
    """Score from which an alarm is raised, for at most `per_month` false ones (in 30 days) over `series` series."""
    return max(CALIBRATED + log(max(series, 1) / CALIBRATED_SERIES / per_month) / log(STEP), LEAST)


def budget(series: int, score: float) -> float | None:
    """False alarms a month (in 30 days) from which on `score` raises an alarm; None below LEAST, where none does."""
    if score < LEAST:
        return None
    return float(max(series, 1) / CALIBRATED_SERIES * STEP ** (CALIBRATED - score))
