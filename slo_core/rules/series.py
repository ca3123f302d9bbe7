"""PromQL for the counts of a service's SLOs, which depends on the scope of their store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from slo_core.budgets.warm_up import LEAST_MEASURED_PARTS
from slo_core.conventions import DEFAULT_SERVICE, Label, Metric
from slo_core.objectives.window import HOUR, PeriodWindow
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

# Back to that time every scrape is looked at for processes that are gone.
_EVERY_SCRAPE_SECONDS = 2 * HOUR


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

    def measured_at_least(self, seconds: int) -> str:
        """A condition: the SLO has been measured for that long."""

    def unless_warming_up(self, window_seconds: int) -> str:
        """The end of a condition about a budget: enough is known of that window to judge it."""

    def dropped(self, window_seconds: int) -> str:
        """Events that came too late to count, in the last seconds."""

    def target(self, *, within_seconds: int | None = None) -> str:
        """How many processes show the objective, or did within some seconds."""

    def shown_as(self, target: str, window_seconds: str, on_slo: str) -> str:
        """The processes that show that objective and that length of the window."""


def series_of(service: str, *, scope: RuleScope, environment: Environment, slos: Sequence[str] = ()) -> SLOSeries:
    """
    The series of a service whose store has that scope.

    Args:
        service: The service.
        scope: Whose events a store holds.
        environment: Which of its scraped series are read.
        slos: The SLOs that are read; none reads all.
    """
    series = ProcessSeries if scope == "process" else SharedSeries
    return series(service, environment, slos)


class _Selection:
    """
    Selectors of a service's scraped series.

    Args:
        labels: Labels that they have.
        slos: Names of SLOs; none selects all.
    """

    def __init__(self, labels: Mapping[str, str], slos: Sequence[str]) -> None:
        self._labels = {**labels, **({Label.SLO: slos[0]} if len(slos) == 1 else {})}
        self._any_of = {Label.SLO: one_of(slos)} if len(slos) > 1 else {}

    def of(
        self,
        metric: str,
        labels: Mapping[str, str] | None = None,
        *,
        any_of: Mapping[str, str] | None = None,
        range_seconds: int | None = None,
        offset_seconds: int | None = None,
    ) -> str:
        """A selector; see `selected`."""
        return selected(
            metric,
            {**self._labels, **(labels or {})},
            any_of={**self._any_of, **(any_of or {})},
            range_seconds=range_seconds,
            offset_seconds=offset_seconds,
        )

    def target(self, identity: tuple[str, ...], within_seconds: int | None) -> str:
        """How many processes show the objective, or did within some seconds."""
        if within_seconds is None:
            return aggregated("count", identity, self.of(Metric.TARGET))
        recent = min(within_seconds, _EVERY_SCRAPE_SECONDS)
        shown = f"present_over_time({self.of(Metric.TARGET, range_seconds=recent)})"
        if recent < within_seconds:
            # Once an hour is enough, and less work than to read every scrape of a week.
            shown += f"\nor\npresent_over_time({self.of(Metric.TARGET)}[{duration_text(within_seconds)}:1h])"
        return aggregated("count", identity, shown)

    def shown_as(self, target: str, window_seconds: str, on_slo: str) -> str:
        """The processes that show that objective and that length of the window."""
        # A process of an older version does not show its window.
        of_slo = f"on ({on_slo}) group_left ()"
        others = f"{self.of(Metric.WINDOW)}\n!= {of_slo} {window_seconds}"
        return f"{self.of(Metric.TARGET)}\n== {of_slo} {target}\nunless\n{bracketed(others)}"


class SharedSeries:
    """
    A store of a host or a fleet: every process that is scraped shows the numbers of the same store.

    So one process is enough for each store, and stores add up. It is the one that was scraped last: numbers of two
    scrapes never stand side by side. The application exports its windows as integers: no expression needs a range, and
    retention does not matter.

    Args:
        service: The service.
        environment: Which of its scraped series are read.
        slos: The SLOs that are read; none reads all.
    """

    is_exact = True

    def __init__(self, service: str, environment: Environment, slos: Sequence[str] = ()) -> None:
        self._series = _Selection(environment.selecting({Label.SERVICE: service}), slos)
        self.identity = environment.of_slo
        self._by_store = (*self.identity, Label.STORE_ID)

    def counts(self, windows: Iterable[int], *, counted: Iterable[int]) -> str:
        known = frozenset(counted)
        gauges = [seconds for seconds in windows if seconds in known]
        grown = [seconds for seconds in windows if seconds not in known]
        parts = [self._gauges(gauges)] if gauges else []
        parts += [self._grown_counts(seconds) for seconds in grown]
        return "\nor\n".join(parts)

    def measured_at_least(self, seconds: int) -> str:
        return f"{aggregated('max', self.identity, self._measured_seconds())} >= {seconds}"

    def unless_warming_up(self, window_seconds: int) -> str:
        # The application decides. Of a store the process that has seen most; of several stores any that is judged. A
        # process of an older version shows nothing, and its budget is judged from the first event on.
        of_stores = aggregated("max", self._by_store, self._series.of(Metric.WARMING_UP))
        warming_up = aggregated("min", self.identity, of_stores)
        return f"unless on ({', '.join(self.identity)})\n{bracketed(f'{warming_up} == 1')}"

    def dropped(self, window_seconds: int) -> str:
        now, before = (
            self._highest(self._series.of(Metric.EVENTS_DROPPED, offset_seconds=offset))
            for offset in (None, window_seconds)
        )
        return self._grown(now, before, window_seconds)

    def target(self, *, within_seconds: int | None = None) -> str:
        return self._series.target(self.identity, within_seconds)

    def shown_as(self, target: str, window_seconds: str, on_slo: str) -> str:
        return self._series.shown_as(target, window_seconds, on_slo)

    def _gauges(self, windows: Sequence[int]) -> str:
        """The windows that the application counts."""
        of_windows = {Label.WINDOW: one_of(windows)}
        both = {"__name__": one_of((Metric.WINDOW_EVENTS, Metric.WINDOW_FAILURES)), **of_windows}
        # Where a calendar window and a rolling one are equally long, one label more tells them apart.
        has_period = any(isinstance(seconds, PeriodWindow) for seconds in windows)
        told_apart = (Label.WINDOW, Label.WINDOW_PERIOD) if has_period else (Label.WINDOW,)
        scraped_at = f"timestamp({self._series.of(Metric.WINDOW_EVENTS, any_of=of_windows)})"
        body = f"{self._series.of('', any_of=both)}\nand\n{self._newest(scraped_at, told_apart)}"
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
        bad = {Label.OUTCOME: "bad"}
        scraped_at = f"timestamp({self._series.of(Metric.EVENTS, bad, offset_seconds=ago_seconds)})"
        last = self._newest(scraped_at, ())
        return _both(
            *(
                aggregated(
                    "sum",
                    self._by_store,
                    f"{series}\nand ignoring ({Label.OUTCOME})\n{last}",
                )
                for series in (
                    self._series.of(Metric.EVENTS, labels, offset_seconds=ago_seconds) for labels in ({}, bad)
                )
            )
        )

    def _totals_seen(self, seconds: int) -> str:
        """The lowest totals of each store that were scraped in the last seconds."""
        bad = {Label.OUTCOME: "bad"}
        lowest = (
            aggregated(
                "min",
                (*self._by_store, Label.OUTCOME),
                f"min_over_time({self._series.of(Metric.EVENTS, labels, range_seconds=seconds)})",
            )
            for labels in ({}, bad)
        )
        return _both(*(aggregated("sum", self._by_store, body) for body in lowest))

    def _newest(self, scraped_at: str, more: tuple[str, ...]) -> str:
        """Of each store the series that were scraped last."""
        return f"topk by ({', '.join((*self._by_store, *more))}) (1, {scraped_at})"

    def _highest(self, expression: str) -> str:
        return aggregated("max", self._by_store, expression)

    def _measured_seconds(self) -> str:
        # At the time of the scrape, not of the evaluation, like the counts.
        since = self._series.of(Metric.DATA_SINCE)
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
        slos: The SLOs that are read; none reads all.
    """

    is_exact = False

    def __init__(self, service: str, environment: Environment, slos: Sequence[str] = ()) -> None:
        # A single process of the default service leaves the label out.
        is_named = service != DEFAULT_SERVICE
        self._series = _Selection(environment.selecting({Label.SERVICE: service if is_named else ""}), slos)
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

    def measured_at_least(self, seconds: int) -> str:
        # A deploy may have replaced the processes of that time, but their counts remain.
        since = f"min_over_time({self._series.of(Metric.DATA_SINCE, range_seconds=seconds)})"
        return f"time() - {aggregated('min', self.identity, since)} >= {seconds}"

    def unless_warming_up(self, window_seconds: int) -> str:
        # Each process knows its own events only, so the guard is put together here.
        measured = self.measured_at_least(window_seconds // LEAST_MEASURED_PARTS)
        return f"and on ({', '.join(self.identity)})\n{bracketed(measured)}"

    def dropped(self, window_seconds: int) -> str:
        grown = f"increase({self._series.of(Metric.EVENTS_DROPPED, range_seconds=window_seconds)})"
        return aggregated("sum", self.identity, grown)

    def target(self, *, within_seconds: int | None = None) -> str:
        return self._series.target(self.identity, within_seconds)

    def shown_as(self, target: str, window_seconds: str, on_slo: str) -> str:
        return self._series.shown_as(target, window_seconds, on_slo)

    def _counted(self, labels: dict[str, str], window_seconds: int) -> str:
        events = self._series.of(Metric.EVENTS, labels, range_seconds=window_seconds)
        before = self._series.of(Metric.EVENTS, labels, offset_seconds=window_seconds)
        created = self._series.of(_CREATED, labels, range_seconds=window_seconds)
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
