"""The outbox beside raw SQLite, in the same run on the same disk: `python -m benchmarks.outbox [DELIVERIES]`.

Queueing is compared with `executemany` of the same rows into an unindexed table, sending with one durable commit a
step: the price of a delivery that survives power loss is the disk's, and the ratio shows what we add to it.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from notifier.model.delivery import Delivery, Outcome, OutcomeKind, Reason
from notifier.model.notice import Mode, Notice, NoticeState, Stage, Text, Wording
from notifier.store import StoreSettings, open_store
from notifier.store.codec import columns

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
LEASE = timedelta(hours=1)
SENT = Outcome(OutcomeKind.SENT, Reason.ACCEPTED)
STEPS = 2000
"""Deliveries carried through claim, begin and settle."""


def the_notice() -> Notice:
    """One notice by SMS."""
    return Notice(
        "n1",
        "I260115-1",
        Stage.ACKNOWLEDGE,
        Wording.ACKNOWLEDGE,
        1,
        Mode.TEST,
        ("US-VT",),
        (Text("sms", "en", "Mobile data is down in Vermont. We are on it."),),
        NOW,
        NOW + timedelta(hours=6),
        NoticeState.RELEASED,
    )


def deliveries(number: int) -> Iterator[Delivery]:
    """As many deliveries of it."""
    first = Delivery(
        "", "n1", "I260115-1", Stage.ACKNOWLEDGE, 1, "sms", "", "en", Mode.TEST, NOW, NOW, NOW + timedelta(hours=6)
    )
    for n in range(number):
        yield replace(first, id=f"d{n:07}", address=f"+1802{n:07}", subscriber=f"s{n:07}")


def ours(folder: Path, number: int) -> dict[str, float]:
    """Our outbox: seconds to queue, and a second's worth of deliveries claimed, begun and settled."""
    store = open_store(StoreSettings(path=str(folder / "ours.db")))
    rows = list(deliveries(number))
    began = time.perf_counter()
    with store.transaction() as tx:
        tx.put_notice(the_notice())
        tx.add_deliveries(rows)
    queued = time.perf_counter() - began
    began = time.perf_counter()
    for _ in range(STEPS // 50):
        for delivery, _ in store.claim("sms", 50, LEASE, NOW):
            assert store.begin(delivery.id, delivery.token, NOW) is None
            assert store.settle(delivery.id, delivery.token, SENT, NOW)
    sent = time.perf_counter() - began
    store.close()
    return {"queue_seconds": queued, "sent_per_second": STEPS / sent}


def raw(folder: Path, number: int) -> dict[str, float]:
    """Raw sqlite3 with the same durability: executemany, then two single-row commits a delivery."""
    rows = [columns(delivery) for delivery in deliveries(number)]
    names = list(rows[0])
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"CREATE TABLE d ({', '.join(names)}, PRIMARY KEY (id))")
    began = time.perf_counter()
    connection.execute("BEGIN")
    connection.executemany(f"INSERT INTO d VALUES ({', '.join(':' + name for name in names)})", rows)
    connection.execute("COMMIT")
    queued = time.perf_counter() - began
    began = time.perf_counter()
    for n in range(STEPS):
        for state in ("begun", "sent"):
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE d SET state = ? WHERE id = ?", (state, f"d{n:07}"))
            connection.execute("COMMIT")
    sent = time.perf_counter() - began
    connection.close()
    return {"queue_seconds": queued, "sent_per_second": STEPS / sent}


def main(number: int) -> None:
    """Run both three times, alternating; print the medians and the ratios."""
    runs: dict[str, list[dict[str, float]]] = {"ours": [], "raw": []}
    for _ in range(3):
        for name, run in (("ours", ours), ("raw", raw)):
            with tempfile.TemporaryDirectory() as folder:
                runs[name].append(run(Path(folder), number))
    middle = {name: {key: sorted(run[key] for run in found)[1] for key in found[0]} for name, found in runs.items()}
    ratio = {key: round(middle["ours"][key] / middle["raw"][key], 2) for key in middle["ours"]}
    print(
        json.dumps({"deliveries": number, "sqlite": sqlite3.sqlite_version, **middle, "ours_to_raw": ratio}, indent=1)
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
