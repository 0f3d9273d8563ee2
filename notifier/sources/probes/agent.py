"""The agent of a probe at another place: tries what it is told to, and posts the results, signed, until they are taken.

While the daemon cannot be reached results are kept, the newest of each check, and posted once it answers again: a lost
line between the two makes neither an outage nor a gap.
"""

from __future__ import annotations

import http.client
import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
import urllib3.exceptions
from pydantic import Field, model_validator
from urllib3.util import parse_url

from notifier.model.settings import Duration, Settings, Slug
from notifier.model.times import rfc3339
from notifier.net.deadline import Deadline
from notifier.net.fetch import USER_AGENT, Get, get
from notifier.net.guard import connection
from notifier.ports import Clock
from notifier.runner import Loop
from notifier.secret import Secret, SecretMissing

from ..settings import checked_url
from .checks import Tried, TrySettings, look
from .probe import ProbeSettings
from .results import written
from .vantage import POST_MOST, sign_post, write_post

log = structlog.get_logger(__name__)

KEPT = 1000
"""Results kept of one check while they cannot be delivered; the oldest go first."""
_SECONDS = 15.0
"""Time for one post."""
_FIRST, _MOST = 1.0, 60.0
"""Seconds between tries while the daemon cannot be reached: doubled from the first to the most."""
_NEVER = frozenset({400, 413})
"""Statuses of a post that will never be taken."""
_SETTLED = frozenset({409, *_NEVER})
"""Statuses after which a post is not sent again: taken before, or never to be taken."""


class AgentCheck(TrySettings):
    """One check of an agent."""

    source: Slug
    """Id of the probe in the daemon's sources.yaml that the results are for."""
    every: Duration = timedelta(seconds=60)
    """Time between tries."""

    @model_validator(mode="after")
    def _often(self) -> AgentCheck:
        if self.every < timedelta(seconds=1):
            raise ValueError("expected every to be at least 1s")
        return self


class AgentFile(Settings):
    """The agent's own YAML."""

    checks: tuple[AgentCheck, ...] = Field(min_length=1, max_length=200)
    """What it tries."""

    @model_validator(mode="after")
    def _distinct(self) -> AgentFile:
        if len({check.source for check in self.checks}) < len(self.checks):
            raise ValueError("expected one check for each source")
        return self


def checks_for(place: str, sources: Mapping[str, Settings]) -> tuple[AgentCheck, ...]:
    """The checks a daemon's configuration gives to `place`: those of the probes that name it among their agents."""
    mine = (one for one in sources.values() if isinstance(one, ProbeSettings) and one.enabled
            and any(agent.place == place for agent in one.agents))
    shared = TrySettings.model_fields.keys()
    return tuple(AgentCheck(source=one.id, every=one.every, **{name: getattr(one, name) for name in shared})
                 for one in mine)


@dataclass
class _Backoff:
    """How long to leave somebody alone after failures, by a clock that never goes back."""

    pause: float = 0.0
    again_at: float = 0.0

    def failed(self, now: float) -> bool:
        """Note a failure; whether it is the first."""
        first = not self.pause
        self.pause = min(max(self.pause * 2, _FIRST), _MOST)
        self.again_at = now + self.pause
        return first


class _Unreachable(Exception):
    """The daemon gave no answer at all: nothing else will reach it now either."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A post on its way. It keeps id and body until the daemon has answered, so that it is taken once."""

    id: str
    body: bytes
    results: int


@dataclass
class _Waiting:
    """Results of one check that were not taken yet."""

    results: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT))
    sent: _Sent | None = None
    refused: _Backoff = field(default_factory=_Backoff)


class ProbeAgent:
    """One agent. `to` is the daemon's address; its results go to TO/hooks/probes/SOURCE. `ca_file`: certificates to
    trust for it in place of the public ones. Safe from several threads."""

    def __init__(self, place: str, to: str, secret: Secret, checks: Sequence[AgentCheck], clock: Clock, *,
                 fetch: Get = get, ca_file: str | None = None) -> None:
        self.place, self.checks = place, tuple(checks)
        self._to, self._secret, self._clock, self._get = checked_url(to).rstrip("/"), secret, clock, fetch
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {check.source: _Waiting() for check in checks}
        self._line = _Backoff()

    @property
    def waiting(self) -> int:
        """Results that were not taken yet and may still be."""
        with self._lock:
            return sum(len(one.results) + (one.sent.results if one.sent else 0) for one in self._waiting.values())

    def loops(self) -> list[Loop]:
        """A loop for each check, and one that delivers."""
        def looking(check: AgentCheck) -> Callable[[], bool]:
            def run_once() -> bool:
                self.look(check)
                return False

            return run_once

        looks = [Loop(f"check:{check.source}", looking(check), self._clock, every=check.every.total_seconds())
                 for check in self.checks]
        return [*looks, Loop("deliver", self.deliver, self._clock, every=1.0)]

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def look(self, check: AgentCheck) -> Tried:
        """Try one check and keep its result for delivery."""
        at = self._clock.now()
        tried, control = look(check, self._get, at)
        result = {"at": rfc3339(at), **written(tried, control)}
        with self._lock:
            held = self._waiting[check.source].results
            if len(held) == KEPT:
                log.warning("probe_agent.result_dropped", source=check.source)
            held.append(result)
        return tried

    # ── delivering ───────────────────────────────────────────────────────────────────────────────────────────────────

    def deliver(self) -> bool:
        """Post what waits; True if any post was settled. Who does not answer, or refuses, is left alone for a while,
        longer each time."""
        now = self._clock.monotonic()
        if now < self._line.again_at:
            return False
        settled = False
        for source, waiting in self._waiting.items():
            if now < waiting.refused.again_at or (post := self._next(waiting)) is None:
                continue
            try:
                status = self._post(source, post)
            except _Unreachable as error:
                if self._line.failed(now):
                    log.warning("probe_agent.not_delivered", to=self._to, why=str(error))
                return settled
            self._answered()
            settled |= self._judged(source, waiting, status, now)
        return settled

    def _next(self, waiting: _Waiting) -> _Sent | None:
        """The post to send: the one that was not settled, or a new one of the oldest results."""
        with self._lock:
            if waiting.sent is None and waiting.results:
                batch = [waiting.results.popleft() for _ in range(min(POST_MOST, len(waiting.results)))]
                waiting.sent = _Sent(f"{self.place}-{uuid.uuid4()}", write_post(self.place, batch), len(batch))
            return waiting.sent

    def _answered(self) -> None:
        if self._line.pause:
            log.info("probe_agent.delivers_again", to=self._to)
        self._line = _Backoff()

    def _judged(self, source: str, waiting: _Waiting, status: int, now: float) -> bool:
        """What an answer means for the post: whether it is settled. A key or a name that is wrong may be put right."""
        if status != 200 and status not in _SETTLED:
            if waiting.refused.failed(now):
                log.error("probe_agent.refused", source=source, status=status)
            return False
        if status in _NEVER:
            log.error("probe_agent.results_lost", source=source, status=status)
        with self._lock:
            waiting.sent, waiting.refused = None, _Backoff()
        return True

    def _post(self, source: str, post: _Sent) -> int:
        """Send one post; the HTTP status of the answer. Raises _Unreachable."""
        try:
            secret = self._secret.reveal()
        except SecretMissing as error:
            raise _Unreachable(str(error)) from error
        signed = sign_post(post.body, id=post.id, secret=secret, now=self._clock.now())
        to = parse_url(f"{self._to}/hooks/probes/{source}")
        with Deadline(_SECONDS) as deadline:  # no proxies; and the daemon's address is the operator's own choice
            opened = connection(to.scheme or "https", (to.host or "").strip("[]"), to.port, timeout=_SECONDS,
                                deadline=deadline, allow_private=True, ca_file=self._ca_file)
            with closing(opened):
                try:
                    opened.request("POST", to.request_uri, body=post.body,
                                   headers={"user-agent": USER_AGENT, **signed}, preload_content=False)
                    return int(opened.getresponse().status)
                except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
                    raise _Unreachable(type(error).__name__) from error
