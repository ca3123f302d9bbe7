"""Where the counts of SLOs are in Prometheus: one process of each shared store, or every process."""

from __future__ import annotations

import re

from shop_rules import alerts, all_rules, many, records, rules
from slo_core import AlertRule, SLODefinition
from slo_core.rules.rule_set import PrometheusRules


def counts(rule_set: PrometheusRules) -> str:
    (record,) = records(rule_set, "slo:window_counts:sum").values()
    return record["expr"]


def test_counts_of_shared_stores_are_the_last_scrape_of_each_store_added_up() -> None:
    """Both counts of a window come from the process that was scraped last; stores add up."""
    slo = SLODefinition("a", 0.999, 300, burn_rate_windows=(), alert_rules=())

    assert counts(rules(slo)).splitlines()[:14] == [
        "(",
        "  sum by (slo_service, slo, sloth_window, slo_count) (",
        "    label_replace(",
        "      label_replace(",
        ('        {slo_service="shop",__name__=~"slo_window_events|slo_window_failures",window_seconds=~"300"}'),
        "        and",
        (
            "        topk by (slo_service, slo, store_id, window_seconds) "
            '(1, timestamp(slo_window_events{slo_service="shop",window_seconds=~"300"})),'
        ),
        '        "slo_count", "$1", "__name__", "slo_window_(.+)"',
        "      ),",
        '      "sloth_window", "5m", "window_seconds", "300"',
        "    )",
        "  )",
        ")",
        "+ on (slo_service, slo) group_left (sloth_id, sloth_service, sloth_slo)",
    ]


def test_counts_of_processes_are_their_counters_added_up() -> None:
    """What a process born in the window held when it was seen first is added, and a comment says what to expect."""
    expression = counts(rules(scope="process"))

    series = '{slo_service="shop",outcome="bad"}'
    failures_of_five_minutes = (
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
    assert "# Adds up the counters of all processes. Close to what they show themselves; equality" in expression
    assert "".join(failures_of_five_minutes.split()) in "".join(expression.split())


def test_a_process_of_the_default_service_shows_no_service_label() -> None:
    """As `slo_core.metrics.collector` leaves it out; records have it all the same."""
    expression = counts(rules(service="default", scope="process"))

    assert 'slo_events_total{slo_service=""}[5m]' in expression
    assert "sum by (slo) (" in expression
    assert "+ on (slo) group_left (slo_service, sloth_id, sloth_service, sloth_slo)" in expression


def test_a_calendar_window_is_read_by_its_nominal_length() -> None:
    """The label that the metrics give it."""
    expression = counts(rules(SLODefinition("a", 0.999, window="month")))

    assert '"sloth_window", "30d", "window_seconds", "2592000"' in expression


def test_processes_measure_as_long_as_one_of_them_or_a_predecessor_did() -> None:
    """A deploy replaces them all, and what they counted is still known."""
    page = alerts(rules(scope="process"))[0]

    assert page["expr"].endswith(
        "and on (slo_service, slo)\n"
        "(\n"
        "  time() - min by (slo_service, slo) (\n"
        '    min_over_time(slo_data_since_seconds{slo_service="shop"}[5m])\n'
        "  ) >= 300\n"
        ")"
    )


def test_a_rolling_window_as_long_as_the_calendar_window_is_another_one() -> None:
    """Seven days in an SLO of the week: the matchers take one series each, and the records have names of their own."""
    rule = AlertRule("7d", "6h", severity="ticket", burn_rate=1)
    rule_set = rules(SLODefinition("a", 0.999, window="week", alert_rules=(rule,)))
    (counts,) = records(rule_set, "slo:window_counts:sum").values()

    assert '"sloth_window", "1w", "window_seconds", "604800"' in counts["expr"]
    assert '"sloth_window", "period", "window_period", ".+"' in counts["expr"]
    (burn,), (exhausted,) = alerts(rule_set), alerts(rule_set, "SLOBudgetExhausted")
    assert 'sloth_window="1w"' in burn["expr"]
    assert 'sloth_window="period"' not in burn["expr"]
    assert 'sloth_window="period"' in exhausted["expr"]
    (alone,) = records(rules(SLODefinition("a", 0.999, window="week")), "slo:window_counts:sum").values()
    assert "window_period" not in alone["expr"]


def test_rules_of_few_slos_read_the_series_of_those() -> None:
    """Not all of the service once more: the work grows with the SLOs, not with its square."""
    own = AlertRule("2h", "10m", severity="page", burn_rate=9)
    few = [SLODefinition(name, 0.99, alert_rules=(own,)) for name in ("a.b", "c")]
    one = SLODefinition("week", 0.99, 7 * 86_400)

    rule_set = rules(*many(5), *few, one)

    selectors = [
        {
            slo
            for slo in ("a.b", "c", "week", "slo-1")
            if slo in re.sub(r"\\\\", "", " ".join(SELECTOR.findall(rule["expr"])))
        }
        for rule in all_rules(rule_set)
        if "slo_window_events{" in rule["expr"]
    ]
    assert selectors == [set(), {"a.b", "c"}, {"week"}]


SELECTOR = re.compile(r'slo=~?"[^"]*"')
