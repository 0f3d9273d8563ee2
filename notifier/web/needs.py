"""What the web part asks of the daemon, so that it can be tested without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..config.web_settings import WebSettings
from ..delivery.settings import DeliverySettings
from ..ports import Answer, Clock, Store
from ..secret import Secret

PushResults = Callable[[str, bytes, Mapping[str, str]], tuple[int, Mapping[str, object]]]


@dataclass(frozen=True)
class WebNeeds:
    """Everything the routes use. `stuck` names loops that stopped turning; `unready` says, in words, what is missing
    before the daemon can do its work. `push_poll` takes a pushed status body for a source, `push_mentions` a signed
    batch of posts and returns (accepted, refused lines, problem), `push_results` a signed batch of a probe agent's
    results and returns (HTTP status, what to answer), `take_bounce` a mail that came back over a channel and returns
    what became of it, None where no such channel sends mail. `settings`, `public_url`, `company` and `delivery` are
    asked at each request, so that a reload takes effect; host, port, threads and body_limit stay those of the start."""

    settings: Callable[[], WebSettings]
    store: Store
    clock: Clock
    stuck: Callable[[], Sequence[str]]
    unready: Callable[[], Sequence[str]]
    pushable: Callable[[], frozenset[str]]
    push_poll: Callable[[str, Answer], None]
    mention_sources: Callable[[], frozenset[str]]
    push_mentions: Callable[[str, bytes, Mapping[str, str]], tuple[int, tuple[str, ...], str]]
    push_results: PushResults
    before_scrape: Callable[[], None]
    public_url: Callable[[], str | None]
    company: Callable[[], str]
    take_bounce: Callable[[str, bytes], str | None] = lambda channel, mail: None
    callback_tokens: Callable[[], Mapping[str, Sequence[Secret]]] = dict
    """By SMS channel whose account has auth tokens of its own: those."""
    delivery: Callable[[], DeliverySettings] = DeliverySettings
