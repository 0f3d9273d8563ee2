"""The web part's application and its server thread."""

from __future__ import annotations

import threading

import structlog
from flask import Flask, Response, jsonify, request
from waitress.server import create_server
from werkzeug.exceptions import HTTPException

from ..ports import StoreUnavailable
from ..secret import SecretMissing
from .bounces import bounce_routes
from .health import health_routes
from .hooks import hook_routes
from .needs import WebNeeds
from .unsubscribe import unsubscribe_routes

log = structlog.get_logger(__name__)


def make_web(needs: WebNeeds) -> Flask:
    """The WSGI application over what the daemon gives it. Errors answer in JSON and never show a trace."""
    web = Flask("notifier")
    web.config["MAX_CONTENT_LENGTH"] = web.config["MAX_FORM_MEMORY_SIZE"] = needs.settings().body_limit
    for routes in (health_routes(needs), hook_routes(needs), bounce_routes(needs), unsubscribe_routes(needs)):
        web.register_blueprint(routes)

    @web.errorhandler(HTTPException)
    def refused(error: HTTPException) -> tuple[Response, int]:
        return jsonify({"error": error.name}), error.code or 500

    @web.errorhandler(StoreUnavailable)
    @web.errorhandler(SecretMissing)
    def unavailable(error: Exception) -> tuple[Response, int]:
        log.error("web.unavailable", path=request.path.split("/")[1], error=type(error).__name__)
        return jsonify({"error": "try again later"}), 503

    @web.errorhandler(Exception)
    def broken(error: Exception) -> tuple[Response, int]:
        log.error("web.failed", path=request.path.split("/")[1], error=type(error).__name__, exc_info=error)
        return jsonify({"error": "internal error"}), 500

    return web


class CannotListen(Exception):
    """The web part's address cannot be listened on: change web.host or web.port, or end what holds it."""


class WebServer:
    """Waitress in a thread of its own; the main thread keeps the signals. `port` is the real one after `start`.

    Raises CannotListen where the address is taken or not this machine's.
    """

    def __init__(self, needs: WebNeeds) -> None:
        self._stopping = threading.Event()
        settings = needs.settings()
        try:
            self._server = create_server(
                make_web(needs), host=settings.host, port=settings.port, threads=settings.threads,
                max_request_body_size=settings.body_limit, channel_timeout=30, ident="notifier")
        except (OSError, ValueError) as error:  # waitress wraps names it cannot resolve in a ValueError
            why = getattr(error, "strerror", None) or str(error)
            raise CannotListen(f"the web part cannot listen on {settings.host}:{settings.port}: {why}; "
                               "change web.host or web.port, or end what holds it") from error
        self.port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Begin answering. The port was bound when the object was made, so a taken port fails at start, not later."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._server.run()
        except OSError:  # waitress looks once more at the sockets that `stop` has closed
            if not self._stopping.is_set():
                raise

    def stop(self) -> None:
        """Stop answering; harmless when called twice."""
        self._stopping.set()
        self._server.close()
        self._thread.join(5)
