"""SLOs by the JSON of their service: the same as in the service. Tests of json_view and counted."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from fleet_memory import FleetMemory
from slo_core import SLODefinition, SLORegistry
from slo_core.metrics.exporter import PrometheusExporter
from slo_core.status.gate import Gate
from slo_core.status.json_view import services_json, status_json
from slo_core.status.sources.json_view import services_of_json
from slo_core.status.sources.metrics_page import services_of_metrics
from slo_core.testing import FakeClock


def entries(document: dict[str, Any], *, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [{key: value for key, value in slo.items() if key not in without} for slo in document["slos"]]


def test_what_is_read_from_the_json_is_what_was_written(registry: SLORegistry) -> None:
    """Every key of every SLO, exactly; `slo status --json` adds whose SLO it is."""
    document = json.loads(json.dumps(status_json(registry)))

    again = services_json(services_of_json(document, address="u"))

    assert entries(again, without=("service",)) == entries(document)
    assert {slo["service"] for slo in again["slos"]} == {"shop"}
    assert (again["service"], again["store"], again["errors"]) == ("shop", document["store"], [])


def test_a_month_begins_where_its_service_is() -> None:
    """At 20:00 UTC of 31 January, Tokyo's February is five hours old; and the gate is told so by the page."""
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    registry = SLORegistry(FleetMemory(clock=clock), clock=clock)
    registry.define(SLODefinition("a", 0.9, window="month", timezone="Asia/Tokyo"))
    clock.advance(days=30, hours=20)
    registry["a"].record_success()

    services = services_of_json(json.loads(json.dumps(status_json(registry))), address="u")

    ((definition, _),) = services[0].snapshots
    assert definition.timezone == "Asia/Tokyo"
    assert [str(finding) for finding in Gate().judge(services)] == [
        "YOUNG    a: measured 5h of 28 days; a tenth is needed to judge the budget"
    ]


def test_a_document_without_a_time_zone_means_utc(registry: SLORegistry) -> None:
    """As one of an older slo-suite."""
    document = status_json(registry)
    for slo in document["slos"]:
        del slo["timezone"]

    (service,) = services_of_json(document, address="u")

    assert {definition.timezone for definition, _ in service.snapshots} == {"UTC"}


@pytest.mark.parametrize("is_warming_up", [True, False])
def test_whether_a_budget_can_be_judged_is_not_worked_out_again(registry: SLORegistry, is_warming_up: bool) -> None:
    """The service knows its last period, and how many failures its rules ask for; both pages say its decision."""
    document = status_json(registry)
    for slo in document["slos"]:
        slo["is_warming_up"] = is_warming_up

    (service,) = services_of_json(document, address="u")
    assert {snapshot.is_warming_up for _, snapshot in service.snapshots} == {is_warming_up}

    text = PrometheusExporter(registry).render()[0].decode()
    text = re.sub(r"^(slo_warming_up\{.*\}) .*$", rf"\1 {int(is_warming_up)}", text, flags=re.MULTILINE)
    (service,) = services_of_metrics(text, address="u", at=1.7e9)
    assert {snapshot.is_warming_up for _, snapshot in service.snapshots} == {is_warming_up}


def test_a_page_of_an_older_version_is_judged_by_what_it_shows(registry: SLORegistry) -> None:
    """Without the decision, and without the counts of the last five minutes."""
    document = status_json(registry)
    for slo in document["slos"]:
        del slo["is_warming_up"]
        slo["windows"] = [window for window in slo["windows"] if window["window_seconds"] != 300]
        slo["alerts"] = [alert for alert in slo["alerts"] if alert["short_window_seconds"] != 300]

    (service,) = services_of_json(document, address="u")

    for (_, snapshot), slo in zip(service.snapshots, document["slos"], strict=True):
        assert snapshot.is_warming_up == (slo["failures"] == 1)  # measured for days
        assert [alert.is_firing for alert in snapshot.alerts] == [alert["is_firing"] for alert in slo["alerts"]]


def test_whether_an_alert_fires_is_not_worked_out_again(registry: SLORegistry) -> None:
    """How many failures its rule asks for is not shown: one, where two are the default."""
    document = status_json(registry)
    burning = document["slos"][1]
    burning["windows"] = [{**window, "total": 1_000, "failures": 100} for window in burning["windows"]]
    for alert in burning["alerts"]:
        alert["is_firing"] = False

    ((_, (_, snapshot), *_),) = [service.snapshots for service in services_of_json(document, address="u")]

    assert snapshot.is_firing is False
    assert snapshot.failures == 100
