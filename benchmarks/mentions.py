"""How many posts a second go from their JSON bytes to updated detectors, beside decoding, and decoding and matching.

    python benchmarks/mentions.py [--posts 100000] [--workers 2] [--shares 0.001 0.01 0.05 0.3]

The last stage is the daemon's own detector, in this process: copies and people, each series' counts, the spike core's
columns of every service that was heard of, and one look at all of them for each row (the daemon looks every ten
seconds: at the target rate fourteen times as rarely).

Posts are X's lines of about 1 KB with texts of real length, a third of them not plain ASCII; 2,000 trigger patterns;
3,300 regions. A share of 0.01 means: one post in a hundred holds a trigger, and one in ten of those is a complaint or a
recovery (the others only use the word). Two rows more: half of all posts repost one complaint, and broken JSON.

CPU is that of all processes, this one included. "2 cores" is what two cores reach when nothing else runs, by CPU;
"wall" is what was reached here and now. The target is 143,199 posts a second on 2 cores, 13.97 µs of CPU a post.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import msgspec
from ahocorasick_rs import AhoCorasick, Implementation

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from notifier.config.ready_regions import ready, world
from notifier.detection.complaint import Judge
from notifier.detection.copies import read_post
from notifier.detection.detector import Detector
from notifier.detection.people import voice_of
from notifier.detection.place import PlaceFinder
from notifier.detection.report import Hearing, Report
from notifier.intake.folding import fold_texts
from notifier.intake.glance import GLANCES
from notifier.intake.reader import Batch, PostReader, Tally
from notifier.intake.shapes import Feed, Shape, read
from notifier.intake.triggers import Triggers
from notifier.intake.workers import Workers
from notifier.model.mention import Mention
from notifier.model.region import Region, RegionTree
from tests.detection.scene import services, settings, vocabulary

TARGET = 143_199
PATTERNS = 2_000
BATCH = 512
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
FEED = Feed(Shape.X, tag="notifier:x")
WORDS = """the a we they about friday morning coffee game goal season music song album train bus rain sunny cold friends
family school class exam dinner lunch recipe movie episode book story writing travel beach city summer winter birthday
happy love really never always today tomorrow tonight weekend running photo picture cat dog garden project meeting boss
money market price team player coach fans stadium ticket great so very my your and but with for from to in on of is was
are be have has had not this that it he she"""
OTHER = """día noche mañana corazón película canción fútbol amigos café été garçon forêt naïve über schön größe straße
今日 天気 音楽 映画 友達 美味しい 오늘 친구 음악 привет друзья сегодня спасибо 😀 🎉 ❤️ 🔥 😂 …"""
SYMPTOMS = ("no power in {} since this morning", "my internet is down again here in {}",
            "anyone else in {} with no signal",
            "power just went out in {} and the whole street is dark", "the power is back in {} at last")
USES = ("power", "internet", "phone", "service", "calls", "lights", "signal", "data")


class Composer:
    """Writes posts."""

    def __init__(self, triggers: frozenset[str], places: Sequence[str]) -> None:
        self.dice = random.Random(20260115)
        self.places = places
        plain = [word for word in WORDS.split() if not any(trigger in word for trigger in triggers)]
        self.common = [word for number, word in enumerate(plain) for _ in range(max(1, 40 // (number + 1)))]
        self.number = 0

    def text(self, words: int) -> str:
        found = self.dice.choices(self.common, k=words)
        if self.dice.random() < 0.33:
            found[self.dice.randrange(words):0] = self.dice.choices(OTHER.split(), k=self.dice.randint(1, 3))
        if self.dice.random() < 0.3:
            found.append(f"https://t.co/{self.dice.getrandbits(50):010x}")
        return " ".join(found).capitalize()

    def post(self, share: float) -> str:
        rest = self.text(self.dice.randint(6, 34))
        roll = self.dice.random()
        if roll < share / 10:
            return f"{self.dice.choice(SYMPTOMS).format(self.dice.choice(self.places))} {rest}"[:280]
        return f"{self.dice.choice(USES)} {rest}" if roll < share else rest

    def line(self, text: str, *, repost: bool = False) -> bytes:
        self.number += 1
        author, id = str(10**18 + self.dice.randrange(10**9)), str(19 * 10**17 + self.number)
        post = {"author_id": author, "conversation_id": id, "created_at": "2026-01-15T11:59:30.000Z",
                "edit_history_tweet_ids": [id], "id": id, "lang": "en", "possibly_sensitive": False,
                "public_metrics": {"retweet_count": 0, "reply_count": 1, "like_count": 3, "quote_count": 0,
                                   "bookmark_count": 0, "impression_count": 112}, "text": text}
        if repost:
            post["referenced_tweets"] = [{"type": "retweeted", "id": str(19 * 10**17)}]
        user = {"created_at": "2013-06-12T11:32:05.000Z", "description": self.text(14), "id": author,
                "location": self.dice.choice(self.places), "name": "Some Body", "username": f"some{author[-6:]}",
                "profile_image_url": f"https://pbs.example/profile_images/{author}/photo_normal.jpg",
                "protected": False,
                "public_metrics": {"followers_count": 210, "following_count": 180, "tweet_count": 4021,
                                   "listed_count": 2}, "verified": False, "url": ""}
        return json.dumps({"data": post, "includes": {"users": [user]},
                           "matching_rules": [{"id": "1212121212121212121", "tag": "notifier:x"}]},
                          ensure_ascii=False).encode()


def territory() -> tuple[RegionTree, list[str]]:
    """3,300 regions: the United States by county and parts of other countries, and towns to name in posts."""
    found: dict[str, Region] = {"world": world()}
    for country, levels in (("US", ["state", "county"]), ("CA", ["state"]), ("GB", ["state"]), ("MX", ["state"])):
        for region in ready(country, levels):
            found[region.id] = region
    while len(found) > 3_300:
        found.popitem()
    states = [one for one in found.values() if one.parent == "US"]
    codes = {one.id: one.id.removeprefix("US-") for one in states}
    counties = [f"{one.name}, {codes[one.parent]}" for one in found.values() if one.parent in codes]
    return RegionTree(found), counties


def made() -> Hearing:
    """The example's words with as many of one's own as make 2,000 triggers."""
    words = vocabulary()
    dice = random.Random(7)
    missing = PATTERNS - len(Judge(words, services()).triggers())
    names = {"".join(dice.choices("bcdfghjklmnpqrstvwxz", k=dice.randint(7, 12))) for _ in range(missing)}
    own = dict(words.own_symptoms)
    own["broadband"] = {**own["broadband"], "xx": tuple(f"no {name}" for name in sorted(names))}
    regions, _ = territory()
    return Hearing(settings(home_region="US"), words.model_copy(update={"own_symptoms": own}), regions, services())


def own_cpu() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def running(pool: Workers) -> list[tuple[float, float]]:
    """(CPU seconds, MiB of memory) of each process at work."""
    found = []
    for pid in pool.pids():
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found.append(((int(stat[11]) + int(stat[12])) / 100, int(stat[21]) * 4096 / 2**20))
    return found


class Sink:
    """The one detector, which takes what the others report."""

    def __init__(self, detector: Detector) -> None:
        self.lock = threading.Lock()
        self.came = threading.Semaphore(0)
        self.detector, self.tally = detector, Tally()

    def take(self, source: str, batch: Batch) -> None:
        with self.lock:
            self.tally.add(batch.tally)
        if batch.reports:
            self.detector.take_reports([report for _, report in batch.reports], NOW)
        self.came.release()


def forgetful(hearing: Hearing) -> Callable[[], Detector]:
    """Makes the one detector forget all it heard: a new one takes a second."""
    detector = Detector(hearing.detection, hearing.vocabulary, regions=hearing.regions, services=hearing.services)
    nothing = detector.checkpoint()

    def fresh() -> Detector:
        detector.restore(nothing)
        return detector

    return fresh


class Pool:
    """Processes that have read posts before the watch is started."""

    def __init__(self, hearing: Hearing, first: Sequence[bytes], workers: int) -> None:
        self.fresh = forgetful(hearing)
        self.sink = Sink(self.fresh())
        self.workers = Workers(hearing, {"x": FEED}, lambda source, batch: self.sink.take(source, batch), count=workers)
        self.put(first[:BATCH * 16 * workers])

    def put(self, posts: Sequence[bytes]) -> None:
        """Hand in posts, and wait until all are counted."""
        batches = range(0, len(posts), BATCH)
        for at in batches:
            self.workers.put("x", posts[at:at + BATCH], NOW)
        for _ in batches:
            self.sink.came.acquire()

    def timed(self, posts: Sequence[bytes]) -> tuple[float, float, Tally, float]:
        """(CPU s of all processes, wall s, tally, MiB of the largest process that reads; this one holds the benchmark's
        own posts) for three quarters of the posts: those before make profiles and names known, as they are after a
        while."""
        self.put(posts[:len(posts) // 4])
        posts = posts[len(posts) // 4:]
        self.sink = Sink(self.fresh())
        cpu, begun = own_cpu() + sum(seconds for seconds, _ in running(self.workers)), perf_counter()
        self.put(posts)
        self.sink.detector.signals(NOW)
        wall = perf_counter() - begun
        cpu = own_cpu() + sum(seconds for seconds, _ in running(self.workers)) - cpu
        return cpu, wall, self.sink.tally, max(size for _, size in running(self.workers))


def best(run: Callable[[], object], times: int = 3, before: Callable[[], object] = lambda: None) -> float:
    """Least CPU seconds of several runs; `before` each something is done that is not timed."""
    found = []
    for _ in range(times):
        before()
        begun = process_time()
        run()
        found.append(process_time() - begun)
    return min(found)


def yardsticks(posts: Sequence[bytes], patterns: Sequence[str]) -> None:
    """What nothing built on these parts can beat: decoding the text alone, and looking for the patterns in it."""
    decode = GLANCES[Shape.X]
    texts = [decode(raw) or "" for raw in posts]
    automaton = AhoCorasick(patterns, implementation=Implementation.DFA)
    alone = best(lambda: [decode(raw) for raw in posts])
    match = best(lambda: [automaton.find_matches_as_indexes(text.lower()) for text in texts])
    for name, seconds in (("decode only (msgspec)", alone), ("match only (ahocorasick-rs)", match),
                          ("decode and match", alone + match)):
        print(f"  {name:34} {len(posts) / seconds:>10,.0f} a second and core {seconds / len(posts) * 1e6:>6.2f} µs")


def stages(hearing: Hearing, triggers: Triggers, posts: Sequence[bytes]) -> None:
    """Where the time goes, stage by stage in one process; each stage gets what the one before let through. A text that
    is passed on is judged, placed and read for copies once."""
    reader, fresh = PostReader(hearing, everywhere=True), forgetful(hearing)
    judge, places = Judge(hearing.vocabulary, hearing.services), PlaceFinder(hearing.regions, home="US")
    cut = [posts[at:at + BATCH] for at in range(0, len(posts), BATCH)]
    glance = GLANCES[Shape.X]
    texts = [[text for raw in batch if (text := glance(raw))] for batch in cut]
    held = [text for batch in texts for text in (batch[at] for at in triggers.holding(batch))]
    light = [Mention(id="-", created_at=NOW, network="x", text=text) for text in dict.fromkeys(held)]
    told = [(raw, text) for raw in posts if (text := glance(raw)) and judge.verdicts(
        Mention(id="-", created_at=NOW, network="x", text=text))]
    mentions = [one for raw, _ in told if isinstance(one := read(FEED, raw, NOW), Mention)]
    batches = [reader.read(FEED, batch, NOW) for batch in cut]
    reports = [report for batch in batches for _, report in batch.reports]
    detector = fresh()
    rows: list[tuple[str, Callable[[], object], int]] = [
        ("glance (decode)", lambda: [glance(raw) for raw in posts], len(posts)),
        ("fold", lambda: [fold_texts(batch) for batch in texts], len(posts)),
        ("sieve (fold and match)", lambda: [triggers.holding(batch) for batch in texts], len(posts)),
        ("judge", lambda: [judge.verdicts(one) for one in light], len(light)),
        ("read in full", lambda: [read(FEED, raw, NOW) for raw, _ in told], len(told)),
        ("place", lambda: placed(places, mentions), len(mentions)),
        ("voice", lambda: voices(mentions), len(mentions)),
        ("report to and from a process", lambda: [sent(batch) for batch in batches], len(reports)),
        ("detector", lambda: counted(detector, reports), len(reports)),
    ]
    print(f"  {'stage':34} {'posts in':>10} {'µs each':>9} {'µs a post':>10}")
    for name, run, count in rows:
        seconds = best(run, before=fresh if name == "detector" else lambda: None)
        print(f"  {name:34} {count:>10,} {seconds / max(count, 1) * 1e6:>9.2f} {seconds / len(posts) * 1e6:>10.3f}")


def placed(places: PlaceFinder, mentions: Sequence[Mention]) -> None:
    """Texts as read for the first time; profiles are known, as those of most authors are after a while."""
    places._text.cache_clear()
    for one in mentions:
        places.find(one)


def voices(mentions: Sequence[Mention]) -> None:
    """As read for the first time."""
    read_post.cache_clear()
    for one in mentions:
        voice_of(one)


def sent(batch: Batch) -> Batch:
    """What the answer of a process costs on both sides."""
    return msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch)


def counted(detector: Detector, reports: Sequence[Report]) -> Detector:
    """Copies, people, series and the spike core's counts."""
    detector.take_reports(reports, NOW)
    detector.history("power", "US", minutes=1, now=NOW)
    return detector


def looks(hearing: Hearing, posts: Sequence[bytes]) -> None:
    """What a look, a minute that ends and a checkpoint cost, whatever the number of posts: the columns of every service
    in every region."""
    reports = [report for _, report in PostReader(hearing).read(FEED, posts, NOW).reports]
    detector = counted(forgetful(hearing)(), reports)
    detector.signals(NOW)
    series = sum(map(len, detector._board.territories.values()))
    print(f"\nwhatever the number of posts: {series:,} series of the spike core, "
          f"{len(detector._board.series):,} heard of")
    minutes = iter(range(1, 1000))

    def look() -> None:
        detector.take_reports(reports[:50], NOW)
        detector.signals(NOW)

    for name, run in (("a look (every 10 s)", look),
                      ("a look that ends a minute", lambda: detector.signals(NOW + timedelta(minutes=next(minutes)))),
                      ("a checkpoint (every minute)", detector.checkpoint)):
        print(f"  {name:34} {best(run, 5) * 1e3:>9.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.001, 0.01, 0.05, 0.3])
    asked = parser.parse_args()
    hearing = made()
    triggers = Judge(hearing.vocabulary, hearing.services).triggers()
    composer = Composer(triggers, territory()[1])
    rows = {f"{share:.1%} hold a trigger": [composer.line(composer.post(share)) for _ in range(asked.posts)]
            for share in asked.shares}
    viral = "no power in Burlington, VT since this morning and nobody tells us when it comes back, please share"
    rows["half repost one complaint"] = [
        composer.line(viral, repost=True) if composer.dice.random() < 0.5 else composer.line(composer.post(0.01))
        for _ in range(asked.posts)]
    rows["1 in 10 is broken JSON"] = [
        raw[:-1] if composer.dice.random() < 0.1 else raw for raw in rows[f"{asked.shares[0]:.1%} hold a trigger"]]
    first = rows[f"{asked.shares[0]:.1%} hold a trigger"]
    size = sum(map(len, first)) / len(first)
    texts = [GLANCES[Shape.X](raw) or "" for raw in first]
    print(f"{asked.posts:,} posts of {size:,.0f} bytes, texts of {sum(map(len, texts)) / len(texts):.0f} characters, "
          f"{sum(not text.isascii() for text in texts) / len(texts):.0%} not plain ASCII; "
          f"{len(triggers):,} triggers, {sum(1 for _ in hearing.regions):,} regions")
    yardsticks(first, sorted(triggers))
    print(f"\nfrom bytes to updated detectors, {asked.workers} processes and this one (target {TARGET:,})")
    print(f"  {'posts':28} {'reported':>9} {'µs CPU':>8} {'2 cores':>10} {'wall':>10} {'MiB each':>9}")
    pool = Pool(hearing, first, asked.workers)
    for name, posts in rows.items():
        seconds, wall, tally, memory = pool.timed(posts)
        each = seconds / tally.posts
        print(f"  {name:28} {tally.reported / tally.posts:>9.3%} {each * 1e6:>8.2f} {2 / each:>10,.0f} "
              f"{tally.posts / wall:>10,.0f} {memory:>9,.0f}")
    pool.workers.stop()
    for shown in dict.fromkeys((f"{asked.shares[min(1, len(asked.shares) - 1)]:.1%} hold a trigger",
                                f"{asked.shares[-1]:.1%} hold a trigger", "half repost one complaint")):
        print(f"\nwhere the time goes, one process, {shown}")
        stages(hearing, Triggers(triggers), rows[shown])
    looks(hearing, rows[f"{asked.shares[-1]:.1%} hold a trigger"])


if __name__ == "__main__":
    main()
