"""What customers say helps becomes a candidate with who says so, and stays one until a person vouches for it."""

from __future__ import annotations

import json

from notifier.model.staff import Verb
from notifier.model.workaround import Workaround

from .builders import crowd
from .scene import Scene


def _said(people: int, failed: int = 0, *, advice: str = "off 3g", samples: tuple[str, ...] = ("3G off helps",)) -> str:
    return json.dumps({"advice": advice, "people": people, "failed": failed, "samples": samples})


def _kept(scene: Scene) -> tuple[Workaround, ...]:
    with scene.store.transaction() as tx:
        return tx.workarounds(incident="I260115-1")


def _hear(scene: Scene, **facts: str) -> None:
    scene.hear(crowd(facts=facts, why="12 people report it"))
    scene.settle()


def test_the_same_advice_in_other_words_stays_one_candidate() -> None:
    """It takes on the words and the numbers heard last."""
    scene = Scene()
    _hear(scene, workaround="turn off 3G", workaround_said=_said(2))
    _hear(scene, workaround="switch 3G off, calls work", workaround_said=_said(9, 1))
    (one,) = _kept(scene)
    assert (one.texts, one.origin, one.verified_by) == ({"en": "switch 3G off, calls work"}, "mentions", None)
    assert one.evidence == "9 people say so, 1 that it failed"
    assert one.facts == {"sample_1": "3G off helps"}


def test_three_pieces_of_advice_are_three_candidates() -> None:
    """Best first in the facts; each is kept."""
    scene = Scene()
    _hear(scene, workaround="turn off 3G", workaround_said=_said(9), workaround_2="use wifi calling",
          workaround_2_said=_said(4, advice="use wifi calling"), workaround_3="restart",
          workaround_3_said=_said(2, advice="restart phone"), workaround_4="never looked at")
    assert {one.texts["en"] for one in _kept(scene)} == {"turn off 3G", "use wifi calling", "restart"}


def test_what_a_person_vouched_for_is_changed_by_nobody() -> None:
    """The words that were approved are the words that stand."""
    scene = Scene()
    _hear(scene, workaround="turn off 3G", workaround_said=_said(2))
    (one,) = _kept(scene)
    assert scene.ask(Verb.WORKAROUND, incident="I260115-1", workaround=one.id).startswith("yes")
    _hear(scene, workaround="burn your phone", workaround_said=_said(900))
    (after,) = _kept(scene)
    assert after.texts == {"en": "turn off 3G"}
    assert after.verified_by is not None


def test_counts_that_cannot_be_read_leave_the_words() -> None:
    """Whatever stands beside it, what helps is kept, with the signal's own why."""
    for broken in ("{", "[]", "{}", "[" * 5_000, json.dumps({"advice": 1, "people": "x", "failed": 0, "samples": []})):
        scene = Scene()
        _hear(scene, workaround="turn off 3G", workaround_said=broken)
        (one,) = _kept(scene)
        assert one.texts == {"en": "turn off 3G"}
        assert one.evidence == "12 people report it"
