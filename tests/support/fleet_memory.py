"""A store of this process that says it is a fleet's."""

from __future__ import annotations

from slo_core.stores.memory.store import MemoryStore


class FleetMemory(MemoryStore):
    """Said to be a fleet's, so that nothing is noted about it."""

    scope = "fleet"
    store_id = "s1"
