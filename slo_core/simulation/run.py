"""Simulates an incident with the tracker of each SLO, on a clock that skips the time in which nothing changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace

from slo_core.budgets.alerts import RuleCheck
from slo_core.budgets.budget import is_budget_exhausted
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import Tier, tiers_reaching
from slo_core.simulation.incident import Incident
from slo_core.simulation.outcome import Instant, Outcome
from slo_core.simulation.recording import Recording
from slo_core.simulation.spending import period_starts, spent_shares
from slo_core.stores.memory.store import MemoryLedger, MemoryStore
from slo_core.testing import FakeClock
from slo_core.tracking.tracker import SLOTracker

__all__ = ["DEFAULT_START", "DEFAULT_START_TEXT", "simulate"]

# Wednesday, 15 November 2023, 00:00 UTC: the middle of a week, a month and a quarter, for calendar windows; buckets of
# every width begin here.
DEFAULT_START = 1_700_006_400
DEFAULT_START_TEXT = "2023-11-15, the middle of a week, a month and a quarter"

# How many instants a plot has, and the distance from which on they need not be exact to the second.
_INSTANTS = 72
_FAR_APART_SECONDS = 300

# An SLO is evaluated at every change of traffic; with more changes than this, at some of them.
_MOST_STOPS = 3000

# Steps in seconds, and how many of each: about two seconds of computing for each line. A burn rate that stays within an
# event of a factor is never settled, and would need a step for every second.
_PRECISIONS = ((1, 4_000), (60, 2_000))


def simulate(
    definitions: Iterable[SLODefinition], incident: Incident, *, start: int | None = None
) -> tuple[Outcome, ...]:
    """
    Simulate an incident for several SLOs; every event counts for each of them.

    Each SLO has its own tracker in memory, which counts the traffic and takes snapshots as for `/metrics`.

    Args:
        definitions: The SLOs.
        incident: The incident.
        start: When it begins, in seconds since the epoch; matters for calendar windows only. None takes the time of the
            incident, or `DEFAULT_START`.
    """
    if start is None:
        start = DEFAULT_START if incident.begins_at is None else incident.begins_at
    return tuple(_outcome(definition, incident, start=start) for definition in definitions)


def _outcome(definition: SLODefinition, incident: Incident, *, start: int) -> Outcome:
    outcome = _Simulation(definition, incident, start=start).play()
    # A second pass for the plot: only now is it known which part is eventful.
    ends = [firing.cleared_at or outcome.looked_until for rule in outcome.rules for firing in rule.firings]
    eventful = max([2 * outcome.incident_seconds, *(end + end // 8 for end in ends)])
    course = _Simulation(definition, incident, start=start).course(min(eventful, outcome.looked_until))
    return replace(outcome, instants=course)


class _SingleSLOStore(MemoryStore):
    """A store for one SLO that gives access to its ledger, which counts many events in one call."""

    def ledger(self, definition: SLODefinition) -> MemoryLedger:
        self.only = super().ledger(definition)
        return self.only


class _Simulation:
    """One SLO in an incident; times are seconds after its start."""

    def __init__(self, definition: SLODefinition, incident: Incident, *, start: int) -> None:
        self._definition = definition
        self._start = start
        self._tiers = self._counted = tiers_reaching(definition.longest_seconds)
        # The bucket at the far edge counts whole, so it must be full, too.
        longest = definition.longest_seconds + self._tiers[-1].width_seconds
        rules = definition.active_alert_rules
        self._rules = tuple(
            RuleCheck(rule, factor=rule.factor(definition.window_seconds), target=definition.objective)
            for rule in rules
        )
        self._traffic = incident.traffic(
            before_seconds=longest,
            after_seconds=max((rule.long_window for rule in rules), default=definition.window_seconds),
        )
        self._incident_seconds = incident.seconds
        self._first = min(0, self._traffic.stretches[0].start)
        self._end = self._traffic.stretches[-1].end
        self._clock = FakeClock(float(start + self._first))
        store = _SingleSLOStore(clock=self._clock)
        self._tracker = SLOTracker(definition, store=store, clock=self._clock)
        self._ledger = store.only
        self._counted_until = self._first
        self._was_exhausted = False
        self._precisions = list(_PRECISIONS)
        self._looks = 0
        self._coarsest = 1

    def play(self) -> Outcome:
        """Run to the end, with a snapshot wherever something may change."""
        recording = Recording(self._definition, incident_seconds=self._incident_seconds, first=self._look(0))
        at = step = 0
        stops = self._stops()
        for stop in stops:
            while at < stop:
                step = self._step(at, stop, 4 * step + 1)
                at += step
                recording.note(at, self._look(at))
        own, seconds = self._definition.own_window, self._incident_seconds
        windows = spent_shares(
            self._definition,
            self._traffic,
            start=self._start,
            seconds=seconds,
            stops=stops,
            far_edge=lambda until: self._far_edge(own, until),
        )
        *_, after = period_starts(self._definition, start=self._start, until=seconds) or [0]
        return recording.outcome(
            starts_at=self._start,
            looked_until=self._end,
            resolution_seconds=self._coarsest,
            windows=windows,
            after_begins_at=self._start + after if after > 0 else None,
        )

    def course(self, until: int) -> tuple[Instant, ...]:
        """Evenly spread instants from the start of the incident on."""
        ats = [round(until * index / (_INSTANTS - 1)) for index in range(_INSTANTS)]
        if len(self._tiers) > 1 and until > _INSTANTS * _FAR_APART_SECONDS:
            # A plot of days needs no seconds: at whole minutes they make no difference.
            self._counted = self._tiers[1:]
            ats = [max(0, self._bucket_start(self._counted[0], at)) for at in ats]
        instants = []
        for at in sorted(set(ats)):
            snapshot = self._look(at)
            burn_rates = {sample.window_seconds: sample.burn_rate for sample in snapshot.window_samples}
            instants.append(Instant(at, snapshot.error_budget_remaining, burn_rates))
        return tuple(instants)

    def _stops(self) -> list[int]:
        """
        The times at which a burn rate may peak: traffic changes, or a change leaves a window during the incident.

        Between two of them the rates of events that enter and leave a window are constant, so that no ratio peaks.
        """
        changes = sorted(stretch.start for stretch in self._traffic.stretches if stretch.start >= 0)
        windows = self._definition.windows
        leaving = len(changes) * len(windows) <= _MOST_STOPS
        stops = set(changes[:: math.ceil(len(changes) / _MOST_STOPS)])
        stops |= {change + seconds for change in changes for seconds in windows if leaving}
        # The last second of a calendar window, where most of its budget is spent, and the first of the next.
        _, *edges = period_starts(self._definition, start=self._start, until=self._end) or [0]
        last = {self._incident_seconds, self._end, *edges, *(edge - 1 for edge in edges if edge > 1)}
        return sorted({stop for stop in stops if 0 < stop < self._incident_seconds} | last)

    def _look(self, at: int) -> SLOSnapshot:
        """Count all traffic until then, and take a snapshot."""
        until = self._traffic.before(at)
        # The latest first: then each ring of buckets rotates once, and takes no events that are too old for it.
        for since in reversed([*self._chunks(self._counted_until, at)]):
            earlier = self._traffic.before(since)
            good, bad = until.good - earlier.good, until.bad - earlier.bad
            until = earlier
            if good or bad:
                self._ledger.add(self._start + since, good, bad, live=False)
        self._counted_until = at
        self._clock.now = float(self._start + at)
        snapshot = self._tracker.snapshot()
        self._was_exhausted |= snapshot.is_budget_spent
        return snapshot

    def _chunks(self, since: int, until: int) -> Iterator[int]:
        """The starts of chunks of traffic; each chunk fits into one of the finest buckets that are still kept."""
        for tier, finer in zip(reversed(self._counted), [*reversed(self._counted[:-1]), None], strict=True):
            end = until
            if finer is not None:
                end = self._bucket_start(tier, until - finer.bucket_count * finer.width_seconds)
            while since < end:
                yield since
                since = min(self._bucket_start(tier, since) + tier.width_seconds, end)

    def _bucket_start(self, tier: Tier, at: int) -> int:
        return tier.bucket(self._start + at) * tier.width_seconds - self._start

    def _step(self, at: int, stop: int, longest: int) -> int:
        """The longest step that misses no rule that fires or clears, nor the end of the budget."""
        step = min(stop - at, longest)
        while self._precisions:
            finest, most_looks = self._precisions[0]
            while step > finest:
                if self._is_steady(at, at + step):
                    return step
                step = max(finest, step // 4)
            if self._looks < most_looks:
                self._looks += 1
                self._coarsest = max(self._coarsest, step)
                return step
            self._precisions.pop(0)
            self._looks = 0
            step = stop - at
        step = min(stop - at, max(1, self._end // _INSTANTS))
        self._coarsest = max(self._coarsest, step)
        return step

    def _is_steady(self, at: int, until: int) -> bool:
        """
        Whether every decision stays the same from one instant to another.

        Each decision is monotone in the good and bad events of its windows. So it is made twice: for the fewest bad and most
        good events that a window can hold in that time, and for the most bad and fewest good ones.
        """
        best, worst = {}, {}
        for seconds in self._definition.windows:
            best[seconds], worst[seconds] = self._extremes(seconds, at, until)
        target, own = self._definition.objective, self._definition.own_window
        # Only the first exhaustion is recorded.
        if not self._was_exhausted and is_budget_exhausted(worst[own], target) != is_budget_exhausted(
            best[own], target
        ):
            return False
        for check in self._rules:
            rule = check.rule
            might, must = (
                check.fires(
                    long=counts[rule.long_window],
                    short=counts[rule.short_window],
                    recent=counts[rule.recent_window],
                    measured_seconds=then - self._first,
                )
                for counts, then in ((worst, until), (best, at))
            )
            if might != must:
                return False
        return True

    def _extremes(self, window_seconds: int, at: int, until: int) -> tuple[EventCounts, EventCounts]:
        """The best and the worst counts of a window at any instant from one to another."""
        earliest, latest = self._far_edge(window_seconds, at), self._far_edge(window_seconds, until)
        steady = self._traffic.steady_over(earliest, until)
        if steady is None:
            always = self._traffic.between(min(at, latest), at)
            ever = self._traffic.between(earliest, until)
            return EventCounts(ever.good, always.bad), EventCounts(always.good, ever.bad)
        is_rolling = self._definition.period is None or window_seconds != self._definition.own_window
        if is_rolling and earliest > self._first:
            return steady.extremes(
                shortest=window_seconds, longest=window_seconds + self._tier(window_seconds).width_seconds
            )
        return steady.extremes(shortest=max(0, at - latest), longest=until - earliest)

    def _far_edge(self, window_seconds: int, at: int) -> int:
        """The first second of the bucket at the far edge of a window."""
        now = float(self._start + at)
        span = self._definition.span(window_seconds, at=now, until=now)
        return max(
            self._first, self._bucket_start(self._tier(span.reach_seconds), math.floor(span.start) - self._start)
        )

    def _tier(self, reach_seconds: int) -> Tier:
        """The buckets that a window of that length is read from."""
        return next(tier for tier in self._tiers if tier.span_seconds >= reach_seconds)
