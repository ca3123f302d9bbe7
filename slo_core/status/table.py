"""The state of every SLO as a table of plain text, the same in every command."""

from __future__ import annotations

from collections.abc import Sequence

from slo_core.budgets.snapshot import SLOSnapshot, SLOSnapshots, pace_of
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
from slo_core.status.columns import Column, Paint, Row, aligned
from slo_core.status.failures import failures_in
from slo_core.status.state import budget_state, burning_now, most_urgent_first, waiting_alert
from slo_core.status.why import causes_in, latencies_in, why_lines
from slo_core.tracking.registry import SLORegistry

__all__ = ["status_lines", "status_table"]

# What matters on a narrow terminal is fitted in first; folded, the name of an SLO and a rule stay legible.
_IMPORTANT = ("BUDGET", "ALERTS", "EXHAUSTED IN")
_SERVICE = Column("SERVICE", narrowest=12, is_kept=True)
_COLUMNS = (
    Column("SLO", narrowest=20, is_kept=True),
    Column("NOW", is_kept=True),
    Column("BUDGET"),
    Column("BUDGET LEFT", is_number=True, is_kept=True),
    Column("ALERTS", narrowest=20),
    Column("EXHAUSTED IN", is_number=True),
    Column("BURN RATE", is_number=True),
    Column("TARGET", is_number=True),
    Column("WINDOW"),
    Column("EVENTS", is_number=True),
    Column("FAILURES", is_number=True),
    Column("SUCCESS", is_number=True),
    Column("MEASURED"),
)


def status_table(
    registry: SLORegistry, *, width: int | None = None, paint: Paint | None = None, why: str | None = None
) -> str:
    """
    The state of every SLO as aligned columns, the most urgent first, for a terminal.

    Success and budget are rounded down, so that an SLO below its target never shows the target.

    Args:
        registry: The SLOs.
        width: The width of the terminal; None where there is none: then each SLO has one line, however long.
        paint: Colours the text of a state, a heading or a note; None where there is no terminal.
        why: The SLO whose causes stand below the table, empty for each that burns; None without causes.
    """
    read = registry.internals.read_all()
    unreadable = [printable(reason) for reason in read.unreadable]
    if unreadable and not read:
        return "\n".join(unreadable)
    lines = status_lines([(registry.service, read)], width=width, paint=paint)
    lines += burn_changes(registry, read)
    if why is not None:
        lines += [
            "",
            *why_lines(
                [(registry.service, read)],
                causes_in(registry),
                slo=why,
                latencies=latencies_in(registry),
                failures=failures_in(registry),
            ),
        ]
    return "\n".join([*lines, *unreadable])


def status_lines(
    services: Sequence[tuple[str, SLOSnapshots]], *, width: int | None = None, paint: Paint | None = None
) -> list[str]:
    """
    The lines of the table that `slo status`, `manage.py slo_status`, `flask slo status` and the demo print.

    Args:
        services: The name of each service, and its snapshots; several have a column for it.
        width: As for `status_table`.
        paint: As for `status_table`.
    """
    entries = [(service, *slo) for service, snapshots in services for slo in snapshots]
    entries.sort(key=lambda entry: most_urgent_first(entry[2]))
    if not entries:
        return ["No SLO is defined."]
    with_service = len(services) > 1
    columns = (_SERVICE, *_COLUMNS) if with_service else _COLUMNS
    rows = []
    for service, definition, snapshot in entries:
        cells = _cells(definition, snapshot)
        rows.append(Row((printable(service), *cells) if with_service else cells, _styles(snapshot)))
    return aligned(columns, rows, first=_IMPORTANT, width=width, paint=paint)


def _styles(snapshot: SLOSnapshot) -> dict[str, str]:
    """The style of each coloured cell, by its heading."""
    burning = burning_now(snapshot)
    styles: dict[str, str] = {"BUDGET": budget_state(snapshot)}
    return styles if burning is None else {**styles, "NOW": burning, "ALERTS": burning}


def _cells(definition: SLODefinition, snapshot: SLOSnapshot) -> tuple[str, ...]:
    """The cells of an SLO, in the order of the columns; names are safe to print on a terminal."""
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
        _alerts(snapshot),
        time_left_text(snapshot),
        burn if pace.sample_count else NOTHING,
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
