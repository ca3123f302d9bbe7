"""Fixtures of the store tests."""

from __future__ import annotations

import pytest

from slo_core.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
