"""Options of commands that ask whether enough error budget is left, for `slo gate` and `flask slo gate`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from slo_core.status.gate_report import ON_UNDECIDED

__all__ = ["gate_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def gate_options(command: Command) -> Command:
    """Add what `slo_core.status.gate.gate_from` takes, `on_unknown` and `on_young` for a report, and `as_json`."""
    options: Iterable[Callable[[Command], Command]] = (
        click.option(
            "--min-budget",
            metavar="SHARE",
            default="0%",
            help="How much of the error budget must be left, such as 10%.  [default: anything]",
        ),
        click.option(
            "--max-burn",
            "max_burns",
            metavar="RATE/WINDOW",
            multiple=True,
            help="How fast it may burn, such as 6/1h, in one of the SLO's windows. May be repeated.",
        ),
        click.option(
            "--min-time",
            metavar="DURATION",
            help="How long the budget must last at the current pace, such as 2d.  [default: not asked]",
        ),
        click.option(
            "--slo", "slos", metavar="NAME", multiple=True, help="Ask this SLO. May be repeated.  [default: all]"
        ),
        click.option(
            "--on-unknown",
            type=click.Choice(ON_UNDECIDED),
            default="fail",
            show_default=True,
            help="Whether an unknown result passes (0) or fails (2): no answer, no events, no such SLO.",
        ),
        click.option(
            "--on-young",
            type=click.Choice(ON_UNDECIDED),
            default="pass",
            show_default=True,
            help="Whether an SLO passes (0) or fails (2) that is measured too shortly to judge its budget, and burns nothing.",
        ),
        click.option("--json", "as_json", is_flag=True, help="JSON for programs."),
    )
    for option in reversed(tuple(options)):
        command = option(command)
    return command
