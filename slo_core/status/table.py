"""The state of every SLO of a service as a plain-text table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from slo_core.budgets.snapshot import SLOSnapshot, pace_of
from slo_core.budgets.wording import (
    NOTHING,
    burn_text,
    measured_briefly,
    percent,
    printable,
    rule_text,
    target_digits,
    time_left_text,
    waiting_text,
    window_text,
    windows_text,
)
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.status.changes import burn_changes
from slo_core.status.state import BudgetState, Burning, budget_state, burning_now, most_urgent_first, waiting_alert
from slo_core.tracking.registry import SLORegistry

__all__ = ["NUMBERS", "STATUS_HEADINGS", "status_row", "status_table"]


# The columns of a table, and those among them that hold numbers.
STATUS_HEADINGS = (
    "SLO", "NOW", "BUDGET", "BUDGET LEFT", "EXHAUSTED IN", "BURN RATE", "ALERTS", "TARGET", "WINDOW", "EVENTS", "FAILURES",
    "SUCCESS", "MEASURED",
)  # fmt: skip
_NOW, _BUDGET = STATUS_HEADINGS.index("NOW"), STATUS_HEADINGS.index("BUDGET")
NUMBERS = frozenset(("TARGET", "EVENTS", "FAILURES", "SUCCESS", "BUDGET LEFT", "BURN RATE", "EXHAUSTED IN"))


def status_table(registry: SLORegistry, *, paint: Callable[[Burning | BudgetState, str], str] | None = None) -> str:
    """
    The state of every SLO as aligned columns, one line each and the most urgent first, for a terminal.

    Success and budget are rounded down, so that an SLO below its target never shows the target.

    Args:
        registry: The SLOs.
        paint: Colours the text of a state; None where there is no terminal.
    """
    read = registry.internals.read_all()
    snapshots = sorted(read, key=lambda slo: most_urgent_first(slo[1]))
    unreadable = [printable(reason) for reason in read.unreadable]
    if not snapshots:
        return "\n".join(unreadable) or "No SLO is defined."
    rows = [status_row(*slo) for slo in snapshots]
    widths = [max(map(len, column)) for column in zip(STATUS_HEADINGS, *rows, strict=True)]
    lines = [_line(STATUS_HEADINGS, widths)]
    for row, (_, snapshot) in zip(rows, snapshots, strict=True):
        line = _line(row, widths)
        if paint is not None:
            # Columns are found by width, the last one first: colour in an earlier one would shift the others.
            line = _painted(line, widths, _BUDGET, budget_state(snapshot), paint)
            burning = burning_now(snapshot)
            line = line if burning is None else _painted(line, widths, _NOW, burning, paint)
        lines.append(line)
    return "\n".join([*lines, *burn_changes(registry, read), *unreadable])


def _painted(
    line: str,
    widths: Sequence[int],
    column: int,
    word: Burning | BudgetState,
    paint: Callable[[Burning | BudgetState, str], str],
) -> str:
    start = sum(widths[:column]) + 2 * column
    return line[:start] + paint(word, word) + line[start + len(word) :]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if heading in NUMBERS else cell.ljust(width)
        for heading, cell, width in zip(STATUS_HEADINGS, cells, widths, strict=True)
    )
    return "  ".join(padded).rstrip()


def status_row(definition: SLODefinition, snapshot: SLOSnapshot) -> tuple[str, ...]:
    """The cells of an SLO in a table, below `STATUS_HEADINGS`; names are safe to print on a terminal."""
    pace = pace_of(snapshot)
    # One digit more than the target has, so that 99.89 % does not read as a target of 99.9 %.
    target = percent(snapshot.target, target_digits(snapshot.target))
    success = percent(snapshot.success_ratio, target_digits(snapshot.target) + 1)
    budget = percent(snapshot.error_budget_remaining, 1)
    burn = f"{burn_text(pace.burn_rate)}/{format_duration(pace.window_seconds)}"
    return (
        printable(snapshot.name),
        burning_now(snapshot) or NOTHING,
        budget_state(snapshot),
        budget if snapshot.has_data else NOTHING,
        time_left_text(snapshot),
        burn if pace.sample_count else NOTHING,
        _alerts(snapshot),
        target,
        window_text(definition),
        str(snapshot.total),
        str(snapshot.failures),
        success if snapshot.has_data else NOTHING,
        measured_briefly(definition, snapshot),
    )


def _alerts(snapshot: SLOSnapshot) -> str:
    """The rules that fire, by severity; where none does, what the first one waits for that would fire otherwise."""
    firing: dict[str, list[str]] = {}
    for alert in snapshot.alerts:
        if alert.is_firing:
            firing.setdefault(printable(alert.severity), []).append(windows_text(alert))
    if firing:
        return ", ".join(" ".join((severity, *windows)) for severity, windows in firing.items())
    waiting = waiting_alert(snapshot)
    return NOTHING if waiting is None else f"{rule_text(waiting)} waiting: {waiting_text(waiting)}"
