"""How all SLOs of a service stand, as a plain-text table and as a JSON document: for commands and status pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from slo_core.alerting import AlertState
from slo_core.definition import SLODefinition
from slo_core.duration import format_duration
from slo_core.history import History
from slo_core.registry import SLORegistry
from slo_core.service_status import ServiceStatus
from slo_core.snapshot import SLOSnapshot, SLOSnapshots
from slo_core.stores.separate_counts import NOT_SEEN_HERE, separate_counts
from slo_core.wording import (
    NOTHING,
    burn_text,
    measured_briefly,
    pace_of,
    percent,
    printable,
    roughly,
    target_digits,
    window_text,
)

__all__ = [
    "DOCUMENT_VERSION",
    "NUMBERS",
    "STATES",
    "STATUS_HEADINGS",
    "State",
    "history_document",
    "service_status",
    "services_document",
    "state_of",
    "status_document",
    "status_note",
    "status_row",
    "status_table",
    "trouble_of",
]

# Changes when a key of the document changes its meaning or goes away; new keys may come without a change.
DOCUMENT_VERSION = 1

State = Literal["met", "burning", "exhausted", "breached", "no data"]

# The gravest first.
STATES: tuple[State, ...] = ("breached", "exhausted", "burning", "no data", "met")

# The columns of a table, and those among them that hold numbers.
STATUS_HEADINGS = (
    "SLO", "TARGET", "WINDOW", "STATE", "EVENTS", "FAILURES", "SUCCESS", "BUDGET LEFT", "BURN RATE", "EXHAUSTED IN",
    "MEASURED", "ALERTS FIRING",
)  # fmt: skip
_STATE = STATUS_HEADINGS.index("STATE")
NUMBERS = frozenset(("TARGET", "EVENTS", "FAILURES", "SUCCESS", "BUDGET LEFT", "BURN RATE", "EXHAUSTED IN"))


def state_of(snapshot: SLOSnapshot) -> State:
    """
    One word for how an SLO stands, the gravest that is true.

    Returns:
        `"no data"` without events; `"breached"` below the target; `"exhausted"` exactly at it, with the budget spent
        to the last event; `"burning"` while a multi-window alert rule fires; otherwise `"met"`.
    """
    if not snapshot.has_data:
        return "no data"
    if snapshot.is_breached:
        return "breached"
    if snapshot.is_budget_exhausted:
        return "exhausted"
    return "burning" if snapshot.is_firing else "met"


def trouble_of(snapshot: SLOSnapshot) -> tuple[int, float]:
    """A key that sorts the worst SLO first: by state, then by what is left of the budget."""
    return STATES.index(state_of(snapshot)), snapshot.error_budget_remaining


def status_note(registry: SLORegistry) -> str | None:
    """What a reader in another process must be told about the numbers; None when they are the whole service's."""
    store = registry.store
    if store.scope != "process":
        return None
    return separate_counts(f"The store {store.backend}://", NOT_SEEN_HERE)


def status_document(registry: SLORegistry, *, standing: SLOSnapshots | None = None) -> dict[str, Any]:
    """
    The state of every SLO, ready for `json.dumps`.

    Args:
        registry: The SLOs.
        standing: What was read of them already; None reads them now.

    Returns:
        `version` (of this document's shape), `service`, `store` (`backend`, `scope`, `is_up`), `note`
        (see `status_note`) and `slos`: a list in the order of the registry. Ratios are not rounded; durations are
        seconds; `burn_rate` belongs to `burn_rate_window_seconds`, the shortest long alert window. `windows` holds the
        integers of every window that is counted, the SLO's own first; `timezone` is that of a calendar window, otherwise
        None.
    """
    found = service_status(registry, standing=standing)
    return {
        "version": DOCUMENT_VERSION,
        "service": found.service,
        "store": _store_document(found),
        "note": found.note,
        "slos": [_entry(*slo, found) for slo in found.standing],
    }


def services_document(services: Sequence[ServiceStatus]) -> dict[str, Any]:
    """
    The state of every SLO of any number of services, ready for `json.dumps`, in the shape of `status_document`.

    Returns:
        As `status_document`, and of every SLO its `service`. What belongs to one service (`service`, `store`, `note`) is
        None where there are several; `errors` lists why SLOs are missing.
    """
    only = services[0] if len(services) == 1 else None
    return {
        "version": DOCUMENT_VERSION,
        "service": None if only is None else only.service,
        "store": None if only is None else _store_document(only),
        "note": None if only is None else only.note,
        "errors": [trouble for trouble in (found.told_trouble for found in services) if trouble is not None],
        "slos": [{"service": found.service, **_entry(*slo, found)} for found in services for slo in found.standing],
    }


def service_status(registry: SLORegistry, *, standing: SLOSnapshots | None = None) -> ServiceStatus:
    """
    What a registry knows of its service.

    Args:
        registry: The SLOs.
        standing: What was read of them already; None reads them now.

    Raises:
        StoreError: The store cannot be read.
    """
    if standing is None:
        standing = registry.read_all()
    store = registry.store
    return ServiceStatus(
        registry.service, store.backend, store.scope, store.health().is_up, standing, note=status_note(registry)
    )


def _store_document(found: ServiceStatus) -> dict[str, Any]:
    return {"backend": found.backend, "scope": found.scope, "is_up": found.is_up}


def history_document(past: History) -> dict[str, Any]:
    """
    A history, ready for `json.dumps`: columns of equal length, one value for each point, oldest first.

    Returns:
        `range_seconds`, `step_seconds`, `end` (seconds since the epoch), `good`, `bad`, `error_budget_remaining`,
        `even_spend` (None where there is nothing to tell) and `burn_rates`, a list of `{window_seconds, burn_rate}`.
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


def status_table(registry: SLORegistry, *, paint: Callable[[State, str], str] | None = None) -> str:
    """
    The state of every SLO as aligned columns, one line each and the worst first, for a terminal.

    Success and budget are rounded down: what is below the target never reads as if it had reached it.

    Args:
        registry: The SLOs.
        paint: Puts colour to the text of a state; None where there is no terminal.
    """
    found = sorted(registry.read_all(), key=lambda standing: trouble_of(standing[1]))
    if not found:
        return "No SLO is defined."
    rows = [status_row(*standing) for standing in found]
    widths = [max(map(len, column)) for column in zip(STATUS_HEADINGS, *rows, strict=True)]
    lines = [_line(STATUS_HEADINGS, widths)]
    for row, (_, snapshot) in zip(rows, found, strict=True):
        line = _line(row, widths)
        if paint is not None:
            # Behind the columns before it, which hold no colour yet.
            start = sum(widths[:_STATE]) + 2 * _STATE
            word = row[_STATE]
            line = line[:start] + paint(state_of(snapshot), word) + line[start + len(word) :]
        lines.append(line)
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if heading in NUMBERS else cell.ljust(width)
        for heading, cell, width in zip(STATUS_HEADINGS, cells, widths, strict=True)
    )
    return "  ".join(padded).rstrip()


def _entry(definition: SLODefinition, snapshot: SLOSnapshot, service: ServiceStatus) -> dict[str, Any]:
    pace = pace_of(snapshot)
    return {
        "name": snapshot.name,
        "description": definition.description,
        "runbook": definition.runbook,
        "labels": dict(definition.labels),
        "target": snapshot.target,
        "window": window_text(definition),
        "window_seconds": snapshot.window_seconds,
        "timezone": None if definition.period is None else definition.timezone,
        "state": state_of(snapshot),
        "total": snapshot.total,
        "failures": snapshot.failures,
        "success_ratio": snapshot.success_ratio,
        "error_budget_remaining": snapshot.error_budget_remaining,
        "burn_rate": pace.burn_rate,
        "burn_rate_window_seconds": pace.window_seconds,
        "time_to_exhaustion_seconds": snapshot.time_to_exhaustion,
        "windows": [
            {"window_seconds": found.window_seconds, "total": found.sample_count, "failures": found.failures}
            for found in snapshot.window_samples
        ],
        "measured_seconds": snapshot.measured_seconds,
        "data_since": snapshot.data_since,
        "definition_changed_at": snapshot.definition_changed_at,
        "last_event_at": snapshot.last_event_at,
        "at": snapshot.at,
        "alerts": [_alert(alert, knows_threshold=service.knows_thresholds) for alert in snapshot.alerts],
    }


def _alert(alert: AlertState, *, knows_threshold: bool) -> dict[str, Any]:
    return {
        "severity": alert.severity,
        "threshold": alert.threshold if knows_threshold else None,
        "long_window_seconds": alert.long.window_seconds,
        "long_burn_rate": alert.long.burn_rate,
        "short_window_seconds": alert.short.window_seconds,
        "short_burn_rate": alert.short.burn_rate,
        "is_firing": alert.is_firing,
    }


def status_row(definition: SLODefinition, snapshot: SLOSnapshot) -> tuple[str, ...]:
    """The cells of an SLO in a table, below `STATUS_HEADINGS`; names are fit for a terminal."""
    pace, left = pace_of(snapshot), snapshot.time_to_exhaustion
    # One digit more than the target has: 99.89 % tells itself from a target of 99.9 %.
    target = percent(snapshot.target, target_digits(snapshot.target))
    success = percent(snapshot.success_ratio, target_digits(snapshot.target) + 1)
    budget = percent(snapshot.error_budget_remaining, 1)
    burn = f"{burn_text(pace.burn_rate)}/{format_duration(pace.window_seconds)}"
    return (
        printable(snapshot.name),
        target,
        window_text(definition),
        state_of(snapshot),
        str(snapshot.total),
        str(snapshot.failures),
        success if snapshot.has_data else NOTHING,
        budget if snapshot.has_data else NOTHING,
        burn if pace.sample_count else NOTHING,
        NOTHING if left is None else roughly(left),
        measured_briefly(definition, snapshot),
        ", ".join(_windows_of(alert) for alert in snapshot.alerts if alert.is_firing) or NOTHING,
    )


def _windows_of(alert: AlertState) -> str:
    long, short = format_duration(alert.long.window_seconds), format_duration(alert.short.window_seconds)
    return f"{printable(alert.severity)} {long}/{short}"
