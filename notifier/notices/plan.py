"""Who hears a notice, where and when: the rows of the outbox, as a function of the notice and the people.

Public channels have no address: the first language a notice speaks there goes to "", each further one to
"lang:<code>", so that (notice, channel, address) stays unique and an all-clear reaches each of them.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Delivery, DeliveryState, Reason
from notifier.model.notice import CAN_WAIT, Notice, Reach, Stage, Text
from notifier.model.people import AddressKind, AudienceSizes, QuietHours, Subscriber
from notifier.model.region import RegionTree

from .audience import expand
from .wording import zone

__all__ = [
    "PRIORITY_PEOPLE",
    "PRIORITY_PUBLIC",
    "Carried",
    "delivery_id",
    "nearness",
    "personal_id",
    "plan",
    "public_address",
    "quiet_until",
    "reached",
]

PRIORITY_PUBLIC = 10
PRIORITY_PEOPLE = {AddressKind.PHONE: 100, AddressKind.EMAIL: 110}
"""Lower goes first: one public post serves everybody, then the phones that ring, then mail."""
WEEKS = 10_000
"""Priorities between two steps of nearness: one for each week of consent since 1970, enough until 2161."""
NEARNESS_MOST = 9_999
"""Steps of nearness told apart, so that a priority stays below 2^31."""
PRIORITY_WAITING = 1_000_000_000
"""Added for what can wait: however much of it waits for a channel's limit, an acknowledgement, an all-clear or a
correction of another incident is sent before the rest of it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMESPACE = uuid.UUID("5f0c1c3e-9a39-5d8e-8a51-6d0f7e3b2c10").bytes
_CLOSING = (Stage.RESOLVE, Stage.CORRECT)
_FOLLOWING = (Stage.UPDATE, Stage.WORKAROUND)


def delivery_id(notice: str, channel: str, address: str) -> str:
    """The id at a public account: a UUID (version 5) that is the same for the same notice, channel and address, whoever
    plans it and however often, so that a far side that takes a key knows it again even after an old backup."""
    digest = _hashed(notice, channel)
    digest.update(address.encode())
    found = digest.hexdigest()
    variant = "89ab"[int(found[16], 16) & 3]  # uuid.uuid5, at a third of its cost
    return f"{found[:8]}-{found[8:12]}-5{found[13:16]}-{variant}{found[17:20]}-{found[20:32]}"


def personal_id(at: datetime, notice: str, channel: str) -> Callable[[str], str]:
    """The ids, by address, of what is planned for people at a moment: UUIDs (version 8) that begin with it, in
    milliseconds since 1970, so that a million go to the end of their index and not each to a place of its own."""
    begun, (high, low) = _hashed(notice, channel), divmod((at - _EPOCH) // timedelta(milliseconds=1), 1 << 16)
    head = f"{high:08x}-{low:04x}-8"

    def made(address: str) -> str:
        digest = begun.copy()
        digest.update(address.encode())
        found = digest.hexdigest()
        return f"{head}{found[:3]}-8{found[3:6]}-{found[6:18]}"

    return made


def _hashed(notice: str, channel: str) -> Any:
    return hashlib.sha1(_NAMESPACE + f"{notice}|{channel}|".encode(), usedforsecurity=False)


def public_address(index: int, language: str) -> str:
    """The address of the `index`-th language of a public channel."""
    return "" if index == 0 else f"lang:{language}"


@dataclass(frozen=True, slots=True)
class Carried:
    """Channels that ride on the service that fails, and how long what goes out there waits; None: it does not go."""

    channels: frozenset[str] = frozenset()
    after: timedelta | None = None

    def due(self, notice: Notice, channel: str, now: datetime) -> datetime | None:
        """When a notice may go out on a channel; None where it may not before it is worthless. The end of an outage
        never waits: the service is back, or was never gone."""
        if channel not in self.channels or notice.stage in (*_CLOSING, Stage.MAINTENANCE):
            return now
        due = None if self.after is None else now + self.after
        return due if due is not None and due < notice.valid_until else None


def plan(
    notice: Notice,
    *,
    audience: Sequence[Subscriber],
    told: frozenset[tuple[str, str]],
    channels: Mapping[str, ChannelProfile],
    regions: RegionTree,
    now: datetime,
    cause: Iterable[str] = (),
    carried: Carried = Carried(),
) -> tuple[Delivery, ...]:
    """The deliveries of a notice, public ones first, each (channel, address) once.

    Acknowledge and maintenance go to public channels and to the audience; workaround and update also to whoever was
    told, moved away or not; resolve and correct to exactly `told`. Subscribers opted out or outside the notice's
    regions get no row. Quiet hours put a delivery off to their end; where the notice is worthless by then the row is
    SUPPRESSED. A channel that is gone, or whose mode is another, gets a SUPPRESSED row.
    Its reach holds: PUBLIC has no rows for people, SUBSCRIBERS none for public accounts; but whoever was told hears the
    end of it whatever the reach. A notice without regions gets no rows at all. `cause`: regions the evidence names;
    `carried`: channels that fail with what failed, where others are to lead.
    """
    inside = frozenset(expand(notice.regions, regions))
    if not inside:
        return ()
    people = {_who(s): s for s in audience if s.opted_out_at is None}
    wanted: dict[tuple[str, str], _Wanted] = {}
    if notice.stage in _CLOSING:
        _add_told(wanted, notice, told, channels, people)
    else:
        if notice.reach is not Reach.SUBSCRIBERS:
            _add_public(wanted, notice, channels)
        if notice.reach is not Reach.PUBLIC:
            within = [s for s in people.values() if not inside.isdisjoint(s.regions)]
            _add_people(wanted, notice, told, channels, within)
            if notice.stage in _FOLLOWING:
                _add_told(wanted, notice, told, channels, people)
    near = nearness(notice.regions, cause, regions)
    rows = [_delivery(notice, channel, address, w, near, carried, now) for (channel, address), w in wanted.items()]
    return tuple(sorted(rows, key=lambda row: (row.priority, row.channel, row.address)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Who is to hear it at one (channel, address), before quiet hours are looked at."""

    profile: ChannelProfile | None
    language: str
    person: Subscriber | None = None


def _who(subscriber: Subscriber) -> tuple[AddressKind, str]:
    return subscriber.kind, subscriber.address


def _texts_of(notice: Notice, channel: str) -> list[Text]:
    return [text for text in notice.texts if text.channel == channel]


def _add_public(wanted: dict[tuple[str, str], _Wanted], notice: Notice, channels: Mapping[str, ChannelProfile]) -> None:
    for id_, profile in channels.items():
        if profile.reaches is None:
            for index, text in enumerate(_texts_of(notice, id_)):
                wanted[id_, public_address(index, text.language)] = _Wanted(profile, text.language)


def _add_people(
    wanted: dict[tuple[str, str], _Wanted],
    notice: Notice,
    told: frozenset[tuple[str, str]],
    channels: Mapping[str, ChannelProfile],
    people: Sequence[Subscriber],
) -> None:
    """Each person once, on the channel they were told on before, else on the first that reaches them."""
    by_kind: dict[AddressKind, list[ChannelProfile]] = {}
    for id_ in sorted(channels):
        reaches = channels[id_].reaches
        if reaches is not None and _texts_of(notice, id_):
            by_kind.setdefault(reaches, []).append(channels[id_])
    languages = {p.id: [t.language for t in _texts_of(notice, p.id)] for group in by_kind.values() for p in group}
    spoken: dict[tuple[str, str], str] = {}
    for person in people:
        candidates = by_kind.get(person.kind, [])
        chosen = next((p for p in candidates if (p.id, person.address) in told), None) or next(iter(candidates), None)
        if chosen is not None:
            asked = (chosen.id, person.language)
            if asked not in spoken:
                spoken[asked] = _language(languages[chosen.id], person.language)
            wanted[chosen.id, person.address] = _Wanted(chosen, spoken[asked], person)


def _add_told(
    wanted: dict[tuple[str, str], _Wanted],
    notice: Notice,
    told: frozenset[tuple[str, str]],
    channels: Mapping[str, ChannelProfile],
    people: Mapping[tuple[AddressKind, str], Subscriber],
) -> None:
    for channel, address in sorted(told):
        if (channel, address) in wanted:
            continue
        profile = channels.get(channel)
        languages = [text.language for text in _texts_of(notice, channel)]
        if profile is None or not languages:
            if notice.stage in _CLOSING:
                wanted[channel, address] = _Wanted(None, "")
            continue
        if profile.reaches is None:
            if notice.stage in _CLOSING:
                wanted[channel, address] = _Wanted(profile, _language(languages, address.removeprefix("lang:")))
            continue
        person = people.get((profile.reaches, address))
        wanted[channel, address] = _Wanted(profile, _language(languages, person.language if person else ""), person)


def _language(spoken: Sequence[str], wanted: str) -> str:
    """The language of `spoken` that serves best someone who wants `wanted`; the first where none does."""
    base = wanted.split("-")[0]
    exact = [language for language in spoken if language == wanted]
    near = [language for language in spoken if language.split("-")[0] == base]
    return [*exact, *near, *spoken][0]


def _delivery(
    notice: Notice, channel: str, address: str, wanted: _Wanted, near: Mapping[str, int], carried: Carried,
    now: datetime,
) -> Delivery:
    person, profile = wanted.person, wanted.profile
    not_before = now
    reason = Reason.NONE
    due = carried.due(notice, channel, now)
    if profile is None:
        reason = Reason.CHANNEL_REMOVED
    elif profile.mode != notice.mode:
        reason = Reason.MODE_MISMATCH
    elif due is None:
        reason = Reason.CHANNEL_FAILS
    elif person is not None and person.quiet_hours is not None:
        not_before = quiet_until(person.quiet_hours, person.timezone, now)
        if not_before >= notice.valid_until:
            reason, not_before = Reason.QUIET_HOURS, now
    if reason is Reason.NONE:
        not_before = max(not_before, due or now)
    suppressed = reason is not Reason.NONE
    to_people = profile is not None and profile.reaches is not None
    return Delivery(
        personal_id(now, notice.id, channel)(address) if to_people else delivery_id(notice.id, channel, address),
        notice.id,
        notice.incident,
        notice.stage,
        notice.sequence,
        channel,
        address,
        wanted.language,
        notice.mode,
        now,
        not_before,
        notice.valid_until,
        person.id if person else None,
        DeliveryState.SUPPRESSED if suppressed else DeliveryState.PENDING,
        reason,
        0,
        _priority(profile, person, near) + (PRIORITY_WAITING if notice.stage in CAN_WAIT else 0),
        settled_at=now if suppressed else None,
    )


def nearness(regions: Iterable[str], cause: Iterable[str], tree: RegionTree) -> Mapping[str, int]:
    """How near each region of a notice lies to what happened, 0 nearest: by the smallest region around it that the
    notice or its evidence names, counted in the regions it holds."""
    inside = frozenset(expand(regions, tree))
    held = {named: tree.within(named) for named in {*regions, *cause} if named in inside}
    sizes = sorted({len(within) for within in held.values()})
    found: dict[str, int] = {}
    for within in sorted(held.values(), key=len):
        for region in within:
            found.setdefault(region, sizes.index(len(within)))
    return found


def _priority(profile: ChannelProfile | None, person: Subscriber | None, near: Mapping[str, int]) -> int:
    """Public accounts, then people: the nearest first, and of those the ones who have agreed longest, by the week;
    last whoever is told only because they were told before."""
    if profile is None or profile.reaches is None:
        return PRIORITY_PUBLIC
    first = PRIORITY_PEOPLE[profile.reaches]
    ring = min((near[region] for region in person.regions if region in near), default=None) if person else None
    if person is None or ring is None:
        return first + (NEARNESS_MOST + 1) * WEEKS
    weeks = min(max((person.consent_at - _EPOCH).days // 7, 0), WEEKS - 1)
    return first + min(ring, NEARNESS_MOST) * WEEKS + weeks


def reached(
    notice: Notice, sizes: AudienceSizes, *, channels: Mapping[str, ChannelProfile], now: datetime,
    carried: Carried = Carried(),
) -> Mapping[str, int]:
    """How many people's rows `plan` would leave pending on each channel, from sizes alone: those it would put off or
    suppress are told apart by the same rules. A person with two addresses counts twice, as there. Of several channels
    for one kind of address the first counts, whichever somebody was told on."""
    going = {p.id for p in channels.values() if p.mode == notice.mode and carried.due(notice, p.id, now) is not None}
    speaking = [p for p in channels.values() if p.id in going and _texts_of(notice, p.id)]
    people = {p.id for p in speaking if p.reaches is not None}
    found: Counter[str] = Counter()
    if notice.stage in _CLOSING or (notice.stage in _FOLLOWING and notice.reach is not Reach.PUBLIC):
        for (channel, there), number in sizes.told.items():
            if channel in people and (notice.stage in _CLOSING or not there):
                found[channel] += number
    if notice.stage in _CLOSING or notice.reach is Reach.PUBLIC:
        return found
    kinds = {first.reaches: first.id for first in _first_of_each_kind(notice, channels) if first.id in going}
    for group in sizes.groups:
        if group.kind in kinds and (group.quiet_hours is None or quiet_until(
                group.quiet_hours, group.timezone, now) < notice.valid_until):
            found[kinds[group.kind]] += group.number
    return found


def _first_of_each_kind(notice: Notice, channels: Mapping[str, ChannelProfile]) -> list[ChannelProfile]:
    """The channel that reaches each kind of address where nothing speaks for another."""
    first: dict[AddressKind, ChannelProfile] = {}
    for id_ in sorted(channels):
        reaches = channels[id_].reaches
        if reaches is not None and _texts_of(notice, id_):
            first.setdefault(reaches, channels[id_])
    return list(first.values())


def quiet_until(quiet: QuietHours, timezone: str, now: datetime) -> datetime:
    """The end of the quiet hours `now` lies in, in UTC; `now` where it lies in none.

    Wall-clock times decide. An hour the clock repeats is quiet both times it is on the wall; an end the clock skips is
    reached when the clock has skipped it. `start` equal to `end`: never quiet.
    """
    tz = zone(timezone)
    wall = now.astimezone(tz).time().replace(tzinfo=None)
    if not _is_quiet(quiet, wall):
        return now
    today = now.astimezone(tz).date()
    ends = [
        datetime.combine(today + timedelta(days=day), quiet.end, tzinfo=tz).replace(fold=fold).astimezone(now.tzinfo)
        for day in (0, 1, 2)
        for fold in (0, 1)
    ]
    later = sorted(end for end in ends if end > now and not _is_quiet(quiet, end.astimezone(tz).time()))
    return later[0] if later else now


def _is_quiet(quiet: QuietHours, wall: time) -> bool:
    if quiet.start <= quiet.end:
        return quiet.start <= wall < quiet.end
    return wall >= quiet.start or wall < quiet.end
