"""`slo simulate`: plays an incident and shows the alerts and error budgets."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from slo_core.budgets.wording import promise_text
from slo_core.cli.simulation_report import simulation_report
from slo_core.cli.source_options import chosen_definitions
from slo_core.cli.terminal import console, print_note, print_result
from slo_core.config.definitions import parse_definitions
from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.errors import ConfigError, nearest
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import parse_duration
from slo_core.rules.severities import Severities
from slo_core.simulation.incident import Incident
from slo_core.simulation.instant import parse_instant
from slo_core.simulation.minute_counts import read_minute_counts
from slo_core.simulation.outcome import Outcome, outcome_json
from slo_core.simulation.run import DEFAULT_START_TEXT
from slo_core.simulation.run import simulate as play
from slo_core.simulation.traffic import parse_rate, parse_share

__all__ = ["simulate"]

_DEFAULT_RATE = Fraction(10)


def _parsed_by(
    parse: Callable[[str], object],
) -> Callable[[click.Context, click.Parameter, str | None], object]:
    """A callback that parses an option, and shows the parser's message for a wrong one."""

    def parse_option(ctx: click.Context, param: click.Parameter, value: str | None) -> object:
        try:
            return None if value is None else parse(value)
        except ValueError as exc:
            raise click.BadParameter(str(exc), ctx=ctx, param=param) from exc

    return parse_option


def _seconds(text: str) -> int:
    seconds = parse_duration(text)
    if seconds != int(seconds):
        raise ValueError(f"expected whole seconds, got {text!r}")
    return int(seconds)


def _seconds_or_none(text: str) -> int:
    return 0 if text.strip() in ("0", "0s") else _seconds(text)


def _whole_second(text: str) -> int:
    return math.floor(parse_instant(text))


_share, _rate, _instant = _parsed_by(parse_share), _parsed_by(parse_rate), _parsed_by(_whole_second)
_duration, _duration_or_0 = _parsed_by(_seconds), _parsed_by(_seconds_or_none)


@click.command("simulate")
@click.argument("source", required=False)
@click.option("--django-settings", metavar="MODULE", help="Read SLO_DEFINITIONS from a Django project's settings.")
@click.option("--slo", "names", metavar="NAME", multiple=True, help="This SLO of SOURCE only; may be repeated.")
@click.option("--target", metavar="SHARE", help="An SLO without SOURCE: its target, such as 99.9%.")
@click.option("--window", metavar="DURATION", help="Its window, with --target: 30d, 28d, month, ...  [default: 30d]")
@click.option("--errors", callback=_share, metavar="SHARE", help="Share of events that fail in the incident: 15%.")
@click.option("--for", "seconds", callback=_duration, metavar="DURATION", help="How long the incident lasts: 10m.")
@click.option("--rate", callback=_rate, metavar="RATE", help="Events, in all: 50/s, 0.2/s, 600/h.  [default: 10/s]")
@click.option("--csv", "file", metavar="FILE", help="Counts by the minute, in place of --errors and --for.")
@click.option(
    "--at",
    "start",
    callback=_instant,
    metavar="TIME",
    help="When the incident begins, for calendar windows: 2026-03-01T12:00Z.  [default: the first time of the CSV file, "
    f"or {DEFAULT_START_TEXT}]",
)
@click.option("--background", callback=_share, default="0%", metavar="SHARE", help="Share that fails before and after.")
@click.option(
    "--before",
    callback=_duration_or_0,
    metavar="DURATION",
    help="How long there was traffic before; 0 for none.  [default: all of the window]",
)
@click.option(
    "--after",
    callback=_duration_or_0,
    metavar="DURATION",
    help="How long to look on after it.  [default: the longest alert window]",
)
@click.option(
    "--min-failures", type=click.IntRange(1), metavar="N", help="Bad events that an alert needs, for every rule."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def simulate(
    source: str | None,
    django_settings: str | None,
    names: tuple[str, ...],
    target: str | None,
    window: str | None,
    min_failures: int | None,
    start: int | None,
    as_json: bool,
    **incident_options: Any,
) -> None:
    """
    Play an incident: when each alert of the SLOs in SOURCE fires and clears, and how much error budget goes.

    \b
        slo simulate slo.yaml --errors 15% --for 10m --rate 50/s
        slo simulate --target 99.9% --errors 15% --for 10m
        slo simulate slo.yaml --csv counts.csv

    It runs the code that decides in a service, on a clock that runs ahead; traffic is even, and the same every time.
    Times count from the start of the incident.

    A CSV file has a header with minute (a number) or time (ISO 8601, in UTC unless it has an offset, or seconds since the
    epoch), and two of total, good and bad; its lines are in order of time. Before and after it traffic is its average,
    unless --rate is given.

    SOURCE is a .yaml, .toml or .json file with `service:` and `slos:`, or module:attribute.
    """  # noqa: D301  # a raw text would show the mark that keeps click from wrapping the examples
    slos = _slos(source, django_settings, names, target, window)
    definitions = slos.definitions
    if min_failures is not None:
        definitions = tuple(_with_min_failures(definition, min_failures) for definition in definitions)
    incident = _incident(**incident_options)
    outcomes = play(definitions, incident, start=start, severities=Severities((slos.alerts,), slos.severities))
    for definition, outcome in zip(slos.definitions, outcomes, strict=True):
        if not outcome.is_switched_off:
            _note_concerns(definition)
    if as_json:
        click.echo(json.dumps({"slos": [outcome_json(outcome) for outcome in outcomes]}, indent=2))
        return
    for outcome in outcomes:
        for part in simulation_report(outcome, console()):
            print_result(part)
        _note_resolution(outcome)
    if start is None and incident.begins_at is None and any(definition.period for definition in definitions):
        print_note(
            f"a calendar window depends on the day: the incident is assumed to begin on {DEFAULT_START_TEXT}; --at sets it"
        )


def _note_concerns(definition: SLODefinition) -> None:
    verb = "left out the default " if definition.alert_rules is None else ""
    for concern in definition.alert_concerns:
        print_note(f"{definition.name}: {verb}{concern}")


def _note_resolution(outcome: Outcome) -> None:
    if outcome.resolution_seconds > 1:
        print_note(
            f"{outcome.definition.name}: a burn rate stays within an event of a factor for long; "
            f"times are exact to {outcome.resolution_seconds} s"
        )


def _slos(
    source: str | None, django_settings: str | None, names: Sequence[str], target: str | None, window: str | None
) -> DefinitionSet:
    if target is not None:
        if source is not None or django_settings is not None or names:
            raise click.UsageError("Expected either SOURCE or --target, got both.")
        return DefinitionSet(where="--target", definitions=(_typed_definition(target, window),))
    if window is not None:
        raise click.UsageError("--window belongs to --target; SOURCE has windows of its own.")
    if source is None and django_settings is None:
        raise click.UsageError(
            "Expected SOURCE (a .yaml, .toml or .json file, or module:attribute), --django-settings or --target."
        )
    slos = chosen_definitions(source, django_settings, None)
    by_name = {definition.name: definition for definition in slos.definitions}
    for name in names:
        if name not in by_name:
            raise click.BadParameter(f"there is no SLO {name!r}; {nearest(name, by_name)}", param_hint="--slo")
    if not names:
        return slos
    return replace(slos, definitions=tuple(definition for name, definition in by_name.items() if name in names))


def _typed_definition(target: str, window: str | None) -> SLODefinition:
    options: dict[str, object] = {"target": _number_or_text(target), "kind": "custom"}
    if window is not None:
        options["window"] = window
    try:
        (definition,) = parse_definitions({"slo": options})
    except ConfigError as exc:
        problem = exc.problems[0]
        name = problem.path.rpartition(".")[2]
        raise click.BadParameter(
            f"{problem.message}{'; ' if problem.hint else ''}{problem.hint}",
            param_hint=f"--{name}" if name in ("target", "window") else "--window",
        ) from exc
    return replace(definition, name=promise_text(definition))


def _number_or_text(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


def _with_min_failures(definition: SLODefinition, min_failures: int) -> SLODefinition:
    rules = tuple(replace(rule, min_failures=min_failures) for rule in definition.active_alert_rules)
    return replace(definition, alert_rules=rules)


def _incident(
    *,
    errors: Fraction | None,
    seconds: int | None,
    rate: Fraction | None,
    file: str | None,
    background: Fraction,
    before: int | None,
    after: int | None,
) -> Incident:
    around: dict[str, Any] = {"background": background, "before_seconds": before, "after_seconds": after}
    try:
        if file is not None:
            if errors is not None or seconds is not None:
                raise click.UsageError("Expected either --csv or --errors and --for, got both.")
            return Incident.recorded(read_minute_counts(Path(file)), rate=rate, **around)
        if errors is None or seconds is None:
            raise click.UsageError("Expected an incident: --errors and --for, or --csv.")
        return Incident.steady(error_ratio=errors, seconds=seconds, rate=rate or _DEFAULT_RATE, **around)
    except ConfigError:
        raise
    except ValueError as exc:
        raise click.UsageError(f"{exc}.") from exc
