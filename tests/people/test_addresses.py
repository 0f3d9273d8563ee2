"""Addresses are read strictly: what is not plainly one is refused, and the refusal never repeats it."""

from __future__ import annotations

import pytest
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from notifier.model.people import AddressKind
from notifier.people.addresses import parse_address, parse_email, parse_phone
from notifier.people.settings import PeopleSettings
from tests.shared_data import shared

SETTINGS = PeopleSettings(phone_region="US")


def test_the_floor_no_address_known_to_be_wrong_is_taken() -> None:
    """isemail's own cases: none of its errors may pass, and its plainly valid addresses must."""
    cases = ElementTree.parse(shared("data/api/isemail/tests.xml")).getroot().findall("test")
    taken: dict[str, int] = {}
    refused: dict[str, int] = {}
    for case in cases:
        address = "".join(_control(c) for c in case.findtext("address") or "")
        category = case.findtext("category") or ""
        counts = refused if isinstance(parse_email(address), str) else taken
        counts[category] = counts.get(category, 0) + 1
    assert len(cases) == 164
    assert taken == {"ISEMAIL_VALID_CATEGORY": 13, "ISEMAIL_DNSWARN": 8}
    assert refused["ISEMAIL_ERR"] == 66
    assert refused["ISEMAIL_VALID_CATEGORY"] == 1, "a name without a dot, which is never a customer's"


def _control(char: str) -> str:
    """The cases spell control characters as U+2400 and the code."""
    return chr(ord(char) - 0x2400) if 0x2400 <= ord(char) <= 0x2420 else char


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        pytest.param(" Ann.B+x@Example.COM ", "Ann.B+x@example.com", id="the domain is lower-cased, the name is not"),
        pytest.param("o'neil@mail.example.co.uk", "o'neil@mail.example.co.uk", id="an apostrophe is plain"),
    ],
)
def test_plain_mail_addresses(text: str, normal: str) -> None:
    assert parse_address(text, settings=SETTINGS) == (AddressKind.EMAIL, normal)


@pytest.mark.parametrize(
    "text",
    [
        "a@b", "@example.com", "a@", "a b@example.com", "a@exa mple.com", "a..b@example.com", ".a@example.com",
        "a@-example.com", "a@example.123", "a@[127.0.0.1]", '"a b"@example.com', "a@example.com\r\nBcc:x@example.com",
        "a@b@example.com", "ä@example.com", "a@exämple.com", "a" * 65 + "@example.com", "a@" + "b." * 130 + "com",
        "<a@example.com>", "a@example..com", "a@example.com,b@example.com",
    ],
)  # fmt: skip
def test_other_mail_addresses_are_refused_without_being_repeated(text: str) -> None:
    problem = parse_address(text, settings=SETTINGS)
    assert isinstance(problem, str)
    assert text not in problem


@pytest.mark.parametrize(
    ("text", "region", "normal"),
    [
        pytest.param("+1 802 555 0101", None, "+18025550101", id="with country code"),
        pytest.param("(802) 555-0101", "US", "+18025550101", id="as it is written at home"),
        pytest.param("tel:+44 20 7946 0958", "US", "+442079460958", id="another country's"),
        pytest.param("0044 20 7946 0958", "DE", "+442079460958", id="with an international prefix"),
    ],
)
def test_phone_numbers_become_e164(text: str, region: str | None, normal: str) -> None:
    assert parse_phone(text, region) == (AddressKind.PHONE, normal)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        pytest.param("8025550101", None, id="no country"),
        pytest.param("+1 555", "US", id="too short"),
        pytest.param("+1 802 555 01012", "US", id="too long"),
        pytest.param("911", "US", id="an emergency number"),
        pytest.param("+999 12345678", "US", id="no such country"),
        pytest.param("1-800-FLOWERS", "US", id="letters"),
        pytest.param("+1 802 555 0101 ext. 7", "US", id="an extension"),
        pytest.param("", "US", id="nothing"),
        pytest.param("+١٨٠٢٥٥٥٠١٠١", "US", id="other digits"),
    ],
)
def test_other_phone_numbers_are_refused(text: str, region: str | None) -> None:
    assert isinstance(parse_phone(text, region), str)


@given(st.text(max_size=80))
def test_what_is_taken_reads_the_same_again(text: str) -> None:
    parsed = parse_address(text, settings=SETTINGS)
    if not isinstance(parsed, str):
        assert parse_address(parsed[1], settings=PeopleSettings()) == parsed
        assert parsed[1].isascii()
        assert not any(c.isspace() for c in parsed[1])


@given(st.from_regex(r"\+1802555[0-9]{4}", fullmatch=True))
def test_e164_stays_as_it_is(text: str) -> None:
    assert parse_address(text, settings=SETTINGS) == (AddressKind.PHONE, text)


def test_settings_refuse_a_zone_that_does_not_exist() -> None:
    with pytest.raises(ValidationError, match="IANA time zone"):
        PeopleSettings(timezone="Mars/Olympus")
    assert PeopleSettings.model_validate({"quiet_hours": {"start": "21:00", "end": "08:00"}}).quiet_hours is not None
