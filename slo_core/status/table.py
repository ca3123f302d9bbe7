"""The state of every SLO of a service as a plain-text table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.snapshot import SLOSnapshot, pace_of
from slo_core.budgets.wording import (
    NOTHING,
    burn_text,
    measured_briefly,
    percent,
    printable,
    roughly,
    target_digits,
    window_text,
)
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.status.state import State, state_of, worst_first
from slo_core.tracking.registry import SLORegistry

__all__ = ["NUMBERS", "STATUS_HEADINGS", "status_row", "status_table"]


# The columns of a table, and those among them that hold numbers.
STATUS_HEADINGS = (
    "SLO", "TARGET", "WINDOW", "STATE", "EVENTS", "FAILURES", "SUCCESS", "BUDGET LEFT", "BURN RATE", "EXHAUSTED IN",
    "MEASURED", "ALERTS FIRING",
)  # fmt: skip
_STATE = STATUS_HEADINGS.index("STATE")
NUMBERS = frozenset(("TARGET", "EVENTS", "FAILURES", "SUCCESS", "BUDGET LEFT", "BURN RATE", "EXHAUSTED IN"))


def status_table(registry: SLORegistry, *, paint: Callable[[State, str], str] | None = None) -> str:
    """
    The state of every SLO as aligned columns, one line each and the worst first, for a terminal.

    Success and budget are rounded down, so that an SLO below its target never shows the target.

    Args:
        registry: The SLOs.
        paint: Colours the text of a state; None where there is no terminal.
    """
    read = registry.internals.read_all()
    snapshots = sorted(read, key=lambda slo: worst_first(slo[1]))
    unreadable = [printable(reason) for reason in read.unreadable]
    if not snapshots:
        return "\n".join(unreadable) or "No SLO is defined."
    rows = [status_row(*slo) for slo in snapshots]
    widths = [max(map(len, column)) for column in zip(STATUS_HEADINGS, *rows, strict=True)]
    lines = [_line(STATUS_HEADINGS, widths)]
    for row, (_, snapshot) in zip(rows, snapshots, strict=True):
        line = _line(row, widths)
        if paint is not None:
            # Columns are found by width: colour in an earlier one would shift this one.
            start = sum(widths[:_STATE]) + 2 * _STATE
            word = row[_STATE]
            line = line[:start] + paint(state_of(snapshot), word) + line[start + len(word) :]
        lines.append(line)
    return "\n".join([*lines, *unreadable])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if heading in NUMBERS else cell.ljust(width)
        for heading, cell, width in zip(STATUS_HEADINGS, cells, widths, strict=True)
    )
    return "  ".join(padded).rstrip()


def status_row(definition: SLODefinition, snapshot: SLOSnapshot) -> tuple[str, ...]:
    """The cells of an SLO in a table, below `STATUS_HEADINGS`; names are safe to print on a terminal."""
    pace, left = pace_of(snapshot), snapshot.time_to_exhaustion
    # One digit more than the target has, so that 99.89 % does not read as a target of 99.9 %.
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
