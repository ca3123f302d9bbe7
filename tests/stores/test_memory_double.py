"""The store in memory that other tests use passes the contract."""

from __future__ import annotations

import time
from typing import Any

import pytest

from memory_buckets import MemoryHouse
from slo_core.testing import StoreContract


class TestMemoryDouble(StoreContract):
    @pytest.fixture
    def make_store(self) -> Any:
        return MemoryHouse(time.time).store

    def lose_notes(self, store: Any) -> None:
        store.house.lose_notes()

    def lose_record(self, store: Any, slo: str) -> None:
        del store.house.records[store.service, slo]

    def let_pass(self, store: Any, seconds: float) -> None:
        store.house.let_pass(seconds)

    def saved(self, store: Any) -> Any:
        return store.house.saved()

    def set_back(self, store: Any, saved: Any) -> None:
        store.house.set_back(saved)
