"""The registry of this very process, as another source among those of other processes."""

from __future__ import annotations

from dataclasses import replace

from slo_core.errors import StoreError
from slo_core.registry import SLORegistry
from slo_core.service_status import ServiceStatus
from slo_core.snapshot import SLOSnapshots
from slo_core.status import service_status

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
        found = service_status(registry, standing=snapshots)
    except StoreError as exc:
        return ServiceStatus(registry.service, store.backend, store.scope, is_up=False, trouble=str(exc))
    return replace(found, trouble="; ".join(unreadable)) if unreadable else found
