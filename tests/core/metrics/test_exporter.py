"""Metrics as text: the format that was asked for, of what is registered at that moment."""

from __future__ import annotations

import pytest
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from slo_core import PrometheusExporter, SLODefinition, SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.stores.failure_buffer import EventDetails
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


@pytest.mark.parametrize("accept", [OPENMETRICS, "text/plain"])
def test_open_metrics_has_the_newest_trace_as_an_exemplar(clock: FakeClock, accept: str) -> None:
    """Of the newest bad event that has one, behind the count of bad events; the text format has no exemplars."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("availability", 0.999))
    registry.define(SLODefinition("calm", 0.999)).record(True)
    for trace in (0xAB, 0xCD, None):
        tracker.internals.record_cause(tracker, Cause("GET /x", "503"), EventDetails(0.25, trace))
        clock.advance(1.5)

    body, _ = PrometheusExporter(registry).render(accept=accept)

    families = {
        family.name: family for family in (parse_open_metrics if accept == OPENMETRICS else parse_text)(body.decode())
    }
    exemplars = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.exemplar
        for family in families.values()
        for sample in family.samples
        if sample.exemplar is not None
    }
    if accept == OPENMETRICS:
        (exemplar,) = exemplars.values()
        assert list(exemplars) == [("slo_events_total", (("outcome", "bad"), ("slo", "availability")))]
        assert (exemplar.labels, exemplar.value) == ({"trace_id": f"{0xCD:032x}"}, 1.0)
        assert float(exemplar.timestamp) == clock() - 3
    else:
        assert exemplars == {}
        assert b"trace_id" not in body


def test_an_exemplar_goes_with_the_bad_events_of_the_shortest_window(clock: FakeClock) -> None:
    """A calm SLO asks its store for nothing."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("availability", 0.999))
    tracker.internals.record_cause(tracker, Cause("GET /x", "503"), EventDetails(0.25, 0xAB))
    clock.advance(hours=2)

    body, _ = PrometheusExporter(registry).render(accept=OPENMETRICS)

    assert b"trace_id" not in body
