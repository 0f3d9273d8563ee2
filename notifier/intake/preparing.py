"""The streams, buckets and the queue group that nodes share: made, or brought to what the settings say today.

The node that starts last decides. Only what settings name is changed, so whatever else an administrator set stays.
"""

from __future__ import annotations

import structlog
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, DiscardPolicy, StreamConfig
from nats.js.errors import APIError, BucketNotFoundError

from .settings import NodeSettings

log = structlog.get_logger(__name__)

READERS = "readers"
"""Name of the queue group: the one durable consumer all nodes take posts from."""
OTHERWISE = 10058
"""JetStream's error code for a stream that is there with another configuration."""
REPEATS_SECONDS = 120.0
"""For how long the server knows a message that is stored a second time; no longer than it is kept."""


def stream(settings: NodeSettings, name: str) -> str:
    """The name of one of our streams."""
    return f"{settings.prefix}_{name}".upper()


def bucket(settings: NodeSettings, name: str) -> str:
    """The name of one of our buckets."""
    return f"{settings.prefix}-{name}"


async def prepare(js: JetStreamContext, settings: NodeSettings) -> None:
    """Make or change what nodes share. Raises nats errors, as where fewer servers are there than `replicas`."""
    keep = settings.keep.total_seconds()
    for name in ("posts", "reports", "counts", "dead"):
        await _stream(js, StreamConfig(
            name=stream(settings, name), subjects=[f"{settings.prefix}.{name}.>"], max_age=keep,
            max_bytes=settings.bytes_most if name == "posts" else -1, discard=DiscardPolicy.OLD,
            num_replicas=settings.replicas, duplicate_window=min(REPEATS_SECONDS, keep)))
    await js.add_consumer(stream(settings, "posts"), ConsumerConfig(
        name=READERS, durable_name=READERS, ack_policy=AckPolicy.EXPLICIT, deliver_policy=DeliverPolicy.ALL,
        ack_wait=settings.ack_wait.total_seconds(), max_deliver=-1, max_ack_pending=20_000))
    await _keys(js, bucket(settings, "owners"), settings.lease.total_seconds(), settings.replicas)
    await _keys(js, bucket(settings, "suspects"), keep, settings.replicas)
    await _objects(js, bucket(settings, "windows"), settings.replicas)


async def _stream(js: JetStreamContext, wanted: StreamConfig) -> None:
    try:
        await js.add_stream(wanted)
    except APIError as error:
        if error.err_code != OTHERWISE:
            raise
        await _change(js, str(wanted.name), max_age=wanted.max_age, max_bytes=wanted.max_bytes,
                      num_replicas=wanted.num_replicas, duplicate_window=wanted.duplicate_window)


async def _keys(js: JetStreamContext, name: str, seconds: float, replicas: int) -> None:
    try:
        await js.key_value(name)
    except BucketNotFoundError:
        await js.create_key_value(bucket=name, ttl=seconds, replicas=replicas)
    await _change(js, f"KV_{name}", max_age=seconds, num_replicas=replicas,
                  duplicate_window=min(REPEATS_SECONDS, seconds))


async def _objects(js: JetStreamContext, name: str, replicas: int) -> None:
    try:
        await js.object_store(name)
    except BucketNotFoundError:
        await js.create_object_store(name, replicas=replicas)
    await _change(js, f"OBJ_{name}", num_replicas=replicas)


async def _change(js: JetStreamContext, name: str, **wanted: float | None) -> None:
    """Bring a stream to what is wanted; the server is asked to change nothing where nothing differs."""
    found = (await js.stream_info(name)).config
    changed = {what: value for what, value in wanted.items() if getattr(found, what) != value}
    if changed:
        log.warning("stream.changed", stream=name, **changed)
        await js.update_stream(found.evolve(**changed))
