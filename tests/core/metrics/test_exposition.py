"""The text formats as we write them: byte for byte what prometheus_client writes."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.exposition import choose_encoder

from slo_core import PrometheusExporter, SLODefinition, SLORegistry
from slo_core.metrics.collector import ServicesCollector
from slo_core.metrics.exposition import can_write
from slo_core.objectives.http_rule import HTTPRule
from slo_core.testing import FakeClock

OPEN_METRICS = "application/openmetrics-text"
ACCEPTED = [
    "",
    "text/plain; version=0.0.4",
    "text/plain; version=1.0.0; escaping=allow-utf-8",
    OPEN_METRICS,
    f"{OPEN_METRICS}; version=1.0.0",
    f"{OPEN_METRICS}; version=1.0.0; escaping=allow-utf-8",
    # The other two ways to escape names change those of letters and underscores, too.
    f"{OPEN_METRICS}; version=1.0.0; escaping=dots",
    f"{OPEN_METRICS}; version=1.0.0; escaping=values",
]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)


def service(name: str, clock: FakeClock, *, owner: str = "shop", events: int = 100, good: int = 90) -> SLORegistry:
    registry = SLORegistry(clock=clock, service="shop")
    registry.define(SLODefinition("latency", 0.99, http=HTTPRule(latency_seconds=0.3)))
    tracker = registry.define(SLODefinition(name, 0.999, labels={"owner": owner}))
    for event in range(events):
        tracker.record(event < good)
    return registry


def assert_same(exporter: PrometheusExporter, accept: str) -> None:
    encode, content_type = choose_encoder(accept)

    assert exporter.render(accept=accept) == (encode(exporter.collector_registry), content_type)


@pytest.mark.parametrize("accept", ACCEPTED)
def test_every_format_is_that_of_the_client_library(clock: FakeClock, accept: str) -> None:
    """A scraper cannot tell who has written it."""
    assert_same(PrometheusExporter(service("availability", clock)), accept)


@pytest.mark.parametrize("accept", ACCEPTED)
def test_so_are_those_of_several_services(clock: FakeClock, accept: str) -> None:
    """One head for each family, and the series of all services under it."""
    registries = [service("availability", clock), service("orders", clock)]
    services = ServicesCollector(lambda: {registry: registry.internals.read_all() for registry in registries})

    assert_same(PrometheusExporter(services), accept)


@example(name='\\n"\n\\"', owner='"\\\n', good=1, accept="")
@given(name=TEXT, owner=TEXT, good=st.integers(0, 30), accept=st.sampled_from(ACCEPTED))
def test_whatever_stands_in_names_and_labels(name: str, owner: str, good: int, accept: str) -> None:
    """Quotes, backslashes, line ends; and numbers of any size."""
    assert_same(PrometheusExporter(service(name, FakeClock(), owner=owner, events=30, good=good)), accept)


def test_what_it_cannot_write_is_known() -> None:
    """Where a scraper wants our names in another spelling."""
    assert can_write("text/plain; version=0.0.4; charset=utf-8")
    assert can_write("application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores")
    assert not can_write("application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=values")
