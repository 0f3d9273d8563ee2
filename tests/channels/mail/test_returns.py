"""A return path names its delivery, and nobody without the key can make one."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.channels.mail.returns import delivery_in, return_path
from notifier.channels.mail.settings import BOUNCE_LOCAL_MOST, is_address

BASE = "bounces@example.net"
KEY = "k" * 32
ID = "0d9e2f2e-7a53-5b1c-9d5e-0c1b2a3d4e5f"


@given(st.uuids(), st.text(min_size=1, max_size=40))
def test_it_comes_back_with_what_was_sent(id: uuid.UUID, key: str) -> None:
    path = return_path(BASE, str(id), key)
    assert delivery_in(path, BASE, key) == str(id)
    assert delivery_in(path.upper(), BASE, key) == str(id), "some machines write in another case"
    assert delivery_in(path, BASE, key + "x") is None


@given(st.uuids())
def test_it_is_an_address_however_long_the_name(id: uuid.UUID) -> None:
    path = return_path("b" * BOUNCE_LOCAL_MOST + "@example.net", str(id), KEY)
    assert is_address(path)
    assert len(path.partition("@")[0]) <= 64


@pytest.mark.parametrize("id", ["", "N1/main/1", ID.upper(), ID.replace("-", "")])
def test_a_delivery_of_another_kind_gets_no_mark(id: str) -> None:
    assert return_path(BASE, id, KEY) == BASE


MARKED = return_path(BASE, ID, KEY)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(MARKED, id="alone"),
        pytest.param(f"<{MARKED}>", id="in brackets"),
        pytest.param(f"Ann <ann@e.org>, <{MARKED}>, c@d.e", id="among others"),
        pytest.param(f"bounces+{'a' * 42}@example.net\n{MARKED}", id="after a made-up one"),
        pytest.param(f"rfc822;{MARKED}", id="after a type"),
    ],
)
def test_it_is_found(text: str) -> None:
    assert delivery_in(text, BASE, KEY) == ID


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param(BASE, id="no mark"),
        pytest.param(MARKED.replace("+", "-"), id="another sign"),
        pytest.param(MARKED[:-1], id="another domain"),
        pytest.param(f"{MARKED}.evil.example", id="a longer domain"),
        pytest.param(f"x{MARKED}", id="a longer name"),
        pytest.param(f"x.{MARKED}", id="a longer name with a dot"),
        pytest.param(MARKED[:8] + ("b" if MARKED[8] == "a" else "a") + MARKED[9:], id="another delivery's mark"),
        pytest.param(f"bounces+{'a' * 42}@example.net" * 1000, id="many made up"),
    ],
)
def test_nothing_else_is(text: str) -> None:
    assert delivery_in(text, BASE, KEY) is None
