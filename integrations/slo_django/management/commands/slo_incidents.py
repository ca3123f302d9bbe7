"""`manage.py slo_incidents`: when alert rules fired."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slo_core.budgets.notation import written_in
from slo_core.errors import SLOError
from slo_core.objectives.duration import parse_duration
from slo_core.status.incidents import DEFAULT_SINCE, incident_lines, registry_incidents, service_incidents_json
from slo_django.installation import current
from slo_django.language import notation

__all__ = ["Command"]


class Command(BaseCommand):
    """Prints a table for people, or JSON for programs."""

    help = (
        "Shows when alert rules fired, the newest first: bad events, share of the budget, cause, what changed before."
    )
    # This command reports wrong definitions itself.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The SLO, `--since`, `--json`."""
        parser.add_argument("name", nargs="?", help="the only SLO to show")
        parser.add_argument(
            "--since", default=DEFAULT_SINCE, metavar="DURATION", help="how far back, such as 12h or 90d (default: 30d)"
        )
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="JSON for programs: one entry for each rule that fired"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """
        Print it.

        Raises:
            CommandError: The settings or an argument are wrong, or the store cannot be read.
        """
        now = time.time()
        try:
            since = now - parse_duration(options["since"])
        except ValueError as exc:
            raise CommandError(f"--since: {exc}") from exc
        try:
            incidents = registry_incidents(current.installation.registry, since=since, slo=options["name"])
        except SLOError as exc:
            raise CommandError(str(exc)) from exc
        if options["as_json"]:
            self.stdout.write(json.dumps(service_incidents_json([incidents]), indent=2))
        else:
            with written_in(notation()):
                self.stdout.write("\n".join(incident_lines([incidents], now=now)))
        if incidents.error is not None:
            self.stderr.write(incidents.error)
