"""Commands under `flask slo`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup

from slo_core.budgets.marks import MARK_KINDS, MarkKind
from slo_core.cli.colours import paint_of
from slo_core.cli.gate_options import gate_options
from slo_core.cli.instant_option import instant_option
from slo_core.cli.rule_options import print_rules, rule_options
from slo_core.cli.since_option import since_option
from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.errors import SLOError, described
from slo_core.process.terminal import terminal_size
from slo_core.status.gate import gate_from
from slo_core.status.gate_report import OnUndecided, gate_report
from slo_core.status.incidents import incident_lines, registry_incidents, service_incidents_json
from slo_core.status.json_view import status_json
from slo_core.status.service_status import service_status_or_error, status_note
from slo_core.status.table import status_table
from slo_core.tracking.annotation import annotate_from_command
from slo_flask.installation import installation_of

__all__ = ["slo"]

slo = AppGroup("slo", help="Service level objectives and error budgets.")


class _Failure(click.ClickException):
    """1 means that too little budget is left: no error of these commands may end with it."""

    exit_code = 2


@slo.command("status")
@click.option("--json", "as_json", is_flag=True, help="JSON for programs, as /slo.json.")
@click.option(
    "--format", "format_", type=click.Choice(["table", "json"]), default="table", help='"json" is the same as --json.'
)
@click.option(
    "--why",
    metavar="[NAME]",
    is_flag=False,
    flag_value="",
    help="Below the table, what failed in the last hour: in each SLO that burns, or in the one of that name.",
)
def status(as_json: bool, format_: str, why: str | None) -> None:
    """Show each SLO: its state, error budget, burn rate and firing alerts."""
    installation = installation_of(current_app)
    registry = installation.registry
    as_json = as_json or format_ == "json"
    if as_json and why is not None:
        raise click.UsageError("--why is for people: for programs /slo.json?slo=NAME has the causes.")
    try:
        if as_json:
            text = json.dumps(status_json(registry), indent=2)
        else:
            size = terminal_size(sys.stdout)
            width = None if size is None else size.columns
            text = status_table(registry, width=width, paint=paint_of(sys.stdout), why=why)
    except SLOError as exc:
        raise click.ClickException(str(exc)) from exc
    click.echo(text, color=True)  # the colours are right: click would take those of FORCE_COLOR away
    if not installation.settings.enabled:
        click.echo("SLO_ENABLED is False: nothing is counted.", err=True)
    if note := status_note(registry):
        click.echo(note, err=True)


@slo.command("incidents")
@click.argument("name", required=False)
@since_option
@click.option("--json", "as_json", is_flag=True, help="JSON for programs: one entry for each rule that fired.")
def incidents(name: str | None, since: float, as_json: bool) -> None:
    """Show when alert rules fired, the newest first: of the SLO NAME, or of all."""
    now = time.time()
    with _failing_with_2():
        shown = registry_incidents(installation_of(current_app).registry, since=now - since, slo=name)
    if as_json:
        click.echo(json.dumps(service_incidents_json([shown]), indent=2))
    else:
        for line in incident_lines([shown], now=now):
            click.echo(line)
    if shown.error is not None:
        click.echo(shown.error, err=True)


@slo.command("annotate")
@click.argument("text")
@click.option("--kind", type=click.Choice(MARK_KINDS), default="note", show_default=True, help="What it is.")
@instant_option
def annotate(text: str, kind: MarkKind, at: float | None) -> None:
    """Mark a change of this application: a line on the charts of its SLOs."""
    with _failing_with_2():
        line = annotate_from_command(installation_of(current_app).registry, text, kind=kind, at=at)
    click.echo(line)


@slo.command("rules")
@rule_options
def rules(**options: Any) -> None:
    """Print Prometheus recording and alerting rules for the SLOs of this application."""
    definitions = DefinitionSet.of_registry(
        installation_of(current_app).registry, where=f"the application {current_app.name!r}"
    )
    with _failing_with_2():
        print_rules(definitions, warn=lambda text: click.echo(f"warning: {text}", err=True), **options)


@slo.command("gate")
@gate_options
def gate(
    min_budget: str,
    max_burns: Sequence[str],
    min_time: str | None,
    slos: Sequence[str],
    on_unknown: OnUndecided,
    on_young: OnUndecided,
    as_json: bool,
) -> None:
    """
    Ask whether enough error budget is left to release, and say why.

    Exit codes: 0 when enough is left, 1 when too little is, 2 when that is unknown. One line for each SLO. While less than a
    tenth of a window has been measured, the burn rates decide, see --on-young.
    """
    with _failing_with_2():
        service = service_status_or_error(installation_of(current_app).registry)
        conditions = gate_from(min_budget=min_budget, max_burns=max_burns, min_time=min_time, slos=slos)
        report = gate_report(conditions, [service], on_unknown=on_unknown, on_young=on_young)
    for line in [report.json_text()] if as_json else map(str, report.findings):
        click.echo(line)
    for note in report.notes:
        click.echo(note, err=True)
    click.get_current_context().exit(report.exit_code)


@contextmanager
def _failing_with_2() -> Iterator[None]:
    """Every error in one way, and none with a traceback, which would end with 1."""
    try:
        yield
    except Exception as exc:
        raise _Failure(described(exc)) from exc
