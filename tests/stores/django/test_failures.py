"""Recent failures in the project's database, before and after their migration has run."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connections

from django_store import emptied, record, tracker_on
from slo_core import SLORegistry
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.stores.recent_failures import FAILURES_KEPT_SECONDS
from slo_django.store.bucket_store import open_django
from slo_django.store.failures import FAILURE_TABLE


@pytest.fixture
def before_migration(alias: str) -> Iterator[str]:
    """A database whose tables are those of the version before."""
    call_command("migrate", "slo_django", "0009", database=emptied(alias), verbosity=0)
    yield alias
    call_command("migrate", "slo_django", database=alias, verbosity=0)


def test_before_the_migration_there_are_none(before_migration: str, caplog: pytest.LogCaptureFixture) -> None:
    """Events are counted, pruned and deleted as ever, and nothing is logged; after it the next ones are kept."""
    alias = before_migration
    tracker = tracker_on(f"django://{alias}")
    registry = SLORegistry(tracker.store)
    registry.add(tracker)
    with caplog.at_level(logging.WARNING):
        record(tracker, good=1, bad=2)
        assert registry.flush()
    assert caplog.text == ""
    assert (tracker.snapshot().failures, tracker.recent_failures()) == (2, ())
    buckets = open_django(f"django://{alias}", service="other")
    assert buckets.prune() == 0
    assert buckets.delete_slo("none", not_seen_since=0.0)

    call_command("migrate", "slo_django", database=alias, verbosity=0)
    later = open_django(f"django://{alias}", service="other")
    later.add_recent_failures({"a": [RecentFailure(later.apply([]).now)]}, most=50)
    assert len(later.recent_failures(["a"], most=50)[0]) == 1
    registry.close()


def test_a_damaged_row_hides_itself_only(alias: str) -> None:
    """Whatever another program has written there."""
    store = open_django(f"django://{emptied(alias)}", service="shop")
    now = store.apply([]).now
    store.add_recent_failures({"a": [RecentFailure(now), RecentFailure(now)]}, most=50)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT MAX(id) FROM {FAILURE_TABLE}")  # noqa: S608  # our names
        cursor.execute(f"UPDATE {FAILURE_TABLE} SET content = 'x' WHERE id = %s", cursor.fetchone())  # noqa: S608
    connections[alias].close()

    assert store.recent_failures(["a"], most=50) == [(RecentFailure(now),)]


def test_old_ones_of_every_service_are_pruned(alias: str) -> None:
    """After eight days, whoever prunes."""
    gone, other = (open_django(f"django://{emptied(alias)}", service=service) for service in ("gone", "other"))
    now = gone.apply([]).now
    gone.add_recent_failures({"a": [RecentFailure(now - FAILURES_KEPT_SECONDS - 60)]}, most=50)
    other.add_recent_failures({"a": [RecentFailure(now)]}, most=50)

    assert other.prune() == 1
    assert len(other.recent_failures(["a"], most=50)[0]) == 1
