"""Fixtures of the store tests."""

from __future__ import annotations

import pytest

from calm import be_calm
from slo_core.testing import FakeClock

be_calm()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
