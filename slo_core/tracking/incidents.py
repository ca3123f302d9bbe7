"""The incidents of SLOs: the episodes that a store keeps, and those that last or have only just ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slo_core.budgets.episodes import Episode, counted_since, episode_of, explained_since, is_held, with_current
from slo_core.budgets.firing_spans import FiringSpan, firing_spans
from slo_core.budgets.marks import Mark
from slo_core.budgets.snapshot import SLOSnapshot, SLOSnapshots
from slo_core.budgets.timeline import Timeline
from slo_core.errors import described
from slo_core.objectives.window import DAY

if TYPE_CHECKING:
    from slo_core.tracking.registry import SLORegistry
    from slo_core.tracking.tracker import SLOTracker

__all__ = ["incidents_from", "incidents_of_all", "read_incidents"]


def read_incidents(tracker: SLOTracker, *, since: float = 0.0) -> tuple[Episode, ...]:
    """
    The episodes of one SLO, the newest first; as `SLOTracker.incidents`.

    Args:
        tracker: The SLO.
        since: Only those that began at or after this instant, and those that last.
    """
    return _all(tracker, tracker.internals.kept_episodes(since), since)


def incidents_from(
    tracker: SLOTracker, snapshot: SLOSnapshot, timeline: Timeline, marks: Sequence[Mark]
) -> tuple[Episode, ...] | str:
    """
    The same, from numbers that are read already; or why those that are kept cannot be read.

    Args:
        tracker: The SLO.
        snapshot: Its present numbers.
        timeline: Its past.
        marks: Of the service, since long before.
    """
    try:
        kept = tracker.internals.kept_episodes(0.0)
        if tracker.definition.longest_seconds < 2 * DAY:
            timeline = tracker.internals.timeline(least_seconds=2 * DAY)
        return _with_current(tracker, kept, snapshot, timeline, marks)
    except Exception as exc:  # whatever a store raises: the page shows the numbers all the same
        reason = described(exc)
        if tracker.internals.errors is not None:
            tracker.internals.errors.report(f"the incidents of SLO {tracker.name!r} are not shown", detail=reason)
        return f"they cannot be read: {reason}"


def incidents_of_all(registry: SLORegistry, snapshots: SLOSnapshots, *, since: float) -> list[Episode]:
    """
    The episodes of all SLOs of a registry, the newest first; those that are kept are read in one round trip.

    Args:
        registry: The SLOs.
        snapshots: Those to be looked at, with their present numbers.
        since: Only those that began at or after this instant, and those that last.

    Raises:
        StoreError: The store is out of reach.
    """
    trackers = [registry[definition.name] for definition, _ in snapshots]
    read = getattr(registry.store, "episodes", None)
    together = [tracker for tracker in trackers if read is not None and tracker.store is registry.store]
    kept: dict[str, tuple[Episode, ...]] = {}
    if read is not None and together:
        answers = read([tracker.definition for tracker in together], since)
        kept = {tracker.name: episodes for tracker, episodes in zip(together, answers, strict=True)}
    episodes: list[Episode] = []
    for tracker, (_, snapshot) in zip(trackers, snapshots, strict=True):
        try:
            own = kept[tracker.name] if tracker.name in kept else tracker.internals.kept_episodes(since)
            episodes += _all(tracker, own, since) if _may_have_fired(snapshot) else own
        except Exception as exc:  # it hides no other SLO
            registry.internals.errors.report(
                f"the incidents of SLO {tracker.name!r} are not shown", detail=described(exc)
            )
    return sorted(episodes, key=lambda each: (-each.start, each.slo, each.rule))


def _may_have_fired(snapshot: SLOSnapshot) -> bool:
    """Whether a rule fires, or its long window still burns as after an episode that has only just ended."""
    return any(alert.long.sample_count and alert.long.burn_rate >= alert.threshold / 2 for alert in snapshot.alerts)


def _all(tracker: SLOTracker, kept: tuple[Episode, ...], since: float) -> tuple[Episode, ...]:
    internals = tracker.internals
    snapshot = internals.snapshot()
    timeline = internals.timeline(least_seconds=2 * DAY)
    episodes = _with_current(tracker, kept, snapshot, timeline, None)
    return tuple([each for each in episodes if each.end is None or each.start >= since])


def _with_current(
    tracker: SLOTracker,
    kept: tuple[Episode, ...],
    snapshot: SLOSnapshot,
    timeline: Timeline,
    marks: Sequence[Mark] | None,
) -> tuple[Episode, ...]:
    definition, data_since = tracker.definition, snapshot.data_since
    spans = firing_spans(definition, timeline, at=snapshot.at, data_since=data_since)
    new = [span for span in spans if not is_held(kept, span)]
    if marks is None:
        marks = _marks(tracker, new)
    times = [
        (counted_since(span, data_since=data_since), snapshot.at if span.end is None else span.end) for span in new
    ]
    current = [
        episode_of(definition, span, timeline, at=snapshot.at, data_since=data_since, causes=causes, marks=marks)
        for span, causes in zip(new, tracker.internals.past_causes(times), strict=True)
    ]
    return with_current(kept, current)


def _marks(tracker: SLOTracker, spans: Sequence[FiringSpan]) -> Sequence[Mark]:
    read = getattr(tracker.store, "marks", None)
    return () if read is None or not spans else read(explained_since(spans))
