"""Rigs that put each mention source before a real far side on loopback, so that one contract can be run on all."""

from __future__ import annotations

import copy
import json
import os
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from notifier.clock import SystemClock
from notifier.model.mention import Mention
from notifier.model.post_ids import TID_BITS, TID_LENGTH, TID_LETTERS
from notifier.ports import MentionSource
from notifier.secret import Secret
from notifier.sources.posts.bluesky import BlueskyMentions, BlueskySettings
from notifier.sources.posts.export import ExportMentions, ExportSettings
from notifier.sources.posts.mastodon import MastodonMentions, MastodonSettings
from notifier.sources.posts.x import XMentions, XSettings
from notifier.standins import jetstream, mastodon_listen, x_listen

TOKEN = "NOTIFIER_TEST_TOKEN"
HOSTILE_VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**30,
    float("inf"),
    "",
    "\ud800",
    "\x00",
    "x" * 20_000,
    [],
    [[]],
    {},
    [{"id": []}],
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59",
    "<p>" * 500,
)
GARBAGE = (
    b"null",
    b"[]",
    b"{",
    b'"text"',
    b"7",
    b"{}",
    b"\xff\xfe\x00",
    b"[" * 50_000,
    b"9" * 10_000,
    b'{"data": null}',
    b'{"data": []}',
    b'{"errors": [[]]}',
    b'{"commit": {"record": 7}}',
    b"data: {",
    b"\x00",
    b'{"data": {"id": {}}}',
)


def post(id: str, **more: Any) -> Mention:
    """A post written just now that every rig's source wants to hear."""
    made = datetime.now(UTC) - timedelta(seconds=2)  # noqa: TID251 real far sides need the real time
    fields = {"text": f"mobile data outage {id}", "created_at": made, "author": f"author-{id}", "lang": "en", **more}
    return Mention(id=id, network="far side", **fields)


def hostile(good: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The good payload with every place in it replaced by every hostile value, one at a time."""
    for path in _paths(good):
        for value in HOSTILE_VALUES:
            bad: Any = copy.deepcopy(dict(good))
            at = bad
            for step in path[:-1]:
                at = at[step]
            at[path[-1]] = value
            yield bad


def _paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*here, key)
        yield from _paths(inner, (*here, key))


def until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Wait for something another thread does; fails, saying what, when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what}"
        time.sleep(0.01)


class Session:
    """One call of listen() in a thread, and what came of it."""

    def __init__(self, source: MentionSource) -> None:
        self.source = source
        self.heard: list[Mention] = []
        self.signs = 0
        self.why: str | None = None
        self.error: BaseException | None = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.why = self.source.listen(self.heard.append, self._alive, self.stopping.is_set)
        except BaseException as error:  # noqa: BLE001 whatever it is, the test is to say so
            self.error = error

    def _alive(self) -> None:
        self.signs += 1

    def has(self, text: str) -> bool:
        """Whether a post with this in its text was heard."""
        return any(text in mention.text for mention in self.heard)

    @property
    def over(self) -> bool:
        """Whether listen() returned or raised."""
        return not self.thread.is_alive()


@contextmanager
def session(source: MentionSource) -> Iterator[Session]:
    """Listen while the block runs."""
    running = Session(source)
    running.thread.start()
    try:
        yield running
    finally:
        running.stopping.set()
        running.thread.join(20)
    assert running.error is None, f"listen() raised {running.error!r}"
    assert running.over, "listen() did not stop"


class Rig:
    """A far side and the source that listens to it."""

    replays: ClassVar[bool] = True
    """Whether posts made while nobody was connected come later."""
    reposts: ClassVar[bool] = True
    network: ClassVar[str]
    own: ClassVar[str]
    """Our own account on the network, which the source hears besides."""
    source: MentionSource

    @abstractmethod
    def id_of(self, at: datetime) -> str:
        """The id of a post that was written at a time."""

    @abstractmethod
    def push(self, mention: Mention) -> None: ...
    @abstractmethod
    def raw(self, payload: bytes) -> None: ...
    @abstractmethod
    def good(self) -> Mapping[str, Any]: ...

    def connected(self) -> bool:
        """Whether what is pushed now will arrive."""
        return True

    def drop(self) -> None:
        """Cut the connection, where there is one."""

    def stall(self) -> None:
        """Say nothing more, heartbeats included."""

    def close(self) -> None:
        """Take the far side down."""


class XStream(Rig):
    network = "x"
    own = "2244994945"

    def __init__(self, folder: Path, **more: Any) -> None:
        os.environ[TOKEN] = "a token"
        self.far = x_listen.XListening(keep_alive=0.1).start()
        settings: dict[str, Any] = {
            "id": "x",
            "kind": "x",
            "bearer_token": Secret(env=TOKEN),
            "terms": ("outage", "no signal"),
            "languages": ("en",),
            "own_accounts": (self.own,),
            "reposts": True,
            "base_url": self.far.url,
            "method": "stream",
            **more,
        }
        self.source = XMentions(XSettings(**settings))

    def push(self, mention: Mention) -> None:
        self.far.push(mention)

    def raw(self, payload: bytes) -> None:
        self.far.air.send(payload + b"\r\n")

    def good(self) -> Mapping[str, Any]:
        sample = post("1", place="Stowe, VT", author_location="Vermont", reply_to="4", is_repost=True)
        return {
            "data": x_listen.post_of(1, sample),
            "includes": x_listen.includes_of([sample]),
            "matching_rules": [{"id": "1", "tag": "notifier:x"}],
        }

    def id_of(self, at: datetime) -> str:
        return str((int(at.timestamp() * 1000) - x_listen.EPOCH_MS) << 22)

    def connected(self) -> bool:
        return bool(self.far.air.connections)

    def drop(self) -> None:
        self.far.air.drop()

    def stall(self) -> None:
        self.far.air.stalled.set()

    def close(self) -> None:
        self.far.stop()


class XSearch(XStream):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, method="search", poll_every="2ms")

    def raw(self, payload: bytes) -> None:
        self.far.air.refuse("/recent", 200, body=payload)

    def good(self) -> Mapping[str, Any]:
        one = super().good()
        return {"data": [one["data"]], "includes": one["includes"], "meta": {"newest_id": "1", "result_count": 1}}

    def connected(self) -> bool:
        return any("/recent" in path for _, path in self.far.requests)

    def stall(self) -> None:
        """There is nothing to stall between two searches."""


class Mastodon(Rig):
    network = "mastodon"
    own = "care@social.example"
    replays = False

    def __init__(self, folder: Path, **more: Any) -> None:
        os.environ[TOKEN] = "a token"
        self.far = mastodon_listen.MastodonListening(heartbeat=0.1).start()
        self.far.token = "a token"
        self.far.accounts.add(self.own)
        settings: dict[str, Any] = {
            "id": "m",
            "kind": "mastodon",
            "base_url": self.far.url,
            "stream": "public",
            "languages": ("en",),
            "own_accounts": (self.own,),
            "own_every": "50ms",
            "token": Secret(env=TOKEN),
            **more,
        }
        self.source = MastodonMentions(MastodonSettings(**settings))

    def push(self, mention: Mention) -> None:
        self.far.push(mention)

    def raw(self, payload: bytes) -> None:
        self.far.air.send(b"event: update\ndata: " + payload + b"\n\n")

    def id_of(self, at: datetime) -> str:
        return str(int(at.timestamp() * 1000) << 16)

    def good(self) -> Mapping[str, Any]:
        return mastodon_listen.status_of(post("1", author_location="Vermont", is_repost=True))

    def connected(self) -> bool:
        return bool(self.far.air.connections)

    def drop(self) -> None:
        self.far.air.drop()

    def stall(self) -> None:
        self.far.air.stalled.set()

    def close(self) -> None:
        self.far.stop()


class Bluesky(Rig):
    network = "bluesky"
    own = "did:plc:ourowncare"
    reposts = False

    def __init__(self, folder: Path, **more: Any) -> None:
        self.far = jetstream.Jetstream().start()
        settings: dict[str, Any] = {
            "id": "b",
            "kind": "bluesky",
            "terms": ("outage",),
            "languages": ("en",),
            "own_accounts": (self.own,),
            "base_url": self.far.url,
            **more,
        }
        self.source = BlueskyMentions(BlueskySettings(**settings))

    def push(self, mention: Mention) -> None:
        self.far.push(mention)

    def raw(self, payload: bytes) -> None:
        self.far.air.send(payload)

    def id_of(self, at: datetime) -> str:
        number = int(at.timestamp() * 1_000_000) << TID_BITS
        letters = (TID_LETTERS[number >> 5 * place & 31] for place in reversed(range(TID_LENGTH)))
        return f"at://did:plc:customer/app.bsky.feed.post/{''.join(letters)}"

    def good(self) -> Mapping[str, Any]:
        return jetstream.event_of(post("1", reply_to="at://x/y/z"), SystemClock().now())

    def connected(self) -> bool:
        return bool(self.far.air.connections)

    def drop(self) -> None:
        self.far.air.drop()

    def stall(self) -> None:
        self.far.air.stalled.set()

    def close(self) -> None:
        self.far.stop()


class ExportFile(Rig):
    network = "far side"
    own = "our care team"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "posts.jsonl"
        self.path.touch()
        self.source = ExportMentions(ExportSettings(id="e", kind="export", path=str(self.path), every="20ms"))

    def push(self, mention: Mention) -> None:
        self.raw(json.dumps(mention.to_record()).encode())

    def id_of(self, at: datetime) -> str:
        return "an id that tells no time"

    def raw(self, payload: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(payload + b"\n")

    def good(self) -> Mapping[str, Any]:
        return post("1", place="Stowe", author_location="Vermont", is_repost=True, reply_to="4").to_record()


class ExportStdin(ExportFile):
    def __init__(self, folder: Path) -> None:
        self.reader, self.writer = os.pipe()
        self.input = os.fdopen(self.reader, "rb")
        self.source = ExportMentions(ExportSettings(id="e", kind="export", stdin=True), stdin=self.input)

    def raw(self, payload: bytes) -> None:
        os.write(self.writer, payload + b"\n")

    def close(self) -> None:
        os.close(self.writer)
        self.input.close()


RIGS = {rig.__name__: rig for rig in (XStream, XSearch, Mastodon, Bluesky, ExportFile, ExportStdin)}
