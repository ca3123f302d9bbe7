"""The exporter: every service of a shared store on one page, and nothing written to the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.metrics.view import services_view
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.testing import FakeClock, batch_of, declared
from store_house import House


@pytest.fixture
def house(tmp_path: Path, clock: FakeClock) -> House:
    return House(tmp_path, clock)


def test_every_service_is_on_one_page(house: House) -> None:
    """Each SLO under its service, with the numbers of its own process."""
    house.count("shop", SLODefinition("availability", 0.9), 98, 2)
    house.count("till", SLODefinition("availability", 0.5), 3, 1)

    series = house.scrape(house.exporter())

    assert series["slo_success_ratio", "shop", "availability"] == 0.98
    assert series["slo_error_budget_remaining", "shop", "availability"] == 0.8
    assert series["slo_events_total", "shop", "availability"] == 2
    assert series["slo_success_ratio", "till", "availability"] == 0.75
    assert series["slo_target", "till", "availability"] == 0.5
    assert series["slo_store_up", "shop", ""] == series["slo_store_up", "till", ""] == 1


def test_the_page_is_that_of_the_service_itself(house: House) -> None:
    """Series by series, but for what is about the answering process: its lag and its clock."""
    house.count("shop", SLODefinition("availability", 0.99, labels={"team": "cash"}), 98, 2)
    store = WriteBehindStore(house.buckets("shop"), clock=house.clock)
    with SLORegistry(store, service="shop", clock=house.clock) as registry:
        registry.define(SLODefinition("availability", 0.99, labels={"team": "cash"}))
        from slo_core.metrics.view import MetricsView

        own = MetricsView(registry).respond("GET").body.decode()

    page = services_view(house.exporter()).respond("GET").body.decode()

    of_the_process = ("slo_flush_lag_seconds", "slo_clock_skew_seconds", "slo_store_losses")
    lines = [line for line in own.splitlines() if not any(name in line for name in of_the_process)]
    assert page.splitlines() == lines


def test_nothing_is_written_to_the_store(house: House) -> None:
    """No batch, no note, no declaration: the file has the same bytes after a look at every service and SLO."""
    house.count("shop", SLODefinition("availability", 0.9), 98, 2)
    before = house.path.read_bytes()
    exporter = house.exporter()

    house.scrape(exporter)
    house.scrape(exporter)
    exporter.close()

    assert house.path.read_bytes() == before
    assert house.buckets("shop").names() == ["availability"]


def test_new_slos_services_and_definitions_appear(house: House) -> None:
    """What a process declares after the exporter was started is on the next scrape, a changed target as well."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    exporter = house.exporter()
    assert house.scrape(exporter)["slo_target", "shop", "availability"] == 0.9

    house.count("shop", SLODefinition("availability", 0.8), 0, 0)
    house.count("shop", SLODefinition("latency", 0.99), 1, 0)
    house.count("till", SLODefinition("availability", 0.5), 1, 0)
    series = house.scrape(exporter)

    assert {key[1:]: value for key, value in series.items() if key[0] == "slo_target"} == {
        ("shop", "availability"): 0.8,
        ("shop", "latency"): 0.99,
        ("till", "availability"): 0.5,
    }


def test_events_counted_since_the_last_scrape_are_seen(house: House) -> None:
    """The registry stays the same, the numbers do not."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    exporter = house.exporter()
    (registry,) = house.read(exporter)
    assert house.scrape(exporter)["slo_events_total", "shop", "availability"] == 1

    house.count("shop", SLODefinition("availability", 0.9), 0, 4)

    assert house.scrape(exporter)["slo_events_total", "shop", "availability"] == 5
    assert house.read(exporter) == [registry]


def test_one_service_is_shown_when_it_is_named(house: House) -> None:
    """The others stay out; its own label is there even before it has declared anything."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    exporter = house.exporter("till")
    assert house.scrape(exporter)["slo_store_up", "till", ""] == 1

    house.count("till", SLODefinition("availability", 0.5), 1, 0)
    series = house.scrape(exporter)

    assert {service for _, service, _ in series} == {"till"}
    assert series["slo_target", "till", "availability"] == 0.5


def test_a_store_that_is_down_is_shown_as_down(house: House) -> None:
    """200, `slo_store_up` 0 for each service, no SLO series; and it is asked once, not once for each service."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    house.count("till", SLODefinition("availability", 0.9), 9, 1)
    exporter = house.exporter()
    house.scrape(exporter)

    house.is_down = True
    series = house.scrape(exporter)
    asked = house.asked
    house.is_down = False
    later = house.scrape(exporter)

    assert series["slo_store_up", "shop", ""] == series["slo_store_up", "till", ""] == 0
    assert {slo for _, _, slo in series} == {""}
    assert asked == 1
    assert later["slo_store_up", "shop", ""] == 1
    assert later["slo_events_total", "till", "availability"] == 1


def test_a_store_that_was_never_reached_is_shown_as_down(house: House) -> None:
    """Without labels: its services are not known. It recovers by itself."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    house.is_down = True
    exporter = house.exporter()
    assert house.scrape(exporter)["slo_store_up", "", ""] == 0

    house.is_down = False

    assert house.scrape(exporter)["slo_store_up", "shop", ""] == 1


def test_the_log_of_an_outage_holds_no_password(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """What a driver says is not repeated, only what kind of error it was."""
    house.is_down = True

    house.scrape(house.exporter())

    assert "OSError" in caplog.text
    assert "hunter2" not in caplog.messages[0]


def test_an_empty_store_has_no_slos(house: House) -> None:
    """And stays without an identity that the exporter has given it."""
    series = house.scrape(house.exporter())

    assert series["slo_store_up", "", ""] == 1
    assert {slo for _, _, slo in series} == {""}


def test_a_definition_that_cannot_be_read_hides_no_other(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """It is counted as an internal error and named in the log."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    house.buckets("shop").apply([batch_of([], number=1, slo="strange", declaration=declared(house.clock()))])

    series = house.scrape(house.exporter())

    assert {slo for _, _, slo in series} == {"", "availability"}
    assert series["slo_internal_errors_total", "shop", ""] == 1
    assert "service 'shop', SLO 'strange': not shown" in caplog.text


def test_the_total_of_internal_errors_never_starts_anew(house: House) -> None:
    """A changed definition makes another registry, but the errors are those of the same service."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    house.buckets("shop").apply([batch_of([], number=1, slo="strange", declaration=declared(house.clock()))])
    exporter = house.exporter()
    house.scrape(exporter)

    house.count("shop", SLODefinition("availability", 0.8), 0, 0)

    assert house.scrape(exporter)["slo_internal_errors_total", "shop", ""] == 2
