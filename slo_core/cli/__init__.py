"""The `slo` command, which works on SLOs from outside their services."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    Args:
        argv: Its arguments, without the name of the program; None takes `sys.argv`.

    Returns:
        0, or 2 after an error or wrong usage; the reason is on stderr. Only `slo gate` returns 1: too little budget.
    """
    try:
        from slo_core.cli.run import run
    except ModuleNotFoundError as exc:
        missing = (exc.name or "").partition(".")[0]
        if missing not in ("click", "rich"):
            raise
        sys.stderr.write(f'slo: error: it needs {missing}, which is not installed: pip install "slo-suite[cli]"\n')
        return 2
    return run(argv)
