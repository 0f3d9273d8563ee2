"""An edit is noticed when it has settled; a bad one changes nothing but what is said about it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from notifier.clock import VirtualClock
from notifier.config import Config, load
from notifier.config.reload import Reloader

from .support import laid_over


class Scene:
    """A directory, its watcher, and every configuration that was put in force."""

    def __init__(self, directory: Path, clock: VirtualClock) -> None:
        self.directory, self.clock = directory, clock
        self.first = load(directory)
        self.taken: list[Config] = []
        self.reloader = Reloader(directory, clock, self.taken.append, first=self.first)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.directory / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def turn(self, times: int = 1) -> list[bool]:
        return [self.reloader.run_once() for _ in range(times)]


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.fixture
def scene(tmp_path: Path, clock: VirtualClock) -> Scene:
    return Scene(laid_over(tmp_path / "config"), clock)


def test_nothing_changed_nothing_happens(scene: Scene) -> None:
    assert scene.turn(5) == [False] * 5
    assert scene.taken == []


def test_a_change_is_taken_once_it_has_settled_for_a_turn(scene: Scene) -> None:
    before = metric("notifier_config_reloads_total", result="taken")
    scene.clock.advance(timedelta(minutes=5))
    scene.edit("notifier.yaml", "Hill Telephone", "Valley Telephone")
    assert scene.turn() == [False]
    assert scene.turn(3) == [True, False, False]
    (config,) = scene.taken
    assert config.company.name == "Valley Telephone"
    assert scene.reloader.status.revision == config.revision
    assert scene.reloader.status.good_since == scene.clock.now()
    assert metric("notifier_config_reloads_total", result="taken") == before + 1
    assert metric("notifier_config_last_reload_success_timestamp_seconds") == scene.clock.now().timestamp()
    assert metric("notifier_config_info", revision=config.revision) == 1
    assert metric("notifier_config_info", revision=scene.first.revision) == 0


def test_a_half_written_file_is_not_read(scene: Scene) -> None:
    whole = (scene.directory / "policies.yaml").read_text(encoding="utf-8")
    rejected = metric("notifier_config_reloads_total", result="rejected")
    for part in range(10, 200, 40):  # an editor writes bit by bit; each turn sees another file
        (scene.directory / "policies.yaml").write_text(whole[:part], encoding="utf-8")
        assert scene.turn() == [False]
    (scene.directory / "policies.yaml").write_text(whole + "# done\n", encoding="utf-8")
    assert scene.turn(2) == [False, True]
    assert metric("notifier_config_reloads_total", result="rejected") == rejected


def test_a_bad_edit_keeps_the_last_good_configuration_and_says_so(scene: Scene) -> None:
    rejected = metric("notifier_config_reloads_total", result="rejected")
    scene.edit("policies.yaml", "services: [mobile-data]", "services: [mobile-dta]")
    assert scene.turn(4) == [False] * 4
    assert scene.taken == []
    (mistake,) = scene.reloader.status.mistakes
    assert str(mistake).startswith("policies.yaml:3:16: policies[0].services[0]: unknown service; found 'mobile-dta'")
    assert scene.reloader.status.revision == scene.first.revision
    assert metric("notifier_config_last_reload_successful") == 0
    assert metric("notifier_config_reloads_total", result="rejected") == rejected + 1


def test_mending_a_bad_edit_ends_the_complaint(scene: Scene) -> None:
    scene.edit("policies.yaml", "services: [mobile-data]", "services: [mobile-dta]")
    scene.turn(2)
    unchanged = metric("notifier_config_reloads_total", result="unchanged")
    scene.edit("policies.yaml", "services: [mobile-dta]", "services: [mobile-data]")
    assert scene.turn(2) == [False, False]
    assert scene.reloader.status.mistakes == ()
    assert scene.taken == []
    assert metric("notifier_config_last_reload_successful") == 1
    assert metric("notifier_config_reloads_total", result="unchanged") == unchanged + 1


def test_a_request_reloads_at_the_next_turn(scene: Scene) -> None:
    scene.edit("notifier.yaml", "Hill Telephone", "Valley Telephone")
    scene.reloader.request()
    assert scene.reloader.requested
    assert scene.turn() == [True]
    assert not scene.reloader.requested
    assert scene.turn(3) == [False] * 3


def test_the_same_content_counts_as_unchanged(scene: Scene) -> None:
    unchanged = metric("notifier_config_reloads_total", result="unchanged")
    scene.reloader.request()
    assert scene.turn() == [False]
    (scene.directory / "notifier.yaml").touch()
    scene.turn(2)
    assert scene.taken == []
    assert metric("notifier_config_reloads_total", result="unchanged") == unchanged + 2


def test_the_directory_may_vanish_and_come_back(scene: Scene) -> None:
    away = scene.directory.with_name("away")
    scene.directory.rename(away)
    scene.turn(3)
    assert [mistake.message for mistake in scene.reloader.status.mistakes] == ["is not a directory"]
    away.rename(scene.directory)
    scene.turn(3)
    assert scene.reloader.status.mistakes == ()
    assert scene.taken == []


def test_an_edit_between_loading_and_watching_is_noticed(tmp_path: Path, clock: VirtualClock) -> None:
    directory = laid_over(tmp_path / "config")
    first = load(directory)
    with (directory / "notifier.yaml").open("a", encoding="utf-8") as file:
        file.write("# edited meanwhile\n")
    taken: list[Config] = []
    reloader = Reloader(directory, clock, taken.append, first=first)
    assert reloader.run_once()
    assert len(taken) == 1


def test_a_configuration_that_cannot_be_put_in_force_is_no_good_one(tmp_path: Path, clock: VirtualClock) -> None:
    directory = laid_over(tmp_path / "config")

    def refuse(config: Config) -> None:
        raise RuntimeError("no memory for it")

    reloader = Reloader(directory, clock, refuse, first=load(directory))
    with (directory / "notifier.yaml").open("a", encoding="utf-8") as file:
        file.write("# edited\n")
    reloader.request()
    with pytest.raises(RuntimeError, match="no memory"):
        reloader.run_once()
    assert [mistake.message for mistake in reloader.status.mistakes] == ["could not be put in force"]
    assert metric("notifier_config_last_reload_successful") == 0
