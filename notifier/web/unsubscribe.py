"""Unsubscribing: one POST without login (RFC 8058), and a page with one button for people who follow the link."""

from __future__ import annotations

import html

import structlog
from flask import Blueprint, Response

from .. import metrics
from ..people.links import verify
from .needs import WebNeeds

log = structlog.get_logger(__name__)

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><body style="font:18px/1.5 system-ui;max-width:32em;margin:3em auto;padding:0 1em">
<h1>{title}</h1><p>{text}</p>{form}</body></html>"""
_BUTTON = '<form method="post"><button style="font:inherit;padding:.5em 1em">Stop outage messages</button></form>'


def _page(title: str, text: str, *, form: str = "", status: int = 200) -> Response:
    body = _PAGE.format(title=html.escape(title), text=html.escape(text), form=form)
    return Response(body, status=status, content_type="text/html; charset=utf-8",
                    headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
                             "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})


def unsubscribe_routes(needs: WebNeeds) -> Blueprint:
    """GET shows, POST does: mail scanners follow links, and must not unsubscribe anybody by it."""
    routes = Blueprint("unsubscribe", __name__)

    def subscriber_of(token: str) -> str | None:
        key = needs.settings().unsubscribe_key
        return verify(key.reveal(), token) if key is not None else None

    @routes.get("/u/<token>")
    def show(token: str) -> Response:
        if subscriber_of(token) is None:
            return _page("This link is not valid", "Reply STOP to a text message, or write to us.", status=404)
        return _page(needs.company(), "You receive messages about outages where you live.", form=_BUTTON)

    @routes.post("/u/<token>")
    def stop(token: str) -> Response:
        subscriber = subscriber_of(token)
        if subscriber is None:
            return _page("This link is not valid", "Reply STOP to a text message, or write to us.", status=404)
        with needs.store.transaction() as tx:
            person = tx.subscriber(subscriber)
            if person is not None and person.opted_out_at is None:
                tx.opt_out(person.kind, person.address, needs.clock.now(), "one-click unsubscribe")
                metrics.OPT_OUTS.labels("one_click").inc()
        log.info("subscriber.opted_out", how="one-click unsubscribe", known=person is not None)
        return _page("Done", "You will receive no more messages about outages.")

    return routes
