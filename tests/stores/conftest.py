"""Fixtures of the store tests."""

from __future__ import annotations

import pytest
from hypothesis import settings

from slo_core.testing import FakeClock

# Nothing is timed by the example: other tests may run beside them.
settings.register_profile("calm", settings(), deadline=None)
settings.load_profile("calm")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
