"""The table of `slo status` on a terminal."""

from __future__ import annotations

import io
import re
import time

from rich.console import Console

from slo_core import SLORegistry
from slo_core.cli.status_table import rich_status_table
from slo_core.status.service_status import ServiceStatus, service_status_or_error


def shown(services: list[ServiceStatus], **options: object) -> list[str]:
    """The table as a terminal of that width shows it."""
    console = Console(file=io.StringIO(), force_terminal=True, **options)  # type: ignore[arg-type]
    console.print(rich_status_table(services, console))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def breached(name: str) -> SLORegistry:
    """An SLO that has been measured for days before it failed."""
    registry = SLORegistry.from_config({name: {"target": 0.9}})
    registry[name].record(True, at=time.time() - 4 * 86_400)
    for _ in range(2):
        registry[name].record(False)
    return registry


def test_a_narrow_terminal_is_told_what_is_left_out() -> None:
    """Name, state and budget stay; no cell is cut."""
    registry = breached("availability")
    services = [service_status_or_error(registry)]

    wide, narrow = shown(services, width=200, no_color=True), shown(services, width=60, no_color=True)

    assert "not shown" not in "".join(wide)
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in narrow)
    text = re.sub(" +", " ", text)
    assert "availability" in text
    assert "breached" in text
    assert (
        "not shown, the terminal is too narrow: alerts, burn rate, success, target, failures, events, window," in text
    )
    assert "…" not in text


def test_colour_says_what_the_words_say() -> None:
    """And a name that looks like colour is a name."""
    registry = breached("[red]a")
    services = [service_status_or_error(registry)]

    text = "\n".join(shown(services, width=200, color_system="standard", _environ={}))

    assert "\x1b[1;31mbreached" in text
    assert "[red]a" in text
    assert "\x1b[1;31m" not in "\n".join(shown(services, width=200, _environ={"NO_COLOR": "1"}))


def test_no_slo_is_told_in_words() -> None:
    """Not by an empty table."""
    assert shown([service_status_or_error(SLORegistry())], width=80, no_color=True) == ["No SLO is defined."]
