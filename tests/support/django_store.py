"""`django://` in tests: emptied, filled, and counted in by a tracker."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections

from slo_core import SLODefinition, SLOTracker
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.testing import batch_of, declared
from slo_django.store.bucket_store import DjangoBucketStore, open_django

TABLES = (
    "slo_django_store", "slo_django_slo", "slo_django_bucket", "slo_django_note", "slo_django_closedperiod",
    "slo_django_causeblock", "slo_django_mark", "slo_django_episode", "slo_django_recentfailure",
)  # fmt: skip


def emptied(alias: str) -> str:
    """The alias, its tables without rows."""
    with connections[alias].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DELETE FROM {table}")
    connections[alias].close()
    return alias


def filled(alias: str, names: list[str]) -> tuple[DjangoBucketStore, int]:
    """A store in which the SLO at each place has that many good events in each of the last ten seconds; the last one."""
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now) // 10 * 10 + 9
    store.apply(
        [
            batch_of(
                [(now - second, place, 1) for second in range(10)], number=1, slo=name, declaration=declared(float(now))
            )
            for place, name in enumerate(names)
        ]
    )
    return store, now


def noted_statements(store: DjangoBucketStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement of the store from now on."""
    statements: list[str] = []
    connect = store._database.new_connection

    def watched() -> Any:
        connection = connect()

        def note(execute: Any, sql: str, *rest: Any) -> Any:
            statements.append(sql)
            return execute(sql, *rest)

        connection.execute_wrappers.append(note)
        return connection

    monkeypatch.setattr(store._database, "new_connection", watched)
    return statements


def tracker_on(url: str, clock: Callable[[], float] = time.time) -> SLOTracker:
    """A tracker whose batches are sent only when the test says so."""
    store = WriteBehindStore(open_django(url, service="shop"), clock=clock, flush_interval=3600)
    return SLOTracker(SLODefinition("availability", 0.999), store=store, clock=clock)


def record(tracker: SLOTracker, *, good: int = 0, bad: int = 0) -> None:
    """So many events, now."""
    for success in [True] * good + [False] * bad:
        tracker.record(success)


def counts_of(tracker: SLOTracker) -> tuple[int, int]:
    """Good and bad events in the tracker's window."""
    snapshot = tracker.snapshot()
    return snapshot.total - snapshot.failures, snapshot.failures
