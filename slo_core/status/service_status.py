"""The status of one service: its SLOs with their snapshots, its store, and notes for the reader."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.errors import StoreError
from slo_core.stores.separate_counts import NOT_SEEN_HERE, separate_counts

if TYPE_CHECKING:  # a status that is read from a page needs no registry
    from slo_core.tracking.registry import SLORegistry

__all__ = ["ServiceStatus", "service_status", "service_status_or_error", "status_note"]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """
    The SLOs of one service at one moment, read from its process, one of its pages, or its store.

    Attributes:
        service: Its name.
        backend: The scheme of the store that keeps its events: `"sqlite"`.
        scope: Whose events that store holds: of a `"process"`, a `"host"` or a `"fleet"`.
        is_up: Whether that store was in reach.
        snapshots: Every SLO with its snapshot, in the order of the service.
        note: A caveat about the numbers; None when they are the whole service's.
        error: Why some or all of the SLOs are missing; None when none is.
        knows_thresholds: False where the status shows which alerts fire, but not their factors.
    """

    service: str
    backend: str
    scope: str
    is_up: bool
    snapshots: SLOSnapshots = field(default_factory=SLOSnapshots)
    note: str | None = None
    error: str | None = None
    knows_thresholds: bool = True

    @property
    def error_with_service(self) -> str | None:
        """The error with the name of the service, for lists of several services."""
        return None if self.error is None else f"service {self.service!r}: {self.error}"


def status_note(registry: SLORegistry) -> str | None:
    """The caveat for a reader in another process; None when the numbers are the whole service's."""
    store = registry.store
    if store.scope != "process":
        return None
    return separate_counts(f"The store {store.backend}://", NOT_SEEN_HERE)


def service_status(registry: SLORegistry, *, snapshots: SLOSnapshots | None = None) -> ServiceStatus:
    """
    The status of the service that a registry counts for.

    Args:
        registry: The SLOs.
        snapshots: Snapshots that were already read; None reads them now.

    Raises:
        StoreError: The store cannot be read.
    """
    if snapshots is None:
        snapshots = registry.internals.read_all()
    store = registry.store
    return ServiceStatus(
        registry.service,
        store.backend,
        store.scope,
        store.health().is_up,
        snapshots,
        note=status_note(registry),
        error="; ".join(snapshots.unreadable) or None,
    )


def service_status_or_error(
    registry: SLORegistry, *, snapshots: SLOSnapshots | Exception | None = None, unreadable: tuple[str, ...] = ()
) -> ServiceStatus:
    """
    As `service_status`, but a store that cannot be read becomes the `error` of the status.

    Args:
        registry: The SLOs.
        snapshots: Snapshots that were already read, or why they could not be read; None reads them now.
        unreadable: Why other SLOs of the service cannot be read, a reason for each.
    """
    store = registry.store
    try:
        if isinstance(snapshots, Exception):
            raise snapshots
        status = service_status(registry, snapshots=snapshots)
    except StoreError as exc:
        return ServiceStatus(registry.service, store.backend, store.scope, is_up=False, error=str(exc))
    errors = (*unreadable, *(() if status.error is None else (status.error,)))
    return replace(status, error="; ".join(errors)) if errors else status
