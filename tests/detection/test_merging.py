"""The daemon merges what nodes counted: each count once, however it ends, and silence is never taken for calm."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier.clock import SystemClock, VirtualClock
from notifier.detection.complaint import Kind
from notifier.detection.counted import Count, Counts, Sample
from notifier.detection.detector import Detector
from notifier.detection.detector_loop import DetectorLoop, bring_back
from notifier.detection.helping.miner import Said
from notifier.intake.jetstream import Jetstream
from notifier.intake.merging import MERGE_PATH, SILENT_SECONDS, SOURCE, Nodes
from notifier.intake.settings import NodeSettings
from notifier.intake.shares import Handed, encode
from notifier.intake.streams import DETECTOR, Unreachable
from notifier.store import StoreSettings, open_store
from tests.parts.waiting import until

from .nats_server import nats_server
from .node_process import NodeProcess
from .scene import HOME, START, fresh, settings

MINUTE = int(START.timestamp()) // 60
CHOSEN: dict[str, Any] = {"partitions": 2}


def counts(people: int = 1, *, minute: int = MINUTE, region: str = "US-VT", kind: Kind = Kind.COMPLAINT,
           copies: int = 0, service: str = "mobile-data") -> Counts:
    return Counts((Count(minute, service, region, kind, people, copies),))


class Far:
    """JetStream as far as the daemon sees it. `name` changes when the streams are made anew; `down` makes it silent."""

    def __init__(self) -> None:
        self.name, self.down, self.opened = "first", False, 0
        self.stored: list[tuple[int, bytes]] = []
        self.after: deque[int | None] = deque()
        self.reading: int | None = None

    def hand_on(self, *handed: Handed) -> None:
        for one in handed:
            self.stored.append((len(self.stored) + 1, encode(one)))

    def open(self) -> Far:
        self.opened += 1
        self._answer()
        return self

    def prepare(self) -> None:
        self._answer()

    def born(self) -> str:
        self._answer()
        return self.name

    def counts(self, after: int | None, seconds: float, most: int = 256) -> list[tuple[int, bytes]]:
        self._answer()
        self.after.append(after)
        return [one for one in self.stored if after is not None and one[0] > after][:most]

    def forget(self, partition: int) -> None:
        assert partition == DETECTOR

    def close(self) -> None:
        pass

    def _answer(self) -> None:
        if self.down:
            raise Unreachable("nobody answers")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
def nodes(far: Far, clock: VirtualClock) -> Nodes:
    return Nodes(NodeSettings.model_validate(CHOSEN), clock, far.open)


def _people(heard: Detector, service: str = "mobile-data", region: str = "US-VT") -> int:
    now = START + timedelta(minutes=2)
    return int(sum(people for _, people, _ in heard.history(service, region, minutes=180, now=now)))


# ── what counts bring ────────────────────────────────────────────────────────────────────────────────────────────────


def test_counts_are_evidence_as_posts_are() -> None:
    """People, copies and recoveries in the region and above; words, samples and why they were placed; advice."""
    heard, second = fresh(), MINUTE * 60
    before = heard.counts.complaints, heard.counts.located
    shown = Sample(second, "mobile-data", "US-VT", Kind.COMPLAINT, ("no 3g",), "no 3G in Barre", "text says 'Barre'")
    said = tuple(Said(second, who, "mobile-data", "US-VT", "turn off 3G and it works") for who in (1, 2))
    told = Counts((Count(MINUTE, "mobile-data", "US-VT", Kind.COMPLAINT, 40, 3),
                   Count(MINUTE, "mobile-data", "US-VT", Kind.RECOVERY, 2, 0)), (shown,), said)
    heard.take_counts(told, second + 30, START)
    signal = next(one for one in heard.signals(START) if one.region == "US-VT")
    assert (signal.service, signal.facts["people"], signal.facts["words"]) == ("mobile-data", "40", "no 3g")
    assert (signal.facts["sample_1"], signal.facts["placed_by"]) == ("no 3G in Barre", "text says 'Barre'")
    assert "3G" in signal.facts["workaround"]
    for region in ("US-VT", HOME):
        series = heard._board.series["mobile-data", region]
        assert (series.copies, series.recovered_within(second + 59, 600)) == ({MINUTE: 3}, 2)
    assert (heard.counts.complaints, heard.counts.located) == (before[0] + 40, before[1] + 40)


@pytest.mark.parametrize(("sentence", "one"), [
    ("an unknown service is no series of ours", counts(9, service="pigeon-post")),
    ("neither is a region outside the territory", counts(9, region="US-TX")),
    ("nor one that is not configured", counts(9, region="XX")),
])
def test_counts_of_what_is_not_configured_are_left_out(sentence: str, one: Counts) -> None:
    """Nodes may run with another day's configuration."""
    heard = fresh()
    heard.take_counts(one, MINUTE * 60, START)
    assert heard.signals(START) == ()
    assert not heard._board.series, sentence


def test_counts_of_no_place_are_the_whole_territorys() -> None:
    heard = fresh()
    heard.take_counts(counts(7, region=""), MINUTE * 60, START)
    assert (_people(heard, region=HOME), _people(heard)) == (7, 0)


def test_old_counts_are_evidence_and_start_nothing() -> None:
    """After hours without the daemon everything comes at once: that is no spike."""
    heard = fresh()
    heard.take_counts(counts(500, minute=MINUTE - 60), MINUTE * 60, START)
    assert heard.signals(START) == ()
    assert _people(heard) == 500


# ── merging ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_kept_is_not_taken_again(far: Far, nodes: Nodes, clock: VirtualClock) -> None:
    """A daemon that comes back goes on behind its checkpoint, and reads nothing twice."""
    far.hand_on(Handed(0, 0, 5, 1, counts(2)), Handed(1, 0, 6, 1, counts(3)))
    assert nodes.run_once()
    assert [one for one, _ in nodes.counts()] == [counts(2), counts(3)]
    again = Nodes(nodes.settings, clock, far.open)
    again.load(nodes.dump())
    far.hand_on(Handed(0, 5, 9, 1, counts(4)), Handed(0, 0, 5, 1, counts(2)))
    again.run_once()
    assert [one for one, _ in again.counts()] == [counts(4)]
    assert far.after[-1] == 2


def test_a_position_without_its_memory_is_never_kept(far: Far, nodes: Nodes, tmp_path: Path,
                                                     clock: VirtualClock) -> None:
    """Both are in one transaction: where it fails, neither is kept, and the next one holds both."""
    store = open_store(StoreSettings(path=str(tmp_path / "notifier.db")))
    heard = fresh()
    loop = DetectorLoop(heard, store, clock, settings(), nodes)
    far.hand_on(Handed(0, 0, 5, 1, counts(2)), Handed(1, 0, 5, 1, counts(1)))
    nodes.run_once()
    loop.run_once()
    with store.transaction() as tx:
        counted = tx.checkpoint(SOURCE)
        bring_back(heard, tx)
    assert counted == nodes.dump()
    assert _people(heard) == 3
    store.close()


def test_streams_made_anew_begin_at_one(far: Far, nodes: Nodes, clock: VirtualClock) -> None:
    """Their numbers are others': what was taken of the old ones says nothing of them."""
    far.hand_on(*(Handed(0, at, at + 1, 1, counts(1)) for at in range(5)))
    nodes.run_once()
    assert len(list(nodes.counts())) == 5
    far.name, far.stored = "second", []
    far.hand_on(Handed(0, 0, 1, 1, counts(9)))
    clock.advance(timedelta(seconds=SILENT_SECONDS + 1))
    assert not nodes.run_once(), "it is found out that they are others"
    assert nodes.run_once()
    assert [one for one, _ in nodes.counts()] == [counts(9)]


def test_bytes_nobody_can_read_end_nothing(far: Far, nodes: Nodes) -> None:
    far.stored = [(1, b"\xff"), (2, b"")]
    far.hand_on(Handed(0, 0, 5, 1, counts(2)))
    assert nodes.run_once()
    assert [one for one, _ in nodes.counts()] == [counts(2)]


def test_a_damaged_position_takes_only_what_comes_from_now_on(far: Far, nodes: Nodes) -> None:
    """Nobody knows what the memory holds: twice would be worse than late."""
    far.hand_on(Handed(0, 0, 5, 1, counts(2)))
    nodes.load(b"\xff")
    nodes.run_once()
    assert far.after == deque([None])


# ── silence ──────────────────────────────────────────────────────────────────────────────────────────────────────────


NOW = int(START.timestamp())


@pytest.mark.parametrize(("sentence", "heard", "down", "state"), [
    ("nobody has counted yet", {}, False, "unproven"),
    ("NATS was never reached", {}, True, "failing"),
    ("both partitions counted what was stored a minute ago", {0: NOW - 60, 1: NOW - 60}, False, "fresh"),
    ("one of them is an hour behind, alive or not", {0: NOW - 60, 1: NOW - 3600}, False, "stale"),
    ("one has no owner", {0: NOW - 60}, False, "stale"),
    ("nobody counts any more, and NATS does not answer", {0: NOW - 3600, 1: NOW - 3600}, True, "failing"),
    ("NATS does not answer for a moment", {0: NOW - 60, 1: NOW - 60}, True, "fresh"),
])
def test_what_the_nodes_silence_is_worth(sentence: str, heard: dict[int, int], down: bool, state: str, far: Far,
                                         nodes: Nodes) -> None:
    """As much as that of the partition furthest behind."""
    far.hand_on(*(Handed(partition, 0, 1, at, Counts()) for partition, at in heard.items()))
    nodes.run_once()
    list(nodes.counts())
    far.down = down
    nodes.run_once()
    found = nodes.state(START)
    assert found.freshness.value == state, sentence
    assert bool(found.why) is (state != "fresh")


def test_nodes_that_died_with_the_daemon_are_not_taken_for_new(far: Far, nodes: Nodes, clock: VirtualClock) -> None:
    """Who was heard before a restart and is silent after it is silent."""
    far.hand_on(Handed(0, 0, 1, NOW - 3600, Counts()), Handed(1, 0, 1, NOW - 3600, Counts()))
    nodes.run_once()
    list(nodes.counts())
    again = Nodes(nodes.settings, clock, Far().open)
    again.load(nodes.dump())
    assert again.state(START).freshness.value == "stale"


def test_it_goes_on_once_nats_answers_again(far: Far, nodes: Nodes) -> None:
    far.down = True
    assert not nodes.run_once()
    assert "nobody answers" in nodes.state(START).why
    far.down = False
    far.hand_on(Handed(0, 0, 1, NOW, counts(1)))
    assert nodes.run_once()
    assert far.opened == 2


# ── with a real server, and real deaths ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with nats_server(tmp_path) as url:
        yield url


class Owners:
    """Hand on counts as owners of two partitions would, and add them up."""

    def __init__(self, url: str) -> None:
        self.jetstream = Jetstream(url, NodeSettings.model_validate(CHOSEN))
        self.jetstream.prepare()
        self.dice = random.Random(31)
        self.upto, self.last, self.total = [0, 0], [0, 0], Counter[str]()

    def hand_on(self, messages: int) -> None:
        now = SystemClock().now()
        for _ in range(messages):
            partition, people = self.dice.randrange(2), self.dice.randrange(1, 4)
            region = self.dice.choice(("US-VT", "US-NH", "US-MA"))
            told = counts(people, minute=int(now.timestamp()) // 60, region=region)
            upto = self.upto[partition] + 1
            data = encode(Handed(partition, self.upto[partition], upto, int(now.timestamp()), told))
            stored = self.jetstream.hand_on(partition, data, self.last[partition])
            assert stored is not None
            self.upto[partition], self.last[partition] = upto, stored
            self.total.update({region: people, HOME: people})


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_daemon_that_dies_anywhere_takes_each_count_once(server: str, tmp_path: Path) -> None:
    """At every step between a node's counts and the memory in the store the detector is ended with SIGKILL; the one
    that comes after it ends with exactly what was handed on."""
    owners = Owners(server)
    for step in MERGE_PATH:
        owners.hand_on(7)
        dying = NodeProcess(server, CHOSEN, failpoint=step, folder=tmp_path)
        until(dying.killed, f"the detector reaches {step}", within=60)
    owners.hand_on(7)
    last = NodeProcess(server, CHOSEN, folder=tmp_path)
    store = open_store(StoreSettings(path=str(tmp_path / "notifier.db")))
    until(lambda: _kept(tmp_path, store) == owners.total, "everything is counted", within=60)
    owners.hand_on(3)
    until(lambda: _kept(tmp_path, store) == owners.total, "it goes on", within=60)
    last.stop()
    assert _kept(tmp_path, store) == owners.total
    owners.jetstream.close()
    store.close()


def _kept(folder: Path, store: Any) -> Counter[str]:
    """People by region in the memory that is kept."""
    heard = fresh()
    with store.transaction() as tx:
        bring_back(heard, tx)
    now, found = SystemClock().now(), Counter[str]()
    for region in ("US-VT", "US-NH", "US-MA", HOME):
        found[region] = int(sum(people for _, people, _ in heard.history("mobile-data", region, minutes=60, now=now)))
    return +found
