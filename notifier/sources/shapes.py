"""Reading what strangers send: JSON, times and markup, checked as they are taken apart.

Every function raises Unreadable, with a sentence, for what it cannot vouch for, and nothing else; each source's `read`
turns that into a Reading that is not known.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from notifier.model.times import utc
from notifier.ports import Answer, Reading

FUTURE = timedelta(days=1)
"""How far ahead of ours a far side's clock may be before nothing it says is believed."""
MOST = 2000
"""Most incidents, components, items or alerts in one answer; more is a fault, not a bad day."""
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)
_BREAKS = re.compile(r"<\s*(?:br|/?p|/?li|/?div|/?tr|/?h\d)\b[^<>]*>", re.IGNORECASE)
_TAGS = re.compile(r"<[^<>]*>")
_UNSTORABLE = re.compile(r"\\u(?:d[89a-f]|0000)", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")


class Unreadable(ValueError):
    """The answer cannot be relied on; the text says what is missing or wrong, in words for people."""


UNCHANGED = "nothing has changed"
"""Why of a reading that a 304 stands for."""


def unread(answer: Answer, memory: Mapping[str, str]) -> Reading | None:
    """The Reading of an answer without a body worth parsing: 304 is known and says nothing new; other statuses and
    empty bodies say nothing. None: go on and parse."""
    if answer.status == 304:
        return Reading(known=True, why=UNCHANGED, memory=memory)
    if not 200 <= answer.status < 300:
        return Reading(known=False, why=f"HTTP {answer.status}", memory=memory)
    return None if answer.body.strip() else Reading(known=False, why="the answer is empty", memory=memory)


def text_of_bytes(body: bytes) -> str:
    """Decode by byte order mark, else as UTF-8. AWS serves UTF-16 with a mark."""
    encoding = "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"the answer is not {encoding.removesuffix('-sig')}") from error


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def json_of(body: bytes) -> Any:
    """The JSON value in `body`, its text safe to store; NaN, absurd numbers and absurd nesting are refused."""
    text = text_of_bytes(body)
    value = _parsed(text)
    if not _UNSTORABLE.search(text):
        return value
    try:
        return _storable(value)
    except RecursionError as error:
        raise Unreadable("the JSON is nested absurdly deep") from error


def raw_json_of(body: bytes) -> Any:
    """As json_of, with its text as it is."""
    return _parsed(text_of_bytes(body))


def _storable(value: Any) -> Any:
    """Lone surrogates, which JSON can spell and no store can keep, become "?"; NUL goes."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list) else value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise Unreadable("the JSON is nested absurdly deep") from error
    except ValueError as error:
        kind = "an HTML page" if text.lstrip()[:1] == "<" else "not whole JSON"
        raise Unreadable(f"the answer is {kind}") from error


def xml_of(body: bytes) -> Element:
    """The root element; entities and document types are refused."""
    try:
        root = ElementTree.fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Unreadable("the XML declares a document type or entities, or is an HTML page") from error
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable("the answer is not whole XML") from error
    assert isinstance(root, Element)
    return root


def record(value: Any, what: str) -> Mapping[str, Any]:
    """`value` as an object."""
    if not isinstance(value, dict):
        raise Unreadable(f"{what} is {kind_of(value)}, expected an object")
    return value


def records(value: Any, what: str, most: int = MOST) -> Sequence[Mapping[str, Any]]:
    """`value` as a list of objects, at most `most`."""
    if not isinstance(value, list):
        raise Unreadable(f"{what} is {kind_of(value)}, expected a list")
    if len(value) > most:
        raise Unreadable(f"{what} has {len(value)} entries, more than {most}")
    return [record(one, f"an entry of {what}") for one in value]


def required(holder: Mapping[str, Any], key: str, what: str) -> str:
    """A text field that must be there and not empty."""
    value = holder.get(key)
    if not isinstance(value, str) or not value.strip():
        raise Unreadable(f"{what} has no {key}" if value in (None, "") else f"{key} of {what} is {kind_of(value)}")
    return value.strip()[:500]


def identity(holder: Mapping[str, Any], key: str, what: str) -> str:
    """An id that must be there: text, or a whole number (several vendors write the same id both ways)."""
    value = holder.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64:
        return str(value)
    return required(holder, key, what)


def optional(holder: Mapping[str, Any], key: str, limit: int = 500) -> str:
    """A text field, "" where it is missing or of another type."""
    value = holder.get(key)
    return value.strip()[:limit] if isinstance(value, str) else ""


def whole_number(value: Any) -> int | None:
    """A whole number from 0 to 999,999,999, given as one or as its digits in text; None for anything else."""
    if isinstance(value, str) and len(value) <= 9 and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None


def labels_of(value: Any) -> dict[str, str]:
    """A mapping of short texts; anything else in it is left out."""
    if not isinstance(value, dict):
        return {}
    return {str(k)[:200]: v[:1000] for k, v in list(value.items())[:200] if isinstance(v, str)}


def kind_of(value: Any) -> str:
    """The JSON name of a value's type."""
    names = {"dict": "an object", "list": "a list", "str": "text", "NoneType": "missing", "bool": "true or false"}
    return names.get(type(value).__name__, "a number")


def moment(value: Any, now: datetime) -> datetime | None:
    """An RFC 3339 time, at most `now`; None where it is missing, malformed, without a zone or before 1990 (Alertmanager
    writes year 1 for "not yet"). Raises Unreadable when it lies more than a day ahead: that clock is not believed."""
    found = any_moment(value)
    if found is None:
        return None
    if found > now + FUTURE:
        raise Unreadable("its clock is more than a day ahead of ours")
    return min(found, now)


def any_moment(value: Any) -> datetime | None:
    """An RFC 3339 time, past or future; None where it is unusable."""
    if not isinstance(value, str) or len(value) > 60:
        return None
    try:
        found = utc(datetime.fromisoformat(value.strip()))
    except (ValueError, OverflowError):
        return None
    return found if found >= _OLDEST else None


def plain(markup: str, limit: int = 20_000) -> str:
    """Markup as text: blocks become lines, tags go, entities are resolved once before (feeds escape twice) and once
    after."""
    text = markup[:limit]
    if "<" not in text and "&lt;" in text:
        text = html.unescape(text)
    text = html.unescape(_TAGS.sub("", _BREAKS.sub("\n", text)))
    return "\n".join(line for part in text.split("\n") if (line := _SPACES.sub(" ", part).strip()))


def one_line(text: str, limit: int = 200) -> str:
    """`text` on one line, cut to `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
