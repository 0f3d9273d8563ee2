"""The generator of the Vermont recording.

A reconstruction, not a record. Published accounts of customer care give the frame: one state, about 07:30 to 09:30,
customers posting in public within minutes, the care team answering the queue of the night before, no acknowledgement
until it was over, and customers finding out that with 3G switched off, Edge still carried calls. The accounts give
neither the day nor any post: the day, the people and every text here are made up by this module, from a fixed seed, so
that the same recording comes out each time.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ..model.mention import Mention

ZONE = ZoneInfo("America/New_York")
BEGINS = datetime(2012, 9, 18, 0, 0, tzinfo=ZONE)
OUTAGE = datetime(2012, 9, 18, 7, 30, tzinfo=ZONE)
OVER = datetime(2012, 9, 18, 9, 30, tzinfo=ZONE)
ENDS = datetime(2012, 9, 18, 11, 0, tzinfo=ZONE)
SEED = 730
BRAND = "@GMMobile"

TOWNS = ("Burlington", "South Burlington", "Rutland", "Montpelier", "Barre", "Essex Junction", "Winooski", "St. Albans",
         "Brattleboro", "Bennington", "Middlebury", "Newport", "St. Johnsbury", "Stowe", "Waterbury")
ELSEWHERE = ("Albany, NY", "Boston, MA", "Manchester, NH", "Portland, ME", "Hartford, CT", "Syracuse, NY",
             "Worcester, MA", "Concord, NH")
COMPLAINTS = (
    "{brand} no 3G data in {town} since this morning, what is going on?",
    "{brand} mobile data is down in {town}. Phone shows bars but nothing loads",
    "Is {brand} data down for anyone else in {town}, VT? Nothing works",
    "no data at all on my phone in {town}, {brand} please fix this",
    "{brand} 3G not working in {town} VT, need it for work!!",
    "My {brand} phone has no internet in {town}. Restarted twice, still nothing",
    "cannot get any mobile data in {town} this morning. {brand}?",
    "{brand} data outage in {town}? can't send anything from my phone",
    "{brand} what happened to 3G in {town}, no service on data since 7:30",
    "Still no mobile data in {town} {brand}. A word from you would be nice",
)
WORKAROUNDS = (
    "If your {brand} calls fail in {town}: turn off 3G, then Edge carries calls. Worked for me",
    "Tip for {town}: switch off 3G in settings and phone calls work again on Edge {brand}",
    "Turned 3G off and I can make calls again in {town}. Data still dead. {brand} why not tell people?",
    "works for calls if you disable 3G, using Edge in {town} {brand}",
)
RECOVERIES = (
    "Data is back in {town} {brand}", "3G working again in {town}, finally. Thanks {brand}?",
    "{brand} it's back here in {town}", "mobile data restored in {town}. Two hours, not one word from {brand}",
)
ORDINARY = (
    "{brand} when do you open the new shop?", "Great deal on a new phone at {brand} today, ask me how",
    "{brand} my bill is wrong again, second month", "Love the leaves around {town} this week",
    "Thinking of switching to {brand}, any good?", "{brand} thank you for the quick help last night",
    "Coffee, then work. {town} is foggy", "Anyone else watching the game tonight in {town}?",
)
STRAYS = ("{brand} data is slow in {place} today", "no data in the basement again lol {brand}",
          "{brand} 3G not working on the train near {place}")


@dataclass(frozen=True, slots=True)
class Rates:
    """Posts a minute at one moment, by kind."""

    complaints: float
    workarounds: float
    recoveries: float
    ordinary: float
    strays: float


def rates(at: datetime) -> Rates:
    """How much is posted at a moment: the ramp of a state waking up to an outage, then the relief."""
    awake = 0.05 if at.hour < 6 else 0.25
    trouble = workarounds = recoveries = 0.0
    if OUTAGE <= at < OVER:
        minutes = (at - OUTAGE).total_seconds() / 60
        trouble = min(0.6 + minutes * 0.12, 3.0) if minutes < 60 else max(3.0 - (minutes - 60) * 0.025, 1.5)
        workarounds = 0.25 if minutes > 12 else 0.0
    elif OVER <= at < OVER + timedelta(minutes=25):
        recoveries = 1.2
        trouble = max(0.5 - (at - OVER).total_seconds() / 600, 0.0)
    return Rates(trouble, workarounds, recoveries, awake, 0.01)


def mentions() -> Iterator[Mention]:
    """Every post of the recording, in time order. The same each time."""
    dice = random.Random(SEED)  # noqa: S311 a story needs no secrecy
    number = 0
    at = BEGINS
    while at < ENDS:
        for text, place in _minute(dice, at):
            number += 1
            moment = at + timedelta(seconds=dice.uniform(0, 59.9))
            yield Mention(id=f"vt-{number:05d}", created_at=moment.replace(microsecond=0), network="x", text=text,
                          author=f"customer{dice.randrange(4000):04d}", author_location=place, lang="en",
                          is_repost=text.startswith("RT "))
        at += timedelta(minutes=1)


def _minute(dice: random.Random, at: datetime) -> Iterator[tuple[str, str | None]]:
    now = rates(at)
    for phrases, rate in ((COMPLAINTS, now.complaints), (WORKAROUNDS, now.workarounds), (RECOVERIES, now.recoveries),
                          (ORDINARY, now.ordinary)):
        for _ in range(_poisson(dice, rate)):
            town = dice.choice(TOWNS)
            text = dice.choice(phrases).format(brand=BRAND, town=town, place=town)
            if phrases is COMPLAINTS and dice.random() < 0.08:
                text = f"RT @neighbour{dice.randrange(30)}: {text}"
            yield text, f"{town}, VT" if dice.random() < 0.8 else None
    for _ in range(_poisson(dice, now.strays)):
        place = dice.choice(ELSEWHERE)
        yield dice.choice(STRAYS).format(brand=BRAND, place=place), place


def _poisson(dice: random.Random, rate: float) -> int:
    """A Poisson number for a small rate, by multiplying uniforms (Knuth, The Art of Computer Programming 2, 3.4.1)."""
    limit, product, count = 2.718281828459045 ** -rate, dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count


def write(folder: Path) -> int:
    """Write the recording into `folder`, byte for byte the same each time; returns the number of posts."""
    folder.mkdir(parents=True, exist_ok=True)
    posts = sorted(mentions(), key=lambda mention: (mention.created_at, mention.id))
    lines = "".join(json.dumps(post.to_record(), ensure_ascii=False, sort_keys=True) + "\n" for post in posts)
    with (folder / "mentions.jsonl.gz").open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0,
                                                                          filename="") as packed:
        packed.write(lines.encode())
    (folder / "README").write_text(__doc__ or "", encoding="utf-8")
    return len(posts)


SHIPPED = Path(__file__).parent / "recording"
"""The recording that ships with the package; a test holds it against `write`."""
