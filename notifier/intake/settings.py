"""How many processes and nodes hear posts, and how nodes share them out."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from ..model.settings import Duration, Settings
from ..secret import Secret


class NodeSettings(Settings):
    """Hearing posts on several machines by NATS JetStream; see docs/NODES.md."""

    prefix: str = Field(default="notifier", pattern=r"^[A-Za-z0-9_-]{1,32}$")
    """First token of all subjects and, in capitals, of all streams: several deployments may share a server."""
    partitions: int = Field(default=1, ge=1, le=64)
    """In so many parts, by service, copies and one person's repeats are collapsed. One owner counts 20,000 reports
    a second; more parts let a person who names many services count in each. Change it only with empty streams."""
    ack_wait: Duration = timedelta(seconds=30)
    """A node that has not answered for posts within this is taken for dead, and others get them."""
    lease: Duration = timedelta(seconds=10)
    """A partition's owner that was not heard of for so long is replaced."""
    keep: Duration = timedelta(hours=6)
    """How long posts, reports and counts are kept: longer than any node may be away."""
    bytes_most: int = Field(default=8 * 1024**3, ge=1024**2)
    """Bytes of posts kept; the oldest go first."""
    deliveries_most: int = Field(default=5, ge=2)
    """Posts that so many nodes took and none answered for are set aside as dead letters."""
    fetch: int = Field(default=256, ge=1, le=4096)
    """Messages a node takes at once."""
    window_every: Duration = timedelta(seconds=30)
    """How often who was counted is kept; after a crash so much is counted again in memory, not in the counts."""
    replicas: int = Field(default=1, ge=1, le=5)
    """Servers that keep each stream."""
    credentials_file: str | None = None
    """NATS credentials (.creds); $NOTIFIER_NATS_CREDENTIALS where left out."""
    token: Secret | None = None
    """A token instead."""
    user: str | None = None
    """A user with `password` instead."""
    password: Secret | None = None
    """That user's."""
    ca_file: str | None = None
    """Certificates trusted for tls:// addresses; the system's where left out."""
    certificate_file: str | None = None
    """This node's certificate, with `key_file`."""
    key_file: str | None = None
    """Its key."""


class IntakeSettings(Settings):
    """How posts are read."""

    workers: int = Field(default=0, ge=0, le=64)
    """Processes that read posts; 0: the listeners' own threads do, enough for tens of thousands of posts a second."""
    batch: int = Field(default=512, ge=1, le=10_000)
    """Posts handed to a process at once, at most."""
    waiting_most: int = Field(default=64, ge=1, le=10_000)
    """Batches that wait for a process; more make the listeners wait."""
    nodes: NodeSettings | None = None
    """Set where several machines hear posts."""
