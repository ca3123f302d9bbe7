"""`slo gate`: whether enough error budget is left to release."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Literal

import click
from rich.text import Text

from slo_core.cli.gate_options import gate_options
from slo_core.cli.status_options import opened_source, status_options
from slo_core.cli.terminal import print_note, print_result, silence_logging
from slo_core.errors import StoreError
from slo_core.status.finding import exit_code, unreachable
from slo_core.status.gate import gate_from

__all__ = ["gate"]

_STYLES = {"pass": "green", "fail": "bold red", "unknown": "bold yellow"}


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
    on_unknown: Literal["pass", "fail"],
) -> int:
    """
    Ask whether enough error budget is left to release, and say why.

    Exit codes: 0 when enough is left, 1 when too little is, 2 when it is unknown: no service answers, an SLO is missing,
    has no events, or less than a tenth of its window has been measured. One line for each SLO.

    URL is the /slo.json or /metrics of a running service, or a shared store, which is only read.
    """
    silence_logging()
    conditions = gate_from(min_budget=min_budget, max_burns=max_burns, min_time=min_time, slos=slos)
    with closing(opened_source(address, token_file, service)) as source:
        try:
            services = source.read()
        except StoreError as exc:
            findings = [unreachable(str(exc))]
        else:
            findings = conditions.judge(services)
            for service_status in services:
                if service_status.note:
                    print_note(service_status.note)
    for finding in findings:
        line = Text(str(finding))
        line.stylize(_STYLES[finding.verdict], 0, len(finding.verdict))
        print_result(line)
    return exit_code(findings, on_unknown=on_unknown)
