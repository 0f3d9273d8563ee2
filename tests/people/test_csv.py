"""Imports take what is right, report every row that is not, and read back what was exported."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.model.people import AddressKind, QuietHours, RefusedRow, Subscriber
from notifier.model.region import Region, RegionTree
from notifier.model.service import Service
from notifier.people.csv import COLUMNS, read_subscribers, subscriber_id, write_subscribers
from notifier.people.settings import PeopleSettings

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
TREE = RegionTree(
    {
        "US": Region("US", "United States", "country", timezone="America/Chicago"),
        "US-VT": Region("US-VT", "Vermont", "state", "US", "America/New_York"),
    }
)
SERVICES = {"power": Service(id="power", name="power"), "mobile-data": Service(id="mobile-data", name="mobile data")}
HEAD = "address,regions,consent_at,consent_by"
ROW = "ann@example.com,US-VT,2026-10-01T09:30:00-04:00,web form"


def read(data: bytes | str, **settings: object) -> tuple[tuple[Subscriber, ...], tuple[RefusedRow, ...]]:
    """Read with two regions and two services, as ann."""
    made = PeopleSettings.model_validate({"phone_region": "US", **settings})
    return read_subscribers(data, regions=TREE, services=SERVICES, settings=made, now=NOW, actor="ann")


def test_a_row_becomes_a_subscriber_with_its_proof_of_consent() -> None:
    (person,), refused = read(f"{HEAD}\n{ROW}\n")
    assert refused == ()
    assert person == Subscriber(
        id=subscriber_id(AddressKind.EMAIL, "ann@example.com"),
        kind=AddressKind.EMAIL,
        address="ann@example.com",
        regions=("US-VT",),
        language="en",
        timezone="America/New_York",
        consent_at=datetime(2026, 10, 1, 13, 30, tzinfo=UTC),
        consent_by="web form; CSV import 2026-11-01 by ann",
    )


def test_every_column_is_read_in_any_order() -> None:
    text = (
        "Quiet_End;quiet start;Consent_By;consent_at;timezone;language;services;regions;Address;opted_out_at\n"
        "07:00;22:30;paper;2026-10-01T09:30:00Z;Europe/Madrid;es_ES;power|mobile-data;US|US-VT;(802) 555-0101;"
        "2026-10-02T00:00:00Z\n"
    )
    (person,), refused = read(text)
    assert refused == ()
    assert (person.address, person.regions, person.services) == (
        "+18025550101",
        ("US", "US-VT"),
        ("power", "mobile-data"),
    )
    assert (person.language, person.timezone) == ("es-ES", "Europe/Madrid")
    assert person.quiet_hours == QuietHours(time(22, 30), time(7))
    assert person.opted_out_at == datetime(2026, 10, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(f"{HEAD}\n{ROW}\n".encode(), id="UTF-8"),
        pytest.param(b"\xef\xbb\xbf" + f"{HEAD}\r\n{ROW}\r\n".encode(), id="UTF-8 with mark and Windows line ends"),
        pytest.param(f"{HEAD}\n{ROW}\n".encode("utf-16"), id="UTF-16"),
        pytest.param(f"{HEAD}\n{ROW} \xe9\n".encode("cp1252"), id="Windows-1252"),
        pytest.param(f"{HEAD}\n{ROW}\n".replace(",", ";").encode(), id="semicolons"),
        pytest.param(f"{HEAD}\n{ROW}\n".replace(",", "\t").encode(), id="tabs"),
        pytest.param(f"{HEAD}\n\n  \n{ROW}\n\n".encode(), id="blank lines"),
        pytest.param(
            f'{HEAD}\n"ann@example.com","US-VT","2026-10-01T09:30:00-04:00","web, form"\n'.encode(), id="quotes"
        ),
        pytest.param(f"\ufeff{HEAD}\n{ROW}\n", id="text with mark"),
    ],
)
def test_files_from_any_spreadsheet_are_read(data: bytes | str) -> None:
    (person,), refused = read(data)
    assert (person.address, refused) == ("ann@example.com", ())


@pytest.mark.parametrize(
    ("row", "column", "problem"),
    [
        pytest.param(",US-VT,2026-10-01T09:30:00Z,form", "address", "the address is empty", id="no address"),
        pytest.param("ann,US-VT,2026-10-01T09:30:00Z,form", "address", "expected an e-mail", id="no address at all"),
        pytest.param(
            "a@b.io,,2026-10-01T09:30:00Z,form", "regions", "no region", id="an empty region is not everywhere"
        ),
        pytest.param("a@b.io,US-XX,2026-10-01T09:30:00Z,form", "regions", "'US-XX' is not known", id="unknown region"),
        pytest.param("a@b.io,US-VT,,form", "consent_at", "no consent", id="no consent time"),
        pytest.param("a@b.io,US-VT,2026-10-01T09:30:00,form", "consent_at", "with its zone", id="no zone"),
        pytest.param("a@b.io,US-VT,yes,form", "consent_at", "with its zone", id="not a time"),
        pytest.param("a@b.io,US-VT,2026-11-02T00:00:00Z,form", "consent_at", "in the future", id="consent to come"),
        pytest.param("a@b.io,US-VT,0001-01-01T00:00:00+14:00,f", "consent_at", "with its zone", id="before all time"),
        pytest.param("a@b.io,US-VT,2026-10-01T09:30:00Z,  ", "consent_by", "no consent", id="no consent source"),
        pytest.param("a@b.io,US-VT,2026-10-01T09:30:00Z,form,more", "", "5 cells, the heading 4", id="too many cells"),
        pytest.param("a@b.io,US-VT", "consent_at", "no consent", id="too few cells"),
        pytest.param(f"a@b.io,US-VT,2026-10-01T09:30:00Z,{'x' * 2001}", "", "longer than 2000", id="a huge cell"),
        pytest.param(f"a@b.io,US-VT,2026-10-01T09:30:00Z,{'x' * 140_000}", "", "cannot be read", id="an absurd cell"),
    ],
)
def test_a_wrong_row_is_reported_and_the_others_are_taken(row: str, column: str, problem: str) -> None:
    people, (refusal,) = read(f"{HEAD}\n{row}\n{ROW}\n")
    assert [person.address for person in people] == ["ann@example.com"]
    assert (refusal.line, refusal.column) == (2, column)
    assert problem in refusal.problem


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("services", "fax", "'fax' is not known"),
        ("language", "english!", "language code"),
        ("timezone", "EST5EDT4", "IANA"),
        ("timezone", "../../etc/passwd", "IANA"),
        ("quiet_start", "9pm", "local time"),
        ("quiet_start", "21:00", "local time"),
        ("quiet_start", "21:00Z", "without zone"),
        ("opted_out_at", "yes", "with its zone"),
    ],
)
def test_a_wrong_optional_cell_is_reported(column: str, value: str, problem: str) -> None:
    people, (refusal,) = read(f"{HEAD},{column}\n{ROW},{value}\n")
    assert people == ()
    assert problem in refusal.problem


@pytest.mark.parametrize("spelling", ["ann@EXAMPLE.com", "Ann@example.com", "ANN@example.com"])
def test_a_double_is_reported_with_the_line_it_repeats(spelling: str) -> None:
    people, (refusal,) = read(f"{HEAD}\n{ROW}\n{ROW.replace('ann@example.com', spelling)}\n")
    assert len(people) == 1
    assert refusal == RefusedRow(3, "address", "the same address as in line 2")


def test_line_numbers_count_lines_within_quotes() -> None:
    text = f'{HEAD}\nb@example.com,US-VT,2026-10-01T09:30:00Z,"two\nlines"\nbad,US-VT,2026-10-01T09:30:00Z,form\n'
    people, (refusal,) = read(text)
    assert refusal.line == 4
    assert people[0].consent_by.startswith("two lines;")


def test_mistakes_in_the_heading_are_told_all_at_once() -> None:
    people, refused = read("adress,regions,regions\nx\n")
    assert people == ()
    assert {(row.line, row.column) for row in refused} == {
        (1, "address"), (1, "consent_at"), (1, "consent_by"), (1, "adress"), (1, "regions"),
    }  # fmt: skip


def test_an_empty_file_is_a_heading_mistake() -> None:
    assert [row.line for row in read("")[1]] == [1, 1, 1, 1]


def test_a_file_too_large_is_not_read() -> None:
    people, (refusal,) = read(f"{HEAD}\n{ROW}\n", import_bytes=10)
    assert people == ()
    assert "larger than 10 bytes" in refusal.problem


def test_rows_beyond_the_limit_are_reported_once() -> None:
    rows = "\n".join(ROW.replace("ann", f"ann{n}") for n in range(5))
    people, (refusal,) = read(f"{HEAD}\n{rows}\n", import_rows=3)
    assert len(people) == 3
    assert "more than 3 rows" in refusal.problem


def test_defaults_come_from_the_settings() -> None:
    (person,), _ = read(
        f"{HEAD}\n{ROW}\n", language="es", timezone="Europe/Madrid", quiet_hours={"start": "21:00", "end": "08:00"}
    )
    assert (person.language, person.timezone, person.quiet_hours) == (
        "es",
        "Europe/Madrid",
        QuietHours(time(21), time(8)),
    )


def test_problems_repeat_no_address() -> None:
    text = (
        f"{HEAD}\nsecret-person@bad_domain,US-VT,2026-10-01T09:30:00Z,form\n+1 802 555 9,US-VT,2026-10-01T09:30:00Z,f\n"
    )
    _, refused = read(text)
    assert len(refused) == 2
    assert not any("secret" in row.problem or "802" in row.problem for row in refused)


def test_a_formula_is_made_harmless_on_the_way_out_and_comes_back_whole() -> None:
    (person,), _ = read(f'{HEAD}\n=cmd@example.com,US-VT,2026-10-01T09:30:00Z,"=HYPERLINK(1)"\n')
    written = write_subscribers((person,))
    assert "\r\n'=cmd@example.com," in written
    assert ",'=HYPERLINK(1)" in written
    assert read(written)[0] == (person,)


_word = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=30
)


@given(
    st.lists(
        st.builds(
            lambda n, regions, services, by, quiet, days: Subscriber(
                id=subscriber_id(AddressKind.PHONE, f"+1802555{n:04}"),
                kind=AddressKind.PHONE,
                address=f"+1802555{n:04}",
                regions=tuple(regions),
                language="es-MX",
                timezone="America/Denver",
                consent_at=NOW - timedelta(days=days),
                consent_by=f"x{by}; CSV import 2026-10-01 by bob",
                services=tuple(services),
                quiet_hours=QuietHours(time(quiet), time(23 - quiet)) if quiet else None,
                opted_out_at=NOW if days % 2 else None,
            ),
            st.integers(0, 9999),
            st.lists(st.sampled_from(["US", "US-VT"]), min_size=1, unique=True),
            st.lists(st.sampled_from(["power", "mobile-data"]), unique=True),
            _word,
            st.integers(0, 11),
            st.integers(0, 999),
        ),
        max_size=6,
        unique_by=lambda person: person.id,
    )
)
def test_what_is_written_is_read_back(people: list[Subscriber]) -> None:
    again, refused = read(write_subscribers(tuple(people)))
    assert refused == ()
    assert again == tuple(people)


@given(st.binary(max_size=400))
def test_no_bytes_whatever_make_reading_fail(data: bytes) -> None:
    read(data)
    read(f"{HEAD}\n".encode() + data)


def test_the_heading_is_the_documented_one() -> None:
    assert write_subscribers(()) == ",".join(COLUMNS) + "\r\n"
