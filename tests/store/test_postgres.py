"""What only PostgreSQL can do wrong: several nodes at once, connections that break, a server that is gone."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from notifier.clock import SystemClock
from notifier.model.delivery import DeliveryState, Outcome, OutcomeKind, Reason
from notifier.ports import NotFound, Store, StoreUnavailable
from notifier.secret import Secret
from notifier.store import SqlStore, StoreSettings, open_store
from notifier.store.database import migrations, statements
from notifier.store.postgres import OLDEST_SERVER, _statement
from tests.parts.waiting import until
from tests.postgres_server import PostgresServer, postgres_server

from .making import LEASE, MINUTE, NOW, a_delivery, a_notice, a_signal, queue, the

NODES = 4
QUICK = timedelta(seconds=2)


@contextmanager
def nodes(address: str, number: int = NODES) -> Iterator[list[SqlStore]]:
    opened = [open_store(StoreSettings(url=address, connections=3)) for _ in range(number)]
    try:
        yield opened
    finally:
        for one in opened:
            one.close()


def at_once(work: Callable[[SqlStore], object], stores: list[SqlStore]) -> list[object]:
    """Each store's work in a thread of its own; their answers."""
    ready = threading.Barrier(len(stores))

    def run(store: SqlStore) -> object:
        ready.wait(30)
        return work(store)

    with ThreadPoolExecutor(len(stores)) as threads:
        return list(threads.map(run, stores))


def hundred(store: Store) -> None:
    notice = a_notice()
    queue(store, notice, *(a_delivery(notice, address=f"+1802555{number:04}") for number in range(100)))


# ── several nodes ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_one_node_decides_wakes_the_senders_of_the_others(database: str) -> None:
    with nodes(database, 3) as (leader, one, other):
        assert leader.leads()
        woken = {store: threading.Event() for store in (one, other)}
        for store, event in woken.items():
            store.on_outbox(event.set)
        _listening(database, 2)
        for event in woken.values():
            event.clear()
        hundred(leader.leading())
        assert all(event.wait(10) for event in woken.values())


def test_a_node_whose_connection_broke_listens_again(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.store.announcements.AGAIN_SECONDS", 0.1)
    with nodes(database, 2) as (leader, one):
        woken = threading.Event()
        one.on_outbox(woken.set)
        before = _listening(database, 1)
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", before)
        until(lambda: _listeners(database) not in ([], before), "it listens over a new connection", within=20)
        assert woken.wait(10), "and looks, for what it may have missed"
        woken.clear()
        hundred(leader)
        assert woken.wait(10)


def _listeners(address: str) -> list[int]:
    with psycopg.connect(address, autocommit=True) as admin:
        return [row[0] for row in admin.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")]


def _listening(address: str, number: int) -> list[int]:
    until(lambda: len(_listeners(address)) == number, f"{number} listen", within=20)
    return _listeners(address)


def test_no_delivery_is_claimed_by_two_nodes_and_none_is_left(database: str) -> None:
    def claims(store: SqlStore) -> list[str]:
        found: list[str] = []
        while some := store.claim("sms", 7, LEASE, NOW):
            found += [delivery.id for delivery, _ in some]
        return found

    with nodes(database) as stores:
        hundred(stores[0])
        taken = [id for found in at_once(claims, stores) for id in found]  # type: ignore[attr-defined]
    assert len(taken) == len(set(taken)) == 100


def test_the_kill_switch_waits_for_who_is_passing_the_gate(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender has seen the switch off and not yet written that it begins: the switch commits after that, so that once
    it has, no send begins."""
    passing, go_on = threading.Event(), threading.Event()

    def held_up(name: str) -> None:
        if name == "begin.before_commit":
            passing.set()
            assert go_on.wait(30)

    monkeypatch.setattr("notifier.store.postgres.failpoint", held_up)
    with nodes(database, 2) as (one, other), ThreadPoolExecutor(2) as threads:
        queue(one, a_notice())
        ((claimed, _),) = one.claim("sms", 1, LEASE, NOW)
        begin = threads.submit(one.begin, claimed.id, claimed.token, NOW)
        assert passing.wait(30)

        def turns() -> None:
            with other.transaction() as tx:
                tx.set_switch("kill", "on", "ann", NOW)

        kill = threads.submit(turns)
        until(lambda: kill.done() or waits(database), "the switch waits")
        assert not kill.done()
        go_on.set()
        assert begin.result(30) is None
        kill.result(30)
        assert one.claim("sms", 1, LEASE, NOW) == ()


def waits(address: str) -> bool:
    """Whether anybody waits for a lock."""
    with psycopg.connect(address) as connection:
        row = connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return row is not None and row[0] > 0


def test_a_cancel_and_the_gate_agree(database: str) -> None:
    """Whatever comes first, a delivery is either begun or cancelled, never both."""
    with nodes(database, 2) as (one, other):
        hundred(one)
        claimed = one.claim("sms", 100, LEASE, NOW)

        def begins() -> set[str]:
            return {d.id for d, _ in claimed if one.begin(d.id, d.token, NOW) is None}

        def cancels() -> None:
            with other.transaction() as tx:
                tx.cancel_deliveries(notice="n1", reason=Reason.WITHDRAWN, now=NOW)

        with ThreadPoolExecutor(2) as threads:
            begun, done = threads.submit(begins), threads.submit(cancels)
            done.result(30)
            passed = begun.result(30)
        with one.transaction() as tx:
            states = {d.id: d.state for d in tx.deliveries()}
    assert {id for id, state in states.items() if state is DeliveryState.CANCELLED} == set(states) - passed


def test_what_was_read_of_an_earlier_attempt_resends_nothing(database: str) -> None:
    """Two nodes look for the same delivery; the slower one's answer is of an attempt that is over."""
    with nodes(database, 2) as (one, other):
        queue(one, a_notice())
        ((first, _),) = one.claim("sms", 1, LEASE, NOW)
        one.begin(first.id, first.token, NOW)
        one.settle(first.id, first.token, Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER), NOW)
        ((slow, _),) = one.unknowns(10, LEASE, NOW)
        assert other.unknowns(10, LEASE, NOW) == (), "it is being looked for"
        ((quick, _),) = other.unknowns(10, LEASE, NOW + LEASE)
        assert other.reconcile(quick.id, quick.token, NotFound(), NOW, again_at=None, resend=True)
        ((again, _),) = other.claim("sms", 1, LEASE, NOW)
        other.begin(again.id, again.token, NOW)
        other.settle(again.id, again.token, Outcome(OutcomeKind.UNKNOWN, Reason.LOST_ANSWER), NOW)
        assert not one.reconcile(slow.id, slow.token, NotFound(), NOW, again_at=None, resend=True)
        assert the(one, slow.id).state is DeliveryState.UNKNOWN


def test_the_stages_transactions_take_turns(database: str) -> None:
    """What is read in one is still true when it is written: no count is lost."""
    def adds(store: SqlStore) -> None:
        for _ in range(10):
            with store.transaction() as tx:
                number = int((tx.checkpoint("number") or b"0").decode())
                tx.put_checkpoint("number", str(number + 1).encode(), NOW)

    with nodes(database) as stores:
        at_once(adds, stores)
        with stores[0].transaction() as tx:
            assert tx.checkpoint("number") == str(10 * NODES).encode()


def test_everything_at_once_ends(database: str) -> None:
    """Claims, outcomes, housekeeping, opt-outs and cancels side by side: none waits for ever for another."""
    rejected = Outcome(OutcomeKind.REJECTED, Reason.OPTED_OUT)

    def works(store: SqlStore) -> None:
        for number in range(10):
            for delivery, _ in store.claim("sms", 3, LEASE, NOW):
                if store.begin(delivery.id, delivery.token, NOW) is None:
                    store.settle(delivery.id, delivery.token, rejected, NOW)
            store.expired_leases(NOW + LEASE)
            store.expire(NOW + MINUTE)
            with store.transaction() as tx:
                tx.cancel_deliveries(notice="n1", stages=["update"], reason=Reason.SUPERSEDED, now=NOW)
                tx.set_switch("kill", "off" if number % 2 else "on", "ann", NOW)

    with nodes(database) as stores:
        hundred(stores[0])
        at_once(works, stores)


def test_reading_waits_for_nobody_and_changes_nothing(database: str) -> None:
    """A stage's transaction that lasts, as of a node that is stopped, keeps no sender from its work."""
    with nodes(database, 2) as (one, other):
        queue(one, a_notice())
        with one.transaction() as held:
            held.set_switch("stop:x", "on", "ann", NOW)
            with other.reading() as tx:
                assert tx.switch("stop:x") is None, "not committed"
            ((claimed, _),) = other.claim("sms", 1, LEASE, NOW)
            assert other.begin(claimed.id, claimed.token, NOW) is None
        with pytest.raises(StoreUnavailable, match="read-only"), other.reading() as tx:
            tx.set_switch("stop:x", "off", "ann", NOW)


def test_a_node_knows_how_far_its_clock_is_from_the_databases(database: str) -> None:
    with nodes(database, 1) as (one,):
        now = SystemClock().now()
        ahead = one.ahead(now + timedelta(minutes=6))
        assert ahead is not None
        assert abs(ahead - timedelta(minutes=6)) < timedelta(seconds=30), "both run on this machine"


# ── who leads ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_node_leads_until_it_leaves(database: str) -> None:
    with nodes(database, 2) as (one, other):
        assert one.leads()
        assert not other.leads()
        assert one.leads()
        with pytest.raises(StoreUnavailable, match="another node leads"), other.leading().transaction():
            pass
        one.close()
        assert other.leads()


def test_who_has_lost_the_right_cannot_commit_what_it_had_begun(database: str) -> None:
    """The server ends the connection of a leader it takes for stopped, in the middle of a decision."""
    with nodes(database, 2) as (one, other):
        assert one.leads()

        def decides() -> None:
            with one.leading().transaction() as tx:
                tx.put_signals([a_signal()])
                end_seat(database)
                until(other.leads, "the other node leads")

        with pytest.raises(StoreUnavailable):
            decides()
        with pytest.raises(StoreUnavailable):
            one.leads()
        assert not one.leads(), "it asks anew, and another sits there"
        with other.leading().transaction() as tx:
            assert tx.open_signals(NOW) == ()


def end_seat(address: str) -> None:
    """End the connection that holds the right to lead, as the server does when nothing is said over it."""
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4 "
                           "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = "
                           "current_database())")


def test_a_seat_over_which_nothing_is_said_is_taken_away(database: str) -> None:
    quick = StoreSettings(url=database, connections=2, node_silent=timedelta(seconds=1))
    silent, other = open_store(quick), open_store(quick)
    try:
        assert silent.leads()
        until(other.leads, "the silent one is replaced", within=20)
    finally:
        silent.close()
        other.close()


# ── a server that is not there ───────────────────────────────────────────────────────────────────────────────────────


def test_connections_the_server_has_ended_are_replaced_unnoticed(database: str) -> None:
    with nodes(database, 1) as (store,):
        queue(store, a_notice())
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                               "current_database() AND pid <> pg_backend_pid()")
        assert len(store.claim("sms", 1, LEASE, NOW)) == 1


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.mark.slow
def test_a_server_that_is_restarted_loses_nothing_and_keeps_nothing_half(own_server: PostgresServer) -> None:
    store = open_store(StoreSettings(url=own_server.url, connections=3, busy_timeout=QUICK, node_silent=QUICK / 2))
    try:
        queue(store, a_notice())

        def spoilt() -> None:
            with store.transaction() as tx:
                tx.put_signals([a_signal()])
                own_server.end(signal.SIGQUIT)

        with pytest.raises(StoreUnavailable):
            spoilt()
        with pytest.raises(StoreUnavailable):
            store.claim("sms", 1, LEASE, NOW)
        own_server.start()
        until_back(store)
        with store.transaction() as tx:
            assert tx.open_signals(NOW) == ()
        assert len(store.claim("sms", 1, LEASE, NOW)) == 1
    finally:
        store.close()


def until_back(store: Store) -> None:
    """Ask until the store answers; every ask waits `busy_timeout` by itself."""
    for _ in range(30):
        try:
            with store.transaction():
                return
        except StoreUnavailable:
            continue
    raise AssertionError("the store does not come back")


def test_a_server_that_never_was_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("none")
    with pytest.raises(StoreUnavailable, match="could not be used"):
        open_store(StoreSettings(
            url=f"postgresql://postgres@/x?host={folder}", busy_timeout=QUICK, node_silent=QUICK / 2))


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_several_nodes_that_begin_at_once_migrate_once(postgres: PostgresServer) -> None:
    address = postgres.address(postgres.database())
    with ThreadPoolExecutor(NODES) as threads:
        for opened in threads.map(lambda _: open_store(StoreSettings(url=address, connections=2)), range(NODES)):
            opened.close()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT version FROM schema_version").fetchall() == [
            (migrations("postgres")[-1][0],)]


def test_a_database_of_a_newer_program_is_refused(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE schema_version SET version = 999")
    with pytest.raises(StoreUnavailable, match="schema 999"):
        open_store(StoreSettings(url=database))


def test_a_server_that_is_too_old_is_refused(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.store.postgres.OLDEST_SERVER", OLDEST_SERVER * 10)
    with pytest.raises(StoreUnavailable, match="too old"):
        open_store(StoreSettings(url=database))


@pytest.mark.parametrize(("url", "said"), [
    ("postgresql://ann:secret@db/outages", "holds a password"),
    ("postgresql://db/outages?password=secret", "holds a password"),
    ("mysql://db/outages", "postgresql://"),
    ("postgresql://db", "postgresql://"),
])
def test_addresses_that_are_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        StoreSettings(url=url)
    assert "secret" not in str(caught.value).replace(f"input_value='{url}'", "")


def test_a_password_that_is_missing_is_named_by_its_place(database: str) -> None:
    with pytest.raises(StoreUnavailable, match="NOWHERE"):
        open_store(StoreSettings(url=database, password=Secret(env="NOWHERE")))


def test_every_statement_compiles_against_the_schema(database: str) -> None:
    with psycopg.connect(database, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        for topic in ("signals", "incidents", "notices", "outbox", "people", "staff", "track"):
            for name in statements(topic, "postgres"):
                text = _statement(f"{topic}.{name}")
                given = {word: ["1"] if re.search(rf"%\({word}\)s::\w+\[\]", text) else "[]" if word in LISTS else "1"
                         for word in _names(text)}
                connection.execute(f"EXPLAIN {text}", given)


LISTS = ("regions", "addresses", "stages", "channels", "numbers", "hashes")


def _names(text: str) -> set[str]:
    return {part.split(")s")[0] for part in text.split("%(")[1:]}


def test_text_with_a_nul_is_kept_without_it(database: str) -> None:
    with nodes(database, 1) as (store,):
        with store.transaction() as tx:
            tx.put_signals([a_signal(why="no\0 power")])
        with store.transaction() as tx:
            assert [one.why for one in tx.open_signals(NOW)] == ["no\ufffd power"]


@pytest.mark.parametrize("name", ["outbox.told", "outbox.told_among", "outbox.more_were_told", "people.told_sizes"])
def test_who_was_told_of_one_incident_is_found_without_reading_what_another_left(database: str, name: str) -> None:
    """With statistics as after a large outage: all there is belongs to one incident, and the next has nothing yet."""
    with nodes(database, 1) as (store,), psycopg.connect(database, autocommit=True) as connection:
        notice = a_notice()
        queue(store, notice, *(a_delivery(notice, id=f"d{n}", address=f"+1802555{n:04}") for n in range(3000)))
        connection.execute("ANALYZE deliveries")
        given = {"family": ["I260115-2"], "regions": '["US-VT"]', "service": "mobile", "channels": '["sms"]',
                 "addresses": '["+18025550001"]', "most": 1001}
        text, cursor = _statement(name), psycopg.ClientCursor(connection)
        plan = cursor.execute(f"EXPLAIN {text}", given).fetchall()
    assert "Seq Scan on deliveries" not in str(plan)
