"""`flask slo`: the state of the SLOs in a terminal."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

from slo_core.registry import SLORegistry
from slo_core.status import status_document, status_note, status_table

__all__ = ["slo_commands"]


def slo_commands(registry: SLORegistry) -> AppGroup:
    """
    The command group of one application.

    Args:
        registry: Its SLOs.
    """
    group = AppGroup("slo", help="Service level objectives and error budgets.")

    @group.command("status")
    @click.option(
        "--format", "output_format", type=click.Choice(["table", "json"]), default="table", show_default=True
    )
    def status(output_format: str) -> None:
        """Show how much error budget is left."""
        if output_format == "json":
            click.echo(json.dumps(status_document(registry), indent=2))
            return
        click.echo(status_table(registry))
        note = status_note(registry)
        if note is not None:
            click.echo(note, err=True)

    return group
