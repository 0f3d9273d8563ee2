"""Looks and signals written by hand, for the parts of a backtest that gather them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from notifier.detection.seen import Seen, Unusual
from notifier.model.region import Region, RegionTree
from notifier.model.signal import Level, Signal, SignalClass

START = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=34)
NEEDED = 8.0
TREE = RegionTree({one.id: one for one in (
    Region("home", "Home", "territory"), Region("north", "North", "state", "home"),
    Region("south", "South", "state", "home"), Region("n1", "North One", "county", "north"),
    Region("n2", "North Two", "county", "north"))})


def at(minutes: float) -> datetime:
    """A moment, minutes after the start."""
    return START + timedelta(minutes=minutes)


def unusual(region: str, score: float, *, alarmed: bool = False, lacking: str = "", people: int = 6,
            service: str = "power") -> Unusual:
    """Something unusual: six people in five minutes, if nothing else is said."""
    return Unusual(service, region, score, 5, people, 0.5, alarmed, lacking)


def seen(*found: Unusual) -> Seen:
    """One look over 211 series, where one false alarm a month needs a score of 8.1."""
    return Seen(NEEDED, 211, found)


def signal(region: str, minutes: float, *, over: bool = False, people: int = 6, began: float = 0.0, score: float = 0.6,
           service: str = "power") -> Signal:
    """What the detector tells of a region."""
    return Signal(source="crowd", klass=SignalClass.CROWD, service=service, region=region,
                  level=Level.OK if over else Level.MINOR, observed_at=at(minutes), started_at=at(began),
                  fingerprint="spike", score=score, why="quiet" if over else "loud",
                  facts={"people": str(people)} if over else
                        {"people": str(people), "words": "no power", "sample_1": "first", "sample_2": "second"})
