"""One benchmark in a process of its own: what it printed, and how its figures stand to their targets."""

from __future__ import annotations

import importlib
import io
import sys
from contextlib import redirect_stdout
from typing import TextIO

from benchmarks.contest import TARGET_RESULTS, TargetResult

__all__ = ["measure"]


class _Tee(io.TextIOBase):
    """Shows what is printed, and keeps it."""

    def __init__(self, shown: TextIO) -> None:
        self._shown = shown
        self.kept = io.StringIO()

    def write(self, text: str) -> int:
        self._shown.write(text)
        self._shown.flush()
        return self.kept.write(text)


def measure(name: str, rounds: int) -> tuple[str, list[TargetResult]]:
    """Run a benchmark; return the text that it prints, also shown meanwhile, and its results against the targets."""
    tee = _Tee(sys.stdout)
    with redirect_stdout(tee):  # type: ignore[type-var]  # all that print needs
        importlib.import_module(f"benchmarks.{name}").run(rounds)
    return tee.kept.getvalue(), TARGET_RESULTS
