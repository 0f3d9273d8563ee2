"""Webhooks in: alerts, posts and results of probe agents; what Twilio says has a module of its own."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, jsonify, request

from ..ports import Answer
from ..secret import Secret
from .needs import WebNeeds
from .twilio import twilio_routes

Reply = tuple[Response, int]


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
    routes.register_blueprint(twilio_routes(needs))
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

