"""The table of `slo status`, in colour and fitted to the width of the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.budgets.wording import printable
from slo_core.cli.terminal import STATE_STYLES
from slo_core.status.service_status import ServiceStatus
from slo_core.status.state import budget_state, burning_now, most_urgent_first
from slo_core.status.table import NUMBERS, STATUS_HEADINGS, status_row

__all__ = ["rich_status_table"]

_SERVICE = "SERVICE"

# On a narrow terminal these columns are tried in this order, and the others stay.
_WHERE_THEY_FIT = (
    "EXHAUSTED IN",
    "ALERTS",
    "BURN RATE",
    "SUCCESS",
    "TARGET",
    "FAILURES",
    "EVENTS",
    "WINDOW",
    "MEASURED",
)

# Wider than any table.
_WIDE = 10_000


def rich_status_table(services: Sequence[ServiceStatus], console: Console) -> Table | Text:
    """
    The SLOs of services, the most urgent first.

    Args:
        services: The status of each service.
        console: The terminal; columns that do not fit are left out, and named below the table.
    """
    entries = [(service, *slo) for service in services for slo in service.snapshots]
    entries.sort(key=lambda entry: most_urgent_first(entry[2]))
    if not entries:
        return Text("No SLO is defined.")
    headings: tuple[str, ...] = STATUS_HEADINGS
    rows = [status_row(definition, snapshot) for _, definition, snapshot in entries]
    if len(services) > 1:
        headings = (_SERVICE, *headings)
        rows = [(printable(service.service), *row) for (service, _, _), row in zip(entries, rows, strict=True)]
    styles = [_styles(snapshot) for _, _, snapshot in entries]
    unlimited = console.options.update_width(_WIDE)
    left_out = list(_WHERE_THEY_FIT)
    for heading in _WHERE_THEY_FIT:
        fewer = [name for name in left_out if name != heading]
        # Without the caption, which says what is missing and may take several lines.
        table = _table(headings, rows, styles, fewer, console)
        table.caption = None
        if Measurement.get(console, unlimited, table).maximum <= console.width:
            left_out = fewer
    return _table(headings, rows, styles, left_out, console)


def _styles(snapshot: SLOSnapshot) -> dict[str, str]:
    """The style of each coloured cell, by its heading."""
    burning = burning_now(snapshot)
    return {
        "NOW": "" if burning is None else STATE_STYLES[burning],
        "BUDGET": STATE_STYLES[budget_state(snapshot)],
        "ALERTS": "" if burning is None else STATE_STYLES[burning],
    }


def _table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    styles: Sequence[Mapping[str, str]],
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
    for row, style in zip(rows, styles, strict=True):
        cells = zip(headings, row, strict=True)
        shown = ((heading, cell) for heading, cell in cells if heading not in left_out)
        table.add_row(*(Text(cell, style=style.get(heading, "")) for heading, cell in shown))
    return table
