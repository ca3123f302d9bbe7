"""Metrics as text: the format that was asked for, of what is registered at that moment."""

from __future__ import annotations

import pytest
from prometheus_client.exposition import choose_encoder

from slo_core import PrometheusExporter, SLODefinition, SLORegistry
from slo_core.testing import FakeClock

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    """One SLO with a good and a bad event."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("availability", 0.999))
    tracker.record(True)
    tracker.record(False)
    return registry


@pytest.mark.parametrize(
    "accept",
    [
        "", "*/*", "text/plain", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS,
        "application/openmetrics-text", "application/openmetrics-text; version=0.0.1",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8,text/plain;version=1.0.0;q=0.5",
        "text/plain;version=1.0.0;escaping=allow-utf-8", "nonsense;;;", "image/png",
    ],
)  # fmt: skip
def test_the_format_is_what_the_installed_client_chooses(registry: SLORegistry, accept: str) -> None:
    """Body and content type belong together: Prometheus 3 refuses what does not."""
    exporter = PrometheusExporter(registry)
    encode, content_type = choose_encoder(accept)

    assert exporter.render(accept=accept) == (encode(exporter.collector_registry), content_type)


def test_output_may_be_restricted_to_names(registry: SLORegistry) -> None:
    """As `name[]` asks; a counter goes by its sample names."""
    exporter = PrometheusExporter(registry)

    body, _ = exporter.render(names=["slo_target", "slo_events_total", "nothing"])

    names = {line.partition("{")[0] for line in body.decode().splitlines() if not line.startswith("#")}
    assert names == {"slo_target", "slo_events_total"}


def test_an_slo_added_between_two_scrapes_is_in_the_second(registry: SLORegistry) -> None:
    """Collected is what is registered at that moment."""
    exporter = PrometheusExporter(registry)
    assert b'slo="new"' not in exporter.render()[0]

    registry.define(SLODefinition("new", 0.9))

    assert b'slo="new"' in exporter.render()[0]
