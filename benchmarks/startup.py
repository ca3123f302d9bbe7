"""Importing the package in a fresh interpreter, its bytecode compiled before."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable

from benchmarks.contest import compete, hold_to, print_table, ratio_of

__all__ = ["run"]

_OURS, _THEIRS, _FLOOR = "import slo_core", "import slo_budget_tracker", "nothing (the interpreter)"
_STATEMENTS = {
    _FLOOR: "",
    _OURS: _OURS,
    _THEIRS: _THEIRS,
    "import prometheus_client": "import prometheus_client",
    # What both are made of: less than this no package of this kind costs.
    "dataclasses, datetime, fractions, logging": "import dataclasses, datetime, fractions, logging",
}


def _seconds_of_children() -> float:
    """Of the CPU: the time in which another process runs counts for no contender."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(rounds: int) -> None:
    """Print what each import adds to the start of an interpreter."""
    with tempfile.TemporaryDirectory(prefix="slo-") as folder:
        # Bytecode of a folder of our own: a checkout whose bytecode is stale or forbidden would be compiled each time.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = folder

        def measure(statement: str) -> Callable[[], float]:
            def start() -> float:
                started = _seconds_of_children()
                subprocess.run([sys.executable, "-c", statement], env=environment, check=True)
                return _seconds_of_children() - started

            return start

        results = compete({name: measure(statement) for name, statement in _STATEMENTS.items()}, 2 * rounds)
    print_table("import", results, reference=_THEIRS, unit="ms", floor=_FLOOR)
    ratio = ratio_of(results, _OURS, _THEIRS, floor=_FLOOR)
    milliseconds = (results[_OURS].minimum - results[_FLOOR].minimum) * 1e3
    hold_to("import slo_core", "<= 0.3 x slo-budget-tracker", f"{ratio:.2f} x", is_met=ratio <= 0.3)
    hold_to("import slo_core, alone", "< 60 ms", f"{milliseconds:.0f} ms", is_met=milliseconds < 60)
