"""`manage.py slo_status`: how every SLO stands."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slo_core.budgets.notation import written_in
from slo_core.errors import SLOError
from slo_core.process.terminal import terminal_size
from slo_core.status.json_view import status_json
from slo_core.status.service_status import status_note
from slo_core.status.table import status_table
from slo_core.tracking.registry import SLORegistry
from slo_django.default_store import COPY_COMMAND, left_behind
from slo_django.installation import current
from slo_django.language import notation

__all__ = ["Command"]


class Command(BaseCommand):
    """Prints the table for people, or the JSON for programs; notes go to stderr."""

    help = "Shows each SLO: its state, error budget, burn rate and firing alerts."
    # This command reports wrong definitions itself.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--json`, also as `--format json`; `--why`."""
        parser.add_argument("--json", action="store_true", dest="as_json", help="JSON for programs, as /slo.json")
        parser.add_argument("--format", choices=("table", "json"), default="table", help='"json" is the same as --json')
        parser.add_argument(
            "--why", nargs="?", const="", metavar="NAME",
            help="below the table, what failed in the last hour: in each SLO that burns, or in the one of that name",
        )  # fmt: skip

    def handle(self, *_: Any, **options: Any) -> None:
        """
        Print it.

        Raises:
            CommandError: The settings are wrong, or the store cannot be read.
        """
        try:
            registry = current.installation.registry
            as_json = options["as_json"] or options["format"] == "json"
            if as_json and options["why"] is not None:
                raise CommandError("--why is for people: for programs status.json?slo=NAME has the causes.")
            text = json.dumps(status_json(registry), indent=2) if as_json else self._table(registry, options["why"])
            is_enabled = current.installation.settings.enabled
        except SLOError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(text)
        if not is_enabled:
            self.stderr.write("SLO_ENABLED is False: nothing is counted.")
        if note := status_note(registry):
            self.stderr.write(note)
        if message := left_behind():
            self.stderr.write(f"{message} Copy them: {COPY_COMMAND}")

    def _table(self, registry: SLORegistry, why: str | None) -> str:
        size = terminal_size(self.stdout)
        paint = None if os.environ.get("NO_COLOR") else self._paint
        with written_in(notation()):
            return status_table(registry, width=None if size is None else size.columns, paint=paint, why=why)

    def _paint(self, state: str, text: str) -> str:
        """In colour on a terminal; Django checks that, and `--no-color`."""
        styles = {
            "paging": "ERROR",
            "ticketing": "WARNING",
            "waiting": "WARNING",
            "met": "SUCCESS",
            "exhausted": "ERROR",
            "breached": "ERROR",
            "heading": "MIGRATE_LABEL",
        }
        return str(getattr(self.style, styles[state])(text)) if state in styles else text
