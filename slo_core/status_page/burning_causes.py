"""What fails in the SLOs of the list that burn: read while its rows are drawn, and not at all while none burns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from slo_core.budgets.cause_shares import CauseBreakdown, CauseShare
from slo_core.errors import StoreError
from slo_core.objectives.window import HOUR
from slo_core.status.causes import top_cause
from slo_core.status_page.optional_read import or_nothing

if TYPE_CHECKING:
    from slo_core.tracking.registry import SLORegistry
    from slo_core.tracking.shared_read import SharedRead

__all__ = ["BurningCauses", "TopCause", "TopCauses"]


class TopCause(NamedTuple):
    """
    The largest cause of the last hour.

    Attributes:
        share: The cause.
        since: When it began, to five minutes; None where it is over, or not known.
        is_earliest_known: It began then or earlier: the hour begins with it.
    """

    share: CauseShare
    since: int | None = None
    is_earliest_known: bool = False

    @classmethod
    def of(cls, breakdown: CauseBreakdown | None) -> TopCause | None:
        """That of the last hour; None where nothing failed for a reason that is known."""
        share = top_cause(breakdown)
        if share is None or breakdown is None:
            return None
        since = None if breakdown.times is None else breakdown.times.began(share)
        return cls(share, since, since is not None and since <= breakdown.since)


# By SLO.
TopCauses = Mapping[str, TopCause]


class BurningCauses:
    """
    Finds the largest cause of each SLO that burns.

    Args:
        registry: The SLOs.
    """

    __slots__ = ("_asked", "_registry", "_shared")

    def __init__(self, registry: SLORegistry) -> None:
        self._registry = registry
        # What the next read is about. Readers that come at about the same time see the same SLOs burn, because they share
        # that read, too; one that is missed has no cause in its row, until the page is read again.
        self._asked: tuple[str, ...] = ()
        self._shared: SharedRead[TopCauses] | None = None

    def begin(self, burning: Sequence[str]) -> Callable[[], TopCauses]:
        """
        Have them read.

        Args:
            burning: The names of the SLOs that burn.

        Returns:
            A function that waits for them, to be called when the rest is drawn. Where they cannot be read, there are none: the
            list shows the numbers all the same.
        """
        if not burning:
            return dict
        self._asked = tuple(burning)
        if self._registry.store.scope == "process":
            return partial(self._harmless, self._read)
        if self._shared is None:
            self._shared = self._registry.internals.shared(self._read)
        try:
            return partial(self._harmless, self._shared.begin())
        except StoreError:
            return dict

    def _read(self) -> TopCauses:
        registry = self._registry
        trackers = [registry[name] for name in self._asked if name in registry]
        answers = registry.internals.causes([(tracker, HOUR) for tracker in trackers])
        tops: dict[str, TopCause] = {}
        for tracker, answer in zip(trackers, answers, strict=True):
            if isinstance(answer, Exception):
                registry.internals.errors.report(f"the causes of SLO {tracker.name!r} are not shown", answer)
            elif (top := TopCause.of(answer)) is not None:
                tops[tracker.name] = top
        return tops

    def _harmless(self, read: Callable[[], TopCauses]) -> TopCauses:
        return or_nothing(read, self._registry, "the causes could not be read for the status page")
