"""What changed before the SLOs of a service that burn now began to."""

from __future__ import annotations

from slo_core.budgets.changes import mark_before_burn, marks_since
from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.budgets.wording import printable
from slo_core.errors import described
from slo_core.status.state import burning_now
from slo_core.tracking.registry import SLORegistry

__all__ = ["burn_changes"]


def burn_changes(registry: SLORegistry, snapshots: SLOSnapshots) -> tuple[str, ...]:
    """
    A line for each SLO that burns and began to within an hour after a mark: "checkout: paging, began 2 minutes after release
    4.2".

    The store is asked for the past of SLOs that burn only, and never raises here: these lines explain numbers.

    Args:
        registry: The SLOs.
        snapshots: Their present numbers.
    """
    burning = [
        (definition, snapshot, state)
        for definition, snapshot in snapshots
        if (state := burning_now(snapshot)) is not None and definition.name in registry
    ]
    if not burning:
        return ()
    marks = registry.internals.marks(min(marks_since(definition, snapshot.at) for definition, snapshot, _ in burning))
    lines = []
    for definition, snapshot, state in burning if marks else ():
        try:
            timeline = registry[definition.name].internals.timeline()
            began = mark_before_burn(definition, snapshot, timeline, marks)
        except Exception as exc:  # whatever a store raises
            registry.internals.errors.report("what changed before a burn is not shown", detail=described(exc))
            continue
        if began is not None:
            lines.append(f"{printable(definition.name)}: {state}, {began}")
    return tuple(lines)
