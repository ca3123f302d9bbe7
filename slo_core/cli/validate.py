"""`slo validate`: checks definitions and the rules that they make."""

from __future__ import annotations

import click

from slo_core.budgets.wording import printable, promise_text
from slo_core.cli.source_options import chosen_definitions, source_options
from slo_core.cli.terminal import print_result, print_warning
from slo_core.conventions import Alert
from slo_core.rules.file import rule_file
from slo_core.rules.severities import PAGE, Severities

__all__ = ["validate"]


@click.command("validate")
@source_options
def validate(source: str | None, django_settings: str | None, service: str | None) -> None:
    """
    Check the definitions in SOURCE, and the rules they would make.

    It shows every mistake with its file, line and key. What is doubtful but possible is a warning.

    SOURCE is a .yaml, .toml or .json file with `service:` and `slos:`, or module:attribute.
    """
    slos = chosen_definitions(source, django_settings, service)
    scope = slos.scope or "fleet"
    for warning in rule_file(slos, scope=scope).warnings:
        print_warning(warning)
    for definition in slos.definitions:
        rules = len(definition.active_alert_rules)
        alerts = f"{rules} alert rule{'' if rules == 1 else 's'}"
        if Severities((slos.alerts,)).under(definition.alerts).of(Alert.BURN, PAGE) is None:
            alerts = "its burn alerts are switched off"
        print_result(f"{printable(definition.name)}: {promise_text(definition)}, {alerts}")
    count = len(slos.definitions)
    assumed = "" if slos.scope else " assumed"
    print_result(
        f"{slos.where}: {count} SLO{'' if count == 1 else 's'} of service {printable(slos.service)}, valid; "
        f"store scope {scope}{assumed}"
    )
