"""Posts read in processes beside the daemon mean what they mean when it reads them by itself."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from notifier import metrics
from notifier.clock import SystemClock
from notifier.detection.detector import Detector
from notifier.detection.detector_loop import DetectorLoop
from notifier.detection.report import Hearing
from notifier.intake import intake as intakes
from notifier.intake.intake import Intake
from notifier.intake.settings import IntakeSettings
from notifier.model.mention import Mention
from notifier.store import StoreSettings, open_store
from tests.parts.waiting import until

from .scene import START, post, regions, services, settings, vocabulary

OURS = settings(own_accounts={"@care": ["x:care"]})
HEARING = Hearing(OURS, vocabulary(), regions(), services())
TWO = IntakeSettings(workers=2, batch=16, waiting_most=4)
SAYS = ("no power here", "the power is out in {}", "no internet since noon in {}, what is going on out there",
        "power is back but the internet is down in {}", "power is back! RT @ann: no internet in all of {} tonight",
        "turn off 3G and calls work, {}", "lovely morning in {}", "no signal in Seattle & London")


def posts(count: int) -> list[Mention]:
    """Complaints, advice, our own posts, copies, other talk, texts that have no bytes, late posts."""
    dice, found = random.Random(17), []
    for number in range(count):
        text = dice.choice(SAYS).format(dice.choice(("Burlington, VT", "Boston, MA", "Houston, TX", "town")))
        at = START + timedelta(seconds=dice.randrange(-1200, 20))
        found.append(post(text, at=at, who=dice.choice(["care", *(f"u{n}" for n in range(40))])))
        if number % 40 == 0:
            found.append(post("no power \ud800 in Barre, VT", at=START, who=f"odd{number}"))
    return found


class Still(SystemClock):
    """The posts' day does not pass while processes start and die."""

    def now(self) -> datetime:
        return START + timedelta(seconds=30)


class Scene:
    """A detector with its intake."""

    def __init__(self, folder: Path) -> None:
        self.clock = Still()
        self.heard = Detector(OURS, vocabulary(), regions=regions(), services=services())
        self.store = open_store(StoreSettings(path=str(folder / "notifier.db")))
        detecting = DetectorLoop(self.heard, self.store, self.clock, OURS)
        self.intake = Intake(self.clock, lambda: self.heard, detecting)

    def take(self, taken: Sequence[Mention]) -> None:
        for one in taken:
            self.intake.take("test", one, self.clock.now())

    def pids(self) -> list[int]:
        readers = self.intake._readers
        assert readers is not None
        return [pid for pid in readers._workers.pids() if pid is not None]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.intake.stop()
    made.store.close()


def _alone(taken: Sequence[Mention]) -> Detector:
    """What the daemon comes to by itself."""
    heard = Detector(OURS, vocabulary(), regions=regions(), services=services())
    for one in taken:
        heard.take("test", one, START + timedelta(seconds=30))
    return heard


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_processes_come_to_the_same_memory_and_a_dead_one_loses_nothing(scene: Scene) -> None:
    """All that is kept is the same, byte for byte, though each process is ended with SIGKILL in the middle."""
    taken = posts(400)
    scene.intake.start(TWO, HEARING)
    deaths = metrics.WORKER_DEATHS._value.get()
    for number, pid in enumerate(scene.pids()):
        scene.take(taken[number * 150:(number + 1) * 150])
        os.kill(pid, signal.SIGKILL)
        until(lambda: scene.intake.status()["workers_at_work"] == 2, "another process is at work", within=60)
    scene.take(taken[300:])
    scene.intake.stop()
    assert metrics.WORKER_DEATHS._value.get() == deaths + 2
    alone, now = _alone(taken), scene.clock.now()
    assert scene.heard.signals(now) == alone.signals(now)
    assert scene.heard.checkpoint() == alone.checkpoint()
    assert vars(scene.heard.counts) == vars(alone.counts)
    assert scene.heard.counts.located < scene.heard.counts.complaints < scene.heard.counts.mentions


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_reload_with_other_words_loses_no_post(scene: Scene) -> None:
    """Processes that know the new words are at work before the old ones end; what those held is still counted."""
    scene.intake.start(replace_workers(1), HEARING)
    first = scene.pids()
    scene.take([post("no power", at=START, who=f"a{n}") for n in range(20)])
    scene.intake.replace(replace_workers(1), HEARING)
    assert scene.pids() == first, "nothing changed that they know"
    other = replace(HEARING, vocabulary=vocabulary().model_copy(update={"symptoms": {"en": ("{service} is blorked",)}}))
    scene.intake.replace(replace_workers(1), other)
    assert scene.pids() != first
    scene.take([post("power is blorked", at=START, who=f"b{n}") for n in range(7)])
    scene.intake.replace(IntakeSettings(), HEARING)
    assert scene.intake.loops == ()
    scene.take([post("no power", at=START, who=f"c{n}") for n in range(5)])
    assert scene.heard.counts.complaints == 32


def replace_workers(count: int) -> IntakeSettings:
    return TWO.model_copy(update={"workers": count})


@pytest.mark.timeout(120)
def test_where_no_process_starts_the_daemon_reads_by_itself(scene: Scene) -> None:
    """Slower is better than deaf; the metric and the status say so."""
    scene.intake.start(TWO, replace(HEARING, regions=None))  # type: ignore[arg-type]
    scene.take([post("no power", at=START)])
    assert scene.heard.counts.complaints == 1
    assert scene.intake.status() == {"workers": 2, "workers_at_work": 0}
    assert (metrics.WORKERS_WANTED._value.get(), metrics.WORKERS._value.get()) == (2, 0)


def test_nothing_configured_is_as_ever(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process, no loop; a post counts at once."""
    monkeypatch.setattr(intakes, "open_nodes", _never)
    scene.intake.start(IntakeSettings(), HEARING)
    scene.take([post("no power", at=START)])
    assert (scene.heard.counts.complaints, scene.intake.loops, scene.intake.states(START)) == (1, (), ())


def _never(*_: object) -> None:
    pytest.fail("nothing of the kind is configured")


class Noted:
    """In place of processes: what they would be given."""

    def __init__(self, *_: object) -> None:
        self.given: list[str] = []

    def put(self, source: str, mention: Mention) -> bool:
        self.given.append(mention.text)
        return True

    def run_once(self) -> bool:
        return False

    def at_work(self) -> int:
        return 1

    def stop(self) -> None:
        pass


def test_only_posts_to_be_judged_go_elsewhere(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own accounts' and late posts need no judging; what answers advice only the daemon understands."""
    noted = Noted()
    monkeypatch.setattr(intakes, "start_readers", lambda *_: noted)
    advice = post("turn off 3G and calls work", at=START, who="ann", where="Barre, VT")
    scene.heard.take("test", advice, START)
    scene.heard.signals(START)
    scene.intake.start(TWO, HEARING)
    scene.take([post("power is out", at=START, who="care"), post("no power", at=START - timedelta(hours=1)),
                post("lovely morning", at=START), post("no power", at=START),
                post("tried that, it does not work", at=START, who="ben", reply_to=advice.id)])
    assert noted.given == ["lovely morning", "no power"]
    scene.heard.signals(START + timedelta(seconds=10))
    (cluster,) = scene.heard._board.miner.clusters.values()
    assert sorted(word.helps for word in cluster.people.values()) == [False, True]
    assert scene.heard.counts.mentions == 6
