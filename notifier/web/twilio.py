"""Twilio's word on our messages, and on people who text STOP or START.

Status callbacks come late, doubled, out of order, or never: each is a fact about one message, and moves its delivery
only where that is still open. `queued`, `sending` and `sent` prove that a message exists, no more: they settle a lost
answer, and are never taken for "delivered". A message that failed for what may pass is followed by another.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlparse

import structlog
from flask import Blueprint, Response, jsonify, request
from twilio.request_validator import RequestValidator, add_port, remove_port

from .. import metrics
from ..channels.twilio_codes import CODES, CodeClass, Meaning
from ..delivery.order import LATER, TRYING, Stop, read_stop
from ..delivery.second import times, waits
from ..model.delivery import DeliveryState, Reason
from ..model.people import AddressKind
from ..people.opt import Wish, classify
from ..ports import Transaction
from .needs import WebNeeds

log = structlog.get_logger(__name__)

Reply = tuple[Response, int]

BODY_MOST = 64 * 1024
"""Twilio's forms are of some kilobytes; a text has at most 1,600 characters."""
STOPPED_FOR = timedelta(minutes=30)
"""How long a channel stops where a callback says that account or sender are at fault. The next message is a trial."""
STARTS_KEPT = 500
_STATES: Mapping[str, DeliveryState] = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending", "sent"), DeliveryState.SENT),
    **dict.fromkeys(("delivered", "read"), DeliveryState.DELIVERED),
    **dict.fromkeys(("undelivered", "failed", "canceled"), DeliveryState.FAILED),
}
"""MessageStatus of an outbound message; others (receiving, received, partially_delivered) say nothing of ours."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What a status callback says became of a message. `code`: Twilio's error code, where it gives one, and its
    `meaning`, where we know it."""

    state: DeliveryState
    reason: Reason
    code: int | None = None
    meaning: Meaning | None = None

    @property
    def stops(self) -> bool:
        """Whether the channel must stop for what this one message met."""
        return self.meaning is not None and self.meaning.stops


def fate_of(form: Mapping[str, str]) -> Fate | None:
    """Read a status callback; None where it says nothing we could act on. Never raises."""
    status, number = form.get("MessageStatus", ""), form.get("ErrorCode", "")
    state = _STATES.get(status)
    if state is None:
        return None
    if state is not DeliveryState.FAILED:
        return Fate(state, Reason.ACCEPTED)
    if status == "canceled":
        return Fate(state, Reason.WITHDRAWN)
    code = int(number) if number.isascii() and number.isdigit() and len(number) <= 6 else None
    meaning = CODES.get(code) if code is not None else None
    return Fate(state, Reason.BAD_ANSWER if meaning is None else meaning.reason, code, meaning)


def signed_by(token: str, url: str, form: Mapping[str, str], signature: str) -> bool:
    """Whether Twilio signed this form, as posted to `url`, with this auth token. Twilio may sign the address with its
    port or without, and says itself that it does both."""
    validator, parts, fits = RequestValidator(token), urlparse(url), False
    for spelling in (remove_port(parts), add_port(parts)):
        right = validator.compute_signature(spelling, form)
        fits |= hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace"))
    return fits


def twilio_routes(needs: WebNeeds) -> Blueprint:
    """POST only, signed only, small only."""
    routes = Blueprint("twilio", __name__)

    @routes.before_request
    def strangers() -> Reply | None:
        request.max_content_length = BODY_MOST
        if _signed(needs):
            return None
        metrics.CALLBACKS.labels("twilio", "forged").inc()
        return jsonify({"error": "signature does not fit"}), 403

    @routes.post("/hooks/twilio/status/<channel>/<delivery>")
    def twilio_status(channel: str, delivery: str) -> Reply:
        _status(needs, channel, delivery, request.form)
        return jsonify({"ok": True}), 200

    @routes.post("/hooks/twilio/sms")
    def twilio_sms() -> Response:
        _inbound(needs, request.form)
        return Response("<Response/>", content_type="text/xml")

    return routes


def _signed(needs: WebNeeds) -> bool:
    public_url, signature = needs.public_url(), request.headers.get("X-Twilio-Signature", "")
    if public_url is None or not signature:
        return False
    query = request.query_string.decode("latin-1")
    url = public_url.rstrip("/") + request.path + (f"?{query}" if query else "")
    channel = (request.view_args or {}).get("channel")
    return any(signed_by(token, url, request.form, signature) for token in _tokens(needs, channel))


def _tokens(needs: WebNeeds, channel: str | None) -> Iterator[str]:
    """The auth tokens that may sign for this channel: its account's own, else the deployment's; for what names no
    channel (a person's text) any account's. Of each the primary, and the secondary while they are being changed: Twilio
    signs with the primary, and which that is changes at its own moment."""
    settings, own = needs.settings(), needs.callback_tokens()
    secrets = [] if channel in own else [settings.twilio_token, settings.twilio_token_secondary]
    for id, more in own.items():
        if channel in (None, id):
            secrets.extend(more)
    for secret in secrets:
        if secret is not None:
            yield secret.reveal()


# ── what became of a message ─────────────────────────────────────────────────────────────────────────────────────────


def _status(needs: WebNeeds, channel: str, delivery: str, form: Mapping[str, str]) -> None:
    fate, sid = fate_of(form), form.get("MessageSid", "")[:64]
    if fate is None or not sid:
        metrics.CALLBACKS.labels("twilio", "interim").inc()
        return
    now = needs.clock.now()
    again = _again(needs, fate, form.get("To", ""), now)
    changed = needs.store.callback(sid, fate.state, fate.reason, now, delivery=delivery, route=channel, again=again)
    metrics.CALLBACKS.labels("twilio", "changed" if changed else "unchanged").inc()
    if changed:
        metrics.FATES.labels("twilio", fate.state, fate.reason).inc()
    if changed is DeliveryState.PENDING:
        metrics.SECOND_ATTEMPTS.labels("twilio", fate.reason).inc()
    if fate.state is DeliveryState.FAILED:
        log.warning("sms.failed", delivery=delivery, channel=channel, code=fate.code, reason=fate.reason,
                    again=changed is DeliveryState.PENDING)
    if fate.reason is Reason.OPTED_OUT and form.get("To"):
        _opt_out(needs, form["To"], "Twilio 21610")
    if changed and fate.stops:
        _stop(needs, channel, fate.reason)


def _again(needs: WebNeeds, fate: Fate, address: str, now: datetime) -> tuple[datetime, ...]:
    """When further messages may follow one that met this fate."""
    meaning = fate.meaning
    if meaning is None:
        return ()
    found = waits(
        needs.delivery(), passes=meaning.klass is CodeClass.WAIT and meaning.second,
        in_doubt=meaning.klass is CodeClass.UNKNOWN, least=meaning.wait)
    if not found or not address:
        return times(found, (), now)
    with needs.store.reading() as tx:
        people = tx.subscribers_at(AddressKind.PHONE, [address])
    return times(found, people, now)


def _stop(needs: WebNeeds, channel: str, reason: Reason) -> None:
    """Stop a channel whose account or sender is at fault, unless it is stopped already: every message after this one
    would be accepted, paid for and lost."""
    now, switch = needs.clock.now(), f"stop:{channel}"
    with needs.store.transaction() as tx:
        stop = read_stop(tx.switch(switch))
        if stop is not None and stop.holds(now) and stop.why != TRYING:
            return
        tx.set_switch(switch, Stop(now + STOPPED_FOR, f"{LATER} {reason}").to_switch(), "twilio", now)
    metrics.CHANNEL_STOPPED.labels(channel).set(1)
    log.error("channel.stopped", channel=channel, reason=reason, seconds=STOPPED_FOR.total_seconds())


# ── what people text us ──────────────────────────────────────────────────────────────────────────────────────────────


def _inbound(needs: WebNeeds, form: Mapping[str, str]) -> None:
    sender = form.get("From", "")
    wish = classify(form.get("OptOutType") or form.get("Body", ""))
    if wish is Wish.STOP and sender:
        _opt_out(needs, sender, "STOP by SMS")
    elif wish is Wish.START and sender:
        _opt_in(needs, sender, form.get("MessageSid", ""))


def _opt_out(needs: WebNeeds, address: str, how: str) -> None:
    with needs.store.transaction() as tx:
        known = tx.opt_out(AddressKind.PHONE, address, needs.clock.now(), how)
    metrics.OPT_OUTS.labels("sms").inc()
    log.info("subscriber.opted_out", how=how, known=known)


def _opt_in(needs: WebNeeds, address: str, sid: str) -> None:
    """Take a START once. A repeat of it may come after a STOP, and must not bring back who has left; a repeated STOP
    may, since silence is the smaller wrong."""
    now = needs.clock.now()
    with needs.store.transaction() as tx:
        if not _is_new(tx, sid[:64], needs):
            return
        known = tx.opt_in(AddressKind.PHONE, address, now, "START by SMS")
    log.info("subscriber.opted_in", how="START by SMS", known=known)


def _is_new(tx: Transaction, sid: str, needs: WebNeeds) -> bool:
    """Whether this START was not taken before; it is then kept among the last `STARTS_KEPT`, for all nodes."""
    if not sid:
        return True
    kept: list[str] = json.loads(tx.checkpoint("twilio.starts") or b"[]")
    if sid in kept:
        return False
    tx.put_checkpoint("twilio.starts", json.dumps([*kept, sid][-STARTS_KEPT:]).encode(), needs.clock.now())
    return True
