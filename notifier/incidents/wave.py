"""A large audience in waves: on each channel some are told first, and the rest waits, unplanned, for what becomes of
them. So nothing that is held stands in the outbox, and claims look at nothing that may not go.

What is decided is kept in the same transaction as what follows from it: the place the rest goes on from, the channel's
stop. A crash before it repeats the look; after it nothing is left to do. Once the rest goes out it is looked at too;
what is already queued then is held by the channel's stop switch, which costs one row however many wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from .. import metrics
from ..failpoints import failpoint
from ..model.canary import Canary, CanaryState, Fate
from ..model.delivery import Delivery, DeliveryState, Reason
from ..model.notice import Notice, NoticeState, Stage
from ..model.people import AddressKind, Subscriber
from ..notices.plan import Carried
from ..ports import Clock, Store, Transaction
from .canary import OVERSAMPLED, following
from .places import Place, key_of, put_places, read_places
from .turn import Plans, Turn

log = structlog.get_logger(__name__)

ACTOR = "canary"
LOOK = {CanaryState.HOLDS: timedelta(seconds=2), CanaryState.WATCHED: timedelta(seconds=10),
        CanaryState.STOPPED: timedelta(seconds=10)}
"""How often what became of a wave is read: while people wait for it, and beside the sending of the rest."""
LONGEST = timedelta(minutes=1)
"""The longest between two looks, also where a clock was set back meanwhile."""
LEISURE = 30
"""So many times as long as a look takes, it is not looked again: of a million sent, it reads thirty thousand."""
_CLOSING = (Stage.RESOLVE, Stage.CORRECT)
_FOLLOWING = (Stage.UPDATE, Stage.WORKAROUND)
_S = CanaryState

RowsOf = Callable[[tuple[Subscriber, ...]], tuple[Delivery, ...]]


def over(notice: Notice, now: datetime) -> bool:
    """Whether nobody is to be told of a notice any more."""
    return notice.state is not NoticeState.RELEASED or notice.valid_until <= now


# ── what is planned apart ────────────────────────────────────────────────────────────────────────────────────────────


def first_on(turn: Turn, notice: Notice, by_channel: Mapping[str, int]) -> dict[str, int]:
    """How many are told first on each channel that has a canary. The end of an outage and corrections have none: they
    go to whoever was told, and reached them before."""
    if notice.stage in _CLOSING:
        return {}
    sizes = {channel: turn.plans.canary.size(people) for channel, people in sorted(by_channel.items())}
    return {channel: size for channel, size in sizes.items() if size}


def places_apart(turn: Turn, notice: Notice, place: Place, by_channel: Mapping[str, int]) -> dict[str, Place]:
    """A place for each channel with a canary, and one for all others; none where no channel has one."""
    first = first_on(turn, notice, by_channel)
    spoken = {text.channel for text in notice.texts}
    others = tuple(sorted(
        id for id, profile in turn.plans.speaker.channels.items()
        if profile.reaches is not None and id in spoken and id not in first
        and (by_channel.get(id) or notice.stage in _FOLLOWING)))
    found = {key_of(notice.id, channel): replace(place, channels=(channel,), first=size, people=by_channel[channel],
                                                 audience=by_channel[channel]) for channel, size in first.items()}
    if found and others:
        reached = sum(by_channel.get(channel, 0) for channel in others)
        found[notice.id] = replace(place, channels=others, audience=reached)
    return found


def kinds_of(turn: Turn, place: Place) -> frozenset[AddressKind | None] | None:
    """The kinds of address a place's channels reach; None: all."""
    return frozenset(_kind(turn, channel) for channel in place.channels) if place.channels else None


def on_place(place: Place, rows: tuple[Delivery, ...]) -> tuple[Delivery, ...]:
    """The rows that go out on a place's channels."""
    return tuple(row for row in rows if row.channel in place.channels) if place.channels else rows


def _kind(turn: Turn, channel: str) -> AddressKind | None:
    profile = turn.plans.speaker.channels.get(channel)
    return profile.reaches if profile is not None else None


# ── the first ────────────────────────────────────────────────────────────────────────────────────────────────────────


def send_first(
    turn: Turn, notice: Notice, place: Place, rings: Collection[Collection[str]], carried: Carried, rows_of: RowsOf
) -> tuple[tuple[Delivery, ...], Place]:
    """The rows of those who are told first, kept as the canary of their channel, and its place: held, or going on at
    once where nobody can be told now."""
    (channel,) = place.channels
    due = carried.due(notice, channel, turn.now) or turn.now
    rows = _nearest(turn, place, rings, due, rows_of)
    held = bool(rows)
    turn.tx.put_canary(Canary(
        notice.id, channel, notice.incident, _S.HOLDS if held else _S.WATCHED, place.people, len(rows), due, turn.now,
        "" if held else "nobody can be told at this hour, so nobody is told first"))
    log.info("canary.first", notice=notice.id, channel=channel, first=len(rows), people=place.people)
    return rows, replace(place, first=0, held=held)


def _nearest(
    turn: Turn, place: Place, rings: Collection[Collection[str]], due: datetime, rows_of: RowsOf
) -> tuple[Delivery, ...]:
    """Some of the nearest, and of farther ones where those are too few; nobody in their quiet hours. Of people equally
    near whose ids, which are hashes, come first: in order of number they would all be on one network."""
    kind = _kind(turn, place.channels[0])
    if kind is None:
        return ()
    found: dict[str, Delivery] = {}
    for ring in rings:
        people = turn.tx.some_of_audience(ring, place.service, OVERSAMPLED * place.first, kind)
        rows = [row for row in on_place(place, rows_of(people))
                if row.state is DeliveryState.PENDING and row.not_before <= due]
        found |= {row.id: row for row in sorted(rows, key=lambda row: row.id)}
        if len(found) >= place.first:
            break
    return tuple(found.values())[:place.first]


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Waves:
    """Looks at what becomes of each wave, and decides; turned by the decider."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._again: dict[tuple[str, str], datetime] = {}

    def run_once(self, plans: Plans) -> bool:
        """Look at the waves whose time it is; True if anything was decided."""
        with self._store.reading() as tx:
            waves = tx.canaries()
        _gauge(waves, plans)
        now = self._clock.now()
        known = {(wave.notice, wave.channel): wave for wave in waves}
        self._again = {key: at for key, at in self._again.items() if key in known and at - now <= LONGEST}
        due = [wave for key, wave in known.items() if self._again.get(key, now) <= now]
        return any([self._look(wave, plans) for wave in due])

    def _look(self, canary: Canary, plans: Plans) -> bool:
        began, now = self._clock.monotonic(), self._clock.now()
        fates = self._store.fates(canary.notice, canary.channel, sampled=canary.state is not _S.HOLDS)
        rest = timedelta(seconds=(self._clock.monotonic() - began) * LEISURE)
        self._again[canary.notice, canary.channel] = now + min(max(LOOK[canary.state], rest), LONGEST)
        with self._store.reading() as tx:
            after = _after(tx, canary, fates, plans, now)
        if after is None:
            return False
        with self._store.transaction() as tx:
            if tx.canary(canary.notice, canary.channel) != canary or _after(tx, canary, fates, plans, now) != after:
                return True  # somebody else decided meanwhile
            kept = keep(tx, after, now)
            failpoint("canary.before_commit")
        failpoint("canary.after_commit")
        _tell(kept)
        return True


def _after(tx: Transaction, canary: Canary, fates: tuple[Fate, ...], plans: Plans, now: datetime) -> Canary | None:
    notice = tx.notice(canary.notice)
    return following(fates, canary, plans.canary, now, over=notice is None or over(notice, now),
                     left=_left(tx, canary, fates))


def _left(tx: Transaction, canary: Canary, fates: tuple[Fate, ...]) -> bool:
    """Whether somebody of the rest is still to be queued, or waits in the outbox."""
    if key_of(canary.notice, canary.channel) in read_places(tx):
        return True
    if canary.state is _S.HOLDS:
        return False  # the end of the incident took the place away
    return any(fate.state in (DeliveryState.PENDING, DeliveryState.CLAIMED) for fate in fates) or tx.waits_on(
        canary.notice, canary.channel)


def keep(tx: Transaction, canary: Canary, now: datetime) -> Canary:
    """Keep what a wave has become, with what follows from it."""
    key, places = key_of(canary.notice, canary.channel), read_places(tx)
    if key in places:
        if not canary.state.is_open:
            del places[key]
        else:
            places[key] = replace(places[key], held=canary.state is not _S.WATCHED)
        put_places(tx, places, now)
    if canary.state is _S.DROPPED:
        tx.cancel_deliveries(notice=canary.notice, channel=canary.channel, reason=Reason.WITHDRAWN, now=now)
    if canary.state is _S.STOPPED:
        canary = replace(canary, stopped_channel=_stop_channel(tx, canary, now))
    else:
        _clear_channel(tx, canary, now)
        canary = replace(canary, stopped_channel="")
    tx.put_canary(canary)
    return canary


def _stop_channel(tx: Transaction, canary: Canary, now: datetime) -> str:
    """Stop the channel where some of the rest is queued there; "" where that is not needed, or a person has."""
    switch = f"stop:{canary.channel}"
    before = (tx.switch(switch) or "off").strip()
    if before.partition(" ")[0].lower() not in ("off", "until") or not tx.waits_on(canary.notice, canary.channel):
        return ""
    value = f"on {canary.notice}: {canary.why}"
    tx.set_switch(switch, value, ACTOR, now)
    return value


def _clear_channel(tx: Transaction, canary: Canary, now: datetime) -> None:
    """Take our own stop back; one that a person has set since stands."""
    switch = f"stop:{canary.channel}"
    if canary.stopped_channel and tx.switch(switch) == canary.stopped_channel:
        tx.set_switch(switch, "off", canary.actor, now)


def _gauge(waves: tuple[Canary, ...], plans: Plans) -> None:
    """Show how many waves wait for a person."""
    stopped = Counter(wave.channel for wave in waves if wave.state is _S.STOPPED)
    for channel, profile in plans.speaker.channels.items():
        if profile.reaches is not None:
            metrics.CANARY_STOPPED.labels(channel).set(stopped[channel])


def _tell(canary: Canary) -> None:
    metrics.CANARY_VERDICTS.labels(canary.channel, canary.state.value).inc()
    if canary.state is _S.STOPPED:
        metrics.CANARY_STOPPED.labels(canary.channel).inc()
    tell = log.error if canary.state is _S.STOPPED else log.info
    tell(f"canary.{canary.state}", notice=canary.notice, channel=canary.channel, first=canary.size,
         people=canary.people, why=canary.why, channel_stopped=bool(canary.stopped_channel))
