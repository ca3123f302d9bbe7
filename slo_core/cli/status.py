"""`slo status`: a table or JSON of SLOs, once or repeatedly."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import click

from slo_core.budgets.wording import printable
from slo_core.cli.colours import paint_of
from slo_core.cli.screen import Picture, Screen
from slo_core.cli.status_options import opened_source, status_options
from slo_core.cli.terminal import print_error, print_note, silence_logging
from slo_core.errors import StoreError
from slo_core.process.terminal import can_be_repainted, terminal_size
from slo_core.status.columns import Paint, folded
from slo_core.status.json_view import services_json
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.open import StatusSource
from slo_core.status.table import status_lines
from slo_core.status.why import why_lines

__all__ = ["status"]

_WATCH = "--watch"
_WHY = "--why"
_WATCH_SECONDS = 2.0
_FEWEST_SECONDS, _MOST_SECONDS = 0.1, 86_400

# By service: what was read last, and when.
_Last = dict[str, tuple[ServiceStatus, str]]


class _StatusCommand(click.Command):
    """Lets `--watch` and `--why` stand without a value: click would read the URL after them as their value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        whole = [_whole(argument, following) for argument, following in pairwise([*args, ""])]
        return super().parse_args(ctx, whole)


def _whole(argument: str, following: str) -> str:
    """An option that stands without a value, with the value that is meant."""
    if argument == _WATCH and not _is_number(following):
        return f"{_WATCH}={_WATCH_SECONDS}"
    if argument == _WHY and (not following or following.startswith("-") or "://" in following):
        return f"{_WHY}="
    return argument


@click.command("status", cls=_StatusCommand)
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
@click.option(
    _WHY,
    metavar="[NAME]",
    help="Below the table, what failed in the last hour: in each SLO that burns, or in the one of that name.",
)
def status(
    address: str,
    token_file: Path | None,
    service: str | None,
    watch: float | None,
    as_json: bool,
    why: str | None,
) -> int:
    """
    Show the state of SLOs, the most urgent first: what pages, what asks for a ticket, then the worst budgets.

    URL is the /slo.json or /metrics of a running service, the /metrics of an exporter, or a shared store
    (sqlite:///slo.db, redis://host/0, django://default), which is only read.
    """
    if as_json and why is not None:
        raise click.UsageError("--why is for people: for programs /slo.json?slo=NAME has the causes.")
    silence_logging()
    with closing(opened_source(address, token_file, service)) as source:
        if watch is not None:
            return _watch(source, watch, as_json=as_json, why=why)
        services = source.read()
        below = _why(source, services, why)
    _print_notes(services)
    if as_json:
        _print_json(services, indent=2)
    elif any(map(_is_read, services)):
        _print_table(services, below)
    return _print_errors(services)


def _checked(seconds: float | None) -> float | None:
    # Not click's own range, which accepts "nan".
    if seconds is not None and not _FEWEST_SECONDS <= seconds <= _MOST_SECONDS:
        raise click.BadParameter(f"expected seconds from {_FEWEST_SECONDS:g} to {_MOST_SECONDS:,}, got {seconds:g}.")
    return seconds


def _print_notes(services: Sequence[ServiceStatus]) -> None:
    for note in (note for service_status in services for note in service_status.notes):
        print_note(note)


def _print_errors(services: Sequence[ServiceStatus]) -> int:
    errors = [error for error in (status.error_with_service for status in services) if error is not None]
    for error in errors:
        print_error(error)
    return 2 if errors else 0


def _why(source: StatusSource, services: Sequence[ServiceStatus], slo: str | None) -> list[str]:
    """The lines below the table; none unless they are asked for."""
    if slo is None:
        return []
    shown = [(status.service, status.snapshots) for status in services]
    lines = why_lines(shown, source.causes, slo=slo, latencies=source.latencies, failures=source.recent_failures)
    return ["", *lines]


def _watch(source: StatusSource, seconds: float, *, as_json: bool, why: str | None) -> int:
    """Print repeatedly until Ctrl-C. A store that cannot be read may come back."""
    last: _Last = {}
    try:
        if not as_json and can_be_repainted(sys.stdout):
            _repaint(source, seconds, why)
        while True:
            try:
                services = source.read()
                below = _why(source, services, why)
            except StoreError as exc:
                print_error(str(exc))
            else:
                if as_json:
                    _print_json(services, indent=None)
                else:
                    _print_notes(services)
                    if any(map(_is_read, services)):
                        _print_table(services, below)
                    click.echo(time.strftime("%H:%M:%S"))
                    _print_errors(_with_last(services, last))  # their last table stands further up
            time.sleep(seconds)
    except KeyboardInterrupt:
        return 0


def _repaint(source: StatusSource, seconds: float, why: str | None) -> None:
    """The table on the whole screen; while the store is away the last one stays, and says so."""
    services: list[ServiceStatus] = []
    below: list[str] = []
    last: _Last = {}
    read_at, paint = "not read yet", paint_of(sys.stdout)
    with Screen() as screen:
        while True:
            problem = ""
            try:
                read = source.read()
                services = _with_last(read, last)
                if any(map(_is_read, read)):
                    read_at = time.strftime("read at %H:%M:%S")
                    below = _why(source, read, why)
            except StoreError as exc:
                problem = str(exc)
            words = f"{read_at}, every {seconds:g} s until Ctrl-C"
            screen.paint(_picture(services, below, problem, words, paint))
            screen.wait(seconds)


def _is_read(status: ServiceStatus) -> bool:
    """Whether there is something to show of a service: "no SLO" as well, but not why its store could not be read."""
    return bool(status.snapshots) or not status.error


def _with_last(services: Sequence[ServiceStatus], last: _Last) -> list[ServiceStatus]:
    """The services as they were read; one that could not be has the numbers of its last reading, and says from when."""
    shown = []
    for status in services:
        if _is_read(status):
            last[status.service] = status, time.strftime("%H:%M:%S")
        if _is_read(status) or status.service not in last:
            shown.append(status)
            continue
        before, read_at = last[status.service]
        error = f"{status.error}; its last numbers are from {read_at}"
        shown.append(replace(before, is_up=False, error=error))
    return shown


def _picture(services: Sequence[ServiceStatus], why: Sequence[str], problem: str, words: str, paint: Paint) -> Picture:
    texts = [("note", note) for status in services for note in status.notes]
    texts += [("error", error) for status in services if (error := status.error_with_service) is not None]
    texts += [("error", problem)] if problem else []

    def picture(width: int) -> tuple[list[str], list[str]]:
        lines = _table(services, width, paint) if any(map(_is_read, services)) else []
        lines += [part for line in why for part in folded(line, width) or [""]]
        below = [paint(style, line) for style, text in texts for line in folded(printable(text), width)]
        return lines, [*below, paint("note", words[:width])]

    return picture


def _table(services: Sequence[ServiceStatus], width: int | None, paint: Paint) -> list[str]:
    lines = status_lines([(status.service, status.snapshots) for status in services], width=width, paint=paint)
    for change in (printable(change) for status in services for change in status.changes):
        lines += [change] if width is None else folded(change, width)
    return lines


def _print_table(services: Sequence[ServiceStatus], below: Sequence[str]) -> None:
    size = terminal_size(sys.stdout)
    for line in (*_table(services, None if size is None else size.columns, paint_of(sys.stdout)), *below):
        click.echo(line, color=True)  # the colours are right: click would take those of FORCE_COLOR away
    sys.stdout.flush()


def _print_json(services: Sequence[ServiceStatus], *, indent: int | None) -> None:
    click.echo(json.dumps(services_json(services), indent=indent, allow_nan=False))
    sys.stdout.flush()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
