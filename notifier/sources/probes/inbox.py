"""Takes what probe agents post: checks it, refuses what was taken before, and hands it to the source it is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from notifier import metrics
from notifier.model.settings import Settings
from notifier.ports import Answer
from notifier.secret import SecretMissing

from .probe import ProbeSettings
from .vantage import Refused, TakenIds, read_post

log = structlog.get_logger(__name__)

Reply = tuple[int, Mapping[str, object]]
"""HTTP status and what to answer."""


class Inbox:
    """One for the whole daemon, so that a reload forgets no id. Safe from several threads."""

    def __init__(self) -> None:
        self._taken = TakenIds()

    def take(self, source: str, settings: Settings | None, body: bytes, headers: Mapping[str, str], now: datetime,
             accept: Callable[[str, Answer], None]) -> Reply:
        """Take a post for `source`, whose settings are given (None: there is no such source). Raises what `accept`
        raises; the post may then come again."""
        if not isinstance(settings, ProbeSettings) or not settings.enabled or not settings.agents:
            metrics.PROBE_POSTS.labels("", "unknown_source").inc()
            return 404, {"error": "no probe of that name takes results: give it agents"}
        secrets, missing = _secrets(settings)
        post = read_post(body, headers, secrets, now)
        if isinstance(post, Refused) and post.result == "unsigned" and missing:
            log.error("probe.no_secret", source=source, places=missing)
            return self._told(source, Refused("no_secret", 503, "the secret of a place cannot be read here"))
        if isinstance(post, Refused):
            return self._told(source, post)
        if (again := self._taken.take(source, post, now)) is not None:
            return self._told(source, again)
        try:
            accept(source, Answer(now, 200, {"content-type": "application/json"}, post.body))
        except BaseException:
            self._taken.forget(source, post)
            raise
        metrics.PROBE_POSTS.labels(source, "taken").inc()
        return 200, {"accepted": post.results}

    def _told(self, source: str, refused: Refused) -> Reply:
        metrics.PROBE_POSTS.labels(source, refused.result).inc()
        log.warning("probe.post_refused", source=source, result=refused.result, why=refused.why)
        return refused.status, {"error": refused.why}


def _secrets(settings: ProbeSettings) -> tuple[dict[str, str], list[str]]:
    """The secrets of a probe's places, and the places whose secret cannot be read."""
    found, missing = {}, []
    for agent in settings.agents:
        try:
            found[agent.place] = agent.secret.reveal()
        except SecretMissing:
            missing.append(agent.place)
    return found, missing
