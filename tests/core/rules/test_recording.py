"""Recording rules as text, worked out by hand. That they work is shown in `e2e/test_rules.py`."""

from __future__ import annotations

import pytest

from shop_rules import all_rules, records, rules
from slo_core import AlertRule, SLODefinition

DAY = 86_400


def test_ratios_know_no_nan_and_have_no_gap() -> None:
    """Without events the ratio is 0, and the series goes on. Both counts come from the series that holds them together."""
    rule_set = rules()
    record = records(rule_set, "slo:sli_error:ratio_rate5m")[None]

    (section,) = {rule["labels"]["slo_rules"] for rule in records(rule_set, "slo:window_counts:sum").values()}
    bad, total = (
        "sum without (slo_rules, slo_count) "
        f'(slo:window_counts:sum{{slo_rules="{section}",slo_count="{count}",sloth_window="5m"}})'
        for count in ("failures", "events")
    )
    assert record["expr"] == f"{bad}\n/ ({total} > 0)\nor {total} * 0"


def test_budget_and_burn_rate_are_one_division_of_integers() -> None:
    """As the library works them out, so that both are the same float."""
    rule_set = rules()

    (remaining,) = records(rule_set, "slo:period_error_budget_remaining:ratio").values()
    (burn_rate,) = records(rule_set, "slo:period_burn_rate:ratio").values()

    (section,) = {rule["labels"]["slo_rules"] for rule in records(rule_set, "slo:window_counts:sum").values()}
    spent, allowed = (
        f'slo:window_{what}:sum{{sloth_service="shop",sloth_window="30d"}} * on (slo_service, slo) group_left () '
        f'slo:budget:{factor}{{slo_rules="{section}"}}'
        for what, factor in (("failures", "events"), ("events", "failures"))
    )
    assert remaining["expr"] == f"(\n  {allowed}\n  -\n  {spent}\n)\n/\n(\n  {allowed} > 0\n)\nor\n{allowed} * 0 + 1"
    assert burn_rate["expr"] == f"(\n  {spent}\n)\n/\n(\n  {allowed} > 0\n)\nor\n{allowed} * 0"


@pytest.mark.parametrize(
    ("target", "events", "failures"),
    [(0.999, "1000", "1"), (0.97, "100", "3"), (0.9, "10", "1"), (0.99995, "20000", "1"), (1 - 0.7, "1", "0.7")],
)
def test_a_target_is_a_pair_of_whole_numbers(target: float, events: str, failures: str) -> None:
    """97 % allows 3 of 100. One with more digits than floats have is no such pair."""
    rule_set = rules(SLODefinition("a", target))

    (per,) = records(rule_set, "slo:budget:events").values()
    (allowed,) = records(rule_set, "slo:budget:failures").values()
    assert (per["expr"], allowed["expr"]) == (f"vector({events})", f"vector({failures})")


def test_what_an_slo_promises_is_recorded() -> None:
    """Target, budget and period, and an information series with Sloth's labels."""
    rule_set = rules(SLODefinition("a", 0.9995, 7 * DAY, labels={"team": "x"}))

    expressions = {rule["record"]: rule["expr"] for rule in all_rules(rule_set) if "record" in rule}
    (section,) = {rule["labels"]["slo_rules"] for rule in records(rule_set, "slo:window_counts:sum").values()}
    events, failures = (
        f'sum without (slo_rules) (slo:budget:{what}{{slo_rules="{section}"}})' for what in ("events", "failures")
    )
    assert expressions["slo:objective:ratio"] == "vector(0.9995)"
    assert expressions["slo:error_budget:ratio"] == f"{failures} / {events}"
    assert expressions["slo:time_period:days"] == f"{events} * 0 + 7"
    assert expressions["sloth_slo_info"] == "vector(1)"
    (info,) = records(rule_set, "sloth_slo_info").values()
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
        "slo_promise": "99.95% good in 7d",
    }


@pytest.mark.parametrize(("days", "period"), [(30, "30d"), (28, "4w"), (7, "1w"), (90, "90d")])
def test_error_ratios_are_recorded_for_the_usual_windows_and_the_period(days: int, period: str) -> None:
    """Under the names that Sloth gives them; those that the SLO does not count as well."""
    entries = all_rules(rules(SLODefinition("a", 0.999, days * DAY)))

    prefix = "slo:sli_error:ratio_rate"
    recorded = [rule["record"].removeprefix(prefix) for rule in entries if rule.get("record", "").startswith(prefix)]
    assert recorded == ["5m", "30m", "1h", "2h", "6h", "1d", "3d", period] if days > 7 else [*recorded[:7], "1w"]
    assert len(recorded) == 8


def test_windows_of_ones_own_are_recorded_too() -> None:
    """Those of burn rates and alert rules; usual ones that are longer than the SLO's are not."""
    rule = AlertRule("90m", "90s", severity="page", burn_rate=2)
    slo = SLODefinition("a", 0.999, DAY, burn_rate_windows=(7_260,), alert_rules=(rule,))

    prefix = "slo:sli_error:ratio_rate"
    names = [rule["record"] for rule in all_rules(rules(slo)) if rule.get("record", "").startswith(prefix)]

    windows = [name.removeprefix(prefix) for name in names]
    assert windows == ["1m30s", "5m", "30m", "1h", "1h30m", "2h", "2h1m", "6h", "1d"]
    (pace,) = records(rules(slo), "slo:current_burn_rate:ratio").values()
    assert 'sloth_window="5m"' in pace["expr"]
