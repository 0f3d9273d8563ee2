"""/healthz, /readyz and /metrics."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from .needs import WebNeeds


def health_routes(needs: WebNeeds) -> Blueprint:
    """Liveness (are the loops turning), readiness (can it do its work) and metrics."""
    routes = Blueprint("health", __name__)

    @routes.get("/healthz")
    def healthz() -> tuple[Response, int]:
        stuck = list(needs.stuck())
        return jsonify({"ok": not stuck, "stuck": stuck}), 503 if stuck else 200

    @routes.get("/readyz")
    def readyz() -> tuple[Response, int]:
        missing = list(needs.unready())
        return jsonify({"ok": not missing, "missing": missing}), 503 if missing else 200

    @routes.get("/metrics")
    def metrics() -> Response:
        needs.before_scrape()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(REGISTRY), content_type=content_type)

    return routes
