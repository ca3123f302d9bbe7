"""Collectors that turn the SLOs of a registry, or of several services, into Prometheus metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.metrics_core import Metric as ClientFamily
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from slo_core.budgets.burn_rate import BurnRateSample
from slo_core.budgets.causes import Cause
from slo_core.budgets.snapshot import SLOSnapshot, SLOSnapshots
from slo_core.budgets.wording import window_text
from slo_core.conventions import DEFAULT_SERVICE, Label, Metric
from slo_core.metrics.series import Exemplar, SeriesFamily, SeriesLabels
from slo_core.objectives.definition import SLODefinition
from slo_core.tracking.registry import SLORegistry

__all__ = ["SLOCollector", "ServicesCollector"]


_GAUGES = {
    Metric.TARGET: "The objective: the share of events that must be good.",
    Metric.WINDOW: "Length of the SLO's window in seconds.",
    Metric.INFO: "The SLO's window, as it is written, and the time zone of a calendar window.",
    Metric.SUCCESS_RATIO: "Share of good events in the window; 1 without events.",
    Metric.BUDGET_REMAINING: "Share of the error budget that is left; 0 is spent, below 0 overspent.",
    Metric.BREACHED: "1 when fewer events were good than the target asks, else 0; 0 while it warms up.",
    Metric.WARMING_UP: "1 while there are failures, but too few or for too short a time to judge the budget by, else 0.",
    Metric.TIME_TO_EXHAUSTION: "When the budget is gone at the pace of the shortest long alert window, in seconds; 0 is gone.",
    Metric.DATA_SINCE: "Since when the SLO is measured, in seconds since the epoch.",
    Metric.LATENCY_THRESHOLD: "Answered within this many seconds is good.",
    Metric.BURN_RATE: "How fast the error budget is spent; 1 spends one budget a window.",
    Metric.WINDOW_EVENTS: "Events in the last window_seconds.",
    Metric.WINDOW_FAILURES: "Bad events in the last window_seconds.",
    Metric.ALERT_FIRING: "1 when both windows of the alert rule are at or over its factor, else 0.",
    Metric.RETIRED: "When a process last declared an SLO that is left out, because none does any more; 0 if it is not known.",
    Metric.STORE_INFO: "Where the events are kept, and whose they are: of a process, a host or a fleet.",
    Metric.STORE_UP: "1 when the answering process could read its store, else 0; then there are no SLO series.",
    Metric.FLUSH_LAG: "Age of the oldest event the answering process has not handed to its store, in seconds.",
    Metric.CLOCK_SKEW: "How far the clock of the answering process is ahead of its store's, in seconds.",
}
_COUNTERS = {
    Metric.EVENTS: "Events ever counted, by outcome.",
    Metric.CAUSE_FAILURES: "Bad events ever counted, by what they were caused by; together those of slo_events_total.",
    Metric.EVENTS_DROPPED: "Events that were older than everything kept, and count nowhere.",
    Metric.STORE_ERRORS: "Failed attempts to reach the store.",
    Metric.STORE_LOSSES: "How often the answering process saw that the store had lost counts of an SLO.",
    Metric.INTERNAL_ERRORS: "Errors inside slo-suite that the answering process swallowed to spare its host.",
}


class _Families:
    """The metric families of one scrape."""

    def __init__(self) -> None:
        self._families = {name: SeriesFamily(name, text, "gauge") for name, text in _GAUGES.items()}
        for name, text in _COUNTERS.items():
            self._families[name] = SeriesFamily(name.removesuffix("_total"), text, "counter")

    def add(self, name: str, labels: SeriesLabels, value: float) -> None:
        self._families[name].series.append((name, labels, value))

    def add_created(self, name: str, labels: SeriesLabels, at: float) -> None:
        self._families[name].series.append((f"{name.removesuffix('_total')}_created", labels, at))

    def add_exemplar(self, name: str, labels: SeriesLabels, exemplar: Exemplar) -> None:
        self._families[name].exemplars[labels.text] = exemplar

    def __iter__(self) -> Iterator[SeriesFamily]:
        return iter(self._families.values())


def _for_client(families: Iterable[SeriesFamily]) -> list[ClientFamily]:
    converted = []
    for family in families:
        converted.append(ClientFamily(family.name, family.documentation, family.type))
        # The labels are kept from scrape to scrape: another program gets a copy, which it may change.
        converted[-1].samples = [Sample(name, dict(labels), value) for name, labels, value in family.series]
    return converted


class _SLOLabels:
    """
    The labels of one SLO's series, kept from one scrape to the next.

    Args:
        definition: The SLO.
        shared: The labels of its service and store.

    Attributes:
        made_of: The arguments: with others they are to be made again.
        own: Those that all series of the SLO have.
    """

    __slots__ = ("_by_cause", "_extended", "made_of", "own")

    def __init__(self, definition: SLODefinition, shared: SeriesLabels) -> None:
        self.made_of = (definition, shared)
        self.own = SeriesLabels({**definition.labels, **shared, Label.SLO: definition.name})
        self._extended: dict[tuple[str | int, ...], SeriesLabels] = {}
        self._by_cause: dict[tuple[str, str], SeriesLabels] = {}

    def extended(self, names: tuple[str, ...], *values: str | int) -> SeriesLabels:
        """With more labels; which ones they are can be seen from their values."""
        labels = self._extended.get(values)
        if labels is None:
            more = dict(zip(names, map(str, values), strict=True))
            labels = self._extended[values] = SeriesLabels({**self.own, **more})
        return labels

    def of_cause(self, route: str, outcome: str) -> SeriesLabels:
        """Those of the bad events with a cause."""
        labels = self._by_cause.get((route, outcome))
        if labels is None:
            if len(self._by_cause) > _MOST_KEPT_CAUSES:  # a store that is emptied again and again
                self._by_cause.clear()
            more = {Label.ROUTE: route, Label.OUTCOME: outcome}
            labels = self._by_cause[route, outcome] = SeriesLabels({**self.own, **more})
        return labels


_MOST_KEPT_CAUSES = 256
_BY_OUTCOME = (Label.OUTCOME,)
_BY_WINDOW = (Label.WINDOW,)
_INFO = (Label.WINDOW_NAME,)
_CALENDAR_INFO = (Label.WINDOW_NAME, Label.TIMEZONE)
_BY_PERIOD = (Label.WINDOW, Label.WINDOW_PERIOD)
_BY_RULE = (Label.SEVERITY, Label.LONG_WINDOW, Label.SHORT_WINDOW)


class SLOCollector(Collector):
    """
    Collects the SLOs of a registry; register it in your own `CollectorRegistry`.

    The store is read at each scrape. When it cannot be read, `slo_store_up` is 0 and there are no SLO series: an old
    number would look like a new one.

    Args:
        registry: The SLOs.
    """

    def __init__(self, registry: SLORegistry) -> None:
        self._registry = registry
        self._labels: dict[str, _SLOLabels] = {}

    def describe(self) -> Iterable[ClientFamily]:
        """The names, for a registry's check of duplicates, which would otherwise read the store."""
        return _for_client(_Families())

    def collect(self) -> Iterable[ClientFamily]:
        """All current series; families without series are left out."""
        return _for_client(self.families())

    def families(self, *, with_exemplars: bool = False) -> list[SeriesFamily]:
        """
        The same as `collect`, for the fast writer.

        Args:
            with_exemplars: The format that is written has exemplars: the newest bad event with a trace, of SLOs in whose
                shortest window there are bad events.
        """
        families = _Families()
        snapshots: SLOSnapshots | Exception
        try:
            snapshots = self._registry.internals.read_shared()
        except Exception as exc:  # a store out of reach must not take a user's whole /metrics with it
            snapshots = exc
        self.add_to(families, snapshots)
        if with_exemplars and not isinstance(snapshots, Exception):
            self.add_exemplars(families, snapshots)
        return [family for family in families if family.series]

    def add_to(self, families: _Families, snapshots: SLOSnapshots | Exception) -> None:
        """
        Add every series to families, which may hold series of other registries.

        Args:
            families: The families.
            snapshots: The SLOs with their snapshots, or why they could not be read.
        """
        registry, store = self._registry, self._registry.store
        is_up = not isinstance(snapshots, Exception)
        shared = self._shared_labels()
        health = store.health()
        if isinstance(snapshots, Exception):
            registry.internals.errors.report("the store could not be read for a scrape", snapshots)
        else:
            for definition, snapshot in snapshots:
                self._add_slo(families, definition, snapshot, self._labels_of(definition, shared))
            for slo in snapshots.retired:
                families.add(Metric.RETIRED, SeriesLabels({**shared, Label.SLO: slo.name}), slo.seen_at or 0.0)
            # Only after a read: the last known count may be lower than one that another worker has shown.
            families.add(Metric.STORE_ERRORS, shared, health.errors)
        info = SeriesLabels({**shared, Label.BACKEND: store.backend, Label.SCOPE: store.scope})
        families.add(Metric.STORE_INFO, info, 1)
        families.add(Metric.STORE_UP, shared, int(is_up and health.is_up))
        families.add(Metric.FLUSH_LAG, shared, health.flush_lag_seconds)
        families.add(Metric.CLOCK_SKEW, shared, health.clock_skew_seconds)
        families.add(Metric.STORE_LOSSES, shared, health.losses)
        families.add(Metric.INTERNAL_ERRORS, shared, registry.internals.errors.total)

    def add_exemplars(self, families: _Families, snapshots: SLOSnapshots) -> None:
        """Add exemplars to the series of these snapshots, which are there already."""
        registry, shared = self._registry, self._shared_labels()
        failing = [
            registry[definition.name]
            for definition, snapshot in snapshots
            if definition.name in registry and _shortest(snapshot).failures
        ]
        for tracker, failures in zip(
            failing, registry.internals.recent_failures(failing) if failing else (), strict=True
        ):
            newest = next((each for each in failures if each.trace_id is not None), None)
            if newest is not None and newest.trace_id is not None:
                labels = self._labels_of(tracker.definition, shared).extended(_BY_OUTCOME, "bad")
                families.add_exemplar(Metric.EVENTS, labels, Exemplar(newest.trace_id, newest.at))

    def _shared_labels(self) -> SeriesLabels:
        """The labels of the service and the store; none for the default service in one process."""
        labels = {}
        store_id = self._registry.store.store_id
        if store_id is not None or self._registry.service != DEFAULT_SERVICE:
            labels[Label.SERVICE] = self._registry.service
        if store_id is not None:
            labels[Label.STORE_ID] = store_id
        return SeriesLabels(labels)

    def _labels_of(self, definition: SLODefinition, shared: SeriesLabels) -> _SLOLabels:
        labels = self._labels.get(definition.name)
        if labels is None or labels.made_of[0] is not definition or labels.made_of[1] != shared:
            labels = self._labels[definition.name] = _SLOLabels(definition, shared)
        return labels

    def _add_slo(
        self, families: _Families, definition: SLODefinition, snapshot: SLOSnapshot, labels: _SLOLabels
    ) -> None:
        for name, value in (
            (Metric.TARGET, snapshot.target),
            (Metric.WINDOW, snapshot.window_seconds),
            (Metric.SUCCESS_RATIO, snapshot.success_ratio),
            (Metric.BUDGET_REMAINING, snapshot.error_budget_remaining),
            (Metric.BREACHED, int(snapshot.is_breached)),
            (Metric.WARMING_UP, int(snapshot.is_warming_up)),
            (Metric.TIME_TO_EXHAUSTION, _or_never(snapshot.time_to_exhaustion)),
            (Metric.DATA_SINCE, snapshot.data_since),
            (Metric.EVENTS_DROPPED, snapshot.dropped),
        ):
            families.add(name, labels.own, value)
        if definition.period is None:
            info = labels.extended(_INFO, window_text(definition))
        else:
            info = labels.extended(_CALENDAR_INFO, definition.period.name, definition.timezone)
        families.add(Metric.INFO, info, 1)
        if definition.latency_seconds is not None:
            families.add(Metric.LATENCY_THRESHOLD, labels.own, definition.latency_seconds)
        for outcome, count in (("good", snapshot.lifetime_good), ("bad", snapshot.lifetime_bad)):
            by_outcome = labels.extended(_BY_OUTCOME, outcome)
            families.add(Metric.EVENTS, by_outcome, count)
            families.add_created(Metric.EVENTS, by_outcome, self._registry.store.created)
        if snapshot.lifetime_causes is not None:
            for cause, bad in causes_shown(snapshot.lifetime_causes, bad=snapshot.lifetime_bad).items():
                families.add(Metric.CAUSE_FAILURES, labels.of_cause(*cause), bad)
        burn_windows = {sample.window_seconds for sample in snapshot.burn_rate_samples}
        burn_windows |= {sample.window_seconds for alert in snapshot.alerts for sample in (alert.long, alert.short)}
        for sample in snapshot.window_samples:
            is_rolling = sample.period is None
            # Alone, a calendar window is known by its nominal length: so it has always been.
            if is_rolling or sample.window_seconds not in burn_windows:
                by_window = labels.extended(_BY_WINDOW, sample.window_seconds)
            else:
                by_window = labels.extended(_BY_PERIOD, sample.window_seconds, str(sample.period))
            families.add(Metric.WINDOW_EVENTS, by_window, sample.sample_count)
            families.add(Metric.WINDOW_FAILURES, by_window, sample.failures)
            if is_rolling and sample.window_seconds in burn_windows:
                families.add(Metric.BURN_RATE, by_window, sample.burn_rate)
        for alert in snapshot.alerts:
            by_rule = labels.extended(_BY_RULE, alert.severity, alert.long.window_seconds, alert.short.window_seconds)
            families.add(Metric.ALERT_FIRING, by_rule, int(alert.is_firing))


def _shortest(snapshot: SLOSnapshot) -> BurnRateSample:
    return min(snapshot.window_samples, key=lambda sample: sample.window_seconds)


def _or_never(seconds: float | None) -> float:
    # Infinity where nothing burns: without a series, a calm SLO would look like one that is not measured.
    return math.inf if seconds is None else seconds


# The series of all bad events that have none of their own.
_OTHER = ("other", "other")


def _is_label(cause: Cause) -> bool:
    """Whether its names are as processes write them: short, and printable."""
    return bool(cause.where) and cause.cut() == cause and f"{cause.where}{cause.outcome}".isprintable()


def causes_shown(counts: Iterable[tuple[Cause, int]], *, bad: int) -> dict[tuple[str, str], int]:
    """
    By route and outcome the bad events; together they are all bad events.

    Args:
        counts: Causes with their bad events.
        bad: All bad events, read at the same moment.
    """
    shown: dict[tuple[str, str], int] = {_OTHER: 0}
    left = bad
    for cause, count in counts:
        if not _is_label(cause):  # what a store holds may have been written by anyone
            continue
        key = (cause.where, cause.outcome)
        shown[key] = shown.get(key, 0) + min(count, left)
        left -= min(count, left)
    shown[_OTHER] += left
    return shown


# Metrics of processes that write; a reader has no values for them.
_OF_WRITERS = frozenset({Metric.FLUSH_LAG, Metric.CLOCK_SKEW, Metric.STORE_LOSSES.removesuffix("_total")})


class ServicesCollector(Collector):
    """
    Collects the SLOs of several services, for a process that only reads their store.

    Metrics about writing to the store are left out: this process writes nothing.

    Args:
        read: Called at each scrape; returns the snapshots of each service, or why they could not be read.
    """

    def __init__(self, read: Callable[[], Mapping[SLORegistry, SLOSnapshots | Exception]]) -> None:
        self._read = read

    def describe(self) -> Iterable[ClientFamily]:
        """The names; see `SLOCollector.describe`."""
        return _for_client(family for family in _Families() if family.name not in _OF_WRITERS)

    def collect(self) -> Iterable[ClientFamily]:
        """Every series of every service; families without series are left out."""
        return _for_client(self.families())

    def families(self, *, with_exemplars: bool = False) -> list[SeriesFamily]:
        """The same as `collect`, for the fast writer; `with_exemplars` as for `SLOCollector.families`."""
        families = _Families()
        for registry, snapshots in self._read().items():
            collector = SLOCollector(registry)
            collector.add_to(families, snapshots)
            if with_exemplars and not isinstance(snapshots, Exception):
                collector.add_exemplars(families, snapshots)
        return [family for family in families if family.series and family.name not in _OF_WRITERS]
