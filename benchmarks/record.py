"""Recording one event."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram
from slo_budget_tracker import SLODefinition as TheirDefinition
from slo_budget_tracker import SLOTracker as TheirTracker

from benchmarks.contest import Result, compete, hold_to, print_table, ratio_of, seconds_per_call
from slo_core import SLODefinition, SLOTracker

__all__ = ["run"]

_CALLS = 50_000
_THREADS = 4
_OURS, _REFERENCE = "slo-suite tracker.record(True)", "prometheus_client Counter.inc()"


class _Nothing:
    def record(self, success: bool) -> None:
        pass


def _otel_counter() -> Callable[[], object]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    provider = MeterProvider(metric_readers=[InMemoryMetricReader()])
    counter = provider.get_meter("benchmark").create_counter("events")
    return lambda: counter.add(1)


def _measure(function: Callable[[], object], calls: int = _CALLS) -> Callable[[], float]:
    return lambda: seconds_per_call(function, calls)


def _measure_threads(function: Callable[[], object]) -> Callable[[], float]:
    """Seconds an event when several threads record concurrently, all of them together."""

    def measure() -> float:
        threads = [threading.Thread(target=seconds_per_call, args=(function, _CALLS)) for _ in range(_THREADS)]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (time.perf_counter() - started) / (_THREADS * _CALLS)

    return measure


def run(rounds: int) -> None:
    """Print both tables, one thread and several, and count that no event was lost."""
    prometheus = CollectorRegistry()
    counter = Counter("plain", "One counter.", registry=prometheus)
    labelled = Counter("labelled", "One counter a label.", ["slo"], registry=prometheus)
    histogram = Histogram("latency", "One histogram.", registry=prometheus)
    ours = SLOTracker(SLODefinition("availability", 0.999))
    # One window of a minute keeps their memory in bounds; the cost of a record is the same.
    theirs = TheirTracker(TheirDefinition("availability", 0.999, 60, (60,)))
    nothing = _Nothing()
    contenders: dict[str, Callable[[], object]] = {
        "empty method call": lambda: nothing.record(True),
        _OURS: lambda: ours.record(True),
        _REFERENCE: counter.inc,
        "prometheus_client Counter.labels().inc()": lambda: labelled.labels("availability").inc(),
        "prometheus_client Histogram.observe()": lambda: histogram.observe(0.1),
        "slo-budget-tracker record(True)": lambda: theirs.record(True),
    }
    # The same lambda around every contender, so that it weighs the same.
    contenders[_REFERENCE] = lambda: counter.inc()
    try:
        contenders["OpenTelemetry Counter.add(1)"] = _otel_counter()
    except ImportError:
        print("opentelemetry-sdk is not installed: left out")
    measures = {name: _measure(function) for name, function in contenders.items()}
    results = compete(measures, rounds)
    print_table("record one event, 1 thread", results, reference=_REFERENCE, unit="ns")
    _hold_to_target(results, "1 thread")

    before = ours.snapshot().lifetime_good
    names = (_OURS, _REFERENCE, "slo-budget-tracker record(True)")
    results = compete({name: _measure_threads(contenders[name]) for name in names}, rounds)
    print_table(f"record one event, {_THREADS} threads", results, reference=_REFERENCE, unit="ns")
    _hold_to_target(results, f"{_THREADS} threads")
    expected = (rounds + 1) * _THREADS * _CALLS
    lost = expected - (ours.snapshot().lifetime_good - before)
    hold_to("events lost by slo-suite", "none", f"{lost:,} of {expected:,}", is_met=lost == 0)


def _hold_to_target(results: dict[str, Result], threads: str) -> None:
    ratio = ratio_of(results, _OURS, _REFERENCE)
    hold_to(f"tracker.record(True), {threads}", "<= 0.8 x Counter.inc()", f"{ratio:.2f} x", is_met=ratio <= 0.8)
