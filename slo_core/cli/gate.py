"""`slo gate`: whether enough error budget is left to release."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import click
from rich.text import Text

from slo_core.cli.gate_options import gate_options
from slo_core.cli.status_options import opened_source, status_options
from slo_core.cli.terminal import print_note, print_result, silence_logging
from slo_core.errors import StoreError
from slo_core.status.gate import gate_from
from slo_core.status.gate_report import OnUndecided, gate_report, unreachable_report

__all__ = ["gate"]

_STYLES = {"pass": "green", "fail": "bold red", "young": "bold yellow", "unknown": "bold yellow"}


@click.command("gate")
@status_options
@gate_options
def gate(
    address: str,
    token_file: Path | None,
    service: str | None,
    min_budget: str,
    max_burns: Sequence[str],
    min_time: str | None,
    slos: Sequence[str],
    on_unknown: OnUndecided,
    on_young: OnUndecided,
    as_json: bool,
) -> int:
    """
    Ask whether enough error budget is left to release, and say why.

    Exit codes: 0 when enough is left, 1 when too little is, 2 when it is unknown: no service answers, an SLO is missing, or
    has no events. One line for each SLO. While less than a tenth of a window has been measured, the burn rates decide: 1
    while an alert rule fires or a --max-burn is exceeded, else the SLO is young, see --on-young.

    URL is the /slo.json or /metrics of a running service, or a shared store, which is only read.
    """
    silence_logging()
    conditions = gate_from(min_budget=min_budget, max_burns=max_burns, min_time=min_time, slos=slos)
    with closing(opened_source(address, token_file, service)) as source:
        try:
            services = source.read()
        except StoreError as exc:
            report = unreachable_report(str(exc), on_unknown=on_unknown)
        else:
            report = gate_report(conditions, services, on_unknown=on_unknown, on_young=on_young)
    for note in report.notes:
        print_note(note)
    if as_json:
        click.echo(report.json_text())
        return report.exit_code
    for finding in report.findings:
        line = Text(str(finding))
        line.stylize(_STYLES[finding.verdict], 0, len(finding.verdict))
        print_result(line)
    return report.exit_code
