"""`manage.py slo_gate`: whether enough error budget is left to release."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slo_core.errors import described
from slo_core.status.gate import gate_from
from slo_core.status.gate_report import ON_UNDECIDED, gate_report
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
            "--on-unknown",
            choices=ON_UNDECIDED,
            default="fail",
            help="whether an unknown result passes (0) or fails (2): no answer, no events, no such SLO (default: fail)",
        )
        parser.add_argument(
            "--on-young",
            choices=ON_UNDECIDED,
            default="pass",
            help="whether an SLO passes (0) or fails (2) that is measured too shortly to judge its budget, and burns "
            "nothing (default: pass)",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="JSON for programs")

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
            report = gate_report(gate, [service], on_unknown=options["on_unknown"], on_young=options["on_young"])
        except Exception as exc:  # a traceback would end with 1, which means: too little budget
            raise CommandError(described(exc), returncode=2) from exc
        for line in [report.json_text()] if options["as_json"] else map(str, report.findings):
            self.stdout.write(line)
        for note in report.notes:
            self.stderr.write(note)
        if message := left_behind():
            self.stderr.write(f"{message} Copy them: {COPY_COMMAND}")
        if report.exit_code:
            raise SystemExit(report.exit_code)
