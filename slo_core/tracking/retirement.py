"""SLOs that stand in a store and that no process declares any more."""

from __future__ import annotations

from collections.abc import Mapping

from slo_core.budgets.retired_slo import RetiredSLO
from slo_core.errors import DamagedError
from slo_core.objectives.window import DAY
from slo_core.stores.buckets import SLORecord

__all__ = ["retired_slos"]

# A service that is down over a long weekend is not gone, however short its windows are.
_SHORTEST_SECONDS = 7 * DAY


def retired_slos(records: Mapping[str, SLORecord | DamagedError | None], *, now: float) -> tuple[RetiredSLO, ...]:
    """
    The SLOs of which no process was heard for the longest of their windows, and for a week at least.

    An SLO that has events in that time is not retired, and one whose record cannot be read is left out.

    Args:
        records: By name; None for a name whose record has expired.
        now: Seconds since the epoch.
    """
    retired = []
    for name, record in records.items():
        if record is None:
            retired.append(RetiredSLO(name, None))
        elif isinstance(record, SLORecord) and record.seen_at is not None:
            heard_at = max(record.seen_at, record.last_event_at or 0.0)
            if heard_at < now - max(record.keeps_seconds, _SHORTEST_SECONDS):
                retired.append(RetiredSLO(name, heard_at))
    return tuple(retired)
