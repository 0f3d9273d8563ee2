"""When a post was made, by its id: three networks number their posts by time. A post nobody here has heard, such as the
one somebody answers, is dated so.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

X_EPOCH_MS = 1_288_834_974_657
"""X: 64 bits, the upper 42 of them milliseconds since this moment (4 November 2010, 01:42:54.657 UTC); github.com/
twitter-archive/snowflake, IdWorker."""
MASTODON_BITS = 16
"""Mastodon: 48 bits of milliseconds since 1970 and 16 of sequence; mastodon/mastodon, lib/mastodon/snowflake.rb."""
TID_BITS = 10
TID_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
TID_LENGTH = 13
"""Bluesky: record keys are TIDs, 13 letters of base 32: a zero bit, 53 bits of microseconds since 1970, 10 of a clock's
number; atproto.com/specs/tid. Their maker chooses them: a wrong clock or a liar is possible."""
EARLIEST = datetime(2010, 11, 4, tzinfo=UTC)
"""No id that holds its time is older; what seems to be is of another kind (Mastodon's before 2017 were counted)."""
_LONGEST = 20


def posted_at(network: str, id: str | None, now: datetime) -> datetime | None:
    """When a post was made, by its id; None where the id does not tell, or tells what cannot be. Mastodon's ids are
    those a server gives (`in_reply_to_id`), not URIs; Bluesky's are at:// URIs or bare keys. Never raises."""
    if not id:
        return None
    if network == "bluesky":
        micros = _tid(id.rpartition("/")[2])
    elif network in ("x", "mastodon") and len(id) < _LONGEST and id.isascii() and id.isdigit():
        micros = ((int(id) >> 22) + X_EPOCH_MS) * 1000 if network == "x" else (int(id) >> MASTODON_BITS) * 1000
    else:
        return None
    latest = int((now + timedelta(minutes=1)).timestamp() * 1e6)
    if micros is None or not int(EARLIEST.timestamp() * 1e6) <= micros <= latest:
        return None
    return min(datetime.fromtimestamp(micros // 1_000_000, UTC) + timedelta(microseconds=micros % 1_000_000), now)


def _tid(key: str) -> int | None:
    if len(key) != TID_LENGTH:
        return None
    number = 0
    for letter in key:
        place = TID_LETTERS.find(letter)
        if place < 0:
            return None
        number = number << 5 | place
    return None if number >> 63 else number >> TID_BITS
