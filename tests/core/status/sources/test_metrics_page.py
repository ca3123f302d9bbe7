"""SLOs by the metrics of their service or of an exporter: the same as in the service."""

from __future__ import annotations

from typing import Any

import pytest

from fleet_memory import FleetMemory
from slo_core import PrometheusExporter, SLODefinition, SLORegistry
from slo_core.errors import SLOError
from slo_core.status.json_view import services_json, status_json
from slo_core.status.sources.metrics_page import services_of_metrics
from slo_core.testing import FakeClock


def entries(document: dict[str, Any], *, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [{key: value for key, value in slo.items() if key not in without} for slo in document["slos"]]


def counts_of(slo: dict[str, Any]) -> list[tuple[int, int, int]]:
    return sorted((window["window_seconds"], window["total"], window["failures"]) for window in slo["windows"])


def test_what_is_read_from_the_metrics_is_what_the_json_says(registry: SLORegistry, clock: FakeClock) -> None:
    """But for what is no metric: words, when an event came last, what alerts compare with, and that a rule waits."""
    text = PrometheusExporter(registry).render()[0].decode()

    again = services_json(services_of_metrics(text, address="u", at=clock()))

    words = (
        "service",
        "description",
        "runbook",
        "dashboard",
        "last_event_at",
        "alerts",
        "burning_now",
        "windows",
        "covered_since",
    )
    document = status_json(registry)
    assert entries(again, without=words) == entries(document, without=words)
    for seen, known in zip(again["slos"], document["slos"], strict=True):
        assert [alert["threshold"] for alert in seen["alerts"]] == [None] * len(known["alerts"])
        assert [alert["is_firing"] for alert in seen["alerts"]] == [alert["is_firing"] for alert in known["alerts"]]
        assert counts_of(seen) == counts_of(known)


def test_an_exporters_page_shows_every_service(clock: FakeClock) -> None:
    """Each with its own store."""
    pages = []
    for name in ("shop", "till"):
        registry = SLORegistry(FleetMemory(clock=clock), service=name, clock=clock)
        registry.define(SLODefinition("a", 0.9)).record_failure()
        pages.append(PrometheusExporter(registry).render()[0].decode())

    services = services_of_metrics("".join(pages), address="u", at=clock())

    assert [(service.service, service.snapshots[0][1].failures) for service in services] == [("shop", 1), ("till", 1)]


def test_the_numbers_of_one_process_are_said_to_be_that() -> None:
    """The next scrape may be answered by another."""
    registry = SLORegistry.from_config({"a": {"target": 0.9}})

    (service,) = services_of_metrics(PrometheusExporter(registry).render()[0].decode(), address="u", at=0.0)

    assert service.service == "default"
    assert service.note is not None
    assert "counts in each process for itself" in service.note


def test_a_store_that_is_down_is_told() -> None:
    """There are no numbers then."""
    text = 'slo_store_info{backend="redis",scope="fleet"} 1\nslo_store_up 0\n'

    (service,) = services_of_metrics(text, address="u", at=0.0)

    assert (service.is_up, service.snapshots) == (False, [])
    assert service.error == "its store cannot be read (slo_store_up is 0)"


def test_a_page_that_puts_services_together_is_refused(registry: SLORegistry) -> None:
    """Which of two numbers is true cannot be told."""
    text = PrometheusExporter(registry).render()[0].decode()

    with pytest.raises(SLOError, match="has several series"):
        services_of_metrics(text + text, address="u", at=0.0)
