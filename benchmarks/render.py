"""The body of `/metrics`: a hundred SLOs worked out at the scrape, against numbers that lie ready."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.contest import compete, hold_to, print_table, ratio_of, seconds_per_call
from slo_core import SLODefinition, SLORegistry
from slo_core.metrics.exporter import PrometheusExporter

__all__ = ["run", "service_of"]

SLO_COUNT = 100
_OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


def service_of(count: int) -> SLORegistry:
    """A service of so many SLOs, each with a few events behind it."""
    registry = SLORegistry()
    for index in range(count):
        tracker = registry.define(SLODefinition(f"slo-{index:04}", 0.999))
        for event in range(100):
            tracker.record(event > 0)
    return registry


def _lines(body: bytes) -> Iterator[str]:
    return (line for line in body.decode().splitlines() if not line.startswith("#"))


def _preset(body: bytes) -> CollectorRegistry:
    """Gauges that hold every series of an exposition: same labels, same values, nothing left to work out."""
    registry = CollectorRegistry()
    for family in text_string_to_metric_families(body.decode()):
        gauges: dict[str, Gauge] = {}
        for sample in family.samples:
            if sample.name not in gauges:
                name = sample.name.replace("_total", "_sum_of").replace("_created", "_since")
                gauges[sample.name] = Gauge(name, family.documentation, list(sample.labels), registry=registry)
            gauge = gauges[sample.name]
            (gauge.labels(**sample.labels) if sample.labels else gauge).set(sample.value)
    return registry


def run(rounds: int) -> None:
    """Print both formats, and where the time goes."""
    service = service_of(SLO_COUNT)
    exporter = PrometheusExporter(service)
    body, _ = exporter.render()
    preset = _preset(body)
    series = sum(1 for _ in _lines(body))
    assert series == sum(1 for _ in _lines(generate_latest(preset)))
    ours, theirs = "slo-suite", "generate_latest, preset gauges"
    results = compete(
        {
            theirs: lambda: seconds_per_call(lambda: generate_latest(preset), 3),
            ours: lambda: seconds_per_call(exporter.render, 3),
            "slo-suite, OpenMetrics": lambda: seconds_per_call(lambda: exporter.render(accept=_OPEN_METRICS), 3),
            "slo-suite, the snapshots alone": lambda: seconds_per_call(service.snapshot_all, 3),
        },
        2 * rounds,
    )
    print_table(f"/metrics of {SLO_COUNT} SLOs, {series:,} series", results, reference=theirs, unit="ms")
    ratio = ratio_of(results, ours, theirs)
    hold_to(f"/metrics of {SLO_COUNT} SLOs", "<= 1.0 x generate_latest", f"{ratio:.2f} x", is_met=ratio <= 1.0)
