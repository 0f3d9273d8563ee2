"""Reading addresses strictly: whatever is not plainly an address is refused with a sentence, never guessed at.

E-mail: the plain form of RFC 5321 (dot-string at a host name), at most 254 octets, 64 before the @. Quoted names,
comments, address literals and names without a dot are legal there and always a mistake here.
Telephone: E.164 by the numbering plans in libphonenumber.
"""

from __future__ import annotations

import re

import phonenumbers

from notifier.model.people import AddressKind

from .settings import PeopleSettings

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PHONE = re.compile(r"\+?[0-9 ().\-/]{4,32}")


def parse_address(text: str, *, settings: PeopleSettings) -> tuple[AddressKind, str] | str:
    """The kind and normal form of an address, or a sentence saying what is wrong, which does not repeat it."""
    text = text.strip(" \t\u00a0")
    if "@" in text:
        return parse_email(text)
    return parse_phone(text, settings.phone_region)


def parse_email(text: str) -> tuple[AddressKind, str] | str:
    """An e-mail address with its domain in lower case, or what is wrong with it."""
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        return "expected name@domain"
    if not text.isascii():
        return "the e-mail address has characters outside ASCII"
    if len(local) > 64 or len(local) + 1 + len(domain) > 254:
        return "the e-mail address is too long"
    if not _LOCAL.fullmatch(local):
        return "the part before the @ is not plain letters, digits and single dots"
    labels = domain.split(".")
    if len(labels) < 2:
        return "the domain has no dot"
    if not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        return "the part after the @ is not a domain name"
    return AddressKind.EMAIL, f"{local}@{domain.lower()}"


def parse_phone(text: str, region: str | None) -> tuple[AddressKind, str] | str:
    """A telephone number in E.164, or what is wrong with it. `region`: country of numbers written without +."""
    text = text.removeprefix("tel:")
    if not _PHONE.fullmatch(text):
        return "expected an e-mail address or a telephone number"
    if region is None and not text.startswith("+"):
        return "expected a telephone number with + and its country code"
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return "the telephone number cannot be read"
    if not phonenumbers.is_valid_number(number):
        return "the telephone number is not one its country assigns"
    return AddressKind.PHONE, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
