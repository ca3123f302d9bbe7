"""Marks in the project's database, before and after their migration has run."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from django.core.management import call_command

from django_store import emptied, record, tracker_on
from slo_core import SLORegistry, StoreError
from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.marks import Mark
from slo_django.store.bucket_store import DjangoBucketStore, open_django


@pytest.fixture
def before_migration(alias: str) -> Iterator[str]:
    """A database whose tables are those of the version before."""
    call_command("migrate", "slo_django", "0008", database=alias, verbosity=0)
    yield alias
    call_command("migrate", "slo_django", database=alias, verbosity=0)


def test_before_the_migration_there_are_no_marks(before_migration: str, caplog: pytest.LogCaptureFixture) -> None:
    """Events are counted, pruned and deleted as ever; a mark is refused with what to do; the release comes with the table."""
    alias = before_migration
    tracker = tracker_on(f"django://{alias}")
    store = tracker.store
    registry = SLORegistry(store, release="4.2")
    registry.add(tracker)
    record(tracker, good=1)
    with caplog.at_level(logging.WARNING):
        assert registry.flush()
    assert "the mark of the release" in caplog.text

    buckets = open_django(f"django://{alias}", service="other")
    assert (registry.internals.marks(0.0), buckets.prune()) == ((), 0)
    assert buckets.delete_slo("none", not_seen_since=0.0)
    with pytest.raises(StoreError, match=f"keep no marks; run manage.py migrate slo_django --database {alias}"):
        registry.annotate("x")

    call_command("migrate", "slo_django", database=alias, verbosity=0)
    registry.annotate("x")
    assert [mark.text for mark in registry.internals.marks(0.0)] == ["x"]
    store.close()


def test_marks_of_services_that_are_gone_are_pruned(alias: str) -> None:
    """After 25 months, whoever prunes."""
    gone, other = (DjangoBucketStore(emptied(alias), service=service) for service in ("gone", "other"))
    now = gone.apply([]).now
    gone.add_marks([Mark(now - KEPT_SECONDS - 60, "note", "a")])
    other.add_marks([Mark(now, "note", "b")])

    assert other.prune() == 1
    assert (gone.marks(0.0), len(other.marks(0.0))) == ((), 1)
