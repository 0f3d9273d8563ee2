"""Settings every polled source shares, and those of the poller itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from notifier.model.settings import Duration, Settings, Slug
from notifier.net.fetch import Request, Rules
from notifier.secret import Secret


class PollingSettings(Settings):
    """How the poller shares the machine and the vendors' patience."""

    threads: int | None = Field(default=None, ge=1, le=512)
    """Polls at the same time, and as many again for hosts that are slow; empty: enough for answers that take half a
    second."""
    per_host: int = Field(default=2, ge=1, le=16)
    """Polls of one host at the same time."""
    spread: Duration = timedelta(seconds=20)
    """First polls are spread over this long; longer where a second would have more than twice its share."""
    jitter: Duration = timedelta(seconds=2)
    """Each later poll starts up to this much sooner or later, an eighth of its interval at most."""
    misfire_grace: Duration = timedelta(seconds=30)
    """A poll that could not start for so long is skipped, and counted as missed."""

    def threads_for(self, intervals: Iterable[timedelta]) -> int:
        """How many threads polls at these intervals get: as set, else half a second's worth and half as many again,
        at least 4 and at most 128."""
        rate = sum(1 / every.total_seconds() for every in intervals)
        return self.threads or min(128, max(4, math.ceil(rate * 0.75)))


class Match(Settings):
    """One rule of placing: it holds when every pattern it gives is found. Patterns disregard case; one with * or ? must
    fit the whole text, one without must occur in it as whole words."""

    component: str | None = None
    """Pattern for the vendor's component name."""
    group: str | None = None
    """Pattern for the name of the component's group."""
    title: str | None = None
    """Pattern for the title of the incident, item or alert."""
    location: str | None = None
    """Pattern for a place the vendor names as such: a cloud region, a county, a town."""
    labels: Mapping[str, str] = Field(default_factory=dict)
    """Pattern by label name (Alertmanager) or by CAP parameter."""
    service: str | None = None
    """Our service; empty: the default of the placing."""
    regions: tuple[str, ...] = ()
    """Our regions; empty: those found in the text, else the default of the placing."""
    ignore: bool = False
    """Leave out whatever fits; nobody is told that it could not be placed."""

    @model_validator(mode="after")
    def _says_something(self) -> Match:
        if not (self.component or self.group or self.title or self.location or self.labels):
            raise ValueError("expected at least one of component, group, title, location, labels")
        return self


class Placing(Settings):
    """Which of our services in which of our regions a vendor's words speak of."""

    service: str | None = None
    """Service where no rule names one."""
    regions: tuple[str, ...] = ()
    """Regions where no rule names any and none is found in the text."""
    find_regions: bool = False
    """Look for names of our regions in component, group and title."""
    everywhere: tuple[str, ...] = ()
    """What a vendor's "global" means here; empty: every region of the tree."""
    map: tuple[Match, ...] = ()
    """Rules; the first that holds decides."""


class PolledSettings(Settings):
    """What every polled source has."""

    id: Slug
    """Name used in keys, metrics and recordings."""
    enabled: bool = True
    """Whether it is polled."""
    every: Duration = timedelta(seconds=60)
    """Time between polls."""
    freshness: Duration = timedelta(minutes=10)
    """How old its last good answer may get before its silence means nothing."""
    placing: Placing = Field(default_factory=Placing)
    """What its words mean here."""

    @model_validator(mode="after")
    def _polled_in_time(self) -> PolledSettings:
        if self.every < timedelta(seconds=1):
            raise ValueError("expected every to be at least 1s")
        if self.freshness < self.every:
            raise ValueError("expected freshness to be longer than every: it would always be stale")
        return self


class HttpSettings(PolledSettings):
    """What every source that is fetched over HTTP has."""

    url: str
    """Address, http or https."""
    allow_private: bool = False
    """Whether the address may lie in a private network or on this machine."""
    headers: Mapping[str, str] = Field(default_factory=dict)
    """More request headers. Not for secrets: use bearer."""
    bearer: Secret | None = None
    """Where the token for `Authorization: Bearer` is found."""
    ca_file: str | None = None
    """Certificates to trust instead of the public ones."""
    connect_timeout: Duration = timedelta(seconds=5)
    """Time to connect."""
    read_timeout: Duration = timedelta(seconds=10)
    """Longest silence while reading."""
    total_timeout: Duration = timedelta(seconds=20)
    """Time for the whole answer."""
    max_bytes: int = Field(default=5_000_000, ge=1000, le=100_000_000)
    """Largest answer after decompression, in bytes."""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value)


def checked_url(value: str) -> str:
    """`value` if it is an http or https URL without a user name. Raises ValueError with a sentence."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected a URL starting with http:// or https://")
    if parts.username or parts.password:
        raise ValueError("expected a URL without user name and password: use bearer")
    return value


def host_of(url: str) -> str:
    """What the per-host limit counts by."""
    return urlsplit(url).hostname or ""


def request_of(settings: HttpSettings, url: str | None = None) -> Request:
    """The request that fetches a source. Raises SecretMissing where its token cannot be read."""
    headers = dict(settings.headers)
    if settings.bearer is not None:
        headers["Authorization"] = f"Bearer {settings.bearer.reveal()}"
    return Request(url or settings.url, headers, rules_of(settings))


def rules_of(settings: HttpSettings) -> Rules:
    """The limits of a source's requests."""
    return Rules(
        connect=settings.connect_timeout.total_seconds(),
        read=settings.read_timeout.total_seconds(),
        total=settings.total_timeout.total_seconds(),
        max_bytes=settings.max_bytes,
        allow_private=settings.allow_private,
        ca_file=settings.ca_file,
    )
