"""Times, lists, names and durations in the reader's language and zone: what the placeholders stand for.

All from CLDR through babel, so that a new language needs no code; only "and N more" has words of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_decimal
from babel.units import format_unit

from notifier.model.region import RegionTree

LISTED = 4
"""Regions named before the rest become a number."""
NAMES_CAP = 90
"""Characters of the names together, from which on fewer are named."""
ROUND_TO = timedelta(minutes=5)
"""Promised times fall on these: nobody promises 8:13."""
_MORE = {"en": "{} more", "es": "{} más", "fr": "{} autres", "de": "{} weitere", "pt": "mais {}", "it": "altre {}"}
_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " "})


@lru_cache(maxsize=64)
def locale(language: str) -> Locale:
    """The CLDR locale of a language code ("es", "es-US"); English where babel knows none."""
    for code in (language, language.split("-")[0], "en"):
        try:
            return Locale.parse(code, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    raise AssertionError("babel ships English")


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """A time zone by IANA name; UTC where the name is unknown (configuration has refused such names)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def zone_of(regions: Sequence[str], tree: RegionTree, company_zone: str) -> ZoneInfo:
    """The zone all regions share, else the company's: one notice speaks in one zone."""
    zones = {tree[region].timezone for region in regions}
    return zone(zones.pop() if len(zones) == 1 else company_zone)


def clock_time(moment: datetime, language: str, tz: ZoneInfo, now: datetime) -> str:
    """A moment on the reader's wall clock with its zone ("7:30 AM EST"), the date first where it is not today's."""
    local = moment.astimezone(tz)
    spoken = f"{format_time(local, 'short', locale=locale(language))} {_zone_name(local)}"
    if local.date() != now.astimezone(tz).date():
        spoken = f"{format_skeleton('MMMd', local, locale=locale(language))}, {spoken}"
    return spoken.translate(_SPACES)


def _zone_name(local: datetime) -> str:
    name = local.tzname() or "UTC"
    return f"UTC{name}" if name[0] in "+-" else name


def promised(now: datetime, every: timedelta) -> datetime:
    """The first round time not before `now + every`."""
    due = now + every
    midnight = due.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + -(-(due - midnight) // ROUND_TO) * ROUND_TO


def duration(length: timedelta, language: str) -> str:
    """A length of time in its two largest units ("1 hour and 55 minutes"), at least one minute."""
    minutes = max(1, round(length.total_seconds() / 60))
    days, rest = divmod(minutes, 1440)
    parts = [(days, "day"), (rest // 60, "hour"), (rest % 60, "minute")]
    first = next(i for i, (count, _) in enumerate(parts) if count)
    spoken = [
        format_unit(count, f"duration-{unit}", "long", locale=locale(language))
        for count, unit in parts[first : first + 2]
        if count
    ]
    return format_list(spoken, style="standard", locale=locale(language)).translate(_SPACES)


def number(count: int, language: str) -> str:
    """A whole number with the language's separators."""
    return format_decimal(count, locale=locale(language)).translate(_SPACES)


def region_names(regions: Sequence[str], tree: RegionTree, language: str) -> str:
    """The regions' names as a list in `language`; of a long one the first, and how many more there are.

    Regions with most customers come first where every number is known, else they stay in order. A name that several
    regions bear is followed by its parent's.
    """
    names = [_name(region, tree, language) for region in _ordered(regions, tree)]
    shown = names[:LISTED] if len(names) > LISTED + 1 else names
    while len(shown) > 1 and sum(map(len, shown)) > NAMES_CAP:
        shown = shown[:-1]
    rest = len(names) - len(shown)
    if rest:
        more = _MORE.get(locale(language).language, "+{}").format(number(rest, language))
        shown = [*shown, more]
    return format_list(shown, style="standard", locale=locale(language))


def _ordered(regions: Sequence[str], tree: RegionTree) -> Iterable[str]:
    counts = {region: tree.customers([region]) for region in regions}
    if any(count is None for count in counts.values()):
        return regions
    return sorted(regions, key=lambda region: (-(counts[region] or 0), region))


def _name(region: str, tree: RegionTree, language: str) -> str:
    node = tree[region]
    name = node.name_in(language)
    if node.parent is not None and _bearers(tree)[node.name] > 1:
        return f"{name} ({tree[node.parent].name_in(language)})"
    return name


@lru_cache(maxsize=2)
def _bearers_of(names: tuple[str, ...]) -> Counter[str]:
    return Counter(names)


def _bearers(tree: RegionTree) -> Counter[str]:
    return _bearers_of(tuple(region.name for region in tree))
