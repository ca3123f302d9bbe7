"""PromQL for the counts of one SLO, which depends on the scope of its store."""

from __future__ import annotations

from typing import Literal, Protocol

from slo_core.conventions import DEFAULT_SERVICE, Label, Metric
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import PeriodWindow
from slo_core.rules.names import RuleLabel
from slo_core.rules.promql import aggregated, selected

__all__ = ["ProcessSeries", "RuleScope", "SLOSeries", "SharedSeries", "series_of"]

RuleScope = Literal["process", "host", "fleet"]


class SLOSeries(Protocol):
    """
    PromQL for the counts of one SLO. Every expression has one series, or none where nothing is known.

    Attributes:
        identity: The labels of those series.
        is_exact: Whether the counts are the integers that the application itself compares.
    """

    @property
    def identity(self) -> tuple[str, ...]: ...

    @property
    def is_exact(self) -> bool: ...

    def events(self, window_seconds: int) -> str:
        """Events in the last seconds."""

    def failures(self, window_seconds: int) -> str:
        """Bad events in the last seconds."""

    def measured_at_least(self, seconds: int) -> str:
        """A condition: the SLO has been measured for that long."""

    def dropped(self, window_seconds: int) -> str:
        """Events that came too late to count, in the last seconds."""

    def target(self, *, within_seconds: int | None = None) -> str:
        """The objective as the application shows it now, or whether it did within the last seconds."""


def series_of(definition: SLODefinition, *, service: str, scope: RuleScope) -> SLOSeries:
    """The series of an SLO whose store has that scope."""
    return ProcessSeries(definition, service) if scope == "process" else SharedSeries(definition, service)


class SharedSeries:
    """
    A store of a host or a fleet: every process that is scraped shows the same numbers of the same store.

    So one process is enough for each store (the largest value is the newest), and stores add up. The application exports
    its windows as integers: no expression needs a range, and retention does not matter.

    Args:
        definition: The SLO.
        service: Its service.
    """

    identity = (Label.SERVICE, Label.SLO)
    is_exact = True
    _by_store = (*identity, Label.STORE_ID)

    def __init__(self, definition: SLODefinition, service: str) -> None:
        self._labels = {Label.SERVICE: service, Label.SLO: definition.name}
        self._counted_windows = frozenset(definition.windows)
        self._period = definition.window or ""

    def events(self, window_seconds: int) -> str:
        if window_seconds in self._counted_windows:
            return self._gauge(Metric.WINDOW_EVENTS, window_seconds)
        return self._grown(self._lifetime_events(), self._lifetime_events(window_seconds), window_seconds)

    def failures(self, window_seconds: int) -> str:
        if window_seconds in self._counted_windows:
            return self._gauge(Metric.WINDOW_FAILURES, window_seconds)
        return self._grown(self._lifetime_failures(), self._lifetime_failures(window_seconds), window_seconds)

    def measured_at_least(self, seconds: int) -> str:
        return f"{aggregated('max', self.identity, self._measured_seconds())} >= {seconds}"

    def dropped(self, window_seconds: int) -> str:
        now, before = (
            self._newest(selected(Metric.EVENTS_DROPPED, self._labels, offset_seconds=offset))
            for offset in (None, window_seconds)
        )
        return self._grown(now, before, window_seconds)

    def target(self, *, within_seconds: int | None = None) -> str:
        return _target(self._labels, self.identity, within_seconds)

    def _gauge(self, metric: str, window_seconds: int) -> str:
        labels = {**self._labels, Label.WINDOW: str(window_seconds)}
        if PeriodWindow(window_seconds) in self._counted_windows:
            # An empty value matches the series that have no such label.
            labels[Label.WINDOW_PERIOD] = self._period if isinstance(window_seconds, PeriodWindow) else ""
        of_window = selected(metric, labels)
        newest = aggregated("max", (*self.identity, Label.WINDOW, Label.STORE_ID), of_window)
        return aggregated("sum", self.identity, newest)

    def _newest(self, expression: str) -> str:
        return aggregated("max", self._by_store, expression)

    def _lifetime_events(self, ago_seconds: int | None = None) -> str:
        both = selected(Metric.EVENTS, self._labels, offset_seconds=ago_seconds)
        return self._newest(f"sum without ({Label.OUTCOME}) ({both})")

    def _lifetime_failures(self, ago_seconds: int | None = None) -> str:
        return self._newest(selected(Metric.EVENTS, {**self._labels, Label.OUTCOME: "bad"}, offset_seconds=ago_seconds))

    def _measured_seconds(self) -> str:
        # At the time of the scrape, not of the evaluation, like the counts.
        since = selected(Metric.DATA_SINCE, self._labels)
        return f"timestamp({since})\n- {since}"

    def _grown(self, now: str, before: str, window_seconds: int) -> str:
        """
        The growth of lifetime totals, for windows that the application does not count.

        The store keeps the totals: they do not restart with a process, and are not extrapolated as `increase` does. A
        store that is younger than the window has counted its whole total in it.
        """
        young = f"{self._newest(self._measured_seconds())} <= {window_seconds}"
        return aggregated("sum", self.identity, f"{now}\n- {before}\nor\n{now}\nand\n{young}")


# A comment in the expressions, which people read when they doubt a number.
_NOT_EXACT = "# Adds up the counters of all processes. Close to what they show themselves; equality is not promised."


class ProcessSeries:
    """
    A store in each process: its counters start and end with the process.

    `increase` bridges restarts, but misses the events before the first scrape of a process: 50 failures, for example. They
    are added where `_created` shows that the process started in the window, and not that Prometheus has only just
    begun to scrape it.

    Args:
        definition: The SLO.
        service: Its service.
    """

    is_exact = False

    def __init__(self, definition: SLODefinition, service: str) -> None:
        # A single process of the default service leaves the label out.
        is_named = service != DEFAULT_SERVICE
        self._labels = {Label.SERVICE: service if is_named else "", Label.SLO: definition.name}
        self.identity: tuple[str, ...] = (Label.SERVICE, Label.SLO) if is_named else (Label.SLO,)

    def events(self, window_seconds: int) -> str:
        return self._counted({}, window_seconds)

    def failures(self, window_seconds: int) -> str:
        return self._counted({Label.OUTCOME: "bad"}, window_seconds)

    def measured_at_least(self, seconds: int) -> str:
        # A deploy may have replaced the processes of that time, but their counts remain.
        since = f"min_over_time({selected(Metric.DATA_SINCE, self._labels, range_seconds=seconds)})"
        return f"time() - {aggregated('min', self.identity, since)} >= {seconds}"

    def dropped(self, window_seconds: int) -> str:
        grown = f"increase({selected(Metric.EVENTS_DROPPED, self._labels, range_seconds=window_seconds)})"
        return aggregated("sum", self.identity, grown)

    def target(self, *, within_seconds: int | None = None) -> str:
        return _target(self._labels, self.identity, within_seconds)

    def _counted(self, more_labels: dict[str, str], window_seconds: int) -> str:
        labels = {**self._labels, **more_labels}
        events = selected(Metric.EVENTS, labels, range_seconds=window_seconds)
        before = selected(Metric.EVENTS, labels, offset_seconds=window_seconds)
        created = selected(_CREATED, labels, range_seconds=window_seconds)
        parts = "\n".join(
            (
                f'label_replace(increase({events}), "{RuleLabel.PART}", "grown", "", "")',
                "or",
                "label_replace(",
                f"  (min_over_time({events}) unless {before})",
                f"  and last_over_time({created}) > time() - {window_seconds},",
                f'  "{RuleLabel.PART}", "held at birth", "", ""',
                ")",
            )
        )
        return f"{_NOT_EXACT}\n{aggregated('sum', self.identity, parts)}"


_CREATED = Metric.EVENTS.removesuffix("_total") + "_created"


def _target(labels: dict[str, str], identity: tuple[str, ...], within_seconds: int | None) -> str:
    if within_seconds is None:
        return aggregated("count", identity, selected(Metric.TARGET, labels))
    present = selected(Metric.TARGET, labels, range_seconds=within_seconds)
    return aggregated("count", identity, f"present_over_time({present})")
