"""Where the counts of an SLO are in Prometheus: one process of each shared store, or every process."""

from __future__ import annotations

from shop_rules import alerts, records, rules
from slo_core import AlertRule, SLODefinition


def test_counts_of_shared_stores_are_one_process_of_each_store_added_up() -> None:
    """The largest of what its processes show is the newest; stores add up."""
    record = records(rules(), "slo:window_failures:sum")["1h"]

    assert record["expr"] == (
        "sum by (slo_service, slo) (\n"
        "  max by (slo_service, slo, window_seconds, store_id) (\n"
        '    slo_window_failures{slo_service="shop",slo="availability",window_seconds="3600"}\n'
        "  )\n"
        ")"
    )
    assert record["labels"] == {
        "slo_service": "shop",
        "slo": "availability",
        "sloth_id": "shop-availability",
        "sloth_service": "shop",
        "sloth_slo": "availability",
        "sloth_window": "1h",
    }


def test_counts_of_processes_are_their_counters_added_up() -> None:
    """What a process born in the window held when it was seen first is added, and a comment says what to expect."""
    record = records(rules(scope="process"), "slo:window_failures:sum")["5m"]

    series = '{slo_service="shop",slo="availability",outcome="bad"}'
    assert record["expr"] == (
        "# Adds up the counters of all processes. Close to what they show themselves; equality is not promised.\n"
        "sum by (slo_service, slo) (\n"
        f'  label_replace(increase(slo_events_total{series}[5m]), "slo_part", "grown", "", "")\n'
        "  or\n"
        "  label_replace(\n"
        f"    (min_over_time(slo_events_total{series}[5m]) unless slo_events_total{series} offset 5m)\n"
        f"    and last_over_time(slo_events_created{series}[5m]) > time() - 300,\n"
        '    "slo_part", "held at birth", "", ""\n'
        "  )\n"
        ")"
    )


def test_a_process_of_the_default_service_shows_no_service_label() -> None:
    """As `slo_core.metrics.collector` leaves it out; records have it all the same."""
    record = records(rules(service="default", scope="process"), "slo:window_events:sum")["5m"]

    assert 'slo_events_total{slo_service="",slo="availability"}[5m]' in record["expr"]
    assert record["expr"].splitlines()[1] == "sum by (slo) ("
    assert record["labels"]["slo_service"] == record["labels"]["sloth_service"] == "default"


def test_a_calendar_window_is_read_by_its_nominal_length() -> None:
    """The label that the metrics give it."""
    rule_set = rules(SLODefinition("a", 0.999, window="month"))

    assert 'window_seconds="2592000"' in records(rule_set, "slo:window_events:sum")["30d"]["expr"]


def test_processes_measure_as_long_as_one_of_them_or_a_predecessor_did() -> None:
    """A deploy replaces them all, and what they counted is still known."""
    page = alerts(rules(scope="process"))[0]

    assert page["expr"].endswith(
        "and on (slo_service, slo)\n"
        "(\n"
        "  time() - min by (slo_service, slo) (\n"
        '    min_over_time(slo_data_since_seconds{slo_service="shop",slo="availability"}[5m])\n'
        "  ) >= 300\n"
        ")"
    )


def test_a_rolling_window_as_long_as_the_calendar_window_is_another_one() -> None:
    """Seven days in an SLO of the week: the matchers take one series each, and the records have names of their own."""
    rule = AlertRule("7d", "6h", severity="ticket", burn_rate=1)
    rule_set = rules(SLODefinition("a", 0.999, window="week", alert_rules=(rule,)))
    events = records(rule_set, "slo:window_events:sum")

    assert 'window_seconds="604800",window_period=""}' in events["1w"]["expr"]
    assert 'window_seconds="604800",window_period="week"}' in events["period"]["expr"]
    (burn,), (exhausted,) = alerts(rule_set), alerts(rule_set, "SLOBudgetExhausted")
    assert 'sloth_window="1w"' in burn["expr"]
    assert 'sloth_window="period"' not in burn["expr"]
    assert 'sloth_window="period"' in exhausted["expr"]
    assert (
        "window_period"
        not in records(rules(SLODefinition("a", 0.999, window="week")), "slo:window_events:sum")["1w"]["expr"]
    )
