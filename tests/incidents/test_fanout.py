"""A large audience follows the decision in pieces: nobody is left out or told twice, wherever it breaks off, nobody
hears a second word before the first, and the nearest and those who agreed longest hear first."""

from __future__ import annotations

import os
import signal as signals
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifier.failpoints import FANOUT_PATH
from notifier.incidents import fanout
from notifier.incidents.fanout import Fanout
from notifier.incidents.places import read_places
from notifier.model.channel import ChannelProfile
from notifier.model.delivery import DeliveryState
from notifier.model.notice import Mode, NoticeState, Stage
from notifier.model.people import AddressKind, QuietHours, Subscriber
from notifier.model.service import Service
from notifier.model.staff import Verb
from notifier.ports import StoreUnavailable
from notifier.store import outbox

from .builders import CHANNELS, CROWD, MEASURED, NOW, crowd, policy, signal, speaker
from .scene import Scene

NIGHT = QuietHours(time(5), time(23))
"""Quiet at the scene's noon in UTC, and for longer than any notice lives."""
BOTH = {**CHANNELS, "email": ChannelProfile("email", "email", Mode.TEST, AddressKind.EMAIL)}


def person(number: int, region: str = "US-VT", **more: object) -> Subscriber:
    address = f"+1802{number:07}" if number % 4 else f"c{number:05}@example.com"
    kind = AddressKind.PHONE if number % 4 else AddressKind.EMAIL
    whole = Subscriber(f"s{number * 7919 % 10_007:05}", kind, address, (region,), "en", "UTC",
                       NOW - timedelta(days=number % 300), "CSV import")
    return replace(whole, **more)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten people are many, and go three at a time."""
    monkeypatch.setattr(fanout, "AT_ONCE", 5)
    monkeypatch.setattr(fanout, "PIECE", 3)


def scene(*people: Subscriber, path: str = ":memory:", **more: object) -> Scene:
    return Scene(*more.pop("policies", ()), people=people, path=path, speaker=speaker(BOTH), **more)  # type: ignore[arg-type,misc]


def planned(scene: Scene, notice: str | None = None) -> dict[tuple[str, str], DeliveryState]:
    with scene.store.transaction() as tx:
        return {(d.channel, d.address): d.state for d in tx.deliveries(notice=notice)}


def people_of(rows: dict[tuple[str, str], DeliveryState]) -> set[str]:
    return {address for _, address in rows if address}


@contextmanager
def held(at: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The store breaks when the `at`-th piece is kept."""
    count = iter(range(1, 1000))

    def broken(name: str) -> None:
        if name == "fanout.before_commit" and next(count) == at:
            raise StoreUnavailable("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(fanout, "failpoint", broken)
        yield


EVERYBODY = tuple(person(number) for number in range(1, 21))


def test_the_public_accounts_go_with_the_decision_and_people_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    one = scene(*EVERYBODY)
    one.hear(signal())
    with held(1, monkeypatch), pytest.raises(StoreUnavailable):
        one.decider.run_once()
    (notice,) = one.notices()
    assert (notice.state, notice.audience) == (NoticeState.RELEASED, 20)
    rows = planned(one)
    assert ("x", "") in rows
    assert len(people_of(rows)) == 5, "some of the nearest are told while the others are brought in order"
    one.settle()
    assert people_of(planned(one)) == {p.address for p in EVERYBODY}
    with one.store.transaction() as tx:
        assert read_places(tx) == {}


@pytest.mark.parametrize("at", range(1, 8))
def test_whoever_was_read_when_the_store_broke_is_read_again(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one = scene(*EVERYBODY)
    one.hear(signal())
    with held(at, monkeypatch), pytest.raises(StoreUnavailable):
        one.decider.run_once()
    one.settle()
    assert people_of(planned(one)) == {p.address for p in EVERYBODY}


@contextmanager
def unreadable(scene: Scene, at: int) -> Iterator[list[int]]:
    """The store breaks the `at`-th time an audience is read; the times it was read."""
    real, read = scene.store.audience_numbers, [0]

    def broken(regions: Iterable[str], service: str, after: str = "") -> Sequence[int]:
        read[0] += 1
        if read[0] == at:
            raise StoreUnavailable("restarted while the audience was read")
        return real(regions, service, after)

    scene.store.audience_numbers = broken  # type: ignore[method-assign]
    try:
        yield read
    finally:
        scene.store.audience_numbers = real  # type: ignore[method-assign]


@pytest.mark.parametrize("at", [1, 2])
def test_an_audience_that_could_not_be_read_has_not_come_to_its_end(at: int) -> None:
    one = scene(*EVERYBODY)
    one.hear(signal(), signal("VT-WASHINGTON", fingerprint="b"))
    with unreadable(one, at) as read:
        for _ in range(3):
            with suppress(StoreUnavailable):
                one.settle()
    assert read[0] > at, "it was read again"
    assert people_of(planned(one)) == {p.address for p in EVERYBODY}


@pytest.mark.parametrize("at", [1, 3, 7])
def test_another_process_goes_on_where_the_first_one_ended(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = scene(*EVERYBODY, path=str(tmp_path / "n.db"))
    one.hear(signal())
    with held(at, monkeypatch), pytest.raises(StoreUnavailable):
        one.decider.run_once()
    one.store.close()
    two = scene(path=str(tmp_path / "n.db"))
    two.settle()
    assert people_of(planned(two)) == {p.address for p in EVERYBODY}
    two.store.close()


CHILD = """
import sys
from notifier.incidents import fanout
from tests.incidents.test_fanout import EVERYBODY, scene
from tests.incidents.builders import signal
fanout.AT_ONCE, fanout.PIECE = 5, 3
one = scene(*EVERYBODY, path=sys.argv[1])
one.hear(signal())
one.decider.run_once()
"""


@pytest.mark.parametrize("point", FANOUT_PATH)
@pytest.mark.parametrize("hit", ["1", "4"])
def test_killed_between_two_pieces(point: str, hit: str, tmp_path: Path) -> None:
    path = str(tmp_path / "n.db")
    given = {**os.environ, "NOTIFIER_FAILPOINT": point, "NOTIFIER_FAILPOINT_HIT": hit,
             "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-c", CHILD, path], env=given, capture_output=True, timeout=60)
    assert ended.returncode == -signals.SIGKILL, ended.stderr.decode()
    two = scene(path=path)
    assert people_of(planned(two)) < {p.address for p in EVERYBODY}
    two.settle()
    assert people_of(planned(two)) == {p.address for p in EVERYBODY}
    two.store.close()


def test_small_and_large_audiences_are_planned_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    crowded = (
        *EVERYBODY, person(31, quiet_hours=NIGHT), person(32, "US-NH"), person(33, opted_out_at=NOW),
        person(34, services=("power",)), person(35, services=("mobile-data",)), person(36, "VT-WASHINGTON"))
    plans = []
    for at_once in (5, 1000):
        monkeypatch.setattr(fanout, "AT_ONCE", at_once)
        one = scene(*crowded)
        one.hear(signal())
        one.settle()
        with one.store.transaction() as tx:
            rows = {d.id: (d.channel, d.address, d.priority, d.state, d.reason) for d in tx.deliveries()}
        plans.append((rows, one.notices()[0].audience))
    assert plans[0] == plans[1]


def test_the_nearest_hear_first_and_of_those_who_agreed_longest() -> None:
    one = scene(
        person(1, "US-VT", consent_at=NOW - timedelta(days=900)),
        person(2, "VT-WASHINGTON", consent_at=NOW - timedelta(days=30)),
        person(3, "VT-CHITTENDEN", consent_at=NOW - timedelta(days=30)),
        person(5, "VT-CHITTENDEN", consent_at=NOW - timedelta(days=400)),
        *(person(number, "US-VT") for number in range(11, 21)),
        policies=[policy(suspect=({CROWD: 0.5},), confirm=({CROWD: 0.5, MEASURED: 0.5},))])
    one.hear(signal("US-VT"), crowd("VT-CHITTENDEN"), signal("US-VT", MEASURED))
    one.settle()
    incident = one.incident.id
    with one.store.transaction() as tx:
        causes = {s.region for s in tx.evidence_of(incident)}
    assert causes == {"US-VT", "VT-CHITTENDEN"}
    order = [d.address for d, _ in one.store.claim("sms", 4, timedelta(minutes=1), one.clock.now())]
    assert order[:3] == ["+18020000005", "+18020000003", "+18020000001"]


def test_the_end_stops_what_has_not_been_planned_and_reaches_whoever_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    one = scene(*EVERYBODY)
    one.hear(signal())
    with held(3, monkeypatch), pytest.raises(StoreUnavailable):
        one.decider.run_once()
    sent = {d.address for d in one.send() if d.address}
    assert sent
    one.ask(Verb.WITHDRAW, incident=one.incident.id, note="false")
    one.settle()
    (end,) = one.notices(Stage.CORRECT)
    assert set(planned(one, end.id)) == {("x", ""), *((_channel(a), a) for a in sent)}
    assert people_of(planned(one)) < {p.address for p in EVERYBODY}


def test_the_end_for_many_is_planned_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    one = scene(*EVERYBODY)
    one.hear(signal())
    one.settle()
    one.send()
    one.ask(Verb.WITHDRAW, incident=one.incident.id, note="false")
    one.settle()
    (end,) = one.notices(Stage.CORRECT)
    assert people_of(planned(one, end.id)) == {p.address for p in EVERYBODY}
    assert ("x", "") in planned(one, end.id)
    assert end.audience == 20


def test_a_second_word_waits_until_the_first_has_been_planned_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    one = scene(*EVERYBODY)
    one.hear(signal())
    with held(2, monkeypatch), pytest.raises(StoreUnavailable):
        one.decider.run_once()
    with held(1, monkeypatch), pytest.raises(StoreUnavailable):
        one.ask(Verb.UPDATE, incident=one.incident.id, note="Crews are on the way.")
    first, second = one.notices()
    assert second.state is NoticeState.RELEASED
    assert people_of(planned(one, second.id)) == set(), "the first is not through"
    one.settle()
    assert people_of(planned(one, first.id)) == people_of(planned(one, second.id)) == {p.address for p in EVERYBODY}
    with one.store.transaction() as tx:
        numbers = [(d.notice, d.address) for d in tx.deliveries() if d.address]
    last_of_first = max(at for at, (notice, _) in enumerate(numbers) if notice == first.id)
    assert all(notice == first.id for notice, _ in numbers[:last_of_first])


def test_an_update_goes_where_the_first_word_went_and_to_the_others_as_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second channel for telephones has come since, whose name sorts first."""
    one = scene(*EVERYBODY)
    one.hear(signal())
    one.settle()
    told = {d.address for d in one.send() if d.channel == "sms"}
    newcomer = person(41)
    with one.store.transaction() as tx:
        tx.put_subscriber(newcomer)
    channels = {**BOTH, "app": ChannelProfile("app", "sms", Mode.TEST, AddressKind.PHONE)}
    one.decider.replace(speaker(channels), (policy(),))
    one.ask(Verb.UPDATE, incident=one.incident.id, note="Crews are on the way.")
    (update,) = one.notices(Stage.UPDATE)
    phones = {address: channel for channel, address in planned(one, update.id) if address.startswith("+")}
    assert phones == {**dict.fromkeys(told, "sms"), newcomer.address: "app"}


def test_the_end_of_an_outage_cancels_what_waits_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "PAGE", 3)
    one = scene(*EVERYBODY)
    one.hear(signal())
    one.settle()
    with held_up(monkeypatch):
        one.ask(Verb.WITHDRAW, incident=one.incident.id, note="false")
    with one.store.transaction() as tx:
        assert len(tx.deliveries(state=DeliveryState.PENDING)) > 10
    claimed = one.store.claim("sms", 9, timedelta(minutes=1), one.clock.now())
    assert len(claimed) == 9
    assert all(one.store.begin(d.id, d.token, one.clock.now()) for d, _ in claimed), "what waits for its end may not go"
    one.settle()
    assert set(planned(one, one.notices(Stage.ACKNOWLEDGE)[0].id).values()) == {DeliveryState.CANCELLED}


@contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing follows a decision."""
    with monkeypatch.context() as patch:
        patch.setattr(Fanout, "run_once", lambda self, plans: False)
        yield


def test_an_address_erased_while_it_was_read_is_not_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    one = scene(*EVERYBODY)
    one.hear(signal())
    gone = EVERYBODY[-1]
    real = Fanout._read

    def meanwhile(self: Fanout, *more: object) -> object:
        found = real(self, *more)  # type: ignore[arg-type]
        with one.store.transaction() as tx:
            tx.erase(gone.kind, gone.address, NOW)
        return found

    monkeypatch.setattr(Fanout, "_read", meanwhile)
    one.settle()
    assert people_of(planned(one)) == {p.address for p in EVERYBODY} - {gone.address}


def test_a_place_in_other_parts_is_found_anew_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = scene(*EVERYBODY)
    one.hear(signal())
    real, wrong = Fanout._next, iter([True])

    def outdated(self: Fanout, *more: object) -> object:
        found = real(self, *more)  # type: ignore[arg-type]
        if found is not None and next(wrong, False):
            return found[0], replace(found[1], mark="as it was before a merge", part=99), found[2]
        return found

    monkeypatch.setattr(Fanout, "_next", outdated)
    one.settle()
    assert people_of(planned(one)) == {p.address for p in EVERYBODY}


def _channel(address: str) -> str:
    return "email" if "@" in address else "sms"


@given(st.sets(st.integers(1, 60), max_size=25), st.integers(1, 7), st.integers(1, 6), st.integers(1, 4))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nobody_is_left_out_however_many_and_however_small_the_pieces(
    numbers: set[int], piece: int, at_once: int, fails: int
) -> None:
    fanout.PIECE, fanout.AT_ONCE = piece, at_once  # `small` puts them back
    places = ("US-VT", "VT-WASHINGTON", "VT-CHITTENDEN", "US-NH")
    people = [person(number, places[number % 4]) for number in numbers]
    one = scene(*people)
    one.hear(signal(), signal("VT-WASHINGTON", fingerprint="b"))
    with unreadable(one, fails), suppress(StoreUnavailable):
        one.settle()
    one.settle()
    inside = {p.address for p in people if p.regions != ("US-NH",)}
    assert people_of(planned(one)) == inside
    (notice,) = one.notices()
    assert notice.audience == len(inside)


def test_where_the_failed_service_carries_a_channel_others_lead_and_it_follows() -> None:
    """Text messages ride on what fails: the public account speaks at once, phones after ten minutes; were it over
    before, nobody is told there and nobody is owed an end."""
    words = speaker()
    carrier = replace(words, services={**words.services, "mobile-data": Service(
        id="mobile-data", name="mobile data", carries=("sms",), carried_after=timedelta(minutes=10))})
    scene = Scene(people=[person(1)], speaker=carrier)
    scene.hear(signal())
    scene.settle()
    with scene.store.transaction() as tx:
        due = {row.channel: row.not_before - NOW for row in tx.deliveries()}
    assert due == {"x": timedelta(), "sms": timedelta(minutes=10)}
    assert scene.store.claim("sms", 10, timedelta(minutes=2), scene.clock.now()) == ()
    assert len(scene.store.claim("sms", 10, timedelta(minutes=2), NOW + timedelta(minutes=10))) == 1
