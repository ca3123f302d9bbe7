"""Stores that keep closed periods, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import NamedTuple, Protocol, runtime_checkable

from slo_core.budgets.bucket import BucketRange
from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.objectives.period import Period
from slo_core.objectives.window import DAY, QUARTER_HOUR

__all__ = ["PeriodQuery", "PeriodStore", "StoredPeriods", "buckets_of", "damage_in_periods"]

_TOO_LARGE = 2**63


@dataclass(frozen=True, slots=True)
class PeriodQuery:
    """
    The closed periods to read of one SLO.

    Attributes:
        slo: Its name.
        periods: Which of them; None for all that are kept.
    """

    slo: str
    periods: tuple[Period, ...] | None = None


class StoredPeriods(NamedTuple):
    """
    The closed periods of one SLO, as a store holds them.

    Attributes:
        periods: In any order; more than were asked for, perhaps.
        trouble: Why they cannot be read, where they are damaged, fit for a log; None else. Only this SLO is left out then.
    """

    periods: tuple[ClosedPeriod, ...]
    trouble: str | None = None


@runtime_checkable
class PeriodStore(Protocol):
    """
    The part of a `BucketStore` that keeps closed periods; a store of your own may be without it.

    Rows have the key (slo, kind, start, fingerprint). A kind that a version does not know is kept, copied and left alone.
    """

    def keep_periods(self, periods: Sequence[ClosedPeriod]) -> None:
        """
        Write closed periods, each row in one step.

        A row that is missing is made. One that is there and not final takes `good`, `bad`, `measured_since` and `is_final`,
        if there are no fewer events than before: buckets only lose events when they are gone. Its `target` stays. A final
        row stays as it is. Rows are kept for 25 months (`slo_core.budgets.closed_period.KEPT_SECONDS`) after their start,
        whatever is pruned, and with them those of an SLO that is declared again. Rows of an SLO that was never declared may
        be left out.
        """

    def read_periods(self, queries: Sequence[PeriodQuery]) -> list[StoredPeriods]:
        """The closed periods of several SLOs, in their order; none of an SLO that was never declared."""


def buckets_of(period: Period) -> tuple[BucketRange, ...]:
    """
    The buckets of a period: whole days, and the quarters of an hour before and after them.

    A quarter of an hour belongs to the period in which it ends, also in a zone whose midnights lie between two of them.
    """
    first, after = period.start // QUARTER_HOUR, period.end // QUARTER_HOUR
    day, after_day = -(-period.start // DAY), period.end // DAY
    if day >= after_day:
        ranges = [BucketRange(QUARTER_HOUR, first, after - 1)]
    else:
        in_day = DAY // QUARTER_HOUR
        ranges = [
            BucketRange(QUARTER_HOUR, first, day * in_day - 1),
            BucketRange(DAY, day, after_day - 1),
            BucketRange(QUARTER_HOUR, after_day * in_day, after - 1),
        ]
    return tuple(each for each in ranges if each.first <= each.last)


def damage_in_periods(periods: Iterable[ClosedPeriod]) -> str | None:
    """What in the rows of one SLO no version of this package has written; None where all is well."""
    for each in periods:
        counts = (each.good, each.bad)
        instants = (each.start, each.end, each.measured_since)
        if not all(type(count) is int and 0 <= count < _TOO_LARGE for count in counts):
            return f"expected numbers of events of 0 or more in a closed period, got {shortened(counts)}"
        if not all(type(at) is int and abs(at) < _TOO_LARGE for at in instants) or each.start >= each.end:
            return f"expected the first and last second of a closed period, got {shortened(instants)}"
        if not isinstance(each.kind, str) or not isinstance(each.fingerprint, str):
            return f"expected the kind of a closed period as text, got {shortened((each.kind, each.fingerprint))}"
        if type(each.target) is not float or not 0 < each.target < 1:
            return f"expected the target of a closed period, got {shortened(each.target)}"
    return None
