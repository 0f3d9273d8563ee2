"""Posts read by several processes: what one thread of Python cannot do alone.

Batches cross the border, not posts: a batch of raw bytes goes in, the few reports it came to come out. A process that
dies costs nothing: what it had not answered for goes to the next, and a batch that kills two is set aside.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import NamedTuple

import msgspec
import structlog

from .. import metrics
from ..detection.report import Hearing
from ..model.mention import Mention
from .reader import Batch, PostReader, Tally
from .shapes import Feed

log = structlog.get_logger(__name__)

Take = Callable[[str, Batch], None]
"""Told of each batch's source and what it came to; called from several threads."""

AHEAD = 2
"""Batches a process is given before it answered for the first, so that it never waits."""
JOIN_SECONDS = 20.0
"""How long a process may take to answer for what it was given, once the end was asked for."""
DEATHS_MOST = 2
"""Processes one batch may take down."""
TOLD_MOST = 2
"""Times a batch is told to whoever takes it, where that fails."""
START_PAUSE_MOST = 60.0
"""Seconds between two tries to begin a process in place of a dead one, at most."""


class CannotStart(Exception):
    """A process ended before it could read a post: its configuration or memory is at fault, not a post."""



class Given(msgspec.Struct, array_like=True):
    """A batch on its way to a process: source, second it was heard at (with its fraction), posts as the network sent
    them, or read already."""

    source: str
    heard: float
    posts: list[bytes] = []
    mentions: list[Mention] = []

    @property
    def size(self) -> int:
        """Posts in it."""
        return len(self.posts) + len(self.mentions)


class _Packed(NamedTuple):
    """A batch as it crosses, with what is asked of it on this side."""

    source: str
    size: int
    data: bytes


_encode = msgspec.msgpack.Encoder().encode
_given = msgspec.msgpack.Decoder(Given).decode
_batch = msgspec.msgpack.Decoder(Batch).decode


class Here:
    """Reads in the caller's own thread: the default."""

    def __init__(self, hearing: Hearing, feeds: Mapping[str, Feed], take: Take) -> None:
        self._reader = PostReader(hearing, everywhere=True)
        self._feeds = feeds
        self._take = take

    def put(self, source: str, posts: Sequence[bytes], now: datetime) -> None:
        """Read a batch of one source's posts, heard at `now`."""
        self._take(source, self._reader.read(self._feeds[source], posts, now))

    def stop(self) -> None:
        """Nothing is under way."""


class Workers:
    """Reads in `count` processes. Raises CannotStart where one of them does not come up."""

    def __init__(self, hearing: Hearing, feeds: Mapping[str, Feed], take: Take, *, count: int,
                 waiting_most: int = 64) -> None:
        self._feeds = feeds
        self._take = take
        self._waiting: queue.Queue[_Packed | None] = queue.Queue(max(waiting_most, count))
        context = multiprocessing.get_context("spawn")  # threads run already: a fork could inherit their locks
        self._lines: list[_Line] = []
        try:
            for _ in range(count):
                self._lines.append(_Line(context, hearing, feeds, self._waiting, take))
            for line in self._lines:
                line.start()
        except CannotStart:
            for line in self._lines:
                line.kill()
                self._waiting.put_nowait(None)  # whoever waits for a batch
            raise

    def put(self, source: str, posts: Sequence[bytes], now: datetime) -> None:
        """Hand on a batch; waits while too many do."""
        self._put(Given(source, now.timestamp(), posts=list(posts)))

    def put_mentions(self, source: str, posts: Sequence[Mention], now: datetime) -> None:
        """The same for posts a listener has read already. Raises UnicodeEncodeError where one cannot cross."""
        self._put(Given(source, now.timestamp(), mentions=list(posts)))

    def _put(self, given: Given) -> None:
        self._waiting.put(_Packed(given.source, given.size, _encode(given)))

    def at_work(self) -> int:
        """How many processes can read posts now."""
        return sum(line.at_work for line in self._lines)

    def pids(self) -> list[int | None]:
        """The processes at work."""
        return [line.pid for line in self._lines]

    def stop(self) -> None:
        """Answer for all that was handed in, then end. A process that does not is killed, and what it held is lost."""
        for _ in self._lines:
            with contextlib.suppress(queue.Full):
                self._waiting.put(None, timeout=JOIN_SECONDS)
        for line in self._lines:
            line.end(JOIN_SECONDS)


class _Line:
    """One process and the thread that feeds it."""

    def __init__(self, context: SpawnContext, hearing: Hearing, feeds: Mapping[str, Feed],
                 waiting: queue.Queue[_Packed | None], take: Take) -> None:
        self._context = context
        self._hearing = hearing
        self._feeds = feeds
        self._waiting = waiting
        self._take = take
        self._under_way: deque[_Packed] = deque()
        self._deaths = 0
        self._ending = False
        self._given_up = False
        self.at_work = False
        """Whether the process can read posts."""
        self._pause = threading.Event()
        self._process, self._pipe = self._begin()
        self.thread = threading.Thread(target=self._turn, name="worker", daemon=True)

    @property
    def pid(self) -> int | None:
        """Of the process at work."""
        return self._process.pid

    def start(self) -> None:
        """Wait until the process can read posts, then feed it. Raises CannotStart."""
        self._ready()
        self.thread.start()

    def end(self, seconds: float) -> None:
        """Wait until everything is answered for, for so long at most."""
        self.thread.join(seconds)
        if self.thread.is_alive():
            log.error("worker.slow_to_stop", pid=self.pid)
            self.kill()

    def kill(self) -> None:
        """End the process now, whatever it does, and let no other follow it."""
        self._given_up = True
        self._pause.set()
        self._process.kill()
        self._process.join()

    def _ready(self) -> None:
        try:
            self._pipe.recv_bytes()
        except (EOFError, OSError) as error:
            self._process.join()
            raise CannotStart(f"a process ended with {self._process.exitcode} before it read a post") from error
        self.at_work = True

    def _begin(self) -> tuple[SpawnProcess, Connection]:
        """Raises CannotStart."""
        here, there = self._context.Pipe()
        process = self._context.Process(target=_work, args=(there, self._hearing, dict(self._feeds)), daemon=True)
        try:
            process.start()
        except OSError as error:
            here.close()
            raise CannotStart(f"no process can be begun: {error}") from error
        finally:
            there.close()
        return process, here

    def _turn(self) -> None:
        while not self._given_up and (self._under_way or not self._ending):
            try:
                self._give()
                if self._under_way:
                    self._answer(self._pipe.recv_bytes())
            except (EOFError, OSError):
                self._again()
        self._pipe.close()
        self._process.join()
        self.at_work = False

    def _give(self) -> None:
        """Hand over what waits, up to AHEAD; wait for more only where nothing is under way."""
        while not self._ending and len(self._under_way) < AHEAD:
            try:
                given = self._waiting.get(block=not self._under_way)
            except queue.Empty:
                return
            if given is None:
                self._ending = True
                return
            self._under_way.append(given)
            self._pipe.send_bytes(given.data)

    def _answer(self, answer: bytes) -> None:
        given = self._under_way.popleft()
        self._deaths = 0
        self._tell(given.source, _batch(answer))

    def _tell(self, source: str, batch: Batch) -> None:
        """An error of whoever takes batches is none of the process or the thread, which must go on; a person told of
        twice is still one, so the batch is told once more before it is given up."""
        for _ in range(TOLD_MOST):
            try:
                self._take(source, batch)
                return
            except Exception:
                log.exception("worker.batch_not_taken", source=source, posts=batch.tally.posts)
        metrics.MENTIONS_DROPPED.labels(source, "not taken").inc(batch.tally.posts)

    def _again(self) -> None:
        """The process is dead: another one gets what it had not answered for."""
        self._pipe.close()
        self._process.kill()
        self._process.join()
        self._deaths += 1
        self.at_work = False
        if self._given_up:
            return
        metrics.WORKER_DEATHS.inc()
        log.error("worker.died", exit_code=self._process.exitcode, under_way=len(self._under_way))
        self._replace()
        if self._deaths >= DEATHS_MOST and self._under_way:
            lost = self._under_way.popleft()
            self._deaths = 0
            log.error("worker.batch_set_aside", source=lost.source, posts=lost.size)
            self._tell(lost.source, Batch([], list(range(lost.size)), Tally(posts=lost.size, unreadable=lost.size)))
        with contextlib.suppress(OSError):  # dead again: the next turn finds out
            for given in self._under_way:
                self._pipe.send_bytes(given.data)

    def _replace(self) -> None:
        """Begin another process, as often as it takes: meanwhile batches wait, and none is blamed."""
        pause = 1.0
        while not self._given_up:
            try:
                self._process, self._pipe = self._begin()
                self._ready()
                break
            except CannotStart as error:
                log.error("worker.cannot_start", reason=str(error), again_in=pause)
                self._pause.wait(pause)
                pause = min(pause * 2, START_PAUSE_MOST)


def _work(pipe: Connection, hearing: Hearing, feeds: dict[str, Feed]) -> None:
    """A process: read batches until the other end closes. A thread takes them in: were both ends to send at once and
    neither to take, both would wait for ever."""
    for number in (signal.SIGTERM, signal.SIGINT):  # they come to all processes at once; the daemon says when to end
        signal.signal(number, signal.SIG_IGN)
    coming: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_take_in, args=(pipe, coming), daemon=True).start()
    reader = PostReader(hearing, everywhere=True)
    pipe.send_bytes(b"ready")
    while (raw := coming.get()) is not None:
        given = _given(raw)
        heard = datetime.fromtimestamp(given.heard, UTC)
        try:
            batch = (reader.mentions(given.mentions, heard) if given.mentions
                     else reader.read(feeds[given.source], given.posts, heard))
            pipe.send_bytes(_encode(batch))
        except OSError:
            return


def _take_in(pipe: Connection, coming: queue.SimpleQueue[bytes | None]) -> None:
    try:
        while True:
            coming.put(pipe.recv_bytes())
    except (EOFError, OSError):
        coming.put(None)
