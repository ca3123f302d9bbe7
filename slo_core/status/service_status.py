"""The status of one service: its SLOs with their snapshots, its store, and notes for the reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.budgets.wording import day_text
from slo_core.errors import StoreError
from slo_core.stores.separate_counts import NOT_SEEN_HERE, separate_counts

if TYPE_CHECKING:  # a status that is read from a page needs no registry
    from slo_core.budgets.retired_slo import RetiredSLO
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
        undecided: By SLO, why its numbers may be looked at, and decide nothing.
        changes: For SLOs that burn, what changed before they began to, a line for each; see `burn_changes`.
    """

    service: str
    backend: str
    scope: str
    is_up: bool
    snapshots: SLOSnapshots = field(default_factory=SLOSnapshots)
    note: str | None = None
    error: str | None = None
    knows_thresholds: bool = True
    undecided: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[str, ...] = ()

    @property
    def retired(self) -> tuple[RetiredSLO, ...]:
        """The SLOs that no process of the service declares any more."""
        return self.snapshots.retired

    @property
    def notes(self) -> list[str]:
        """Caveats about the numbers, and the SLOs that are left out."""
        notes = [] if self.note is None else [self.note]
        if self.retired:
            notes.append(retired_note(self.service, self.retired))
        for reason in dict.fromkeys(self.undecided.values()):
            slos = ", ".join(slo for slo, of_slo in self.undecided.items() if of_slo == reason)
            notes.append(f"{slos}: {reason}")
        return notes

    @property
    def error_with_service(self) -> str | None:
        """The error with the name of the service, for lists of several services."""
        return None if self.error is None else f"service {self.service!r}: {self.error}"


def retired_note(service: str, slos: Sequence[RetiredSLO]) -> str:
    """The SLOs of a service that are left out because no process declares them, with the way to delete them."""
    names = ", ".join(
        f"{slo.name} (its record has expired)"
        if slo.seen_at is None
        else f"{slo.name} (not since {day_text(slo.seen_at)})"
        for slo in slos
    )
    return (
        f"retired: of service {service!r} no process declares these SLOs any more, and they are left out: {names}; "
        "`slo store forget NAME` deletes their counts"
    )


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
