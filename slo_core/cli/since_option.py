"""The option of commands that look back: how far."""

from __future__ import annotations

import click

from slo_core.objectives.duration import parse_duration
from slo_core.status.incidents import DEFAULT_SINCE

__all__ = ["since_option"]

since_option = click.option(
    "--since",
    metavar="DURATION",
    default=DEFAULT_SINCE,
    show_default=True,
    callback=lambda *arguments: _checked(arguments[-1]),
    help="How far back, such as 12h or 90d; incidents are kept for 25 months.",
)


def _checked(text: str) -> float:
    """
    A duration, in seconds.

    Raises:
        click.BadParameter: It is none.
    """
    try:
        seconds = parse_duration(text)
    except ValueError as exc:
        raise click.BadParameter(f"{exc}.") from exc
    if seconds <= 0:
        raise click.BadParameter(f"expected a duration above 0, got {text!r}.")
    return float(seconds)
