"""Settings of Django's own test suite that write the outcome of each test."""

from __future__ import annotations

import atexit
import json
import os
from pathlib import Path
from unittest import TestCase

from test_sqlite import *  # noqa: F403  # beside runtests.py

# Where the outcomes are written to.
OUTCOMES_VARIABLE = "SLO_FOREIGN_OUTCOMES"

outcomes: dict[str, str] = {}
_run = TestCase.run


def _run_noting(self, result=None):
    failures = [result.failures, result.errors, result.unexpectedSuccesses]
    failed, skipped = sum(map(len, failures)), len(result.skipped)
    _run(self, result)
    failed_now, skipped_now = sum(map(len, failures)), len(result.skipped)
    outcomes[self.id()] = "failed" if failed_now > failed else "skipped" if skipped_now > skipped else "passed"
    return result


TestCase.run = _run_noting


@atexit.register
def _write() -> None:
    Path(os.environ[OUTCOMES_VARIABLE]).write_text(json.dumps(outcomes), encoding="utf-8")
