"""Databases that are locked, busy, killed or silent. Tests of transaction and hard_timeout."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from database_servers import PostgreSQL
from django_store import counts_of, emptied, record, tracker_on
from slo_core import StoreError
from slo_core.stores.buckets import Query
from slo_core.testing import batch_of, declared
from slo_django.store.bucket_store import open_django
from slo_servers import wait_until

SUPPORT = Path(__file__).parents[2] / "support"


_WAITING = """
import gevent.monkey; gevent.monkey.patch_all()
import gevent, sqlite3, sys, time
sys.path.insert(0, sys.argv[2])
from django_databases import django_database
with django_database("busy", {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[1], "OPTIONS": {"timeout": 20}}):
    from slo_django.store.bucket_store import open_django
    store = open_django("django://busy")
    store.apply([])
    other = sqlite3.connect(sys.argv[1], isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    pauses, served = [], []
    def serve():
        while True:
            gevent.sleep(0.005)
            pauses.append(None)
    serving = gevent.spawn(serve)
    reading = gevent.spawn(store.names)
    def unlock():
        gevent.sleep(0.25)
        served.append(len(pauses))
        other.execute("ROLLBACK")
    gevent.sleep(0.01)  # the loop looks at the clock
    served.append(len(pauses))
    started = time.monotonic()
    gevent.spawn(unlock)
    store.apply([])
    assert reading.get() == []
    taken = time.monotonic() - started
    serving.kill()
    print(taken, served[1] - served[0])
"""


def test_waiting_for_a_locked_file_holds_up_no_other_greenlet(tmp_path: Path) -> None:
    """Under gevent they are the requests; whatever time-out the project has given."""
    command = [sys.executable, "-c", _WAITING, str(tmp_path / "db.sqlite3"), str(SUPPORT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    taken, served = map(float, done.stdout.split())
    # It is another greenlet that unlocks it: a wait in C takes as long as it is allowed to, and then fails.
    assert taken >= 0.2
    assert served >= 5  # every 5 ms, had it the machine for itself


def test_a_file_that_stays_locked_is_given_up(sqlite: None) -> None:
    """After a second."""
    store = open_django(f"django://{emptied('sqlite')}")
    store.apply([])
    with connections["sqlite"].cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(StoreError, match="locked"):
            store.apply([])
        taken = time.monotonic() - started
        cursor.execute("ROLLBACK")
    connections["sqlite"].close()

    assert 0.9 < taken < 20  # it is locked until it is given up
    assert store.apply([]).noted == ()


def test_no_connection_is_kept(postgres: PostgreSQL) -> None:
    """A database has few, and the application wants them."""
    tracker = tracker_on(f"django://{emptied('postgres')}")
    tracker.record(True)
    tracker.store.flush()
    assert counts_of(tracker) == (1, 0)

    others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    wait_until(lambda: postgres.query(others) == "0", message="a connection is still open")
    tracker.store.close()


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_row_that_others_hold_is_tried_again(name: str, request: pytest.FixtureRequest) -> None:
    """The store waits up to a second for the row; the batch is then written once."""
    request.getfixturevalue(name)
    store = open_django(f"django://{emptied(name)}", service="shop")
    now = int(store.apply([]).now)
    store.apply([batch_of([(now, 1, 0)], number=1, declaration=declared(now))])
    attempts: list[Exception | None] = []
    once = store._apply

    def counted(batches: Any) -> Any:
        try:
            done = once(batches)
        except StoreError as exc:
            attempts.append(exc)
            blocker.rollback()  # type: ignore[attr-defined]  # bound below
            raise
        attempts.append(None)
        return done

    store._apply = counted  # type: ignore[method-assign]
    blocker = connections[name]
    blocker.set_autocommit(False)
    try:
        with blocker.cursor() as cursor:
            cursor.execute("SELECT id FROM slo_django_slo FOR UPDATE")
        applied = store.apply([batch_of([(now, 0, 1)], number=2)])
    finally:
        blocker.close()

    assert applied.noted == (2,)
    assert [attempt is None for attempt in attempts] == [False, True]


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_killed_server_loses_and_doubles_nothing(name: str, request: pytest.FixtureRequest) -> None:
    """Writers and readers hear an error, and go on when it is back."""
    server = request.getfixturevalue(name)
    tracker = tracker_on(f"django://{emptied(name)}")
    record(tracker, good=5)
    tracker.store.flush()
    server.kill()

    record(tracker, bad=2)
    started = time.monotonic()
    tracker.store.flush()
    assert time.monotonic() - started < 20  # it is away until it is started
    assert not tracker.store.health().is_up
    server.start()
    tracker.store.flush()

    assert counts_of(tracker) == (5, 2)
    assert tracker.store.health().is_up
    tracker.store.close()


@pytest.mark.parametrize("name", ["postgres", "mariadb"])
def test_a_server_that_hangs_is_left(name: str, request: pytest.FixtureRequest) -> None:
    """Its kernel still takes connections; no answer comes. What it may have written is not written twice."""
    server = request.getfixturevalue(name)
    tracker = tracker_on(f"django://{emptied(name)}")
    tracker.record(True)
    tracker.store.flush()
    server.pause()
    try:
        tracker.record(True)
        started = time.monotonic()
        tracker.store.flush()
        assert time.monotonic() - started < 20  # it hangs until it is resumed
        assert not tracker.store.health().is_up
    finally:
        server.resume()
    tracker.store.flush()

    assert counts_of(tracker) == (2, 0)
    tracker.store.close()


def test_a_server_that_stops_answering_in_the_middle_is_cut_off(postgres: PostgreSQL) -> None:
    """PostgreSQL keeps its own time-outs, and a stopped server keeps none."""
    store = open_django(f"django://{emptied('postgres')}", service="shop")
    started = time.monotonic()
    try:
        with pytest.raises(StoreError), store._database.reading() as transaction:
            transaction.fetch("SELECT 1")
            postgres.pause()
            transaction.fetch("SELECT 1")
        assert time.monotonic() - started < 20  # it hangs until it is resumed
    finally:
        postgres.resume()
    assert store.names() == []


def test_many_writers_of_many_slos_do_not_deadlock(alias: str) -> None:
    """Each process declares the same SLOs in an order of its own."""
    names = [f"slo-{number}" for number in range(6)]
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now)
    failures: list[Exception] = []

    def write(index: int) -> None:
        order = names[index:] + names[:index]
        for number in (1, 2, 3):
            batches = [
                batch_of(
                    [(now - number, 1, index)],
                    number=number,
                    writer=f"{index:032x}",
                    slo=name,
                    declaration=declared(now),
                )
                for name in order
            ]
            for _ in range(20):
                try:
                    applied = store.apply(batches)
                except StoreError as exc:  # SQLite: one writer at a time, for a second
                    failures.append(exc)
                    continue
                assert applied.noted == (number,) * len(names)
                break

    threads = [threading.Thread(target=write, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    totals = [stored.record for stored in store.read([Query(name, ()) for name in names])]
    assert [(record.good, record.bad) for record in totals if record] == [(18, 45)] * 6
    assert all("locked" in str(exc) or "Deadlock" in str(exc) for exc in failures)
