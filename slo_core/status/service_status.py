"""What is known of one service's SLOs at one moment, whoever was asked: its process, a page of it, or its store."""

from __future__ import annotations

from dataclasses import dataclass, field

from slo_core.budgets.snapshot import SLOSnapshots

__all__ = ["ServiceStatus"]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """
    The SLOs of one service as they stand.

    Attributes:
        service: Its name.
        backend: The kind of store its events are kept in: `"sqlite"`.
        scope: Whose events that store holds: of a `"process"`, a `"host"` or a `"fleet"`.
        is_up: Whether that store was in reach.
        snapshots: Every SLO with its snapshot, in the order of the service.
        note: What a reader must be told about the numbers; None when they are the whole service's.
        trouble: Why some or all of the SLOs are missing; None when none is.
        knows_thresholds: False where alerts are known to fire, but not what they compare with.
    """

    service: str
    backend: str
    scope: str
    is_up: bool
    snapshots: SLOSnapshots = field(default_factory=list)
    note: str | None = None
    trouble: str | None = None
    knows_thresholds: bool = True

    @property
    def told_trouble(self) -> str | None:
        """The trouble, for a reader who does not know whose it is."""
        return None if self.trouble is None else f"service {self.service!r}: {self.trouble}"
