"""Webhooks in: alerts, posts, results of probe agents, and Twilio's word on messages and on people who text STOP."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

import structlog
from flask import Blueprint, Response, jsonify, request
from twilio.request_validator import RequestValidator

from .. import metrics
from ..model.delivery import DeliveryState, Reason
from ..model.people import AddressKind
from ..people.opt import Wish, classify
from ..ports import Answer
from ..secret import Secret
from .needs import WebNeeds

log = structlog.get_logger(__name__)

Reply = tuple[Response, int]

_TWILIO_FINAL: Mapping[str, DeliveryState] = {
    "delivered": DeliveryState.DELIVERED, "undelivered": DeliveryState.FAILED, "failed": DeliveryState.FAILED,
}
_TWILIO_REASONS: Mapping[str, Reason] = {
    "21610": Reason.OPTED_OUT, "30003": Reason.UNREACHABLE, "30004": Reason.RECIPIENT_GONE,
    "30005": Reason.RECIPIENT_GONE, "30006": Reason.INVALID_ADDRESS, "30007": Reason.FILTERED,
    "30034": Reason.NOT_PERMITTED, "30008": Reason.SERVER_ERROR,
}
"""Twilio error codes that arrive by callback; twilio.com/docs/api/errors."""


def _refuse(status: int, problem: str) -> Reply:
    return jsonify({"error": problem}), status


def bearer_fits(secret: Secret | None) -> bool:
    """Whether the request carries this token; no token fits where none is configured."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    return secret is not None and hmac.compare_digest(given.encode(), secret.reveal().encode())


def hook_routes(needs: WebNeeds) -> Blueprint:
    """All webhooks in. Each checks who is calling before it reads what was said."""
    routes = Blueprint("hooks", __name__)
    _hearing(routes, needs)
    _twilio(routes, needs)
    return routes


def _hearing(routes: Blueprint, needs: WebNeeds) -> None:
    @routes.post("/hooks/alerts/<source>")
    def alerts(source: str) -> Reply:
        if not bearer_fits(needs.settings().alerts_token):
            return _refuse(401, "missing or wrong bearer token")
        if source not in needs.pushable():
            return _refuse(404, "no source of that name takes pushed alerts")
        answer = Answer(needs.clock.now(), 200, {"content-type": request.content_type or ""}, request.get_data())
        needs.push_poll(source, answer)
        return jsonify({"ok": True}), 200

    @routes.post("/hooks/mentions/<source>")
    def mentions(source: str) -> Reply:
        if source not in needs.mention_sources():
            return _refuse(404, "no mention source of that name takes pushes")
        headers = {name.lower(): value for name, value in request.headers.items()}
        accepted, refused, problem = needs.push_mentions(source, request.get_data(), headers)
        if problem:
            return _refuse(401, problem)
        return jsonify({"accepted": accepted, "refused": list(refused)}), 200

    @routes.post("/hooks/probes/<source>")
    def probes(source: str) -> Reply:
        headers = {name.lower(): value for name, value in request.headers.items()}
        status, said = needs.push_results(source, request.get_data(), headers)
        return jsonify(said), status


def _twilio(routes: Blueprint, needs: WebNeeds) -> None:
    @routes.post("/hooks/twilio/status/<delivery>")
    def twilio_status(delivery: str) -> Reply:
        if not _twilio_signed(needs):
            return _refuse(403, "signature does not fit")
        return _twilio_callback(needs, delivery, request.form)

    @routes.post("/hooks/twilio/sms")
    def twilio_sms() -> Reply | Response:
        if not _twilio_signed(needs):
            return _refuse(403, "signature does not fit")
        _inbound_sms(needs, request.form)
        return Response("<Response/>", content_type="text/xml")


def _twilio_signed(needs: WebNeeds) -> bool:
    secret, public_url = needs.settings().twilio_token, needs.public_url()
    signature = request.headers.get("X-Twilio-Signature", "")
    if secret is None or public_url is None or not signature:
        metrics.CALLBACKS.labels("twilio", "forged").inc()
        return False
    url = public_url.rstrip("/") + request.full_path.rstrip("?")
    fits = bool(RequestValidator(secret.reveal()).validate(url, request.form, signature))
    if not fits:
        metrics.CALLBACKS.labels("twilio", "forged").inc()
    return fits


def _twilio_callback(needs: WebNeeds, delivery: str, form: Mapping[str, str]) -> Reply:
    state = _TWILIO_FINAL.get(form.get("MessageStatus", ""))
    sid = form.get("MessageSid", "")
    if state is None or not sid:
        metrics.CALLBACKS.labels("twilio", "interim").inc()
        return jsonify({"ok": True}), 200
    reason = Reason.ACCEPTED if state is DeliveryState.DELIVERED else _TWILIO_REASONS.get(
        form.get("ErrorCode", ""), Reason.BAD_ANSWER)
    changed = needs.store.callback(sid, state, reason, needs.clock.now(), delivery=delivery)
    metrics.CALLBACKS.labels("twilio", "changed" if changed else "unchanged").inc()
    if reason is Reason.OPTED_OUT and form.get("To"):
        _opt_out(needs, form["To"], "Twilio 21610")
    return jsonify({"ok": True}), 200


def _inbound_sms(needs: WebNeeds, form: Mapping[str, str]) -> None:
    sender = form.get("From", "")
    wish = classify(form.get("OptOutType") or form.get("Body", ""))
    if wish is Wish.STOP and sender:
        _opt_out(needs, sender, "STOP by SMS")
    elif wish is Wish.START and sender:
        with needs.store.transaction() as tx:
            known = tx.opt_in(AddressKind.PHONE, sender, needs.clock.now(), "START by SMS")
        log.info("subscriber.opted_in", how="START by SMS", known=known)


def _opt_out(needs: WebNeeds, address: str, how: str) -> None:
    with needs.store.transaction() as tx:
        known = tx.opt_out(AddressKind.PHONE, address, needs.clock.now(), how)
    metrics.OPT_OUTS.labels("sms").inc()
    log.info("subscriber.opted_out", how=how, known=known)
