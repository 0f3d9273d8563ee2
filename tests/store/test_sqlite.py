"""What only SQLite promises: query plans, files, other processes, full and broken disks."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

import notifier.store
from notifier.model.delivery import DeliveryState
from notifier.model.people import AddressKind
from notifier.ports import StoreUnavailable
from notifier.secret import Secret
from notifier.store import SqlStore, StoreSettings, open_store
from notifier.store.database import migrations, statements

from .making import LEASE, NOW, a_delivery, a_notice, a_subscriber, queue

QUICK = timedelta(milliseconds=50)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notifier.db"


@pytest.fixture
def store(file: Path) -> Iterator[SqlStore]:
    opened = open_store(StoreSettings(path=str(file), busy_timeout=QUICK))
    yield opened
    opened.close()


# ── query plans ──

PLANS = [
    ("outbox", "claim", "deliveries_due", "claiming never scans the outbox"),
    ("outbox", "claim", "deliveries_order", "the order of one recipient is looked up, not searched"),
    ("outbox", "leases_passed", "deliveries_leased", "passed leases"),
    ("outbox", "unknowns", "deliveries_unknown", "unknown deliveries"),
    ("outbox", "expire", "deliveries_expiring", "expired deliveries"),
    ("outbox", "pending_by_channel", "deliveries_due", "counting the pending"),
    ("outbox", "claimed_by_channel", "deliveries_leased", "counting the claimed"),
    ("outbox", "unknown_by_channel", "deliveries_unknown", "counting the unknown"),
    ("outbox", "told", "deliveries_order", "whom an incident told"),
    ("outbox", "at_the_gate", "deliveries_order", "whether somebody was told"),
    ("outbox", "by_provider", "deliveries_provider", "a provider's callback"),
    ("outbox", "unanswered_beside", "deliveries_address", "whether another to the same address is under way"),
    ("people", "suppress", "deliveries_address", "an opt-out"),
    ("people", "audience", "sqlite_autoindex_subscribers_1", "an audience"),
    ("canaries", "sampled_fates", "COVERING INDEX deliveries_sampled", "what became of one in 32 of a wave"),
    ("canaries", "fates", "sqlite_autoindex_deliveries_2", "what became of a canary"),
    ("canaries", "waiting", "deliveries_due", "whether anybody of a wave waits"),
    ("canaries", "open", "canaries_open", "open canaries"),
    ("signals", "open", "signals_open", "open signals"),
    ("signals", "seal", "signals_open", "signals that ran out"),
    ("incidents", "open", "incidents_open", "open incidents"),
    ("notices", "waiting", "notices_waiting", "waiting notices"),
    ("staff", "waiting", "requests_waiting", "waiting requests"),
]


@pytest.mark.parametrize(("topic", "name", "index", "sentence"), PLANS, ids=[f"{p[3]} ({p[2]})" for p in PLANS])
def test_a_statement_uses_its_index(
    store: SqlStore, file: Path, topic: str, name: str, index: str, sentence: str
) -> None:
    with sqlite3.connect(file) as connection:
        statement = statements(topic)[name]
        names = {word.strip("(),;") for word in statement.replace("(", " ").split() if word.startswith(":")}
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", {word[1:]: 1 for word in names}).fetchall()
    connection.close()
    steps = [row[3] for row in plan]
    assert any(index in step for step in steps), steps
    whole_scans = [step for step in steps if step in ("SCAN deliveries", "SCAN d", "SCAN e")]
    assert not whole_scans, steps


SQL = Path(notifier.store.__file__).parent / "sql"


def test_every_statement_compiles_against_the_schema(store: SqlStore, file: Path) -> None:
    with sqlite3.connect(file) as connection:
        for topic in sorted(file.stem for file in SQL.glob("*.sql")):
            found = statements(topic)
            assert found
            for statement in found.values():
                names = {word.strip("(),;") for word in statement.replace("(", " ").split() if word.startswith(":")}
                connection.execute(f"EXPLAIN {statement}", {word[1:]: 1 for word in names})
    connection.close()


# ── the file ──


def test_nobody_else_may_read_the_file(store: SqlStore, file: Path) -> None:
    for path in file.parent.glob("notifier.db*"):
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_opening_again_keeps_everything_and_migrates_nothing_twice(store: SqlStore, file: Path) -> None:
    queue(store, a_notice())
    other = open_store(StoreSettings(path=str(file)))
    with other.transaction() as tx:
        assert len(tx.deliveries()) == 1
    other.close()
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (migrations()[-1][0],)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_file_of_a_newer_program_is_refused(store: SqlStore, file: Path) -> None:
    store.close()
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(StoreUnavailable, match="schema 999"):
        open_store(StoreSettings(path=str(file)))


def test_a_failed_migration_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = ((1, "CREATE TABLE first (a);\nCREATE TABLE first (a);\n"),)
    monkeypatch.setattr("notifier.store.sqlite.migrations", lambda: bad)
    with pytest.raises(StoreUnavailable):
        open_store(StoreSettings(path=str(file)))
    connection = sqlite3.connect(file)
    assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)
    connection.close()


def test_opt_outs_do_not_survive_a_changed_key_unnoticed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = StoreSettings(path=str(file), hash_key=Secret(env="HASH_KEY"))
    monkeypatch.setenv("HASH_KEY", "one")
    first = open_store(settings)
    with first.transaction() as tx:
        tx.opt_out(AddressKind.PHONE, "+18025550100", NOW, "STOP")
    first.close()
    again = open_store(settings)
    with again.transaction() as tx:
        assert tx.is_opted_out(AddressKind.PHONE, "+18025550100")
    again.close()
    monkeypatch.setenv("HASH_KEY", "two")
    with pytest.raises(StoreUnavailable, match="put it back") as caught:
        open_store(settings)
    assert "two" not in str(caught.value)


def test_an_erased_address_is_in_no_byte_of_the_files(store: SqlStore, file: Path) -> None:
    notice = a_notice()
    queue(store, notice, a_delivery(notice, address="ann.unmistakable@example.net", id="d1"))
    with store.transaction() as tx:
        tx.put_subscriber(a_subscriber("s1", "ann.unmistakable@example.net"))

    def traces() -> int:
        return sum(path.read_bytes().count(b"unmistakable") for path in file.parent.glob("notifier.db*"))

    assert traces() > 0
    with store.transaction() as tx:
        assert tx.erase(AddressKind.EMAIL, "ann.unmistakable@example.net", NOW)
    assert traces() == 0


# ── faults: StoreUnavailable, and nothing changed ──


def untouched(store: SqlStore) -> None:
    """The store works again and holds what it held before the fault: one pending delivery."""
    with store.transaction() as tx:
        (delivery,) = tx.deliveries()
        assert tx.notice("big") is None
    assert (delivery.state, delivery.token) == (DeliveryState.PENDING, 0)


def test_a_full_disk_keeps_nothing_and_is_survived(store: SqlStore) -> None:
    queue(store, a_notice())
    connection = store._engine._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="full"), store.transaction() as tx:
        tx.put_notice(a_notice("big", reason="x" * 200_000))
    connection.execute("PRAGMA max_page_count = 1000000")
    untouched(store)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's file size limit")
def test_a_write_the_system_refuses_keeps_nothing(tmp_path: Path) -> None:
    """A real refusal by the kernel (EFBIG at the file size limit) in the middle of a commit, in its own process."""
    code = """
import resource, signal, sys
from tests.store.making import *
from notifier.ports import StoreUnavailable
from notifier.store import StoreSettings, open_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(StoreSettings(path=sys.argv[1]))
queue(store, a_notice())
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
try:
    with store.transaction() as tx:
        tx.put_notice(a_notice("big", reason="x" * 2_000_000))
except StoreUnavailable as error:
    print("unavailable")
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
with store.transaction() as tx:
    print(tx.notice("big"), len(tx.deliveries()))
print(len(store.claim("sms", 1, LEASE, NOW)))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "n.db")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-3:] == ["unavailable", "None 1", "1"], done.stdout + done.stderr


def test_a_lock_held_by_another_process_keeps_nothing(store: SqlStore, file: Path) -> None:
    queue(store, a_notice())
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for step in (
        lambda: store.claim("sms", 1, LEASE, NOW),
        lambda: store.begin("d", 1, NOW),
        lambda: store.expire(NOW),
        lambda: store.transaction().__enter__(),
    ):
        with pytest.raises(StoreUnavailable, match="locked"):
            step()
    other.execute("ROLLBACK")
    other.close()
    untouched(store)


def test_a_file_that_cannot_be_written(store: SqlStore) -> None:
    queue(store, a_notice())
    connection = store._engine._connection
    assert connection is not None
    connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable, match="readonly"):
        store.claim("sms", 1, LEASE, NOW)
    connection.execute("PRAGMA query_only = OFF")
    untouched(store)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is no database, and long enough to be looked at" * 100, id="another kind of file"),
        pytest.param(None, id="a folder that is not there"),
    ],
)
def test_a_path_that_is_no_database(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.db" if content is not None else tmp_path / "missing" / "x.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StoreUnavailable):
        open_store(StoreSettings(path=str(path), busy_timeout=QUICK))
    if content is not None:
        assert path.read_bytes() == content


def test_two_processes_share_the_file(store: SqlStore, file: Path) -> None:
    """The command line sets the kill switch while the daemon has the store open."""
    queue(store, a_notice())
    code = """
import sys
from tests.store.making import NOW
from notifier.store import StoreSettings, open_store
store = open_store(StoreSettings(path=sys.argv[1]))
with store.transaction() as tx:
    tx.set_switch("kill", "on", "ann", NOW)
"""
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, timeout=60, env=os.environ)
    assert store.claim("sms", 1, LEASE, NOW) == ()


def test_who_only_reads_waits_for_nobody_who_writes(store: SqlStore) -> None:
    """A sender looks whether its channel is stopped while a large fan-out writes."""
    with store.transaction() as held:
        held.set_switch("stop:x", "on", "ann", NOW)
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(_stopped, store).result(20) is None, "not committed"
    assert _stopped(store) == "on"


def _stopped(store: SqlStore) -> str | None:
    with store.reading() as tx:
        return tx.switch("stop:x")
