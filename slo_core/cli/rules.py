"""`slo rules`: Prometheus recording and alerting rules."""

from __future__ import annotations

from typing import Any

import click

from slo_core.cli.rule_options import print_rules, rule_options
from slo_core.cli.source_options import chosen_definitions, source_options
from slo_core.cli.terminal import print_warning

__all__ = ["rules"]


@click.command("rules")
@source_options
@rule_options
def rules(source: str | None, django_settings: str | None, service: str | None, **options: Any) -> None:
    """
    Print Prometheus rules for the SLOs in SOURCE.

    SOURCE is a .yaml, .toml or .json file with `service:` and `slos:` (and, if need be, `store:` and `labels:`), or
    module:attribute: a mapping of definitions, a registry, an application, or a factory of one, module:create_app().
    """
    print_rules(chosen_definitions(source, django_settings, service), warn=print_warning, **options)
