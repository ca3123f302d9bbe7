"""What the tables of the project's own database hold of SLOs that are deleted, in databases of every kind."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from django.db import connections

from forgotten_slos import ForgottenSLOs, period_of
from slo_core.stores.buckets import BucketStore
from slo_core.testing import batch_of, declared
from slo_django.store.bucket_store import open_django
from slo_django.store.periods import PERIOD_TABLE
from slo_django.store.schema import TABLES


class TestDjango(ForgottenSLOs):
    """In its tables."""

    @pytest.fixture
    def make_store(self, alias: str) -> Callable[[str], BucketStore]:
        return lambda service: open_django(f"django://{alias}", service=service)


def test_no_row_is_left_of_a_forgotten_slo(alias: str) -> None:
    """Keys are never given again: what was left would stay for ever."""
    store = open_django(f"django://{alias}", service="shop")
    now = int(store.apply([]).now)
    store.apply([batch_of([(now, 3, 1)], number=1, slo="old", declaration=declared(now))])
    store.keep_periods([period_of("old", now)])

    store.delete_slo("old", not_seen_since=math.inf)

    with connections[alias].cursor() as cursor:
        for table in (*TABLES[1:], PERIOD_TABLE):
            cursor.execute(f"SELECT COUNT(*) FROM {table}")
            assert cursor.fetchone() == (0,), table
    connections[alias].close()
    store.close()
