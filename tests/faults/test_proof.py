"""The enumeration itself, and one case of every fault on every store it knows; `make proof` plays them all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notifier.failpoints import SEND_PATH
from notifier.store import StoreSettings, open_store

from ..postgres_server import postgres_server
from .cut import laid, listening
from .kinds import KINDS
from .nursery import Nursery
from .proof import FAULTS, Case, Tally, beyond, cases, run, some
from .test_kill import RECOVERING
from .troubled import CUTS, LIVES, Place

ALL = tuple(cases())


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """A server at the end of a cable, where cables can be laid."""
    with laid() as (cables, _), postgres_server(*listening(cables)) as server:
        yield Place(server, "", cables)


@pytest.fixture(scope="module")
def template_here(place: Place) -> str:
    name = place.server.database()
    open_store(StoreSettings(url=place.server.address(name))).close()
    return name


def test_every_step_channel_and_fault_has_its_cases() -> None:
    assert len(set(ALL)) == len(ALL) > 2_000
    assert {case.point for case in ALL} == set(SEND_PATH) - set(RECOVERING)
    assert {case.kind for case in ALL} == set(KINDS)
    assert {case.fault for case in ALL} == set(FAULTS) == set(LIVES)
    assert set(some(100)) < set(ALL)


def test_what_is_no_case_has_a_reason() -> None:
    assert beyond(Case("sqlite", "x", "hand_over.before_commit", "kill", ""))
    assert beyond(Case("sqlite", "x", "settle.before_commit", "locked", ""))
    assert beyond(Case("postgres", "sms", "decide.before_commit", "restored", ""))
    assert not beyond(Case("sqlite", "sms", "hand_over.before_commit", "kill", ""))


@pytest.mark.parametrize(("fault", "engine"), [(fault, engine) for fault in sorted(FAULTS) for engine in FAULTS[fault]])
def test_one_case_of(fault: str, engine: str, nursery: Nursery, place: Place, template_here: str) -> None:
    """Right before the second message leaves; what backs up does so when the first is claimed."""
    if fault in CUTS and place.cables is None:
        pytest.skip("no cables can be laid here: that needs root and iproute2")
    case = Case(engine, "sms", "claim.after_commit" if fault == "restored" else "channel.before_request", fault, "")
    tally = Tally()
    run(case, nursery, place, template_here, tally)
    assert not tally.broken
    assert tally.sent == 3
    assert not tally.unmet, "the fault began"
