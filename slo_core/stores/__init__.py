"""Stores: where events are kept, found by URL."""

from __future__ import annotations

from slo_core.stores.base import Ledger, ObservationStore, Reading, Scope, Store
from slo_core.stores.buckets import BucketStore
from slo_core.stores.locate import store_from_url
from slo_core.stores.memory import InMemoryStore, MemoryStore

__all__ = [
    "BucketStore",
    "InMemoryStore",
    "Ledger",
    "MemoryStore",
    "ObservationStore",
    "Reading",
    "Scope",
    "Store",
    "store_from_url",
]
