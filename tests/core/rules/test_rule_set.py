"""Prometheus rules as text: what they say, worked out by hand. That they work is shown in `e2e/test_rules.py`."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from slo_core import AlertRule, ConfigError, SLODefinition, SLOError
from slo_core.budgets.burn_rate import burns_at_least
from slo_core.budgets.events import EventCounts
from slo_core.conventions import quoted
from slo_core.objectives.duration import parse_duration
from slo_core.objectives.target import Target
from slo_core.rules.annotation import literal
from slo_core.rules.names import ALERTMANAGER_INHIBIT_RULE, RESERVED_RULE_LABELS
from slo_core.rules.promql import duration_text
from slo_core.rules.rule_set import PrometheusRules, prometheus_rules
from slo_core.rules.text import rules_text
from slo_core.rules.threshold import Threshold

DAY = 86_400
AVAILABILITY = SLODefinition("availability", 0.999)


def rules(*slos: SLODefinition, service: str = "shop", scope: Any = "fleet", **options: Any) -> PrometheusRules:
    return prometheus_rules(slos or (AVAILABILITY,), service=service, scope=scope, **options)


def all_rules(found: PrometheusRules) -> list[dict[str, Any]]:
    return [dict(rule) for group in found.groups for rule in group["rules"]]


def records(found: PrometheusRules, name: str) -> dict[str | None, dict[str, Any]]:
    """The rules that record that name, by their window."""
    return {rule["labels"].get("sloth_window"): rule for rule in all_rules(found) if rule.get("record") == name}


def alerts(found: PrometheusRules, name: str = "SLOErrorBudgetBurn") -> list[dict[str, Any]]:
    return [rule for rule in all_rules(found) if rule.get("alert") == name]


# Records.


def test_counts_of_shared_stores_are_one_process_of_each_store_added_up() -> None:
    """The largest of what its processes show is the newest; stores add up."""
    found = records(rules(), "slo:window_failures:sum")["1h"]

    assert found["expr"] == (
        "sum by (slo_service, slo) (\n"
        "  max by (slo_service, slo, window_seconds, store_id) (\n"
        '    slo_window_failures{slo_service="shop",slo="availability",window_seconds="3600"}\n'
        "  )\n"
        ")"
    )
    assert found["labels"] == {
        "slo_service": "shop",
        "slo": "availability",
        "sloth_id": "shop-availability",
        "sloth_service": "shop",
        "sloth_slo": "availability",
        "sloth_window": "1h",
    }


def test_counts_of_processes_are_their_counters_added_up() -> None:
    """What a process born in the window held when it was seen first is added, and a comment says what to expect."""
    found = records(rules(scope="process"), "slo:window_failures:sum")["5m"]

    series = '{slo_service="shop",slo="availability",outcome="bad"}'
    assert found["expr"] == (
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
    found = records(rules(service="default", scope="process"), "slo:window_events:sum")["5m"]

    assert 'slo_events_total{slo_service="",slo="availability"}[5m]' in found["expr"]
    assert found["expr"].splitlines()[1] == "sum by (slo) ("
    assert found["labels"]["slo_service"] == found["labels"]["sloth_service"] == "default"


def test_ratios_know_no_nan_and_have_no_gap() -> None:
    """Without events the ratio is 0, and the series goes on."""
    found = records(rules(), "slo:sli_error:ratio_rate5m")["5m"]

    window = '{sloth_service="shop",sloth_slo="availability",sloth_window="5m"}'
    assert found["expr"] == (
        f"slo:window_failures:sum{window}\n/ (slo:window_events:sum{window} > 0)\nor slo:window_events:sum{window} * 0"
    )


def test_budget_and_burn_rate_are_one_division_of_integers() -> None:
    """As the library works them out, so that both are the same float."""
    found = rules()
    bad, total = (
        f'slo:window_{what}:sum{{sloth_service="shop",sloth_slo="availability",sloth_window="30d"}}'
        for what in ("failures", "events")
    )

    (remaining,) = records(found, "slo:period_error_budget_remaining:ratio").values()
    (burn_rate,) = records(found, "slo:period_burn_rate:ratio").values()

    assert remaining["expr"] == f"({total} - 1000 * {bad})\n/ ({total} > 0)\nor {total} * 0 + 1"
    assert burn_rate["expr"] == f"1000 * {bad}\n/ ({total} > 0)\nor {total} * 0"


def test_an_allowance_that_is_no_part_of_one_multiplies_the_total_too() -> None:
    """97 % allows 3 of 100."""
    (found,) = records(rules(SLODefinition("a", 0.97)), "slo:current_burn_rate:ratio").values()

    bad, total = (
        f'slo:window_{what}:sum{{sloth_service="shop",sloth_slo="a",sloth_window="5m"}}'
        for what in ("failures", "events")
    )
    assert found["expr"] == f"100 * {bad}\n/ (3 * {total} > 0)\nor {total} * 0"


def test_what_an_slo_promises_is_recorded() -> None:
    """Target, budget and period, and an information series with Sloth's labels."""
    found = rules(SLODefinition("a", 0.9995, 7 * DAY, labels={"team": "x"}))

    expressions = {rule["record"]: rule["expr"] for rule in all_rules(found) if "record" in rule}
    assert expressions["slo:objective:ratio"] == "vector(0.9995)"
    assert expressions["slo:error_budget:ratio"] == "vector(0.0005)"
    assert expressions["slo:time_period:days"] == "vector(7)"
    assert expressions["sloth_slo_info"] == "vector(1)"
    (info,) = records(found, "sloth_slo_info").values()
    assert info["labels"] == {
        "slo_service": "shop",
        "slo": "a",
        "sloth_id": "shop-a",
        "sloth_service": "shop",
        "sloth_slo": "a",
        "team": "x",
        "sloth_mode": "slo-suite",
        "sloth_objective": "99.95",
        "sloth_spec": "slo-suite/v1",
        "sloth_version": "v1",
    }


@pytest.mark.parametrize(("days", "period"), [(30, "30d"), (28, "4w"), (7, "1w"), (90, "90d")])
def test_error_ratios_are_recorded_for_the_usual_windows_and_the_period(days: int, period: str) -> None:
    """Under the names that Sloth gives them; those that the SLO does not count as well."""
    found = all_rules(rules(SLODefinition("a", 0.999, days * DAY)))

    prefix = "slo:sli_error:ratio_rate"
    recorded = [rule["record"].removeprefix(prefix) for rule in found if rule.get("record", "").startswith(prefix)]
    assert recorded == ["5m", "30m", "1h", "2h", "6h", "1d", "3d", period] if days > 7 else [*recorded[:7], "1w"]
    assert len(recorded) == 8


def test_windows_of_ones_own_are_recorded_too() -> None:
    """Those of burn rates and alert rules; usual ones that are longer than the SLO's are not."""
    rule = AlertRule("90m", "90s", severity="page", burn_rate=2)
    slo = SLODefinition("a", 0.999, DAY, burn_rate_windows=(7_260,), alert_rules=(rule,))

    windows = list(records(rules(slo), "slo:window_events:sum"))

    assert windows == ["1m30s", "5m", "30m", "1h", "1h30m", "2h", "2h1m", "6h", "1d"]
    (pace,) = records(rules(slo), "slo:current_burn_rate:ratio").values()
    assert 'sloth_window="5m"' in pace["expr"]


def test_a_calendar_window_is_read_by_its_nominal_length() -> None:
    """The label that the metrics give it."""
    found = rules(SLODefinition("a", 0.999, window="month"))

    assert 'window_seconds="2592000"' in records(found, "slo:window_events:sum")["30d"]["expr"]


# Alerts.


def test_an_alert_compares_cross_multiplied_integers_in_both_windows() -> None:
    """14.4 at 99.9 % is 72/5 of 1/1000, with enough failures in the long one, measured for the short one."""
    page = alerts(rules(keep_firing_for="10m"))[0]

    window = 'sloth_service="shop",sloth_slo="availability",sloth_window'
    since = 'slo_data_since_seconds{slo_service="shop",slo="availability"}'
    assert page["expr"] == (
        "(\n"
        f'  slo:window_failures:sum{{{window}="1h"}} * 5000\n'
        f'    >= 72 * slo:window_events:sum{{{window}="1h"}}\n'
        f'  and slo:window_events:sum{{{window}="1h"}} > 0\n'
        f'  and slo:window_failures:sum{{{window}="1h"}} >= 2\n'
        ")\n"
        "and ignoring (sloth_window)\n"
        "(\n"
        f'  slo:window_failures:sum{{{window}="5m"}} * 5000\n'
        f'    >= 72 * slo:window_events:sum{{{window}="5m"}}\n'
        f'  and slo:window_events:sum{{{window}="5m"}} > 0\n'
        ")\n"
        "and on (slo_service, slo)\n"
        "(\n"
        "  max by (slo_service, slo) (\n"
        f"    timestamp({since})\n"
        f"    - {since}\n"
        "  ) >= 300\n"
        ")"
    )
    assert page["keep_firing_for"] == "10m"
    assert page["labels"] == {
        "slo_service": "shop",
        "slo": "availability",
        "sloth_id": "shop-availability",
        "sloth_service": "shop",
        "sloth_slo": "availability",
        "long_window_seconds": "3600",
        "short_window_seconds": "300",
        "severity": "page",
        "sloth_severity": "page",
        "slo_alert_family": "burn",
        "slo_inhibit": "source",
    }
    assert list(page) == ["alert", "expr", "keep_firing_for", "labels", "annotations"]


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


def test_the_rules_in_force_are_the_alerts() -> None:
    """The Workbook's, or one's own."""
    own = AlertRule("2h", "10m", severity="ticket", burn_rate=3, min_failures=7)

    found = alerts(rules(AVAILABILITY, SLODefinition("own", 0.99, alert_rules=(own,))))

    assert [
        (rule["labels"]["severity"], rule["labels"]["long_window_seconds"], rule["labels"]["short_window_seconds"])
        for rule in found
    ] == [
        ("page", "3600", "300"),
        ("page", "21600", "1800"),
        ("ticket", "86400", "7200"),
        ("ticket", "259200", "21600"),
        ("ticket", "7200", "600"),
    ]
    assert ">= 7\n" in found[-1]["expr"]


def test_every_alert_about_budget_and_traffic_outlives_a_dead_store_and_no_other_does() -> None:
    """It shows no numbers, which is no good news."""
    found = all_rules(rules(keep_firing_for="90s"))

    outliving = {rule["alert"] for rule in found if "keep_firing_for" in rule}
    assert outliving == {"SLOErrorBudgetBurn", "SLOBudgetExhausted", "SLOBudgetLow", "SLONoTraffic"}
    assert {rule["keep_firing_for"] for rule in found if "keep_firing_for" in rule} == {"1m30s"}


@pytest.mark.parametrize("nothing", [None, 0, "0s", ""])
def test_an_old_prometheus_can_be_spared_what_it_does_not_know(nothing: Any) -> None:
    """`keep_firing_for` came with 2.42."""
    assert not any("keep_firing_for" in rule for rule in all_rules(rules(keep_firing_for=nothing)))


def test_shared_stores_are_watched_and_single_processes_have_none() -> None:
    """Names of all alerts."""
    of_slo = {
        "SLOErrorBudgetBurn", "SLOBudgetExhausted", "SLOBudgetLow", "SLONoTraffic", "SLOAbsent", "SLOEventsDropped",
    }  # fmt: skip

    for scope, more in (("host", {"SLOStoreDown", "SLOFlushStuck", "SLOHistoryLost"}), ("process", set())):
        assert {rule["alert"] for rule in all_rules(rules(scope=scope)) if "alert" in rule} == of_slo | more
    assert [group["name"] for group in rules().groups] == ["slo/shop/availability", "slo-store/shop"]


def test_a_lost_history_names_every_way_to_lose_it() -> None:
    """A replaced host is one, where each host has a store of its own."""
    (lost,) = alerts(rules(scope="host"), "SLOHistoryLost")

    assert "a host that has an SQLite of its own was replaced" in lost["annotations"]["description"]


def test_people_are_told_where_to_look_and_what_it_is_about() -> None:
    """Runbook, dashboard and the SLO's description; without them no empty annotations."""
    slo = SLODefinition("a", 0.999, runbook="https://run/book", description="People can pay.")

    (spent,) = alerts(rules(slo, dashboard_url="https://dash/board"), "SLOBudgetExhausted")
    (plain,) = alerts(rules(), "SLOBudgetExhausted")

    assert list(spent["annotations"]) == ["summary", "description", "runbook_url", "dashboard_url"]
    assert spent["annotations"]["summary"] == "a of shop has spent its error budget"
    assert spent["annotations"]["description"].endswith(
        "events failed in 30d.\nPromised are 99.9% good in 30d.\nPeople can pay."
    )
    assert spent["annotations"]["runbook_url"] == "https://run/book"
    assert spent["annotations"]["dashboard_url"] == "https://dash/board"
    assert list(plain["annotations"]) == ["summary", "description"]


def test_labels_of_all_alerts_yield_to_those_of_an_slo() -> None:
    """The nearer one is meant."""
    slo = SLODefinition("a", 0.999, labels={"team": "payments"})

    found = rules(slo, AVAILABILITY, labels={"team": "platform", "region": "eu"})

    teams = {(rule["labels"].get("slo"), rule["labels"]["team"]) for rule in all_rules(found) if "alert" in rule}
    assert teams == {("a", "payments"), ("availability", "platform"), (None, "platform")}
    assert {rule["labels"]["region"] for rule in all_rules(found) if "alert" in rule} == {"eu"}
    assert not any("region" in rule["labels"] for rule in all_rules(found) if "record" in rule)


def test_the_most_urgent_severity_silences_the_others() -> None:
    """Whatever it is called; that of the fastest rule."""
    slow = AlertRule("1d", "2h", severity="warning", burn_rate=3)
    fast = AlertRule("1h", "5m", severity="critical", burn_rate=14.4)

    found = alerts(rules(SLODefinition("a", 0.999, alert_rules=(slow, fast))))

    assert [(rule["labels"]["severity"], rule["labels"]["slo_inhibit"]) for rule in found] == [
        ("warning", "target"),
        ("critical", "source"),
    ]
    assert ALERTMANAGER_INHIBIT_RULE == {
        "source_matchers": ['slo_inhibit="source"'],
        "target_matchers": ['slo_inhibit="target"'],
        "equal": ["slo_service", "slo", "slo_alert_family"],
    }


# Texts.


@given(st.text())
def test_a_literal_of_promql_is_what_was_written(text: str) -> None:
    """Its escapes are among those of JSON."""
    assert json.loads(quoted(text), strict=False) == text
    assert "\n" not in quoted(text)


@given(st.text(alphabet='{}"a$ \n'))
def test_text_in_a_template_stays_text(text: str) -> None:
    """A brace is a template of a string; there is no other."""
    escaped = literal(text)

    assert escaped.replace('{{"{"}}', "{") == text
    assert escaped.count("{") == 3 * text.count("{")


@given(st.integers(min_value=1, max_value=92 * DAY))
def test_durations_read_back(seconds: int) -> None:
    """To the second."""
    assert parse_duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (300, "5m"),
        (3600, "1h"),
        (5400, "1h30m"),
        (7 * DAY, "1w"),
        (28 * DAY, "4w"),
        (30 * DAY, "30d"),
        (91 * DAY, "13w"),
    ],
)
def test_durations_are_in_prometheus_shortest_form(seconds: int, text: str) -> None:
    """Weeks where they come out even."""
    assert duration_text(seconds) == text


# Numbers.

TARGETS = st.integers(min_value=1, max_value=99_999).map(lambda share: Target(share / 100_000))
FACTORS = st.fractions(min_value=Fraction(1, 10), max_value=1000, max_denominator=1000)


@given(TARGETS, FACTORS, st.integers(min_value=0, max_value=10**9), st.integers(-2, 2))
def test_a_comparison_in_floats_decides_as_integers_do(
    target: Target, factor: Fraction, total: int, beside: int
) -> None:
    """As long as it is said to be exact, at the factor and next to it."""
    threshold = Threshold.of(target, factor)
    assume(total <= threshold.exact_events)
    bad = min(total, max(0, int(target.allowance * factor * total) + beside))

    in_floats = float(bad) * float(threshold.bad_factor) >= float(threshold.total_factor) * float(total)

    assert (in_floats and total > 0) == burns_at_least(EventCounts(total - bad, bad), target, factor)


def test_numbers_are_written_as_people_think_of_them_while_they_fit() -> None:
    """72/5 of 1/1000; of 1/10**8 the fraction is reduced, so that more events fit."""
    assert Threshold.of(Target(0.999), Fraction(72, 5)) == Threshold("5000", "72", 2**53 // 5000)
    assert Threshold.of(Target(0.99999999), Fraction(72, 5)) == Threshold("62500000", "9", 2**53 // 62_500_000)


def test_numbers_that_are_too_long_are_rounded_and_told() -> None:
    """Sixteen nines: one in 10**16 is no integer of a float."""
    found = Threshold.of(Target(0.9999999999999999))

    assert found == Threshold("1", "1e-16", 0)
    (warning, *_) = [text for text in rules(SLODefinition("a", 0.9999999999999999)).warnings if "digits" in text]
    assert "more digits than Prometheus' floats" in warning


# Warnings.


def test_an_ordinary_slo_in_a_shared_store_has_no_warning() -> None:
    """Also of 90 days: nothing reaches back, so retention does not matter."""
    assert rules(AVAILABILITY, SLODefinition("b", 0.999, 90 * DAY)).warnings == ()


def test_a_rule_that_can_never_fire_is_told() -> None:
    """It was wanted, so it is there all the same."""
    rule = AlertRule("1h", "5m", severity="page", burn_rate=14.4)

    found = rules(SLODefinition("a", 0.9, alert_rules=(rule,)))

    assert len(alerts(found)) == 1
    assert found.warnings == (
        "SLO 'a': alert rule page 1h/5m: its factor 14.4 can never be reached: at a target of 0.9 a total outage burns at 10",
    )


def test_default_rules_that_were_left_out_are_told() -> None:
    """And what an SLO without any means."""
    found = rules(SLODefinition("a", 0.999, 28 * DAY), SLODefinition("b", 0.999, alert_rules=())).warnings

    assert found == (
        (
            "SLO 'a': left out the default alert rule ticket 3d/6h: its factor 0.933333 would alert on a budget that lasts the "
            "whole window"
        ),
        "SLO 'b': no alert rule, so no alert says how fast its budget burns",
    )


def test_counters_of_processes_need_history_and_know_no_calendar() -> None:
    """15 days are what Prometheus keeps unless told otherwise."""
    found = rules(
        SLODefinition("a", 0.999, window="month"), SLODefinition("b", 0.999, 7 * DAY), scope="process"
    ).warnings

    assert found == (
        "SLO 'a': the window 'month' is taken as the last 30d: counters of processes know no calendar",
        (
            "SLO 'a': its window of 30d is longer than the 15d that Prometheus keeps by default: set "
            "--storage.tsdb.retention.time=30d or more, or use a shared store, which needs no history"
        ),
    )


# What is refused.


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"service": ""}, "service: expected the name of the service, got ''; it is the label slo_service"),
        ({"service": " "}, "service: expected the name of the service, got ' '"),
        ({"service": None}, "service: expected the name of the service, got None"),
        (
            {"service": "a\ud800"},
            "service: Prometheus refuses half of a surrogate pair, which UTF-8 cannot encode, got",
        ),
        (
            {"service": "caf\ufffd"},
            (
                "service: Prometheus refuses the replacement character U+FFFD, got 'caf\ufffd'; it stands where text was read "
                "in the wrong encoding"
            ),
        ),
        ({"scope": "cluster"}, 'scope: expected "process", "host" or "fleet", got \'cluster\''),
        ({"labels": {"2x": "y"}}, "labels: expected a label name of letters, digits and underscores, not starting"),
        ({"labels": {"__x": "y"}}, "labels: expected a label name"),
        ({"labels": {"x-y": "y"}}, "labels: expected a label name"),
        ({"labels": {"slo": "y"}}, "labels: the label 'slo' is set by the rules themselves; choose another name"),
        ({"labels": {"alertname": "y"}}, "labels: the label 'alertname' is set"),
        ({"labels": {"x": 1}}, "labels: expected text for the label 'x', got 1"),
        ({"labels": {"x": "\ud800"}}, "labels: expected text for the label 'x'"),
        ({"labels": ["x"]}, "labels: expected a mapping of label names to texts, got ['x']"),
        ({"dashboard_url": None}, "dashboard_url: expected text, got None"),
        ({"keep_firing_for": "soon"}, "keep_firing_for: expected seconds or a duration"),
        ({"keep_firing_for": 1.5}, "keep_firing_for: expected whole seconds, got 1.5; None leaves it out"),
        ({"slos": []}, "definitions: expected at least one SLO, got none"),
        ({"slos": ["a"]}, "definitions[0]: expected an SLODefinition, got 'a'"),
        (
            {"slos": [AVAILABILITY, AVAILABILITY]},
            "definitions[1].name: the name 'availability' is there twice; choose another name",
        ),
        ({"slos": [SLODefinition("\ufffd", 0.9)]}, "definitions[0].name: Prometheus refuses the replacement character"),
        (
            {"slos": [SLODefinition("a", 0.9, labels={"sloth_id": "x"})]},
            "definitions[0].labels: the label 'sloth_id' is set by the rules themselves",
        ),
        ({"slos": [SLODefinition("a", 0.9, runbook="\ud800")]}, "definitions[0].runbook: expected text that UTF-8 can"),
        (
            {"slos": [SLODefinition("a", 0.9, alert_rules=(AlertRule("1h", "5m", severity="\ud800", burn_rate=2),))]},
            "definitions[0].alert_rules: expected text that UTF-8 can encode",
        ),
    ],
)
def test_what_prometheus_would_refuse_is_named(options: dict[str, Any], expected: str) -> None:
    """Before anything is written."""
    given_options = {"service": "shop", "scope": "fleet", **options}
    slos = given_options.pop("slos", [AVAILABILITY])

    with pytest.raises(ConfigError) as caught:
        prometheus_rules(slos, **given_options)

    assert str(caught.value).startswith(expected)
    assert len(caught.value.problems) == 1


def test_all_problems_are_named_at_once() -> None:
    """As everywhere."""
    with pytest.raises(ConfigError) as caught:
        prometheus_rules([], service="", scope="x", labels={"": ""}, dashboard_url=1, keep_firing_for="x")  # type: ignore[arg-type]

    assert [problem.path for problem in caught.value.problems] == [
        "definitions", "service", "labels", "scope", "dashboard_url", "keep_firing_for",
    ]  # fmt: skip


def test_every_label_that_the_rules_set_is_reserved() -> None:
    """Else a configured one would be overwritten without a word."""
    used = {name for scope in ("fleet", "process") for rule in all_rules(rules(scope=scope)) for name in rule["labels"]}

    assert used <= RESERVED_RULE_LABELS


# Formats.


def test_yaml_reads_back_as_the_document() -> None:
    """Expressions and templates stand in lines of their own, nothing refers elsewhere, and the comment comes first."""
    found = rules(labels={"text": "a: #b {{"}, dashboard_url="https://x/{{")

    text = rules_text(found.file_content(), comment="Made by hand.\nNot \x1bat all.")

    assert text.startswith("# Made by hand.\n# Not \\x1bat all.\ngroups:\n- name: slo/shop/availability\n")
    assert yaml.safe_load(text) == found.file_content() == {"groups": found.groups}
    assert "&id" not in text
    assert "    expr: |-\n      sum by (slo_service, slo) (\n" in text
    assert all(line.count("{{") == line.count("}}") for line in text.splitlines())


def test_yaml_without_pyyaml_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "yaml", None)

    with pytest.raises(SLOError, match=r'pip install "slo-suite\[yaml\]"'):
        rules_text({})


def test_a_document_is_a_copy() -> None:
    """Whoever changes it changes nothing else."""
    found = rules()

    found.file_content()["groups"][0]["rules"].clear()

    assert found.groups[0]["rules"]


def test_kubernetes_gets_a_resource_for_the_operator() -> None:
    """Named after the service; the namespace and labels are there when given."""
    found = rules()

    assert found.kubernetes() == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "slo-shop"},
        "spec": found.file_content(),
    }
    labels = {"app.kubernetes.io/part-of": "Shop_1", "release": ""}
    assert found.kubernetes(name="slo.a-1", namespace="prod", labels=labels)["metadata"] == {
        "name": "slo.a-1",
        "namespace": "prod",
        "labels": labels,
    }


@pytest.mark.parametrize(
    ("service", "options", "expected"),
    [
        (
            "My shop",
            {},
            "name: Kubernetes takes lower-case letters, digits, - and . (at most 253), got 'slo-My shop'; pass",
        ),
        ("shop\n", {}, "name: "),
        ("s" * 250, {}, "name: "),
        ("shop", {"name": "a..b"}, "name: "),
        ("shop", {"name": ""}, "name: "),
        ("shop", {"namespace": "a.b"}, "namespace: Kubernetes takes lower-case letters, digits and - (at most 63)"),
        ("shop", {"namespace": "n" * 64}, "namespace: "),
        ("shop", {"labels": {"a b": "c"}}, "labels: Kubernetes takes label names such as app.kubernetes.io/part-of"),
        ("shop", {"labels": {"/a": "c"}}, "labels: Kubernetes takes label names"),
        (
            "shop",
            {"labels": {"a": "c d"}},
            "labels: Kubernetes takes up to 63 letters, digits, -, _ and . as the value",
        ),
        ("shop", {"labels": {"a": "c" * 64}}, "labels: "),
    ],
)
def test_what_kubernetes_would_refuse_is_named(service: str, options: dict[str, Any], expected: str) -> None:
    """Service names may hold more than names of resources."""
    with pytest.raises(ConfigError) as caught:
        rules(service=service).kubernetes(**options)

    assert str(caught.value).startswith(expected)
