"""Common Alerting Protocol 1.2 (and 1.1, which differs in nothing we read).

One alert, or an Atom feed whose entries hold alerts whole (inside `content`) or in part (cap: elements in the entry,
as the NWS index did). A signed alert reads as one without: the enveloped ds:Signature is passed over and NOT verified;
that an alert is its sender's is what TLS and the address of the feed vouch for. Elements of other namespaces never
speak for CAP's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Literal
from xml.etree.ElementTree import Element

from notifier.model.region import RegionTree
from notifier.net.fetch import Get, get
from notifier.ports import Reading

from ..page import Context, PageSource
from ..shapes import MOST, Unreadable, any_moment, moment, xml_of
from .alert_places import AlertPlacer, Area, Circle
from .alerting import Alert, AlertSettings, read_alerts

NAMESPACE = "urn:oasis:names:tc:emergency:cap:"
_ATOM = "{http://www.w3.org/2005/Atom}"
_MOST_CORNERS = 5000
_LONGEST = 300
"""Characters of an identifier that count."""
_HALF_WAY = 20_040.0
"""Kilometres half way round the Earth: no circle is larger."""


class CapSettings(AlertSettings):
    """A CAP alert or an Atom feed of them."""

    kind: Literal["cap"] = "cap"
    language: str = "en"
    """Language of the info to read, where an alert has several."""
    lists_all_active: bool = False
    """Whether the feed lists every alert in force, so that what vanishes from it is over."""


def make(settings: CapSettings, *, regions: RegionTree, fetch: Get = get) -> PageSource[CapSettings]:
    """One alert or feed."""
    placer = AlertPlacer(settings.placing, regions)
    return PageSource(settings, regions=regions, read=lambda body, context: read(body, context, placer), fetch=fetch,
                      speaks_up=False)


def read(body: bytes, context: Context[CapSettings], placer: AlertPlacer) -> Reading:
    """What the alert, or the alerts of the feed, say."""
    root = xml_of(body)
    elements, links = _alerts_in(root)
    alerts = [one for element in elements for one in alerts_of(element, context.settings.language, context.now)]
    complete = context.settings.lists_all_active and _local(root) == "feed" and not links
    reading = read_alerts(alerts, settings=context.settings, placer=placer, memory=context.memory, complete=complete,
                          now=context.now)
    why = f"{links} entries of the feed hold no alert, only links to them" if links else ""
    return replace(reading, why=why)


def _alerts_in(root: Element) -> tuple[list[Element], int]:
    """(the elements that hold alerts, how many entries hold none). An entry is one itself where it carries cap:
    elements. NWS says in an entry of its own that nothing is in force."""
    if _is_cap(root) and _local(root) == "alert":
        return [root], 0
    if root.tag != _ATOM + "feed":
        raise Unreadable(f"the document's root is {_local(root)[:40]!r}, expected a CAP alert or an Atom feed")
    if root.find(_ATOM + "title") is None:
        raise Unreadable("the feed has no title")
    entries = root.findall(_ATOM + "entry")
    if len(entries) > MOST:
        raise Unreadable(f"the feed has {len(entries)} entries, more than {MOST}")
    found: list[Element] = []
    links = 0
    for entry in entries:
        whole = [inner for inner in entry.iter() if _is_cap(inner) and _local(inner) == "alert"]
        own = whole or ([entry] if any(_is_cap(child) for child in entry) else [])
        found += own
        links += not own and not _own_text(entry, "title").lower().startswith("there are no active")
    if links and not found:
        raise Unreadable("the entries of the feed hold no alerts, only links to them")
    return found, links


def alerts_of(element: Element, language: str, now: datetime) -> list[Alert]:
    """One alert, or an index entry with its main elements, as the Alerts of its infos in one language. Raises
    Unreadable where it lacks what CAP requires."""
    entry = element.tag == _ATOM + "entry"
    identifier = _text(element, "identifier") or (_own_text(element, "id") if entry else "")
    sent = moment(_text(element, "sent") or (_own_text(element, "updated") if entry else ""), now)
    if not identifier or sent is None:
        raise Unreadable("a CAP alert has no identifier or no time it was sent")
    status, kind = _text(element, "status"), _text(element, "msgType")
    scope = _text(element, "scope") or ("Public" if entry else "")
    if not status or not kind or not scope:
        missing = "status" if not status else "type" if not kind else "scope"
        raise Unreadable(f"a CAP alert has no {missing}")
    message = Alert(identifier[:_LONGEST], sent, status, kind, scope, tuple(_references(_text(element, "references"))))
    if entry:
        link = next((one.get("href", "") for one in element.findall(_ATOM + "link")), "")
        return [_with_info(message, element, headline=_own_text(element, "title"),
                           description=_own_text(element, "summary"), url=link)]
    return [_with_info(message, info) for info in _infos(element, language)] or [message]


def _with_info(message: Alert, info: Element, *, headline: str = "", description: str = "", url: str = "") -> Alert:
    """The message with what one info (or an index entry) says; the words given count where it has none."""
    return replace(
        message,
        event=_text(info, "event"),
        categories=_texts(info, "category"),
        event_codes=tuple(value for _, value in _pairs(info, "eventCode")),
        urgency=_text(info, "urgency"),
        severity=_text(info, "severity"),
        certainty=_text(info, "certainty"),
        responses=_texts(info, "responseType"),
        begins=any_moment(_text(info, "onset")) or any_moment(_text(info, "effective")),
        expires=any_moment(_text(info, "expires")),
        headline=_text(info, "headline") or headline,
        description=_text(info, "description") or description,
        instruction=_text(info, "instruction"),
        url=_text(info, "web") or url,
        parameters=dict(_pairs(info, "parameter")),
        areas=tuple(_areas(info)),
    )


def _infos(element: Element, language: str) -> list[Element]:
    """Its infos in `language`, else those in the language of the first: the others say the same in other words."""
    infos = _children(element, "info")[:MOST]
    spoken = [(_text(one, "language") or "en-US").lower() for one in infos]
    own = [info for info, said in zip(infos, spoken, strict=True) if said.startswith(language.lower())]
    return own or [info for info, said in zip(infos, spoken, strict=True) if said == spoken[0]]


def _areas(info: Element) -> Iterable[Area]:
    """The areas of an info; an index entry is its own."""
    for holder in [info] if info.tag == _ATOM + "entry" else _children(info, "area")[:MOST]:
        yield Area(
            _text(holder, "areaDesc"),
            tuple(_pairs(holder, "geocode")),
            tuple(shape for text in _texts(holder, "polygon") if (shape := polygon_of(text))),
            tuple(circle for text in _texts(holder, "circle") if (circle := circle_of(text)) is not None),
        )


def polygon_of(text: str) -> tuple[tuple[float, float], ...]:
    """ "lat,lon lat,lon …" as pairs, closed; empty where any of it is not a place on Earth."""
    corners: list[tuple[float, float]] = []
    for pair in text.split()[:_MOST_CORNERS]:
        try:
            lat, lon = (float(number) for number in pair.split(","))
        except ValueError:
            return ()
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            return ()
        corners.append((lat, lon))
    return tuple(corners + corners[:1] if len(corners) > 2 and corners[0] != corners[-1] else corners)


def circle_of(text: str) -> Circle | None:
    """ "lat,lon radius" (kilometres) as a circle; None where any of it is not a place on Earth."""
    centre, _, radius = text.partition(" ")
    corners = polygon_of(centre)
    try:
        size = float(radius)
    except ValueError:
        return None
    return (*corners[0], size) if len(corners) == 1 and 0 <= size <= _HALF_WAY else None


def _references(text: str) -> Iterable[tuple[str, datetime | None]]:
    """CAP's "sender,identifier,sent" triples, separated by spaces."""
    for triple in text.split()[:500]:
        parts = triple.split(",")
        if len(parts) >= 3:
            yield ",".join(parts[1:-1])[:_LONGEST], any_moment(parts[-1])


def _pairs(element: Element, name: str) -> Iterable[tuple[str, str]]:
    """(valueName, value) of every child of that name; several pairs in one child too, as old NWS entries have."""
    for child in _children(element, name)[:MOST]:
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


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if _is_cap(child) and _local(child) == name]


def _text(element: Element, name: str) -> str:
    return next(iter(_texts(element, name)), "")


def _texts(element: Element, name: str) -> tuple[str, ...]:
    return tuple((child.text or "").strip()[:20_000] for child in _children(element, name))


def _own_text(entry: Element, name: str) -> str:
    """Text of one of Atom's own elements."""
    return (entry.findtext(_ATOM + name) or "").strip()[:20_000]
