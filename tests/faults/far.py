"""One run's world: a store file, the stand-ins' processes, and daemons that live and die over them."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from notifier.model.times import rfc3339
from notifier.standins.ledger import read_ledger

from ..incidents.builders import NOW
from .child import SERVICES, text_of
from .kinds import EVERY
from .nursery import Ended, Nursery, Serving

Fate = tuple[str, str]
"""A delivery's state and reason."""


@dataclass(frozen=True)
class Far:
    """One provider's process and its ledger, which the killed process cannot touch."""

    serving: Serving
    ledger: Path

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.serving.ports['listening']}"

    def fault(self, mode: str) -> None:
        """Meet the next send with "accept_then_drop", or "reset": dropped without accepting."""
        port = self.serving.ports.get("control", self.serving.ports["listening"])
        requests.post(f"http://127.0.0.1:{port}/_faults", json={"mode": mode}, timeout=10).raise_for_status()

    def arrived(self) -> Counter[str]:
        """How often each text stands in its ledger."""
        return Counter(entry["body"] for entry in read_ledger(self.ledger))


@dataclass(frozen=True)
class Daemon:
    """Each run is a process over the same store and far sides."""

    nursery: Nursery
    folder: Path
    fars: dict[str, Far]
    store: str
    """Its file, or its address."""

    @property
    def far(self) -> Far:
        """The only far side."""
        (only,) = self.fars.values()
        return only

    def run(self, minutes: int, point: str = "", hit: int = 1, sent: str = "SIGKILL", trouble: str = "",
            **more: Any) -> Ended:
        """Run from `minutes` past noon until all is settled, or until the fail point sends its signal; SIGUSR1 makes
        `trouble` for it (see child.TROUBLES). `more`: of child.Life, and `net`, the namespace it lives in."""
        urls = {kind: far.url for kind, far in self.fars.items()}
        net = more.pop("net", "")
        given = [str(self.folder), urls, minutes, more.pop("store", self.store), trouble, more]
        return self.nursery.daemon(self.output(minutes), given, point, hit, sent, net)

    def go_on(self, stopped: Ended, minutes: int) -> Ended:
        """Let the run of `minutes`, which was stopped, go on to its end."""
        return self.nursery.go_on(stopped.stopped, self.output(minutes))

    def output(self, minutes: int) -> Path:
        """What the run of `minutes` prints."""
        return self.folder / f"output-{minutes}"

    def killed(self, minutes: int, point: str, hit: int = 1) -> None:
        """Run into a fail point that must be on this path."""
        ended = self.run(minutes, point, hit)
        assert ended.returncode == -signal.SIGKILL, ended.output

    def told(self, ended: Ended) -> dict[str, dict[str, Fate]]:
        """Fates by channel and text, as a daemon that came to its end saw them: one acknowledgement of each trouble on
        each channel, and nothing else."""
        assert ended.returncode == 0, ended.output
        fates: dict[str, dict[str, Fate]] = {}
        rows = json.loads(ended.output.splitlines()[-1])
        assert {row[1] for row in rows} <= {"acknowledge"}
        for channel, _, service, state, reason in rows:
            fates.setdefault(channel, {})[text_of(service)] = (state, reason)
        assert len(rows) == sum(map(len, fates.values())), f"more than one of a kind: {rows}"
        return fates

    def finish(self, minutes: int, **more: Any) -> tuple[dict[str, dict[str, Fate]], str]:
        """Restart without a fail point; returns the fates by kind, none of them open, and all that was said."""
        ended = self.run(minutes, **more)
        by_channel = self.told(ended)
        fates = {kind: by_channel.get(f"{kind.partition('-')[0]}-main", {}) for kind in self.fars}
        for kind, found in fates.items():
            assert set(found) == {text_of(service) for service in SERVICES}, f"lost on {kind}: {found}"
            assert not {state for state, _ in found.values()} & {"pending", "claimed", "unknown"}, ended.output
        return fates, ended.output


@contextmanager
def world(
    nursery: Nursery, folder: Path, kinds: Iterable[str], store: str = "", host: str = "127.0.0.1"
) -> Iterator[Daemon]:
    """Far sides of these kinds in processes of their own, living by the daemon's clock."""
    clock = folder / "clock"
    clock.write_text(rfc3339(NOW), encoding="utf-8")
    fars: dict[str, Far] = {}
    try:
        for kind in kinds:
            ledger = folder / f"{kind}.jsonl"
            arguments = [*EVERY[kind].standin, "--ledger", str(ledger), "--clock", str(clock), "--host", host]
            fars[kind] = Far(nursery.far_side(arguments), ledger)
        yield Daemon(nursery, folder, fars, store or str(folder / "notifier.db"))
    finally:
        for far in fars.values():
            nursery.end(far.serving)
