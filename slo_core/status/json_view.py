"""The state of every SLO of a service, and the history of one, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.history import History
from slo_core.budgets.snapshot import SLOSnapshot, SLOSnapshots, pace_of
from slo_core.budgets.wording import window_text
from slo_core.objectives.definition import SLODefinition
from slo_core.status.service_status import ServiceStatus, service_status
from slo_core.status.state import budget_state, burning_now, state_of
from slo_core.tracking.registry import SLORegistry

__all__ = ["JSON_VERSION", "history_json", "services_json", "status_json"]


# Goes up when a key changes its meaning or goes away; new keys may come without a change.
JSON_VERSION = 1


def status_json(registry: SLORegistry, *, snapshots: SLOSnapshots | None = None) -> dict[str, Any]:
    """
    The state of every SLO, ready for `json.dumps`.

    Args:
        registry: The SLOs.
        snapshots: Snapshots that were already read; None reads them now.

    Returns:
        `version` (of this shape), `service`, `store` (`backend`, `scope`, `is_up`), `note`
        (see `status_note`) and `slos`: a list in the order of the registry. Ratios are not rounded; durations are
        seconds; `burn_rate` belongs to `burn_rate_window_seconds`, the shortest long alert window. `windows` holds the
        integers of every window that is counted, the SLO's own first, which has a `period` where it is a calendar one;
        `covered_since` and `is_complete` say whether older counts of a window are no longer kept. `timezone` is None unless
        the window is a calendar one. With `error`, why some SLOs are missing, where the store holds something of them that
        cannot be read.
    """
    status = service_status(registry, snapshots=snapshots)
    return {
        "version": JSON_VERSION,
        "service": status.service,
        "store": _store_json(status),
        "note": status.note,
        **({} if status.error is None else {"error": status.error}),
        "slos": [_slo_json(*slo, status) for slo in status.snapshots],
    }


def services_json(services: Sequence[ServiceStatus]) -> dict[str, Any]:
    """
    The state of every SLO of any number of services, ready for `json.dumps`, in the shape of `status_json`.

    Returns:
        As `status_json`, with the `service` of every SLO. The keys of a single service (`service`, `store`, `note`) are
        None where there are several; `errors` lists why SLOs are missing, `retired` those that are left out because no process
        declares them any more (`service`, `name`, and `seen_at`, None where even their record has expired).
    """
    only = services[0] if len(services) == 1 else None
    return {
        "version": JSON_VERSION,
        "service": None if only is None else only.service,
        "store": None if only is None else _store_json(only),
        "note": None if only is None else only.note,
        "errors": [error for error in (status.error_with_service for status in services) if error is not None],
        "retired": [{"service": status.service, **slo._asdict()} for status in services for slo in status.retired],
        "slos": [
            {"service": status.service, **_slo_json(*slo, status)} for status in services for slo in status.snapshots
        ],
    }


def _store_json(status: ServiceStatus) -> dict[str, Any]:
    return {"backend": status.backend, "scope": status.scope, "is_up": status.is_up}


def history_json(past: History) -> dict[str, Any]:
    """
    A history, ready for `json.dumps`: columns of equal length, one value for each point, oldest first.

    Returns:
        `range_seconds`, `step_seconds`, `end` (seconds since the epoch), `good`, `bad`, `error_budget_remaining`,
        `even_spend` (None where it is not known) and `burn_rates`, a list of `{window_seconds, burn_rate}`, with None
        where a window reaches back before what is kept, or before measuring began.
    """
    points = past.points
    return {
        "range_seconds": past.range_seconds,
        "step_seconds": past.step_seconds,
        "end": [point.end for point in points],
        "good": [point.good for point in points],
        "bad": [point.bad for point in points],
        "error_budget_remaining": [point.error_budget_remaining for point in points],
        "even_spend": [point.even_spend for point in points],
        "burn_rates": [
            {"window_seconds": window, "burn_rate": [point.burn_rates[index] for point in points]}
            for index, window in enumerate(past.burn_rate_windows)
        ],
    }


def _slo_json(definition: SLODefinition, snapshot: SLOSnapshot, status: ServiceStatus) -> dict[str, Any]:
    pace = pace_of(snapshot)
    return {
        "name": snapshot.name,
        "description": definition.description,
        "runbook": definition.runbook,
        "dashboard": definition.dashboard,
        "labels": dict(definition.labels),
        "target": snapshot.target,
        "window": window_text(definition),
        "window_seconds": snapshot.window_seconds,
        "timezone": None if definition.period is None else definition.timezone,
        "state": state_of(snapshot),
        "burning_now": burning_now(snapshot),
        "budget_state": budget_state(snapshot),
        "is_warming_up": snapshot.is_warming_up,
        "total": snapshot.total,
        "failures": snapshot.failures,
        "success_ratio": snapshot.success_ratio,
        "error_budget_remaining": snapshot.error_budget_remaining,
        "burn_rate": pace.burn_rate,
        "burn_rate_window_seconds": pace.window_seconds,
        "time_to_exhaustion_seconds": snapshot.time_to_exhaustion,
        "windows": [
            {
                "window_seconds": sample.window_seconds,
                "period": sample.period,
                "total": sample.sample_count,
                "failures": sample.failures,
                "covered_since": sample.covered_since,
                "is_complete": sample.is_complete,
            }
            for sample in snapshot.window_samples
        ],
        "measured_seconds": snapshot.measured_seconds,
        "data_since": snapshot.data_since,
        "definition_changed_at": snapshot.definition_changed_at,
        "last_event_at": snapshot.last_event_at,
        "at": snapshot.at,
        "covered_since": snapshot.covered_since,
        "is_complete": snapshot.is_complete,
        "alerts": [_alert_json(alert, knows_threshold=status.knows_thresholds) for alert in snapshot.alerts],
    }


def _alert_json(alert: AlertState, *, knows_threshold: bool) -> dict[str, Any]:
    return {
        "severity": alert.severity,
        "threshold": alert.threshold if knows_threshold else None,
        "long_window_seconds": alert.long.window_seconds,
        "long_burn_rate": alert.long.burn_rate,
        "short_window_seconds": alert.short.window_seconds,
        "short_burn_rate": alert.short.burn_rate,
        "is_firing": alert.is_firing,
        "waiting": None if alert.waiting is None else alert.waiting._asdict(),
    }
