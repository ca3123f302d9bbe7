"""Names that rules bring into Prometheus."""

from __future__ import annotations

from shop_rules import all_rules, rules
from slo_core.rules.names import RESERVED_RULE_LABELS


def test_every_label_that_the_rules_set_is_reserved() -> None:
    """Else a configured one would be overwritten without a word."""
    used = {name for scope in ("fleet", "process") for rule in all_rules(rules(scope=scope)) for name in rule["labels"]}

    assert used <= RESERVED_RULE_LABELS
