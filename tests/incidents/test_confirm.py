"""A person's word confirms a suspicion, and does not keep it open."""

from __future__ import annotations

from notifier.model.incident import IncidentState
from notifier.model.staff import Verb

from .builders import crowd
from .scene import Scene

S = IncidentState


def test_a_person_confirms_what_was_only_suspected() -> None:
    scene = Scene()
    scene.hear(crowd())
    scene.settle()
    assert scene.incident.confirmed_at is None
    answer = scene.ask(Verb.CONFIRM, incident=scene.incident.id, note="the core does not answer")
    assert "confirmed on ann's word" in answer
    scene.settle()
    assert scene.incident.confirmed_at is not None
    assert any("confirmed by ann" in move.reason for move in scene.moves())


def test_the_evidence_still_decides_when_it_is_over() -> None:
    scene = Scene()
    scene.hear(crowd())
    scene.settle()
    scene.ask(Verb.CONFIRM, incident=scene.incident.id)
    scene.over(crowd())
    scene.after(11)
    scene.after(11)
    assert scene.incident.state is S.RESOLVED


def test_nobody_confirms_twice() -> None:
    scene = Scene()
    scene.hear(crowd())
    scene.settle()
    scene.ask(Verb.CONFIRM, incident=scene.incident.id)
    scene.settle()
    assert "confirmed already" in scene.ask(Verb.CONFIRM, incident=scene.incident.id)
