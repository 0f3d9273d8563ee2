"""Bounces in, as a mail server's pipe or a provider's webhook hands them over: the mail as it came, one a request."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from .hooks import bearer_fits
from .needs import WebNeeds


def bounce_routes(needs: WebNeeds) -> Blueprint:
    """POST /hooks/bounces/<channel>. An answer other than 200 asks the relay to try again, or to keep the mail."""
    routes = Blueprint("bounces", __name__)

    @routes.post("/hooks/bounces/<channel>")
    def bounce(channel: str) -> tuple[Response, int]:
        if not bearer_fits(needs.settings().bounces_token):
            return jsonify({"error": "missing or wrong bearer token"}), 401
        result = needs.take_bounce(channel, request.get_data())
        if result is None:
            return jsonify({"error": "no channel of that name sends mail"}), 404
        return jsonify({"result": result}), 200

    return routes
