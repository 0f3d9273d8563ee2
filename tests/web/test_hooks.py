"""Webhooks in: who may speak, and what is done with what they say."""

from __future__ import annotations

import pytest
from twilio.request_validator import RequestValidator

from notifier.model.people import AddressKind
from notifier.secret import Secret

from .conftest import BASE, SUBSCRIBER, Site

ALERTS = {"Authorization": "Bearer alerts-secret-" + "x" * 32}


def twilio_post(site: Site, path: str, form: dict[str, str], *, token: str = "twilio-secret-" + "x" * 32) -> int:
    signature = RequestValidator(token).compute_signature(BASE + path, form)
    return site.client.post(path, data=form, headers={"X-Twilio-Signature": signature}).status_code


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


@pytest.mark.parametrize("body", ["STOP", "stop", " Stop ", "Unsubscribe"])
def test_stop_is_honoured_whatever_its_case(site: Site, body: str) -> None:
    assert twilio_post(site, "/hooks/twilio/sms", {"From": SUBSCRIBER.address, "Body": body}) == 200
    with site.store.transaction() as tx:
        assert tx.is_opted_out(AddressKind.PHONE, SUBSCRIBER.address)


def test_start_brings_a_person_back(site: Site) -> None:
    twilio_post(site, "/hooks/twilio/sms", {"From": SUBSCRIBER.address, "Body": "STOP"})
    twilio_post(site, "/hooks/twilio/sms", {"From": SUBSCRIBER.address, "Body": "START"})
    with site.store.transaction() as tx:
        assert not tx.is_opted_out(AddressKind.PHONE, SUBSCRIBER.address)


def test_a_forged_stop_changes_nothing(site: Site) -> None:
    assert twilio_post(site, "/hooks/twilio/sms", {"From": SUBSCRIBER.address, "Body": "STOP"}, token="guess") == 403
    with site.store.transaction() as tx:
        assert not tx.is_opted_out(AddressKind.PHONE, SUBSCRIBER.address)


def test_a_callback_for_a_message_nobody_sent_is_taken_quietly(site: Site) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    assert twilio_post(site, "/hooks/twilio/status/unknown", form) == 200


def test_a_callback_that_says_opted_out_opts_out(site: Site) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "21610", "To": SUBSCRIBER.address}
    assert twilio_post(site, "/hooks/twilio/status/d1", form) == 200
    with site.store.transaction() as tx:
        assert tx.is_opted_out(AddressKind.PHONE, SUBSCRIBER.address)


def test_a_reload_of_the_secrets_takes_effect_at_the_next_request(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_NEW", "new-secret-" + "x" * 32)
    new = Secret(env="TEST_NEW")
    site.now.settings = site.now.settings.model_copy(update={"alerts_token": new, "twilio_token": new})
    assert site.client.post("/hooks/alerts/am", data=b"{}", headers=ALERTS).status_code == 401
    fresh = {"Authorization": "Bearer new-secret-" + "x" * 32}
    assert site.client.post("/hooks/alerts/am", data=b"{}", headers=fresh).status_code == 200
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    assert twilio_post(site, "/hooks/twilio/status/d1", form) == 403
    assert twilio_post(site, "/hooks/twilio/status/d1", form, token="new-secret-" + "x" * 32) == 200


def test_a_reload_of_the_public_url_changes_what_twilio_must_have_signed(site: Site) -> None:
    site.now.public_url = "https://other.example.net"
    assert twilio_post(site, "/hooks/twilio/status/d1", {"MessageSid": "SM1", "MessageStatus": "delivered"}) == 403


def test_results_of_probe_agents_are_handed_on_with_their_headers(site: Site) -> None:
    signed = site.client.post("/hooks/probes/apn", data=b"{}", headers={"Webhook-Signature": "v1,x"})
    assert (signed.status_code, signed.get_json()) == (200, {"accepted": 1})
    refused = site.client.post("/hooks/probes/apn", data=b"{}")
    assert (refused.status_code, refused.get_json()) == (401, {"error": "no signature"})
    assert [(source, sent) for source, sent, _ in site.heard.results] == [("apn", b"{}")] * 2
    assert site.client.get("/hooks/probes/apn").status_code == 405
    assert site.client.post("/hooks/probes/apn", data=b"x" * 20_000).status_code == 413
    assert site.heard.polls == []
