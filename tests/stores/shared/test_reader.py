"""What a reader asks a shared store for."""

from __future__ import annotations

from pathlib import Path

from faulty_store import FaultyStore
from slo_core import SLODefinition, SLORegistry, SLOTracker
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock


def test_all_slos_are_read_at_once(tmp_path: Path, clock: FakeClock) -> None:
    """A scrape of twenty costs one batch call and one read."""
    network = FaultyStore(SQLiteBucketStore(tmp_path / "slo.db", clock=clock))
    registry = SLORegistry(WriteBehindStore(network, clock=clock), clock=clock)
    for number in range(20):
        registry.define(SLODefinition(f"slo-{number}", 0.99)).record(number % 2 == 0)
    alone = registry.add(SLOTracker(SLODefinition("elsewhere", 0.99), clock=clock))
    alone.record(True)

    registry.snapshot_all()  # the first one also looks at what the store holds
    reads = network.reads
    snapshots = registry.snapshot_all()

    assert [snapshot.failures for snapshot in snapshots[:4]] == [0, 1, 0, 1]
    assert (snapshots[-1].name, snapshots[-1].total) == ("elsewhere", 1)
    assert network.reads == reads + 1
    assert len(network.sent) == 20
