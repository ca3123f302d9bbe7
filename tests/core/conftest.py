"""What all tests of the core share."""

from __future__ import annotations

import pytest

from slo_core.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves when told to."""
    return FakeClock()
