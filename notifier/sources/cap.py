"""Common Alerting Protocol 1.2 (and 1.0, 1.1, which differ in nothing we read).

One alert, or an Atom feed whose entries hold alerts whole (inside `content`) or in part (cap: elements in the entry, as
the NWS index did).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal
from xml.etree.ElementTree import Element

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Answer, Failure, Reading
from notifier.secret import SecretMissing

from .alerting import Alert, AlertPlacer, AlertSettings, Area, read_alerts
from .settings import host_of, request_of
from .shapes import MOST, Unreadable, any_moment, moment, unread, xml_of

NAMESPACE = "urn:oasis:names:tc:emergency:cap:"
_KINDS = frozenset({"Alert", "Update", "Cancel", "Ack", "Error"})
_STATUSES = frozenset({"Actual", "Exercise", "System", "Test", "Draft"})
_MOST_CORNERS = 5000


class CapSettings(AlertSettings):
    """A CAP alert or an Atom feed of them."""

    kind: Literal["cap"] = "cap"
    language: str = "en"
    """Language of the info to read, where an alert has several."""
    lists_all_active: bool = False
    """Whether the feed lists every alert in force, so that what vanishes from it is over."""


class CapSource:
    """One alert or feed."""

    def __init__(self, settings: CapSettings, *, regions: RegionTree, fetch: Get = get) -> None:
        self.settings = settings
        self.id, self.kind = settings.id, settings.kind
        self.every, self.freshness, self.host = settings.every, settings.freshness, host_of(settings.url)
        self._get = fetch
        self._placer = AlertPlacer(settings, regions)

    def fetch(self, memory: Mapping[str, str], now: datetime) -> Answer | Failure:
        """Get the alert or feed."""
        try:
            return self._get(request_of(self.settings), memory, now)
        except SecretMissing as error:
            return Failure(now, "internal", str(error))

    def read(self, answer: Answer, memory: Mapping[str, str], now: datetime) -> Reading:
        """What the alerts say."""
        if (early := unread(answer, memory)) is not None:
            return early
        try:
            root = xml_of(answer.body)
            alerts = [alert_of(one, self.settings.language, now) for one in _alerts_in(root)]
        except Unreadable as error:
            return Reading(known=False, why=str(error), memory=memory)
        complete = self.settings.lists_all_active and _local(root) == "feed"
        return read_alerts(
            alerts, settings=self.settings, placer=self._placer, memory=memory, complete=complete, now=now
        )


def _alerts_in(root: Element) -> list[Element]:
    """The elements that hold alerts. An entry is one itself where it carries cap: elements."""
    if _is_cap(root) and _local(root) == "alert":
        return [root]
    if _local(root) != "feed":
        raise Unreadable(f"the document's root is {_local(root)[:40]!r}, expected a CAP alert or an Atom feed")
    entries = [child for child in root if _local(child) == "entry"]
    if len(entries) > MOST:
        raise Unreadable(f"the feed has {len(entries)} entries, more than {MOST}")
    found: list[Element] = []
    for entry in entries:
        whole = [inner for inner in entry.iter() if _is_cap(inner) and _local(inner) == "alert"]
        found += whole or ([entry] if any(_is_cap(child) for child in entry) else [])
    return found


def alert_of(element: Element, language: str, now: datetime) -> Alert:
    """One alert, or an index entry with its main elements. Raises Unreadable where it lacks what CAP requires."""
    info = _info(element, language)
    parts = info if info is not None else Element("info")
    entry = _local(element) == "entry"
    identifier = _text(element, "identifier") or (_text(element, "id") if entry else "")
    sent = moment(_text(element, "sent") or (_text(element, "updated") if entry else ""), now)
    if not identifier or sent is None:
        raise Unreadable("a CAP alert has no identifier or no time it was sent")
    status, kind = _text(element, "status"), _text(element, "msgType")
    if status not in _STATUSES or kind not in _KINDS:
        raise Unreadable("a CAP alert has a status or type that CAP does not know")
    scope = _text(element, "scope") or ("Public" if entry else "")
    if not scope:
        raise Unreadable("a CAP alert has no scope")
    link = next((c.get("href", "") for c in element if _local(c) == "link"), "") if entry else ""
    return Alert(
        identifier=identifier,
        sent=sent,
        status=status,
        kind=kind,
        scope=scope,
        references=tuple(_references(_text(element, "references"))),
        event=_text(parts, "event"),
        categories=_texts(parts, "category"),
        event_codes=tuple(value for _, value in _pairs(parts, "eventCode")),
        urgency=_text(parts, "urgency"),
        severity=_text(parts, "severity"),
        certainty=_text(parts, "certainty"),
        responses=_texts(parts, "responseType"),
        begins=any_moment(_text(parts, "onset")) or any_moment(_text(parts, "effective")),
        expires=any_moment(_text(parts, "expires")),
        headline=_text(parts, "headline") or _text(parts, "title"),
        description=_text(parts, "description") or _text(parts, "summary"),
        instruction=_text(parts, "instruction"),
        url=_text(parts, "web") or link,
        parameters=dict(_pairs(parts, "parameter")),
        areas=tuple(_areas(parts, entry=entry)),
    )


def _info(element: Element, language: str) -> Element | None:
    """The info in `language`, else the first; an entry is its own."""
    if _local(element) == "entry":
        return element
    infos = [child for child in element if _local(child) == "info"]
    wanted = [one for one in infos if (_text(one, "language") or "en-US").lower().startswith(language.lower())]
    return next(iter(wanted or infos), None)


def _areas(info: Element, *, entry: bool) -> Iterable[Area]:
    holders = [info] if entry else [child for child in info if _local(child) == "area"]
    for holder in holders[:MOST]:
        shapes = (polygon_of(text) for text in _texts(holder, "polygon"))
        yield Area(_text(holder, "areaDesc"), tuple(_pairs(holder, "geocode")), tuple(s for s in shapes if s))


def polygon_of(text: str) -> tuple[tuple[float, float], ...]:
    """ "lat,lon lat,lon …" as pairs; empty where any of it is not a place on Earth."""
    corners: list[tuple[float, float]] = []
    for pair in text.split()[:_MOST_CORNERS]:
        try:
            lat, lon = (float(number) for number in pair.split(","))
        except ValueError:
            return ()
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            return ()
        corners.append((lat, lon))
    return tuple(corners)


def _references(text: str) -> Iterable[tuple[str, datetime | None]]:
    """CAP's "sender,identifier,sent" triples, separated by spaces."""
    for triple in text.split()[:500]:
        parts = triple.split(",")
        if len(parts) >= 3:
            yield ",".join(parts[1:-1])[:500], any_moment(parts[-1])


def _pairs(element: Element, name: str) -> Iterable[tuple[str, str]]:
    """(valueName, value) of every child of that name; several pairs in one child too, as old NWS entries have."""
    for child in [one for one in element if _local(one) == name][:MOST]:
        named = ""
        for part in child:
            text = (part.text or "").strip()[:2000]
            if _local(part) == "valueName":
                named = text
            elif _local(part) == "value" and named:
                yield from ((named, value) for value in (text.split() if name == "geocode" else [text]))


def _is_cap(element: Element) -> bool:
    return isinstance(element.tag, str) and element.tag.startswith("{" + NAMESPACE)


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _text(element: Element, name: str) -> str:
    return next(iter(_texts(element, name)), "")


def _texts(element: Element, name: str) -> tuple[str, ...]:
    return tuple((child.text or "").strip()[:20_000] for child in element if _local(child) == name)
