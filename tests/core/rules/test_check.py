"""What Prometheus would refuse is named before anything is written."""

from __future__ import annotations

from typing import Any

import pytest

from shop_rules import AVAILABILITY
from slo_core import AlertRule, ConfigError, SLODefinition
from slo_core.rules.rule_set import prometheus_rules


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


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"labels": {"env": "prod"}, "by": ["env"]}, "labels.env"),
        ({"labels": {"env": "prod"}, "match": {"env": "staging"}}, "labels.env"),
        ({"slos": [SLODefinition("a", 0.9, labels={"env": "prod"})], "by": ["env"]}, "slos['a'].labels.env"),
    ],
)
def test_no_label_puts_alerts_under_the_name_of_another_environment(options: dict[str, Any], path: str) -> None:
    """Staging would page as production; the same value twice is no harm."""
    slos = options.pop("slos", [AVAILABILITY])
    with pytest.raises(ConfigError) as caught:
        prometheus_rules(slos, service="shop", scope="fleet", **options)

    assert [problem.path for problem in caught.value.problems] == [path]
    assert prometheus_rules([AVAILABILITY], service="shop", scope="fleet", labels={"env": "a"}, match={"env": "a"})


def test_all_problems_are_named_at_once() -> None:
    """As everywhere."""
    with pytest.raises(ConfigError) as caught:
        prometheus_rules([], service="", scope="x", labels={"": ""}, dashboard_url=1, keep_firing_for="x")  # type: ignore[arg-type]

    assert [problem.path for problem in caught.value.problems] == [
        "definitions", "service", "labels", "scope", "dashboard_url", "keep_firing_for",
    ]  # fmt: skip
