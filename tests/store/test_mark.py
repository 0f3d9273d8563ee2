"""A database put back from a backup is known for one, and nothing that may have been sent since is repeated."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier import metrics
from notifier.model.delivery import DeliveryState, Outcome, OutcomeKind, Reason
from notifier.ports import NotFound, Store, StoreUnavailable
from notifier.store import StoreSettings, mark, open_store
from notifier.store.moving import move

from ..postgres_server import PostgresServer
from .making import LEASE, MINUTE, NOW, a_delivery, a_notice, queue, the

S = DeliveryState
SENT = Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id="SM1")
FIRST, SECOND = (f"n1/sms/+1802555010{number}" for number in range(2))


class World:
    """One deployment whose database can be copied and put back, and its node's mark."""

    def __init__(self, kind: str, folder: Path, server: PostgresServer, template: str) -> None:
        self.file, self.server = folder / "notifier.db", server
        self.mark = folder / "notifier.db.mark"
        self.database = server.database(template) if kind == "postgres" else ""
        self.store: Store = self.open()

    def open(self) -> Store:
        if self.database:
            address = self.server.address(self.database)
            return open_store(StoreSettings(url=address, connections=2, mark=str(self.mark)))
        return open_store(StoreSettings(path=str(self.file)))

    def backup(self) -> str:
        """A copy; the store is opened again."""
        self.store.close()
        if self.database:
            copy = self.server.database(self.database)
        else:
            copy = str(shutil.copy(self.file, self.file.with_suffix(".copy")))
        self.store = self.open()
        return copy

    def put_back(self, copy: str) -> None:
        self.store.close()
        if self.database:
            self.server.drop(self.database)
            self.database = self.server.database(copy)
        else:
            shutil.copy(copy, self.file)
        self.store = self.open()

    def send(self, at: Any = NOW, limit: int = 1) -> list[str]:
        """Claim, begin and settle; returns what went out."""
        went = []
        for delivery, _ in self.store.claim("sms", limit, LEASE, at):
            if self.store.begin(delivery.id, delivery.token, at) is None:
                self.store.settle(delivery.id, delivery.token, SENT, at)
                went.append(delivery.id)
        return went

    def stands(self, id: str) -> tuple[DeliveryState, Reason]:
        found = the(self.store, id)
        return found.state, found.reason


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer, template: str) -> World:
    made = World(request.param, tmp_path, postgres, template)
    notice = a_notice()
    queue(made.store, notice, *(a_delivery(notice, address=f"+1802555010{number}") for number in range(2)))
    return made


@pytest.fixture(autouse=True)
def closed(world: World) -> Any:
    yield
    world.store.close()
    if world.database:
        world.server.drop(world.database)


def restored() -> float:
    return float(metrics.STORE_RESTORED._value.get())


def test_what_waited_at_the_backup_is_looked_for_before_it_is_sent(world: World) -> None:
    world.store.look_back(NOW)
    copy, before = world.backup(), restored()
    assert world.send() == [FIRST]
    world.put_back(copy)
    later = NOW + MINUTE
    world.store.look_back(later)
    assert restored() == before + 1
    assert world.stands(FIRST) == world.stands(SECOND) == (S.UNKNOWN, Reason.RESTORED)
    assert not world.send(later)
    assert world.store.unknowns(9, LEASE, later) == (), "what is still under way may arrive yet"
    (held, _), (other, _) = world.store.unknowns(9, LEASE, later + MINUTE)
    assert {held.doubt_since, other.doubt_since} == {NOW}, "it may have gone out as soon as it was there"
    assert {held.began_at, other.began_at} == {later}, "and as late as the database was put back"
    assert world.store.reconcile(held.id, held.token, NotFound(), later, again_at=None, resend=True)
    world.store.look_back(later)
    assert restored() == before + 1, "it is told once"
    assert world.send(later + MINUTE) == [held.id], "what was found not to be there is sent"


def test_sending_itself_looks_back(world: World) -> None:
    copy = world.backup()
    assert world.send() == [FIRST]
    world.put_back(copy)
    (held, _), = world.store.claim("sms", 1, LEASE, NOW)
    assert world.store.begin(held.id, held.token, NOW) is Reason.LEASE_LOST
    assert world.stands(FIRST) == (S.UNKNOWN, Reason.RESTORED)


def test_several_at_once_look_back_too(world: World) -> None:
    copy = world.backup()
    assert world.send() == [FIRST]
    world.put_back(copy)
    claimed = world.store.claim("sms", 2, LEASE, NOW)
    _, reasons = world.store.hand_over([], [(held.id, held.token) for held, _ in claimed], NOW)
    assert reasons == (Reason.LEASE_LOST, Reason.LEASE_LOST)


def test_a_backup_of_before_there_were_marks_is_known_too(world: World) -> None:
    world.send()
    copy = world.backup()  # what it says is undone below, as if it had been made by an older program
    assert world.send(NOW + MINUTE) == [SECOND]
    world.put_back(copy)
    database: Any = world.store._engine  # type: ignore[attr-defined] # no statement of ours forgets a name
    with database.step("transaction") as db:
        db._connection.execute("DELETE FROM meta WHERE name = 'deployment'")
    world.store.look_back(NOW + MINUTE)
    assert world.stands(SECOND) == (S.UNKNOWN, Reason.RESTORED)


def test_what_was_in_doubt_at_the_backup_waits_as_long_as_what_was_sent_since(world: World) -> None:
    (held, _), = world.store.claim("sms", 1, LEASE, NOW)
    assert world.store.begin(held.id, held.token, NOW) is None
    world.store.settle(held.id, held.token, Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER), NOW)
    copy = world.backup()
    world.send(NOW + MINUTE)
    world.put_back(copy)
    world.store.look_back(NOW + 2 * MINUTE)
    found = the(world.store, FIRST)
    assert (found.state, found.doubt_since, found.began_at) == (S.UNKNOWN, NOW, NOW + 2 * MINUTE)


def test_what_came_after_all_that_was_sent_from_here_is_sent(world: World) -> None:
    copy = world.backup()
    assert world.send(limit=2) == [FIRST, SECOND]
    world.put_back(copy)
    later = NOW + MINUTE
    notice = a_notice("n2", created_at=later)
    queue(world.store, notice, a_delivery(notice, address="+18025550109"))
    assert world.send(later) == []
    assert world.send(later) == ["n2/sms/+18025550109"]


def test_a_restart_is_no_restore(world: World) -> None:
    before = restored()
    for minutes in range(3):
        world.store.look_back(NOW + minutes * MINUTE)
        world.store.close()
        world.store = world.open()
    assert world.send(NOW + 3 * MINUTE) == [FIRST]
    assert restored() == before


@pytest.mark.parametrize("point", ["mark.before_commit", "mark.after_commit", "mark.after_kept"])
def test_a_crash_between_two_of_its_steps_is_no_restore(
        world: World, point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Crash(Exception):
        """The process ended here."""

    def crash(name: str) -> None:
        if name == point:
            raise Crash

    world.store.look_back(NOW)
    before = restored()
    with monkeypatch.context() as patched:
        for module in ("mark", "sqlite", "postgres"):
            patched.setattr(f"notifier.store.{module}.failpoint", crash)
        with pytest.raises(Crash):
            world.store.look_back(NOW + MINUTE)
    world.store.close()
    world.store = world.open()
    assert world.send(NOW + MINUTE) == [FIRST]
    assert restored() == before


def test_it_is_moved_on_only_when_sending_has_come_so_far(world: World) -> None:
    said = []
    for seconds in (0, 1, 9, 10, 19, 25, -5):
        world.send(NOW + timedelta(seconds=seconds), limit=0)
        world.store.begin("nobody", 1, NOW + timedelta(seconds=seconds))
        said.append(mark.read(world.mark).number)  # type: ignore[union-attr]
    assert said == [1, 1, 1, 2, 2, 3, 4], "every ten seconds, and where the clock was put back"


@pytest.mark.parametrize("content", [None, b"", b"\xff{", b"{}", b'{"deployment": 1, "node": "n"}', b"[1]", b"7"])
def test_a_file_that_is_gone_or_broken_is_told_once_and_begun_anew(world: World, content: bytes | None) -> None:
    world.send()
    before = restored()
    world.mark.unlink()
    if content is not None:
        world.mark.write_bytes(content)
    world.store.look_back(NOW + MINUTE)
    assert world.send(NOW + MINUTE) == [SECOND]
    assert restored() == before
    assert mark.read(world.mark) is not None


def test_a_file_that_cannot_be_written_silences_nobody(world: World) -> None:
    world.mark.mkdir()
    assert world.send() == [FIRST]
    assert metrics.MARK_WRITTEN._value.get() == 0
    world.mark.rmdir()
    assert world.send(NOW + MINUTE) == [SECOND]
    assert metrics.MARK_WRITTEN._value.get() == 1


def test_nobody_but_the_node_reads_it(world: World) -> None:
    world.send()
    assert world.mark.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(world.mark.read_text())) == {"deployment", "node", "number", "until"}
    assert not list(world.mark.parent.glob("*.new"))


def test_a_move_to_postgres_is_no_restore(tmp_path: Path, database: str) -> None:
    old = StoreSettings(path=str(tmp_path / "old.db"))
    store = open_store(old)
    notice = a_notice()
    queue(store, notice, *(a_delivery(notice, address=f"+1802555010{number}") for number in range(2)))
    store.look_back(NOW)
    store.close()
    new = StoreSettings(url=database, connections=2, mark=f"{old.path}.mark")
    move(old, new)
    before, moved = restored(), open_store(new)
    moved.look_back(NOW + MINUTE)
    (held, _), = moved.claim("sms", 1, LEASE, NOW + MINUTE)
    assert moved.begin(held.id, held.token, NOW + MINUTE) is None
    moved.close()
    assert restored() == before


def test_another_database_at_the_same_place_is_no_restore(tmp_path: Path) -> None:
    settings = StoreSettings(path=str(tmp_path / "one.db"))
    for name in ("one.db", "two.db"):
        store = open_store(StoreSettings(path=str(tmp_path / name), mark=str(tmp_path / f"{name}.mark")))
        store.look_back(NOW)
        store.close()
        store = open_store(StoreSettings(path=str(tmp_path / name), mark=str(tmp_path / "mark")))
        queue(store, a_notice())
        before = restored()
        store.look_back(NOW)
        (held, _), = store.claim("sms", 1, LEASE, NOW)
        assert store.begin(held.id, held.token, NOW) is None
        assert restored() == before
        store.close()
    assert settings.mark_file == tmp_path / "one.db.mark"


@pytest.mark.parametrize(("settings", "directory", "expected"), [
    (StoreSettings(path="a/b.db"), "/var/lib/n", "a/b.db.mark"),  # beside the file
    (StoreSettings(path=":memory:"), "/var/lib/n", None),  # nothing is kept anyway
    (StoreSettings(url="postgresql://h/d"), "/var/lib/n:/var/lib/m", "/var/lib/n/notifier.db.mark"),  # systemd's first
    (StoreSettings(url="postgresql://h/d"), "", None),  # no place of its own
    (StoreSettings(url="postgresql://h/d", mark="/srv/mark"), "/var/lib/n", "/srv/mark"),  # as told
])
def test_where_it_is_kept(
        settings: StoreSettings, directory: str, expected: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", directory)
    assert settings.mark_file == (None if expected is None else Path(expected))


def test_nothing_begins_while_the_row_cannot_be_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held: Callable[..., Any] = world.store.claim
    ((delivery, _),) = held("sms", 1, LEASE, NOW)

    def fails(*_: Any) -> Any:
        raise StoreUnavailable("no")

    monkeypatch.setattr(mark.Mark, "_next", fails)
    with pytest.raises(StoreUnavailable):
        world.store.begin(delivery.id, delivery.token, NOW)
    assert the(world.store, delivery.id).began_at is None
