"""Amazon Web Services: the public events of the AWS Health Dashboard, and the older `data.json`.

`currentevents` is a bare list in UTF-16 with a byte-order mark, empty most days: then that mark is the only proof of
whose answer it is, and an empty list without it is not believed. `data.json` is an object with `current` and `archive`
in UTF-8. An event is known by its ARN, before there were ARNs by service and date. Its status comes as text or as a
number and may be the worst it ever was, so the newest message of its log says how bad it is now. A service key
("ec2-us-west-2") holds service and region; keys without a region ("route53") are of services that are everywhere. Of
the services an event impacts, those that have recovered meanwhile are left out, one by one.

Status 1, "informational", counts as minor trouble: it is the worst state of 522 of the 618 entries of 2018-2023,
outages of whole services among them; `informational: notice` leaves it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta, timezone
from typing import Any, Literal

from notifier.model.region import RegionTree
from notifier.model.signal import Level
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..clocks import any_time, past_time
from ..page import Context, PageSource
from ..settings import HttpSettings
from ..shapes import Unreadable, json_of, optional, plain, record, records, required
from ..vendor_page import VendorComponent, VendorIncident, VendorPage, VendorUpdate, newest_first, read_page

LEVELS: Mapping[str, Level] = {"0": Level.OK, "1": Level.MINOR, "2": Level.MAJOR, "3": Level.CRITICAL}
WORDS: Mapping[str, str] = {"0": "resolved", "1": "informational", "2": "degradation", "3": "disruption"}
"""The dashboard's own legend."""
ZONE = "America/Los_Angeles"
"""That of times AWS's prose gives without one."""
DASHBOARD = "https://health.aws.amazon.com/health/status"
EVERYWHERE = "global"
_MARKS = (b"\xfe\xff", b"\xff\xfe")
_KEY = re.compile(r"(?P<service>.+?)-(?P<region>[a-z]{2}(?:-[a-z]+){1,2}-\d)")
_OLD_NAMES = {"us-standard": "us-east-1"}
"""S3's name for its first region until 2020."""
_RESOLVED = re.compile(r"\[\s*resolved\s*\]", re.IGNORECASE)
_UPDATE = re.compile(r"<span[^<>]*>([^<>]*)</span>", re.IGNORECASE)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)\s*([AP])M\s+P([SD])T", re.IGNORECASE)


class AwsSettings(HttpSettings):
    """AWS's public health events."""

    kind: Literal["aws"] = "aws"
    url: str = "https://health.aws.amazon.com/public/currentevents"
    """Address of currentevents, or of a data.json."""
    informational: Literal["notice", "minor"] = "minor"
    """What status 1 means here."""


def make(settings: AwsSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[AwsSettings]:
    """One list of events."""
    return PageSource(settings, regions=regions, read=read, fetch=fetch)


def read(body: bytes, context: Context[AwsSettings]) -> Reading:
    """What the list says. It lists all that is open; that the rest is well it never says."""
    events = events_of(body)
    page = VendorPage(tuple(_incident(one, context) for one in events), whole=True)
    return read_page(page, context, zone=ZONE)


def events_of(body: bytes) -> Sequence[Mapping[str, Any]]:
    """The current events of either shape. Raises Unreadable where its anchor is missing."""
    value = json_of(body)
    if isinstance(value, list):
        if not value and body[:2] not in _MARKS:
            raise Unreadable("an empty list without the byte-order mark AWS writes")
        return records(value, "the answer")
    holder = record(value, "the answer")
    records(holder.get("archive"), "archive")
    return records(holder.get("current"), "current")


def split_key(key: str) -> tuple[str, str]:
    """(service, region code) of a service key; the region is "global" where the key names none."""
    for name, code in _OLD_NAMES.items():
        if key.endswith(f"-{name}"):
            return key.removesuffix(f"-{name}"), code
    found = _KEY.fullmatch(key)
    return (found["service"], found["region"]) if found else (key, EVERYWHERE)


# ── One event ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _incident(one: Mapping[str, Any], context: Context[AwsSettings]) -> VendorIncident:
    service = required(one, "service", "an event")
    dated, begun = any_time(one.get("date")), past_time(one.get("date"), context.now)
    if dated is None or begun is None:
        raise Unreadable(f"the event of {service} has no date")
    log = records(one["event_log"], "event_log") if "event_log" in one else []
    updates = _logged(log) or tuple(_described(optional(one, "description", 50_000), begun, context.now))
    status = _status(one, updates)
    arn = optional(one, "arn")
    return VendorIncident(
        id=arn or f"{service}/{int(dated.timestamp())}",  # as written: some dates lie eight hours ahead for a while
        title=" ".join(filter(None, (optional(one, "service_name"), optional(one, "summary")))),
        level=Level.OK if _is_over(one, log, context.now) else _level(status, context.settings),
        status=WORDS.get(status, status),
        started_at=begun,
        updates=updates,
        components=_components(one, service, arn),
        url=DASHBOARD,
    )


def _code(value: Any) -> str:
    """A status as one digit, whether text or number; anything else as ""."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if 0 <= value <= 9 else ""
    return value.strip()[:20] if isinstance(value, str) else ""


def _status(one: Mapping[str, Any], updates: Sequence[VendorUpdate]) -> str:
    """How bad it is now: by the newest message where that tells of trouble, else by the event as a whole."""
    newest = next((update.status for update in newest_first(updates)), "")
    return newest if LEVELS.get(newest, Level.OK).is_trouble else _code(one.get("status"))


def _level(status: str, settings: AwsSettings) -> Level:
    level = LEVELS.get(status, Level.NOTICE)
    return Level.NOTICE if level is Level.MINOR and settings.informational == "notice" else level


def _is_over(one: Mapping[str, Any], log: Sequence[Mapping[str, Any]], now: datetime) -> bool:
    """Whether AWS says it is over: status 0, a time of its end, [RESOLVED] in the summary; or a last message of status
    0 once every service it impacted has recovered, because the event's own status may be the worst it ever was."""
    if _code(one.get("status")) == "0" or _RESOLVED.search(optional(one, "summary")):
        return True
    end = any_time(one.get("end_time"))
    if end is not None and end <= now:
        return True
    newest = max(log, key=lambda entry: any_time(entry.get("timestamp")) or datetime.min.replace(tzinfo=now.tzinfo),
                 default={})
    states = list(_impacted(one).values())
    return _code(newest.get("status")) == "0" and bool(states) and all(_recovered(state) for state in states)


def _impacted(one: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    if "impacted_services" not in one:
        return {}
    listed = record(one["impacted_services"], "impacted_services")
    return {key: record(state, "an impacted service") for key, state in list(listed.items())[:1000]}


def _recovered(state: Mapping[str, Any]) -> bool:
    return _code(state.get("current")) == "0"


def _components(one: Mapping[str, Any], service: str, arn: str) -> tuple[VendorComponent, ...]:
    """The event's own service and every other it still impacts. A service that is everywhere is impacted by a regional
    event in that event's region, as far as AWS says; what has recovered is left out while anything else has not."""
    group, region = split_key(service)
    if region == EVERYWHERE:
        region = _region_of_arn(arn) or EVERYWHERE
    impacted = _impacted(one)
    still = {key: state for key, state in impacted.items() if not _recovered(state)}
    found = [_component(key, optional(state, "service_name"), region) for key, state in still.items()]
    if service in still or (still and service in impacted):
        return tuple(found)
    return (VendorComponent(service, optional(one, "service_name"), group, location=region), *found)


def _component(key: str, name: str, region: str) -> VendorComponent:
    group, own = split_key(key)
    return VendorComponent(key, name, group, location=region if own == EVERYWHERE else own)


def _region_of_arn(arn: str) -> str:
    """`arn:aws:health:us-east-1::event/…`; "" where there is none."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 5 else ""


# ── Its messages ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _logged(log: Sequence[Mapping[str, Any]]) -> tuple[VendorUpdate, ...]:
    said = ((one, any_time(one.get("timestamp"))) for one in log)
    return tuple(VendorUpdate(at, optional(one, "message", 20_000), _code(one.get("status"))) for one, at in said)


def _described(description: str, begun: datetime, now: datetime) -> Iterator[VendorUpdate]:
    """The messages of a description, newest first: each follows a clock such as "12:30 PM PST", oldest first, without a
    date: so each is taken to be the first such moment after the one before."""
    parts = _UPDATE.split(description)
    at, found = begun.replace(second=0, microsecond=0), []
    for clock, text in zip(parts[1::2], parts[2::2], strict=False):
        at = next_at(clock, at) or at
        found.append(VendorUpdate(min(at, now), plain(text)))
    yield from reversed(found)


def next_at(clock: str, after: datetime) -> datetime | None:
    """The first moment from `after` on at which a clock in the Pacific zone reads `clock`; None where it is none."""
    read = _CLOCK.search(clock.replace("\u00a0", " "))
    if read is None:
        return None
    hour, minute = int(read[1]) % 12 + (12 if read[3].upper() == "P" else 0), int(read[2])
    if minute > 59:
        return None
    local = after.astimezone(timezone(timedelta(hours=-7 if read[4].upper() == "D" else -8)))
    found = datetime.combine(local.date(), time(hour, minute), local.tzinfo)
    return (found if found >= local else found + timedelta(days=1)).astimezone(after.tzinfo)
