"""What the bad events of a stretch of time were caused by, each cause with its share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from slo_core.budgets.causes import OTHER, Cause
from slo_core.budgets.events import EventCounts

__all__ = ["CauseBreakdown", "CauseShare", "CauseTimes", "cause_breakdown"]

_OTHER_OUTCOME = "other"
_UNKNOWN_OUTCOME = "unknown"


@dataclass(frozen=True, slots=True)
class CauseShare:
    """
    One cause of bad events.

    Attributes:
        where: The method and route template (`POST /checkout/{id}`), a view, a task, or the name given to `track`. None for
            events of which only the outcome is kept: causes are many, and these were the smaller ones.
        outcome: A status (`503`), the name of an exception's class, `slow`, `disconnected`, or the application's own
            word. Without `where` also `other` (nothing but the number is kept) and `unknown` (none was given, or it was lost
            with its process).
        bad: How many bad events.
        share: Of the bad events of this stretch, from 0 to 1.
        is_lower_bound: There may be more: some of those without `where`.
    """

    where: str | None
    outcome: str
    bad: int
    share: float
    is_lower_bound: bool


@dataclass(frozen=True, slots=True)
class CauseTimes:
    """
    When the bad events of a stretch of time happened.

    Attributes:
        width_seconds: Of its buckets.
        until: Its end, in seconds since the epoch.
        of: Returns the bad events of causes by the first seconds of their buckets; it is given a function that says whether a
            cause is wanted.
    """

    width_seconds: int
    until: float
    of: Callable[[Callable[[Cause], bool]], Mapping[int, int]]

    def of_share(self, share: CauseShare) -> Mapping[int, int]:
        """The bad events of a cause, or of all with its outcome where it has no place."""
        return self.of(lambda cause: cause.outcome == share.outcome and share.where in (None, cause.where))

    def began(self, share: CauseShare) -> int | None:
        """
        When a cause began to fail without a break: the first second of a bucket.

        One empty bucket is no break. None without events, and where it ended before the last two buckets.
        """
        times = self.of_share(share)
        start = max(times, default=None)
        if start is None or start + 2 * self.width_seconds < self.until - self.width_seconds:
            return None
        while earlier := [at for at in times if start - 2 * self.width_seconds <= at < start]:
            start = min(earlier)
        return start


@dataclass(frozen=True, slots=True)
class CauseBreakdown:
    """
    The bad events of a stretch of time by their causes.

    Attributes:
        since: Its first second, since the epoch: the stretch begins with a whole bucket, and ends now.
        events: Its good and bad events, read at the same moment as the causes.
        causes: The causes, the largest first; together they are exactly the bad events. Empty without any.
        times: When they happened; None where that is not known, as on a page of another service.
        trouble: What the store holds of them is damaged in part, and how; that part is `unknown`. None else.
    """

    since: int
    events: EventCounts
    causes: tuple[CauseShare, ...]
    trouble: str | None = None
    times: CauseTimes | None = field(default=None, compare=False, repr=False)


def cause_breakdown(
    counts: Iterable[tuple[Cause, int]],
    *,
    events: EventCounts,
    since: int,
    trouble: str | None = None,
    times: CauseTimes | None = None,
) -> CauseBreakdown:
    """
    Add up the causes of a stretch of time.

    Args:
        counts: Causes with their bad events; a cause may come several times.
        events: The events of the stretch. What no cause accounts for is `unknown`.
        since: Its first second.
        trouble: As in `CauseBreakdown`.
        times: As there.
    """
    totals: dict[Cause, int] = {}
    for cause, bad in counts:
        totals[cause] = totals.get(cause, 0) + bad
    left = events.bad
    # The most telling first, because a clock that is far ahead may leave more causes than events.
    for cause in sorted(totals, key=lambda each: (not each.where, -totals[each], each)):
        totals[cause] = min(totals[cause], left)
        left -= totals[cause]
    rows: dict[tuple[str | None, str], tuple[int, bool]] = {}
    for cause, bad in totals.items():
        is_bounded = cause != OTHER and (OTHER in totals or (bool(cause.where) and cause.rest() in totals))
        key = (cause.where or None, cause.outcome or _OTHER_OUTCOME)
        # An application may have called an outcome `other` itself.
        earlier, was_bounded = rows.get(key, (0, False))
        rows[key] = (earlier + bad, is_bounded or was_bounded)
    if left:
        earlier, was_bounded = rows.get((None, _UNKNOWN_OUTCOME), (0, False))
        rows[None, _UNKNOWN_OUTCOME] = (earlier + left, was_bounded)
    shares = [
        CauseShare(where, outcome, bad, bad / events.bad, is_bounded)
        for (where, outcome), (bad, is_bounded) in rows.items()
        if bad
    ]
    shares.sort(key=lambda each: (-each.bad, each.where is None, each.where or "", each.outcome))
    return CauseBreakdown(since, events, tuple(shares), trouble, times)
