"""What others push to this node over the web: status bodies, posts, results of probe agents, mails that came back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from notifier.app import App
from notifier.channels.mail.bounces import taken
from notifier.channels.mail.settings import EmailSettings
from notifier.ports import Answer, StoreUnavailable
from notifier.sources.posts.export import accept_push
from notifier.sources.probes.inbox import Inbox


class Pushed:
    """Hands each push to the stage it is for. Raises StoreUnavailable where `stands_by` says that another node leads:
    here it would be heard by nobody, and the far side is to try again."""

    def __init__(self, app: App, stands_by: Callable[[], bool]) -> None:
        self._app = app
        self._stands_by = stands_by
        self._inbox = Inbox()

    def mention_sources(self) -> frozenset[str]:
        """Ids of those that take pushed posts."""
        mentions = self._app.config.mentions
        return frozenset(id for id, settings in mentions.items() if getattr(settings, "push_secret", None))

    def poll(self, source: str, answer: Answer) -> None:
        """A status body, as if it had been polled."""
        self._check_leads()
        self._app.poller.accept(source, answer)

    def mentions(self, source: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, tuple[str, ...], str]:
        """A signed batch of posts: how many were taken, the lines refused, and what is wrong with the whole."""
        secret = getattr(self._app.config.mentions.get(source), "push_secret", None)
        if secret is None:
            return 0, (), "this source takes no pushed posts: give it a push_secret"
        network = getattr(self._app.config.mentions[source], "network", None)
        self._check_leads()
        now = self._app.clock.now()
        result = accept_push(body, headers, secret=secret.reveal(), now=now, network=network)
        for mention in result.accepted:
            self._app.listener.hear(source, mention)
        return len(result.accepted), tuple(map(str, result.refused)), result.problem

    def results(self, source: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, object]]:
        """A signed batch of a probe agent's results: the HTTP status and what to answer."""
        settings = self._app.config.sources.get(source)
        return self._inbox.take(source, settings, body, headers, self._app.clock.now(), self.poll)

    def bounce(self, channel: str, mail: bytes) -> str | None:
        """A mail that came back over a channel: what became of it; None where no such channel sends mail. Any node may
        take it: it settles a delivery."""
        settings = self._app.config.channels.get(channel)
        return taken(settings, mail, self._app.store, self._app.clock) if isinstance(settings, EmailSettings) else None

    def _check_leads(self) -> None:
        if self._stands_by():
            raise StoreUnavailable("another node leads this deployment: push to that one")
