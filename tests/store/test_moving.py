"""A deployment's move to PostgreSQL: everything comes along, nothing is in two places, and it may be interrupted."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.rows import dict_row

from notifier.cli.main import main
from notifier.model.canary import Canary, CanaryState
from notifier.model.delivery import DeliveryState, Outcome, OutcomeKind, Reason
from notifier.model.incident import IncidentState, Move
from notifier.model.limit import Limit, Told
from notifier.model.notice import Approval
from notifier.model.people import AddressKind
from notifier.model.staff import Verb
from notifier.ports import SourceState, StoreUnavailable
from notifier.secret import Secret
from notifier.store import SqlStore, StoreSettings, open_store
from notifier.store.connections import advisory
from notifier.store.moving import AWAY, MOVE_PATH, CannotMove, move, take_back
from tests.postgres_server import PostgresServer

from .making import LEASE, MINUTE, NOW, a_delivery, a_notice, a_signal, a_subscriber, an_incident, queue, the


class Interrupted(Exception):
    """The process ended here."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notifier.db"


@pytest.fixture
def lived(file: Path) -> SqlStore:
    """A store in which a deployment has lived: something in every table, and a message on its way."""
    store = open_store(StoreSettings(path=str(file)))
    incident = an_incident()
    notice = a_notice()
    with store.transaction() as tx:
        assert tx.next_incident_id(NOW) == incident.id
        tx.put_signals([a_signal(why="a NUL\0 within")])
        tx.put_source_state(SourceState("github"))
        tx.put_incident(incident, Move(incident.id, NOW, None, IncidentState.SUSPECTED, "why", "policy"))
        tx.link_evidence(incident.id, [a_signal()])
        tx.put_subscriber(a_subscriber())
        tx.opt_out(AddressKind.PHONE, "+18025550199", NOW, "STOP")
        tx.put_request(Verb.CONFIRM, "ann", {"incident": incident.id}, NOW)
        tx.set_switch("stop:x", "on why", "ann", NOW)
        tx.put_checkpoint("detector", b"\0\x01learnt", NOW)
    queue(store, notice, *(a_delivery(notice, address=f"+1802555010{number}") for number in range(5)))
    with store.transaction() as tx:
        tx.put_approval(Approval(notice.id, "ann", "digest", NOW))
        tx.put_canary(Canary(notice.id, "sms", notice.incident, CanaryState.STOPPED, 900, 50, NOW, NOW, "40 of 50",
                             since=NOW, stopped_channel="on n1: 40 of 50"))
    for delivery, _ in store.claim("sms", 3, LEASE, NOW):
        assert store.begin(delivery.id, delivery.token, NOW, "sms-two") is None
    store.tighten(Limit.flowing("sms/AC1/+18025550000", 1.0), Told(remaining=0, until=NOW + MINUTE), NOW)
    first = the(store, "n1/sms/+18025550100")
    store.settle(first.id, first.token, Outcome(OutcomeKind.SENT, Reason.ACCEPTED, provider_id="SM1"), NOW)
    assert store.callback("SM1", DeliveryState.FAILED, Reason.UNREACHABLE, NOW, first.id, again=[NOW + MINUTE])
    with store.transaction() as tx:
        tx.cancel_deliveries(incident="I260115-2", reason=Reason.WITHDRAWN, now=NOW)
    return store


def of_sqlite(file: Path, beginning: str = "") -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    with sqlite3.connect(file) as connection:
        connection.row_factory = sqlite3.Row
        names = [row["name"] for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        found = {name.removeprefix(beginning): [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
                 for name in names}
    connection.close()
    return found


def of_postgres(address: str, tables: list[str]) -> dict[str, list[dict[str, Any]]]:
    with psycopg.connect(address, row_factory=dict_row) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}  # type: ignore[arg-type]


def alike(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    for row in rows["subscribers"]:
        row.pop("number", None)  # SQLite's rows have one without a column
    return {table: sorted(str(sorted(row.items())).replace("\\x00", "\ufffd") for row in found)
            for table, found in rows.items()}


def test_everything_comes_along_and_the_file_is_closed(lived: SqlStore, file: Path, database: str) -> None:
    before = of_sqlite(file)
    found = move(StoreSettings(path=str(file)), StoreSettings(url=database))
    with pytest.raises(StoreUnavailable):
        lived.claim("sms", 1, LEASE, NOW)  # as a daemon would that was not stopped
    with pytest.raises(StoreUnavailable):
        queue(lived, a_notice("n2"))
    lived.close()
    with pytest.raises(StoreUnavailable, match=r"store\.url"):
        open_store(StoreSettings(path=str(file)))
    after = of_postgres(database, list(before))
    before["meta"] += [row for row in after["meta"] if row["name"] == "moved"]
    assert alike(after) == alike(before)
    assert (found["deliveries"], found["limits"]) == (5, 1)


def test_the_deployment_goes_on_where_it_was(lived: SqlStore, file: Path, database: str) -> None:
    """Numbers go on, an opt-out is still found, what was being sent is looked for and not sent again."""
    lived.close()
    move(StoreSettings(path=str(file)), StoreSettings(url=database))
    store = open_store(StoreSettings(url=database, connections=2))
    try:
        with store.transaction() as tx:
            assert tx.is_opted_out(AddressKind.PHONE, "+18025550199")
            assert tx.next_incident_id(NOW) == "I260115-2"
            assert tx.put_request(Verb.CONFIRM, "ann", {}, NOW) == 2
        queue(store, a_notice("n2", sequence=2))
        assert len(store.claim("sms", 10, LEASE, NOW)) == 3, "the two that had not begun, and the second notice"
        later = NOW + LEASE + MINUTE
        store.expired_leases(later)
        assert {d.id for d, _ in store.unknowns(10, LEASE, later)} == {
            "n1/sms/+18025550101", "n1/sms/+18025550102"}
        assert {d.route for d, _ in store.unknowns(10, LEASE, later + LEASE)} == {"sms-two"}, "looked for where asked"
        first = the(store, "n1/sms/+18025550100")
        assert first.state is DeliveryState.PENDING, "its message was given up: another is to follow"
        assert store.callback("SM1", DeliveryState.DELIVERED, Reason.ACCEPTED, NOW, first.id), "or it arrived"
    finally:
        store.close()


def test_the_key_of_the_opt_outs_comes_along(
        lived: SqlStore, file: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is set together with the address of PostgreSQL is refused before, and after."""
    lived.close()
    monkeypatch.setenv("T_KEY", "k" * 40)
    key = Secret(env="T_KEY")
    with pytest.raises(StoreUnavailable, match=r"take store\.hash_key out"):
        move(StoreSettings(path=str(file), hash_key=key), StoreSettings(url=database, hash_key=key))
    move(StoreSettings(path=str(file)), StoreSettings(url=database))
    with pytest.raises(StoreUnavailable, match=r"take store\.hash_key out"):
        open_store(StoreSettings(url=database, hash_key=key))
    store = open_store(StoreSettings(url=database, connections=2))
    with store.transaction() as tx:
        assert tx.is_opted_out(AddressKind.PHONE, "+18025550199")
    store.close()


@pytest.mark.parametrize("step", MOVE_PATH)
def test_a_move_that_is_interrupted_is_gone_on_with(
        lived: SqlStore, file: Path, database: str, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lived.close()
    before = of_sqlite(file)

    def dies(name: str) -> None:
        if name == step:
            raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr("notifier.store.moving.failpoint", dies)
        with pytest.raises(Interrupted):
            move(StoreSettings(path=str(file)), StoreSettings(url=database))
    with pytest.raises(StoreUnavailable, match="run it again"):
        open_store(StoreSettings(path=str(file)))
    move(StoreSettings(path=str(file)), StoreSettings(url=database))
    after = of_postgres(database, list(before))
    before["meta"] += [row for row in after["meta"] if row["name"] == "moved"]
    assert alike(after) == alike(before)


def test_a_move_that_was_begun_can_be_taken_back_but_not_one_that_was_completed(
        lived: SqlStore, file: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lived.close()
    old, new = StoreSettings(path=str(file)), StoreSettings(url=database)
    with pytest.raises(CannotMove, match="nothing to take back"):
        take_back(old, new)

    def dies(name: str) -> None:
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr("notifier.store.moving.failpoint", dies)
        with pytest.raises(Interrupted):
            move(old, new)
    take_back(old, new)
    store = open_store(old)
    assert len(store.claim("sms", 10, LEASE, NOW)) == 2
    store.close()
    move(old, new)
    with pytest.raises(CannotMove, match="goes on in PostgreSQL"):
        take_back(old, new)


@pytest.fixture
def elsewhere(postgres: PostgresServer) -> str:
    """A second database."""
    return postgres.address(postgres.database())


def test_a_move_is_gone_on_with_and_taken_back_only_where_it_was_begun(
        lived: SqlStore, file: Path, database: str, elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the file would be open again, or live in a second database, while the first has it all."""
    lived.close()
    old, begun, other = StoreSettings(path=str(file)), StoreSettings(url=database), StoreSettings(url=elsewhere)

    def dies(name: str) -> None:
        if name == "move.copied":
            raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr("notifier.store.moving.failpoint", dies)
        with pytest.raises(Interrupted):
            move(old, begun)
    with pytest.raises(CannotMove, match="begun to another database"):
        move(old, other)
    with pytest.raises(CannotMove, match="begun to another database"):
        take_back(old, other)
    move(old, begun)
    with pytest.raises(CannotMove, match="begun to another database"):
        take_back(old, other)
    with pytest.raises(StoreUnavailable):
        open_store(old)


@pytest.mark.parametrize("step", ["move.copied", "move.kept"])
def test_nothing_is_taken_back_while_a_move_is_under_way(
        lived: SqlStore, file: Path, database: str, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the session broke in which somebody typed it, and the process lives on."""
    lived.close()
    old, new = StoreSettings(path=str(file)), StoreSettings(url=database)

    def taken_back(name: str) -> None:
        if name == step:
            with pytest.raises(CannotMove, match="wait for it to end"):
                take_back(old, new)

    monkeypatch.setattr("notifier.store.moving.failpoint", taken_back)
    assert move(old, new)["deliveries"] == 5
    with pytest.raises(StoreUnavailable):
        open_store(old)


def test_nothing_is_taken_back_while_the_server_may_still_commit_for_a_process_that_died(
        lived: SqlStore, file: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lived.close()
    old, new = StoreSettings(path=str(file)), StoreSettings(url=database)

    def dies(name: str) -> None:
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr("notifier.store.moving.failpoint", dies)
        with pytest.raises(Interrupted):
            move(old, new)
    with psycopg.connect(database) as left_behind:
        left_behind.execute(advisory("pg_advisory_xact_lock", "moving"))
        with pytest.raises(CannotMove, match="under way"):
            take_back(old, new)
    take_back(old, new)
    open_store(old).close()


def test_a_move_that_was_taken_back_before_it_began_to_copy_moves_nothing(
        lived: SqlStore, file: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lived.close()
    old, new = StoreSettings(path=str(file)), StoreSettings(url=database)

    def taken_back(name: str) -> None:
        if name == "move.closed":
            take_back(old, new)

    with monkeypatch.context() as patched:
        patched.setattr("notifier.store.moving.failpoint", taken_back)
        with pytest.raises(CannotMove, match="not closed"):
            move(old, new)
    store = open_store(old)
    assert len(store.claim("sms", 10, LEASE, NOW)) == 2
    store.close()
    assert of_postgres(database, ["deliveries"]) == {"deliveries": []}
    assert move(old, new)["deliveries"] == 5


def test_a_database_that_holds_another_deployment_is_left_alone(lived: SqlStore, file: Path, database: str) -> None:
    lived.close()
    other = open_store(StoreSettings(url=database, connections=2))
    queue(other, a_notice("another's"))
    other.close()
    with pytest.raises(CannotMove, match="an empty one"):
        move(StoreSettings(path=str(file)), StoreSettings(url=database))
    assert set(of_sqlite(file)) == {AWAY + name for name in of_sqlite(file, AWAY)}, "closed until it is taken back"
    assert [row["id"] for row in of_postgres(database, ["notices"])["notices"]] == ["another's"]


def test_the_command_moves_and_says_what_and_refuses_while_the_daemon_runs(
        lived: SqlStore, file: Path, database: str, tmp_path: Path) -> None:
    words = ["migrate-store", "--from", str(file), "--to", database, "--config", str(tmp_path)]
    with lived.transaction() as tx:
        tx.put_checkpoint("status", b'{"running": true, "pid": 7, "at": "2999-01-01T00:00:00Z"}', NOW)
    refused = CliRunner().invoke(main, words)
    assert (refused.exit_code, "stop it first" in refused.output) == (1, True)
    with lived.transaction() as tx:
        tx.put_checkpoint("status", b'{"running": false}', NOW)
    lived.close()
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert "5 deliveries" in done.output
    assert "is used no more" in done.output
    back = CliRunner().invoke(main, [*words, "--take-back"])
    assert (back.exit_code, "goes on in PostgreSQL" in back.output) == (1, True)
    nowhere = CliRunner().invoke(main, ["migrate-store", "--from", str(tmp_path / "x.db"), "--to", database])
    assert "there is no store" in nowhere.output
    assert not (tmp_path / "x.db").exists()
