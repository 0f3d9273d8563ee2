"""A large audience in waves over the real store: the rest of a channel enters the outbox when the first have shown that
it may; what is stopped stays stopped, for that channel alone, until a person or the end of the outage; and a process
that is killed at any step of it leaves nothing to guess."""

from __future__ import annotations

import os
import re
import signal as signals
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from notifier.failpoints import CANARY_PATH, FANOUT_PATH
from notifier.incidents import fanout
from notifier.incidents.canary import SAMPLED, CanarySettings
from notifier.incidents.places import Place, next_place, read_places
from notifier.model.canary import Canary, CanaryState
from notifier.model.channel import ChannelProfile
from notifier.model.delivery import Delivery, DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.notice import Mode, Reach, Stage
from notifier.model.people import AddressKind, QuietHours, Subscriber
from notifier.model.staff import Verb
from notifier.ports import StoreUnavailable

from .builders import CHANNELS, MIN, NOW, signal, speaker
from .scene import Scene

S = CanaryState
SETTINGS = CanarySettings(share=0.1, least=12, most=20, above=20, least_fates=5)
BOTH = {**CHANNELS, "email": ChannelProfile("email", "email", Mode.TEST, AddressKind.EMAIL)}
NIGHT = QuietHours(time(5), time(23))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty people are many, and go seven at a time."""
    monkeypatch.setattr(fanout, "AT_ONCE", 15)
    monkeypatch.setattr(fanout, "PIECE", 7)


def phone(number: int, region: str = "US-VT", **more: object) -> Subscriber:
    whole = Subscriber(f"s{number * 7919 % 10_007:05}", AddressKind.PHONE, f"+1802{number:07}", (region,), "en", "UTC",
                       NOW - timedelta(days=number % 300), "CSV import")
    return replace(whole, **more)  # type: ignore[arg-type]


def mail(number: int) -> Subscriber:
    return replace(phone(number), kind=AddressKind.EMAIL, address=f"c{number:05}@example.com")


PHONES = tuple(phone(number) for number in range(1, 61))
MAILS = tuple(mail(number) for number in range(101, 111))
EVERYBODY = (*PHONES, *MAILS)


def scene(*people: Subscriber, canary: CanarySettings = SETTINGS, **more: object) -> Scene:
    return Scene(people=people, speaker=speaker(BOTH), canary=canary, **more)


def begun(*people: Subscriber, canary: CanarySettings = SETTINGS, **more: object) -> Scene:
    """An outage that everybody is to hear of, its first people queued."""
    one = scene(*(people or EVERYBODY), canary=canary, **more)
    one.hear(signal())
    one.settle()
    return one


def planned(one: Scene, channel: str = "sms", notice: str | None = None) -> list[Delivery]:
    return [d for d in one.deliveries(notice=notice) if d.channel == channel]


def waves(one: Scene) -> dict[str, Canary]:
    """Every wave there was, by channel."""
    with one.store.transaction() as tx:
        return {wave.channel: wave for incident in tx.incidents() for wave in tx.canaries(incident=incident.id)}


def wave(one: Scene, channel: str = "sms") -> tuple[CanaryState, int, int]:
    found = waves(one)[channel]
    return found.state, found.size, found.people


def switch(one: Scene, channel: str = "sms") -> str | None:
    with one.store.transaction() as tx:
        return tx.switch(f"stop:{channel}")


def send(one: Scene, channel: str = "sms", limit: int = 1000) -> list[Delivery]:
    """The channel's sender at work, as far as the store gives it anything: all are accepted."""
    stop = switch(one, channel)
    if stop is not None and stop.startswith("on"):
        return []
    sent, now = [], one.clock.now()
    for delivery, _ in one.store.claim(channel, limit, 5 * MIN, now):
        if one.store.begin(delivery.id, delivery.token, now) is None:
            one.store.settle(delivery.id, delivery.token,
                             Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id=f"SM{delivery.id}"), now)
            sent.append(delivery)
    return sent


Says = Callable[[int], tuple[DeliveryState, Reason]]


def hear_of(one: Scene, sent: list[Delivery], says: Says) -> None:
    """The provider's callbacks, of the first sent first."""
    for number, delivery in enumerate(sent):
        state, reason = says(number)
        assert one.store.callback(f"SM{delivery.id}", state, reason, one.clock.now(), delivery=delivery.id)


def arrived(number: int) -> tuple[DeliveryState, Reason]:
    return DeliveryState.DELIVERED, Reason.ACCEPTED


def filtered(number: int) -> tuple[DeliveryState, Reason]:
    return DeliveryState.FAILED, Reason.FILTERED


def stopped_first() -> Scene:
    """Four of the first were told, eight filtered."""
    one = begun()
    hear_of(one, send(one), lambda number: arrived(number) if number < 4 else filtered(number))
    one.after(0.1)
    assert wave(one) == (S.STOPPED, 12, 60)
    return one


def stopped_midway() -> Scene:
    """The canary went well, some of the rest went out, and then the carrier began to filter."""
    one = begun(*(phone(number) for number in range(1, 1501)))
    hear_of(one, send(one), arrived)
    one.after(0.1)
    for _ in range(200):  # pieces of seven, each turn as long as virtual time stands still
        one.decider.run_once()
    assert wave(one)[0] is S.WATCHED
    hear_of(one, send(one, limit=100), arrived)
    one.clock.advance(timedelta(seconds=10))
    hear_of(one, send(one, limit=400), filtered)
    one.after(0.5)
    return one


# ── the first, and then the rest ──


def test_only_the_first_are_queued_and_other_channels_go_on() -> None:
    one = begun()
    assert len(planned(one)) == 12
    assert len(planned(one, "email")) == len(MAILS), "too few for a canary, and no reason to wait for the phones'"
    assert len(planned(one, "x")) == 1
    assert wave(one) == (S.HOLDS, 12, 60)
    assert set(waves(one)) == {"sms"}
    assert one.notices()[0].audience == 70


def test_the_rest_follows_once_the_first_have_arrived() -> None:
    one = begun()
    first = send(one)
    one.after(1)
    assert len(planned(one)) == 12, "nothing is heard yet"
    hear_of(one, first, arrived)
    one.after(0.1)
    assert {d.address for d in planned(one)} == {p.address for p in PHONES}
    assert wave(one)[0] is S.WATCHED
    send(one)
    one.after(1)
    assert wave(one)[0] is S.ENDED
    with one.store.transaction() as tx:
        assert read_places(tx) == {}


def test_a_channel_that_says_nothing_holds_nobody_for_ever() -> None:
    one = begun()
    assert len(send(one)) == 12
    one.after(2.9)
    assert len(planned(one)) == 12
    one.after(0.2)
    assert len(planned(one)) == 60
    assert waves(one)["sms"].why == "of 12 people told first, 12 sent: no more words came in time"


def test_two_channels_wait_for_their_own() -> None:
    one = begun(*PHONES, *(mail(number) for number in range(101, 161)))
    assert (len(planned(one)), len(planned(one, "email"))) == (12, 12)
    hear_of(one, send(one, "email"), arrived)
    one.after(0.1)
    assert (len(planned(one)), len(planned(one, "email"))) == (12, 60)
    hear_of(one, send(one), filtered)
    one.after(0.1)
    assert (wave(one)[0], wave(one, "email")[0]) == (S.STOPPED, S.WATCHED)
    assert switch(one) is None, "nothing of it is queued: the channel goes on for others"


def test_the_nearest_are_first_and_nobody_who_sleeps() -> None:
    near = tuple(phone(number, "VT-CHITTENDEN") for number in range(1, 8))
    asleep = tuple(phone(number, "VT-CHITTENDEN", quiet_hours=NIGHT) for number in range(11, 31))
    far = tuple(phone(number, "VT-WASHINGTON") for number in range(41, 81))
    one = scene(*near, *asleep, *far)
    one.hear(signal("VT-CHITTENDEN"))
    one.settle()
    one.ask(Verb.WIDEN, incident=one.incident.id, regions="US-VT")
    one.ask(Verb.UPDATE, incident=one.incident.id, note="Crews are on the way.")
    update = one.notices(Stage.UPDATE)[0]
    first = {d.address for d in planned(one, notice=update.id)}
    assert first.isdisjoint({p.address for p in asleep})
    assert {p.address for p in near} <= first
    assert len(first) == 12


def test_where_everybody_sleeps_nobody_is_first_and_the_rest_is_watched() -> None:
    one = begun(*(replace(p, quiet_hours=QuietHours(time(11), time(12, 30))) for p in PHONES))
    assert wave(one)[:2] == (S.WATCHED, 0)
    assert len(planned(one)) == 60
    assert {d.not_before for d in planned(one)} == {NOW + 30 * MIN}
    one.after(10)
    assert wave(one)[0] is S.WATCHED, "they wait for the morning, and are looked at then"


def test_off_by_its_setting_everybody_is_queued_at_once() -> None:
    one = begun(canary=CanarySettings(share=0))
    assert len(planned(one)) == 60
    assert waves(one) == {}


# ── stopped ──


def test_a_stop_holds_that_channel_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    one = stopped_first()
    one.after(30)
    assert len(planned(one)) == 12, "however long nobody looks"
    assert re.fullmatch(r"8 of \d+ filtered, where 2.0% is in order", waves(one)["sms"].why)
    assert REGISTRY.get_sample_value("notifier_canary_stopped", {"channel": "sms"}) == 1
    assert "canary.stopped" in capsys.readouterr().out


def test_a_person_lets_it_go_on() -> None:
    one = stopped_first()
    assert one.ask(Verb.GO_ON, notice=one.notices()[0].id, channel="sms") == (
        f"yes: the rest of {one.notices()[0].id} is told on sms")
    assert len(planned(one)) == 60
    one.after(1)
    assert wave(one)[0] is S.WATCHED, "what was seen before stops it no more"
    assert waves(one)["sms"].actor == "ann"
    assert REGISTRY.get_sample_value("notifier_canary_stopped", {"channel": "sms"}) == 0


def test_a_person_drops_it() -> None:
    one = stopped_first()
    notice = one.notices()[0].id
    assert one.ask(Verb.DROP, notice=notice, channel="sms").startswith("yes: nobody else is told")
    one.after(30)
    assert len(planned(one)) == 12
    assert wave(one)[0] is S.DROPPED
    assert one.ask(Verb.GO_ON, notice=notice, channel="sms") == (
        f"no: the wave of {notice} on sms is over: dropped by ann")


@pytest.mark.parametrize("arguments", [{}, {"notice": "I260115-1.1"}, {"notice": "I260115-1.1", "channel": "email"}])
def test_what_has_no_canary_is_told(arguments: dict[str, str]) -> None:
    one = stopped_first()
    assert "has no canary on channel" in one.ask(Verb.DROP, **arguments)


def test_a_person_may_be_faster_than_the_rule() -> None:
    one = begun()
    notice = one.notices()[0].id
    assert one.ask(Verb.GO_ON, notice=notice, channel="sms").startswith("yes")
    assert len(planned(one)) == 60
    assert one.ask(Verb.GO_ON, notice=notice, channel="sms").startswith("no: the rest of")


def test_what_begins_to_be_filtered_midway_stops_the_rest_by_one_switch() -> None:
    one = stopped_midway()
    assert wave(one)[0] is S.STOPPED
    assert f"of one in {SAMPLED}" in waves(one)["sms"].why
    value = switch(one)
    assert value == f"on {one.notices()[0].id}: {waves(one)['sms'].why}"
    pending = [d for d in planned(one) if d.state is DeliveryState.PENDING]
    assert pending
    assert send(one) == []
    one.ask(Verb.GO_ON, notice=one.notices()[0].id, channel="sms")
    assert switch(one) == "off"
    assert len(send(one)) >= len(pending)


def test_dropped_midway_what_waits_is_cancelled_and_the_channel_is_free() -> None:
    one = stopped_midway()
    one.ask(Verb.DROP, notice=one.notices()[0].id, channel="sms")
    assert switch(one) == "off"
    left = {d.state for d in planned(one)}
    assert DeliveryState.PENDING not in left
    assert DeliveryState.CANCELLED in left


def test_a_persons_own_stop_is_neither_replaced_nor_taken_back() -> None:
    one = begun(*(phone(number) for number in range(1, 1501)))
    hear_of(one, send(one), arrived)
    one.after(0.1)
    for _ in range(200):
        one.decider.run_once()
    hear_of(one, send(one, limit=400), filtered)
    with one.store.transaction() as tx:
        tx.set_switch("stop:sms", "on the number is being moved", "bob", one.clock.now())
    one.after(0.5)
    assert wave(one)[0] is S.STOPPED
    one.ask(Verb.DROP, notice=one.notices()[0].id, channel="sms")
    assert switch(one) == "on the number is being moved"


# ── the end, and the second word ──


@pytest.mark.parametrize("make", [begun, stopped_first])
@pytest.mark.parametrize(("verb", "stage"), [(Verb.RESOLVE, Stage.RESOLVE), (Verb.WITHDRAW, Stage.CORRECT)])
def test_the_end_reaches_the_told_and_nobody_of_the_rest(
    make: Callable[[], Scene], verb: Verb, stage: Stage
) -> None:
    one = make()
    send(one)
    first = {d.address for d in planned(one) if d.state is not DeliveryState.FAILED}
    one.ask(verb, incident=one.incident.id, note="over")
    one.after(60)
    (end,) = one.notices(stage)
    assert {d.address for d in planned(one, notice=end.id)} == first
    assert len(planned(one, notice=one.notices()[0].id)) == 12, "the rest hears of neither"
    assert wave(one)[0] is S.ENDED


def test_the_end_takes_back_the_stop_it_has_made_needless() -> None:
    one = stopped_midway()
    told = {d.address for d in planned(one) if d.state in (DeliveryState.SENT, DeliveryState.DELIVERED)}
    one.ask(Verb.RESOLVE, incident=one.incident.id)
    for _ in range(100):
        one.decider.run_once()
    one.after(1)
    assert wave(one)[0] is S.ENDED
    assert switch(one) == "off", "the all-clear is owed, and has other words"
    (end,) = one.notices(Stage.RESOLVE)
    assert {d.address for d in planned(one, notice=end.id)} == told
    assert len(send(one)) == len(told)


def test_a_notice_that_expires_while_it_is_held_is_over() -> None:
    one = stopped_first()
    one.after(24 * 60)
    assert wave(one)[0] is S.ENDED
    assert len(planned(one, notice=one.notices()[0].id)) == 12
    with one.store.transaction() as tx:
        assert read_places(tx) == {}


def test_a_second_word_waits_behind_the_first_on_that_channel_only() -> None:
    one = begun()
    one.ask(Verb.UPDATE, incident=one.incident.id, note="Crews are on the way.")
    first, second = one.notices()
    assert len(planned(one, "email", second.id)) == len(MAILS)
    assert planned(one, "sms", second.id) == [], "the first word is not through"
    hear_of(one, send(one), arrived)
    one.after(0.1)
    assert len(planned(one, "sms", first.id)) == 60
    assert len(planned(one, "sms", second.id)) == 12, "it has words of its own, and a canary of its own"


def test_the_second_word_goes_where_the_first_was_dropped() -> None:
    one = stopped_first()
    one.ask(Verb.UPDATE, incident=one.incident.id, note="Crews are on the way.")
    first, second = one.notices()
    one.ask(Verb.DROP, notice=first.id, channel="sms")
    assert len(planned(one, "sms", second.id)) == 12
    assert len(planned(one, "sms", first.id)) == 12


def place(incident: str, stage: Stage = Stage.ACKNOWLEDGE, *, audience: int = 100, **more: object) -> Place:
    return replace(Place(incident, stage, "mobile-data", (), audience), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("places", "chosen"), [
    pytest.param({}, None, id="nobody waits"),
    pytest.param({"a": place("1"), "b": place("2", audience=5)}, "b", id="the smallest first"),
    pytest.param({"a": place("1", audience=5), "b/sms": place("2", channels=("sms",), first=9)}, "b/sms",
                 id="others wait for what becomes of the first"),
    pytest.param({"a/sms": place("1", channels=("sms",), held=True)}, None, id="what is held is held"),
    pytest.param({"a/sms": place("1", channels=("sms",), held=True), "b": place("1")}, None,
                 id="a second word on the same channel waits"),
    pytest.param({"a/sms": place("1", channels=("sms",), held=True), "b": place("1", channels=("email",))}, "b",
                 id="on another channel it does not"),
    pytest.param({"a/sms": place("1", channels=("sms",), held=True), "b": place("1", Stage.CORRECT)}, "b",
                 id="a correction waits for nothing that is held"),
    pytest.param({"a": place("1"), "b": place("1", Stage.CORRECT, audience=1)}, "a",
                 id="but for what is being queued"),
])
def test_which_place_is_next(places: dict[str, Place], chosen: str | None) -> None:
    assert next_place(places) == chosen


def test_a_place_kept_by_an_older_program_is_read() -> None:
    one = begun()
    with one.store.transaction() as tx:
        tx.put_checkpoint("fanout", b'{"I1.1": {"incident": "I1", "stage": "acknowledge", "service": "power", '
                                    b'"cause": ["US-VT"], "audience": 7, "mark": "", "part": 0, "channel": "", '
                                    b'"address": ""}}', NOW)
        assert read_places(tx) == {"I1.1": Place("I1", "acknowledge", "power", ("US-VT",), 7)}


# ── wherever it breaks ──

CHILD = """
import sys
from notifier.incidents import fanout
from tests.incidents.test_wave import arrived, begun, filtered, hear_of, send
fanout.AT_ONCE, fanout.PIECE = 15, 7
one = begun(path=sys.argv[1])
hear_of(one, send(one), filtered if sys.argv[2] == "filtered" else arrived)
one.after(0.1)
"""


def killed(point: str, hit: str, says: str, path: str) -> None:
    given = {**os.environ, "NOTIFIER_FAILPOINT": point, "NOTIFIER_FAILPOINT_HIT": hit,
             "PYTHONPATH": str(Path(__file__).parents[2])}
    ended = subprocess.run([sys.executable, "-c", CHILD, path, says], env=given, capture_output=True, timeout=60)
    assert ended.returncode == -signals.SIGKILL, ended.stderr.decode()


@pytest.mark.parametrize("point", CANARY_PATH)
@pytest.mark.parametrize("says", ["arrived", "filtered"])
def test_killed_while_it_is_decided(point: str, says: str, tmp_path: Path) -> None:
    path = str(tmp_path / "n.db")
    killed(point, "1", says, path)
    two = scene(path=path)
    two.after(0.1)
    assert len(planned(two)) == (60 if says == "arrived" else 12)
    assert wave(two)[0] is (S.WATCHED if says == "arrived" else S.STOPPED)
    two.store.close()


@pytest.mark.parametrize("point", FANOUT_PATH)
@pytest.mark.parametrize("hit", ["1", "2", "3", "7"])
def test_killed_while_the_first_or_the_rest_are_queued(point: str, hit: str, tmp_path: Path) -> None:
    path = str(tmp_path / "n.db")
    killed(point, hit, "arrived", path)
    two = scene(path=path)
    two.settle()
    first = send(two)
    assert len(planned(two)) in (12, 60)
    if first:
        hear_of(two, first, arrived)
    two.after(0.1)
    assert {d.address for d in planned(two)} == {p.address for p in PHONES}
    assert len(planned(two, "email")) == len(MAILS)
    assert wave(two)[1] == 12, "the first are chosen once"
    two.store.close()


def test_a_store_that_breaks_keeps_the_verdict_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from notifier.incidents import wave as module

    one = begun()
    hear_of(one, send(one), filtered)

    def broken(name: str) -> None:
        if name == "canary.before_commit":
            raise StoreUnavailable("disk full")

    one.clock.advance(timedelta(seconds=5))
    with monkeypatch.context() as patch:
        patch.setattr(module, "failpoint", broken)
        with pytest.raises(StoreUnavailable):
            one.decider.run_once()
    assert wave(one)[0] is S.HOLDS
    one.after(0.1)
    assert wave(one)[0] is S.STOPPED


def test_a_word_that_lands_between_the_look_and_the_verdict_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    one = begun()
    hear_of(one, send(one), filtered)
    real = type(one.store).fates

    def meanwhile(self: object, *arguments: object, **more: object) -> object:
        found = real(self, *arguments, **more)  # type: ignore[arg-type]
        with one.store.transaction() as tx:
            (kept,) = tx.canaries()
            tx.put_canary(replace(kept, state=S.DROPPED, why="dropped by bob", actor="bob"))
        return found

    one.clock.advance(timedelta(seconds=5))
    with monkeypatch.context() as patch:
        patch.setattr(type(one.store), "fates", meanwhile)
        one.decider.run_once()
    assert waves(one)["sms"].actor == "bob"


def test_public_notices_have_no_waves() -> None:
    one = begun()
    (notice,) = one.notices()
    assert notice.reach is Reach.EVERYONE
    assert "x" not in waves(one)


@pytest.fixture(autouse=True)
def unstopped() -> Iterator[None]:
    yield
    from notifier import metrics

    metrics.clear(metrics.CANARY_STOPPED, "sms")
    metrics.clear(metrics.CANARY_STOPPED, "email")
