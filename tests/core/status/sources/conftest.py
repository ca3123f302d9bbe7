"""The service whose status is read."""

from __future__ import annotations

import pytest

from fleet_memory import FleetMemory
from slo_core import AlertRule, SLODefinition, SLORegistry
from slo_core.testing import FakeClock


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    """Five SLOs of different kinds, with events of five days."""
    registry = SLORegistry(FleetMemory(clock=clock), service="shop", clock=clock)
    registry.define(
        SLODefinition("met", 0.999, description="d", labels={"team": "x"}, runbook="https://r", dashboard="https://d")
    )
    registry.define(
        SLODefinition(
            "burning", 0.999, alert_rules=(AlertRule("1h", "5m", severity="page", burn_rate=14.4, min_failures=1),)
        )
    )
    registry.define(SLODefinition("no-rules", 0.9, alert_rules=(), burn_rate_windows=(7200, 1800)))
    registry.define(SLODefinition("month", 0.9, window="month", timezone="Asia/Tokyo"))
    registry.define(SLODefinition("bare", 0.9, alert_rules=(), burn_rate_windows=(), window_seconds=86_400))
    clock.advance(days=5)
    for name, good, bad in (("met", 1_999, 1), ("burning", 9_856, 144), ("no-rules", 5, 1), ("month", 1, 1)):
        for success, times in ((True, good), (False, bad)):
            for _ in range(times):
                registry[name].record(success)
    return registry
