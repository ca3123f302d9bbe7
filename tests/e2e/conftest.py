"""Prints what the faults of stores did to a service, if any were tried."""

from __future__ import annotations

import pytest

from fault_matrix import fault_table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table at the end of the run."""
    lines = fault_table()
    if lines:
        terminalreporter.section("faults of stores, under load")
        for line in lines:
            terminalreporter.line(line)
