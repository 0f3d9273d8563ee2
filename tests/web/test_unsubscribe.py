"""One-click unsubscribing (RFC 8058)."""

from __future__ import annotations

import pytest

from notifier.model.people import AddressKind
from notifier.people.links import unsubscribe_url
from notifier.secret import Secret

from .conftest import BASE, SUBSCRIBER, Site

KEY = "unsubscribe-secret-" + "x" * 32


def path() -> str:
    return unsubscribe_url(KEY, BASE, SUBSCRIBER.id).removeprefix(BASE)


def opted_out(site: Site) -> bool:
    with site.store.transaction() as tx:
        return tx.is_opted_out(AddressKind.PHONE, SUBSCRIBER.address)


def test_one_post_without_login_is_enough_and_may_be_repeated(site: Site) -> None:
    for _ in range(2):
        assert site.client.post(path(), data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert opted_out(site)


def test_following_the_link_only_shows_a_button(site: Site) -> None:
    page = site.client.get(path())
    assert b'<form method="post">' in page.data
    assert SUBSCRIBER.address.encode() not in page.data
    assert not opted_out(site)


def test_a_made_up_link_says_so_and_changes_nothing(site: Site) -> None:
    assert site.client.post("/u/c29tZXRoaW5n").status_code == 404
    assert not opted_out(site)


def test_a_reload_of_the_key_and_of_the_name_takes_effect_at_the_next_request(
        site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.now.company = "New Name Mobile"
    assert b"New Name Mobile" in site.client.get(path()).data
    monkeypatch.setenv("TEST_NEW", "another-secret-" + "x" * 32)
    site.now.settings = site.now.settings.model_copy(update={"unsubscribe_key": Secret(env="TEST_NEW")})
    assert site.client.post(path()).status_code == 404
    assert not opted_out(site)
