"""Recording rules as text, worked out by hand. That they work is shown in `e2e/test_rules.py`."""

from __future__ import annotations

import pytest

from shop_rules import all_rules, records, rules
from slo_core import AlertRule, SLODefinition

DAY = 86_400


def test_ratios_know_no_nan_and_have_no_gap() -> None:
    """Without events the ratio is 0, and the series goes on."""
    record = records(rules(), "slo:sli_error:ratio_rate5m")["5m"]

    window = '{sloth_service="shop",sloth_slo="availability",sloth_window="5m"}'
    assert record["expr"] == (
        f"slo:window_failures:sum{window}\n/ (slo:window_events:sum{window} > 0)\nor slo:window_events:sum{window} * 0"
    )


def test_budget_and_burn_rate_are_one_division_of_integers() -> None:
    """As the library works them out, so that both are the same float."""
    rule_set = rules()
    bad, total = (
        f'slo:window_{what}:sum{{sloth_service="shop",sloth_slo="availability",sloth_window="30d"}}'
        for what in ("failures", "events")
    )

    (remaining,) = records(rule_set, "slo:period_error_budget_remaining:ratio").values()
    (burn_rate,) = records(rule_set, "slo:period_burn_rate:ratio").values()

    assert remaining["expr"] == f"({total} - 1000 * {bad})\n/ ({total} > 0)\nor {total} * 0 + 1"
    assert burn_rate["expr"] == f"1000 * {bad}\n/ ({total} > 0)\nor {total} * 0"


def test_an_allowance_that_is_no_part_of_one_multiplies_the_total_too() -> None:
    """97 % allows 3 of 100."""
    (record,) = records(rules(SLODefinition("a", 0.97)), "slo:current_burn_rate:ratio").values()

    bad, total = (
        f'slo:window_{what}:sum{{sloth_service="shop",sloth_slo="a",sloth_window="5m"}}'
        for what in ("failures", "events")
    )
    assert record["expr"] == f"100 * {bad}\n/ (3 * {total} > 0)\nor {total} * 0"


def test_what_an_slo_promises_is_recorded() -> None:
    """Target, budget and period, and an information series with Sloth's labels."""
    rule_set = rules(SLODefinition("a", 0.9995, 7 * DAY, labels={"team": "x"}))

    expressions = {rule["record"]: rule["expr"] for rule in all_rules(rule_set) if "record" in rule}
    assert expressions["slo:objective:ratio"] == "vector(0.9995)"
    assert expressions["slo:error_budget:ratio"] == "vector(0.0005)"
    assert expressions["slo:time_period:days"] == "vector(7)"
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

    windows = list(records(rules(slo), "slo:window_events:sum"))

    assert windows == ["1m30s", "5m", "30m", "1h", "1h30m", "2h", "2h1m", "6h", "1d"]
    (pace,) = records(rules(slo), "slo:current_burn_rate:ratio").values()
    assert 'sloth_window="5m"' in pace["expr"]
