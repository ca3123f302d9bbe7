"""The clock that views move on, in place of sleeping."""

from __future__ import annotations

from slo_core.testing import FakeClock

clock = FakeClock()
