"""One run of a foreign test suite in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from wire_ledger import LEDGER_VARIABLE

__all__ = ["PytestRun"]

_HERE = Path(__file__).parent


@dataclass(slots=True)
class PytestRun:
    """
    A suite that pytest runs.

    Attributes:
        folder: The unpacked source distribution.
        arguments: Of pytest.
        plugin: A module beside this file that injects slo-suite; None for the baseline.
        results: A folder for what the run leaves.
    """

    folder: Path
    arguments: Sequence[str]
    plugin: str | None
    results: Path
    _process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the run."""
        self.results.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={self._junit}"]
        if self.plugin is not None:
            command += ["-p", self.plugin]
        # Options of this project's own test run do not hold there; nor does its CI, where suites skip some tests.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST") and name != "CI"}
        environment[LEDGER_VARIABLE] = str(self._ledger)
        environment["PYTHONPATH"] = str(_HERE)
        with self._output.open("w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                [*command, *self.arguments], cwd=self.folder, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def outcomes(self) -> dict[str, str]:
        """Wait for the end; `passed`, `failed` or `skipped` for each test."""
        assert self._process is not None
        self._process.wait()
        assert self._junit.exists(), f"no test ran:\n{self.output}"
        outcomes = {}
        for case in ET.parse(self._junit).iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                outcomes[name] = "failed"
            else:
                outcomes.setdefault(name, "passed" if case.find("skipped") is None else "skipped")
        return outcomes

    def ledger(self) -> dict[str, dict[str, Any]]:
        """The figures of each test that sent requests, as `Ledger` wrote them."""
        entries: dict[str, dict[str, Any]] = json.loads(self._ledger.read_text(encoding="utf-8"))
        return entries

    @property
    def output(self) -> str:
        """What pytest printed."""
        return self._output.read_text(encoding="utf-8")

    @property
    def _output(self) -> Path:
        return self.results / "output.txt"

    @property
    def _junit(self) -> Path:
        return self.results / "junit.xml"

    @property
    def _ledger(self) -> Path:
        return self.results / "ledger.json"
