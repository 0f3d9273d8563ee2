"""Counting people: which copies are found among real posts, by three methods, and what one post costs.

    python -m benchmarks.people ../shared/data/mentions

The reference is every post that shares much with an earlier one of the same event within half an hour (three fifths of
their words, or five words and 85 % of the shorter): likeness, not truth; a hand-check says what it is worth
(docs/CROWD.md).
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from notifier.detection.copies import COPY_WORDS, Copies, read_text, words_of
from notifier.detection.people import Crowd, voice_of
from notifier.model.mention import Mention

WITHIN = 1800
FILES = ("crisislex_t6_60k.jsonl.gz", "crisislex_t26_labelled.jsonl.gz")
BANDS = (0.9, 0.8, 0.7, 0.6, 0.0)

Post = tuple[int, str]
Method = Callable[[Sequence[Post]], set[int]]


def load(folder: Path) -> list[list[Post]]:
    """(second, text) of every event, in time order."""
    events: dict[tuple[str, str], list[Post]] = defaultdict(list)
    for name in FILES:
        with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                at = int(datetime.fromisoformat(row["created_at"]).timestamp())
                events[name, row["event"]].append((at, row["text"]))
    return [sorted(posts, key=lambda post: post[0]) for posts in events.values()]


def alike(posts: Sequence[Post]) -> dict[int, float]:
    """Posts that are much like an earlier one within WITHIN: the share of words the likest has in common."""
    found: dict[int, float] = {}
    where: dict[str, list[int]] = defaultdict(list)
    sets: list[frozenset[str]] = []
    for number, (at, text) in enumerate(posts):
        words = frozenset(words_of(text)[0])
        sets.append(words)
        shared: Counter[int] = Counter()
        for word in words:
            for other in reversed(where[word]):
                if at - posts[other][0] >= WITHIN:
                    break
                shared[other] += 1
            where[word].append(number)
        for other, common in shared.items() if len(words) >= 4 else ():
            least = min(len(words), len(sets[other]))
            share = common / (len(words) + len(sets[other]) - common)
            if least >= 4 and (share >= 0.6 or (common >= 5 and common / least >= 0.85)):
                found[number] = max(share, found.get(number, 0.0))
    return found


def runs(posts: Sequence[Post]) -> set[int]:
    """The product's own."""
    copies, found = Copies(within=WITHIN, most=200_000), set()
    for number, (at, text) in enumerate(posts):
        read = read_text(*words_of(text))
        if read is not None and copies.holder(read, number, at) != number:
            found.add(number)
    return found


def equal(key: Callable[[list[str]], str]) -> Method:
    """Copies by an equal key of their words."""
    def method(posts: Sequence[Post]) -> set[int]:
        seen: dict[str, int] = {}
        found: set[int] = set()
        for number, (at, text) in enumerate(posts):
            words = words_of(text)[0]
            if len(words) >= COPY_WORDS:
                last = seen.get(key(words))
                if last is not None and at - last < WITHIN:
                    found.add(number)
                seen[key(words)] = at
        return found
    return method


def cost(events: Sequence[Sequence[Post]]) -> tuple[float, float]:
    """CPU microseconds a post: reading it, counting it; best of three."""
    posts = [Mention(id=str(n), created_at=datetime.fromtimestamp(at, UTC), network="x", text=text, author=str(n))
             for n, (at, text) in enumerate(post for posts in events for post in posts)]
    best = [float("inf"), float("inf")]
    for _ in range(3):
        begun = time.process_time()
        voices = [voice_of(post) for post in posts]
        read = time.process_time()
        crowd = Crowd(once=3600, copies=WITHIN, most=200_000)
        for number, voice in enumerate(voices):
            crowd.count(voice, "power", number // 50)
        best = [min(best[0], read - begun), min(best[1], time.process_time() - read)]
    return best[0] / len(posts) * 1e6, best[1] / len(posts) * 1e6


def main(folder: Path) -> None:
    """Print both tables."""
    events = load(folder)
    likes = [alike(posts) for posts in events]
    print(f"{sum(map(len, events))} posts, {sum(map(len, likes))} much like an earlier one; found, by words in common:")
    methods: dict[str, Method] = {"equal words in equal order": equal(" ".join), "runs": runs,
                                  "equal sets of words": equal(lambda words: " ".join(sorted(set(words))))}
    for name, method in methods.items():
        of: Counter[float] = Counter()
        got: Counter[float] = Counter()
        merged = 0
        for posts, like in zip(events, likes, strict=True):
            found = method(posts)
            merged += len(found)
            for number, share in like.items():
                band = next(low for low in BANDS if share >= low)
                of[band] += 1
                got[band] += number in found
        print(f"  {name}: {merged} merged; " + ", ".join(f"from {band}: {got[band]}/{of[band]}" for band in BANDS))
    begun = time.process_time()
    sum(range(1_000_000))
    pace = (time.process_time() - begun) * 1e3
    reading, counting = cost(events)
    print(f"CPU a post: read {reading:.1f} µs, count {counting:.1f} µs (sum(range(10**6)) took {pace:.0f} ms)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the directory of the posts")
    main(parser.parse_args().folder)
