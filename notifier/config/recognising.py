"""Which kind of source an address or an answer is: every kind's own reader is asked, and the narrowest is believed.

Nothing is decided by names alone. A kind is recognised where its own request, made with its usual settings below the
address, gets an answer that its own reader can vouch for; a host only it answers at settles a tie. So a kind needs no
word here to be recognised, and one that is added tomorrow is.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice, product
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import ValidationError

from ..model.region import RegionTree
from ..model.settings import Settings
from ..net.fetch import Get, Request, get
from ..ports import Answer, Failure, Reading
from ..sources.generic.links import feeds_in
from ..sources.page import below
from ..sources.settings import HttpSettings, Match, Placing, host_of, request_of
from .registry import SOURCES, SourceKind

NOWHERE = "(not placed)"
"""Service and region of what is read while nobody has said what it means here."""
_ANYWHERE = (
    Placing(service=NOWHERE, regions=(NOWHERE,), map=(Match(component="*", regions=(NOWHERE,)),)),
    Placing(service=NOWHERE, find_regions=True))
"""Placings that leave nothing out: of whatever is said; and by names and points, for kinds that count what lies in
each of our regions."""
REQUESTS_MOST = 150
"""Addresses asked for in one recognition; most of them are not there and answer at once."""
CHOICES_MOST = 16
"""Combinations of a kind's choices that are tried."""
_CHOICES_LEFT = frozenset({"kind", "level", "group_by"})
"""Settings whose choices say what an answer means, not how it is asked for."""
_FILLED = "fill-in"
_SAVED = "https://saved.invalid/saved/answer"
"""Where a saved answer came from, for settings that want an address (Upptime's is that of a repository)."""


@dataclass(frozen=True)
class Recognised:
    """What an address is: `extra` are the settings it needs beside id, kind and url, `needs` those only a person knows
    (they hold "fill-in"). `others` are kinds that understand it too."""

    kind: str
    url: str
    settings: Settings
    answer: Answer
    reading: Reading
    extra: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    vouched: int = 0
    """2 where only this kind answers at that host, 1 where the answer has its `shape`."""
    others: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    """Those of `extra` that a person gave; the others were found out, or guessed."""


@dataclass(frozen=True)
class NotRecognised:
    """Why not, in words; and the kinds it might be."""

    why: str
    might_be: tuple[str, ...] = ()


class _Site:
    """A guarded get that asks for each address once, and for no more than REQUESTS_MOST."""

    def __init__(self, fetch: Get) -> None:
        self._fetch = fetch
        self._had: dict[tuple[str, tuple[tuple[str, str], ...]], Answer | Failure] = {}

    def __call__(self, request: Request, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        key = (request.url, tuple(sorted(request.headers.items())))
        if key not in self._had:
            if len(self._had) >= REQUESTS_MOST:
                return Failure(now, "internal", "asked for enough addresses")
            self._had[key] = self._fetch(request, memory, now)
        return self._had[key]


def recognise(
    url: str, *, regions: RegionTree, now: datetime, given: Mapping[str, Any] | None = None, only: str | None = None,
    fetch: Get = get, kinds: Mapping[str, SourceKind] = SOURCES,
) -> Recognised | NotRecognised:
    """Ask at `url` and below it. `given` are settings for whatever kind it is; `only` the kind where that is known.
    Raises pydantic's ValidationError where `url` is none, or what is `given` of every kind does not fit; SecretMissing
    where the token for it cannot be read."""
    given = given or {}
    common = {name: value for name, value in given.items() if name in HttpSettings.model_fields}
    site = _Site(fetch)
    raw = site(request_of(HttpSettings.model_validate({**common, "id": "new", "url": url})), {}, now)
    if isinstance(raw, Failure) and raw.reason in ("unreachable", "timed_out", "refused"):
        return NotRecognised(f"{url} cannot be asked: {raw.reason} {raw.detail}".strip())
    asking = _Asking(url, raw if isinstance(raw, Answer) else None, given, regions, site, now)
    wanted = {name: kind for name, kind in kinds.items() if only in (None, name)}
    hosted = {name: kind for name, kind in wanted.items() if _answers_at(kind, host_of(url))}
    # Where one kind alone answers, what it cannot rely on (an empty feed on the day) is not just any feed.
    breadths = (0,) if hosted else (0, 1, 2)
    groups = (hosted, *({n: k for n, k in wanted.items() if k.breadth == breadth} for breadth in breadths))
    found = _narrowest([one for name, kind in group.items() if (one := asking.first(name, kind)) is not None]
                       for group in groups)
    if found is not None:
        return found
    itself = "" if isinstance(raw, Answer) else f"; the address itself: {raw.reason} {raw.detail}"
    expected = [f"; {name} says: {why}" for name, why in asking.refused.items() if name in hosted or name == only]
    return NotRecognised(f"no kind finds anything there that it can rely on{''.join(expected) or itself}",
                         tuple(hosted))


def recognise_answer(
    answer: Answer, *, regions: RegionTree, now: datetime, kinds: Mapping[str, SourceKind] = SOURCES
) -> Recognised | NotRecognised:
    """Which kind a saved answer is."""
    asking = _Asking(_SAVED, answer, {}, regions, _Site(_nothing), now)
    found = _narrowest([one for name, kind in kinds.items() if kind.breadth == breadth
                        if (one := asking.as_it_is(name, kind)) is not None] for breadth in (0, 1, 2))
    return found or NotRecognised("no kind understands it")


def read_unplaced(
    kind: SourceKind, settings: Settings, answer: Answer, *, regions: RegionTree, now: datetime
) -> Reading:
    """What an answer says while nobody has said what it means here; the settings' own placing does not count."""
    readings = []
    for placing in _ANYWHERE:
        source = kind.make(settings.model_copy(update={"placing": placing}), regions=regions)
        readings.append(source.read(answer, {}, now))
        if not readings[0].known or readings[-1].signals or readings[-1].unplaced:
            return readings[-1]
    return readings[0]


def _nothing(request: Request, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
    return Failure(now, "unreachable")


def _narrowest(groups: Iterable[list[Recognised]]) -> Recognised | NotRecognised | None:
    """Of the first, narrowest group that reads anything out of the answer the one that reads most; where no group does,
    the only one there is."""
    poor: dict[str, Recognised] = {}
    for found in groups:
        best = max(found, key=_richness, default=None)
        if best is not None and any(_richness(best)):
            return replace(best, others=tuple(one.kind for one in found if one.kind != best.kind))
        poor |= {one.kind: one for one in found}
    if len(poor) > 1:
        return NotRecognised("what is there says too little to tell which kind it is", tuple(poor))
    return next(iter(poor.values()), None)


def _richness(one: Recognised) -> tuple[int, int, bool]:
    told = {signal.fingerprint for signal in one.reading.signals}
    return (one.vouched, len(told) + len(one.reading.listed) + len(one.reading.unplaced), one.reading.affirmed)


# ── One kind ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Asking:
    """One recognition: what is asked of each kind."""

    url: str
    raw: Answer | None
    given: Mapping[str, Any]
    regions: RegionTree
    site: _Site
    now: datetime
    refused: dict[str, str] = field(default_factory=dict)
    """Why each kind cannot rely on the newest answer it got."""

    def first(self, name: str, kind: SourceKind) -> Recognised | None:
        """What the first of a kind's usual requests finds that its reader understands; else what the address itself
        answers, read by it. A vendor that has one address of its own is not looked for below others."""
        if _home(kind) and not _answers_at(kind, host_of(self.url)):
            return self.as_it_is(name, kind)
        for url in self._addresses(kind):
            for extra in self._variants(kind):
                settings, needs = self._settings(name, kind, url, extra)
                if settings is None or needs:
                    continue
                source = kind.make(settings, regions=self.regions, fetch=self.site)
                answer = source.fetch({}, self.now)
                if not isinstance(answer, Answer) or not self._fits(kind, answer):
                    continue
                if (reading := self._read(name, kind, settings, answer)) is not None:
                    return self._refined(self._told(name, kind, url, settings, answer, reading, extra), kind)
        return self.as_it_is(name, kind)

    def _refined(self, found: Recognised, kind: SourceKind) -> Recognised:
        """With what the answer itself gives away, where it is still read so."""
        given_away = kind.guess(found.url, found.answer.body) if kind.guess is not None else None
        if not given_away:
            return found
        extra = {**given_away, **found.extra}
        settings, needs = self._settings(found.kind, kind, found.url, extra)
        if settings is None or needs:
            return found
        reading = self._read(found.kind, kind, settings, found.answer)
        return found if reading is None else replace(found, settings=settings, extra=extra, reading=reading)

    def as_it_is(self, name: str, kind: SourceKind) -> Recognised | None:
        """The answer at the address itself, read by a kind."""
        if self.raw is None or not self._fits(kind, self.raw):
            return None
        for extra in self._variants(kind):
            settings, needs = self._settings(name, kind, self.url, extra)
            if settings is None:
                continue
            reading = self._read(name, kind, settings, self.raw)
            if reading is not None:
                filled = {need: getattr(settings, need) for need in needs}
                told = self._told(name, kind, self.url, settings, self.raw, reading, {**extra, **filled})
                return replace(told, needs=needs)
        return None

    def _read(self, name: str, kind: SourceKind, settings: Settings, answer: Answer) -> Reading | None:
        reading = read_unplaced(kind, settings, answer, regions=self.regions, now=self.now)
        if not reading.known:
            self.refused[name] = reading.why
        return reading if reading.known else None

    def _fits(self, kind: SourceKind, answer: Answer) -> bool:
        return kind.shape is None or kind.shape(answer.body)

    def _told(self, name: str, kind: SourceKind, url: str, settings: Settings, answer: Answer, reading: Reading,
              extra: Mapping[str, Any]) -> Recognised:
        vouched = 2 if _answers_at(kind, host_of(url)) else int(kind.shape is not None)
        return Recognised(name, url, settings, answer, reading, {**extra, **self.given}, vouched=vouched,
                          given=frozenset(self.given))

    def _addresses(self, kind: SourceKind) -> Iterator[str]:
        """The address, the site it lies on, and what a kind usually has below that."""
        parts = urlsplit(self.url)
        root = f"{parts.scheme}://{parts.netloc}"
        announced = feeds_in(self.raw.body, self.url) if self.raw is not None and kind.breadth == 1 else ()
        usual = [below(base, path) for path in kind.paths for base in (self.url.partition("?")[0], root)]
        yield from dict.fromkeys((self.url, *announced, *usual, *([root] if parts.path.strip("/") else [])))

    def _variants(self, kind: SourceKind) -> list[Mapping[str, Any]]:
        guessed: Mapping[str, Any] | None = {}
        if kind.guess is not None:
            guessed = kind.guess(self.url, self.raw.body if self.raw is not None else b"")
        if guessed is None:
            return []
        return [{**guessed, **variant} for variant in (*_choices(kind), *kind.variants)]

    def _settings(
        self, name: str, kind: SourceKind, url: str, extra: Mapping[str, Any]
    ) -> tuple[Settings | None, tuple[str, ...]]:
        """Settings of a kind for `url`, and the names of those only a person knows; None where it takes no url, or
        what was given does not fit it."""
        if "url" not in kind.settings.model_fields:
            return None, ()
        value = {"placing": _ANYWHERE[0], **extra, **self.given, "id": "new", "kind": name, "url": url}
        try:
            return kind.settings.model_validate(value), ()
        except ValidationError as error:
            needs = tuple(str(one["loc"][0]) for one in error.errors() if one["type"] == "missing" and one["loc"])
        for filling in (_FILLED, [_FILLED]):
            try:
                return kind.settings.model_validate({**value, **dict.fromkeys(needs, filling)}), needs
            except ValidationError:
                continue
        return None, ()


def _choices(kind: SourceKind) -> list[dict[str, Any]]:
    """Every combination of what a kind's settings leave to choose between, the usual one first and without what is
    usual; the first CHOICES_MOST."""
    fields = {name: about for name, about in kind.settings.model_fields.items()
              if name not in _CHOICES_LEFT and get_origin(about.annotation) is Literal}
    spelt = [[(name, choice) for choice in sorted(get_args(about.annotation), key=lambda one: one != about.default)]
             for name, about in fields.items()]
    combined = islice(product(*spelt), CHOICES_MOST)
    return [{name: choice for name, choice in one if choice != fields[name].default} for one in combined]


def _answers_at(kind: SourceKind, host: str) -> bool:
    """Whether only this kind answers at `host`."""
    return any(fnmatch.fnmatchcase(host, pattern) for pattern in (*kind.hosts, _home(kind)) if pattern)


def _home(kind: SourceKind) -> str:
    """The host a kind's settings name where nobody names another; "" where they name none."""
    about = kind.settings.model_fields.get("url")
    return host_of(about.default) if about is not None and isinstance(about.default, str) else ""
