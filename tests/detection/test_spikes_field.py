"""A territory minute by minute: outages are told from news, gaps and a fresh start."""

from __future__ import annotations

import numpy as np
import pytest

from notifier.detection.spikes.field import SUDDEN_SCORE, Field, Tree

from .spikes_scene import BEGUN, COUNTIES, LEAVES, RATE, ROOT, SERIES, Scene, highest, learnt, only, summed

ALARM = 8.1


def test_a_usual_day_raises_nothing() -> None:
    assert highest(learnt().hear(1440)) < ALARM


def test_a_fresh_start_raises_nothing() -> None:
    """In its first day, a third more by day than by night, nothing is known and so nothing is unlikely."""
    looks = Scene().hear(1440, lambda number: 1 + 0.5 * np.sin(number / 229))
    assert highest(looks) < ALARM


def test_an_outage_of_one_leaf_alarms_it_and_no_other() -> None:
    """Thirty times the usual in one county: it, perhaps its state, and nobody else."""
    looks = learnt().hear(30, lambda _: only(12, 30.0))
    assert highest(looks[:3], [12]) > ALARM
    others = [leaf for leaf in range(SERIES) if leaf not in (12, LEAVES + 12 // COUNTIES)]
    assert highest(looks, others) < ALARM


def test_an_outage_of_a_state_alarms_it_though_no_county_does_at_once() -> None:
    """Five times the usual in five counties: the sum knows first."""
    lift = np.ones(LEAVES)
    lift[:COUNTIES] = 5.0
    looks = learnt().hear(10, lambda _: lift)
    assert highest(looks[:3], [LEAVES]) > ALARM
    assert highest(looks, list(range(COUNTIES, LEAVES))) < ALARM
    assert highest(looks, list(range(LEAVES + 1, SERIES))) < ALARM


def test_news_alarms_nowhere() -> None:
    """All rise to four times the usual within half an hour, and come back within three: neither leaves, states nor the
    nation."""
    def news(number: int) -> float:
        return 1 + 3 * min(number / 30, np.exp(-max(number - 30, 0) / 60))

    assert highest(learnt().hear(240, news)) < ALARM


def test_an_outage_during_news_is_still_found() -> None:
    """All at three times the usual, one of them at thirty times that."""
    scene = learnt()
    scene.hear(90, lambda number: 1 + 2 * min(number / 30, 1))
    assert highest(scene.hear(5, lambda _: 3 * only(14, 30.0)), [14]) > ALARM


def test_a_sudden_rise_everywhere_alarms_the_root() -> None:
    """From one minute to the next to five times the usual: no news spreads so fast."""
    looks = learnt().hear(5, lambda _: 5.0)
    assert highest(looks, [ROOT]) > SUDDEN_SCORE


def test_news_that_began_in_a_gap_is_not_sudden() -> None:
    """Not heard for half an hour, and then all at three times the usual, as news is."""
    scene = learnt()
    scene.hear(30, down=tuple(range(6)))
    assert highest(scene.hear(60, lambda _: 3.0), [ROOT]) < SUDDEN_SCORE
    scene = learnt()
    scene.miss(30)
    assert highest(scene.hear(60, lambda _: 3.0), [ROOT]) < SUDDEN_SCORE


@pytest.mark.parametrize("minutes", [1, 10, 45, 700])
def test_a_gap_raises_nothing(minutes: int) -> None:
    """Minutes of which nobody tells."""
    scene = learnt()
    scene.miss(minutes)
    assert highest(scene.hear(120)) < ALARM


def test_a_state_that_is_down_raises_nothing() -> None:
    """Nor do the others while it is down, nor itself when it is back."""
    scene = learnt()
    looks = scene.hear(90, down=(2,))
    assert highest(looks) < ALARM
    down = [LEAVES + 2, *range(2 * COUNTIES, 3 * COUNTIES)]
    assert highest(looks, down) == 0
    assert highest(scene.hear(120)) < ALARM


def test_a_gap_leaves_what_was_learnt() -> None:
    """After ten hours that nobody tells of, the same as many are usual."""
    scene = learnt()
    before = scene.field.usual.at(scene.minute + 600)
    scene.miss(600)
    scene.hear(1)
    assert scene.field.usual.at(scene.minute - 1) == pytest.approx(before, rel=0.02)


def test_what_was_heard_before_a_gap_belongs_to_its_hour() -> None:
    """A gap from minute 40 to minute 20 of the next hour: two hours are learnt, each from its own minutes."""
    scene = Scene()
    scene.hear(40)
    scene.miss(40)
    scene.hear(40)
    weeks = scene.field.usual.hours_weeks
    first = BEGUN // 60 % 168
    assert weeks[first].tolist() == weeks[first + 1].tolist() == [1.0] * weeks.shape[1]
    assert scene.field.usual.level[ROOT] == pytest.approx(RATE.sum(), rel=0.15)


def test_minutes_left_out_are_gaps() -> None:
    """The same as minutes in which nothing was listened to."""
    one, other = learnt(), learnt()
    one.miss(20)
    for minute in range(other.minute, other.minute + 20):
        other.field.tick(minute, np.zeros(SERIES), np.zeros(SERIES), np.zeros(SERIES))
    people = summed(RATE * 2)
    looks = [scene.field.tick(one.minute, people, np.zeros(SERIES), np.ones(SERIES)) for scene in (one, other)]
    assert looks[0].score.tolist() == looks[1].score.tolist()
    assert one.field.drift.factor.tolist() == other.field.drift.factor.tolist()


@pytest.mark.parametrize("back", [0, 1, 100])
def test_a_minute_is_taken_once(back: int) -> None:
    scene = learnt()
    with pytest.raises(ValueError, match="was taken before"):
        scene.field.tick(scene.minute - 1 - back, np.zeros(SERIES), np.zeros(SERIES), np.ones(SERIES))


def test_a_peek_into_news_does_not_alarm_the_root() -> None:
    """A minute in the middle of slow news; an outage of a leaf is seen in the same peek."""
    scene = learnt()
    scene.hear(60, lambda number: 1 + 3 * min(number / 30, 1))
    people = summed(np.round(RATE * 4 * only(14, 30.0)))
    look = scene.field.peek(scene.minute, people, np.zeros(SERIES), np.ones(SERIES))
    assert look.score[14] > ALARM
    assert look.score[ROOT] < SUDDEN_SCORE
    assert scene.field.minute == scene.minute - 1


@pytest.mark.parametrize("parents", [[0], [1, 0], [5], [-2]])
def test_a_tree_is_a_tree(parents: list[int]) -> None:
    """Neither circles nor parents that are no series."""
    with pytest.raises(ValueError, match="series"):
        Tree.of(parents)


def test_several_roots_do_not_know_of_each_other() -> None:
    """Two services: what lifts all of one is news there and nothing here; a root without parts is only itself."""
    parents = [10] * 5 + [11] * 5 + [-1, -1, -1]
    field = Field(Tree.of(parents))
    usual = np.array([4.0] * 10 + [20.0, 20.0, 4.0])
    for minute in range(BEGUN, BEGUN + 600):
        field.tick(minute, usual, np.zeros(13), np.ones(13))
    lifted = usual * np.array([3.0] * 5 + [1.0] * 5 + [3.0, 1.0, 1.0])
    for minute in range(BEGUN + 600, BEGUN + 604):
        field.tick(minute, lifted, np.zeros(13), np.ones(13))
    forecast = field.forecast(BEGUN + 604) / usual
    assert np.all(forecast[:5] > 1.5)
    assert np.all(forecast[5:10] < 1.2)
    assert forecast[12] < 1.2
