"""Subscribers, opt-outs and erasure."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from operator import itemgetter
from typing import Any

from notifier.model.delivery import Reason
from notifier.model.people import (
    AddressKind,
    AudienceGroup,
    AudienceSizes,
    Cohort,
    Member,
    QuietHours,
    Subscriber,
)
from notifier.notices import plan

from . import incidents
from .codec import build, build_all, columns, micros, moment
from .database import Database

_COHORT_COLUMNS = tuple(field.name for field in fields(Cohort))
_COHORT, _MEMBER = itemgetter(*_COHORT_COLUMNS), itemgetter("id", "address", "week")


def audience(db: Database, regions: Iterable[str], service: str) -> tuple[Subscriber, ...]:
    """See Transaction.audience."""
    given = {"regions": json.dumps(list(regions)), "service": service}
    return build_all(Subscriber, db.rows("people.audience", given))


def some(
    db: Database, regions: Iterable[str], service: str, limit: int, kind: AddressKind | None
) -> tuple[Subscriber, ...]:
    """See Transaction.some_of_audience."""
    given = {"regions": json.dumps(list(regions)), "service": service, "limit": limit}
    if kind is None:
        return build_all(Subscriber, db.rows("people.some", given))
    return build_all(Subscriber, db.rows("people.some_of_kind", {**given, "kind": kind}))


def more_than(db: Database, regions: Iterable[str], incident: str, most: int) -> bool:
    """See Transaction.more_than. Looks at no more than `most` + 1 rows of each."""
    there = db.row("people.more_live_there", {"regions": json.dumps(list(regions)), "most": most + 1})
    told = db.row("outbox.more_were_told", {"family": incidents.family(db, incident), "most": most + 1})
    return any(row is not None and row["number"] > most for row in (there, told))


def sizes(db: Database, regions: Iterable[str], service: str, incident: str) -> AudienceSizes:
    """See Store.audience_sizes."""
    given = {"regions": json.dumps(list(regions)), "service": service}
    groups = tuple(build(AudienceGroup, row) for row in db.rows("people.sizes", given))
    told = db.rows("people.told_sizes", {**given, "family": incidents.family(db, incident)})
    return AudienceSizes(groups, {(row["channel"], bool(row["living_there"])): row["number"] for row in told})


def cohorts(db: Database, numbers: Iterable[int], service: str) -> Mapping[Cohort, Sequence[Member]]:
    """See Transaction.cohorts."""
    found: dict[tuple[Any, ...], list[Member]] = {}
    for row in db.rows("people.these", {"numbers": json.dumps(list(numbers)), "service": service}):
        found.setdefault(_COHORT(row), []).append(_MEMBER(row))
    return {build(Cohort, dict(zip(_COHORT_COLUMNS, key, strict=True))): members for key, members in found.items()}


def at_addresses(db: Database, kind: AddressKind, addresses: Iterable[str]) -> tuple[Subscriber, ...]:
    """See Transaction.subscribers_at."""
    hashes = json.dumps([db.keyed_hash(kind, address) for address in addresses])
    return build_all(Subscriber, db.rows("people.at_these_addresses", {"hashes": hashes}))


def in_order(db: Database, regions: Iterable[str], service: str, after: str) -> array[int]:
    """Row numbers of an audience in the order of addresses: eight bytes a person, so that a million fit anywhere."""
    given = {"regions": json.dumps(list(regions)), "service": service, "after": after}
    return array("q", map(itemgetter("number"), db.each("people.in_order_of_address", given)))


def get(db: Database, id: str) -> Subscriber | None:
    """One subscriber by id."""
    row = db.row("people.get", {"id": id})
    return None if row is None else build(Subscriber, row)


def quiet_until(db: Database, subscriber: str | None, now: datetime) -> datetime | None:
    """The end of the quiet hours a person is in now; None where they are in none."""
    row = None if subscriber is None else db.row("people.quiet_hours", {"id": subscriber})
    person = None if row is None else build(_Rest, row)
    ends = None if person is None else plan.quiet_until(person.quiet_hours, person.timezone, now)
    return None if ends is None or ends <= now else ends


@dataclass(frozen=True, slots=True)
class _Rest:
    """When a person is left in peace."""

    quiet_hours: QuietHours
    timezone: str


def after(db: Database, id: str, limit: int) -> tuple[Subscriber, ...]:
    """The next `limit` subscribers whose id sorts after `id`."""
    return tuple(build(Subscriber, row) for row in db.rows("people.after", {"after": id, "limit": limit}))


def put(db: Database, subscriber: Subscriber) -> None:
    """Insert or replace by id; see `_one_person`. An address that opted out stays so, whatever an import says: only
    `opt_in` undoes it."""
    hashed = db.keyed_hash(subscriber.kind, subscriber.address)
    subscriber = _one_person(db, subscriber, hashed)
    if subscriber.opted_out_at is not None:
        _record_opt_out(db, subscriber.kind, hashed, subscriber.opted_out_at, "import")
    else:
        known = db.row("people.opted_out", {"hash": hashed})
        if known is not None:
            subscriber = replace(subscriber, opted_out_at=moment(known["at"]))
    db.run("people.put", {**columns(subscriber), "address_hash": hashed})
    db.run("people.forget_regions", {"id": subscriber.id})
    db.run_many("people.add_region", ({"region": r, "subscriber": subscriber.id} for r in subscriber.regions))


def _one_person(db: Database, subscriber: Subscriber, hashed: str) -> Subscriber:
    """The subscriber under the id and the spelling that are kept already, where the address is there spelled otherwise:
    in two rows a person would be told twice. What was sent to them is found by that spelling. Where there are two
    rows already the one of this id stays."""
    others = [row for row in db.rows("people.by_hash", {"hash": hashed}) if row["id"] != subscriber.id]
    if not others:
        return subscriber
    if db.row("people.get", {"id": subscriber.id}) is None:
        kept = min(others, key=lambda row: str(row["id"]))
        subscriber = replace(subscriber, id=kept["id"], address=kept["address"])
    db.run("people.forget_others", {"hash": hashed, "id": subscriber.id})
    return subscriber


def opt_out(db: Database, kind: AddressKind, address: str, now: datetime, how: str) -> bool:
    """See Transaction.opt_out."""
    hashed = db.keyed_hash(kind, address)
    spellings = _spellings(db, hashed, address)
    _record_opt_out(db, kind, hashed, now, how)
    marked = db.run("people.mark_opted_out", {"hash": hashed, "at": micros(now)})
    db.run("people.suppress", {"addresses": spellings, "reason": Reason.OPTED_OUT, "now": micros(now)})
    return marked > 0 or db.row("people.by_hash", {"hash": hashed}) is not None or _deliveries_to(db, spellings) > 0


def opt_in(db: Database, kind: AddressKind, address: str, now: datetime, how: str) -> bool:
    """Forget an opt-out at the person's own word; True if there is a subscriber of this address."""
    hashed = db.keyed_hash(kind, address)
    db.run("people.opt_in", {"hash": hashed})
    return db.run("people.mark_opted_in", {"hash": hashed, "at": micros(now), "how": how}) > 0


def is_opted_out(db: Database, kind: AddressKind, address: str) -> bool:
    """Whether this address has asked to be told no more."""
    return db.row("people.opted_out", {"hash": db.keyed_hash(kind, address)}) is not None


def erase(db: Database, kind: AddressKind, address: str, now: datetime) -> bool:
    """See Transaction.erase. What is under way is ended: an address that is gone cannot be asked about or sent to."""
    hashed = db.keyed_hash(kind, address)
    spellings = _spellings(db, hashed, address)
    given = {"addresses": spellings, "now": micros(now), "reason": Reason.ERASED}
    db.run("people.suppress", given)
    db.run("people.stop_repeats", given)
    db.run("people.give_up_unknown", given)
    for one in json.loads(spellings):
        db.run("second.forget", {"address": one})
    deliveries = sum(db.run("people.erase_deliveries", {
        "address": one, "erased": f"erased:{db.keyed_hash('erased', one)}", "now": micros(now),
    }) for one in json.loads(spellings))
    subscribers = db.run("people.erase_subscriber", {"hash": hashed})
    db.scrub_afterwards()
    return deliveries + subscribers > 0


def _record_opt_out(db: Database, kind: str, hashed: str, at: datetime, how: str) -> None:
    db.run("people.opt_out", {"hash": hashed, "kind": kind, "at": micros(at), "how": how})


def _spellings(db: Database, hashed: str, address: str) -> str:
    """Every way this address is written in our rows, as a JSON list: people and their e-mail programs vary the case."""
    own = {row["address"] for row in db.rows("people.by_hash", {"hash": hashed})}
    return json.dumps(sorted(own | {address, address.strip(), address.strip().lower()}))


def _deliveries_to(db: Database, spellings: str) -> int:
    row = db.row("people.deliveries_to", {"addresses": spellings})
    return 0 if row is None else int(row["number"])
