"""Reads the status of services from the text of `/metrics`: of one service, or of an exporter that shows several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from slo_core.budgets.events import EventCounts
from slo_core.budgets.retired_slo import RetiredSLO
from slo_core.budgets.snapshot import Reading, SLOSnapshot, SLOSnapshots
from slo_core.conventions import DEFAULT_SERVICE, Label, Metric
from slo_core.errors import SLOError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import CALENDAR_PERIODS, PeriodWindow
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.published_slo import (
    OLDER_PAGE,
    PublishedAlert,
    slo_from_counts,
    unreadable_slo,
    zone_problem,
)
from slo_core.stores.separate_counts import ONE_ANSWERED, separate_counts

__all__ = ["services_of_metrics"]

_METRICS = frozenset(value for name, value in vars(Metric).items() if name.isupper())

_OLDER = f"{OLDER_PAGE} whether its window is a rolling or a calendar one; upgrade the service, or ask its /slo.json"

# The labels that slo-suite sets; any other is a label of the SLO.
_OURS = frozenset(value for name, value in vars(Label).items() if name.isupper())


@dataclass(slots=True)
class _SLO:
    """
    The series of one SLO.

    Attributes:
        labels: Its own.
        window: As it is written: `30d`, `month`; None on pages of versions that do not show it.
        timezone: Of a calendar window.
    """

    labels: Mapping[str, str]
    window: str | None = None
    timezone: str = ""
    # By name and window; 0 where a series has no window.
    values: dict[tuple[str, int], float] = field(default_factory=dict)
    alerts: list[PublishedAlert] = field(default_factory=list)

    def add(self, name: str, labels: Mapping[str, str], value: float) -> None:
        if name == Metric.ALERT_FIRING:
            long, short = int(labels[Label.LONG_WINDOW]), int(labels[Label.SHORT_WINDOW])
            self.alerts.append(PublishedAlert(labels[Label.SEVERITY], long, short, value == 1))
            return
        if Label.OUTCOME in labels:
            return
        if name == Metric.INFO:
            self.window, self.timezone = labels[Label.WINDOW_NAME], labels.get(Label.TIMEZONE, "")
            return
        window = int(labels.get(Label.WINDOW, 0))
        if Label.WINDOW_PERIOD in labels:
            window = PeriodWindow(window)
        key = (name, window)
        if key in self.values:
            raise SLOError(
                f"SLO {labels[Label.SLO]!r} has several series {name}: expected the page of one service or of "
                "`slo exporter`, not one that puts several together"
            )
        self.values[key] = value

    def windows_of(self, name: str) -> dict[int, float]:
        """The values of a metric by window."""
        return {window: value for (metric, window), value in self.values.items() if metric == name}

    def with_snapshot(self, name: str, *, at: float) -> tuple[SLODefinition, SLOSnapshot]:
        own = int(self.values[Metric.WINDOW, 0])
        of_alerts = {window for alert in self.alerts for window in (alert.long_window, alert.short_window)}
        burn_windows = (window for window in self.windows_of(Metric.BURN_RATE) if window not in of_alerts)
        definition = SLODefinition(
            name,
            self.values[Metric.TARGET, 0],
            window_seconds=own,
            window=self.window if self.window in CALENDAR_PERIODS else None,  # type: ignore[arg-type]  # just asked
            timezone=self.timezone or "UTC",
            burn_rate_windows=tuple(window for window in burn_windows if window <= own),
            labels=self.labels,
        )
        # A float holds every integer up to 9,007,199,254,740,992.
        failures = {window: int(value) for window, value in self.windows_of(Metric.WINDOW_FAILURES).items()}
        counts = {
            window: EventCounts(int(total) - failures[window], failures[window])
            for window, total in self.windows_of(Metric.WINDOW_EVENTS).items()
        }
        since = self.values[Metric.DATA_SINCE, 0]
        reading = Reading(counts=tuple(counts.values()), lifetime=EventCounts(), data_since=since)
        warming_up = self.values.get((Metric.WARMING_UP, 0))
        return slo_from_counts(
            definition,
            self.alerts,
            reading,
            windows=tuple(counts),
            at=at,
            is_warming_up=None if warming_up is None else warming_up == 1,
        )


@dataclass(slots=True)
class _Service:
    """The series of one service in one store."""

    backend: str = ""
    scope: str = ""
    is_up: bool = True
    slos: dict[str, _SLO] = field(default_factory=dict)
    retired: list[RetiredSLO] = field(default_factory=list)


def services_of_metrics(text: str, *, address: str, at: float) -> list[ServiceStatus]:
    """
    Every service that a page shows.

    The metrics hold no descriptions, runbooks, dashboards or alert factors. Those of older versions hold the length of a
    window only, by which a calendar month reads as 30 days: such numbers decide nothing.

    Args:
        text: In Prometheus' text format.
        address: Where the page comes from, for messages.
        at: When it was read, in seconds since the epoch.

    Raises:
        SLOError: Not a page of slo-suite, or several series where one is expected.
        ValueError, KeyError: The page is damaged, or restricted to some metrics.
    """
    services: defaultdict[tuple[str, str], _Service] = defaultdict(_Service)
    try:
        _collect(text, services)
    except SLOError as exc:
        raise SLOError(f"{address}: {exc}") from None
    if not services:
        raise SLOError(f"{address}: expected the metrics of slo-suite, got some without {Metric.STORE_UP}")
    return [_status(name, service, at=at) for (name, _), service in services.items()]


def _collect(text: str, services: defaultdict[tuple[str, str], _Service]) -> None:
    # The page may hold metrics of other libraries, too.
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    for sample in samples:
        labels = sample.labels
        if sample.name not in _METRICS:
            continue
        service = services[labels.get(Label.SERVICE, DEFAULT_SERVICE), labels.get(Label.STORE_ID, "")]
        if sample.name == Metric.STORE_UP:
            service.is_up = sample.value == 1
        elif sample.name == Metric.STORE_INFO:
            service.backend, service.scope = labels[Label.BACKEND], labels[Label.SCOPE]
        elif sample.name == Metric.RETIRED:
            service.retired.append(RetiredSLO(labels[Label.SLO], sample.value or None))
        elif Label.SLO in labels:
            own = {name: value for name, value in labels.items() if name not in _OURS}
            service.slos.setdefault(labels[Label.SLO], _SLO(own)).add(sample.name, labels, sample.value)


def _status(name: str, service: _Service, *, at: float) -> ServiceStatus:
    note = error = None
    if service.scope == "process":
        note = separate_counts(f"The store {service.backend}://", ONE_ANSWERED)
    if not service.is_up and not service.slos:
        error = f"its store cannot be read ({Metric.STORE_UP} is 0)"
    problems = {slo_name: zone_problem(slo.timezone) for slo_name, slo in service.slos.items()}
    errors = [unreadable_slo(slo_name, problem) for slo_name, problem in problems.items() if problem is not None]
    snapshots = SLOSnapshots(
        (slo.with_snapshot(slo_name, at=at) for slo_name, slo in service.slos.items() if problems[slo_name] is None),
        retired=service.retired,
    )
    undecided = {slo_name: _OLDER for slo_name, slo in service.slos.items() if slo.window is None}
    return ServiceStatus(
        name,
        service.backend,
        service.scope,
        service.is_up,
        snapshots,
        note=note,
        error="; ".join([*errors, *([error] if error is not None else [])]) or None,
        knows_thresholds=False,
        undecided=undecided,
    )
