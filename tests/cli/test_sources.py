"""`notifier sources`: how early each source spoke, and what its word is worth."""

from __future__ import annotations

from datetime import timedelta

from notifier.clock import SystemClock
from notifier.model.signal import Freshness
from notifier.model.track import TrackRecord, Verdict
from notifier.ports import SourceState

from .conftest import Desk


def test_what_is_switched_on_and_was_never_heard_is_shown_as_such(desk: Desk) -> None:
    rows = {row["source"]: row["state"] for row in desk.json("sources")["sources"]}
    assert rows["vendor"] == "never heard"
    assert set(rows.values()) == {"never heard"}
    assert "never heard" in desk.type("sources").stdout
    status = {row["source"]: row["why"] for row in desk.json("status")["sources"]}
    assert status.keys() == rows.keys()
    assert set(status.values()) == {"never heard"}


def test_lead_lag_and_weight_of_every_source(desk: Desk) -> None:
    now = SystemClock().now()

    def record(source: str, verdict: Verdict, lag: int | None, lead: int | None = None) -> TrackRecord:
        return TrackRecord(source, "I1", "mobile-data", ("US",), verdict, now,
                           None if lag is None else timedelta(minutes=lag),
                           None if lead is None else timedelta(minutes=lead))

    with desk.store() as store, store.transaction() as tx:
        tx.put_source_state(SourceState("probe", Freshness.FRESH))
        tx.put_source_state(SourceState("quiet", Freshness.SUSPECT, "HTML"))
        tx.put_track_records("I1", [record("probe", Verdict.LED, 0, 40), record("old-page", Verdict.FOLLOWED, 40)])
    rows = {row["source"]: row for row in desk.json("sources")["sources"]}
    assert rows.keys() > {"old-page", "probe", "quiet"}
    assert (rows["probe"]["led"], rows["probe"]["lead_seconds"], rows["probe"]["state"]) == (1, 2400.0, "fresh")
    old = rows["old-page"]
    assert (old["followed"], old["lag_seconds"], old["state"]) == (1, 2400, "gone")
    assert rows["probe"]["weight"] > rows["quiet"]["weight"] == 1 > old["weight"]
    shown = desk.type("sources").stdout
    for words in ("40 min", "suspect", "led 1", "followed 1"):
        assert words in shown
