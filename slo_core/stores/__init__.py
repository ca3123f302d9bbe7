"""Stores: where events are kept, found by URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slo_core.stores.base import Ledger, ObservationStore, Reading, Store, StoreScope
from slo_core.stores.memory.observation_store import InMemoryStore
from slo_core.stores.memory.store import MemoryStore
from slo_core.stores.open import store_from_url

if TYPE_CHECKING:
    from slo_core.stores.buckets import BucketStore

__all__ = [
    "BucketStore",
    "InMemoryStore",
    "Ledger",
    "MemoryStore",
    "ObservationStore",
    "Reading",
    "Store",
    "StoreScope",
    "store_from_url",
]


def __getattr__(name: str) -> object:
    # Its module is a seventh of the time that `import slo_core` would take, and counting in memory needs none of it.
    if name == "BucketStore":
        from slo_core.stores.buckets import BucketStore

        return BucketStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
