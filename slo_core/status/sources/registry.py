"""The registry of this very process, as another source among those of other processes."""

from __future__ import annotations

from dataclasses import replace

from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.errors import StoreError
from slo_core.status.service_status import ServiceStatus
from slo_core.status.service_status_of import service_status
from slo_core.tracking.registry import SLORegistry

__all__ = ["registry_status"]


def registry_status(
    registry: SLORegistry, *, snapshots: SLOSnapshots | Exception | None = None, unreadable: tuple[str, ...] = ()
) -> ServiceStatus:
    """
    What a registry knows of its service; that its store cannot be read, where that is so.

    Args:
        registry: The SLOs.
        snapshots: What was read of them already, or why it could not be read; None reads them now.
        unreadable: Others that the service has, and why they cannot be read.
    """
    store = registry.store
    try:
        if isinstance(snapshots, Exception):
            raise snapshots
        found = service_status(registry, snapshots=snapshots)
    except StoreError as exc:
        return ServiceStatus(registry.service, store.backend, store.scope, is_up=False, trouble=str(exc))
    return replace(found, trouble="; ".join(unreadable)) if unreadable else found
