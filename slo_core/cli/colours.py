"""Colours of states, headings and notes on a terminal; also for commands that have no rich."""

from __future__ import annotations

from typing import Any

import click

from slo_core.process.terminal import has_colours
from slo_core.status.columns import Paint

__all__ = ["paint_of"]

# Arguments of `click.style` by the word that `slo_core.status.columns.Paint` takes.
_STYLES: dict[str, dict[str, Any]] = {
    "met": {"fg": "green"},
    "paging": {"fg": "red", "bold": True},
    "ticketing": {"fg": "yellow", "bold": True},
    "waiting": {"fg": "yellow"},
    "exhausted": {"fg": "red", "bold": True},
    "breached": {"fg": "red", "bold": True},
    "warming up": {"fg": "cyan"},
    "no data": {"fg": "cyan"},
    "heading": {"bold": True},
    "note": {"dim": True},
    "error": {"fg": "red", "bold": True},
}


def paint_of(stream: Any) -> Paint:
    """Colours for the terminal behind a stream; none where it has none, or where NO_COLOR is set."""
    if not has_colours(stream):
        return lambda _style, text: text
    return lambda style, text: click.style(text, **_STYLES[style])
