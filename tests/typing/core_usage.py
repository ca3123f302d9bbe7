"""What users of the plain library write; it must pass `mypy --strict`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, assert_type

from prometheus_client import CollectorRegistry

from slo_core import (
    AlertRule,
    BurnRateAlert,
    ConfigError,
    HTTPRule,
    InMemoryStore,
    Observation,
    ObservationStore,
    PrometheusExporter,
    SLOCollector,
    SLODefinition,
    SLORegistry,
    SLOSnapshot,
    SLOTracker,
)
from slo_core.testing import FakeClock, capture_requests

# The documented constructors, by position and by name.
definition = SLODefinition("availability", 0.999)
described = SLODefinition(
    name="checkout",
    target=0.99,
    window_seconds=604_800,
    burn_rate_windows=(3600, 21_600),
    burn_rate_threshold=14.4,
    description="orders that went through",
    http=HTTPRule(routes=("/checkout/*",), methods=("POST",), latency_seconds=0.3, bad_statuses=("5xx", 429)),
    alert_rules=(AlertRule(3600, 300, severity="page", burn_rate=14.4),),
    labels={"team": "shop"},
    runbook="https://example.com/runbook",
)
monthly = SLODefinition("monthly", 0.99, window="month", timezone="Europe/Berlin", kind="custom")

clock = FakeClock()
registry = SLORegistry(store="memory://", service="shop", clock=clock)
tracker = registry.define(definition)
assert_type(tracker, SLOTracker)
assert_type(registry.add(SLOTracker(described)), SLOTracker)
assert_type(registry.get("availability"), SLOTracker)
assert_type(registry["availability"], SLOTracker)
assert_type(registry.names(), list[str])
assert_type(registry.snapshot_all(at=clock()), list[SLOSnapshot])
assert_type(registry.check_burn_rates(), list[BurnRateAlert])
assert_type([each.name for each in registry], list[str])
known: bool = "availability" in registry and len(registry) > 0

tracker.record(True)
tracker.record(False, at=clock() - 60)
tracker.record_success()
tracker.record_failure(at=clock())


# A tracked function keeps its type, arguments included.
@tracker.track()
def pack(order: int, *, express: bool = False) -> str:
    """Do something that may fail."""
    return f"{order}{express}"


@tracker.track()
async def ship(order: int) -> bytes:
    """Do something that may fail, and wait for it."""
    with tracker.track():
        await asyncio.sleep(0)
    async with tracker.track():
        return b"%d" % order


assert_type(pack(1, express=True), str)
takes_a_function: Callable[[int], str] = pack
takes_a_coroutine_function: Callable[[int], Coroutine[Any, Any, bytes]] = ship


async def main() -> None:
    """Await a tracked coroutine function."""
    assert_type(await ship(1), bytes)


snapshot = tracker.snapshot()
assert_type(snapshot.total, int)
assert_type(snapshot.error_budget_remaining, float)
assert_type(snapshot.time_to_exhaustion, float | None)
assert_type(snapshot.is_breached, bool)
assert_type(snapshot.burn_rate_samples[0].sample_count, int)
as_json: dict[str, object] = snapshot.__dict__
firing: list[str] = [alert.severity for alert in snapshot.alerts if alert.is_firing]
alerts: list[tuple[str, float]] = [(alert.slo_name, alert.burn_rate) for alert in tracker.check_burn_rate(at=clock())]


class ListStore:
    """A store of a user's own: no base class, the methods are enough."""

    def __init__(self) -> None:
        self._kept: list[Observation] = []

    def record(self, observation: Observation) -> None:
        """Keep one event."""
        self._kept.append(observation)

    def window(self, now: float, seconds: int) -> list[Observation]:
        """Events of a window."""
        return [kept for kept in self._kept if now - seconds < kept.timestamp]

    def trim(self, before: float) -> None:
        """Drop old events."""
        self._kept = [kept for kept in self._kept if kept.timestamp >= before]

    def __len__(self) -> int:
        return len(self._kept)


own: ObservationStore = ListStore()
reference: ObservationStore = InMemoryStore(max_age_seconds=3600)
with_own_store = SLOTracker(SLODefinition("own", 0.9), store=own, clock=clock)
with_reference = SLOTracker(SLODefinition("exact", 0.9), store=reference)

# Configuration as it stands in a settings file: options by name, a list, or objects.
configured: SLORegistry = SLORegistry.from_config(
    {"availability": {"target": "99.9%", "window": "30d"}, "orders": SLODefinition("orders", 0.99)}, service="shop"
)
listed = SLORegistry.from_config([{"name": "availability", "target": 0.999}])
objects = SLORegistry.from_config([definition, monthly])
try:
    SLORegistry.from_config({"availability": {"target": 99.9}})
except ConfigError as exc:
    problems: list[tuple[str, str, str]] = [(found.path, found.message, found.hint) for found in exc.problems]

body, content_type = PrometheusExporter(registry).render(accept="text/plain")
assert_type(body, bytes)
assert_type(content_type, str)
mine = CollectorRegistry()
mine.register(SLOCollector(configured))

with capture_requests(configured) as events:
    paths: list[str] = [event.path for event in events]

with registry:
    registry.flush()
