"""Who hears a notice, put into the outbox: a few with the decision itself, many after it in pieces.

Up to AT_ONCE rows are written in the transaction of the decision. A million would hold SQLite's one write lock for a
minute, in which nothing is sent and no switch can be thrown; so of more only the public accounts, some of the nearest
and whoever is being told this moment go with the decision, and the others follow, each piece in a transaction of its
own with the place it has come to. A crash repeats at most one piece, and its rows are known by (notice, channel,
address).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from ..failpoints import failpoint
from ..model.delivery import Delivery, DeliveryState
from ..model.notice import Notice, Reach, Stage
from ..model.people import AddressKind, Cohort, Member, Subscriber
from ..notices.audience import expand
from ..notices.cohorts import own, plan_cohorts
from ..notices.plan import Carried, nearness, plan, reached
from ..ports import Clock, Store, Transaction
from .places import Place, next_place, notice_of, put_places, read_places
from .turn import Plans, Turn
from .wave import first_on, kinds_of, on_place, over, places_apart, send_first

AT_ONCE = 1000
"""Rows that go with the decision."""
PIECE = 5000
"""People planned in one transaction: fewer hold the write lock for less, and write the pages of indexes more often (the
one of what is due has a place for each week of consent, and each piece meets them all)."""
GIVE_WAY = 0.1
"""Part of its time the lock is left free between pieces."""
PAUSE = 0.11
"""Seconds it is left free at least, where it is: other processes ask for it every tenth of a second."""
SPELL = 0.5
"""Seconds of planning before the decider looks at the world again."""
_CLOSING = (Stage.RESOLVE, Stage.CORRECT)
_FOLLOWING = (Stage.UPDATE, Stage.WORKAROUND)

Told = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Planned:
    """What a release puts into the outbox now, how many people hear of it in all, and whether they follow later."""

    rows: tuple[Delivery, ...]
    people: int
    later: bool = False
    by_channel: Mapping[str, int] = field(default_factory=dict)
    """Of those who follow."""

    @property
    def anybody(self) -> bool:
        """Whether anybody at all would hear it."""
        return self.people > 0 or any(row.state is DeliveryState.PENDING for row in self.rows)


def planned(turn: Turn, notice: Notice, service: str) -> Planned:
    """The outbox rows a notice would get now, and how many people it would reach. Raises Uncounted where there are so
    many that they have to be counted outside the transaction first."""
    within = expand(notice.regions, turn.plans.speaker.regions)
    behind = any(place.incident == notice.incident for place in read_places(turn.tx).values())  # its turn comes after
    if _only_public(notice) or not (behind or turn.tx.more_than(within, notice.incident, AT_ONCE)):
        audience, told = turn.tx.audience(within, service), turn.told(notice.incident)
        rows = _rows(turn, notice, audience, told, cause_of(turn, notice), service)
        people = sum(row.state is DeliveryState.PENDING and not turn.is_public(row.channel) for row in rows)
        return Planned(rows, people)
    sizes = turn.sizes(within, service, notice.incident)
    by_channel = reached(notice, sizes, channels=turn.plans.speaker.channels, now=turn.now,
                         carried=carried_by(turn, service))
    rows = _first(turn, notice, service)
    if notice.stage not in _CLOSING and not behind:
        rows += _head_start(turn, notice, service, first_on(turn, notice, by_channel))
    return Planned(rows, sum(by_channel.values()), later=True, by_channel=by_channel)


def open_fanout(turn: Turn, notice: Notice, service: str, by_channel: Mapping[str, int]) -> None:
    """Let the people of a released notice follow."""
    place = Place(notice.incident, notice.stage, service, cause_of(turn, notice), notice.audience)
    apart = places_apart(turn, notice, place, by_channel)
    put_places(turn.tx, {**read_places(turn.tx), **(apart or {notice.id: place})}, turn.now)


def cause_of(turn: Turn, notice: Notice) -> tuple[str, ...]:
    """The regions the evidence of its incident names trouble in."""
    return tuple(sorted({s.region for s in turn.tx.evidence_of(notice.incident) if s.level.is_trouble}))


def carried_by(turn: Turn, service: str) -> Carried:
    """The channels that fail with a service."""
    failing = turn.plans.speaker.services.get(service)
    return Carried(frozenset(failing.carries), failing.carried_after) if failing is not None else Carried()


def _only_public(notice: Notice) -> bool:
    return notice.reach is Reach.PUBLIC and notice.stage not in _CLOSING


def _rows(
    turn: Turn, notice: Notice, people: tuple[Subscriber, ...], told: Told, cause: tuple[str, ...], service: str
) -> tuple[Delivery, ...]:
    """The plan of these people and of those told, without public accounts where the notice is not for them."""
    reach = Reach.EVERYONE if notice.reach is Reach.SUBSCRIBERS else notice.reach
    speaker = turn.plans.speaker
    rows = plan(replace(notice, reach=reach), audience=people, told=told, channels=speaker.channels,
                regions=speaker.regions, now=turn.now, cause=cause, carried=carried_by(turn, service))
    if notice.reach is Reach.SUBSCRIBERS:
        return tuple(row for row in rows if not turn.is_public(row.channel))
    return rows


def _first(turn: Turn, notice: Notice, service: str) -> tuple[Delivery, ...]:
    """The rows that go with the decision: public accounts, and the end for those who are being told this moment, who
    could be found neither before nor after it."""
    told: Told = frozenset()
    if notice.stage in _CLOSING:
        public = [id for id in turn.plans.speaker.channels if turn.is_public(id)]
        addresses = ["", *(f"lang:{text.language}" for text in notice.texts)]
        told = turn.begun(notice.incident).union(
            *(turn.tx.told_among(id, public, addresses) for id in turn.family(notice.incident)))
    rows = _rows(turn, replace(notice, reach=Reach.PUBLIC), _known(turn, told), told, (), service)
    return rows if notice.reach is not Reach.SUBSCRIBERS else tuple(r for r in rows if not turn.is_public(r.channel))


def _head_start(turn: Turn, notice: Notice, service: str, first: Collection[str]) -> tuple[Delivery, ...]:
    """Some of the nearest, at once: to bring a million in order takes seconds, in which the first can be told. They are
    met again in their order, and known. On channels in `first` the canary is the head start."""
    cause = cause_of(turn, notice)
    near = nearness(notice.regions, cause, turn.plans.speaker.regions)
    people = turn.tx.some_of_audience([region for region in near if near[region] == 0], service, AT_ONCE)
    theirs = replace(notice, reach=Reach.SUBSCRIBERS)
    rows = _rows(turn, theirs, people, _told_among(turn, notice, [p.address for p in people]), cause, service)
    return tuple(row for row in rows if row.channel not in first)


def _told_among(turn: Turn, notice: Notice, addresses: Sequence[str]) -> Told:
    """Whom at these addresses the incident told already, for notices that follow whoever was told."""
    ids = turn.family(notice.incident) if notice.stage in _FOLLOWING else ()
    none: Told = frozenset()
    return none.union(*(
        turn.tx.told_among(id, turn.plans.speaker.channels, addresses) for id in ids))


def _known(turn: Turn, told: Told) -> tuple[Subscriber, ...]:
    """The subscribers at these addresses."""
    by_kind: dict[AddressKind, list[str]] = {}
    for channel, address in sorted(told):
        profile = turn.plans.speaker.channels.get(channel)
        if profile is not None and profile.reaches is not None:
            by_kind.setdefault(profile.reaches, []).append(address)
    return tuple(person for kind, at in by_kind.items() for person in turn.tx.subscribers_at(kind, at))


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Fanout:
    """Puts the people of released notices into the outbox, and ends what was cancelled, piece by piece; turned by the
    decider."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._streams: dict[tuple[str, str, int], Iterator[int]] = {}
        self._owed = 0.0

    def run_once(self, plans: Plans) -> bool:
        """Plan for a spell; True if anybody is left, or was."""
        began = self._clock.monotonic()
        until = began + SPELL
        worked = False
        while self._step(plans):
            worked = True
            now = self._clock.monotonic()
            self._give_way(now - began)
            if now >= until:
                break
            began = self._clock.monotonic()
        return worked

    def _step(self, plans: Plans) -> bool:
        """End some of what was cancelled, or else plan some; False where there is nothing to do."""
        with self._store.transaction() as tx:
            if tx.go_on_cancelling(self._clock.now()):
                return True
            found = self._next(tx, plans)
        if found is None:
            self._streams.clear()
            return False
        id, place, parts = found
        try:
            self._piece(plans, id, place, self._read(id, place, parts))
        except BaseException:
            self._streams.clear()  # whoever was read and not kept is read again, from the place that was kept
            raise
        return True

    def _give_way(self, seconds: float) -> None:
        """Leave the store to others for a part of the time it was held, once that is long enough to be met."""
        self._owed += seconds * GIVE_WAY
        if self._owed >= PAUSE:
            self._clock.wait(self._owed, lambda: False)
            self._owed = 0.0

    def _next(self, tx: Transaction, plans: Plans) -> tuple[str, Place, _Parts] | None:
        """The notice to go on with, and its place."""
        places = read_places(tx)
        id = next_place(places)
        if id is None:
            return None
        notice = tx.notice(notice_of(id))
        parts = _parts(Turn(tx, self._clock.now(), plans), notice, places[id]) if notice else _Parts()
        return id, parts.start(places[id]), parts

    def _read(self, id: str, place: Place, parts: _Parts) -> list[int]:
        """The next of its audience, read while nobody is kept waiting."""
        if place.part >= len(parts.rings) or place.first:
            return []
        key = (id, place.mark, place.part)
        if key not in self._streams:
            ring = parts.rings[place.part]
            self._streams[key] = iter(self._store.audience_numbers(ring, place.service, place.address))
        return list(islice(self._streams[key], PIECE))

    def _piece(self, plans: Plans, id: str, place: Place, numbers: Sequence[int]) -> None:
        with self._store.transaction() as tx:
            turn = Turn(tx, self._clock.now(), plans)
            places, notice = read_places(tx), tx.notice(notice_of(id))
            if id not in places:
                return  # it has ended since it was looked for
            parts = _parts(turn, notice, place) if notice else _Parts()
            if notice is not None and parts.start(place) != place:
                self._streams.clear()
                return  # other regions, or other incidents merged into it: the place is found anew
            if notice is None or place.part >= len(parts) or over(notice, turn.now):
                del places[id]
            elif place.first:
                rows, places[id] = _canary(turn, notice, place, parts)
                tx.add_deliveries(rows)
            elif place.part < len(parts.rings):
                places[id] = _plan_ring(turn, notice, place, numbers)
            else:
                places[id] = _plan_told(turn, notice, place, parts.incidents[place.part - len(parts.rings)])
            put_places(tx, places, turn.now)
            failpoint("fanout.before_commit")
        failpoint("fanout.after_commit")


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of a fan-out: regions by nearness, then incidents whose told are owed it."""

    rings: tuple[tuple[str, ...], ...] = ()
    incidents: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rings) + len(self.incidents)

    def start(self, place: Place) -> Place:
        """The place in these parts: where other regions or incidents have come since, from the beginning, for rows
        that are there already cost nothing."""
        mark = hashlib.sha256(json.dumps([self.rings, self.incidents]).encode()).hexdigest()[:16]
        return place if place.mark == mark else replace(place, mark=mark, part=0, channel="", address="")


def _parts(turn: Turn, notice: Notice, place: Place) -> _Parts:
    near = nearness(notice.regions, place.cause, turn.plans.speaker.regions)
    rings = tuple(tuple(sorted(r for r in near if near[r] == ring)) for ring in sorted(set(near.values())))
    follows = notice.stage in (*_CLOSING, *_FOLLOWING)
    return _Parts(() if notice.stage in _CLOSING else rings, turn.family(notice.incident) if follows else ())


def _canary(turn: Turn, notice: Notice, place: Place, parts: _Parts) -> tuple[tuple[Delivery, ...], Place]:
    theirs = replace(notice, reach=Reach.SUBSCRIBERS)
    return send_first(turn, notice, place, parts.rings, carried_by(turn, place.service), lambda people: _rows(
        turn, theirs, people, _told_among(turn, notice, [p.address for p in people]), place.cause, place.service))


def _plan_ring(turn: Turn, notice: Notice, place: Place, numbers: Sequence[int]) -> Place:
    """Put some of the people of a ring into the outbox; returns the place after them."""
    if not numbers:
        return place.next_part()
    everybody = turn.tx.cohorts(numbers, place.service)
    last = max((address for members in everybody.values() for _, address, _ in members), default=place.address)
    kinds = kinds_of(turn, place)
    cohorts = {cohort: members for cohort, members in everybody.items() if kinds is None or cohort.kind in kinds}
    _plan_cohorts(turn, notice, place, cohorts)
    return replace(place, address=last)


def _plan_cohorts(turn: Turn, notice: Notice, place: Place, cohorts: Mapping[Cohort, Sequence[Member]]) -> None:
    speaker = turn.plans.speaker
    rows = plan_cohorts(notice, tuple(cohorts), channels=speaker.channels, regions=speaker.regions, now=turn.now,
                        cause=place.cause, carried=carried_by(turn, place.service))
    told = _told_among(turn, notice, [address for members in cohorts.values() for _, address, _ in members])
    elsewhere = _told_elsewhere(told, cohorts, rows)
    here = {cohort: row for cohort, row in rows.items() if not place.channels or row.channel in place.channels}
    turn.tx.add_alike(
        (row, own(row, (one for one in cohorts[cohort] if one[1] not in elsewhere) if elsewhere else cohorts[cohort]))
        for cohort, row in here.items())
    if elsewhere:
        theirs = frozenset(pair for pair in told if pair[1] in elsewhere)
        turn.tx.add_deliveries(on_place(place, _rows(
            turn, replace(notice, reach=Reach.SUBSCRIBERS), _known(turn, theirs), theirs, place.cause, place.service)))


def _told_elsewhere(
    told: Told, cohorts: Mapping[Cohort, Sequence[Member]], rows: Mapping[Cohort, Delivery]
) -> frozenset[str]:
    """Addresses that were told on another channel than a first word would go out on: each is planned by itself."""
    on: dict[str, set[str]] = {}
    for channel, address in told:
        on.setdefault(address, set()).add(channel)
    usual = {cohort: {row.channel} for cohort, row in rows.items()}
    return frozenset(
        address for cohort, members in cohorts.items() for _, address, _ in members
        if address in on and on[address] != usual.get(cohort))


def _plan_told(turn: Turn, notice: Notice, place: Place, incident: str) -> Place:
    """Put some of those told by an incident into the outbox; returns the place after them."""
    theirs = notice if notice.stage in _CLOSING else replace(notice, reach=Reach.SUBSCRIBERS)
    page = turn.tx.told_after(incident, (place.channel, place.address), PIECE)
    told = frozenset(page)
    rows = _rows(turn, theirs, _known(turn, told), told, place.cause, place.service)
    turn.tx.add_deliveries(on_place(place, rows))
    return replace(place, channel=page[-1][0], address=page[-1][1]) if page else place.next_part()
