"""Groups of rules that every ruler takes."""

from __future__ import annotations

import pytest

from shop_rules import many, rules
from slo_core import AlertRule, SLODefinition

DAY = 86_400


@pytest.mark.parametrize("scope", ["process", "fleet"])
@pytest.mark.parametrize("count", [1, 2, 5, 6, 30])
def test_a_group_has_twenty_rules_at_most(scope: str, count: int) -> None:
    """Mimir takes no more. Counts and the alerts that read them stay together, so that they are of the same moment."""
    long_table = tuple(AlertRule("1h", f"{n}m", severity="page", burn_rate=2) for n in range(1, 10))
    slos = [*many(count), SLODefinition("other", 0.99, 7 * DAY), SLODefinition("own", 0.99, alert_rules=long_table)]

    groups = rules(*slos, scope=scope).groups

    assert max(len(group["rules"]) for group in groups) <= 20
    assert len({group["name"] for group in groups}) == len(groups)
    for group in groups:
        reads = [rule for rule in group["rules"] if "slo:window_failures:sum{" in rule["expr"]]
        assert bool(reads) == any(rule.get("record") == "slo:window_failures:sum" for rule in group["rules"])
