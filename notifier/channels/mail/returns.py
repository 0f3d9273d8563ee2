"""Return paths that name the delivery, so that a bounce can be told apart without trusting what it quotes. Pure.

"bounces@example.net" becomes "bounces+<mark>@example.net" (VERP with RFC 5233's subaddresses). The mark is the
delivery's id and 80 bits of HMAC-SHA256: whoever knows a delivery's id still cannot make up its bounce. It is in base
32, because some machines on the way write names in lower case.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import uuid

_LABEL = b"notifier return path 1\x00"
_MAC_BYTES = 10
_ID_BYTES = 16
MARK = r"[a-zA-Z2-7]{42}"


def return_path(base: str, delivery: str, key: str) -> str:
    """Where bounces of this delivery go; `base` itself where the delivery's id is no UUID."""
    try:
        id = uuid.UUID(delivery)
    except ValueError:
        return base
    if str(id) != delivery:
        return base
    local, _, domain = base.rpartition("@")
    mark = base64.b32encode(id.bytes + _mac(id.bytes, key)).decode().rstrip("=").lower()
    return f"{local}+{mark}@{domain}"


def delivery_in(text: str, base: str, key: str) -> str | None:
    """The delivery whose return path, made with this key, stands in `text`; None where there is none."""
    local, _, domain = base.rpartition("@")
    pattern = rf"(?<![^\s<,;:]){re.escape(local)}\+({MARK})@{re.escape(domain)}(?![^\s>,;])"
    for found in re.finditer(pattern, text, re.IGNORECASE):
        raw = base64.b32decode(found.group(1).upper() + "======")
        id, mac = raw[:_ID_BYTES], raw[_ID_BYTES:]
        if hmac.compare_digest(mac, _mac(id, key)):
            return str(uuid.UUID(bytes=id))
    return None


def _mac(id: bytes, key: str) -> bytes:
    return hmac.new(key.encode(), _LABEL + id, hashlib.sha256).digest()[:_MAC_BYTES]
