"""
The status of a service, and the note that comes with it.

Tests of service_status_of, and of stores/separate_counts.
"""

from __future__ import annotations

from slo_core import SLORegistry
from slo_core.status.service_status import status_note
from slo_core.stores.memory.store import MemoryStore


def test_numbers_of_one_process_come_with_a_note() -> None:
    """Who reads a process's own store from elsewhere is told that the service's numbers are not there."""
    note = status_note(SLORegistry())

    assert note is not None
    assert "does not see" in note


def test_numbers_of_a_shared_store_need_no_note() -> None:
    """What every process sees is the truth for every reader."""

    class SharedStore(MemoryStore):
        backend = "shared"
        scope = "fleet"

    assert status_note(SLORegistry(SharedStore())) is None
