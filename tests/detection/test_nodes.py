"""Several machines hear the same posts: whichever of them dies, and wherever, the counts are those of one process."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from notifier.clock import SystemClock
from notifier.detection.counted import Counts
from notifier.intake.counting import Collapse
from notifier.intake.jetstream import Jetstream
from notifier.intake.node import ALONE_MOST, NODE_PATH, Reading
from notifier.intake.preparing import _keys, _objects
from notifier.intake.reader import Batch, PostReader
from notifier.intake.settings import NodeSettings
from notifier.intake.shapes import Feed
from notifier.intake.shares import Merge, Placed, handed_of, reports_of, shares
from notifier.intake.streams import Unreachable
from tests.parts.waiting import until

from .nats_server import nats_server
from .node_process import FEEDS, NodeProcess, reader
from .scene import settings

QUICK: dict[str, Any] = {"partitions": 3, "ack_wait": "1s", "lease": "1s", "window_every": "100ms", "fetch": 8,
                         "deliveries_most": 100}
"""Settings under which a death is noticed within a second; no message is given up, so that every post must count."""
SAYS = ("no power here", "the power is out in {}", "no internet since noon in {}, what is going on out there",
        "my phone has no signal in {}", "power is back in {}", "no power and no internet in {}", "lovely morning in {}",
        "is the internet down in {} or is it only our street again")
TOWNS = ("Burlington, VT", "Rutland, VT", "Boston, MA", "Albany, NY", "Leeds", "our town")


def posts(dice: random.Random, count: int, now: datetime) -> list[bytes]:
    """Complaints, repeats, copies, reposts, other talk, late posts, and what nobody can read."""
    found = []
    for _ in range(count):
        if dice.random() < 0.05:
            found.append(dice.choice([b"{", b"[1]", b'{"id": 1}', b"\xff\xfe\xfd", b'{"text": "no power"}']))
            continue
        record = {"id": f"p{dice.getrandbits(64)}", "network": "x", "author": f"u{dice.randrange(300)}",
                  "text": dice.choice(SAYS).format(dice.choice(TOWNS)), "is_repost": dice.random() < 0.1,
                  "created_at": (now - timedelta(seconds=dice.randrange(-60, 1200))).isoformat()}
        found.append(json.dumps(record).encode())
    return found


def complaint(number: int) -> bytes:
    """One person's, in words of their own."""
    return json.dumps({"id": f"p{number}", "network": "x", "author": f"u{number}",
                       "text": f"no power here in Burlington, VT, street {number}",
                       "created_at": SystemClock().now().isoformat()}).encode()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with nats_server(tmp_path) as url:
        yield url


class Field:
    """The streams as a test sees them: puts posts in, knows what one process would count, reads what was counted."""

    def __init__(self, url: str, **more: Any) -> None:
        self.settings = NodeSettings.model_validate({**QUICK, **more})
        self.jetstream = Jetstream(url, self.settings)
        self.jetstream.prepare()
        self.dice = random.Random(4711)
        self.stored: list[tuple[int, bytes]] = []

    def publish(self, messages: int, *, lines: int = 12) -> None:
        for _ in range(messages):
            data = b"\n".join(posts(self.dice, lines, SystemClock().now()))
            self.stored.append((self.jetstream.put("posts", "export", data), data))

    def oracle(self) -> dict[int, Counts]:
        """Each partition's counts by one process that reads the messages in their order."""
        placed: list[Placed] = []
        for sequence, data in self.stored:
            stored = self.jetstream.stored(sequence)
            assert stored is not None
            for number, line in enumerate(data.split(b"\n")):
                reports = reader().read(FEEDS["export"], [line], stored).reports
                placed += [Placed((sequence, number, at), report) for at, (_, report) in enumerate(reports)]
        return {partition: Collapse(settings()).count(one.report for one in mine)
                for partition, mine in shares(placed, self.settings.partitions).items()}

    def counted(self) -> Counter[Any]:
        """What a detector that merges the partitions ends with. Each partition's stretches must join without a gap."""
        merge, total, upto = Merge(), Counter[Any](), Counter[int]()
        while found := self.jetstream.counts(merge.position, 0.3):
            for position, data in found:
                handed = handed_of(data)
                assert handed.after == upto[handed.partition] or not upto[handed.partition]
                upto[handed.partition] = handed.upto
                counts = merge.take(handed, position)
                assert counts is not None
                add(total, counts)
                assert merge.take(handed, position) is None, "the same message again changes nothing"
        assert merge.gaps == 0
        self.jetstream.forget(-1)
        return total

    def until_counted(self) -> None:
        """All posts are answered for, and all owners have counted up to there."""
        last = {partition: self._last_place(partition) for partition in self.oracle()}
        until(lambda: self.jetstream.floor() >= self.stored[-1][0], "all posts are answered for", within=60)
        until(lambda: all(self._handed(partition) >= place for partition, place in last.items()),
              "all reports are counted", within=60)

    def _last_place(self, partition: int) -> int:
        found = 0
        for sequence, data in self.stored:
            stored = self.jetstream.stored(sequence)
            assert stored is not None
            reports = reader().read(FEEDS["export"], data.split(b"\n"), stored).reports
            mine = shares([Placed((sequence, 0, 0), report) for _, report in reports], self.settings.partitions)
            collapse = mine.get(partition, [])
            found = sequence if collapse else found
        return found

    def _handed(self, partition: int) -> int:
        last = self.jetstream.last_counts(partition)
        return handed_of(last[1]).upto if last else 0


def add(total: Counter[Any], counts: Counts) -> None:
    for one in counts.counts:
        total[one.minute, one.service, one.region, one.kind, "people"] += one.people
        total[one.minute, one.service, one.region, one.kind, "copies"] += one.copies


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_node_that_dies_anywhere_loses_no_post_and_counts_none_twice(server: str) -> None:
    """At every step between a post and its count a node is ended with SIGKILL; those that come after finish the work.
    The counts are exactly those of one process over the same posts."""
    field = Field(server)
    for step in NODE_PATH:
        dying = NodeProcess(server, QUICK, failpoint=step)
        field.publish(12)
        until(dying.killed, f"a node reaches {step}", within=60)
    nodes = [NodeProcess(server, QUICK) for _ in range(2)]
    field.until_counted()
    for node in nodes:
        node.stop()
    expected: Counter[Any] = Counter()
    for counts in field.oracle().values():
        add(expected, counts)
    assert field.counted() == expected
    assert sum(expected.values()) > 300
    field.jetstream.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nodes_killed_at_random_change_nothing(server: str) -> None:
    """Three nodes at work, one of them ended with SIGKILL again and again and replaced."""
    field = Field(server, partitions=1)
    chosen = {**QUICK, "partitions": 1}
    nodes = [NodeProcess(server, chosen) for _ in range(3)]
    dice = random.Random(815)
    for _ in range(6):
        field.publish(dice.randrange(5, 25))
        victim = nodes.pop(dice.randrange(3))
        victim.kill()
        nodes.append(NodeProcess(server, chosen))
    field.until_counted()
    for node in nodes:
        node.stop()
    expected: Counter[Any] = Counter()
    for counts in field.oracle().values():
        add(expected, counts)
    assert field.counted() == expected
    field.jetstream.close()


@pytest.mark.timeout(200)
def test_what_nobody_can_read_is_set_aside_once_and_ends_no_node(server: str) -> None:
    """Hostile messages and a message that takes nodes down become dead letters; the complaint behind them counts."""
    field = Field(server, partitions=1, deliveries_most=2)
    chosen = {**QUICK, "partitions": 1, "deliveries_most": 2}
    deadly = field.jetstream.put("posts", "export", complaint(1))
    for _ in range(2 + ALONE_MOST):
        dying = NodeProcess(server, chosen, failpoint="node.read")
        until(dying.killed, "a node read the message and died", within=60)
    hostile = [("export", b"\xff" * 900_000), ("export", b"[" * 100_000), ("export", b'{"text": {"a": 1}, "id": []}'),
               ("nobody", complaint(2)), ("export", b""), ("x", b"null")]
    places = [field.jetstream.put("posts", source, data) for source, data in hostile]
    last = field.jetstream.put("posts", "export", complaint(2))
    node = NodeProcess(server, chosen)
    until(lambda: field.jetstream.floor() >= last, "all posts are answered for", within=60)
    until(lambda: field._handed(0) >= last, "the complaint is counted", within=60)
    node.stop()
    dead = field.jetstream.dead(100)
    assert sorted(dead) == sorted([
        (f"{deadly}.0", "2 nodes died that read it alone"),
        (f"{places[3]}.0", "of a source that is not configured"),
        *((f"{places[at]}.0", "unreadable") for at in (0, 1, 2, 5))])
    assert sum(field.counted().values()) == 1
    field.jetstream.close()


@pytest.mark.timeout(200)
def test_nodes_that_die_for_reasons_of_their_own_cost_no_post(server: str) -> None:
    """With the settings as shipped, machines that lose power five times over the same good complaints lose none."""
    shipped = {"ack_wait": "1s", "lease": "1s", "window_every": "100ms"}
    field = Field(server, partitions=1, fetch=256, deliveries_most=5)
    for number in range(20):
        last = field.jetstream.put("posts", "export", complaint(number))
    for _ in range(5):
        dying = NodeProcess(server, shipped, failpoint="node.read")
        until(dying.killed, "a node read the complaints and died", within=60)
    node = NodeProcess(server, shipped)
    until(lambda: field.jetstream.floor() >= last, "all posts are answered for", within=60)
    until(lambda: field._handed(0) >= last, "the complaints are counted", within=60)
    node.stop()
    assert field.jetstream.dead(100) == []
    assert sum(field.counted().values()) == 20
    field.jetstream.close()


class Died(BaseException):
    """The process is gone."""


class Deadly:
    """A reader that one post takes down."""

    def read(self, feed: Feed, raws: Sequence[bytes], heard: Any) -> Batch:
        if any(b"deadly" in raw for raw in raws):
            raise Died
        return reader().read(feed, raws, heard)


@pytest.mark.timeout(200)
def test_a_deadly_message_is_blamed_alone(server: str) -> None:
    """What was taken together with it, before it and behind it, is read."""
    field = Field(server, partitions=1, fetch=256, deliveries_most=2)
    for number in range(5):
        field.jetstream.put("posts", "export", complaint(number))
    deadly = field.jetstream.put("posts", "export", b"deadly")
    for number in range(5, 10):
        last = field.jetstream.put("posts", "export", complaint(number))
    deaths = 0

    def answered_for() -> bool:
        nonlocal deaths
        try:
            Reading(field.jetstream, cast(PostReader, Deadly()), FEEDS).run_once()
        except Died:
            deaths += 1
        return field.jetstream.floor() >= last

    until(answered_for, "all posts are answered for", within=60)
    assert deaths == 2 + ALONE_MOST
    assert field.jetstream.dead(100) == [(f"{deadly}.0", "2 nodes died that read it alone")]
    found, _ = field.jetstream.reports(0, 1)
    assert len({placed.place for _, data in found for placed in reports_of(data)}) == 10
    field.jetstream.close()


class Deaf:
    """Reads for a node whose server cannot be reached for so many times."""

    TIMES = 8

    def __init__(self) -> None:
        self.left = self.TIMES

    def read(self, feed: Feed, raws: Sequence[bytes], heard: Any) -> Batch:
        if self.left:
            self.left -= 1
            raise Unreachable("no answer")
        return reader().read(feed, raws, heard)


def test_a_node_that_lives_on_is_no_death(server: str) -> None:
    """Where the reports cannot be stored, the node tries the message again for as long as it takes."""
    field = Field(server, partitions=1, deliveries_most=2, ack_wait="100ms")
    last = field.jetstream.put("posts", "export", complaint(1))
    reading, failures = Reading(field.jetstream, cast(PostReader, Deaf()), FEEDS), 0

    def answered_for() -> bool:
        nonlocal failures
        try:
            reading.run_once()
        except Unreachable:
            failures += 1
        return field.jetstream.floor() >= last

    until(answered_for, "the post is answered for", within=60)
    assert failures == Deaf.TIMES
    assert field.jetstream.dead(100) == []
    field.jetstream.close()


def test_two_owners_cannot_both_hand_on(server: str) -> None:
    """An owner that was thought dead finds its counts refused: the other one's stand."""
    field = Field(server, partitions=1)
    first = field.jetstream.hand_on(0, b"one", 0)
    assert first is not None
    assert field.jetstream.hand_on(0, b"two", 0) is None
    assert field.jetstream.hand_on(0, b"two", first) is not None
    field.jetstream.close()


def test_a_lease_is_one_nodes_until_it_runs_out(server: str) -> None:
    """It can be renewed, not taken; after a second without word it is anybody's."""
    field = Field(server)
    revision = field.jetstream.lease(0, "ann", None)
    assert revision is not None
    assert field.jetstream.lease(0, "bob", None) is None
    renewed = field.jetstream.lease(0, "ann", revision)
    assert renewed is not None
    assert field.jetstream.lease(0, "ann", revision) is None
    assert until(lambda: field.jetstream.lease(0, "bob", None), "the lease runs out", within=10)
    field.jetstream.close()


def test_a_lease_that_runs_out_while_it_is_looked_at_is_nobodys(
        server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library refuses, looks whose it is, finds nothing: the next turn takes it; NATS is not called unreachable."""
    field = Field(server)
    taken = KeyValue.create

    async def ran_out(*_: object, **__: object) -> int:
        raise KeyNotFoundError

    monkeypatch.setattr(KeyValue, "create", ran_out)
    assert field.jetstream.lease(0, "bob", None) is None
    monkeypatch.setattr(KeyValue, "create", taken)
    assert field.jetstream.lease(0, "bob", None) is not None
    field.jetstream.close()


def test_a_window_that_is_replaced_while_it_is_read_holds_nobody_up(
        server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its parts are gone when they are asked for, and NATS says nothing: the node tries again later."""
    monkeypatch.setattr("notifier.intake.jetstream.WORK_SECONDS", 1.0)
    field = Field(server)
    field.jetstream.keep_window(0, b"who was counted")
    assert field.jetstream.kept_window(0) == b"who was counted"
    field.jetstream._run(field.jetstream._js.purge_stream("OBJ_notifier-windows", subject="$O.notifier-windows.C.>"))
    with pytest.raises(Unreachable, match="TimeoutError"):
        field.jetstream.kept_window(0)
    field.jetstream.keep_window(0, b"who is counted now")
    assert field.jetstream.kept_window(0) == b"who is counted now"
    field.jetstream.close()


def test_changed_settings_change_the_streams(server: str) -> None:
    """A node with another `keep`, `bytes_most` or `lease` starts and changes the streams; what they hold stays."""
    field = Field(server, partitions=1)
    put = field.jetstream.put("posts", "export", complaint(1))
    field.jetstream.keep_window(0, b"kept")
    field.jetstream.close()
    changed = Field(server, partitions=1, keep="2h", bytes_most=5_000_000, lease="7s", ack_wait="3s")
    found = {name: changed.jetstream._run(changed.jetstream._js.stream_info(name)).config
             for name in ("NOTIFIER_POSTS", "NOTIFIER_DEAD", "KV_notifier-owners", "KV_notifier-suspects")}
    assert {name: one.max_age for name, one in found.items()} == {
        "NOTIFIER_POSTS": 7200, "NOTIFIER_DEAD": 7200, "KV_notifier-owners": 7, "KV_notifier-suspects": 7200}
    assert found["NOTIFIER_POSTS"].max_bytes == 5_000_000
    readers = changed.jetstream._run(changed.jetstream._js.consumer_info("NOTIFIER_POSTS", "readers"))
    assert readers.config.ack_wait == 3
    assert changed.jetstream.stored(put) is not None
    assert changed.jetstream.kept_window(0) == b"kept"
    changed.jetstream.prepare()
    changed.jetstream.close()



@pytest.mark.parametrize("made", [lambda js: _keys(js, "other", 60.0, 3), lambda js: _objects(js, "other", 3)],
                         ids=["keys", "objects"])
def test_every_bucket_is_to_be_kept_by_so_many_servers(server: str, made: Callable[..., Any]) -> None:
    """A lone server refuses three replicas: a bucket that did not ask for them would be lost with one machine."""
    field = Field(server, partitions=1)
    with pytest.raises(Unreachable, match="replicas"):
        field.jetstream._run(made(field.jetstream._js))
    for name in ("KV_other", "OBJ_other"):
        with pytest.raises(Unreachable, match="stream not found"):
            field.jetstream._run(field.jetstream._js.stream_info(name))
    field.jetstream.close()
