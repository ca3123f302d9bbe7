"""What changed before a burn began, and how an SLO did before and after the last release. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.burn_rate import comparison
from slo_core.budgets.events import EventCounts
from slo_core.budgets.marks import RELEASE, Mark, mark_text
from slo_core.budgets.notation import number
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.budgets.timeline import Timeline
from slo_core.budgets.wording import roughly
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY, HOUR

__all__ = ["LastRelease", "MarkBefore", "burn_began", "last_release", "mark_before_burn", "marks_since"]

# A mark explains a burn that begins at most so long after it.
_EXPLAINS_SECONDS = HOUR


@dataclass(frozen=True, slots=True)
class MarkBefore:
    """
    The last change before a burn began.

    Attributes:
        mark: The change.
        seconds: How long after it the burn began.
    """

    mark: Mark
    seconds: float

    @property
    def after_text(self) -> str:
        """How long after it: "2 minutes after"."""
        return f"{_in_words(self.seconds)} after"

    def __str__(self) -> str:
        return f"began {self.after_text} {mark_text(self.mark)}"


@dataclass(frozen=True, slots=True)
class LastRelease:
    """
    The last release, with the events since and those of an equal span before it.

    Attributes:
        mark: The release.
        seconds: How long it has been counting, to the bucket.
        after: The events since.
        before: Those of as long a span before, to the bucket; None where these are not all measured and kept.
    """

    mark: Mark
    seconds: float
    after: EventCounts
    before: EventCounts | None

    @property
    def counts_text(self) -> str:
        """What it did, after its name: `18m ago: 129 of 2,400 failed since, 3 of 2,390 in the 18m before`."""
        span = roughly(self.seconds // 60 * 60 if self.seconds >= 60 else math.floor(self.seconds))
        text = f"{span} ago: {_failed(self.after)} failed since"
        return text if self.before is None else f"{text}, {_failed(self.before)} in the {span} before"


def marks_since(definition: SLODefinition, at: float) -> float:
    """Since when marks can be of interest, as seen from an instant: an hour before everything that is shown."""
    return max(0.0, at - max(definition.longest_seconds, 31 * DAY) - _EXPLAINS_SECONDS)


def mark_before_burn(
    definition: SLODefinition, snapshot: SLOSnapshot, timeline: Timeline, marks: Sequence[Mark]
) -> MarkBefore | None:
    """
    The last mark of the hour before the burn that fires or waits now; None without one.

    Args:
        definition: The SLO.
        snapshot: Its present numbers.
        timeline: Its past.
        marks: In order of time.
    """
    if not marks:
        return None
    began = burn_began(definition, snapshot, timeline, not_before=marks[0].at)
    if began is None:
        return None
    before = [mark for mark in marks if began - _EXPLAINS_SECONDS <= mark.at <= began]
    return MarkBefore(before[-1], began - before[-1].at) if before else None


def burn_began(
    definition: SLODefinition, snapshot: SLOSnapshot, timeline: Timeline, *, not_before: float = -math.inf
) -> float | None:
    """
    When the burn began that fires or waits now: since then the short window has burned at the factor without a break.

    Args:
        definition: The SLO.
        snapshot: Its present numbers.
        timeline: Its past.
        not_before: It is looked for no further back.

    Returns:
        In seconds since the epoch, later than it was by the width of a bucket at most. None where nothing burns, or it began
        before what is kept or looked at.
    """
    began = [
        _reached_since(definition, rule, timeline, snapshot.at, not_before)
        for rule, alert in zip(definition.active_alert_rules, snapshot.alerts, strict=True)
        if _is_urgent(alert, snapshot)
    ]
    known = [at for at in began if at is not None]
    return min(known, default=None)


def _is_urgent(alert: AlertState, snapshot: SLOSnapshot) -> bool:
    """Whether a rule is the news: one that pages hides those that ask for a ticket, and what fires hides what waits."""
    firing = [each.severity for each in snapshot.alerts if each.is_firing]
    if not firing:
        return alert.waiting is not None
    pages = any(severity != "ticket" for severity in firing)
    return alert.is_firing and (alert.severity != "ticket" or not pages)


def _reached_since(
    definition: SLODefinition, rule: AlertRule, timeline: Timeline, at: float, not_before: float
) -> float | None:
    factor: Fraction = rule.factor(definition.window_seconds)
    check = comparison(definition.objective, factor)
    earliest: float = at
    for edge in timeline.edges_back(at):
        if edge > at:
            continue  # not over yet
        if edge < not_before or edge - rule.short_window < timeline.covered_since:
            return None
        if not check.is_reached(timeline.counts(after=edge - rule.short_window, before=edge)):
            break
        earliest = edge
    return earliest


def last_release(
    snapshot: SLOSnapshot, timeline: Timeline, marks: Sequence[Mark], *, most_seconds: float
) -> LastRelease | None:
    """
    The last release, if its time is kept.

    Args:
        snapshot: The present numbers of the SLO.
        timeline: Its past.
        marks: In order of time.
        most_seconds: How long it may lie back.
    """
    at = snapshot.at
    release = next((mark for mark in reversed(marks) if mark.kind == RELEASE and mark.at <= at), None)
    if release is None or release.at < max(at - most_seconds, timeline.covered_since):
        return None
    # The bucket in which it began is its own.
    start = _bucket_start(timeline, release.at)
    seconds = at - start
    if seconds <= 0:
        return None
    since = _bucket_start(timeline, start - seconds)
    before = timeline.counts(after=since, before=start) if since >= _measured_since(snapshot, timeline) else None
    return LastRelease(release, seconds, timeline.counts(after=start, before=math.inf), before)


def _measured_since(snapshot: SLOSnapshot, timeline: Timeline) -> float:
    return max(timeline.covered_since, snapshot.data_since)


def _bucket_start(timeline: Timeline, at: float) -> float:
    """The edge of a bucket before an instant."""
    width = timeline.width(at)
    return math.floor(at / width) * width


def _failed(counts: EventCounts) -> str:
    return f"{number(counts.bad)} of {number(counts.total)}"


def _in_words(seconds: float) -> str:
    """A span within an hour: "2 minutes", "1 second"."""
    count, noun = (int(seconds // 60), "minute") if seconds >= 60 else (int(seconds), "second")
    return f"{count} {noun}{'' if count == 1 else 's'}"
