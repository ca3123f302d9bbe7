"""`slo status`: a table or JSON of SLOs, once or repeatedly."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from slo_core.budgets.wording import printable
from slo_core.cli.status_options import opened_source, status_options
from slo_core.cli.status_table import rich_status_table
from slo_core.cli.terminal import console, print_error, print_note, print_result, silence_logging
from slo_core.errors import StoreError
from slo_core.status.json_view import services_json
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.open import StatusSource

__all__ = ["status"]

_WATCH = "--watch"
_WATCH_SECONDS = 2.0
_FEWEST_SECONDS, _MOST_SECONDS = 0.1, 86_400


class _WatchingCommand(click.Command):
    """Lets `--watch` stand without a number: click would read the URL after it as the number."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        whole = [
            f"{_WATCH}={_WATCH_SECONDS}" if argument == _WATCH and not _is_number(following) else argument
            for argument, following in pairwise([*args, ""])
        ]
        return super().parse_args(ctx, whole)


@click.command("status", cls=_WatchingCommand)
@status_options
@click.option(
    _WATCH,
    metavar="[SECONDS]",
    type=float,
    callback=lambda *arguments: _checked(arguments[-1]),
    help=f"Read again every SECONDS ({_WATCH_SECONDS:g} unless given), until it is interrupted.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="JSON for programs, as /slo.json; with --watch one object a line."
)
def status(address: str, token_file: Path | None, service: str | None, watch: float | None, as_json: bool) -> int:
    """
    Show the state of SLOs, the most urgent first: what pages, what asks for a ticket, then the worst budgets.

    URL is the /slo.json or /metrics of a running service, the /metrics of an exporter, or a shared store
    (sqlite:///slo.db, redis://host/0, django://default), which is only read.
    """
    silence_logging()
    with closing(opened_source(address, token_file, service)) as source:
        if watch is not None:
            return _watch(source, watch, as_json=as_json)
        services = source.read()
    for note in (note for service_status in services for note in service_status.notes):
        print_note(note)
    if as_json:
        _print_json(services, indent=2)
    elif any(service_status.snapshots or not service_status.error for service_status in services):
        print_result(rich_status_table(services, console()))
        for change in (change for service_status in services for change in service_status.changes):
            print_result(Text(printable(change)))
    return _print_errors(services)


def _checked(seconds: float | None) -> float | None:
    # Not click's own range, which accepts "nan".
    if seconds is not None and not _FEWEST_SECONDS <= seconds <= _MOST_SECONDS:
        raise click.BadParameter(f"expected seconds from {_FEWEST_SECONDS:g} to {_MOST_SECONDS:,}, got {seconds:g}.")
    return seconds


def _print_errors(services: Sequence[ServiceStatus]) -> int:
    errors = [error for error in (status.error_with_service for status in services) if error is not None]
    for error in errors:
        print_error(error)
    return 2 if errors else 0


def _watch(source: StatusSource, seconds: float, *, as_json: bool) -> int:
    """Print repeatedly until Ctrl-C. A store that cannot be read may come back."""
    try:
        if as_json:
            while True:
                try:
                    _print_json(source.read(), indent=None)
                except StoreError as exc:
                    print_error(str(exc))
                time.sleep(seconds)
        screen = console()
        with Live(console=screen, auto_refresh=False, transient=False) as live:
            while True:
                shown = _picture(source, live)
                if screen.is_terminal:
                    live.update(shown, refresh=True)
                else:
                    print_result(shown)
                time.sleep(seconds)
    except KeyboardInterrupt:
        return 0


def _picture(source: StatusSource, live: Live) -> Group:
    at = Text(time.strftime("%H:%M:%S"), style="dim")
    try:
        services = source.read()
    except StoreError as exc:
        return Group(Text(printable(str(exc)), style="bold red"), at)
    notes = [Text(printable(note), style="dim") for status in services for note in status.notes]
    errors = [status.error_with_service for status in services if status.error_with_service]
    notes += [Text(printable(error), style="bold red") for error in errors]
    changes = [Text(printable(change)) for status in services for change in status.changes]
    return Group(rich_status_table(services, live.console), *changes, *notes, at)


def _print_json(services: Sequence[ServiceStatus], *, indent: int | None) -> None:
    click.echo(json.dumps(services_json(services), indent=indent, allow_nan=False))
    sys.stdout.flush()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
