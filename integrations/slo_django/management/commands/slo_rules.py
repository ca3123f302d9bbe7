"""`manage.py slo_rules`: Prometheus rules for the SLOs of the project."""

from __future__ import annotations

from argparse import ArgumentParser
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.errors import described
from slo_core.rules.file import RULE_FORMATS, rule_file, write_rule_file
from slo_core.rules.typed_labels import parse_labels
from slo_django import conf
from slo_django.installation import current

__all__ = ["Command"]


class Command(BaseCommand):
    """Prints the output of `slo rules`, with the store that the settings name, or Django's default one."""

    help = "Prints Prometheus recording and alerting rules for SLO_DEFINITIONS."
    # This command reports wrong definitions itself.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of `slo rules`."""
        scopes = ("process", "host", "fleet")
        parser.add_argument("--scope", choices=scopes, help="whose events a store holds (default: as SLO_STORE)")
        parser.add_argument("--format", choices=RULE_FORMATS, default="prometheus", help="(default: prometheus)")
        parser.add_argument(
            "--out",
            metavar="FILE",
            help="write to a file, in one step; with --split, to a folder (default: standard output)",
        )
        parser.add_argument(
            "--split", action="store_true", help="several files: rules that SLOs share, and one for each SLO"
        )
        parser.add_argument(
            "--label",
            metavar="NAME=VALUE",
            action="append",
            default=[],
            help="a label for every alert; may be repeated",
        )
        parser.add_argument(
            "--match",
            metavar="NAME=VALUE",
            action="append",
            default=[],
            help="read only series with this label: env=prod; records and alerts carry it; may be repeated",
        )
        parser.add_argument(
            "--by",
            metavar="NAME",
            action="append",
            default=[],
            help="keep the values of this label apart: env; each has its own alerts; may be repeated",
        )
        parser.add_argument(
            "--alert",
            metavar="NAME=SEVERITY",
            action="append",
            default=[],
            help="another severity for a family of alerts (burn, budget, traffic, absent, store) or one alert, or off; "
            "may be repeated",
        )
        parser.add_argument(
            "--severity",
            metavar="NAME=OTHER",
            action="append",
            default=[],
            help="another name for a severity: page=critical; may be repeated",
        )
        parser.add_argument("--dashboard-url", metavar="URL", default="", help="where people look next; on every alert")
        parser.add_argument(
            "--page-url", metavar="URL", default="", help="the status page: alerts link to the page of their SLO"
        )
        parser.add_argument(
            "--with-causes",
            action="store_true",
            help="alerts name what fails most often; always with SLO_METRICS_CAUSES",
        )
        parser.add_argument(
            "--keep-firing-for",
            metavar="DURATION",
            default="10m",
            help="how long an alert outlives its condition; 0 leaves it out (default: 10m)",
        )
        parser.add_argument("--name", help="Kubernetes: the resource's name (default: slo-SERVICE)")
        parser.add_argument("--namespace", metavar="NAME", help="Kubernetes: where it lives")
        parser.add_argument(
            "--resource-label",
            metavar="NAME=VALUE",
            action="append",
            default=[],
            help="Kubernetes: a label of the resource; may be repeated",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """
        Print them.

        Raises:
            CommandError: The settings or the options are wrong, or the file cannot be written.
        """
        try:
            definitions = DefinitionSet.of_registry(current.installation.registry, where=conf.WHERE + conf.DEFINITIONS)
            rules = rule_file(
                definitions,
                scope=options["scope"],
                labels=parse_labels(options["label"], where="--label"),
                match=parse_labels(options["match"], where="--match"),
                by=options["by"],
                alerts=parse_labels(options["alert"], where="--alert"),
                severities=parse_labels(options["severity"], where="--severity"),
                split=options["split"],
                dashboard_url=options["dashboard_url"],
                page_url=options["page_url"],
                with_causes=options["with_causes"] or current.installation.settings.metrics_causes,
                keep_firing_for=options["keep_firing_for"],
                rule_format=options["format"],
                name=options["name"],
                namespace=options["namespace"],
                resource_labels=parse_labels(options["resource_label"], where="--resource-label"),
            )
            write_rule_file(
                rules,
                options["out"],
                show=partial(self.stdout.write, ending=""),
                warn=lambda warning: self.stderr.write(f"warning: {warning}"),
            )
        except Exception as exc:  # a traceback would end with 1, which means "too little budget" in `slo_gate`
            raise CommandError(described(exc), returncode=2) from exc
