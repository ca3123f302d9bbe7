"""Options of commands that write Prometheus rules, for `slo rules` and `flask slo rules`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import click

from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.rules.file import RULE_FORMATS, rule_file, write_rule_file
from slo_core.rules.typed_labels import parse_labels

__all__ = ["print_rules", "rule_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def rule_options(command: Command) -> Command:
    """Add every option that `print_rules` takes."""
    options = (
        click.option(
            "--scope",
            type=click.Choice(["process", "host", "fleet"]),
            help="Whose events a store holds.  [default: as the configured store: memory: process, sqlite: host, "
            "redis and django: fleet]",
        ),
        click.option(
            "--format",
            "rule_format",
            type=click.Choice(RULE_FORMATS),
            default="prometheus",
            show_default=True,
            help="A rule file, or the operator's PrometheusRule.",
        ),
        click.option(
            "--out",
            metavar="FILE",
            help="Write to a file, in one step; with --split, to a folder.  [default: standard output]",
        ),
        click.option("--split", is_flag=True, help="Several files: rules that SLOs share, and one for each SLO."),
        click.option("--label", "labels", metavar="NAME=VALUE", multiple=True, help="A label for every alert."),
        click.option(
            "--match",
            metavar="NAME=VALUE",
            multiple=True,
            help="Read only series with this label: env=prod. Records and alerts carry it.",
        ),
        click.option(
            "--by",
            metavar="NAME",
            multiple=True,
            help="Keep the values of this label apart: env. Each has its own alerts.",
        ),
        click.option(
            "--alert",
            "alerts",
            metavar="NAME=SEVERITY",
            multiple=True,
            help="Another severity for a family of alerts (burn, budget, traffic, absent, store) or one alert, or off: "
            "traffic=ticket. What SOURCE says goes first.",
        ),
        click.option(
            "--severity",
            "severities",
            metavar="NAME=OTHER",
            multiple=True,
            help="Another name for a severity: page=critical. What SOURCE says goes first.",
        ),
        click.option("--dashboard-url", metavar="URL", default="", help="Where people look next; on every alert."),
        click.option(
            "--page-url", metavar="URL", default="", help="The status page: alerts link to the page of their SLO."
        ),
        click.option(
            "--with-causes",
            is_flag=True,
            help="Alerts name what fails most often: the service has SLO_METRICS_CAUSES on.",
        ),
        click.option(
            "--keep-firing-for",
            metavar="DURATION",
            default="10m",
            show_default=True,
            help="How long an alert outlives its condition; 0 leaves it out, for Prometheus before 2.42.",
        ),
        click.option("--name", metavar="NAME", help="Kubernetes: the resource's name.  [default: slo-SERVICE]"),
        click.option("--namespace", metavar="NAME", help="Kubernetes: where it lives."),
        click.option(
            "--resource-label",
            "resource_labels",
            metavar="NAME=VALUE",
            multiple=True,
            help="Kubernetes: a label of the resource, by which Prometheus picks it.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def print_rules(
    slos: DefinitionSet,
    *,
    out: str | None,
    labels: Iterable[str],
    resource_labels: Iterable[str],
    match: Iterable[str],
    alerts: Iterable[str],
    severities: Iterable[str],
    warn: Callable[[str], None],
    **options: Any,
) -> None:
    """
    Write the rules to a file or to standard output.

    Args:
        slos: The SLOs.
        out: The file; None, or "-", is standard output.
        labels: For every alert, as they were typed.
        resource_labels: Of the resource in Kubernetes, as they were typed.
        match: The labels of the series that are read, as they were typed.
        alerts: Switches of alerts, as they were typed.
        severities: Other names for severities, as they were typed.
        warn: Called with each warning.
        options: The others of `rule_options`, as `rule_file` takes them.

    Raises:
        ConfigError: Every problem.
        SLOError: The file cannot be written, or PyYAML is not installed.
    """
    rules = rule_file(
        slos,
        labels=parse_labels(labels, where="--label"),
        resource_labels=parse_labels(resource_labels, where="--resource-label"),
        match=parse_labels(match, where="--match"),
        alerts=parse_labels(alerts, where="--alert"),
        severities=parse_labels(severities, where="--severity"),
        **options,
    )
    write_rule_file(rules, out, show=partial(click.echo, nl=False), warn=warn)
