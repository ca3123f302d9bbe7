"""The status of the service that a registry counts for."""

from __future__ import annotations

from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.status.service_status import ServiceStatus
from slo_core.stores.separate_counts import NOT_SEEN_HERE, separate_counts
from slo_core.tracking.registry import SLORegistry

__all__ = ["service_status", "status_note"]


def status_note(registry: SLORegistry) -> str | None:
    """What a reader in another process must be told about the numbers; None when they are the whole service's."""
    store = registry.store
    if store.scope != "process":
        return None
    return separate_counts(f"The store {store.backend}://", NOT_SEEN_HERE)


def service_status(registry: SLORegistry, *, snapshots: SLOSnapshots | None = None) -> ServiceStatus:
    """
    What a registry knows of its service.

    Args:
        registry: The SLOs.
        snapshots: What was read of them already; None reads them now.

    Raises:
        StoreError: The store cannot be read.
    """
    if snapshots is None:
        snapshots = registry.internals.read_all()
    store = registry.store
    return ServiceStatus(
        registry.service, store.backend, store.scope, store.health().is_up, snapshots, note=status_note(registry)
    )
