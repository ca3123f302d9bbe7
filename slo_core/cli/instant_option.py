"""The option `--at` of commands that mark a change."""

from __future__ import annotations

import click

from slo_core.simulation.instant import parse_instant

__all__ = ["instant_option"]


def _parsed(_: click.Context, __: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc


instant_option = click.option(
    "--at",
    metavar="TIME",
    callback=_parsed,
    help='When it changed: "2026-03-01T12:00Z", or seconds since the epoch.  [default: now]',
)
