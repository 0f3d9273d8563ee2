"""Reads a bounce: what a delivery status notification (RFC 3464) says became of a mail. Pure.

Anybody may write to the mailbox bounces arrive in, so everything here is hostile: nothing is believed that is not
plainly a report, nothing raises, and time and size are bounded. A report about one mail may list several recipients,
because an address of ours may be a list on the far side: it failed only where all of them failed.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message as Mail
from email.policy import compat32
from email.utils import collapse_rfc2231_value

from notifier.model.delivery import DeliveryState, Reason

from .replies import OURS, THEIRS

MOST_BYTES = 262_144
PARTS_MOST = 20
"""More boundaries than any mail server's report has; Python's parser looks for each in every line."""
GROUPS_MOST = 50
_STATUS = re.compile(r"\s*([245])\.(\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"\s*smtp\s*;\s*(?:\d{3}[ -])?([245])\.(\d{1,3}\.\d{1,3})\b", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}@[!-;=?-~]{1,250}>")
_RECEIVERS = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_FOR_GOOD = frozenset({Reason.RECIPIENT_GONE, Reason.INVALID_ADDRESS})


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a report says: `state` is FAILED with its reason, DELIVERED, or SENT where the mail is only known to have
    been taken (delayed, relayed or handed to a list). `message_id` is that of the mail it quotes, where it quotes one;
    `sent_to` holds the addresses the report itself was sent to, as its headers have them."""

    state: DeliveryState
    reason: Reason
    message_id: str | None
    sent_to: str


def read_bounce(raw: bytes) -> Bounce | None:
    """The report in a mail, of which the first `MOST_BYTES` are read; None where it is no report, or says nothing."""
    raw = raw[:MOST_BYTES]
    if raw.lower().count(b"boundary") > PARTS_MOST:
        return None
    try:
        mail = email.message_from_bytes(raw, policy=compat32)
        return _read(mail)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        # Python's parser raises what it likes over headers nobody should write.
        return None


def _read(mail: Mail) -> Bounce | None:
    kind = collapse_rfc2231_value(mail.get_param("report-type") or "")
    if mail.get_content_type() != "multipart/report" or kind.lower() != "delivery-status" or not mail.is_multipart():
        return None
    said = combined(_groups(mail))
    if said is None:
        return None
    sent_to = "\n".join(str(value)[:1000] for name in _RECEIVERS for value in (mail.get_all(name) or [])[:10])
    return Bounce(*said, _quoted_id(mail), sent_to)


def _parts(mail: Mail) -> Iterator[Mail]:
    payload = mail.get_payload()
    yield from (part for part in payload[:PARTS_MOST] if isinstance(part, Mail)) if isinstance(payload, list) else ()


def _groups(mail: Mail) -> Iterator[Mapping[str, str]]:
    """The fields about each recipient; those about the whole mail come first and are left out."""
    for part in _parts(mail):
        if part.get_content_type() == "message/delivery-status":
            for group in list(_parts(part))[1:GROUPS_MOST]:
                yield {str(name).lower(): str(value)[:1000] for name, value in group.items()}
            return


def _quoted_id(mail: Mail) -> str | None:
    """The Message-ID of the mail that is quoted, whole or only its headers."""
    for part in _parts(mail):
        kind = part.get_content_type()
        if kind == "message/rfc822":
            quoted: Mail | None = next(_parts(part), None)
        elif kind == "text/rfc822-headers":
            body = part.get_payload(decode=True)
            quoted = email.message_from_bytes(body, policy=compat32) if isinstance(body, bytes) else None
        else:
            continue
        found = _MESSAGE_ID.search(str(quoted.get("Message-ID", ""))[:1000]) if quoted is not None else None
        return found.group(0) if found else None
    return None


# ── what it means ────────────────────────────────────────────────────────────────────────────────────────────────────

_TAKEN = ("delayed", "relayed", "expanded")


def combined(groups: Iterable[Mapping[str, str]]) -> tuple[DeliveryState, Reason] | None:
    """What a report says of the mail as a whole; None where it says nothing."""
    reasons: list[Reason] = []
    taken = arrived = False
    for group in groups:
        action = group.get("action", "").strip().lower().split(" ")[0]
        if action == "failed":
            reason = reason_of(group)
            reasons += [reason] if reason is not None else []
        arrived = arrived or action == "delivered"
        taken = taken or action in _TAKEN
    if arrived:
        return DeliveryState.DELIVERED, Reason.ACCEPTED
    if taken:
        return DeliveryState.SENT, Reason.ADOPTED
    return (DeliveryState.FAILED, reasons[0]) if reasons else None


def reason_of(group: Mapping[str, str]) -> Reason | None:
    """Why delivery to one recipient failed, by Status or, where that is general, by the far side's own code; None
    where the status says that it did not fail."""
    status = _STATUS.match(group.get("status", ""))
    if status is None or status.group(1) == "2":
        return None
    code = _CODE.match(group.get("diagnostic-code", ""))
    found = [status.group(2)] + ([code.group(2)] if code is not None else [])
    reason = next((THEIRS.get(about) or OURS[about] for about in found if about in THEIRS or about in OURS), None)
    if reason is None:
        return Reason.FILTERED if any(about.startswith("7.") for about in found) else Reason.BAD_ANSWER
    # A relay that gave up on a transient fault did not find out that the address is bad.
    return Reason.UNREACHABLE if status.group(1) == "4" and reason in _FOR_GOOD else reason
