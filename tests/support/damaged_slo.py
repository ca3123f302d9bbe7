"""Two SLOs of one service in a store, of which a test damages one; and what readers show then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.stores.buckets import BucketStore
from slo_core.stores.shared import write_behind
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.tracking.store_services import StoreServices

__all__ = ["DamagedSLO"]


class DamagedSLO:
    """
    The SLOs `"whole"` and `"damaged"` of the service `"shop"`, with one good event each.

    Args:
        open_buckets: Opens the store for a service.

    Attributes:
        registry: Of a worker, which has handed over all that it has counted.
    """

    def __init__(self, open_buckets: Callable[[str], BucketStore]) -> None:
        self._open_buckets = open_buckets
        self.registry = SLORegistry(WriteBehindStore(open_buckets("shop"), flush_interval=3600.0), service="shop")
        for name in ("damaged", "whole"):
            self.registry.define(SLODefinition(name, 0.9)).record(True)
        self.registry.flush()

    def shown_to_workers(self) -> tuple[list[str], str]:
        """The SLOs that pages and scrapes of a worker show, and why others are missing."""
        snapshots = self.registry.internals.read_all()
        assert all(snapshot.total == 1 for _, snapshot in snapshots)
        return [snapshot.name for _, snapshot in snapshots], "; ".join(snapshots.unreadable)

    def shown_by_exporter(self) -> tuple[list[str], str]:
        """The same of an exporter, which knows nothing but the store."""
        exporter = StoreServices(self._open_buckets, service="shop")
        ((registry, snapshots),) = exporter.read().items()
        assert not isinstance(snapshots, Exception), snapshots
        assert all(snapshot.total == 1 for _, snapshot in snapshots)
        unreadable = (*exporter.unreadable(registry), *snapshots.unreadable)
        exporter.close()
        return [snapshot.name for _, snapshot in snapshots], "; ".join(unreadable)

    def assert_alone_hidden(self) -> None:
        """Neither reader shows the damaged SLO; both show the other, and say why."""
        for names, reason in (self.shown_to_workers(), self.shown_by_exporter()):
            assert names == ["whole"]
            assert "SLO 'damaged'" in reason
        assert self.registry.store.health().is_up
        self._assert_the_other_goes_on()

    def _assert_the_other_goes_on(self) -> None:
        """Events of both are recorded: those of the other are written and shown, whatever becomes of the damaged one's."""
        for tracker in self.registry:
            tracker.record(True)
        self.registry.flush()
        for _ in range(2):
            totals = {snapshot.name: snapshot.total for _, snapshot in self.registry.internals.read_all()}
            assert totals["whole"] == 2
            assert self.registry.store.health().is_up
        exporter = StoreServices(self._open_buckets, service="shop")
        (snapshots,) = exporter.read().values()
        assert not isinstance(snapshots, Exception), snapshots
        assert {"whole": 2}.items() <= {snapshot.name: snapshot.total for _, snapshot in snapshots}.items()
        exporter.close()

    def close(self) -> None:
        """Release the store, which will not take the events of the damaged SLO however long the worker waits."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(write_behind, "_CLOSE_SECONDS", 0.1)
            self.registry.close()
