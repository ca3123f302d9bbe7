"""`manage.py slo_annotate`: mark a change of the service."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slo_core.budgets.marks import MARK_KINDS
from slo_core.errors import SLOError
from slo_core.simulation.instant import parse_instant
from slo_core.tracking.annotation import annotate_from_command
from slo_django.installation import current

__all__ = ["Command"]


class Command(BaseCommand):
    """Does what `slo annotate` does, in the store that the settings name."""

    help = "Marks a change of the service: a line on the charts of its SLOs."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The text, and the options of `slo annotate`."""
        parser.add_argument("text", metavar="TEXT", help='what changed: "migration 0042"')
        parser.add_argument("--kind", choices=MARK_KINDS, default="note", help="what it is")
        parser.add_argument(
            "--at", metavar="TIME", help='when: "2026-03-01T12:00Z", or seconds since the epoch; now by default'
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """
        Write it.

        Raises:
            CommandError: The text or the time is wrong, the settings are, or the store is not shared or cannot be reached.
        """
        try:
            at = None if options["at"] is None else parse_instant(options["at"])
            line = annotate_from_command(current.installation.registry, options["text"], kind=options["kind"], at=at)
        except (SLOError, ValueError) as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(line)
