"""Health and metrics."""

from __future__ import annotations

import urllib.request
from dataclasses import replace

from notifier.web.server import WebServer

from .conftest import Site


def test_it_is_alive_while_every_loop_turns(site: Site) -> None:
    assert site.client.get("/healthz").status_code == 200
    site.heard.stuck.append("sender:x")
    answer = site.client.get("/healthz")
    assert answer.status_code == 503
    assert answer.get_json()["stuck"] == ["sender:x"]


def test_it_is_ready_only_when_nothing_is_missing(site: Site) -> None:
    assert site.client.get("/readyz").status_code == 200
    site.heard.missing.append("the store cannot be written")
    assert site.client.get("/readyz").get_json() == {"ok": False, "missing": ["the store cannot be written"]}


def test_metrics_speak_the_format_that_is_asked_for(site: Site) -> None:
    text = site.client.get("/metrics")
    assert b"notifier_polls_total" in text.data
    assert text.content_type.startswith("text/plain")
    openmetrics = site.client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert openmetrics.content_type.startswith("application/openmetrics-text")
    assert openmetrics.data.rstrip().endswith(b"# EOF")


def test_a_real_server_answers_and_stops(site: Site) -> None:
    settings = site.now.settings.model_copy(update={"port": 0})
    server = WebServer(replace(site.needs, settings=lambda: settings))
    server.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/healthz", timeout=5) as answer:
            assert answer.status == 200
    finally:
        server.stop()
        server.stop()


def test_unknown_paths_answer_in_json_without_a_trace(site: Site) -> None:
    answer = site.client.get("/nowhere")
    assert (answer.status_code, answer.get_json()) == (404, {"error": "Not Found"})
