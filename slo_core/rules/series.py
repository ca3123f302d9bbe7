"""PromQL for the counts of a service's SLOs, which depends on the scope of their store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from slo_core.budgets.warm_up import LEAST_MEASURED_PARTS
from slo_core.conventions import DEFAULT_SERVICE, Label, Metric
from slo_core.objectives.window import PeriodWindow
from slo_core.rules.environment import Environment
from slo_core.rules.names import RuleLabel
from slo_core.rules.promql import (
    aggregated,
    and_,
    bracketed,
    duration_text,
    indented,
    labelled,
    one_of,
    selected,
    window_name,
)

__all__ = ["ProcessSeries", "RuleScope", "SLOSeries", "SharedSeries", "series_of"]

RuleScope = Literal["process", "host", "fleet"]

# Over windows up to here Prometheus may tell what it has seen of them, while it has seen less.
_SHORT_SECONDS = 300


class SLOSeries(Protocol):
    """
    PromQL for the counts of all SLOs of a service. An expression has one series of each, or none where nothing is known.

    Attributes:
        identity: The labels of those series.
        is_exact: Whether the counts are the integers that the application itself compares.
    """

    @property
    def identity(self) -> tuple[str, ...]: ...

    @property
    def is_exact(self) -> bool: ...

    def counts(self, windows: Iterable[int], *, counted: Iterable[int]) -> str:
        """
        Events and bad events of windows: two series of each, with the labels `slo_count` and `sloth_window`.

        Args:
            windows: The windows, in seconds.
            counted: Those that the application counts.
        """

    def events(self, window_seconds: int) -> str:
        """Events in the last seconds, of a window that the application need not count."""

    def measured_at_least(self, seconds: int) -> str:
        """A condition: the SLO has been measured for that long."""

    def unless_warming_up(self, window_seconds: int) -> str:
        """The end of a condition about a budget: enough is known of that window to judge it."""

    def dropped(self, window_seconds: int) -> str:
        """Events that came too late to count, in the last seconds."""

    def target(self, *, within_seconds: int | None = None, offset_seconds: int | None = None) -> str:
        """The objective as the application shows it, or whether it did within some seconds; now, or so long ago."""


def series_of(service: str, *, scope: RuleScope, environment: Environment) -> SLOSeries:
    """The series of a service whose store has that scope."""
    return ProcessSeries(service, environment) if scope == "process" else SharedSeries(service, environment)


class SharedSeries:
    """
    A store of a host or a fleet: every process that is scraped shows the numbers of the same store.

    So one process is enough for each store, and stores add up. It is the one that was scraped last: numbers of two
    scrapes never stand side by side. The application exports its windows as integers: no expression needs a range, and
    retention does not matter.

    Args:
        service: The service.
        environment: Which of its scraped series are read.
    """

    is_exact = True

    def __init__(self, service: str, environment: Environment) -> None:
        self._labels = environment.selecting({Label.SERVICE: service})
        self.identity = environment.of_slo
        self._by_store = (*self.identity, Label.STORE_ID)

    def counts(self, windows: Iterable[int], *, counted: Iterable[int]) -> str:
        known = frozenset(counted)
        gauges = [seconds for seconds in windows if seconds in known]
        grown = [seconds for seconds in windows if seconds not in known]
        parts = [self._gauges(gauges)] if gauges else []
        parts += [self._grown_counts(seconds) for seconds in grown]
        return "\nor\n".join(parts)

    def events(self, window_seconds: int) -> str:
        return self._grown(self._lifetime_events(), self._lifetime_events(window_seconds), window_seconds)

    def measured_at_least(self, seconds: int) -> str:
        return f"{aggregated('max', self.identity, self._measured_seconds())} >= {seconds}"

    def unless_warming_up(self, window_seconds: int) -> str:
        # The application decides. Of a store the process that has seen most; of several stores any that is judged. A
        # process of an older version shows nothing, and its budget is judged from the first event on.
        of_stores = aggregated("max", self._by_store, selected(Metric.WARMING_UP, self._labels))
        warming_up = aggregated("min", self.identity, of_stores)
        return f"unless on ({', '.join(self.identity)})\n{bracketed(f'{warming_up} == 1')}"

    def dropped(self, window_seconds: int) -> str:
        now, before = (
            self._highest(selected(Metric.EVENTS_DROPPED, self._labels, offset_seconds=offset))
            for offset in (None, window_seconds)
        )
        return self._grown(now, before, window_seconds)

    def target(self, *, within_seconds: int | None = None, offset_seconds: int | None = None) -> str:
        return _target(self._labels, self.identity, within_seconds, offset_seconds)

    def _gauges(self, windows: Sequence[int]) -> str:
        """The windows that the application counts."""
        of_windows = {Label.WINDOW: one_of(windows)}
        both = {"__name__": one_of((Metric.WINDOW_EVENTS, Metric.WINDOW_FAILURES)), **of_windows}
        # Where a calendar window and a rolling one are equally long, one label more tells them apart.
        has_period = any(isinstance(seconds, PeriodWindow) for seconds in windows)
        told_apart = (Label.WINDOW, Label.WINDOW_PERIOD) if has_period else (Label.WINDOW,)
        scraped_at = f"timestamp({selected(Metric.WINDOW_EVENTS, self._labels, any_of=of_windows)})"
        body = f"{selected('', self._labels, any_of=both)}\nand\n{self._newest(scraped_at, told_apart)}"
        prefix = Metric.WINDOW_EVENTS.removesuffix("events")
        body = _replaced(body, RuleLabel.COUNT, "$1", "__name__", f"{prefix}(.+)")
        for seconds in windows:
            if not isinstance(seconds, PeriodWindow):
                body = _replaced(body, RuleLabel.SLOTH_WINDOW, duration_text(seconds), Label.WINDOW, str(seconds))
        for seconds in windows:
            if isinstance(seconds, PeriodWindow):
                body = _replaced(body, RuleLabel.SLOTH_WINDOW, window_name(seconds), Label.WINDOW_PERIOD, ".+")
        return aggregated("sum", (*self.identity, RuleLabel.SLOTH_WINDOW, RuleLabel.COUNT), body)

    def _grown_counts(self, seconds: int) -> str:
        """
        A window that the application does not count: the growth of its lifetime totals.

        The store keeps the totals: they do not restart with a process, and are not extrapolated as `increase` does. A
        store that is younger than the window has counted its whole total in it. Of a short window Prometheus tells what
        it has seen, until it has seen all of it.
        """
        now = self._totals()
        young = f"{self._highest(self._measured_seconds())} <= {seconds}"
        choices = [f"{now} - {self._totals(seconds)}", f"{now}\nand on ({', '.join(self._by_store)})\n{and_(young)}"]
        if seconds <= _SHORT_SECONDS:
            choices.append(f"{now} - {self._totals_seen(seconds)}")
        body = "\nor\n".join(choices)
        return labelled(
            aggregated("sum", (*self.identity, RuleLabel.COUNT), body), RuleLabel.SLOTH_WINDOW, duration_text(seconds)
        )

    def _totals(self, ago_seconds: int | None = None) -> str:
        """The totals of each store, from its last scrape: two series, told apart by `slo_count`."""
        bad = {**self._labels, Label.OUTCOME: "bad"}
        scraped_at = f"timestamp({selected(Metric.EVENTS, bad, offset_seconds=ago_seconds)})"
        last = self._newest(scraped_at, ())
        return _both(
            *(
                aggregated(
                    "sum",
                    self._by_store,
                    f"{selected(Metric.EVENTS, labels, offset_seconds=ago_seconds)}\nand ignoring ({Label.OUTCOME})\n{last}",
                )
                for labels in (self._labels, bad)
            )
        )

    def _totals_seen(self, seconds: int) -> str:
        """The lowest totals of each store that were scraped in the last seconds."""
        bad = {**self._labels, Label.OUTCOME: "bad"}
        lowest = (
            aggregated(
                "min",
                (*self._by_store, Label.OUTCOME),
                f"min_over_time({selected(Metric.EVENTS, labels, range_seconds=seconds)})",
            )
            for labels in (self._labels, bad)
        )
        return _both(*(aggregated("sum", self._by_store, body) for body in lowest))

    def _newest(self, scraped_at: str, more: tuple[str, ...]) -> str:
        """Of each store the series that were scraped last."""
        return f"topk by ({', '.join((*self._by_store, *more))}) (1, {scraped_at})"

    def _highest(self, expression: str) -> str:
        return aggregated("max", self._by_store, expression)

    def _lifetime_events(self, ago_seconds: int | None = None) -> str:
        both = selected(Metric.EVENTS, self._labels, offset_seconds=ago_seconds)
        return self._highest(f"sum without ({Label.OUTCOME}) ({both})")

    def _measured_seconds(self) -> str:
        # At the time of the scrape, not of the evaluation, like the counts.
        since = selected(Metric.DATA_SINCE, self._labels)
        return f"timestamp({since})\n- {since}"

    def _grown(self, now: str, before: str, window_seconds: int) -> str:
        """The growth of totals that never fall; see `_grown_counts`."""
        young = f"{self._highest(self._measured_seconds())} <= {window_seconds}"
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
        service: The service.
        environment: Which of its scraped series are read.
    """

    is_exact = False

    def __init__(self, service: str, environment: Environment) -> None:
        # A single process of the default service leaves the label out.
        is_named = service != DEFAULT_SERVICE
        self._labels = environment.selecting({Label.SERVICE: service if is_named else ""})
        self.identity = tuple(name for name in environment.of_slo if is_named or name != Label.SERVICE)

    def counts(self, windows: Iterable[int], *, counted: Iterable[int]) -> str:
        parts = (
            labelled(
                _both(self._counted({}, seconds), self._counted({Label.OUTCOME: "bad"}, seconds)),
                RuleLabel.SLOTH_WINDOW,
                window_name(seconds),
            )
            for seconds in windows
        )
        return f"{_NOT_EXACT}\n" + "\nor\n".join(parts)

    def events(self, window_seconds: int) -> str:
        return f"{_NOT_EXACT}\n{self._counted({}, window_seconds)}"

    def measured_at_least(self, seconds: int) -> str:
        # A deploy may have replaced the processes of that time, but their counts remain.
        since = f"min_over_time({selected(Metric.DATA_SINCE, self._labels, range_seconds=seconds)})"
        return f"time() - {aggregated('min', self.identity, since)} >= {seconds}"

    def unless_warming_up(self, window_seconds: int) -> str:
        # Each process knows its own events only, so the guard is put together here.
        measured = self.measured_at_least(window_seconds // LEAST_MEASURED_PARTS)
        return f"and on ({', '.join(self.identity)})\n{bracketed(measured)}"

    def dropped(self, window_seconds: int) -> str:
        grown = f"increase({selected(Metric.EVENTS_DROPPED, self._labels, range_seconds=window_seconds)})"
        return aggregated("sum", self.identity, grown)

    def target(self, *, within_seconds: int | None = None, offset_seconds: int | None = None) -> str:
        return _target(self._labels, self.identity, within_seconds, offset_seconds)

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
        return aggregated("sum", self.identity, parts)


_CREATED = Metric.EVENTS.removesuffix("_total") + "_created"


def _both(events: str, failures: str) -> str:
    """Two counts, told apart by `slo_count`, in brackets."""
    parts = (labelled(events, RuleLabel.COUNT, "events"), labelled(failures, RuleLabel.COUNT, "failures"))
    return bracketed("\nor\n".join(parts))


def _replaced(body: str, name: str, value: str, source: str, pattern: str) -> str:
    return f'label_replace(\n{indented(body)},\n  "{name}", "{value}", "{source}", "{pattern}"\n)'


def _target(
    labels: dict[str, str], identity: tuple[str, ...], within_seconds: int | None, offset_seconds: int | None
) -> str:
    shown = selected(Metric.TARGET, labels, range_seconds=within_seconds, offset_seconds=offset_seconds)
    return aggregated("count", identity, shown if within_seconds is None else f"present_over_time({shown})")
