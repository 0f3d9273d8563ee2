"""Bounces handed in: only by whoever has the token, and as they came."""

from __future__ import annotations

import pytest

from ..channels.mail.reports import report
from .conftest import Site

TOKEN = {"Authorization": "Bearer bounces-secret-" + "x" * 32}


def test_a_bounce_is_handed_on_as_it_came(site: Site) -> None:
    answer = site.client.post("/hooks/bounces/email", data=report(), headers=TOKEN)
    assert (answer.status_code, answer.json) == (200, {"result": "changed"})
    assert site.heard.bounces == [report()]


def test_a_channel_that_sends_no_mail_is_refused(site: Site) -> None:
    assert site.client.post("/hooks/bounces/sms", data=report(), headers=TOKEN).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}])
def test_strangers_change_nothing(site: Site, headers: dict[str, str]) -> None:
    assert site.client.post("/hooks/bounces/email", data=report(), headers=headers).status_code == 401
    assert site.heard.bounces == []


def test_without_a_token_nobody_fits(site: Site) -> None:
    site.now.settings = site.now.settings.model_copy(update={"bounces_token": None})
    assert site.client.post("/hooks/bounces/email", data=report(), headers=TOKEN).status_code == 401


def test_a_mail_over_the_limit_is_refused(site: Site) -> None:
    assert site.client.post("/hooks/bounces/email", data=b"x" * 20_000, headers=TOKEN).status_code == 413
