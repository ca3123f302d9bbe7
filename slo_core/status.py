"""How all SLOs of a service stand, as a plain-text table and as a JSON document: for commands and status pages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Literal

from slo_core.alerting import AlertState
from slo_core.burn_rate import BurnRateSample
from slo_core.definition import SLODefinition
from slo_core.duration import format_duration
from slo_core.registry import SLORegistry
from slo_core.snapshot import SLOSnapshot

__all__ = ["DOCUMENT_VERSION", "State", "state_of", "status_document", "status_note", "status_table"]

# Changes when a key of the document changes its meaning or goes away; new keys may come without a change.
DOCUMENT_VERSION = 1

State = Literal["met", "burning", "exhausted", "breached", "no data"]

_HEADINGS = (
    "SLO", "TARGET", "WINDOW", "STATE", "EVENTS", "FAILURES", "SUCCESS", "BUDGET LEFT", "BURN RATE", "EXHAUSTED IN",
    "MEASURED", "ALERTS FIRING",
)  # fmt: skip
_NUMBERS = frozenset(("TARGET", "EVENTS", "FAILURES", "SUCCESS", "BUDGET LEFT", "BURN RATE", "EXHAUSTED IN"))
_NOTHING = "-"


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


def status_note(registry: SLORegistry) -> str | None:
    """What a reader in another process must be told about the numbers; None when they are the whole service's."""
    store = registry.store
    if store.scope != "process":
        return None
    return (
        f"The store {store.backend}:// counts in each process for itself: this process does not see what the running "
        "service has counted. Read the service's /metrics, or configure a shared store."
    )


def status_document(registry: SLORegistry) -> dict[str, Any]:
    """
    The state of every SLO, ready for `json.dumps`.

    Returns:
        `version` (of this document's shape), `service`, `store` (`backend`, `scope`, `is_up`), `note`
        (see `status_note`) and `slos`: a list in the order of the registry. Ratios are not rounded; durations are
        seconds; `burn_rate` belongs to `burn_rate_window_seconds`, the shortest long alert window.
    """
    store = registry.store
    slos = [_entry(definition, snapshot) for definition, snapshot in _standing(registry)]
    return {
        "version": DOCUMENT_VERSION,
        "service": registry.service,
        "store": {"backend": store.backend, "scope": store.scope, "is_up": store.health().is_up},
        "note": status_note(registry),
        "slos": slos,
    }


def status_table(registry: SLORegistry) -> str:
    """
    The state of every SLO as aligned columns, one line each, for a terminal.

    Success and budget are rounded down: what is below the target never reads as if it had reached it.
    """
    rows = [_row(definition, snapshot) for definition, snapshot in _standing(registry)]
    if not rows:
        return "No SLO is defined."
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    return "\n".join(_line(cells, widths) for cells in (_HEADINGS, *rows))


def _standing(registry: SLORegistry) -> list[tuple[SLODefinition, SLOSnapshot]]:
    """Every SLO with its snapshot, read at once."""
    trackers = tuple(registry)
    return [
        (tracker.definition, snapshot) for tracker, snapshot in zip(trackers, registry.snapshot_all(), strict=False)
    ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if heading in _NUMBERS else cell.ljust(width)
        for heading, cell, width in zip(_HEADINGS, cells, widths, strict=True)
    )
    return "  ".join(padded).rstrip()


def _entry(definition: SLODefinition, snapshot: SLOSnapshot) -> dict[str, Any]:
    pace = _pace(snapshot)
    return {
        "name": snapshot.name,
        "description": definition.description,
        "runbook": definition.runbook,
        "labels": dict(definition.labels),
        "target": snapshot.target,
        "window": _window(definition),
        "window_seconds": snapshot.window_seconds,
        "state": state_of(snapshot),
        "total": snapshot.total,
        "failures": snapshot.failures,
        "success_ratio": snapshot.success_ratio,
        "error_budget_remaining": snapshot.error_budget_remaining,
        "burn_rate": pace.burn_rate,
        "burn_rate_window_seconds": pace.window_seconds,
        "time_to_exhaustion_seconds": snapshot.time_to_exhaustion,
        "measured_seconds": snapshot.measured_seconds,
        "data_since": snapshot.data_since,
        "definition_changed_at": snapshot.definition_changed_at,
        "at": snapshot.at,
        "alerts": [_alert(alert) for alert in snapshot.alerts],
    }


def _alert(alert: AlertState) -> dict[str, Any]:
    return {
        "severity": alert.severity,
        "threshold": alert.threshold,
        "long_window_seconds": alert.long.window_seconds,
        "long_burn_rate": alert.long.burn_rate,
        "short_window_seconds": alert.short.window_seconds,
        "short_burn_rate": alert.short.burn_rate,
        "is_firing": alert.is_firing,
    }


def _row(definition: SLODefinition, snapshot: SLOSnapshot) -> tuple[str, ...]:
    pace, left = _pace(snapshot), snapshot.time_to_exhaustion
    # One digit more than the target has: 99.89 % tells itself from a target of 99.9 %.
    target = _percent(snapshot.target, _target_digits(snapshot.target))
    success = _percent(snapshot.success_ratio, _target_digits(snapshot.target) + 1)
    budget = _percent(snapshot.error_budget_remaining, 1)
    burn = f"{pace.burn_rate:.1f}x/{format_duration(pace.window_seconds)}"
    return (
        _printable(snapshot.name),
        target,
        _window(definition),
        state_of(snapshot),
        str(snapshot.total),
        str(snapshot.failures),
        success if snapshot.has_data else _NOTHING,
        budget if snapshot.has_data else _NOTHING,
        burn if pace.sample_count else _NOTHING,
        _NOTHING if left is None else _roughly(left),
        f"{_roughly(snapshot.measured_seconds)} of {format_duration(snapshot.window_seconds)}",
        ", ".join(_windows_of(alert) for alert in snapshot.alerts if alert.is_firing) or _NOTHING,
    )


def _pace(snapshot: SLOSnapshot) -> BurnRateSample:
    """The shortest long alert window; without rules the shortest burn window; without those the SLO's own."""
    samples = [alert.long for alert in snapshot.alerts] or list(snapshot.burn_rate_samples)
    samples = samples or [found for found in snapshot.window_samples if found.window_seconds == snapshot.window_seconds]
    return min(samples, key=lambda found: found.window_seconds)


def _window(definition: SLODefinition) -> str:
    return definition.window or format_duration(definition.window_seconds)


def _windows_of(alert: AlertState) -> str:
    long, short = format_duration(alert.long.window_seconds), format_duration(alert.short.window_seconds)
    return f"{_printable(alert.severity)} {long}/{short}"


def _target_digits(target: float) -> int:
    exponent = Decimal(repr(target)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # a target is neither NaN nor infinite
    return max(1, -exponent - 2)


def _percent(ratio: float, digits: int) -> str:
    return f"{(Decimal(repr(ratio)) * 100).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_FLOOR)}%"


def _roughly(seconds: float) -> str:
    """A duration cut to hours, minutes or seconds: "2d3h", "5h20m", "40s"."""
    unit = 3600 if seconds >= 86_400 else 60 if seconds >= 3600 else 1
    return format_duration(seconds // unit * unit)


def _printable(text: str) -> str:
    """Text that cannot break the table, or a terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
