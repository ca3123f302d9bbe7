"""The same settings, with slo-suite in every application, and the ledger closed after each test."""

from __future__ import annotations

import atexit
import sys
from unittest import TestCase

from django_settings_baseline import *  # noqa: F403
from django_under_slo import APP, SETTINGS, inject, ledger

globals().update(SETTINGS)
_run = TestCase.run


def _run_closing(self, result=None):
    _run(self, result)
    ledger.close_test(self.id())
    return result


TestCase.run = _run_closing
# runtests.py sets INSTALLED_APPS itself, from this list.
sys.modules["__main__"].ALWAYS_INSTALLED_APPS.append(APP)
inject()
atexit.register(ledger.write)
