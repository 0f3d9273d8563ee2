"""Our own measurements: does the service answer over HTTP, TCP, DNS or ping, from here and from other places.

One failed try is weather; several in a row are a signal. One place may have lost its network; where enough places
agree, the service is what failed. And a place whose control target fails too, ours included, says nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field, model_validator

from notifier.model.region import RegionTree
from notifier.model.settings import Duration, Settings, Slug
from notifier.model.signal import Level, Signal, SignalClass
from notifier.model.times import rfc3339
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Finding, Reading
from notifier.secret import Secret, SecretMissing

from ..placing import Place, Texts, Unplaced, finder_of, place
from ..settings import PolledSettings
from ..shapes import Unreadable, any_moment, json_of, one_line, record, records, unread
from ..signing import TOLERANCE
from ..telling import Report, tell
from .checks import Check, DnsCheck, HttpCheck, IcmpCheck, TcpCheck, Tried, TrySettings, look, try_check
from .quorum import Standing, Verdict, Vote, named, remembered, standings_of, step, verdict, vote
from .results import Result, result_of, written

__all__ = ["Agent", "Check", "DnsCheck", "HttpCheck", "IcmpCheck", "ProbeSettings", "ProbeSource", "TcpCheck"]

_STREAK = "streak"
_CERTIFICATE = "certificate"
_SLACK = timedelta(minutes=1)
"""How far a result may lie ahead of us by our own clock, which may be set back."""
_AHEAD = 2 * TOLERANCE
"""How far a place's clock may be ahead of ours when its results are read; believed, one further ahead would make later
results look old."""


class Agent(Settings):
    """Another place that tries the same check and posts what it found, signed."""

    place: Slug
    """Its name, as its agent is told by --name."""
    secret: Secret
    """The key it signs with; each place has its own."""
    regions: tuple[str, ...] = ()
    """Regions it stands in and speaks for: a failure there is told of them, whatever the other places say."""


class ProbeSettings(PolledSettings, TrySettings):
    """A probe of ours."""

    kind: Literal["probe"] = "probe"
    failures: int = Field(default=3, ge=1, le=100)
    """Failures in a row that make a place say it is down."""
    successes: int = Field(default=2, ge=1, le=100)
    """Successes in a row that make a place say it is up."""
    level: Literal["notice", "minor", "major", "critical"] = "major"
    """How bad its failure is."""
    place: Slug = "here"
    """What our own place is called among the others."""
    own_place: bool = True
    """Whether we try it ourselves too; false: only the agents do."""
    own_regions: tuple[str, ...] = ()
    """Regions our own place stands in and speaks for."""
    agents: tuple[Agent, ...] = Field(default=(), max_length=50)
    """Other places, which post to /hooks/probes/ID."""
    quorum: int | None = Field(default=None, ge=1, le=51)
    """Places that must agree, for its failure and for its end; empty: most of those heard, at least two of several."""
    place_freshness: Duration | None = None
    """A place not heard for longer does not vote; empty: three times every."""

    @model_validator(mode="after")
    def _places(self) -> ProbeSettings:
        names = self.places
        if not names:
            raise ValueError("expected own_place: true, or agents")
        if len(set(names)) < len(names):
            raise ValueError("expected a name of its own for each place, ours included")
        if self.quorum is not None and self.quorum > len(names):
            raise ValueError(f"expected quorum to be at most the number of places, {len(names)}")
        if self.place_freshness is not None and self.place_freshness < self.every:
            raise ValueError("expected place_freshness to be longer than every: no place would ever vote")
        return self

    @property
    def places(self) -> tuple[str, ...]:
        """Every place that may vote, ours first."""
        return (*((self.place,) if self.own_place else ()), *(one.place for one in self.agents))

    @property
    def regions_of_places(self) -> Mapping[str, tuple[str, ...]]:
        """Regions that places speak for, each with those places."""
        found: dict[str, tuple[str, ...]] = {}
        own = ((self.place, self.own_regions),) if self.own_place else ()
        for name, regions in (*own, *((one.place, one.regions) for one in self.agents)):
            for region in regions:
                found[region] = (*found.get(region, ()), name)
        return found


@dataclass(frozen=True, slots=True)
class _Question:
    """Something places are asked, and where the answer counts."""

    fingerprint: str
    where: tuple[Place, ...]
    verdict: Verdict


class ProbeSource:
    """One probe; satisfies ports.Source."""

    def __init__(self, settings: ProbeSettings, *, regions: RegionTree, fetch: Get = get) -> None:
        self.settings = settings
        self.id, self.kind = settings.id, settings.kind
        self.every, self.freshness, self.host = settings.every, settings.freshness, settings.check.host
        self._place_freshness = settings.place_freshness or 3 * settings.every
        self._get = fetch
        self._finder = finder_of(regions)

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        """Try it, and the control targets where it fails. Always an Answer: a result as in `results`, or without a
        place of our own {"places": {}}, which only lets time pass."""
        if not self.settings.own_place:
            return self._answer({"places": {}}, now)
        return self._answer(written(*look(self.settings, self._get, now)), now)

    def _answer(self, body: Mapping[str, Any], now: datetime) -> Answer:
        return Answer(now, 200, {"content-type": "application/json"}, json.dumps(body).encode())

    def read(self, answer: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        """What the results of all places amount to, with those of `answer`: our own result, or {"places": {place:
        [result, …]}}. A question that cannot be answered now stays as it was; where none can, nothing is known."""
        if (early := unread(answer, memory)) is not None:
            return early
        standings = standings_of(memory.get(_STREAK, "{}"), self.settings.places)
        try:
            for name, result in list(_results(json_of(answer.body), self.settings.place, now)):
                if name in standings:
                    standings[name] = step(standings[name], result, failures=self.settings.failures,
                                           successes=self.settings.successes)
        except Unreadable as error:
            return Reading(known=False, why=str(error), memory=memory)
        return self._reading(standings, now)

    # ── what it amounts to ───────────────────────────────────────────────────────────────────────────────────────────

    def _reading(self, standings: Mapping[str, Standing], now: datetime) -> Reading:
        votes = {name: vote(name, one, self._place_freshness, now) for name, one in standings.items()}
        memory = {_STREAK: remembered(standings)}
        questions, unplaced = self._questions(votes)
        open_ones = [one for one in questions if one.verdict.down is None]
        if len(open_ones) == len(questions):
            why = "; ".join(dict.fromkeys(one.verdict.why for one in open_ones))
            return Reading(known=False, why=why, memory=memory, noted=True)
        silent = [one for one in votes.values() if one.down is None]
        why = f"without a vote: {named(silent)}" if silent else ""
        signals = [signal for one in questions if one.verdict.down for signal in self._told(one, now)]
        certificate, told = self._certificate(standings, votes, questions, now)
        nowhere = [one for one in questions if one.verdict.down and not one.where]
        present = [one.fingerprint for one in (*open_ones, *nowhere)] + ([] if told else [_CERTIFICATE])
        return Reading(True, (*signals, *certificate), complete=True, why=why, unplaced=unplaced,
                       present=tuple(present), affirmed=not open_ones, memory=memory)

    def _questions(self, votes: Mapping[str, Vote]) -> tuple[list[_Question], tuple[str, ...]]:
        """The target as a whole, by every place; and each region that places speak for, by those. What could not be
        placed is told once it is down."""
        found = place(Texts(title=self.id, component=self.settings.check.host), self.settings.placing, self._finder)
        regions = self.settings.regions_of_places
        services = dict.fromkeys(service for service, _ in found) if not isinstance(found, Unplaced) else {}
        if not services and self.settings.placing.service is not None:
            services = {self.settings.placing.service: None}
        whole = verdict(list(votes.values()), self.settings.quorum)
        questions = [
            _Question(f"region:{region}", tuple((service, region) for service in services),
                      _of_region([votes[name] for name in names], self.settings.quorum))
            for region, names in regions.items() if services
        ]
        if isinstance(found, Unplaced) and questions:
            return questions, ()  # it is placed by where its places stand, and nowhere else
        where = () if isinstance(found, Unplaced) else found
        unplaced = (found.words,) if isinstance(found, Unplaced) and whole.down else ()
        return [_Question("probe", where, whole), *questions], unplaced

    def _told(self, question: _Question, now: datetime) -> list[Signal]:
        level, said = Level[self.settings.level.upper()], question.verdict
        report = Report(question.fingerprint, level, said.since or now, one_line(f"{self.id}: {said.why}"),
                        facts={"update": said.why})
        return tell(self.id, SignalClass.MEASUREMENT, report, question.where, now)

    def _certificate(
        self, standings: Mapping[str, Standing], votes: Mapping[str, Vote], questions: Sequence[_Question],
        now: datetime
    ) -> tuple[list[Signal], bool]:
        """The certificate that ends soonest, where that is soon; and whether any place knows of one now."""
        http = self.settings.check.http
        known = [one.expires_at for name, one in standings.items()
                 if one.expires_at is not None and votes[name].down is not None]
        if http is None or not known:
            return [], http is None
        ends = min(known)
        if ends - now >= http.expires_within:
            return [], True
        why = f"the certificate of {self.settings.check.host} ends at {rfc3339(ends)}"
        report = Report(_CERTIFICATE, Level[http.expiry_level.upper()], ends - http.expires_within,
                        one_line(f"{self.id}: {why}"), facts={"update": why, "expires_at": rfc3339(ends)})
        where = dict.fromkeys(pair for one in questions for pair in one.where)
        return tell(self.id, SignalClass.MEASUREMENT, report, where, now), True

    # ── doctor ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def examine(self, now: datetime) -> Finding:
        """Try it once from here, and read the secrets of the other places."""
        lost = []
        for agent in self.settings.agents:
            try:
                agent.secret.reveal()
            except SecretMissing as error:
                lost.append(f"place {agent.place}: {error}")
        if lost:
            return Finding(self.id, False, "; ".join(lost))
        names = ", ".join(agent.place for agent in self.settings.agents)
        waits = f"waits for results of {names} at /hooks/probes/{self.id}" if names else ""
        if not self.settings.own_place:
            return Finding(self.id, True, waits)
        tried, _ = look(self.settings, self._get, now)
        controls = [try_check(one, self.settings, self._get, now) for one in self.settings.all_controls]
        ok, said = _examined(tried, controls)
        return Finding(self.id, ok, f"{said}; {waits}" if waits else said)


def _of_region(votes: Sequence[Vote], quorum: int | None) -> Verdict:
    """The verdict of the places of a region; where there is one, it is named."""
    found = verdict(votes, quorum)
    return replace(found, why=f"{votes[0].place} {found.why}") if len(votes) == 1 else found


def _examined(tried: Tried, controls: Sequence[Tried]) -> tuple[bool, str]:
    none = f"no control target does: {controls[0].why}" if controls and not any(one.ok for one in controls) else ""
    if tried.ok is None:
        return False, f"cannot be tried: {tried.why}"
    if not tried.ok:
        return False, f"its target fails: {tried.why}" + (f"; nor is our network in order, {none}" if none else "")
    if none:
        return False, f"answers, but {none}; while that is so, no failure would count"
    ends = f"; its certificate ends at {rfc3339(tried.expires_at)}" if tried.expires_at is not None else ""
    return True, f"answers after {tried.seconds:.2f} s{ends}"


def _results(body: Any, own: str, now: datetime) -> Iterator[tuple[str, Result]]:
    """(place, result) of an answer. Raises Unreadable."""
    said = record(body, "the probe's result")
    if "ok" in said:
        yield own, result_of(said, now)
    elif "places" not in said:
        raise Unreadable("the probe's result does not say ok or not")
    for name, given in record(said.get("places", {}), "places").items():
        for one in records(given, f"results of {one_line(name, 60)}"):
            at, seen = any_moment(one.get("at")), any_moment(one.get("seen"))
            if at is None or seen is None:
                raise Unreadable("a result of another place has no time")
            if at > now + _SLACK or seen > now + _AHEAD:
                raise Unreadable("a result of another place lies ahead of our clock")
            yield name, result_of(one, min(at, now), seen)
