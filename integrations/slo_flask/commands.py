"""Commands under `flask slo`."""

from __future__ import annotations

import json

import click
from flask import current_app
from flask.cli import AppGroup

from slo_core.errors import SLOError
from slo_core.status import State, status_document, status_note, status_table
from slo_flask.installation import installation_of

__all__ = ["slo"]

_COLOURS = {"met": "green", "burning": "yellow", "exhausted": "red", "breached": "red", "no data": "cyan"}

slo = AppGroup("slo", help="Service level objectives and error budgets.")


@slo.command("status")
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(format_: str) -> None:
    """Show each SLO: its state, error budget, burn rate and firing alerts."""
    installation = installation_of(current_app)
    registry = installation.registry
    try:
        text = (
            json.dumps(status_document(registry), indent=2)
            if format_ == "json"
            else status_table(registry, paint=_paint)
        )
    except SLOError as exc:
        raise click.ClickException(str(exc)) from exc
    click.echo(text)
    if not installation.settings.enabled:
        click.echo("SLO_ENABLED is False: nothing is counted.", err=True)
    if note := status_note(registry):
        click.echo(note, err=True)


def _paint(state: State, text: str) -> str:
    # click takes the colour out again where there is no terminal.
    return click.style(text, fg=_COLOURS[state], bold=state != "met")
