"""Webhooks in: who may speak, and what is done with what they say."""

from __future__ import annotations

import pytest

from notifier.secret import Secret

from .conftest import Site

ALERTS = {"Authorization": "Bearer alerts-secret-" + "x" * 32}


def test_alerts_are_handed_on_as_they_came(site: Site) -> None:
    answer = site.client.post("/hooks/alerts/am", data=b'{"version":"4"}', headers=ALERTS)
    assert answer.status_code == 200
    assert [(source, taken.body) for source, taken in site.heard.polls] == [("am", b'{"version":"4"}')]


@pytest.mark.parametrize(("path", "headers", "status"), [
    pytest.param("/hooks/alerts/am", {}, 401, id="no token"),
    pytest.param("/hooks/alerts/am", {"Authorization": "Bearer wrong"}, 401, id="a wrong token"),
    pytest.param("/hooks/alerts/github", ALERTS, 404, id="a source that takes no pushes"),
])
def test_alerts_from_strangers_change_nothing(site: Site, path: str, headers: dict[str, str], status: int) -> None:
    assert site.client.post(path, data=b"{}", headers=headers).status_code == status
    assert site.heard.polls == []


def test_a_body_over_the_limit_is_refused(site: Site) -> None:
    assert site.client.post("/hooks/alerts/am", data=b"x" * 20_000, headers=ALERTS).status_code == 413
    assert site.heard.polls == []


def test_pushed_posts_need_a_signature(site: Site) -> None:
    assert site.client.post("/hooks/mentions/export", data=b"{}").status_code == 401
    assert site.client.post("/hooks/mentions/export", data=b"{}", headers={"Webhook-Signature": "v1,x"}).get_json() == {
        "accepted": 1, "refused": []}
    assert site.client.post("/hooks/mentions/other", data=b"{}").status_code == 404


def test_a_reload_of_the_secret_takes_effect_at_the_next_request(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_NEW", "new-secret-" + "x" * 32)
    site.now.settings = site.now.settings.model_copy(update={"alerts_token": Secret(env="TEST_NEW")})
    assert site.client.post("/hooks/alerts/am", data=b"{}", headers=ALERTS).status_code == 401
    fresh = {"Authorization": "Bearer new-secret-" + "x" * 32}
    assert site.client.post("/hooks/alerts/am", data=b"{}", headers=fresh).status_code == 200


def test_results_of_probe_agents_are_handed_on_with_their_headers(site: Site) -> None:
    signed = site.client.post("/hooks/probes/apn", data=b"{}", headers={"Webhook-Signature": "v1,x"})
    assert (signed.status_code, signed.get_json()) == (200, {"accepted": 1})
    refused = site.client.post("/hooks/probes/apn", data=b"{}")
    assert (refused.status_code, refused.get_json()) == (401, {"error": "no signature"})
    assert [(source, sent) for source, sent, _ in site.heard.results] == [("apn", b"{}")] * 2
    assert site.client.get("/hooks/probes/apn").status_code == 405
    assert site.client.post("/hooks/probes/apn", data=b"x" * 20_000).status_code == 413
    assert site.heard.polls == []
