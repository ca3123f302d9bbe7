"""`manage.py slo_gate`: whether enough error budget is left to release."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slo_core.errors import described
from slo_core.status.finding import exit_code
from slo_core.status.gate import gate_from
from slo_core.status.service_status import service_status_or_error
from slo_django.default_store import COPY_COMMAND, left_behind
from slo_django.installation import current

__all__ = ["Command"]


class Command(BaseCommand):
    """Answers as `slo gate` does, from the project's own store."""

    help = "Ends with 0 when enough error budget is left, 1 when too little is, 2 when that is unknown; says why."
    # This command reports wrong definitions itself.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of `slo gate`."""
        parser.add_argument(
            "--min-budget",
            metavar="SHARE",
            default="0%",
            help="how much must be left, such as 10%% (default: anything)",
        )
        parser.add_argument(
            "--max-burn",
            metavar="RATE/WINDOW",
            action="append",
            default=[],
            help="how fast it may burn, such as 6/1h, in one of the SLO's windows; may be repeated",
        )
        parser.add_argument(
            "--min-time",
            metavar="DURATION",
            help="how long it must last at the current pace, such as 2d (default: not asked)",
        )
        parser.add_argument(
            "--slo", metavar="NAME", action="append", default=[], help="ask this SLO; may be repeated (default: all)"
        )
        parser.add_argument(
            "--on-unknown", choices=("pass", "fail"), default="fail", help="the answer where that is unknown"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """
        Answer.

        Raises:
            CommandError: The settings or the options are wrong; the exit code is 2.
            SystemExit: The answer is no.
        """
        try:
            gate = gate_from(
                min_budget=options["min_budget"],
                max_burns=options["max_burn"],
                min_time=options["min_time"],
                slos=options["slo"],
            )
            service = service_status_or_error(current.installation.registry)
            findings = gate.judge([service])
        except Exception as exc:  # a traceback would end with 1, which means: too little budget
            raise CommandError(described(exc), returncode=2) from exc
        for finding in findings:
            self.stdout.write(str(finding))
        if service.note:
            self.stderr.write(service.note)
        if message := left_behind():
            self.stderr.write(f"{message} Copy them: {COPY_COMMAND}")
        if code := exit_code(findings, on_unknown=options["on_unknown"]):
            raise SystemExit(code)
