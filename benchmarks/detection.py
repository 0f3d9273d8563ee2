"""How many posts a second the detector takes, beside decoding the same posts from JSON in the same run.

    python benchmarks/detection.py [--posts 20000]

Figures are CPU time of one thread, best of three. The ratio is what carries over to other machines. Posts are those of
the Vermont reconstruction, repeated with other authors and times.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from notifier.demo.vermont import mentions
from notifier.model.mention import Mention
from tests.detection.scene import detector

WATCHED = 1_400
"""Posts over which looks are timed: about three reconstructed mornings."""


def lines(number: int) -> list[str]:
    """`number` posts as a recording keeps them."""
    once = sorted(mentions(), key=lambda one: (one.created_at, one.id))
    span = once[-1].created_at - once[0].created_at + timedelta(minutes=1)
    found: list[str] = []
    lap = 0
    while len(found) < number:
        for one in once[:number - len(found)]:
            record = one.to_record()
            record["id"] = f"{one.id}-{lap}"
            record["author"] = f"{one.author}-{lap}"
            record["created_at"] = (one.created_at + lap * span).isoformat()
            found.append(json.dumps(record))
        lap += 1
    return found


def best(run: Callable[[], object]) -> float:
    """Least CPU seconds of three runs."""
    times = []
    for _ in range(3):
        begun = process_time()
        run()
        times.append(process_time() - begun)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=20_000)
    number = parser.parse_args().posts
    texts = lines(number)
    posts = [Mention.from_record(json.loads(text)) for text in texts]
    heard = detector()
    empty = heard.checkpoint()

    def take() -> None:
        heard.restore(empty)
        for post in posts:
            heard.take("benchmark", post, post.created_at)

    def watch() -> None:
        heard.restore(empty)
        due = posts[0].created_at
        for post in posts[:WATCHED]:
            while due <= post.created_at:
                heard.signals(due)
                due += timedelta(seconds=10)
            heard.take("benchmark", post, post.created_at)

    def few() -> None:
        heard.restore(empty)
        for post in posts[:WATCHED]:
            heard.take("benchmark", post, post.created_at)

    decode_json = best(lambda: [json.loads(text) for text in texts])
    decode = best(lambda: [Mention.from_record(json.loads(text)) for text in texts])
    taken = best(take)
    watched = best(watch) - best(few)
    looks = int((posts[:WATCHED][-1].created_at - posts[0].created_at).total_seconds() // 10)
    for name, seconds in (("json.loads", decode_json), ("json.loads and Mention", decode), ("Detector.take", taken)):
        print(f"{name:24} {number / seconds:>10,.0f} posts/s   {seconds / decode_json:6.1f} x json.loads")
    print(f"{'Detector.signals':24} {looks / max(watched, 1e-9):>10,.0f} looks/s")
    watch()
    print(f"{'checkpoint':24} {len(heard.checkpoint()):>10,} bytes after {min(number, WATCHED):,} posts")


if __name__ == "__main__":
    main()
