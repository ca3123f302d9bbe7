"""A service with one SLO named "availability", and its events."""

from __future__ import annotations

from slo_core import SLORegistry
from slo_core.testing import FakeClock


def registry_of(clock: FakeClock, **options: object) -> SLORegistry:
    return SLORegistry.from_config({"availability": {"target": "99.9%", **options}}, clock=clock)


def record(registry: SLORegistry, *, good: int, bad: int, name: str = "availability") -> None:
    for _ in range(good):
        registry[name].record(True)
    for _ in range(bad):
        registry[name].record(False)
