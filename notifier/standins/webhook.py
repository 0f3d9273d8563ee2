"""A stand-in for the receiver of webhooks: it checks the signature, drops what it had, and keeps the rest."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ..model.times import rfc3339
from .speaking import Answer, Asked, StandIn

TOLERANCE_SECONDS = 300


class Webhook(StandIn):
    """A receiver at any path. `secret` ("whsec_…") None: any signature will do, but one there must be."""

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, ledger: Path | None = None,
        now: Callable[[], datetime] | None = None, secret: str | None = None,
    ) -> None:
        super().__init__(host=host, port=port, ledger=ledger, now=now)
        self.secret = secret

    def start(self) -> Webhook:
        """Begin to serve."""
        super().start()
        return self

    def answer(self, asked: Asked) -> Answer:
        """Take it, unless its signature does not fit or it is known."""
        if asked.method != "POST":
            return Answer(405, {"error": "POST only"}, {"Allow": "POST"})
        if not self._fits(asked):
            return Answer(401, {"error": "signature does not fit"})
        id = asked.headers["webhook-id"]
        if all(entry["key"] != id for entry in self.ledger):
            fields = asked.fields()
            data = fields.get("data")
            self.book.add({
                "provider": "webhook", "id": id, "at": rfc3339(self.now()), "address": "", "key": id,
                "body": data.get("text", "") if isinstance(data, dict) else "", "headers": asked.seen(),
                "request": fields,
            })
        return Answer(204, b"")

    def _fits(self, asked: Asked) -> bool:
        id, at = asked.headers.get("webhook-id", ""), asked.headers.get("webhook-timestamp", "")
        given = asked.headers.get("webhook-signature", "")
        if not id or not at.isdigit() or abs(int(at) - self.now().timestamp()) > TOLERANCE_SECONDS:
            return False
        if self.secret is None:
            return given.startswith("v1,")
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{id}.{at}.".encode() + asked.body, hashlib.sha256).digest()
        whole = f"v1,{base64.b64encode(digest).decode()}"
        return any(hmac.compare_digest(whole, one) for one in given.split())
