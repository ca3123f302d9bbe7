"""SLOs that are deleted from the project's own database, of every kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from forgotten_slos import ForgottenSLOs
from slo_core.stores.buckets import BucketStore
from slo_django.store.bucket_store import open_django


class TestDjango(ForgottenSLOs):
    """In its tables."""

    @pytest.fixture
    def make_store(self, alias: str) -> Callable[[str], BucketStore]:
        return lambda service: open_django(f"django://{alias}", service=service)
