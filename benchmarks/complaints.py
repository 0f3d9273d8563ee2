"""Precision and recall of "complaint or not" on real posts: the example deployment's words, alone and with a model.

    python benchmarks/complaints.py [--examples]

CrisisLex T26: posts of the type "Infrastructure and utilities" against all others, by event, in two splits: the model
is fitted to all other events (leave one event out), or to the earlier half of the posts. That type is broader than
ours: it holds closed roads, burnt houses and cancelled flights. So beside recall of the type stands recall among its
posts that name a service of ours at all, and what is missed is counted by cause. Then what is found in the posts of
CrisisLex T6, event by event, and among Nigerian and US internet providers' customers, by week. Neither is labelled.
`--examples` prints some posts of each cause; do not publish them. Skips what is absent. About a minute of CPU time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from notifier.detection.complaint import Judge, Kind
from notifier.detection.complaint.learning import Example, Row, Score, totals, train
from notifier.detection.complaint.model import dump, parse
from notifier.detection.words import folded
from tests.detection.scene import post, services, vocabulary

MENTIONS = Path(__file__).resolve().parents[2] / "shared" / "data" / "mentions"
TYPE = "Infrastructure and utilities"
OFFICES = {"Media", "Government", "NGOs", "Business"}
PROVIDERS = ("spectranet", "sprectranet", "@spectranet_ng", "tizeti", "@tizeti", "@wifisupport1", "ipnx", "cobranet",
             "cox", "@coxhelp", "@coxcomm", "spectrum", "@ask_spectrum", "@getspectrum", "verizon", "@verizon",
             "@verizonsupport", "@vzwsupport", "xfinity", "@xfinity", "@xfinitysupport", "comcast", "suddenlink",
             "@suddenlink", "@suddenlinkhelp", "mediacom", "@mediacomsupport", "rcn", "@rcnconnects", "hughesnet",
             "@hughesnet")
"""What a deployment of these providers would list under `operators`."""
NIGERIAN = {"sprectranet", "spectranet", "tizeti", "ipnx", "cobranet"}
SHOWN = 5


def rows_of(name: str) -> list[dict[str, Any]]:
    """The posts of a file beside the project; none, with a sentence, where it is absent."""
    path = MENTIONS / name
    if not path.exists():
        print(f"{name} is not beside the project: skipped")
        return []
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def share(part: int, whole: int) -> str:
    return f"{part / whole:5.2f} ({part}/{whole})" if whole else f"{'–':>5} (0/0)"


# ── CrisisLex T26 ────────────────────────────────────────────────────────────────────────────────────────────────────


def crisislex(show: bool) -> None:
    """Words alone and with a model, by event, and what is missed by cause."""
    rows = rows_of("crisislex_t26_labelled.jsonl.gz")
    if not rows:
        return
    begun = process_time()
    judge = Judge(vocabulary(), services(), learning=True)
    examples = [Example(one["text"], Kind.COMPLAINT if one["type"] == TYPE else Kind.NONE,
                        datetime.fromisoformat(one["created_at"]), one["event"]) for one in rows]
    naming = Counter(one.event for one in examples if one.label is Kind.COMPLAINT and judge.read(one.text).asks)
    try:
        report = train(judge, examples)
    except ImportError:
        print("scikit-learn is not installed: nothing fitted")
        causes(judge, rows, show)
        return
    table("CrisisLex T26, each event left out in turn", report.by_event, naming)
    later = Counter(one.event for one in examples if one.at >= (report.split_at or one.at)
                    and one.label is Kind.COMPLAINT and judge.read(one.text).asks)
    table(f"CrisisLex T26, fitted to posts before {report.split_at:%Y-%m-%d}, tested on later ones", report.by_time,
          later)
    kept = dump(report.model)
    began = perf_counter()
    parse(kept)
    print(f"model: {len(report.model.weights):,} weights, {len(kept):,} bytes, read in {perf_counter() - began:.4f} s; "
          f"threshold {report.model.threshold}, veto {report.model.veto}; {process_time() - begun:.0f} s of CPU time")
    causes(judge, rows, show)


def table(title: str, listed: Sequence[Row], naming: Counter[str]) -> None:
    """`naming`: complaints by event that name a service, which is all that can be found."""
    print(f"\n{title}\n{'event':32}{'labelled':>9}{'naming':>7}   words: P, R of those naming         "
          "with model: P, R of those naming")
    together = totals(listed)
    for event, words, both, named in (*((one.event, one.words, one.both, naming[one.event]) for one in listed),
                                      ("all", together["words"], together["both"], naming.total())):
        if words.right + words.false + both.right + both.false or event == "all":
            print(f"{event[:31]:32}{words.right + words.missed:>9}{named:>7}   {_pair(words, named)}   "
                  f"{_pair(both, named)}")
    print("(events in which neither found anything are left out)")


def _pair(one: Score, naming: int) -> str:
    return f"{share(one.right, one.right + one.false):16}{share(one.right, naming):18}"


def causes(judge: Judge, rows: Iterable[dict[str, Any]], show: bool) -> None:
    """What the words miss of the type, by cause: the first that holds."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        read = judge.read(row["text"])
        if row["type"] == TYPE and not read.complains:
            found[_cause(row, read)].append(row["text"])
    print(f"\nwhat the words miss of the type, {sum(map(len, found.values()))} posts, by cause")
    for cause, texts in sorted(found.items(), key=lambda pair: -len(pair[1])):
        print(f"{len(texts):6}  {cause}")
        for text in texts[:SHOWN] if show else ():
            print(f"            {' '.join(text.split())[:140]}")


def _cause(row: dict[str, Any], read: Any) -> str:
    if not read.asks:
        return "names no service of ours: roads, buildings, flights, schools"
    if row["source"] in OFFICES:
        return "names one, but media, an office or a business speaks"
    if any(one.kind is Kind.RECOVERY for one in read.verdicts):
        return "says that it works again"
    if read.against:
        return "turned by a word of news, of others, of fear, of denial or of the past"
    if row["text"].lower().startswith("rt @"):
        return "names one, in a repost"
    return "names one, in somebody's own words: a miss of ours, or no trouble of his own"


# ── what is not labelled ─────────────────────────────────────────────────────────────────────────────────────────────


def disasters() -> None:
    """What is found in CrisisLex T6, and how few posts hold a trigger."""
    rows = rows_of("crisislex_t6_60k.jsonl.gz")
    judge = Judge(vocabulary(), services())
    triggers = judge.triggers()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts = found[row["event"]]
        counts["posts"] += 1
        counts["triggers"] += any(one in folded(row["text"]) for one in triggers)
        counts.update(f"{verdict.kind}" for verdict in judge.verdicts(post(row["text"])))
    print("\nCrisisLex T6 (no label of ours)")
    for event, counts in sorted(found.items()):
        print(f"{event:32}{counts['posts']:>7} posts {counts['triggers']:>6} with a trigger {counts['complaint']:>5} "
              f"complaints {counts['recovery']:>4} recoveries {counts['workaround']:>3} workarounds")


def providers() -> None:
    """What is found among posts about internet providers, by country and week."""
    rows = [row for row in rows_of("nigeria_isp.jsonl.gz") if row["text"] and not row["is_retweet"]]
    judge = Judge(vocabulary().model_copy(update={"operators": {"broadband": PROVIDERS}}), services())
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        country = "Nigeria" if row["isp"] in NIGERIAN else "United States"
        kinds = {verdict.kind for verdict in judge.verdicts(post(row["text"]))}
        for key in (country, f"{country}, week {datetime.fromisoformat(row['created_at']):%G-%V}"):
            found[key]["posts"] += 1
            found[key].update(kind.value for kind in kinds)
    print("\nposts about internet providers (no label)")
    busy = sorted(found, key=lambda key: -found[key]["complaint"])[:12]
    for key in sorted(busy):
        print(f"{key:32}{found[key]['posts']:>7} posts {found[key]['complaint']:>5} complaints "
              f"{found[key]['recovery']:>4} recoveries")


def speed() -> None:
    """CPU time of one verdict, best of five."""
    judge = Judge(vocabulary(), services())
    print("\nCPU time of a verdict (best of five)")
    for what, text in (
            ("complaint", "No power here in Burlington since 7:30, been like this for hours and the company doesn't "
                          "answer. Third time this month, thanks a lot"),
            ("complaint", "my internet has been down since this morning and nobody at the hotline picks up, what is "
                          "going on in South Burlington? Fix it please!"),
            ("none", "Just had a great lunch with the family in the park, the weather is so nice and the kids loved it."
                     " Photos to follow tomorrow, stay tuned!")):
        one, best = post(text), 1.0
        for _ in range(5):
            begun = process_time()
            for _ in range(5_000):
                judge.judge(one)
            best = min(best, (process_time() - begun) / 5_000)
        print(f"{best * 1e6:6.1f} µs  {what}, {len(text)} characters")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", action="store_true", help="print posts of each cause")
    show = parser.parse_args().examples
    crisislex(show)
    disasters()
    providers()
    speed()


if __name__ == "__main__":
    main()
