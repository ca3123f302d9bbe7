"""Groups of rules that every ruler takes."""

from __future__ import annotations

from collections.abc import Sequence

from slo_core.rules.rule import AlertingRule, RecordingRule, RuleGroup

__all__ = ["MOST_RULES", "grouped"]

# Mimir and Grafana Cloud take so many rules in a group, unless their limit is set (`ruler_max_rules_per_rule_group`).
MOST_RULES = 20

Rules = Sequence[RecordingRule | AlertingRule]


def grouped(name: str, *parts: Rules) -> list[RuleGroup]:
    """
    Groups of at most 20 rules.

    A part stays in one group where it fits into one, together with the part before it where that one has room.

    Args:
        name: The name of the first group; the others are numbered.
        parts: Rules in their order.
    """
    groups: list[list[RecordingRule | AlertingRule]] = [[]]
    for part in parts:
        rest = list(part)
        if len(groups[-1]) + len(rest) > MOST_RULES and groups[-1]:
            groups.append([])
        while rest:
            taken, rest = rest[:MOST_RULES], rest[MOST_RULES:]
            groups[-1] += taken
            if rest:
                groups.append([])
    return [
        {"name": name if number == 1 else f"{name}/{number}", "rules": rules}
        for number, rules in enumerate(groups, start=1)
        if rules
    ]
