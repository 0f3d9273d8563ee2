"""A first mapping for JSON nobody has mapped yet: where its list is, and which of its keys are which field.

Pure. It goes by the names vendors give things, and by what stands there; a person looks at it before it is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..clocks import any_time
from ..shapes import Unreadable, json_of
from .guessing import level_of, statuses_of
from .query import checked_expression

_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "ref", "reference", "uuid", "guid", "incidentid", "outageid", "eventid", "identifier", "number",
           "key"),
    "title": ("title", "name", "headline", "subject", "summary", "shortdescription"),
    "status": ("status", "state", "phase", "severity", "impact"),
    "started_at": ("startedat", "starttime", "startdate", "start", "begin", "began", "beginsat", "openedat", "opened",
                   "createdat", "created", "since", "outagestart", "timestamp", "date"),
    "updated": ("updatedat", "updated", "modified", "modifiedat", "lastupdated", "lastupdate", "lastmodified"),
    "text": ("messages", "message", "description", "text", "body", "details", "updates", "content", "comment"),
    "component": ("components", "services", "component", "service", "systems", "system", "product", "affected"),
    "location": ("locations", "location", "areas", "area", "regions", "region", "county", "city", "place"),
    "url": ("url", "link", "href", "permalink", "shortlink"),
    "ended": ("endedat", "endtime", "enddate", "end", "ended", "closedat", "closed", "resolvedat", "finishedat"),
}
_FACTS: Mapping[str, tuple[str, ...]] = {
    "customers_out": ("customersout", "customersaffected", "customers", "numcustomers", "estcustomers",
                      "affectedcustomers"),
    "cause": ("cause", "outagecause", "reason"),
}
_LIST_NAMES = re.compile(r"incident|outage|event|disruption|issue|alert|fault|problem|item|result|data", re.I)
_DEEP = 4


def guess_json(url: str, body: bytes) -> Mapping[str, Any] | None:
    """Settings of kind json beside id and url for an answer that holds at least one item; None where there is no list
    with ids."""
    try:
        value = json_of(body)
    except Unreadable:
        return None
    lists = sorted(_lists(value, "", 0), key=lambda one: _fitness(*one), reverse=True)
    for path, items in lists:
        fields = _fields(items)
        if "id" not in fields or not {"title", "status", "text"} & fields.keys():
            continue
        found: dict[str, Any] = {"items": path or "@", "fields": fields, **_anchors(value, path, lists)}
        if "status" in fields:
            found["statuses"] = statuses_of(_words(items, fields["status"]))
        elif "ended" not in fields:
            found["prose"] = True
        return found
    return None


def _lists(value: Any, path: str, depth: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value[:100]):
        yield path, value[:100]
    elif isinstance(value, dict) and depth < _DEEP:
        for key, inner in list(value.items())[:100]:
            yield from _lists(inner, f"{path}.{_quoted(key)}" if path else _quoted(key), depth + 1)


def _fitness(path: str, items: list[dict[str, Any]]) -> tuple[int, int]:
    fields = _fields(items)
    timed = len({"started_at", "updated", "text", "ended"} & fields.keys())
    return (timed + 2 * ("id" in fields) + bool(_LIST_NAMES.search(path.rpartition(".")[2])), -len(path))


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key) else '"' + key.replace("\\", "").replace('"', "") + '"'


def _folded(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.casefold())


def _fields(items: list[dict[str, Any]]) -> dict[str, Any]:
    keys = {_folded(key): key for item in items for key in item if isinstance(key, str)}
    fields = {field: expression for field, names in _NAMES.items()
              if (expression := _first_of(field, names, keys, items)) is not None}
    facts = {field: _quoted(keys[name]) for field, names in _FACTS.items() for name in names[::-1] if name in keys}
    return {**fields, "facts": facts} if facts else fields


def _first_of(field: str, names: Sequence[str], keys: Mapping[str, str], items: list[dict[str, Any]]) -> str | None:
    for name in names:
        if name in keys and (expression := _expression(field, keys[name], items)) is not None:
            return expression
    return None


def _expression(field: str, key: str, items: list[dict[str, Any]]) -> str | None:
    """How the field is found under a key; None where what stands there cannot be it."""
    values = [item[key] for item in items if item.get(key) not in (None, "", [], {})]
    if not values:
        return _quoted(key) if field in ("ended", "updated", "url") else None
    value, name = values[0], _quoted(key)
    if field in ("started_at", "updated", "ended"):
        return name if any_time(value) is not None else None
    inner = value[0] if isinstance(value, list) and value else value
    if isinstance(inner, dict):
        wanted = ("body", "message", "text", "name", "title") if field == "text" else ("name", "title", "value")
        part = next((one for one in wanted if isinstance(inner.get(one), str)), None)
        return None if part is None else f"{name}[*].{part}" if isinstance(value, list) else f"{name}.{part}"
    takes_lists = field in ("text", "component", "location")
    fits = isinstance(inner, str) or (field == "id" and isinstance(inner, int) and not isinstance(inner, bool))
    return name if fits and (takes_lists or not isinstance(value, list)) else None


def _words(items: list[dict[str, Any]], expression: str) -> list[str]:
    found = (item.get(expression.strip('"')) for item in items)
    return list(dict.fromkeys(word for word in found if isinstance(word, str) and len(word) < 40))


def _anchors(value: Any, path: str, lists: list[tuple[str, list[dict[str, Any]]]]) -> dict[str, Any]:
    """What the answer has beside its list, and where it says that something is well."""
    if not isinstance(value, dict):
        return {}
    kinds: dict[type, str] = {dict: "object", list: "array", str: "string"}
    beside = [(key, inner) for key, inner in list(value.items())[:20] if _quoted(key) != path.split(".")[0]]
    expect = [f"type({_quoted(key)}) == '{kinds[type(inner)]}'" for key, inner in beside if type(inner) in kinds][:2]
    found: dict[str, Any] = {"expect": [checked_expression(one) for one in expect]} if expect else {}
    for other, items in lists:
        if other != path and (key := _fields(items).get("status")) is not None:
            well = next((word for word in _words(items, key) if level_of(word) == "ok" and "'" not in word), None)
            return {**found, "well": f"{other}[?{key}=='{well}']"} if well is not None else found
    return found
