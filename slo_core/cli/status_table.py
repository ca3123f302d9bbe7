"""The table of `slo status`, in colour and fitted to the width of the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from slo_core.budgets.wording import printable
from slo_core.cli.terminal import STATE_STYLES
from slo_core.status.service_status import ServiceStatus
from slo_core.status.state import state_of, worst_first
from slo_core.status.table import NUMBERS, STATUS_HEADINGS, status_row

__all__ = ["rich_status_table"]

_SERVICE = "SERVICE"
_STATE = "STATE"

# On a narrow terminal columns are left out in this order: the most urgent ones stay.
_LEAVE_OUT = (
    "MEASURED",
    "EXHAUSTED IN",
    "WINDOW",
    "EVENTS",
    "FAILURES",
    "SUCCESS",
    "TARGET",
    "BURN RATE",
    "ALERTS FIRING",
)

# Wider than any table.
_WIDE = 10_000


def rich_status_table(services: Sequence[ServiceStatus], console: Console) -> Table | Text:
    """
    The SLOs of services, the worst first.

    Args:
        services: The status of each service.
        console: The terminal; columns that do not fit are left out, and named below the table.
    """
    entries = [(service, *slo) for service in services for slo in service.snapshots]
    entries.sort(key=lambda entry: worst_first(entry[2]))
    if not entries:
        return Text("No SLO is defined.")
    headings: tuple[str, ...] = STATUS_HEADINGS
    rows = [status_row(definition, snapshot) for _, definition, snapshot in entries]
    if len(services) > 1:
        headings = (_SERVICE, *headings)
        rows = [(printable(service.service), *row) for (service, _, _), row in zip(entries, rows, strict=True)]
    states = [STATE_STYLES[state_of(snapshot)] for _, _, snapshot in entries]
    left_out: list[str] = []
    table = _table(headings, rows, states, left_out, console)
    unlimited = console.options.update_width(_WIDE)
    for heading in _LEAVE_OUT:
        if Measurement.get(console, unlimited, table).maximum <= console.width:
            break
        left_out.append(heading)
        table = _table(headings, rows, states, left_out, console)
    return table


def _table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    states: Sequence[str],
    left_out: Sequence[str],
    console: Console,
) -> Table:
    named = ", ".join(left_out).lower()
    table = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        padding=(0, 1 if console.is_terminal else 2, 0, 0),
        pad_edge=False,
        caption=f"not shown, the terminal is too narrow: {named}" if left_out else None,
        caption_justify="left",
    )
    for heading in headings:
        if heading not in left_out:
            table.add_column(heading, justify="right" if heading in NUMBERS else "left", no_wrap=True)
    for row, state in zip(rows, states, strict=True):
        cells = zip(headings, row, strict=True)
        shown = ((heading, cell) for heading, cell in cells if heading not in left_out)
        table.add_row(*(Text(cell, style=state if heading == _STATE else "") for heading, cell in shown))
    return table
