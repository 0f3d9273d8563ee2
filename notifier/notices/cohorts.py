"""Planning a million people: where, when and with what priority is decided once for all who are alike to the plan, and
each adds who they are and how long they have agreed. The rules are `plan`'s own, asked about one of each cohort."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Delivery, Own
from notifier.model.notice import Notice, Reach
from notifier.model.people import Cohort, Member, Subscriber
from notifier.model.region import RegionTree

from .plan import WEEKS, Carried, personal_id, plan

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def plan_cohorts(
    notice: Notice,
    cohorts: Sequence[Cohort],
    *,
    channels: Mapping[str, ChannelProfile],
    regions: RegionTree,
    now: datetime,
    cause: Iterable[str],
    carried: Carried,
) -> Mapping[Cohort, Delivery]:
    """What `plan` makes of somebody of each cohort who was told nothing before and has agreed since 1970. A cohort that
    gets no row is left out. Not for notices that go to exactly those told."""
    standing_for = [
        Subscriber(str(at), one.kind, str(at), one.regions, one.language, one.timezone, _EPOCH, "", (), one.quiet_hours)
        for at, one in enumerate(cohorts)]
    rows = plan(replace(notice, reach=Reach.SUBSCRIBERS), audience=standing_for, told=frozenset(), channels=channels,
                regions=regions, now=now, cause=cause, carried=carried)
    return {cohorts[int(row.address)]: row for row in rows}


def own(like: Delivery, members: Iterable[Member]) -> list[Own]:
    """What each of a cohort's deliveries has of its own, `like` being what was planned for it."""
    make, first, most = personal_id(like.created_at, like.notice, like.channel), like.priority, WEEKS - 1
    return [(make(address), address, subscriber, first + (week if week < most else most))
            for subscriber, address, week in members]
