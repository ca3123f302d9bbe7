"""One run of a foreign test suite in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from wire_ledger import LEDGER_VARIABLE

__all__ = ["DjangoRun", "PytestRun", "SuiteRun"]

_HERE = Path(__file__).parent
# As django_settings_baseline.py reads it, which cannot be imported outside of Django's suite.
_OUTCOMES_VARIABLE = "SLO_FOREIGN_OUTCOMES"


class SuiteRun(ABC):
    """
    A run that starts at once.

    Args:
        folder: The unpacked source distribution.
        arguments: Which tests.
        injection: The module beside this file that injects slo-suite; None for the baseline.
        results: A folder for what the run leaves.
    """

    def __init__(self, folder: Path, arguments: Sequence[str], injection: str | None, results: Path) -> None:
        results.mkdir(parents=True)
        self._output = results / "output.txt"
        self._outcomes = results / "outcomes"
        self._ledger = results / "ledger.json"
        # Options of this project's own test run do not hold there; nor does its CI, where suites skip some tests.
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PYTEST") and name != "CI"
        }
        environment |= {
            LEDGER_VARIABLE: str(self._ledger),
            _OUTCOMES_VARIABLE: str(self._outcomes),
            "PYTHONPATH": str(_HERE),
        }
        command = [sys.executable, *self._options(injection), *arguments]
        with self._output.open("w", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                command, cwd=self._place(folder), env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def wait(self) -> None:
        """Wait for the end."""
        self._process.wait()
        assert self._outcomes.exists(), f"no test ran:\n{self.output}"

    @abstractmethod
    def outcomes(self) -> dict[str, str]:
        """`passed`, `failed` or `skipped` for each test, once it is over."""

    @staticmethod
    @abstractmethod
    def only(arguments: Sequence[str], names: Collection[str]) -> list[str]:
        """The arguments that run these tests of `outcomes`, and perhaps some more."""

    def ledger(self) -> dict[str, dict[str, Any]]:
        """The figures of each test that sent requests, as `Ledger` wrote them."""
        entries: dict[str, dict[str, Any]] = json.loads(self._ledger.read_text(encoding="utf-8"))
        return entries

    def totals(self) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
        """The requests of all tests, by SLO and outcome: on the wire, and as recorded."""
        wire: dict[str, Counter[str]] = defaultdict(Counter)
        recorded: dict[str, Counter[str]] = defaultdict(Counter)
        for entry in self.ledger().values():
            for slo, outcomes in entry["wire"].items():
                wire[slo].update(outcomes)
                recorded[slo].update(entry["recorded"][slo])
        return wire, recorded

    @property
    def output(self) -> str:
        """What was printed."""
        return self._output.read_text(encoding="utf-8")

    def _place(self, folder: Path) -> Path:
        return folder

    @abstractmethod
    def _options(self, injection: str | None) -> list[str]: ...


class PytestRun(SuiteRun):
    """A suite that pytest runs; the injection is a plugin."""

    def _options(self, injection: str | None) -> list[str]:
        plugin = [] if injection is None else ["-p", injection]
        return ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={self._outcomes}", *plugin]

    def outcomes(self) -> dict[str, str]:
        """By the names in the JUnit file; a test that fails with its clean-up stands there twice."""
        outcomes: dict[str, str] = {}
        for case in ET.parse(self._outcomes).iter("testcase"):
            name = f"{case.get('classname')}::{case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                outcomes[name] = "failed"
            else:
                outcomes.setdefault(name, "passed" if case.find("skipped") is None else "skipped")
        return outcomes

    @staticmethod
    def only(arguments: Sequence[str], names: Collection[str]) -> list[str]:
        functions = {name.rpartition("::")[2].partition("[")[0] for name in names}
        return [*arguments, "-k", " or ".join(sorted(functions))]


class DjangoRun(SuiteRun):
    """Django's own suite, with its own runner; the injection is a module of settings."""

    def _place(self, folder: Path) -> Path:
        return folder / "tests"

    def _options(self, injection: str | None) -> list[str]:
        settings = injection or "django_settings_baseline"
        return ["runtests.py", f"--settings={settings}", "--parallel=1", "--noinput"]

    def outcomes(self) -> dict[str, str]:
        """As `django_settings_baseline` wrote them."""
        outcomes: dict[str, str] = json.loads(self._outcomes.read_text(encoding="utf-8"))
        return outcomes

    @staticmethod
    def only(arguments: Sequence[str], names: Collection[str]) -> list[str]:
        return sorted(names)
