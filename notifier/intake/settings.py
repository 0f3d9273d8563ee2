"""How many processes and nodes hear posts, and how nodes share them out."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from ..model.settings import Duration, Settings
from ..secret import Secret


class NodeSettings(Settings):
    """Hearing posts on several machines by NATS JetStream; see docs/NODES.md."""

    url: str | None = Field(default=None, max_length=2000)
    """The servers, such as nats://10.0.0.5:4222 or tls://…, several with commas; $NOTIFIER_NATS where left out."""
    prefix: str = Field(default="notifier", pattern=r"^[A-Za-z0-9_-]{1,32}$")
    """First token of all subjects and, in capitals, of all streams: several deployments may share a server."""
    partitions: int = Field(default=1, ge=1, le=64)
    """In so many parts, by service, copies and one person's repeats are collapsed. One owner counts 20,000 reports
    a second; more parts let a person who names many services count in each. Change it only with empty streams."""
    ack_wait: Duration = timedelta(seconds=30)
    """A node that has not answered for posts within this is taken for dead, and others get them."""
    lease: Duration = timedelta(seconds=10)
    """A partition's owner that was not heard of for so long is replaced."""
    freshness: Duration = timedelta(minutes=15)
    """No post counted by a node for longer than this makes the crowd blind, so that silence closes no outage."""
    keep: Duration = timedelta(hours=6)
    """How long posts, reports and counts are kept: longer than any node may be away."""
    bytes_most: int = Field(default=8 * 1024**3, ge=1024**2)
    """Bytes of posts kept; the oldest go first."""
    deliveries_most: int = Field(default=5, ge=2)
    """Messages that so many nodes took and none answered for are read one by one; one that takes two more nodes down
    is set aside as a dead letter."""
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

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str | None) -> str | None:
        if url is not None:
            servers_of(url)
        return url


def servers_of(url: str) -> list[str]:
    """The servers an address names. Raises ValueError for what is none, and for one that holds a password: everyone on
    the machine could see it."""
    found = [one.strip() for one in url.split(",")]
    if any(urlsplit(one).scheme not in ("nats", "tls", "ws", "wss") or not urlsplit(one).hostname for one in found):
        raise ValueError("expected servers such as nats://10.0.0.5:4222 or tls://nats.example.net, with commas")
    if any(urlsplit(one).password or urlsplit(one).username for one in found):
        raise ValueError("expected servers without a password: name a file with it in credentials_file, or in "
                         "$NOTIFIER_NATS_CREDENTIALS")
    return found


class IntakeSettings(Settings):
    """How posts are read. Nothing set: in the daemon, by the listeners' own threads."""

    workers: int = Field(default=0, ge=0, le=64)
    """Processes that judge, place and read what the listeners hear; 0: the listeners' own threads do."""
    batch: int = Field(default=512, ge=1, le=10_000)
    """Posts handed to a process at once, at most."""
    waiting_most: int = Field(default=64, ge=1, le=10_000)
    """Batches that wait for a process; more make the listeners wait."""
    nats: NodeSettings | None = None
    """Where several machines hear posts (`notifier node`): what they count is merged here."""
