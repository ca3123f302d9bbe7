"""The parts of a service's rules, which are loaded together."""

from __future__ import annotations

from typing import Any

from shop_rules import many, rules
from slo_core import SLODefinition
from slo_core.rules.part import named_parts
from slo_core.rules.rule_set import PrometheusRules


def as_texts(*rule_sets: PrometheusRules) -> list[str]:
    return sorted(repr(rule) for rule_set in rule_sets for group in rule_set.groups for rule in group["rules"])


def test_the_parts_are_the_rules() -> None:
    """Together each rule, once: the shared ones, and four for each SLO in a part of its own."""
    rule_set = rules(*many(30), SLODefinition("week", 0.99, 7 * 86_400))

    assert as_texts(*rule_set.parts) == as_texts(rule_set)
    assert [part.slo for part in rule_set.parts] == ["", *(f"slo-{number}" for number in range(30)), "week"]
    for part in rule_set.parts[1:]:
        assert {rule["labels"]["slo"] for group in part.groups for rule in group["rules"]} == {part.slo}
    names = [group["name"] for part in rule_set.parts for group in part.groups]
    assert len(set(names)) == len(names)


def test_names_are_those_of_files_and_resources() -> None:
    """Lower-case letters, digits and dashes; two SLOs never have the same one."""
    slos: list[Any] = [SLODefinition(name, 0.9) for name in ("a-1", "A 1", "a/1", "../1", "日", "x" * 200)]

    names = [name for _, name in named_parts("slo-shop", rules(*slos).parts)]

    assert names[:2] == ["slo-shop", "slo-shop-a-1"]
    assert len(set(names)) == len(names)
    assert all(set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") and len(name) < 150 for name in names)
