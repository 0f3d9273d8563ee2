"""NATS JetStream, as nodes use it. The only module that knows asyncio: everything above calls plain functions.

Streams (prefix "notifier"): NOTIFIER_POSTS takes raw posts at notifier.posts.SOURCE, one or more a message, one a line;
NOTIFIER_REPORTS what nodes made of them, by partition; NOTIFIER_COUNTS what owners counted, by partition;
NOTIFIER_DEAD what nobody can read. The bucket notifier-owners holds leases, notifier-windows who was counted,
notifier-suspects messages that may take nodes down.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, Header
from nats.js.errors import APIError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue
from nats.js.object_store import ObjectStore

from ..secret import SecretMissing
from .preparing import READERS, bucket, prepare, stream
from .settings import NodeSettings
from .streams import DETECTOR, Unreachable

T = TypeVar("T")

ANSWER_SECONDS = 10.0
WORK_SECONDS = 30.0
"""For anything we ask. Not every call of the library ends by itself: to read an object whose parts another owner has
just replaced waits for them for ever, and a node that hangs there never owns a partition again."""
EXPECT_SUBJECT = "Nats-Expected-Last-Subject-Sequence"
WRONG_LAST = 10071
"""JetStream's error code for "wrong last sequence": somebody else wrote first."""
UNREACHABLE = (NatsError, OSError)


@dataclass(frozen=True)
class Taken:
    """A message of posts: its place in the stream, when it was stored, the source it is of, how many nodes took it so
    far (this one included), and what `done` needs."""

    sequence: int
    stored: datetime
    source: str
    data: bytes
    deliveries: int
    message: Msg


class Jetstream:
    """One connection. Safe to use from several threads; every method raises Unreachable where NATS does not answer."""

    def __init__(self, url: str, settings: NodeSettings) -> None:
        self.settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        self._taking: JetStreamContext.PullSubscription | None = None
        self._reading: dict[int, JetStreamContext.PullSubscription] = {}
        try:
            self._nc: Client = self._run(_connect(url, settings))
            self._js = self._nc.jetstream(timeout=ANSWER_SECONDS)
        except Unreachable:
            self._end()
            raise

    def close(self) -> None:
        """End the connection; what was taken and not answered for goes to others."""
        with contextlib.suppress(Unreachable):
            self._run(self._nc.close())
        self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, WORK_SECONDS), self._loop).result()
        except UNREACHABLE as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

    # ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def prepare(self) -> None:
        """Make the streams, buckets and the queue group, or bring them to what the settings say."""
        self._run(prepare(self._js, self.settings))

    def born(self) -> str:
        """When the streams of posts and counts were made: what tells them from others of that name."""
        return self._run(self._born())

    async def _born(self) -> str:
        made = [(await self._js.stream_info(self.stream(name))).created for name in ("posts", "counts")]
        return " ".join(one.isoformat() if one else "" for one in made)

    def stream(self, name: str) -> str:
        """The name of one of our streams."""
        return stream(self.settings, name)

    @property
    def _owners(self) -> str:
        return bucket(self.settings, "owners")

    @property
    def _suspects(self) -> str:
        return bucket(self.settings, "suspects")

    @property
    def _windows(self) -> str:
        return bucket(self.settings, "windows")

    def put(self, name: str, token: str, data: bytes, headers: Mapping[str, str] | None = None) -> int:
        """Store one message; returns its sequence number."""
        subject = f"{self.settings.prefix}.{name}.{token}"
        return int(self._run(self._js.publish(subject, data, headers=dict(headers or {}))).seq)

    def put_all(self, name: str, messages: Sequence[tuple[str, bytes]]) -> None:
        """Store (token, data) messages; returns once all are stored."""
        self._run(self._put_all(name, messages))

    async def _put_all(self, name: str, messages: Sequence[tuple[str, bytes]]) -> None:
        await asyncio.gather(*(self._js.publish(f"{self.settings.prefix}.{name}.{token}", data)
                               for token, data in messages))

    # ── the queue group ──────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, most: int, seconds: float) -> list[Taken]:
        """Messages of posts nobody else has; none where none came within `seconds`."""
        return self._run(self._take(most, seconds))

    async def _take(self, most: int, seconds: float) -> list[Taken]:
        if self._taking is None:
            self._taking = await self._js.pull_subscribe_bind(READERS, stream=self.stream("posts"))
        try:
            found = await self._taking.fetch(most, timeout=seconds)
        except TimeoutError:
            return []
        head = len(f"{self.settings.prefix}.posts.")
        return [Taken(one.metadata.sequence.stream, one.metadata.timestamp, one.subject[head:], one.data,
                      one.metadata.num_delivered or 1, one) for one in found]

    def done(self, taken: Sequence[Taken]) -> None:
        """Answer for messages: nobody gets them again. Returns once the server has the answers."""
        self._run(self._done(taken))

    async def _done(self, taken: Sequence[Taken]) -> None:
        for one in taken:
            await one.message.ack()
        await self._nc.flush(timeout=int(ANSWER_SECONDS))

    def mark(self, sequence: int) -> int:
        """Mark a message of posts that is about to be read alone; returns how often it was marked already."""
        return self._run(self._mark(sequence))

    async def _mark(self, sequence: int) -> int:
        suspects: KeyValue = await self._js.key_value(self._suspects)
        try:
            marked = int((await suspects.get(str(sequence))).value or b"0")
        except NotFoundError:
            marked = 0
        await suspects.put(str(sequence), str(marked + 1).encode())
        return marked

    def unmark(self, sequence: int) -> None:
        """Forget the marks of a message that was answered for."""
        self._run(self._unmark(sequence))

    async def _unmark(self, sequence: int) -> None:
        suspects: KeyValue = await self._js.key_value(self._suspects)
        await suspects.purge(str(sequence))

    def floor(self) -> int:
        """The place up to which all posts are answered for."""
        return self._run(self._floor())

    async def _floor(self) -> int:
        info = await self._js.consumer_info(self.stream("posts"), READERS)
        return int(info.ack_floor.stream_seq) if info.ack_floor else 0

    def stored(self, sequence: int) -> datetime | None:
        """When a message of posts was stored; None where it is not kept any more."""
        try:
            return self._run(self._js.get_msg(self.stream("posts"), sequence)).time
        except Unreachable as error:
            if isinstance(error.__cause__, NotFoundError):
                return None
            raise

    # ── a partition's owner ──────────────────────────────────────────────────────────────────────────────────────────

    def lease(self, partition: int, name: str, revision: int | None) -> int | None:
        """Become (revision None) or stay the owner; returns the new revision, None where another one is."""
        return self._run(self._lease(partition, name, revision))

    async def _lease(self, partition: int, name: str, revision: int | None) -> int | None:
        owners: KeyValue = await self._js.key_value(self._owners)
        try:
            if revision is None:
                return await owners.create(str(partition), name.encode())
            return await owners.update(str(partition), name.encode(), last=revision)
        except (KeyWrongLastSequenceError, NotFoundError):  # not found: `create` looks whose it is, and it ran out then
            if revision is not None:
                return None
        try:
            known = await owners.get(str(partition))  # ours, where a step failed and we begin anew
            if known.value != name.encode() or known.revision is None:
                return None
            return await owners.update(str(partition), name.encode(), last=known.revision)
        except (KeyWrongLastSequenceError, NotFoundError):
            return None

    def release(self, partition: int, revision: int) -> None:
        """Let others become the owner at once."""
        self._run(self._release(partition, revision))

    async def _release(self, partition: int, revision: int) -> None:
        owners: KeyValue = await self._js.key_value(self._owners)
        try:
            await owners.delete(str(partition), last=revision)
        except KeyWrongLastSequenceError:
            return

    def reports(self, partition: int, position: int) -> tuple[list[tuple[int, bytes]], int]:
        """Every (sequence, data) of a partition's reports from `position` on that is stored by now, and the position
        after them. Calls go on where the one before ended."""
        return self._run(self._reports(partition, position))

    async def _reports(self, partition: int, position: int) -> tuple[list[tuple[int, bytes]], int]:
        reading = self._reading.get(partition)
        if reading is None:
            subject = f"{self.settings.prefix}.reports.{partition}"
            reading = await self._js.pull_subscribe(subject, stream=self.stream("reports"), config=ConsumerConfig(
                ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=max(position, 1), inactive_threshold=max(60.0, self.settings.lease.total_seconds() * 3)))
            self._reading[partition] = reading
        found: list[tuple[int, bytes]] = []
        while waiting := (await reading.consumer_info()).num_pending or 0:
            for one in await reading.fetch(min(waiting, 256), timeout=ANSWER_SECONDS):
                found.append((one.metadata.sequence.stream, one.data))
        return found, found[-1][0] + 1 if found else position

    def forget(self, partition: int) -> None:
        """Stop reading a partition's reports; the next `reports` begins where it is told."""
        reading = self._reading.pop(partition, None)
        if reading is not None:
            self._run(reading.unsubscribe())

    def last_counts(self, partition: int) -> tuple[int, bytes] | None:
        """(sequence, data) of what was handed on last."""
        try:
            found = self._run(self._js.get_last_msg(self.stream("counts"),
                                                    f"{self.settings.prefix}.counts.{partition}"))
        except Unreachable as error:
            if isinstance(error.__cause__, NotFoundError):
                return None
            raise
        return int(found.seq or 0), found.data or b""

    def hand_on(self, partition: int, data: bytes, after: int) -> int | None:
        """Store counts, if what was stored last of this partition is message `after` (0: nothing yet); None where it is
        not: another owner was faster, and this one is none any more."""
        headers = {EXPECT_SUBJECT: str(after), Header.EXPECTED_STREAM: self.stream("counts")}
        try:
            return self.put("counts", str(partition), data, headers)
        except Unreachable as error:
            if isinstance(error.__cause__, APIError) and error.__cause__.err_code == WRONG_LAST:
                return None
            raise

    def keep_window(self, partition: int, data: bytes) -> None:
        """Keep who was counted, in place of what was kept before."""
        self._run(self._keep_window(partition, data))

    async def _keep_window(self, partition: int, data: bytes) -> None:
        windows: ObjectStore = await self._js.object_store(self._windows)
        await windows.put(str(partition), data)

    def kept_window(self, partition: int) -> bytes | None:
        """What was kept."""
        try:
            return self._run(self._kept_window(partition))
        except Unreachable as error:
            if isinstance(error.__cause__, NotFoundError):
                return None
            raise

    async def _kept_window(self, partition: int) -> bytes | None:
        windows: ObjectStore = await self._js.object_store(self._windows)
        return (await windows.get(str(partition))).data

    def told(self) -> str:
        """What the streams hold, in words; makes none."""
        return self._run(self._told())

    async def _told(self) -> str:
        info = await self._js.account_info()
        try:
            states = [(name, (await self._js.stream_info(self.stream(name))).state) for name in ("posts", "counts")]
            waiting = (await self._js.consumer_info(self.stream("posts"), READERS)).num_pending or 0
        except NotFoundError:
            return f"JetStream answers ({info.streams} streams); ours are made by the first node or daemon"
        held = ", ".join(f"{state.messages} messages of {name}" for name, state in states)
        return f"JetStream answers: {held}, {waiting} that no node has taken"

    def dead(self, most: int) -> list[tuple[str, str]]:
        """(place, why) of the oldest dead letters, for staff; what they hold is in the stream."""
        return self._run(self._dead(most))

    async def _dead(self, most: int) -> list[tuple[str, str]]:
        reading = await self._js.pull_subscribe(f"{self.settings.prefix}.dead.>", stream=self.stream("dead"),
                                                config=ConsumerConfig(ack_policy=AckPolicy.NONE))
        waiting = (await reading.consumer_info()).num_pending or 0
        found = await reading.fetch(min(waiting, most), timeout=ANSWER_SECONDS) if waiting else []
        await reading.unsubscribe()
        return [((one.headers or {}).get("Notifier-Place", ""), (one.headers or {}).get("Notifier-Why", ""))
                for one in found]

    # ── the detector's end ───────────────────────────────────────────────────────────────────────────────────────────

    def counts(self, after: int | None, seconds: float, most: int = 256) -> list[tuple[int, bytes]]:
        """(sequence, data) of what was handed on after message `after` (None: from now on), in order; none where none
        came in time. Calls go on where the one before ended."""
        return self._run(self._counts(after, seconds, most))

    async def _counts(self, after: int | None, seconds: float, most: int) -> list[tuple[int, bytes]]:
        reading = self._reading.get(DETECTOR)
        if reading is None:
            begin = DeliverPolicy.NEW if after is None else DeliverPolicy.BY_START_SEQUENCE
            reading = await self._js.pull_subscribe(
                f"{self.settings.prefix}.counts.>", stream=self.stream("counts"), config=ConsumerConfig(
                    ack_policy=AckPolicy.NONE, deliver_policy=begin,
                    opt_start_seq=None if after is None else after + 1, inactive_threshold=3600))
            self._reading[DETECTOR] = reading
        try:
            found = await reading.fetch(most, timeout=seconds)
        except TimeoutError:
            return []
        return [(one.metadata.sequence.stream, one.data) for one in found]


async def _connect(url: str, settings: NodeSettings) -> Client:
    options: dict[str, Any] = {}
    credentials = settings.credentials_file or os.environ.get("NOTIFIER_NATS_CREDENTIALS")
    try:
        if credentials:
            options["user_credentials"] = credentials
        if settings.token is not None:
            options["token"] = settings.token.reveal()
        if settings.user is not None and settings.password is not None:
            options |= {"user": settings.user, "password": settings.password.reveal()}
    except SecretMissing as missing:
        raise NatsError(str(missing)) from missing
    if url.startswith("tls://") or settings.ca_file or settings.certificate_file:
        options["tls"] = ssl.create_default_context(cafile=settings.ca_file)
        if settings.certificate_file:
            options["tls"].load_cert_chain(settings.certificate_file, settings.key_file)
    # Once connected it tries for ever to be so again; that must not hide an address that never was right.
    return await asyncio.wait_for(nats.connect(
        [one.strip() for one in url.split(",")], name="outage-notifier", connect_timeout=5, max_reconnect_attempts=-1,
        reconnect_time_wait=1, error_cb=_quiet, **options), ANSWER_SECONDS)


async def _quiet(_error: Exception) -> None:
    """nats-py prints what goes wrong between calls; the next call tells us."""
