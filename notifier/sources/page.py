"""The shell around every source that is fetched over HTTP: a vendor's module brings settings and a pure reader.

One request is one Answer. A vendor that spreads what it says over several addresses is asked for each of them in one
fetch, and the bodies travel together (`get_parts`), so that a recording plays them back together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from notifier.model.region import RegionTree
from notifier.net.fetch import ETAG, Get, Request, get, unconditional, validators
from notifier.ports import Answer, Failure, Reading
from notifier.secret import SecretMissing

from .placing import Finder, Place, Texts, Unplaced, covers, finder_of, place
from .settings import HttpSettings, host_of, request_of
from .shapes import Unreadable, raw_json_of, record, unread

S = TypeVar("S", bound=HttpSettings)


@dataclass(frozen=True, slots=True)
class Context(Generic[S]):
    """What a reader is given besides the body."""

    settings: S
    finder: Finder
    regions: RegionTree
    memory: Mapping[str, str]
    now: datetime

    def place(self, texts: Texts) -> tuple[Place, ...] | Unplaced:
        """(service, region) pairs that `texts` speak of, by the source's own placing."""
        return place(texts, self.settings.placing, self.finder)


Read = Callable[[bytes, Context[S]], Reading]
"""A vendor's reader: pure. May raise Unreadable, and nothing else, whatever the body holds."""
Ask = Callable[[S, Get, Mapping[str, str], datetime], Answer | Failure]
"""How a vendor is asked: settings, the guarded get, the source's memory, now. May raise SecretMissing."""


def ask_once(settings: S, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    """Get the settings' own url."""
    return fetch(request_of(settings), memory, now)


def ask_at(path: str) -> Ask[Any]:
    """An Ask that gets `path` below the settings' url; where the url already names it, the url itself."""

    def ask(settings: HttpSettings, fetch: Get, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        return fetch(request_of(settings, below(settings.url, path)), memory, now)

    return ask


def below(url: str, path: str) -> str:
    """`url` with `path` ("/api/v2/summary.json") appended, once."""
    base = url.rstrip("/")
    return base if base.endswith(path) else base + path


class PageSource(Generic[S]):
    """A source over HTTP; satisfies ports.Source."""

    def __init__(
        self,
        settings: S,
        *,
        regions: RegionTree,
        read: Read[S],
        ask: Ask[S] = ask_once,
        fetch: Get = get,
        conditional: bool = True,
        speaks_up: bool = True,
        takes_pushes: bool = False,
    ) -> None:
        """`conditional` False: "not modified" would hide what only time can tell, such as a page no longer built.
        `speaks_up` False: its saying nothing of an outage is usual (weather warnings)."""
        self.settings = settings
        self.id, self.kind = settings.id, str(getattr(settings, "kind"))  # noqa: B009 every kind's Settings has it
        self.every: timedelta = settings.every
        self.freshness: timedelta = settings.freshness
        self.host = host_of(settings.url)
        self.takes_pushes = takes_pushes
        """Whether bodies may come through our webhook too, and so through Poller.accept."""
        self.pushed = takes_pushes and not settings.url
        """Whether they come no other way: there is nothing to poll."""
        self._read, self._ask, self._get = read, ask, fetch
        self._regions, self._finder = regions, finder_of(regions)
        self._conditional, self._speaks_up = conditional, speaks_up

    def covers(self, service: str, region: str) -> bool:
        """Whether it would be expected to speak when this service fails there: by its placing."""
        return self._speaks_up and region in self._regions and covers(
            self.settings.placing, self._regions, service, region)

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        """Ask the vendor once."""
        try:
            return self._ask(self.settings, self._get, memory if self._conditional else unconditional(memory), now)
        except SecretMissing as error:
            return Failure(now, "internal", str(error))

    def read(self, answer: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        """What the answer says; unknown, with the reason, where it cannot be relied on."""
        if (early := unread(answer, memory)) is not None:
            return early
        try:
            return self._read(answer.body, Context(self.settings, self._finder, self._regions, memory, now))
        except Unreadable as error:
            return Reading(known=False, why=str(error), memory=memory)


# ── Several addresses, one answer ────────────────────────────────────────────────────────────────────────────────────


def get_parts(
    requests: Mapping[str, Request], fetch: Get, memory: Mapping[str, str], now: datetime
) -> Answer | Failure:
    """Get several addresses as one Answer with the body {"parts": {name: text}}; the first Failure decides for all.

    Conditional as one: 304 only where every part is unchanged; where only some are, those are asked for in whole again.
    Bytes that are not UTF-8 travel as lone surrogates and come back as they were (`parts_of`).
    """
    held = _validators_of(memory)
    answers: dict[str, Answer] = {}
    for name, request in requests.items():
        found = fetch(request, held.get(name, {}), now)
        if isinstance(found, Failure):
            return found
        answers[name] = found
    if all(one.status == 304 for one in answers.values()):
        return Answer(now, 304, {}, b"")
    for name, one in answers.items():
        if one.status == 304:
            again = fetch(requests[name], {}, now)
            if isinstance(again, Failure):
                return again
            answers[name] = again
    return join_parts(answers, now)


def get_any(requests: Mapping[str, Request], fetch: Get, now: datetime) -> Answer | Failure:
    """Get several addresses that say the same as one Answer with the body {"parts": {name: text}, "missing": {name:
    why}}: those that fail are left out and named. A Failure, the first one's, only where all fail. Never
    conditional."""
    answers: dict[str, Answer] = {}
    missing: dict[str, str] = {}
    failure: Failure | None = None
    for name, request in requests.items():
        found = fetch(request, {}, now)
        if isinstance(found, Answer):
            answers[name] = found
        else:
            failure = failure or found
            missing[name] = f"{found.reason} {found.detail}".strip()
    if failure is not None and not answers:
        return failure
    return Answer(now, 200, {}, json.dumps({"parts": _texts(answers), "missing": missing}).encode())


def join_parts(answers: Mapping[str, Answer], now: datetime) -> Answer:
    """Several answers as one, with all their validators in its own etag."""
    body = json.dumps({"parts": _texts(answers)})
    etags = {name: etag for name, one in answers.items() if (etag := validators(one).get(ETAG))}
    headers = {"etag": json.dumps(etags)} if len(etags) == len(answers) else {}
    return Answer(now, 200, headers, body.encode())


def came_in_parts(memory: Mapping[str, str]) -> bool:
    """Whether the last good answer was one of get_parts, by the validators it left."""
    return bool(_validators_of(memory))


def _texts(answers: Mapping[str, Answer]) -> dict[str, str]:
    return {name: one.body.decode("utf-8", "surrogateescape") for name, one in answers.items()}


def _validators_of(memory: Mapping[str, str]) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(memory.get(ETAG, "{}"))
    except ValueError:
        return {}
    return {k: {ETAG: v} for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}


def parts_of(body: bytes, *names: str) -> tuple[bytes, ...]:
    """The bodies `names` of an answer by get_parts, in that order. Raises Unreadable where one is missing."""
    parts = record(record(raw_json_of(body), "the answer").get("parts"), "the answer's parts")
    found = []
    for name in names:
        text = parts.get(name)
        if not isinstance(text, str):
            raise Unreadable(f"the answer has no part {name}")
        try:
            found.append(text.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError as error:
            raise Unreadable(f"the answer's part {name} is not text") from error
    return tuple(found)

