"""Where the project keeps connections (`CONN_MAX_AGE`), the store keeps one of its own; else none, see `test_transaction`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
from django.db import connections

from django_databases import django_database
from django_store import counts_of, emptied, record, tracker_on
from slo_core import SLOTracker
from slo_django.store.bucket_store import DjangoBucketStore, open_django
from slo_servers import wait_until

SESSIONS = {
    "postgres": "SELECT pid, state FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    "mariadb": "SELECT id, command FROM information_schema.processlist WHERE user <> 'system user' AND id <> connection_id()",
}
END = {"postgres": "SELECT pg_terminate_backend({})", "mariadb": "KILL {}"}
AT_REST = {"postgres": "idle", "mariadb": "Sleep"}


@pytest.fixture(params=["postgres", "mariadb"])
def kind(request: pytest.FixtureRequest) -> str:
    request.getfixturevalue(request.param)
    return emptied(request.param)


@pytest.fixture
def tracker(kind: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[SLOTracker]:
    """In a database whose connections the project keeps for a minute."""
    # Else none is kept, whatever the project says: a test's database has to go at its end.
    monkeypatch.setattr("slo_django.store.database.is_being_tested", lambda: False)
    with django_database(f"kept-{kind}", {**connections.settings[kind], "CONN_MAX_AGE": 60}, migrate=False) as alias:
        tracker = tracker_on(f"django://{alias}")
        yield tracker
        tracker.store.close()
        wait_for_sessions(kind, 0)
    connections[kind].close()


def sessions(kind: str) -> dict[int, str]:
    """What those of others are doing."""
    with connections[kind].cursor() as cursor:
        cursor.execute(SESSIONS[kind])
        return dict(cursor.fetchall())


def wait_for_sessions(kind: str, count: int) -> None:
    """Until there are so many: the server takes a moment to end one."""
    wait_until(lambda: len(sessions(kind)) == count, message=f"not {count} connections are open")


def test_one_connection_serves_flushes_and_reads(kind: str, tracker: SLOTracker) -> None:
    """It rests without a transaction, and is replaced when it is as old as the project allows."""
    record(tracker, good=1)
    assert tracker.store.flush()
    first = sessions(kind)
    record(tracker, bad=1)
    assert counts_of(tracker) == (1, 1)
    assert sessions(kind) == first
    assert list(first.values()) == [AT_REST[kind]]

    buckets = tracker.store.buckets  # type: ignore[attr-defined]
    assert isinstance(buckets, DjangoBucketStore)
    ((_, connection),) = buckets._database._kept._kept
    connection.close_at = time.monotonic()
    assert counts_of(tracker) == (1, 1)
    wait_for_sessions(kind, 1)
    assert sessions(kind) != first


def test_a_session_that_the_server_has_ended_is_replaced(kind: str, tracker: SLOTracker) -> None:
    """A restart, or a limit of the server's: nothing fails, and each event counts once."""
    for _ in range(2):
        record(tracker, good=1)
        assert tracker.store.flush()
        (session,) = sessions(kind)
        with connections[kind].cursor() as cursor:
            cursor.execute(END[kind].format(session))
        wait_for_sessions(kind, 0)

    assert counts_of(tracker) == (2, 0)
    assert tracker.store.health().errors == 0


def test_a_forked_child_leaves_its_parents_connection_alone(kind: str, tracker: SLOTracker) -> None:
    """It opens one of its own, and the parent's serves on."""
    record(tracker, good=1)
    assert tracker.store.flush()
    before = sessions(kind)
    child = os.fork()
    if child == 0:
        is_right = counts_of(tracker) == (1, 0)
        tracker.store.close()
        os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert counts_of(tracker) == (1, 0)
    assert sessions(kind) == before


def test_a_store_that_is_dropped_leaves_no_connection(kind: str, tracker: SLOTracker) -> None:
    """Checks and commands open a store, ask it something, and forget it."""
    store = open_django(f"django://kept-{kind}", service="shop")
    assert store.names() == []
    wait_for_sessions(kind, 1)
    del store
    wait_for_sessions(kind, 0)
