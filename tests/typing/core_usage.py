"""What users of the plain library write; it must pass `mypy --strict`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager
from typing import Any, assert_type

from prometheus_client import CollectorRegistry

from slo_core import (
    AlertRule,
    BurnRateAlert,
    BurnRateSample,
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
    slo_exempt,
    slo_track,
)
from slo_core.testing import FakeClock, RequestEvent, capture_requests

tracker = SLOTracker(SLODefinition("availability", 0.999))


@tracker.track()
def send(order: int, *, retry: bool = False) -> str:
    return f"{order} {retry}"


@tracker.track()
async def fetch(url: str) -> bytes:
    return url.encode()


def call() -> None:
    """`track()` keeps the signature of what it decorates."""
    assert_type(send(1, retry=True), str)
    send("1")  # type: ignore[arg-type]  # an order is a number
    send(1, again=True)  # type: ignore[call-arg]  # there is no such parameter
    as_callable: Callable[[int], str] = send
    as_callable(1)


async def use() -> None:
    """Coroutine functions stay coroutine functions."""
    assert_type(await fetch("https://example"), bytes)
    coroutine: Coroutine[Any, Any, bytes] = fetch("https://example")
    await coroutine
    async with tracker.track():
        pass


def block() -> None:
    """A context manager; what it raises goes on, so code behind it is reachable only when all went well."""
    with tracker.track():
        send(1)
    manager: AbstractContextManager[object] = tracker.track()
    with manager:
        pass


def count() -> None:
    """Recording and reading."""
    tracker.record(True)
    tracker.record(False, at=1_700_000_000)
    tracker.record_success(at=1_700_000_000.5)
    tracker.record_failure()
    snap = tracker.snapshot(at=1_700_000_000.0)
    assert_type(snap, SLOSnapshot)
    assert_type(snap.error_budget_remaining, float)
    assert_type(snap.total, int)
    assert_type(snap.is_breached, bool)
    assert_type(snap.time_to_exhaustion, float | None)
    assert_type([alert.severity for alert in snap.alerts if alert.is_firing], list[str])
    as_json: dict[str, object] = snap.__dict__
    assert as_json
    assert_type(snap.burn_rate_samples, tuple[BurnRateSample, ...])
    assert_type(tracker.check_burn_rate(), list[BurnRateAlert])
    assert_type(tracker.name, str)
    assert_type(tracker.definition, SLODefinition)


def define() -> None:
    """Definitions in code."""
    SLODefinition(
        name="checkout",
        target=0.99,
        window_seconds=7 * 86_400,
        burn_rate_windows=(3600,),
        burn_rate_threshold=14.4,
        description="Orders go through.",
    )
    SLODefinition(
        "latency",
        0.95,
        http=HTTPRule(routes=("/checkout/*",), latency_seconds=0.3, classify=lambda status, exception: status < 500),
        alert_rules=(
            AlertRule(3600, 300, severity="page", budget_share=0.02),
            AlertRule(21_600, 1800, severity="page", burn_rate=6, min_failures=5),
        ),
        labels={"team": "payments"},
        runbook="https://example.com/runbook",
        dashboard="https://example.com/dashboard",
    )
    SLODefinition("orders", 0.99, http=HTTPRule(methods=("POST",), bad_statuses=("5xx", 429), latency_of="total"))
    SLODefinition("monthly", 0.999, window="month", timezone="Europe/Berlin", kind="custom")


def keep() -> None:
    """The registry is a container of trackers."""
    registry = SLORegistry("memory://", service="shop", release="4.2")
    assert_type(registry.annotate("blue", kind="deploy", at=1.5).text, str)
    assert_type(registry.define(SLODefinition("jobs", 0.9)), SLOTracker)
    assert_type(registry.add(tracker), SLOTracker)
    assert_type(registry.get("jobs"), SLOTracker)
    assert_type(registry["jobs"], SLOTracker)
    assert_type("jobs" in registry, bool)
    assert_type(len(registry), int)
    assert_type(list(registry), list[SLOTracker])
    assert_type(registry.names(), list[str])
    assert_type(registry.snapshot_all(at=1.0), list[SLOSnapshot])
    assert_type(registry.check_burn_rates(), list[BurnRateAlert])
    registry.flush()
    registry.close()
    with SLORegistry() as closing:
        assert_type(closing, SLORegistry)


def configure() -> None:
    """The forms of a configuration."""
    SLORegistry.from_config({"availability": {"target": "99.9%", "window": "30d", "routes": ["/checkout/*"]}})
    SLORegistry.from_config({"availability": {"target": 0.999}, "orders": SLODefinition("orders", 0.99)})
    SLORegistry.from_config([{"name": "availability", "target": 0.999}], store="memory://", service="shop")
    try:
        SLORegistry.from_config([SLODefinition("availability", 0.999)])
    except ConfigError as exc:
        for problem in exc.problems:
            print(problem.path, problem.message, problem.hint)


class ListStore:
    """A user's own store of single events: the protocol asks for no base class."""

    def __init__(self) -> None:
        self._events: list[Observation] = []

    def record(self, observation: Observation) -> None:
        self._events.append(observation)

    def window(self, now: float, seconds: int) -> list[Observation]:
        return [event for event in self._events if now - seconds < event.timestamp <= now]

    def trim(self, before: float) -> None:
        self._events = [event for event in self._events if event.timestamp >= before]

    def __len__(self) -> int:
        return len(self._events)


own: ObservationStore = ListStore()
shipped: ObservationStore = InMemoryStore(max_age_seconds=3600)
SLOTracker(SLODefinition("jobs", 0.9), store=ListStore())
SLOTracker(SLODefinition("jobs", 0.9), store=shipped, clock=FakeClock())


class HalfAStore:
    """Cannot trim."""

    def record(self, observation: Observation) -> None: ...


def refuse() -> None:
    """What is no store is refused before it runs."""
    SLOTracker(SLODefinition("jobs", 0.9), store=HalfAStore())  # type: ignore[arg-type]  # no window, trim, __len__


def show(registry: SLORegistry) -> None:
    """Views."""
    exporter = PrometheusExporter(registry)
    body, content_type = exporter.render(accept="text/plain", names=["slo_target"])
    assert_type(body, bytes)
    assert_type(content_type, str)
    assert_type(exporter.collector_registry, CollectorRegistry)
    CollectorRegistry().register(SLOCollector(registry))


@slo_track("checkout", "payments")
def view(request: object, *, order: int) -> str:
    return str(order)


@slo_exempt
def health(request: object) -> str:
    return "well"


assert_type(view(object(), order=1), str)
assert_type(health(object()), str)


def look(registry: SLORegistry) -> Iterable[str | None]:
    """What tests of services use."""
    clock = FakeClock()
    clock.advance(seconds=1, minutes=2)
    with capture_requests(registry) as events:
        assert_type(events, list[RequestEvent])
    return [event.route for event in events]
